// For a program that a test has killed at each of its steps in turn: names the steps that it comes to, and dies before one of them.
import { Effect } from "effect"
import { writeSync } from "node:fs"

/** Says that a step begins, and dies before it where that one is due; `nth` counts from 1. */
export const killBefore = (isDue: (nth: number, name: string) => boolean): ((name: string) => void) => {
  let nth = 0
  return (name) => {
    writeSync(1, `${name}\n`)
    if (isDue(++nth, name)) process.kill(process.pid, "SIGKILL")
  }
}

/** Makes steps of a service's functions. */
export const steps =
  (before: (name: string) => void) =>
  <Args extends ReadonlyArray<unknown>, A, E, R>(
    work: (...args: Args) => Effect.Effect<A, E, R>,
    name: (...args: Args) => string
  ) =>
  (...args: Args): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      before(name(...args))
      return work(...args)
    })
