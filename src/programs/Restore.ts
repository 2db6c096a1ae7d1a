// Brings files of a snapshot back, with all that belongs to them: into a directory of their own, or to where they were.
import { Effect, Fiber, FileSystem, Result, Schema } from "effect"
import { bytesOfPath, bytesOfText, fromUint8Array, toUint8Array } from "../domain/byteString.ts"
import type { SnapshotInfo } from "../domain/Conversation.ts"
import { escapeName } from "../domain/escape.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { filterRules, protectingRules, rulesText } from "../domain/filters.ts"
import { type Changes, countChange, noChanges, readChange, readItemized } from "../domain/rsync/itemized.ts"
import type { Overwrite } from "../domain/rsync/pullArgv.ts"
import type { TransferStats } from "../domain/rsync/stats.ts"
import { isSnapshotRef, type SnapshotRef } from "../domain/snapshotName.ts"
import type { BackupSession } from "../services/BackupServer.ts"
import { Layout } from "../services/Layout.ts"
import { type Observer, Rsync, type RsyncError, type Transfer } from "../services/Rsync.ts"
import { openSession, type SessionOptions } from "./connectToServer.ts"
import { NotInSnapshot, whereElse } from "./NotInSnapshot.ts"
import { beganWith, freshName, isSame, markIn, prepare, removeEmpty, unfinished } from "./restoreDirectory.ts"
import { askedFor, missingOf, telling, topmost } from "./readableSnapshot.ts"
import { type RestoredPrivileges, restoredPrivileges, rightsLines } from "./RestoredPrivileges.ts"

/** Where what comes back goes; each path lands below it under its full name. */
export type RestoreTarget =
  /** absolute; made with mode 0700 unless it is there. One that holds something is taken only with `overwrite` given */
  | { readonly _tag: "directory"; readonly path: string }
  /** a new directory, named after the snapshot, below this absolute path */
  | { readonly _tag: "fresh"; readonly below: string }
  /** over the machine's own files */
  | { readonly _tag: "in-place" }

export interface RestoreOptions extends SessionOptions {
  /** absolute paths as they were on this machine, as bytes where they are not UTF-8; `/` is everything */
  readonly paths: ReadonlyArray<string | Uint8Array>
  /** a snapshot's name, or epoch seconds for the newest not after that; default: `latest` */
  readonly from?: string | number
  readonly target: RestoreTarget
  /** bring the paths back from every snapshot that has them, each below a directory of the snapshot's name */
  readonly all?: boolean
  /** what happens to files that are there; default `if-changed` */
  readonly overwrite?: Overwrite
  /** delete what is below the directories named and not in the snapshot, but for what a backup leaves out */
  readonly deletes?: boolean
  /** rsync patterns; what an exclude matches and no include does is left as it is */
  readonly includes?: ReadonlyArray<string>
  readonly excludes?: ReadonlyArray<string>
  /** make device nodes too */
  readonly devices?: boolean
  readonly dryRun?: boolean
  readonly observer?: Observer
}

export interface RestoreResult {
  /** null where files came of all snapshots */
  readonly snapshot: SnapshotInfo | null
  readonly directory: string
  readonly stats: TransferStats
  /** what a dry run found to do; null for a real one */
  readonly changes: Changes | null
  /** files that could not be brought back, and what rsync said of the first of them */
  readonly unreadable: number
  readonly problems: ReadonlyArray<string>
  /** device nodes that were not made */
  readonly leftOut: Transfer["leftOut"]
  /** what of it can give somebody rights on this machine; null for a dry run */
  readonly privileges: RestoredPrivileges | null
}

/** Two of the options exclude each other. Nothing was written. */
export class ImpossibleRestore extends Schema.TaggedError<ImpossibleRestore>()("ImpossibleRestore", {
  problem: Schema.Literals(["all-in-place", "host-in-place", "delete-everything"])
}) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    switch (this.problem) {
      case "all-in-place":
        return "the files of all snapshots cannot go to one place; leave out --all or --in-place"
      case "host-in-place":
        return "another machine's files cannot go in the place of this one's; name a directory with --to"
      case "delete-everything":
        return "--delete would take away all of this machine that was not backed up; name the directories that it is meant for, not /"
    }
  }
}

