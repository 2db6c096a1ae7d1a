// byteback backup: back this machine up now.
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { resolve } from "node:path"
import { escapeText } from "../domain/escape.ts"
import { exitCode } from "../domain/exitCode.ts"
import { backup, BackupRetry, type BackupResult } from "../programs/Backup.ts"
import { json, quiet, serverFlags, settingsOf, verbose } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"
import { progressReport, progressStyle } from "./progressReport.ts"
import { bytes, duration } from "./units.ts"

const flags = {
  ...serverFlags,
  source: Flag.String("source").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "a path to back up, may be repeated; default: everything from / downwards. What else an earlier run left in the backup stays as it was"
    )
  ),
  exclude: Flag.String("exclude").pipe(
    Flag.atLeast(0),
    Flag.withDescription("a pattern of paths to leave out, may be repeated; added to those in the excludes file")
  ),
  retryNumber: Flag.Int("retry-number").pipe(
    Flag.filter(
      (number) => number >= 0,
      () => "Expected a number of retries, 0 or more"
    ),
    Flag.withDefault(5),
    Flag.withDescription("how often to try again after trouble that may pass")
  ),
  retryDelay: Flag.Int("retry-delay").pipe(
    Flag.filter(
      (seconds) => seconds >= 0,
      () => "Expected a number of seconds, 0 or more"
    ),
    Flag.withDefault(600),
    Flag.withDescription("seconds between two attempts")
  ),
  ignoreHooks: Flag.Boolean("ignore-hooks").pipe(
    Flag.withDefault(false),
    Flag.withDescription("go on when a program of pre-backup.d fails")
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withAlias("n"),
    Flag.withDefault(false),
    Flag.withDescription("change nothing, and name each file that would be sent or deleted")
  ),
  json,
  quiet,
  verbose
}

/** The lines that a person reads when a run has ended. */
export const summary = (result: BackupResult): ReadonlyArray<string> => {
  const { stats } = result
  const sent = `${stats.transferred} of ${stats.files} files changed, ${bytes(stats.sent)} sent, ${stats.deleted} deleted, in ${duration(result.seconds)}`
  // The server's words, and rsync's, which may be the server's too.
  const problems = result.problems.map((line) => `  ${escapeText(line, 500)}`)
  const host = escapeText(result.host, 64)
  const name = escapeText(result.snapshot?.name ?? "-", 64)
  const snapshot = result.snapshot?.state === "suspect" ? `${name} (suspect)` : name
  const head =
    result.outcome === "dry-run"
      ? `dry run of ${host}: ${sent}; nothing was changed`
      : `backup of ${host} ${result.outcome}: snapshot ${snapshot}; ${sent}`
  const missing = result.outcome === "dry-run" ? "" : " and are missing from it or old in it"
  return result.unreadable === 0
    ? [head, ...problems]
    : [head, `${result.unreadable} files could not be read${missing}:`, ...problems]
}

export const backupCommand = Command.make(
  "backup",
  flags,
  Effect.fnUntraced(function* (given) {
    const { clear, ...shown } = yield* progressReport(progressStyle(given))
    const namesFiles = (given.verbose || given.dryRun) && !given.json
    const result = yield* backup({
      settings: settingsOf(given, given.exclude),
      ...(given.source.length === 0 ? {} : { sources: given.source.map((path) => resolve(path)) }),
      dryRun: given.dryRun,
      ignoreHooks: given.ignoreHooks,
      observer: {
        ...shown,
        ...(namesFiles ? { change: (line: string) => Effect.andThen(clear, Console.log(line)) } : {})
      }
    }).pipe(
      Effect.provideService(BackupRetry, { times: given.retryNumber, delay: `${given.retryDelay} seconds` }),
      Effect.ensuring(clear)
    )
    if (given.json) {
      yield* Console.log(JSON.stringify({ type: "result", ...result }))
    } else if (!given.quiet || result.outcome === "incomplete") {
      yield* Effect.forEach(summary(result), (line) => Console.error(`byteback: ${line}`), { discard: true })
    }
    if (result.postHookFailed !== null)
      yield* Console.error(`byteback: the backup was made, but ${result.postHookFailed}`)
    if (result.snapshot?.state === "suspect") {
      yield* Console.error(
        `byteback: the server finds that this snapshot looks wrong (very much has changed or grown) and holds the one before it for 30 days; an administrator should look`
      )
      return yield* new Ended({ code: exitCode.anomaly })
    }
    if (result.outcome === "incomplete") return yield* new Ended({ code: exitCode.incomplete })
    if (result.postHookFailed !== null) return yield* new Ended({ code: exitCode.failed })
  })
).pipe(
  Command.withDescription("Back this machine up: everything that changed since the last run, then a snapshot"),
  Command.withShortDescription("back this machine up now"),
  Command.withExamples([
    { command: "byteback backup --verbose", description: "Back up and name each file" },
    { command: "byteback backup --source /home --exclude '*.iso'", description: "Only /home, without images" }
  ])
)
