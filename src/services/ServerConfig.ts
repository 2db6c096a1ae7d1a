// The server's settings: one value a file in /etc/byteback, and under hosts/HOST where one host has its own.
import { Context, Effect, Layer } from "effect"
import { ConfigError } from "../domain/clientSettings.ts"
import { defaultInterval } from "../domain/snapshotDue.ts"
import { parseSpan } from "../domain/span.ts"
import { Layout } from "./Layout.ts"
import { SystemFile, type SystemFileError } from "./SystemFile.ts"

export class ServerConfig extends Context.Service<
  ServerConfig,
  {
    /** How far apart a host's snapshots are at least, seconds: `snapshot_interval`, 6 hours unless set. */
    readonly snapshotInterval: (host: string) => Effect.Effect<number, ConfigError | SystemFileError>
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
      return ServerConfig.of({
        snapshotInterval: Effect.fn("ServerConfig.snapshotInterval")(function* (host) {
          const found = yield* setting(host, "snapshot_interval")
          if (found === null) return defaultInterval
          const interval = parseSpan(found.text)
          if (interval !== null) return interval
          return yield* new ConfigError({ where: found.where, problem: "write a length of time, as in 6h or 21600" })
        })
      })
    })
  )

  /** A stand-in: the same interval for every host. */
  static readonly layerFake = (interval: number = defaultInterval) =>
    Layer.succeed(ServerConfig, { snapshotInterval: () => Effect.succeed(interval) })
}