/** The restore broke off by something that may pass. What has come stays, and no file of it is half written. */
export class RestoreStopped extends Schema.TaggedError<RestoreStopped>()("RestoreStopped", {
  detail: Schema.String,
  exit: Schema.Literals(["failed", "busy", "noSpace"]),
  /** what the same command needs to mean the same snapshot later; null where it does as it is */
  how: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return `${this.detail}. Give the same command again${this.how === null ? "" : `, ${this.how},`} and it carries on from there`
  }
}

const stopped = (error: RsyncError, how: string | null) =>
  new RestoreStopped({
    detail: error.message,
    how,
    exit: error.reason === "no-space" ? "noSpace" : error.reason === "busy" ? "busy" : "failed"
  })

/** All that byteback made. */
const datedSnapshots = Effect.fnUntraced(function* (session: BackupSession) {
  const { snapshots } = yield* session.snapshots
  return snapshots.flatMap(({ name }) => (isSnapshotRef(name) ? [name] : []))
})

/** The absolute names of files that a restore wrote, in a file (each ended by NUL), since they may be millions. */
const namesWritten = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const file = `${yield* fs.makeTempDirectoryScoped({ prefix: "byteback-names-" })}/written`
  yield* fs.writeFile(file, new Uint8Array())
  let waiting = ""
  const flush = Effect.suspend(() => {
    const bytes = toUint8Array(waiting)
    waiting = ""
    return fs.writeFile(file, bytes, { flag: "a" })
  })
  /** for rsync's sized lines of what it puts below a directory; hands them on without the size */
  const take = (destination: string, change: Observer["change"]): NonNullable<Observer["change"]> => {
    const above = destination === "/" ? "" : bytesOfText(destination)
    return (line) => {
      const item = readItemized(line)
      if (item?.kind === "file" || item?.kind === "device") waiting += `${above}/${item.name}\0`
      const told = change?.(line.replace(/^(.{12})\d+ /, "$1")) ?? Effect.void
      return waiting.length < 65_536 ? told : Effect.andThen(Effect.orDie(flush), told)
    }
  }
  return { file, flush, take }
})

/** A file of filter rules for rsync, where there are any; it goes with the scope. */
const filterFile = Effect.fnUntraced(function* (options: RestoreOptions, leftOut: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const literal = (pattern: string) => bytesOfText(pattern).replaceAll(/[\r\n]/g, "?")
  const rules = [
    ...(options.includes ?? []).map((pattern) => `+ ${literal(pattern)}`),
    ...(options.excludes ?? []).map((pattern) => `- ${literal(pattern)}`),
    ...(options.deletes === true ? [`P /${unfinished}`, ...protectingRules(leftOut)] : [])
  ]
  if (rules.length === 0) return {}
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "byteback-filter-" })
  yield* fs.writeFile(`${directory}/rules`, toUint8Array(rulesText(rules)))
  return {
    filterFile: `${directory}/rules`,
    filterIncludes: options.includes !== undefined && options.includes.length > 0
  }
})

const plus = (a: Transfer, b: Transfer): Transfer => ({
  ...b,
  stats: Object.fromEntries(
    Object.entries(b.stats).map(([name, value]) => [name, value + a.stats[name as keyof TransferStats]])
  ) as unknown as TransferStats,
  unreadable: a.unreadable + b.unreadable,
  problems: [...a.problems, ...b.problems].slice(0, 20),
  leftOut: {
    count: a.leftOut.count + b.leftOut.count,
    first: [...a.leftOut.first, ...b.leftOut.first].slice(0, 20)
  }
})

/**
 * Restores `paths` of one snapshot, or of all. What is not asked for is not accepted from the server. A file is written
 * beside its place and put there whole; the directories above it come with it as they were; a symlink that stands where
 * the snapshot has a directory is replaced, never followed.
 */
