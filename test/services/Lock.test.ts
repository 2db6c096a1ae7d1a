// The stand-in for locks: one holder at a time, free when its scope closes.
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lock } from "../../src/services/Lock.ts"

it.effect("a lock in memory is one holder's at a time", () =>
  Effect.gen(function* () {
    const lock = yield* Lock
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* lock.take("/run/lock", "a test")
        assert.strictEqual((yield* Effect.flip(Effect.scoped(lock.take("/run/lock", "a test"))))._tag, "Locked")
        yield* Effect.scoped(lock.take("/run/other", "a test"))
      })
    )
    yield* Effect.scoped(lock.take("/run/lock", "a test"))
  }).pipe(Effect.provide(Lock.layerFake))
)
