// Brings files of a snapshot back, with all that belongs to them: into a directory of their own, or to where they were.
import { Effect, FileSystem, Option, Result, Schema } from "effect"
import { bytesOfPath, bytesOfText, fromUint8Array, textOfBytes, toUint8Array } from "../domain/byteString.ts"
import { snapshotFor } from "../domain/chooseSnapshot.ts"
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
import { type RestoredPrivileges, restoredPrivileges } from "./RestoredPrivileges.ts"

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

/** The directory to restore to cannot be used. Nothing was written. */
export class TargetUnusable extends Schema.TaggedError<TargetUnusable>()("TargetUnusable", {
  path: Schema.String,
  problem: Schema.Literals(["not-empty", "not-writable", "half-restored"])
}) {
  override get message() {
    const path = escapeName(this.path)
    switch (this.problem) {
      case "not-empty":
        return `${path} is not empty; nothing was written. Name a new directory with --to, or say with --overwrite what shall happen to the files in it`
      case "half-restored":
        return `${path} holds part of another restore that did not end; nothing was written. Give the same command again to end that one, or name a new directory with --to`
      case "not-writable":
        return `${path} cannot be made or written; nothing was written. Name another directory with --to`
    }
  }
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

/** A snapshot that byteback did not make cannot be asked for by a client. Nothing was written. */
export class ForeignSnapshot extends Schema.TaggedError<ForeignSnapshot>()("ForeignSnapshot", { name: Schema.String }) {
  override get message() {
    return `${escapeName(this.name)} was not made by byteback, so a client cannot ask for it; the server's administrator can copy from it`
  }
}

/** Something that was asked for is not in the snapshot. What is there has been brought back, or looked at. */
export class NotInSnapshot extends Schema.TaggedError<NotInSnapshot>()("NotInSnapshot", {
  /** null: in none of them */
  snapshot: Schema.NullOr(Schema.String),
  paths: Schema.Array(Schema.String),
  /** the newest snapshot that has the first of them */
  last: Schema.NullOr(Schema.String)
}) {
  override get message() {
    const paths = this.paths.map((path) => escapeName(path, 200)).join(" or ")
    if (this.snapshot === null) return `${paths} is in no snapshot; is it spelled as it was on this machine?`
    const other =
      this.last === null
        ? "no other snapshot has it"
        : `${escapeName(this.paths[0]!, 200)} was last in ${this.last}: byteback restore --snapshot ${this.last}`
    return `${paths} is not in snapshot ${this.snapshot}; all else that was asked for is done. ${other}`
  }
}

/** The restore broke off by something that may pass. What has come stays, and no file of it is half written. */
export class RestoreStopped extends Schema.TaggedError<RestoreStopped>()("RestoreStopped", {
  detail: Schema.String,
  exit: Schema.Literals(["failed", "busy", "noSpace"])
}) {
  override get message() {
    return `${this.detail}. Give the same command again, and it carries on from there`
  }
}

/** Lies in a directory for as long as a restore into it has not ended. */
const unfinished = ".byteback-unfinished"

/** Which restore it was; another may not carry on in the same directory. */
const sameRestore = (options: RestoreOptions, snapshot: string): string =>
  JSON.stringify({ snapshot, paths: options.paths, includes: options.includes, excludes: options.excludes })

const stopped = (error: RsyncError) =>
  new RestoreStopped({
    detail: error.message,
    exit: error.reason === "no-space" ? "noSpace" : error.reason === "busy" ? "busy" : "failed"
  })

/** For a message, which escapes it. */
const named = (path: string | Uint8Array): string => textOfBytes(bytesOfPath(path)) ?? bytesOfPath(path)

/** The longest part of a path, from its beginning, that other programs can be given as a word. */
const wordAbove = (path: string | Uint8Array): string => {
  if (typeof path === "string") return path
  const parts = fromUint8Array(path).split("/")
  return (
    parts
      .slice(
        0,
        Math.max(
          1,
          parts.findIndex((part) => textOfBytes(part) === null)
        )
      )
      .join("/") || "/"
  )
}

/** The paths that the snapshot has not, and the newest snapshot that has the first of them. */
export const whereElse = Effect.fnUntraced(function* (
  session: BackupSession,
  paths: ReadonlyArray<string | Uint8Array>,
  snapshot: string
) {
  const looked = yield* Effect.forEach(paths.slice(0, 10), (path) =>
    Effect.map(
      // an old listing can name no other paths than text
      typeof path === "string" ? Effect.orElseSucceed(session.holding(path), () => []) : Effect.succeed([]),
      (names): { readonly path: string; readonly names: ReadonlyArray<string> } => ({ path: named(path), names })
    )
  )
  const missing = looked.filter(({ names }) => !names.includes(snapshot))
  return new NotInSnapshot({
    snapshot,
    paths: missing.length === 0 ? paths.map(named) : missing.map(({ path }) => path),
    last: missing[0]?.names.toSorted().at(-1) ?? null
  })
})

/** Makes the directory, or takes it where it may be taken. Leaves the mark in it that takes itself off at the end. */
const prepare = Effect.fnUntraced(function* (path: string, options: RestoreOptions, mark: string) {
  const fs = yield* FileSystem.FileSystem
  const unusable = (problem: TargetUnusable["problem"]) => () => new TargetUnusable({ path, problem })
  if (!(yield* Effect.orElseSucceed(fs.exists(path), () => false))) {
    yield* Effect.mapError(fs.makeDirectory(path, { mode: 0o700 }), unusable("not-writable"))
  }
  const entries = yield* Effect.mapError(fs.readDirectory(path), unusable("not-writable"))
  const begun = entries.includes(unfinished)
    ? yield* Effect.orElseSucceed(fs.readFileString(`${path}/${unfinished}`), () => "")
    : null
  if (begun !== null && begun !== mark) return yield* unusable("half-restored")()
  if (begun === null && entries.length > 0 && options.overwrite === undefined) return yield* unusable("not-empty")()
  yield* Effect.mapError(fs.writeFileString(`${path}/${unfinished}`, mark, { mode: 0o600 }), unusable("not-writable"))
})

/** A name below a directory that is free, or that the same restore has begun to fill. */
const freshName = Effect.fnUntraced(function* (below: string, name: string, mark: string) {
  const fs = yield* FileSystem.FileSystem
  for (let number = 1; ; number += 1) {
    const path = `${below === "/" ? "" : below}/byteback-restore-${name}${number === 1 ? "" : `-${number}`}`
    if (!(yield* Effect.orElseSucceed(fs.exists(path), () => false))) return path
    const begun = yield* Effect.option(fs.readFileString(`${path}/${unfinished}`))
    if (Option.isSome(begun) && begun.value === mark) return path
  }
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
  return { filterFile: `${directory}/rules` }
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

  const { session, settings } = yield* openSession(options)
  yield* session.hello
  const { snapshots } = yield* session.snapshots
  const { from = "latest" } = options
  const one = all ? null : yield* Effect.fromResult(snapshotFor(snapshots, from))
  const wanted = (one === null ? snapshots : [one]).flatMap(({ name }) => (isSnapshotRef(name) ? [name] : []))
  if (one !== null && wanted.length === 0) return yield* new ForeignSnapshot({ name: one.name })

  const mark = sameRestore(options, one?.name ?? "all")
  const directory =
    target._tag === "in-place"
      ? "/"
      : target._tag === "directory"
        ? target.path
        : yield* freshName(target.below, one?.name ?? "all", mark)
  const marked = !inPlace && !dryRun
  if (marked) yield* prepare(directory, options, mark)
  const finish = marked ? Effect.ignore(fs.remove(`${directory}/${unfinished}`)) : Effect.void
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
  const { acls, xattrs } = yield* rsync.version
  const filter = yield* filterFile(options, leftOut)
  const plan = { server: { rsh: session.rsh, alias: session.alias }, acls, xattrs, ioTimeout: settings.ioTimeout }
  // The root of a snapshot is the machine's own only where all of it was backed up, so in place it is never written.
  const topmost = Effect.fnUntraced(function* (snapshot: SnapshotRef) {
    const destination = yield* fs.makeTempDirectoryScoped({ prefix: "byteback-names-" })
    const names: Array<string> = []
    yield* rsync.pull(
      {
        ...plan,
        snapshot,
        paths: ["/"],
        destination,
        devices: true,
        namesOnly: true,
        dryRun: true,
        progress: false,
        itemize: "sized"
      },
      {
        change: (line) =>
          Effect.sync(() => {
            const name = readItemized(line)?.name ?? "./"
            if (name !== "./") names.push(name)
          })
      }
    )
    return names
  })
  const [first] = wanted
  const paths =
    inPlace && first !== undefined && options.paths.includes("/")
      ? yield* topmost(first)
      : options.paths.map(bytesOfPath)
  const pull = (snapshot: SnapshotRef, destination: string) =>
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
        itemize: dryRun || observer.change !== undefined
      },
      dryRun ? counting : observer
    )

  let transfer: Transfer | null = null
  for (const name of wanted) {
    const destination = all ? `${directory}/${name}` : directory
    if (all && !dryRun) yield* Effect.ignore(fs.makeDirectory(destination, { mode: 0o700 }))
    const pulled = yield* Effect.result(pull(name, destination))
    if (Result.isSuccess(pulled)) {
      transfer = transfer === null ? pulled.success : plus(transfer, pulled.success)
      continue
    }
    const { failure } = pulled
    if (failure.retryable || failure.reason === "no-space") return yield* stopped(failure)
    if (failure.reason !== "not-found") return yield* failure
    if (!all) {
      yield* finish
      return yield* yield* whereElse(session, options.paths, name)
    }
    // a directory named after a snapshot that has nothing of it would tell nothing
    const came = yield* Effect.orElseSucceed(fs.readDirectory(destination), () => [])
    if (came.length === 0) yield* Effect.ignore(fs.remove(destination, { recursive: true }))
  }
  yield* finish
  if (transfer === null)
    return yield* new NotInSnapshot({ snapshot: null, paths: options.paths.map(named), last: null })
  const written = all ? [directory] : options.paths.map(wordAbove).map((path) => (inPlace ? path : directory + path))
  const result: RestoreResult = {
    snapshot: one,
    directory,
    stats: transfer.stats,
    changes: dryRun ? changes : null,
    unreadable: transfer.unreadable,
    problems: transfer.problems,
    leftOut: transfer.leftOut,
    privileges: dryRun ? null : yield* restoredPrivileges(written)
  }
  return result
}, Effect.scoped)
