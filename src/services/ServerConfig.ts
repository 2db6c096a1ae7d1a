// The server's settings: one value a file in /etc/byteback, and under hosts/HOST where one host has its own.
import { Context, Effect, Layer } from "effect"
import { dirname } from "node:path"
import { ConfigError } from "../domain/clientSettings.ts"
import { INTERVAL } from "../domain/prune/admission.ts"
import { type PruneOrder, pruneOrders } from "../domain/prune/method.ts"
import { parseSpan } from "../domain/span.ts"
import { Layout } from "./Layout.ts"
import { SystemFile, type SystemFileError } from "./SystemFile.ts"

export class ServerConfig extends Context.Service<
  ServerConfig,
  {
    /** How far apart a host's snapshots are at least, seconds: `snapshot_interval`, 6 hours unless set. */
    readonly snapshotInterval: (host: string) => Effect.Effect<number, ConfigError | SystemFileError>
    /** A host's weight when the store is divided into shares: `weight`, 1 unless set. */
    readonly weight: (host: string) => Effect.Effect<number, ConfigError | SystemFileError>
    /** What goes first: `prune_order`, importance unless set. */
    readonly pruneOrder: Effect.Effect<PruneOrder, ConfigError | SystemFileError>
    /** Backups at once in the whole server: `parallel`, 4 unless set. */
    readonly parallel: Effect.Effect<number, ConfigError | SystemFileError>
  }
>()("byteback/services/ServerConfig") {
  static readonly layer = Layer.effect(
    ServerConfig,
    Effect.gen(function* () {
      const files = yield* SystemFile
      const { config } = yield* Layout
      const setting = Effect.fnUntraced(function* (host: string, name: string) {
        for (const where of [`${config}/hosts/${host}/${name}`, `${config}/${name}`]) {
          const text = yield* files.read(where)
          if (text !== null) return { where, text: text.trim() }
        }
        return null
      })
      /** One for the whole server. */
      const global = Effect.fnUntraced(function* (name: string) {
        const where = `${config}/${name}`
        const text = yield* files.read(where)
        return text === null ? null : { where, text: text.trim() }
      })
      return ServerConfig.of({
        weight: Effect.fn("ServerConfig.weight")(function* (host) {
          const found = yield* setting(host, "weight")
          if (found === null) return 1
          if (/^\d{1,6}(\.\d{1,3})?$/.test(found.text)) return Number(found.text)
          return yield* new ConfigError({ where: found.where, problem: "write a number, as in 1 or 2.5" })
        }),
        pruneOrder: Effect.gen(function* () {
          const found = yield* global("prune_order")
          if (found === null) return "importance"
          const order = pruneOrders.find((name) => name === found.text)
          return (
            order ??
            (yield* new ConfigError({
              where: found.where,
              problem: "write age, importance or spread, or spread-by-bytes"
            }))
          )
        }),
        parallel: Effect.gen(function* () {
          const found = yield* global("parallel")
          if (found === null) return 4
          if (/^[1-9]\d{0,3}$/.test(found.text)) return Number(found.text)
          return yield* new ConfigError({ where: found.where, problem: "write a whole number, as in 4" })
        }),
        snapshotInterval: Effect.fn("ServerConfig.snapshotInterval")(function* (host) {
          const found = yield* setting(host, "snapshot_interval")
          if (found === null) return INTERVAL
          const interval = parseSpan(found.text)
          if (interval !== null) return interval
          return yield* new ConfigError({ where: found.where, problem: "write a length of time, as in 6h or 21600" })
        })
      })
    })
  )

  /** A stand-in: the same, on files in memory; `settings` are texts by name, as in `weight` or `hosts/web/weight`. */
  static readonly layerFake = (settings: Readonly<Record<string, string>> = {}) =>
    Layer.effectDiscard(
      Effect.gen(function* () {
        const files = yield* SystemFile
        const { config } = yield* Layout
        for (const [name, text] of Object.entries(settings)) {
          yield* files.directory(dirname(`${config}/${name}`), 0o755)
          yield* files.write(`${config}/${name}`, text, 0o644)
        }
      })
    ).pipe(Layer.provideMerge(ServerConfig.layer), Layer.provide(SystemFile.layerFake))
}
