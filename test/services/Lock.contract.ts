// What every Lock promises: one holder at a time, free when its scope closes.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Lock } from "../../src/services/Lock.ts"

/** `directory`: where locks may lie. */
export const suite = (name: string, layer: Layer.Layer<Lock, unknown>, directory: () => string): void => {
  describe(`Lock (${name})`, () => {
    it.live("is one holder's at a time, and another's once the scope has closed", () =>
      Effect.gen(function* () {
        const lock = yield* Lock
        const path = `${directory()}/one`
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* lock.take(path, "a test")
            const second = yield* Effect.flip(Effect.scoped(lock.take(path, "a test")))
            assert.strictEqual(second._tag, "Locked")
            assert.match(second.message, /a test is already running/)
            yield* Effect.scoped(lock.take(`${directory()}/other`, "a test"))
          })
        )
        yield* Effect.scoped(lock.take(path, "a test"))
      }).pipe(Effect.provide(layer))
    )

    it.live("is shared by any number, who keep out whoever wants it alone, and are kept out", () =>
      Effect.gen(function* () {
        const lock = yield* Lock
        const path = `${directory()}/shared`
        const take = Effect.scoped(lock.take(path, "a prune"))
        const share = Effect.scoped(lock.share(path, "a backup"))
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* lock.share(path, "a backup")
            yield* Effect.scoped(
              Effect.gen(function* () {
                yield* lock.share(path, "a backup")
                assert.strictEqual((yield* Effect.flip(take))._tag, "Locked")
              })
            )
            assert.match((yield* Effect.flip(take)).message, /a prune is already running/)
            yield* share
          })
        )
        yield* take
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* lock.take(path, "a prune")
            assert.strictEqual((yield* Effect.flip(share))._tag, "Locked")
          })
        )
        yield* share
      }).pipe(Effect.provide(layer))
    )

    it.live("is free again after work that failed or was interrupted", () =>
      Effect.gen(function* () {
        const lock = yield* Lock
        const path = `${directory()}/broken`
        for (const work of [Effect.fail("no"), Effect.interrupt]) {
          yield* Effect.exit(Effect.scoped(Effect.andThen(lock.take(path, "a test"), work)))
          yield* Effect.scoped(lock.take(path, "a test"))
        }
      }).pipe(Effect.provide(layer))
    )

    it.live("is had by one of many that want it at the same time", () =>
      Effect.gen(function* () {
        const lock = yield* Lock
        const path = `${directory()}/wanted`
        const taken = yield* Effect.scoped(
          Effect.forEach(Array.from({ length: 8 }), () => Effect.isSuccess(lock.take(path, "a test")), {
            concurrency: "unbounded"
          })
        )
        assert.lengthOf(
          taken.filter((had) => had),
          1
        )
      }).pipe(Effect.provide(layer))
    )
  })
}
