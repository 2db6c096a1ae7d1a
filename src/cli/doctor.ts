// byteback doctor: what is wrong with this server, and what to do about it.
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { escapeText } from "../domain/escape.ts"
import { exitCode } from "../domain/exitCode.ts"
import { doctor } from "../programs/Doctor.ts"
import { json } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"

export const doctorCommand = Command.make(
  "doctor",
  { json },
  Effect.fnUntraced(function* (given) {
    const { findings } = yield* doctor()
    if (given.json) yield* Console.log(JSON.stringify({ findings }))
    else if (findings.length === 0) yield* Console.log("nothing is wrong with this server")
    else {
      yield* Effect.forEach(
        findings,
        ({ check, problem, remedy, severity }) =>
          Console.log(`${severity}: ${escapeText(problem)} (${check})\n  ${escapeText(remedy)}`),
        { discard: true }
      )
    }
    if (findings.some(({ severity }) => severity === "danger")) return yield* new Ended({ code: exitCode.failed })
  })
).pipe(
  Command.withDescription(
    "Look this server over: the store, the keys, sshd, sudo, the sandbox and rsync. Exits with 1 where something is dangerous"
  ),
  Command.withShortDescription("look this server over")
)
