// Brings files of a snapshot back, with all that belongs to them, into a directory of their own.
import { Effect, FileSystem, Schema } from "effect"
import { bytesOfText } from "../domain/byteString.ts"
import { chooseSnapshot } from "../domain/chooseSnapshot.ts"
import type { RawSettings } from "../domain/clientSettings.ts"
import type { SnapshotInfo } from "../domain/Conversation.ts"
import { escapeName } from "../domain/escape.ts"
import type { TransferStats } from "../domain/rsync/stats.ts"
import { isSnapshotRef } from "../domain/snapshotName.ts"
import { type Observer, Rsync } from "../services/Rsync.ts"
import { connectToServer } from "./connectToServer.ts"
import { type RestoredPrivileges, restoredPrivileges } from "./RestoredPrivileges.ts"

export interface RestoreOptions {
  readonly settings: RawSettings
  /** absolute paths as they were on this machine; `/` is everything */
  readonly paths: ReadonlyArray<string>
  /** a snapshot's name; default: `latest` */
  readonly snapshot?: string
  /** absolute; made with mode 0700 unless it is there. Each path lands below it under its full name */
  readonly to: string
  /** carry on in a directory that already holds something, as after a cut connection */
  readonly resume?: boolean
  /** make devices, sockets and fifos too */
  readonly devices?: boolean
  readonly dryRun?: boolean
  readonly observer?: Observer
}

export interface RestoreResult {
  readonly snapshot: SnapshotInfo
  readonly directory: string
  readonly stats: TransferStats
  /** files that could not be brought back, and what rsync said of the first of them */
  readonly unreadable: number
  readonly problems: ReadonlyArray<string>
  /** what of it can give somebody rights on this machine; null for a dry run */
  readonly privileges: RestoredPrivileges | null
}

/** The directory to restore to cannot be used. Nothing was written. */
export class TargetUnusable extends Schema.TaggedError<TargetUnusable>()("TargetUnusable", {
  path: Schema.String,
  problem: Schema.Literals(["not-empty", "not-writable"])
}) {
  override get message() {
    const path = escapeName(this.path)
    return this.problem === "not-empty"
      ? `${path} is not empty; nothing was written. Name a new directory with --to, or give --resume to carry on in this one`
      : `${path} cannot be made or written; nothing was written. Name another directory with --to`
  }
}

/** A snapshot that byteback did not make cannot be asked for by a client. Nothing was written. */
export class ForeignSnapshot extends Schema.TaggedError<ForeignSnapshot>()("ForeignSnapshot", { name: Schema.String }) {
  override get message() {
    return `${escapeName(this.name)} was not made by byteback, so a client cannot ask for it; the server's administrator can copy from it`
  }
}

/** Something that was asked for is not in the snapshot. What is there has been brought back. */
export class NotInSnapshot extends Schema.TaggedError<NotInSnapshot>()("NotInSnapshot", {
  snapshot: Schema.String,
  paths: Schema.Array(Schema.String)
}) {
  override get message() {
    const paths = this.paths.map((path) => escapeName(path, 200)).join(" or ")
    return `${paths} is not in snapshot ${this.snapshot}; what else was asked for has come. Another may have it: byteback snapshots`
  }
}

/** Restores `paths` of one snapshot below `to`. What is not asked for is not accepted from the server. */
export const restore = Effect.fn("restore")(function* (options: RestoreOptions) {
  const fs = yield* FileSystem.FileSystem
  const rsync = yield* Rsync
  const { session, settings } = yield* connectToServer(options.settings)
  yield* session.hello
  const { snapshots } = yield* session.snapshots
  const snapshot = yield* Effect.fromResult(chooseSnapshot(snapshots, options.snapshot ?? "latest"))
  const { name } = snapshot
  if (!isSnapshotRef(name)) return yield* new ForeignSnapshot({ name })

  if (options.dryRun !== true) {
    const unusable = (problem: TargetUnusable["problem"]) => () => new TargetUnusable({ path: options.to, problem })
    if (!(yield* Effect.orElseSucceed(fs.exists(options.to), () => false))) {
      yield* Effect.mapError(fs.makeDirectory(options.to, { mode: 0o700 }), unusable("not-writable"))
    }
    const entries = yield* Effect.mapError(fs.readDirectory(options.to), unusable("not-writable"))
    if (entries.length > 0 && options.resume !== true) return yield* unusable("not-empty")()
    yield* Effect.mapError(fs.access(options.to, { writable: true }), unusable("not-writable"))
  }

  const { acls, xattrs } = yield* rsync.version
  const transfer = yield* rsync
    .pull(
      {
        server: { rsh: session.rsh, alias: session.alias },
        snapshot: name,
        paths: options.paths.map(bytesOfText),
        destination: options.to,
        acls,
        xattrs,
        devices: options.devices ?? false,
        ioTimeout: settings.ioTimeout,
        dryRun: options.dryRun ?? false,
        itemize: options.observer?.change !== undefined
      },
      options.observer
    )
    .pipe(
      Effect.catchIf(
        (error) => error.reason === "not-found",
        () => Effect.fail(new NotInSnapshot({ snapshot: name, paths: options.paths }))
      )
    )
  const result: RestoreResult = {
    snapshot,
    directory: options.to,
    stats: transfer.stats,
    unreadable: transfer.unreadable,
    problems: transfer.problems,
    privileges: options.dryRun === true ? null : yield* restoredPrivileges(options.to)
  }
  return result
}, Effect.scoped)
