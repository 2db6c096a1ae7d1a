// How a command ends: every typed error becomes one line for people and an exit code from the table.
import { Cause, Exit, Option, Schema } from "effect"
import { escapeText } from "../domain/escape.ts"
import { type ExitName, exitCode } from "../domain/exitCode.ts"

/** The command has said all that there is to say; only its exit code is left. */
export class Ended extends Schema.TaggedError<Ended>()("Ended", { code: Schema.Int }) {}

const exitOf = (error: object): number => {
  const name = "exit" in error ? (error.exit as ExitName) : "failed"
  return exitCode[name] ?? exitCode.failed
}

/** The line (null: nothing more to say) and the exit code of a failure. A defect is a bug of ours and says so. */
export const describeFailure = (
  cause: Cause.Cause<unknown>
): { readonly line: string | null; readonly code: number } => {
  const failure = Cause.findErrorOption(cause)
  if (Option.isNone(failure)) {
    if (Cause.hasInterruptsOnly(cause))
      return { line: "stopped; nothing that was backed up is lost", code: exitCode.failed }
    return {
      line: `a bug in byteback ended this command; nothing was deleted. ${escapeText(Cause.pretty(cause))}`,
      code: exitCode.failed
    }
  }
  const error = failure.value
  if (error instanceof Ended) return { line: null, code: error.code }
  if (error instanceof Error) return { line: escapeText(error.message), code: exitOf(error) }
  return { line: escapeText(String(error)), code: exitCode.failed }
}

/** The exit code of a whole run, having printed the line to stderr. */
export const report = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return exitCode.ok
  const { line, code } = describeFailure(exit.cause)
  if (line !== null) process.stderr.write(`byteback: ${line}\n`)
  return code
}
