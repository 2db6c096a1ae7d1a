// rsync's client side: pushes a backup, pulls a restore, and says what the local rsync can do.
import { Context, Effect, Layer, Schema } from "effect"
import { fromUint8Array, textOfBytes, toUint8Array } from "../domain/byteString.ts"
import { escapeName, escapeText } from "../domain/escape.ts"
import { exitCode, type ExitName } from "../domain/exitCode.ts"
import { rulesText } from "../domain/filters.ts"
import { findRefusal } from "../domain/refusalLine.ts"
import { exitMeaning, type RsyncReason, rsyncReasons, type TransferOutcome } from "../domain/rsync/exitMeaning.ts"
import { isMissing, noProblems, readProblems } from "../domain/rsync/problems.ts"
import { type Progress, readOutput } from "../domain/rsync/progress.ts"
import { compareArgv, type ComparePlan } from "../domain/rsync/compareArgv.ts"
import { isAskable, pathList, pullArgv, type PullPlan } from "../domain/rsync/pullArgv.ts"
import { pushArgv, type PushPlan } from "../domain/rsync/pushArgv.ts"
import { isItemized } from "../domain/rsync/itemized.ts"
import { parseStats, type TransferStats } from "../domain/rsync/stats.ts"
import { parseVersion, type RsyncAbilities } from "../domain/rsync/version.ts"
import { Exec, type ExecError } from "./Exec.ts"

const advice: Record<RsyncReason, string> = {
  usage: "rsync does not take these options; look at rsync_flags and rsync_filter",
  protocol: "the two rsyncs do not understand each other; install rsync 3.1 or newer on both ends",
  io: "rsync could not read or write its files",
  "no-space": "no space is left for the data; what had arrived is kept",
  network: "the connection broke off; what had arrived is kept",
  timeout: "no data moved for too long; what had arrived is kept",
  interrupted: "rsync was interrupted; what had arrived is kept",
  "not-enrolled": "this machine is not enrolled; run byteback setup-client",
  busy: "the server is busy with this host; try again later",
  refused: "the server refused",
  "too-soon": "too soon",
  "not-installed": "rsync is not installed; install it",
  "not-found": "not in that snapshot",
  "not-askable":
    "rsync cannot fetch by itself what has both a backslash and one of * ? [ in its name; ask for the directory above it. Nothing of it was fetched",
  untrustworthy:
    "the server sent names that it was not asked for or that lead elsewhere, as an honest one never does; nothing was written outside of the directory, and what is in it may be anything. Tell the server's administrator",
  failed: "rsync failed"
}

const exits: Partial<Record<RsyncReason, ExitName>> = {
  usage: "usage",
  "not-askable": "usage",
  "no-space": "noSpace",
  "not-enrolled": "notEnrolled",
  busy: "busy",
  refused: "refused",
  "too-soon": "tooSoon"
}

/** rsync ended without a transfer that counts. What had arrived stays where it is, and is not sent again. */
export class RsyncError extends Schema.TaggedError<RsyncError>()("RsyncError", {
  reason: Schema.Literals(rsyncReasons),
  /** may the same go better in a while? */
  retryable: Schema.Boolean,
  exitCode: Schema.NullOr(Schema.Int),
  argumentCount: Schema.Int,
  /** the last 8 KiB */
  stderr: Schema.String,
  /** of a `not-found`: how many of what was there could not be read or written, and what rsync said of the first */
  others: Schema.optionalKey(Schema.Struct({ count: Schema.Int, first: Schema.Array(Schema.String) }))
}) {
  get exit(): ExitName {
    if (findRefusal(this.stderr)?.code === exitCode.anomaly) return "anomaly"
    return exits[this.reason] ?? "failed"
  }
  override get message() {
    const refusal = findRefusal(this.stderr)
    if (refusal !== null) return `the server says: ${escapeText(refusal.message, 300)}`
    // the first line is the cause, those after it what followed from it
    const first = this.stderr.split("\n").find((line) => line.trim() !== "") ?? ""
    return `${advice[this.reason]}${first === "" ? "" : ` (${escapeText(first.trim(), 200)})`}`
  }
}

