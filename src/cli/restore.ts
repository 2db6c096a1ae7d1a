// byteback restore: bring files back.
import { resolve } from "node:path"
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { ConfigError } from "../domain/clientSettings.ts"
import { escapeName, escapeText } from "../domain/escape.ts"
import { exitCode } from "../domain/exitCode.ts"
import { restore } from "../programs/Restore.ts"
import { json, quiet, serverFlags, settingsOf, verbose } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"
import { progressReport, progressStyle } from "./progressReport.ts"
import { bytes } from "./units.ts"

const flags = {
  ...serverFlags,
  paths: Argument.String("path").pipe(
    Argument.atLeast(1),
    Argument.withDescription("what to bring back, as it was named on this machine; / is everything")
  ),
  snapshot: Flag.String("snapshot").pipe(
    Flag.withAlias("s"),
    Flag.withDefault("latest"),
    Flag.withDescription("the snapshot to take it from: a name that byteback snapshots lists, or latest")
  ),
  to: Flag.String("to").pipe(
    Flag.optional,
    Flag.withDescription("an empty or new directory; default: a fresh one below the directory you stand in")
  ),
  resume: Flag.Boolean("resume").pipe(
    Flag.withDefault(false),
    Flag.withDescription("carry on in a directory that an earlier restore began to fill")
  ),
  devices: Flag.Boolean("devices").pipe(
    Flag.withDefault(false),
    Flag.withDescription("make devices, sockets and fifos too")
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withAlias("n"),
    Flag.withDefault(false),
    Flag.withDescription("write nothing, and name each file that would be brought back")
  ),
  json,
  quiet,
  verbose
}

export const restoreCommand = Command.make(
  "restore",
  flags,
  Effect.fnUntraced(function* (given) {
    if (given.paths.includes("")) {
      return yield* new ConfigError({ where: "path", problem: "is empty; write / for everything" })
    }
    const { progress, clear } = yield* progressReport(progressStyle(given))
    const namesFiles = (given.verbose || given.dryRun) && !given.json
    const result = yield* restore({
      settings: settingsOf(given),
      paths: given.paths.map((path) => resolve(path)),
      snapshot: given.snapshot,
      to: resolve(Option.getOrElse(given.to, () => `byteback-restore-${given.snapshot}`)),
      resume: given.resume,
      devices: given.devices,
      dryRun: given.dryRun,
      observer: {
        progress,
        ...(namesFiles ? { change: (line: string) => Effect.andThen(clear, Console.log(line)) } : {})
      }
    }).pipe(Effect.ensuring(clear))
    const { stats } = result
    if (given.json) {
      yield* Console.log(JSON.stringify({ type: "result", ...result }))
    } else if (!given.quiet) {
      const what = `${stats.transferred} files, ${bytes(stats.transferredSize)} from snapshot ${result.snapshot.name}`
      const where = escapeName(result.directory)
      yield* Console.error(`byteback: ${given.dryRun ? "would restore" : "restored"} ${what} to ${where}`)
    }
    const { privileges } = result
    if (privileges !== null && !given.json && privileges.first.length > 0) {
      const { capabilities, devices, first, setuid } = privileges
      const counts = `${setuid} setuid or setgid files, ${capabilities ?? "no known"} with capabilities, ${devices} devices`
      yield* Console.error(`byteback: warning: what was restored holds ${counts}; look at them before anybody can`)
      yield* Effect.forEach(first, (path) => Console.error(`byteback: ${escapeName(path)}`), { discard: true })
    }
    if (result.unreadable === 0) return
    yield* Effect.forEach(result.problems, (line) => Console.error(`byteback: ${escapeText(line, 500)}`), {
      discard: true
    })
    return yield* new Ended({ code: exitCode.incomplete })
  })
).pipe(
  Command.withDescription("Bring files of a snapshot back, with owner, mode, times, links, xattrs and ACLs"),
  Command.withShortDescription("bring files back"),
  Command.withExamples([
    { command: "byteback restore /etc/fstab", description: "One file, as it was in the latest snapshot" },
    { command: "byteback restore /home --to /mnt/home", description: "A tree, into a directory that you name" }
  ])
)
