// What a client asked at the forced command, parsed into a type. Everything that acts on a request starts from here.
import type { SnapshotRef } from "../snapshotName.ts"

/** A long option of rsync's that passed the grammar; `value` is what stood after `=`. */
export interface LongOption {
  readonly name: string
  readonly value?: string
}

/** The cluster of short options: rsync's letters, and the part after `e` by which a client tells what it can do. */
export interface Cluster {
  readonly letters: string
  /** such as `.iLsfxCIvu`; empty where the client sent none */
  readonly client: string
}

export interface Transfer extends Cluster {
  /** without --timeout */
  readonly options: ReadonlyArray<LongOption>
  /** seconds, as the client asked */
  readonly timeout?: number
}

/** A path within a snapshot, relative and without `..`; `.` is all of it. */
export type SnapshotPath = string

/** What to send: a path, and the snapshot that it began with, if it named one. Without one it is looked for in `latest`. */
export interface PullPath {
  readonly snapshot?: SnapshotRef
  readonly path: SnapshotPath
}

/** The JSON of a typed request, at most 64 KiB of UTF-8. Whether it means anything is for its Schema to say. */
export interface Typed {
  readonly _tag: "Typed"
  readonly json: string
}

export interface Ping {
  readonly _tag: "Ping"
  readonly verbose: boolean
}

export interface Complete {
  readonly _tag: "Complete"
  readonly verbose: boolean
}

/** An old client's listing; `*` in place of a snapshot is every one, and the paths may be patterns. */
export interface List {
  readonly _tag: "List"
  readonly snapshot: SnapshotRef | "*"
  readonly all: boolean
  readonly verbose: boolean
  readonly paths: ReadonlyArray<SnapshotPath>
}

/** A backup. Where the client wanted it is not kept: it goes to the host's current. */
export interface Push extends Transfer {
  readonly _tag: "Push"
}

/**
 * An old client's restore; `*` is what it sends where its user named no snapshot. Names come as they were asked for, and not
 * below the snapshot's as an old server sent them: since rsync 3.2.5 (and in many a patched older one) the client refuses those.
 */
export interface Restore extends Transfer {
  readonly _tag: "Restore"
  readonly snapshot: SnapshotRef | "*"
  readonly all: boolean
  readonly paths: ReadonlyArray<SnapshotPath>
}

/** A restore with a plain rsync. All its paths are of one snapshot. */
export interface Pull extends Transfer {
  readonly _tag: "Pull"
  readonly paths: ReadonlyArray<PullPath>
}

/** rsync -s: the options and paths follow on stdin, see parseSecluded. Until they are parsed nothing may run. */
export interface Secluded extends Cluster {
  readonly _tag: "Secluded"
  readonly of: SecludedOf
}

/** What a secluded line has already said that is not rsync's. */
export type SecludedOf = Pick<Push, "_tag"> | Pick<Pull, "_tag"> | Pick<Restore, "_tag" | "snapshot" | "all">

export type Request = Typed | Ping | Complete | List | Push | Restore | Pull | Secluded

/** The one snapshot that a session reads. */
export const snapshotOf = (request: Restore | Pull): SnapshotRef => {
  const named = request._tag === "Restore" ? request.snapshot : request.paths[0]?.snapshot
  return named === undefined || named === "*" ? ("latest" as SnapshotRef) : named
}