/** A transfer that counts. */
export interface Transfer {
  readonly outcome: TransferOutcome
  readonly exitCode: 0 | 23 | 24
  readonly stats: TransferStats
  /** how many files could not be read or written, and what rsync said of the first of them */
  readonly unreadable: number
  readonly problems: ReadonlyArray<string>
  /** device nodes that were not made, since a pull was not asked to; names as rsync prints them */
  readonly leftOut: { readonly count: number; readonly first: ReadonlyArray<string> }
}

export interface Observer {
  /** called as rsync tells of its progress, several times a second */
  readonly progress?: (progress: Progress) => Effect.Effect<void>
  /** called with each itemized change, where the plan asks for them: `>f+++++++++ name`, in ASCII as rsync escapes it */
  readonly change?: (line: string) => Effect.Effect<void>
}

/** What rsync says of a device that it was not asked to make. */
const leftOut = /^skipping non-regular file "(.*)"$/

/** So many devices that were left out are named. */
const named = 20

// Of the fake

const none: TransferStats = {
  files: 0,
  created: 0,
  deleted: 0,
  transferred: 0,
  totalSize: 0,
  transferredSize: 0,
  literal: 0,
  matched: 0,
  sent: 0,
  received: 0
}

/** Is a path a directory, or below it? */
const below = (path: string, directory: string) => `${path}/`.startsWith(directory === "/" ? "/" : `${directory}/`)
const size = (files: Iterable<readonly [string, string]>) => [...files].reduce((sum, [, { length }]) => sum + length, 0)

/** What a real transfer does to `into`, and would say of it. */
const copy = (wanted: ReadonlyMap<string, string>, into: Map<string, string>, dryRun: boolean): Transfer => {
  const changed = [...wanted].filter(([path, content]) => into.get(path) !== content)
  const created = changed.filter(([path]) => !into.has(path)).length
  if (!dryRun) for (const [path, content] of changed) into.set(path, content)
  return {
    outcome: "complete",
    exitCode: 0,
    stats: {
      ...none,
      files: wanted.size,
      created,
      transferred: changed.length,
      totalSize: size(wanted),
      transferredSize: size(changed),
      literal: size(changed)
    },
    unreadable: 0,
    problems: [],
    leftOut: { count: 0, first: [] }
  }
}

/**
 * rsync writes to its stdout after each file. Taken as they come, 50,000 such pieces cost seconds of CPU, so they are
 * let gather for this long, in milliseconds. It is the pipe's pace, not a time of the program's, hence no clock.
 */
const gather = 50
const pause = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, gather)))

export class Rsync extends Context.Service<
  Rsync,
  {
    /** Version and abilities of the local rsync. */
    readonly version: Effect.Effect<RsyncAbilities, RsyncError>
    /** Brings the server's `current` up to date. Interruption ends rsync and its ssh. */
    readonly push: (plan: PushPlan, observer?: Observer) => Effect.Effect<Transfer, RsyncError>
    /** Fetches paths of a snapshot. A path that is not there fails with `not-found`, after what was there has come. */
    readonly pull: (plan: PullPlan, observer?: Observer) => Effect.Effect<Transfer, RsyncError>
    /** Compares paths below two local directories by content and attributes, changes nothing, and tells `change` what differs. */
    readonly compare: (plan: ComparePlan, observer: Observer) => Effect.Effect<Transfer, RsyncError>
  }