export const restore = Effect.fn("restore")(function* (options: RestoreOptions) {
  const fs = yield* FileSystem.FileSystem
  const rsync = yield* Rsync
  const layout = yield* Layout
  const { all = false, dryRun = false, observer = {}, target } = options
  const inPlace = target._tag === "in-place"
  if (inPlace && all) return yield* new ImpossibleRestore({ problem: "all-in-place" })
  if (inPlace && options.host !== undefined) return yield* new ImpossibleRestore({ problem: "host-in-place" })
  if (inPlace && options.deletes === true && options.paths.some((path) => path === "/")) {
    return yield* new ImpossibleRestore({ problem: "delete-everything" })
  }

  const localRsync = yield* Effect.forkChild(rsync.version)
  const { session, settings } = yield* openSession(options)
  // The same command means the same snapshot, however many have come since it was cut.
  const mark = all || dryRun || target._tag !== "directory" ? "" : yield* markIn(target.path)
  const began = beganWith(mark)
  const begun = began !== null && isSame(mark, options, began) ? began : null
  const chosen = all ? null : yield* askedFor(session, begun ?? options.from ?? "latest")
  if (begun !== null && begun !== options.from) {
    yield* Effect.logWarning(`goes on with ${escapeName(begun)}, which this restore began with`)
  }
  const one = chosen?.snapshot ?? null
  const wanted = chosen === null ? yield* datedSnapshots(session) : [chosen.name]

  const which = one?.name ?? "all"
  const directory =
    target._tag === "in-place"
      ? "/"
      : target._tag === "directory"
        ? target.path
        : yield* freshName(target.below, options, which)
  const marked = !inPlace && !dryRun
  const { made, shared } = marked ? yield* prepare(directory, options, which) : { made: false, shared: inPlace }
  const unmark = marked ? Effect.ignore(fs.remove(`${directory}/${unfinished}`)) : Effect.void
  const giveUp = made ? Effect.andThen(unmark, removeEmpty(directory)) : unmark
  const mountinfo = yield* Effect.orElseSucceed(fs.readFile("/proc/self/mountinfo"), () => new Uint8Array())
  const leftOut = inPlace
    ? filterRules({
        mountinfo: fromUint8Array(mountinfo),
        sources: ["/"],
        excludes: [...settings.excludes, bytesOfText(`${layout.store}/*`)],
        rsyncFilter: settings.rsyncFilter
      })
    : []

  let changes = noChanges
  const counting: Observer = {
    ...observer,
    change: (line) => {
      const change = readChange(line)
      if (change !== null) changes = countChange(changes, change)
      return observer.change?.(line) ?? Effect.void
    }
  }
  const { acls, xattrs } = yield* Fiber.join(localRsync)
  const filter = yield* filterFile(options, leftOut)
  const plan = { server: { rsh: session.rsh, alias: session.alias }, acls, xattrs, ioTimeout: settings.ioTimeout }
  const naming = (snapshot: SnapshotRef) => telling(rsync, { ...plan, snapshot })
  const [first] = wanted
  // The root of a snapshot is the machine's own only where all of it was backed up, so in place it is never written.
  const paths =
    inPlace && first !== undefined && options.paths.includes("/")
      ? yield* topmost(naming(first))
      : options.paths.map(bytesOfPath)
  // Beside what comes back may lie what was there before; then only what rsync names is looked at.
  const spools = shared && !dryRun
  const spool = yield* namesWritten
  const pull = (snapshot: SnapshotRef, destination: string, paths: ReadonlyArray<string>) =>
    rsync.pull(
      {
        ...plan,
        snapshot,
        paths,
        destination,
        devices: options.devices ?? false,
        overwrite: options.overwrite ?? "if-changed",
        deletes: options.deletes ?? false,
        ...filter,
        dryRun,
        progress: observer.progress !== undefined,
        itemize: spools ? "sized" : dryRun || observer.change !== undefined
      },
      dryRun ? counting : spools ? { ...observer, change: spool.take(destination, observer.change) } : observer
    )

  // A directory that was named has a mark that tells; elsewhere a newer snapshot may be the latest by then.
  const lasts = target._tag === "directory" && typeof options.from !== "number"
  const named = lasts || one === null || options.from === one.name
  const how = named ? null : `with --snapshot ${one.name}${typeof options.from === "number" ? " in place of --at" : ""}`

  const written = shared ? { listed: spool.file } : { below: directory }
  const privileges = Effect.suspend(() => (dryRun ? Effect.succeed(null) : restoredPrivileges(written)))

  // Of all snapshots one may have this path and another that one; and rules that let in are held to one path at a time.
  const oneByOne = all || filter.filterIncludes === true
  const parts = oneByOne ? paths.map((path) => [path]) : [paths]
  const pulls = wanted.flatMap((name) => parts.map((some) => [name, some] as const))
  let transfer = null as Transfer | null
  let missing = false
  let notWritten = { count: 0, first: [] as ReadonlyArray<string> }
  const found = new Set<string>()
  const pruned = new Set<SnapshotRef>()
  const pullEach = Effect.forEach(
    pulls,
    Effect.fnUntraced(function* ([name, some]) {
      if (pruned.has(name)) return
      const destination = all ? `${directory}/${name}` : directory
      if (all && !dryRun) yield* Effect.ignore(fs.makeDirectory(destination, { mode: 0o700 }))
      const pulled = yield* Effect.result(pull(name, destination, some))
      yield* spool.flush
      if (Result.isSuccess(pulled)) {
        transfer = transfer === null ? pulled.success : plus(transfer, pulled.success)
        for (const path of some) found.add(path)
        return
      }
      const { failure } = pulled
      if (failure.retryable || failure.reason === "no-space") return yield* stopped(failure, how)
      // Many snapshots take their time, and none that is not being read is kept from being pruned.
      if (all && failure.reason === "refused" && !(yield* datedSnapshots(session)).includes(name)) {
        pruned.add(name)
        yield* Effect.logWarning(`${escapeName(name)} was pruned before its turn came`)
      } else if (failure.reason !== "not-found") {
        if (failure.reason === "not-askable") yield* giveUp
        return yield* failure
      }
      missing = true
      const { count, first } = failure.others ?? { count: 0, first: [] }
      notWritten = { count: notWritten.count + count, first: [...notWritten.first, ...first].slice(0, 20) }
      // a directory named after a snapshot that has nothing of it would tell nothing
      if (all) yield* removeEmpty(destination)
    }),
    { discard: true }
  )
  // What lies in place is not looked at again when the restore is carried on.
  const tellRights = Effect.flatMap(privileges, (rights) => {
    const lines = rights === null ? [] : rightsLines(rights)
    return lines.length === 0 ? Effect.void : Effect.logWarning(lines.join("; "))
  })
  yield* shared ? Effect.onError(pullEach, () => Effect.andThen(Effect.ignore(spool.flush), tellRights)) : pullEach

  const nowhere = all ? paths.filter((path) => !found.has(path)) : []
  if ((missing && !all) || nowhere.length > 0) {
    yield* giveUp
    const some = !dryRun && (all ? transfer !== null : paths.length > 1)
    const unreadable = notWritten.count + (transfer?.unreadable ?? 0)
    const problems = [...notWritten.first, ...(transfer?.problems ?? [])]
    const restored = some ? { directory, unreadable, problems, privileges: yield* privileges } : null
    if (chosen === null)
      return yield* new NotInSnapshot({ snapshot: null, paths: nowhere, last: null, through: null, restored })
    const { name } = chosen
    return yield* yield* whereElse(session, paths, yield* missingOf(naming(name), paths), name, restored)
  }
  // There was nothing to ask for, as of an empty snapshot.
  if (transfer === null) {
    yield* giveUp
    return yield* new NotInSnapshot({ snapshot: which, paths: [], last: null, through: null, restored: null })
  }
  yield* unmark
  const result: RestoreResult = {
    snapshot: one,
    directory,
    stats: transfer.stats,
    changes: dryRun ? changes : null,
    unreadable: transfer.unreadable,
    problems: transfer.problems,
    leftOut: transfer.leftOut,
    privileges: yield* privileges
  }
  return result
}, Effect.scoped)
