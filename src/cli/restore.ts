// byteback restore: bring files back.
import { resolve } from "node:path"
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag, Prompt } from "effect/cli"
import { ConfigError } from "../domain/clientSettings.ts"
import { escapedJson, escapeName, escapeText } from "../domain/escape.ts"
import { exitCode } from "../domain/exitCode.ts"
import { overwrites } from "../domain/rsync/pullArgv.ts"
import type { NotInSnapshot } from "../programs/NotInSnapshot.ts"
import { rightsLines } from "../programs/RestoredPrivileges.ts"
import { restore, type RestoreOptions, type RestoreResult, type RestoreTarget } from "../programs/Restore.ts"
import { host, json, quiet, serverFlags, settingsOf, verbose } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"
import { progressReport, progressStyle } from "./progressReport.ts"
import { jsonFailure } from "./jsonFailure.ts"
import { atFlag, chosenPaths, snapshotFlag, UsageError } from "./snapshotChoice.ts"
import { bytes } from "./units.ts"

const flags = {
  ...serverFlags,
  host,
  paths: Argument.String("path").pipe(
    Argument.atLeast(1),
    Argument.withDescription("[SNAPSHOT:]PATH: what to bring back, as it was named on this machine; / is everything")
  ),
  snapshot: snapshotFlag,
  at: atFlag,
  all: Flag.Boolean("all").pipe(
    Flag.withDefault(false),
    Flag.withDescription("from every snapshot that has it, each into a directory of the snapshot's name")
  ),
  to: Flag.String("to").pipe(
    Flag.optional,
    Flag.withDescription("an empty or new directory; default: a fresh one below the directory you stand in")
  ),
  inPlace: Flag.Boolean("in-place").pipe(
    Flag.withDefault(false),
    Flag.withDescription("back to where it was, over what is there now; asks first")
  ),
  overwrite: Flag.Literals("overwrite", overwrites).pipe(
    Flag.optional,
    Flag.withDescription(
      "files that are there: always write them, if-changed (size or time differ; the default), if-newer (also older than the snapshot's), never"
    )
  ),
  delete: Flag.Boolean("delete").pipe(
    Flag.withDefault(false),
    Flag.withDescription("delete what is below the directories named and not in the snapshot")
  ),
  include: Flag.String("include").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "a pattern that is brought back although an --exclude matches (with --exclude '*', --include '*/' too, for the directories in between); can be given again"
    )
  ),
  exclude: Flag.String("exclude").pipe(
    Flag.atLeast(0),
    Flag.withDescription("a pattern of rsync's that is not brought back (and not deleted); can be given again")
  ),
  devices: Flag.Boolean("devices").pipe(Flag.withDefault(false), Flag.withDescription("make device nodes too")),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withAlias("n"),
    Flag.withDefault(false),
    Flag.withDescription("write nothing, and name each file that would be brought back")
  ),
  yes: Flag.Boolean("yes").pipe(
    Flag.withAlias("y"),
    Flag.withDefault(false),
    Flag.withDescription("do not ask before an --in-place restore")
  ),
  json,
  quiet,
  verbose
}

const count = (many: number, what: string) => `${many} ${what}${many === 1 ? "" : "s"}`

const changesText = ({ attributes, created, deleted, overwritten }: NonNullable<RestoreResult["changes"]>): string =>
  [
    `${count(overwritten, "file")} that ${overwritten === 1 ? "is" : "are"} there now would be overwritten`,
    `${created} made that ${created === 1 ? "is" : "are"} missing`,
    ...(attributes === 0 ? [] : [`${attributes} given back owner, mode or times`]),
    `${deleted} deleted`
  ].join(", ")

/** Says what an in-place restore would do, and asks. Gives the snapshot that was talked about. */
const confirmed = Effect.fnUntraced(function* (options: RestoreOptions, talks: boolean) {
  if (!talks) {
    return yield* new UsageError({
      message: "--in-place writes over this machine's files; where nobody can be asked, it needs --yes"
    })
  }
  const { changes, snapshot } = yield* restore({ ...options, dryRun: true, observer: {} })
  const deletes = options.deletes === true ? "" : " (no --delete)"
  yield* Console.error(`byteback: from snapshot ${snapshot?.name ?? ""}, in place: ${changesText(changes!)}${deletes}`)
  const agreed = yield* Prompt.run(Prompt.Confirm({ message: "Write over this machine's files?", initial: false }))
  if (agreed) return snapshot?.name
  return yield* new UsageError({ message: "nothing was written" })
})

const line = (text: string) => Console.error(`byteback: ${text}`)

const warnOfRights = Effect.fnUntraced(function* (privileges: RestoreResult["privileges"]) {
  const [first, ...names] = privileges === null ? [] : rightsLines(privileges)
  if (first === undefined) return
  yield* line(`warning: ${first}`)
  yield* Effect.forEach(names, line, { discard: true })
})