>()("byteback/services/Rsync") {
  static readonly layer = Layer.effect(
    Rsync,
    Effect.gen(function* () {
      const exec = yield* Exec

      const execFailure = (error: ExecError) =>
        new RsyncError({
          reason: error.reason === "not-found" ? "not-installed" : error.reason === "killed" ? "interrupted" : "failed",
          retryable: error.reason === "killed",
          exitCode: null,
          argumentCount: error.argumentCount,
          stderr: error.detail
        })

      const version = Effect.gen(function* () {
        const { text } = yield* Effect.mapError(exec.run("rsync", ["--version"]), execFailure)
        const abilities = parseVersion(text)
        if (abilities !== null) return abilities
        return yield* new RsyncError({
          reason: "failed",
          retryable: false,
          exitCode: null,
          argumentCount: 1,
          stderr: "the rsync in the PATH is not rsync"
        })
      }).pipe(Effect.withSpan("Rsync.version"))

      const transfer = Effect.fnUntraced(function* (args: ReadonlyArray<string>, stdin: string, observer: Observer) {
        let output = ""
        let stats: ReadonlyArray<string> = []
        let problems = noProblems
        let devices: Transfer["leftOut"] = { count: 0, first: [] }
        const { code, stderr } = yield* Effect.mapError(
          exec.run("rsync", args, {
            stdin: toUint8Array(stdin),
            onStdout: (chunk) => {
              const { rest, progress, lines } = readOutput(output, fromUint8Array(chunk))
              output = rest
              const changes = lines.filter(isItemized)
              const said = lines.filter((line) => !isItemized(line))
              stats = [...stats, ...said].slice(-50)
              const found = said.flatMap((line) => leftOut.exec(line)?.[1] ?? [])
              devices = { count: devices.count + found.length, first: [...devices.first, ...found].slice(0, named) }
              return Effect.all(
                [
                  observer.change === undefined ? Effect.void : Effect.forEach(changes, observer.change),
                  progress === null || observer.progress === undefined ? Effect.void : observer.progress(progress),
                  observer.change === undefined && observer.progress === undefined ? Effect.void : pause
                ],
                { discard: true }
              )
            },
            onStderr: (chunk) =>
              Effect.sync(() => {
                problems = readProblems(problems, fromUint8Array(chunk))
              })
          }),
          execFailure
        )
        const meaning = exitMeaning(code, stderr)
        if (meaning._tag === "failed") {
          const { reason, retryable } = meaning
          return yield* new RsyncError({ reason, retryable, exitCode: code, argumentCount: args.length, stderr })
        }
        const { outcome, exitCode } = meaning
        const told = problems.first.map((line) => textOfBytes(line) ?? line)
        return {
          transfer: {
            outcome,
            exitCode,
            stats: parseStats(stats.join("\n")),
            unreadable: outcome === "partial" ? Math.max(1, problems.count) : 0,
            problems: told,
            leftOut: devices
          },
          missing: problems.missing,
          others: told.filter((line) => !isMissing(line)),
          stderr
        }
      })

      const push = Effect.fn("Rsync.push")(function* (plan: PushPlan, observer: Observer = {}) {
        return (yield* transfer(pushArgv(plan), rulesText(plan.rules), observer)).transfer
      })

      const pull = Effect.fn("Rsync.pull")(function* (plan: PullPlan, observer: Observer = {}) {
        const args = pullArgv(plan)
        const argumentCount = args.length
        const list = pathList(plan.paths)
        if (list === null) {
          return yield* new RsyncError({
            reason: "usage",
            retryable: false,
            exitCode: null,
            argumentCount,
            stderr: "a path to restore may not hold .."
          })
        }
        const odd = plan.paths.find((path) => !isAskable(path))
        if (odd !== undefined) {
          const reason = "not-askable"
          return yield* new RsyncError({
            reason,
            retryable: false,
            exitCode: null,
            argumentCount,
            stderr: escapeName(toUint8Array(odd))
          })
        }
        const ended = yield* transfer(args, list, observer)
        if (ended.transfer.outcome === "partial" && ended.missing > 0) {
          const { stderr } = ended
          const others = { count: ended.transfer.unreadable - ended.missing, first: ended.others }
          return yield* new RsyncError({
            reason: "not-found",
            retryable: false,
            exitCode: 23,
            argumentCount,
            stderr,
            others
          })
        }
        return ended.transfer
      })

      const compare = Effect.fn("Rsync.compare")(function* (plan: ComparePlan, observer: Observer) {
        return (yield* transfer(compareArgv(plan), pathList(plan.paths) ?? "", observer)).transfer
      })

      return Rsync.of({ version, push, pull, compare })
    })
  )

  /**
   * A stand-in for tests and development: moves files between the two sides of a `FakeWorld`. It knows sources, paths
   * and anchored excludes of the forms `- /a` and `- /a/*`.
   */
  static readonly layerFake = (world: FakeWorld) =>
    Layer.sync(Rsync, () => {
      const trouble = Effect.suspend(() => {
        const next = world.trouble.shift() ?? null
        return next === null || next === "partial"
          ? Effect.succeed(next)
          : Effect.fail(new RsyncError({ ...next, exitCode: null, argumentCount: 0, stderr: "" }))
      })
      return Rsync.of({
        version: Effect.succeed({ version: "3.5.0", acls: true, xattrs: true }),
        push: Effect.fn("Rsync.push")(function* (plan) {
          const ended = yield* trouble
          const excluded = plan.rules.flatMap((rule) => /^- (\/.*?)(?:\/\*)?$/.exec(rule)?.[1] ?? [])
          const wanted = new Map(
            [...world.machine].filter(
              ([path]) =>
                plan.sources.some((source) => below(path, source)) &&
                !excluded.some((directory) => below(path, directory))
            )
          )
          const gone = [...world.current.keys()].filter((path) => !wanted.has(path))
          if (!plan.dryRun) for (const path of gone) world.current.delete(path)
          const copied = copy(wanted, world.current, plan.dryRun)
          if (!plan.dryRun) world.pushed = true
          const transfer = { ...copied, stats: { ...copied.stats, deleted: gone.length } }
          return ended === null ? transfer : { ...transfer, outcome: "partial", exitCode: 23, unreadable: 1 }
        }),
        pull: Effect.fn("Rsync.pull")(function* (plan, observer) {
          yield* trouble
          const from = plan.snapshot === "current" ? world.current : world.snapshots.get(plan.snapshot)
          const failed = { retryable: false, exitCode: null, argumentCount: 0, stderr: "" } as const
          if (from === undefined) return yield* new RsyncError({ ...failed, reason: "refused" })
          const target = plan.destination === "/" ? "" : plan.destination
          const wanted = new Map<string, string>()
          let missing = false
          for (const path of plan.paths.map((one) => (one.startsWith("/") ? one : `/${one}`))) {
            const found = [...from].filter(([name]) => below(name, path))
            for (const [name, content] of found) wanted.set(target + name, content)
            if (found.length === 0) missing = true
            else if (observer?.change !== undefined) yield* observer.change(`>f+++++++++ 0 ${path.slice(1)}`)
          }
          const copied = copy(wanted, world.machine, plan.dryRun)
          return missing ? yield* new RsyncError({ ...failed, reason: "not-found", exitCode: 23 }) : copied
        }),
        compare: () => Effect.succeed(copy(new Map(), new Map(), true))
      })
    })
}

/** The fake's two sides: files and their contents by absolute path. */
export interface FakeWorld {
  readonly machine: Map<string, string>
  readonly current: Map<string, string>
  readonly snapshots: Map<string, Map<string, string>>
  /** a push has come to a good end since the last snapshot */
  pushed?: boolean
  /** how the next transfers end, one each; null for one that goes well, `partial` for a push that one file could not be read for */
  readonly trouble: Array<{ readonly reason: RsyncReason; readonly retryable: boolean } | "partial" | null>
}

export type { RsyncAbilities, RsyncReason }
