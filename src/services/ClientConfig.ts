// The client's configuration: one value a file, below the environment and the command line.
import { Context, Effect, FileSystem, Layer, Option, Ref } from "effect"
import { bytesOfText, fromUint8Array } from "../domain/byteString.ts"
import {
  type ClientSettings,
  ConfigError,
  mergeSettings,
  type RawSetting,
  type RawSettings,
  settingNames,
  settingsOfEnvironment
} from "../domain/clientSettings.ts"
import type { InvalidDestination } from "../domain/destination.ts"
import { unsafeOwnership } from "../domain/safeOwner.ts"
import { Layout } from "./Layout.ts"

const unreadable = (where: string) => (error: { readonly message: string }) =>
  new ConfigError({ where, problem: `cannot be used: ${error.message}` })

export class ClientConfig extends Context.Service<
  ClientConfig,
  {
    /**
     * The settings that count, `commandLine` first (see `settingsOfFlags`). A directory, file or key that another user
     * could have written is refused, and a key that another could read.
     */
    readonly read: (commandLine: RawSettings) => Effect.Effect<ClientSettings, ConfigError | InvalidDestination>
    /** Replaces one file of the configuration directory (made if need be) as a whole. */
    readonly write: (name: "destination" | "known_hosts", content: string) => Effect.Effect<void, ConfigError>
  }
>()("byteback/services/ClientConfig") {
  static readonly layer = Layer.effect(
    ClientConfig,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { config } = yield* Layout
      const me = process.getuid?.() ?? 0

      /** false where there is nothing at that place */
      const checkOwner = Effect.fnUntraced(function* (where: string, secret: boolean) {
        const info = yield* fs.stat(where).pipe(
          Effect.asSome,
          Effect.catchIf(
            (error) => error.reason._tag === "NotFound",
            () => Effect.succeedNone
          ),
          Effect.mapError(unreadable(where))
        )
        if (Option.isNone(info)) return false
        const { mode, uid } = info.value
        const problem = unsafeOwnership({ mode, uid: Option.getOrElse(uid, () => me) }, me, secret)
        if (problem !== null) return yield* new ConfigError({ where, problem })
        return true
      })

      const read = Effect.fn("ClientConfig.read")(function* (commandLine: RawSettings) {
        const files: Record<string, RawSetting> = {}
        if (yield* checkOwner(config, false)) {
          for (const name of settingNames) {
            const where = `${config}/${name}`
            if (!(yield* checkOwner(where, false))) continue
            const bytes = yield* Effect.mapError(fs.readFile(where), unreadable(where))
            files[name] = { where, value: fromUint8Array(bytes) }
          }
        }
        const environment = settingsOfEnvironment(process.env)
        const settings = yield* Effect.fromResult(mergeSettings({ commandLine, environment, files }, config))
        yield* checkOwner(settings.keyFile, true)
        yield* checkOwner(settings.knownHosts, false)
        return settings
      })

      const write = Effect.fn("ClientConfig.write")(
        function* (name: "destination" | "known_hosts", content: string) {
          yield* fs.makeDirectory(config, { recursive: true, mode: 0o755 })
          const directory = yield* fs.makeTempDirectoryScoped({ directory: config, prefix: ".new-" })
          const file = `${directory}/${name}`
          yield* fs.writeFileString(file, content, { mode: 0o644 })
          yield* fs.rename(file, `${config}/${name}`)
        },
        Effect.scoped,
        (self, name) => Effect.mapError(self, unreadable(`${config}/${name}`))
      )

      return ClientConfig.of({ read, write })
    })
  )

  /** A stand-in for tests and development: files by name, and an environment. */
  static readonly layerFake = (
    given: {
      readonly files?: { readonly [name: string]: string }
      readonly environment?: { readonly [name: string]: string }
    } = {}
  ) =>
    Layer.effect(
      ClientConfig,
      Effect.gen(function* () {
        const { config } = yield* Layout
        const files = yield* Ref.make(new Map(Object.entries(given.files ?? {})))
        return ClientConfig.of({
          read: (commandLine) =>
            Effect.flatMap(Ref.get(files), (known) => {
              const found: Record<string, RawSetting> = {}
              for (const name of settingNames) {
                const value = known.get(name)
                if (value !== undefined) found[name] = { where: `${config}/${name}`, value: bytesOfText(value) }
              }
              const environment = settingsOfEnvironment(given.environment ?? {})
              return Effect.fromResult(mergeSettings({ commandLine, environment, files: found }, config))
            }),
          write: (name, content) => Ref.update(files, (known) => new Map(known).set(name, content))
        })
      })
    )
}