const nameProblems = ({ problems }: Pick<RestoreResult, "problems">) =>
  Effect.forEach(problems, (problem) => line(escapeText(problem, 500)), { discard: true })

const warn = Effect.fnUntraced(function* ({ leftOut, privileges }: RestoreResult) {
  if (leftOut.count > 0) {
    yield* line(`${count(leftOut.count, "device node")} left out; --devices makes them`)
    yield* Effect.forEach(leftOut.first, (path) => line(escapeText(path)), { discard: true })
  }
  yield* warnOfRights(privileges)
})

export const restoreCommand = Command.make(
  "restore",
  flags,
  Effect.fnUntraced(function* (given) {
    if (given.paths.includes("")) {
      return yield* new ConfigError({ where: "path", problem: "is empty; write / for everything" })
    }
    if ([...given.include, ...given.exclude, ...Option.toArray(given.to)].includes("")) {
      return yield* new ConfigError({ where: "--to, --include or --exclude", problem: "is empty; leave it out" })
    }
    if (given.inPlace && Option.isSome(given.to)) {
      return yield* new UsageError({ message: "--to and --in-place name two places; give one of them" })
    }
    if (given.all && (Option.isSome(given.snapshot) || Option.isSome(given.at))) {
      return yield* new UsageError({ message: "--all takes from every snapshot; leave out it, or --snapshot and --at" })
    }
    const { from, paths } = yield* chosenPaths(given)
    const target: RestoreTarget = given.inPlace
      ? { _tag: "in-place" }
      : Option.isSome(given.to)
        ? { _tag: "directory", path: resolve(given.to.value) }
        : { _tag: "fresh", below: process.cwd() }
    const options: RestoreOptions = {
      settings: settingsOf(given),
      host: Option.getOrUndefined(given.host),
      paths,
      from,
      target,
      all: given.all,
      ...(Option.isSome(given.overwrite) ? { overwrite: given.overwrite.value } : {}),
      deletes: given.delete,
      includes: given.include,
      excludes: given.exclude,
      devices: given.devices,
      dryRun: given.dryRun
    }
    const asks = given.inPlace && !given.yes && !given.dryRun
    const talks = process.stdin.isTTY && process.stderr.isTTY && !given.json && !given.quiet
    const agreed = asks ? yield* confirmed(options, talks) : undefined

    const { clear, ...shown } = yield* progressReport(progressStyle(given))
    const namesFiles = (given.verbose || given.dryRun) && !given.json
    const result = yield* restore({
      ...options,
      from: agreed ?? from,
      observer: {
        ...shown,
        ...(namesFiles ? { change: (line: string) => Effect.andThen(clear, Console.log(line)) } : {})
      }
    }).pipe(
      Effect.ensuring(clear),
      Effect.tapErrorTag("NotInSnapshot", ({ restored }: NotInSnapshot) =>
        restored === null ? Effect.void : Effect.andThen(nameProblems(restored), warnOfRights(restored.privileges))
      ),
      jsonFailure(given.json)
    )
    if (given.json) {
      yield* Console.log(escapedJson({ type: "result", ...result }))
    } else {
      const { changes, stats } = result
      const source = result.snapshot === null ? "all snapshots" : `snapshot ${result.snapshot.name}`
      const where = given.inPlace ? "in place" : `to ${escapeName(result.directory)}`
      const what = `${count(stats.transferred, "file")}, ${bytes(stats.transferredSize)} from ${source} ${where}`
      const gone = stats.deleted === 0 ? "" : `, and deleted ${stats.deleted}`
      const said = changes === null ? `restored ${what}${gone}` : `would restore ${what}: ${changesText(changes)}`
      if (!given.quiet) yield* Console.error(`byteback: ${said}`)
      yield* warn(result)
    }
    if (result.unreadable === 0) return
    yield* nameProblems(result)
    return yield* new Ended({ code: exitCode.incomplete })
  })
).pipe(
  Command.withDescription(
    "Bring files of a snapshot back, with owner, mode, times, links, xattrs and ACLs.\n" +
      "  A file is written beside its place and put there whole; run the same command again after an interruption.\n" +
      "  In place, the directories above get owner, mode and time of the snapshot too, and a symlink that stands where\n" +
      "  the snapshot has a directory is replaced, not followed."
  ),
  Command.withShortDescription("bring files back"),
  Command.withExamples([
    { command: "byteback restore /etc/fstab", description: "One file, as it was in the latest snapshot" },
    { command: "byteback restore /home --to /mnt/home", description: "A tree, into a directory that you name" },
    {
      command: "byteback restore /srv/www --at 'yesterday 18:00' --in-place --delete",
      description: "A tree as it was then, without what has come since; asks first"
    }
  ])
)
