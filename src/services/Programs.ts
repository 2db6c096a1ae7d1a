// Which programs this machine has, and where.
import { Context, Effect, Layer } from "effect"
import { constants } from "node:fs"
import { access, stat } from "node:fs/promises"
import { join } from "node:path"

/** Programs for root lie in places that a PATH inherited from a user does not name. */
const more = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

export class Programs extends Context.Service<
  Programs,
  {
    /** The absolute path of a program, `null` where there is none. */
    readonly find: (name: string) => Effect.Effect<string | null>
  }
>()("byteback/services/Programs") {
  static readonly layer = Layer.sync(Programs, () => {
    const places = [
      ...new Set([...(process.env["PATH"] ?? "").split(":").filter((one) => one.startsWith("/")), ...more])
    ]
    return Programs.of({
      find: Effect.fn("Programs.find")(function* (name) {
        for (const place of places) {
          const path = join(place, name)
          const there = yield* Effect.promise(() =>
            Promise.all([stat(path), access(path, constants.X_OK)]).then(
              ([found]) => found.isFile(),
              () => false
            )
          )
          if (there) return path
        }
        return null
      })
    })
  })

  /** A stand-in: a machine that has every program but these. */
  static readonly layerFake = (missing: ReadonlyArray<string> = []) =>
    Layer.succeed(Programs, {
      find: (name) => Effect.succeed(missing.includes(name) ? null : `/usr/bin/${name}`)
    })
}
