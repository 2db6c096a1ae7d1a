// Takes a snapshot of what a host has pushed: the core that a finished run and an administrator share.
import { Context, Effect, Schema } from "effect"
import type { Claim, SnapshotInfo } from "../domain/Conversation.ts"
import type { ExitName } from "../domain/exitCode.ts"
import type { JournalEntry, SnapshotTaken } from "../domain/JournalEntry.ts"
import { NoSpace } from "../domain/NoSpace.ts"
import { anomaly, INTERVAL, massChange, mayLookWrong, PAST } from "../domain/prune/admission.ts"
import { hostRecord } from "../domain/prune/record.ts"
import type { PushRecord } from "../domain/pushRecord.ts"
import { snapshotDue } from "../domain/snapshotDue.ts"
import { timesTaken } from "../domain/snapshotList.ts"
import { formatSnapshotName, snapshotTime } from "../domain/snapshotName.ts"
import { Journal } from "../services/Journal.ts"
import { Registry } from "../services/Registry.ts"
import { Runs } from "../services/Runs.ts"
import { Store } from "../services/Store.ts"
import { holdBefore, measureSnapshot } from "./measureSnapshot.ts"
import { recordTaken } from "./recordTaken.ts"
import { serverTime } from "./serverTime.ts"

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

/**
 * So long a client waits until the names that came and went are counted; where there are more, the prune that follows counts. One that
 * says itself that it deleted very much waits to be told what that means, and so does one that says nothing.
 */
const countingTime = (before: number | undefined, claim: Claim | undefined) =>
  claim !== undefined && anomaly({ ...massChange(before, 0, claim.deleted), growth: 0, past: [] }) === undefined
    ? "1 second"
    : "1 minute"

/** Takes and records a snapshot; whoever calls holds the host's lock and has seen that the host is enrolled. */
export const snapshotNow = Effect.fn("snapshotNow")(function* (
  host: string,
  options: {
    /** also when it is not due */
    readonly force: boolean
    /** what the client says of all that was done since the last one; where it is harmless the snapshot is measured later */
    readonly claim?: Claim | undefined
    readonly about: (
      entries: ReadonlyArray<JournalEntry>
    ) => Pick<SnapshotTaken, "by" | "state" | "transfer" | "unreadable" | "run">
  }
) {
  const store = yield* Store
  const journal = yield* Journal
  const runs = yield* Runs
  const interval = yield* SnapshotInterval
  yield* store.sweep(host)
  const { stored, entries, due } = yield* snapshotStanding(host)
  if (due !== null && !options.force) return yield* new SnapshotTooSoon({ host, due })
  const at = yield* serverTime
  const name = formatSnapshotName(at)
  // Names tell the minute.
  const minute = snapshotTime(name) ?? at
  if (stored.some((snapshot) => snapshot.name === name)) return yield* new SnapshotTooSoon({ host, due: minute + 60 })
  const taking: SnapshotTaken = { _tag: "snapshot", at, name, ...options.about(entries) }
  yield* runs.intend(host, taking)
  yield* store.take(host, name).pipe(
    Effect.catchIf(
      (error) =>
        error._tag === "BtrfsError"
          ? error.reason === "no-space"
          : error._tag === "SystemFileError" && (error.code === "ENOSPC" || error.code === "EDQUOT"),
      () => Effect.fail(new NoSpace({ what: `a snapshot of ${host}` }))
    )
  )
  const record = hostRecord(entries)
  const previous = stored.findLast((one) => one.sealed && one.at !== null && one.at <= at)?.name ?? null
  const before = previous === null ? undefined : record.taken.get(previous)?.files
  const past = record.sizes.slice(-PAST)
  const known = { before, past, approval: record.approval }
  // A first one is all new, and nobody waits to hear so.
  const measured =
    previous === null || !mayLookWrong(options.claim, known)
      ? null
      : yield* measureSnapshot({
          host,
          name,
          previous,
          ...known,
          patience: countingTime(before, options.claim),
          deleted: options.claim?.deleted
        }).pipe(
          // A backup is worth more than its measure: where it fails, the prune that follows measures and judges.
          Effect.tapError((error) =>
            Effect.logWarning(`the size of ${name} of ${host} is not known: ${error.message}`)
          ),
          Effect.orElseSucceed(() => null)
        )
  const looks = measured?.looks ?? null
  const entry: SnapshotTaken = {
    ...taking,
    ...(measured === null ? {} : { bytes: measured.bytes, metadata: measured.metadata }),
    ...(measured?.files === undefined ? {} : { files: measured.files }),
    ...(looks === null ? {} : { anomaly: looks })
  }
  if (looks !== null && previous !== null) yield* holdBefore(host, previous, looks)
  yield* journal.append(host, entry)
  yield* runs.intend(host, null)
  return resultOf(entry, interval)
}, Effect.uninterruptible)

const resultOf = ({ anomaly, at, name, state }: SnapshotTaken, interval: number): TakeSnapshotResult => ({
  snapshot: { name, at: snapshotTime(name) ?? at, state: anomaly === undefined ? state : "suspect", held: false },
  anomaly: anomaly ?? null,
  due: at + interval
})

/** The snapshot that a host's run was given already, null where it has none. */
export const snapshotOfRun = Effect.fn("snapshotOfRun")(function* (host: string, run: string) {
  const { entries } = yield* (yield* Journal).read(host)
  const entry = entries.findLast((one) => one._tag === "snapshot" && one.run === run)
  return entry?._tag === "snapshot" ? resultOf(entry, yield* SnapshotInterval) : null
})

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
  yield* recordTaken(host)
  const token = yield* runs.token(host)
  const push = yield* runs.lastPush(host)
  const result: TakeSnapshotResult = yield* snapshotNow(host, {
    force,
    about: (entries) => ({ by: "administrator", ...stateOfCurrent(token, push, entries) })
  })
  return result
}, Effect.scoped)
