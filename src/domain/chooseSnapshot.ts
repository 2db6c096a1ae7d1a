// Which snapshot a person means by a word (its name, or `latest`) or by a time.
import { Result, Schema } from "effect"
import type { SnapshotInfo } from "./Conversation.ts"
import { escapeName } from "./escape.ts"
import { snapshotTime } from "./snapshotName.ts"

/** There is no such snapshot. Nothing was changed. */
export class NoSuchSnapshot extends Schema.TaggedError<NoSuchSnapshot>()("NoSuchSnapshot", {
  wanted: Schema.String,
  nearest: Schema.Array(Schema.String)
}) {
  override get message() {
    if (this.nearest.length === 0) return "this machine has no snapshots on the server yet; run byteback backup"
    return `there is no snapshot ${escapeName(this.wanted)}; the nearest are ${this.nearest.map((name) => escapeName(name)).join(", ")}`
  }
}

/** All snapshots are newer than the time that was asked for. Nothing was changed. */
export class NoSnapshotThen extends Schema.TaggedError<NoSnapshotThen>()("NoSnapshotThen", {
  oldest: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return this.oldest === null
      ? "this machine has no snapshots on the server yet; run byteback backup"
      : `no snapshot is that old; the oldest is ${escapeName(this.oldest)}`
  }
}

/** Those that a word or a time may mean: dated and not suspect, oldest first. */
const trusted = (snapshots: ReadonlyArray<SnapshotInfo>): ReadonlyArray<SnapshotInfo> =>
  snapshots.filter((one) => one.at !== null && one.state !== "suspect").toSorted((a, b) => a.at! - b.at!)

/** The newest snapshot not after `at` (epoch seconds). A name tells the minute only, so all of that minute counts. */
export const snapshotAt = (
  snapshots: ReadonlyArray<SnapshotInfo>,
  at: number
): Result.Result<SnapshotInfo, NoSnapshotThen> => {
  const dated = trusted(snapshots)
  const found = dated.findLast((one) => one.at! <= at)
  return found === undefined
    ? Result.fail(new NoSnapshotThen({ oldest: dated[0]?.name ?? null }))
    : Result.succeed(found)
}

/** The snapshot that `wanted` names; the newest, incomplete ones counted, for `latest`. Else the three nearest are named. */
export const chooseSnapshot = (
  snapshots: ReadonlyArray<SnapshotInfo>,
  wanted: string
): Result.Result<SnapshotInfo, NoSuchSnapshot> => {
  const dated = trusted(snapshots)
  const found = wanted === "latest" ? dated.at(-1) : snapshots.find((one) => one.name === wanted)
  if (found !== undefined) return Result.succeed(found)
  const time = snapshotTime(wanted)
  const nearest =
    time === undefined
      ? dated.slice(-3)
      : dated.toSorted((a, b) => Math.abs(a.at! - time) - Math.abs(b.at! - time)).slice(0, 3)
  return Result.fail(new NoSuchSnapshot({ wanted, nearest: nearest.map((one) => one.name) }))
}

/** By a word, or by a time in epoch seconds. */
export const snapshotFor = (
  snapshots: ReadonlyArray<SnapshotInfo>,
  from: string | number
): Result.Result<SnapshotInfo, NoSuchSnapshot | NoSnapshotThen> =>
  typeof from === "number" ? snapshotAt(snapshots, from) : chooseSnapshot(snapshots, from)
