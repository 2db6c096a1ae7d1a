// How long something takes, in seconds of the real clock.
import { Effect } from "effect"

export const timed = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = performance.now()
    yield* work
    return (performance.now() - before) / 1000
  })
