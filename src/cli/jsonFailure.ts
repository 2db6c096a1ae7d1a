// How a command with --json fails where no row can tell it: one object on stderr in place of the line for people.
import { Cause, Console, Effect } from "effect"
import { describeFailure, Ended } from "./outcome.ts"

/** `{"_tag":"error","code":N,"message":"..."}`, and the same exit code; a failure that has been told already is left. */
export const jsonFailure =
  (json: boolean) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | Ended, R> =>
    json
      ? Effect.catchCauseIf(
          work,
          (cause) => !Cause.hasInterruptsOnly(cause),
          (cause) => {
            const { code, line } = describeFailure(cause)
            const told =
              line === null ? Effect.void : Console.error(JSON.stringify({ _tag: "error", code, message: line }))
            return Effect.andThen(told, Effect.fail(new Ended({ code })))
          }
        )
      : work
