// A host's restore points: what lies in the store, with what the journal knows of it.
import type { SnapshotInfo } from "./Conversation.ts"
import type { JournalEntry } from "./JournalEntry.ts"
import { HOLD } from "./prune/admission.ts"
import { doubtOf, type HostRecord, hostRecord, markAt } from "./prune/record.ts"
import { SKEW } from "./prune/snapshot.ts"

/** What stands beside `current` in a host's directory, as the store sees it. */
export interface StoredSnapshot {
  readonly name: string
  /** epoch seconds, from its name; null where it is foreign */
  readonly at: number | null
  /** not made by byteback: listed, restorable, and otherwise left alone */
  readonly foreign: boolean
  /** read-only, and its root inode belongs to root: not even the host can alter it */
  readonly sealed: boolean
}

/** A restore point, and what is to be said of it where something is odd. */
export interface ListedSnapshot extends SnapshotInfo {
  readonly note: string | null
}

/** What the journal says since the host's backups were last deleted as a whole: nothing older is in the store. */
const sinceDeleted = (journal: ReadonlyArray<JournalEntry>): ReadonlyArray<JournalEntry> =>
  journal.slice(journal.findLastIndex((entry) => entry._tag === "removed" && entry.backups === "deleted") + 1)

const byName = (a: StoredSnapshot, b: StoredSnapshot): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/** Oldest first; those without a time before all others, by name. */
export const oldestFirst = (a: StoredSnapshot, b: StoredSnapshot): number =>
  (a.at ?? -Infinity) === (b.at ?? -Infinity) ? byName(a, b) : (a.at ?? -Infinity) < (b.at ?? -Infinity) ? -1 : 1

/** The last snapshot that is whole and not dated after `now` (epoch seconds), of a list that is oldest first. */
export const lastSealed = (stored: ReadonlyArray<StoredSnapshot>, now: number): StoredSnapshot | undefined =>
  stored.findLast(({ at, sealed }) => sealed && at !== null && at <= now)

const judge = (stored: StoredSnapshot, record: HostRecord, now: number): Pick<ListedSnapshot, "state" | "note"> => {
  if (stored.foreign) return { state: "foreign", note: "not made by byteback: left alone" }
  if (stored.at !== null && stored.at > now + SKEW) {
    return { state: "suspect", note: "dated in the future: was the server's clock wrong?" }
  }
  if (!stored.sealed) return { state: "suspect", note: "not read-only: it may have been altered since it was taken" }
  const anomaly = markAt(record.suspects, stored.name, now)
  if (anomaly !== undefined) return { state: "suspect", note: anomaly.why }
  const state = record.taken.get(stored.name)?.state
  if (state !== undefined) return { state, note: null }
  return isUntold(stored, record, now)
    ? { state: "suspect", note: "not in the journal, which has older ones: nobody knows whether all of it arrived" }
    : { state: "complete", note: "not in the journal: taken to be complete" }
}

/**
 * Was a journal kept when a snapshot was taken that it does not have? The server was stopped in between, or the journal lost its end.
 * After 30 days nobody will say any more.
 */
const isUntold = ({ at }: StoredSnapshot, { taken }: HostRecord, now: number): boolean =>
  at !== null && at + HOLD > now && [...taken.values()].some((one) => one.at < at)

/**
 * Joins both, oldest first. The journal alone says complete or incomplete, and what is held; `now` in epoch seconds. `damaged`: its lines
 * that cannot be read, which may have held anything.
 */
export const joinSnapshots = (
  stored: ReadonlyArray<StoredSnapshot>,
  journal: ReadonlyArray<JournalEntry>,
  now: number,
  damaged: ReadonlyArray<number> = []
): ReadonlyArray<ListedSnapshot> => {
  const record = hostRecord(journal)
  return stored.toSorted(oldestFirst).map((snapshot) => {
    const { at, name } = snapshot
    const doubt = doubtOf({ entries: journal, damaged }, name)
    const hold = markAt(record.holds, name, now) ?? (doubt !== undefined && doubt.until > now ? doubt : undefined)
    const { bytes, files } = record.taken.get(name) ?? {}
    return {
      name,
      at,
      held: hold !== undefined,
      ...(hold === undefined ? {} : { hold: { why: hold.why, until: hold.until === Infinity ? null : hold.until } }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(files === undefined ? {} : { files }),
      ...judge(snapshot, record, now)
    }
  })
}

/** When snapshots were taken, by the server's own record: its journal, and the names of what it sealed. Epoch seconds. */
export const timesTaken = (
  stored: ReadonlyArray<StoredSnapshot>,
  journal: ReadonlyArray<JournalEntry>
): ReadonlyArray<number> => [
  ...sinceDeleted(journal).flatMap((entry) => (entry._tag === "snapshot" ? [entry.at] : [])),
  ...stored.flatMap(({ at, sealed }) => (sealed && at !== null ? [at] : []))
]
