// How help and usage errors look: help ends with the exit codes, a usage error is short and on stderr.
import { Console, Effect } from "effect"
import { CliOutput } from "effect/cli"
import { type ExitName, exitCode, exitMeaning } from "../domain/exitCode.ts"

const table = (Object.keys(exitCode) as Array<ExitName>)
  .map((name) => `  ${String(exitCode[name]).padStart(2)}  ${exitMeaning[name]}`)
  .join("\n")

export const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Effect.forEach(
          event.errors,
          (error) => Console.error(`byteback: ${error.message}; see ${event.commandPath.join(" ")} --help`),
          { discard: true }
        )
      : Effect.andThen(
          CliOutput.defaultPresenter.present(event),
          event._tag === "Help" ? Console.log(`\nEXIT CODES\n${table}\n  128+N  ended by signal N`) : Effect.void
        )
})
