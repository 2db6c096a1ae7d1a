// Takes a snapshot of what a host has pushed: the core that a finished run and an administrator share.
import { Clock, Context, Effect, Option, Schema } from "effect"
import type { SnapshotInfo } from "../domain/Conversation.ts"
import type { ExitName } from "../domain/exitCode.ts"
import type { JournalEntry, SnapshotTaken } from "../domain/JournalEntry.ts"
import { NoSpace } from "../domain/NoSpace.ts"
import { anomaly, HOLD } from "../domain/prune/admission.ts"
import { type HostRecord, hostRecord } from "../domain/prune/record.ts"
import type { PushRecord } from "../domain/pushRecord.ts"
import { INTERVAL } from "../domain/prune/admission.ts"
import { snapshotDue } from "../domain/snapshotDue.ts"
import { timesTaken } from "../domain/snapshotList.ts"
import { formatSnapshotName, snapshotTime } from "../domain/snapshotName.ts"
import { Journal } from "../services/Journal.ts"
import { Registry } from "../services/Registry.ts"
import { Runs } from "../services/Runs.ts"
import { type Growth, Store } from "../services/Store.ts"

/** How far apart a host's snapshots are at least, in seconds. */
export const SnapshotInterval = Context.Reference<number>("byteback/programs/SnapshotInterval", {
  defaultValue: () => INTERVAL
})

/** The host's last snapshot is too young. `due` in epoch seconds. */
export class SnapshotTooSoon extends Schema.TaggedError<SnapshotTooSoon>()("SnapshotTooSoon", {
  host: Schema.String,
  due: Schema.Int
}) {
  get exit(): ExitName {
    return "tooSoon"
  }
  override get message() {
    return `too soon for another snapshot of ${this.host}: the next is due at ${formatSnapshotName(this.due)}; what was pushed is kept and will be in it`
  }
}

export interface TakeSnapshotOptions {
  readonly host: string
  /** also when the last one is younger than the interval */
  readonly force: boolean
}

/** `due`: when the next may be taken, epoch seconds. */
export interface TakeSnapshotResult {
  readonly snapshot: SnapshotInfo
  /** why it looks wrong, where it does: it is then marked suspect, and the one before it held */
  readonly anomaly: string | null
  readonly due: number | null
}

/** Epoch seconds of the server's clock. */
export const serverTime = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))

/** What is known of a host's snapshots, and when the next is due (null: now). */
export const snapshotStanding = Effect.fn("snapshotStanding")(function* (host: string) {
  const store = yield* Store
  const journal = yield* Journal
  const stored = yield* store.snapshots(host)
  const { entries, damaged } = yield* journal.read(host)
  const interval = yield* SnapshotInterval
  const due = snapshotDue({ taken: timesTaken(stored, entries), interval, now: yield* serverTime })
  return { stored, entries, damaged, due }
})

/** Fewer changed files than this are no mass change: a host with a handful of files would cry wolf. */
const fewFiles = 100

/** Why what has grown since the snapshot `previous` looks wrong; null where it does not, or nobody can tell. */
const anomalyOf = (growth: Growth, record: HostRecord, previous: string): string | null => {
  const before = record.taken.get(previous)?.files
  const { bytes, created, files, rewritten } = growth
  const deleted = before === undefined ? 0 : Math.max(0, before + created - files)
  const mass = before !== undefined && rewritten + deleted >= fewFiles
  return (
    anomaly({
      before: mass ? before : 0,
      rewritten: mass ? rewritten : 0,
      deleted: mass ? deleted : 0,
      growth: bytes,
      past: record.sizes.slice(-30),
      ...(record.approval === undefined ? {} : { approval: record.approval })
    }) ?? null
  )
}

/** Takes and records a snapshot; whoever calls holds the host's lock and has seen that the host is enrolled. */
export const snapshotNow = Effect.fn("snapshotNow")(function* (
  host: string,
  force: boolean,
  about: (entries: ReadonlyArray<JournalEntry>) => Pick<SnapshotTaken, "by" | "state" | "transfer" | "unreadable">
) {
  const store = yield* Store
  const journal = yield* Journal
  const interval = yield* SnapshotInterval
  yield* store.sweep(host)
  const { stored, entries, due } = yield* snapshotStanding(host)
  if (due !== null && !force) return yield* new SnapshotTooSoon({ host, due })
  const at = yield* serverTime
  const name = formatSnapshotName(at)
  // Names tell the minute.
  const minute = snapshotTime(name) ?? at
  if (stored.some((snapshot) => snapshot.name === name)) return yield* new SnapshotTooSoon({ host, due: minute + 60 })
  const record = hostRecord(entries)
  const previous = stored.findLast((one) => one.sealed && one.at !== null && one.at <= at)?.name ?? null
  // A backup is worth more than its measure.
  const growth = yield* store.growth(host, previous).pipe(
    Effect.tapError((error) => Effect.logWarning(`the size of ${name} of ${host} is not known: ${error.message}`)),
    Effect.option
  )
  const looks = Option.isNone(growth) || previous === null ? null : anomalyOf(growth.value, record, previous)
  const entry: SnapshotTaken = {
    _tag: "snapshot",
    at,
    name,
    ...about(entries),
    ...(Option.isNone(growth) ? {} : { bytes: growth.value.bytes, files: growth.value.files }),
    ...(looks === null ? {} : { anomaly: looks })
  }
  yield* store.take(host, name).pipe(
    Effect.catchIf(
      (error) =>
        error._tag === "BtrfsError"
          ? error.reason === "no-space"
          : error._tag === "SystemFileError" && (error.code === "ENOSPC" || error.code === "EDQUOT"),
      () => Effect.fail(new NoSpace({ what: `a snapshot of ${host}` }))
    )
  )
  if (looks !== null && previous !== null) {
    const why = `the one after it looks wrong: ${looks}`
    yield* journal.append(host, { _tag: "held", at, name: previous, until: at + HOLD, why })
  }
  yield* journal.append(host, entry)
  const snapshot: SnapshotInfo = { name, at: minute, state: looks === null ? entry.state : "suspect", held: false }
  return { snapshot, anomaly: looks, due: at + interval }
}, Effect.uninterruptible)

/**
 * What an administrator's snapshot holds. With a token `current` is as the last complete run left it; without one
 * something was pushed since, and only the end of that push tells whether all of it arrived.
 */
const stateOfCurrent = (
  token: string | null,
  push: PushRecord | null,
  entries: ReadonlyArray<JournalEntry>
): Pick<SnapshotTaken, "state" | "transfer"> => {
  if (token !== null) {
    const last = entries.findLast((entry) => entry._tag === "snapshot")
    return { state: last?.state ?? "complete", transfer: last?.transfer ?? null }
  }
  const transfer = push?._tag === "Ended" ? push.code : null
  return { state: transfer === 0 || transfer === 24 ? "complete" : "incomplete", transfer }
}

/** Takes a snapshot of a host's `current` as it is, unless a push is under way (`Locked`). */
export const takeSnapshot = Effect.fn("takeSnapshot")(function* ({ force, host }: TakeSnapshotOptions) {
  const registry = yield* Registry
  const runs = yield* Runs
  yield* registry.get(host)
  yield* runs.lock(host)
  const token = yield* runs.token(host)
  const push = yield* runs.lastPush(host)
  const result: TakeSnapshotResult = yield* snapshotNow(host, force, (entries) => ({
    by: "administrator",
    ...stateOfCurrent(token, push, entries)
  }))
  return result
}, Effect.scoped)
