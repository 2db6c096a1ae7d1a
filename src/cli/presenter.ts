// How help and usage errors look: help ends with the exit codes, a usage error is short and on stderr.
import { Console, Effect } from "effect"
import { CliOutput } from "effect/cli"
import { escapeText } from "../domain/escape.ts"
import { type ExitName, exitCode, exitMeaning } from "../domain/exitCode.ts"

const table = (Object.keys(exitCode) as Array<ExitName>)
  .map((name) => `  ${String(exitCode[name]).padStart(2)}  ${exitMeaning[name]}`)
  .join("\n")

/** The first thing that is wrong, in one line; what follows from it helps nobody. */
const oneLine = (errors: ReadonlyArray<{ readonly message: string }>) =>
  escapeText((errors[0]?.message ?? "usage error").replaceAll(/\s*\n\s*/g, " "))

export const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(`byteback: ${oneLine(event.errors)}; see ${event.commandPath.join(" ")} --help`)
      : Effect.andThen(
          CliOutput.defaultPresenter.present(event),
          event._tag === "Help" ? Console.log(`\nEXIT CODES\n${table}\n  128+N  ended by signal N`) : Effect.void
        )
})
