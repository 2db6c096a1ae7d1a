// Which snapshot a person means by a word (its name, or `latest`) or by a time.
import { Result, Schema } from "effect"
import type { SnapshotInfo } from "./Conversation.ts"
import { escapeName, escapeText } from "./escape.ts"
import { allSuspect, latestOf } from "./latest.ts"
import { nearestSnapshots } from "./nearestSnapshots.ts"

/** What the last push left, which no list of snapshots tells. */
const current: SnapshotInfo = { name: "current", at: null, state: "incomplete", held: false }

const noneYet = "this machine has no snapshots on the server yet; run byteback backup"

/** There is no such snapshot. Nothing was changed. */
export class NoSuchSnapshot extends Schema.TaggedError<NoSuchSnapshot>()("NoSuchSnapshot", {
  wanted: Schema.String,
  nearest: Schema.Array(Schema.String)
}) {
  override get message() {
    if (this.nearest.length === 0) return noneYet
    return `there is no snapshot ${escapeName(this.wanted)}; the nearest are ${this.nearest.map((name) => escapeName(name)).join(", ")}`
  }
}

/** All snapshots are newer than the time that was asked for. Nothing was changed. */
export class NoSnapshotThen extends Schema.TaggedError<NoSnapshotThen>()("NoSnapshotThen", {
  oldest: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return this.oldest === null ? noneYet : `no snapshot is that old; the oldest is ${escapeName(this.oldest)}`
  }
}

/** There are snapshots, and something is wrong with each of them. Nothing was changed. */
export class OnlySuspectSnapshots extends Schema.TaggedError<OnlySuspectSnapshots>()("OnlySuspectSnapshots", {
  newest: Schema.String,
  note: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return escapeText(allSuspect({ name: this.newest, note: this.note }))
  }
}

/** What was chosen, and a suspect one that is newer and was passed over for it. */
export interface Choice {
  readonly snapshot: SnapshotInfo
  readonly passed: SnapshotInfo | undefined
}

const trusted = (snapshots: ReadonlyArray<SnapshotInfo>, until?: number) => {
  const { chosen, passed } = latestOf(snapshots, until)
  if (chosen !== undefined) return Result.succeed<Choice>({ snapshot: chosen, passed })
  return Result.fail(
    passed === undefined ? null : new OnlySuspectSnapshots({ newest: passed.name, note: passed.note ?? null })
  )
}

/** The newest snapshot not after `at` (epoch seconds). A name tells the minute only, so all of that minute counts. */
const snapshotAt = (
  snapshots: ReadonlyArray<SnapshotInfo>,
  at: number
): Result.Result<Choice, NoSnapshotThen | OnlySuspectSnapshots> =>
  Result.mapError(trusted(snapshots, at), (suspect) => {
    const dated = snapshots.filter((one) => one.at !== null).toSorted((a, b) => a.at! - b.at!)
    return suspect ?? new NoSnapshotThen({ oldest: dated[0]?.name ?? null })
  })

/** What `wanted` names; the newest snapshot, incomplete ones counted, for `latest`. Else the three nearest are named. */
const snapshotCalled = (
  snapshots: ReadonlyArray<SnapshotInfo>,
  wanted: string
): Result.Result<Choice, NoSuchSnapshot | OnlySuspectSnapshots> => {
  const found = wanted === "current" ? current : snapshots.find((one) => one.name === wanted)
  if (found !== undefined) return Result.succeed({ snapshot: found, passed: undefined })
  const nearest = nearestSnapshots(
    snapshots.map(({ name }) => name),
    wanted
  )
  const none = new NoSuchSnapshot({ wanted, nearest })
  return wanted === "latest" ? Result.mapError(trusted(snapshots), (suspect) => suspect ?? none) : Result.fail(none)
}

/** By a name or `latest`, or by a time in epoch seconds. */
export const chooseSnapshot = (
  snapshots: ReadonlyArray<SnapshotInfo>,
  from: string | number
): Result.Result<Choice, NoSuchSnapshot | NoSnapshotThen | OnlySuspectSnapshots> =>
  typeof from === "number" ? snapshotAt(snapshots, from) : snapshotCalled(snapshots, from)
