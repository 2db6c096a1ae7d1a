// What a host's journal says that pruning and admission need: sizes, holds, approvals, refusals.
import type { Journal, JournalEntry, SnapshotTaken } from "../JournalEntry.ts"
import { type Approval, HOLD, spend } from "./admission.ts"
import { isFutile } from "./futile.ts"

/** Until when (epoch seconds, Infinity: until it is released) and why a snapshot is held or suspect. */
export interface Mark {
  readonly until: number
  readonly why: string
}

type Deleted = Extract<JournalEntry, { readonly _tag: "deleted" }>
export type Refusal = Extract<JournalEntry, { readonly _tag: "refused" }>

export interface HostRecord {
  /** By name, oldest first; also of those that are gone by now. */
  readonly taken: ReadonlyMap<string, SnapshotTaken>
  /** What a snapshot's deletion may free, as far as is known. It does not change when others are deleted. */
  readonly bytes: ReadonlyMap<string, number>
  /** Bytes new in each backup but the first, oldest first: what medians are made of. */
  readonly sizes: ReadonlyArray<number>
  /** What the first full backup held beyond what its deletion may free: it lives on in all others. */
  readonly base: number
  /** Did the last deletion free nothing? */
  readonly futile: boolean
  /** What the deletion of snapshots that are gone might have freed and did not: it lives on in what is left. By measures that others' runs disturb. */
  readonly left: number
  /** When the first backup ever was taken, epoch seconds. */
  readonly first: number | undefined
  readonly holds: ReadonlyMap<string, Mark>
  readonly suspects: ReadonlyMap<string, Mark>
  readonly approval: Approval | undefined
  /** A refusal that still stands. */
  readonly refusal: Refusal | undefined
  /** `removed`: its access was taken away; `removing`: its backups are to be deleted as well, and that was cut short. */
  readonly gone: "removed" | "removing" | undefined
}

/** What holds since the host's backups were last deleted as a whole. */
export const hostRecord = (journal: ReadonlyArray<JournalEntry>): HostRecord => {
  const from = journal.findLastIndex((entry) => entry._tag === "removed" && entry.backups === "deleted") + 1
  const taken = new Map<string, SnapshotTaken>()
  const holds = new Map<string, Mark>()
  const suspects = new Map<string, Mark>()
  const deleted: Array<Deleted> = []
  let approval: Approval | undefined
  let refusal: Refusal | undefined
  let gone: HostRecord["gone"]
  for (const entry of journal.slice(from)) {
    switch (entry._tag) {
      case "enrolled":
        gone = undefined
        break
      case "removing":
      case "removed":
        gone = entry._tag
        break
      case "snapshot":
        taken.set(entry.name, entry)
        if (entry.anomaly !== undefined) suspects.set(entry.name, { until: entry.at + HOLD, why: entry.anomaly })
        approval = approval && spend(approval)
        refusal = undefined
        break
      case "counted": {
        const its = taken.get(entry.name)
        const measured = {
          ...(entry.files === undefined ? {} : { files: entry.files }),
          ...(entry.bytes === undefined ? {} : { bytes: entry.bytes }),
          ...(entry.metadata === undefined ? {} : { metadata: entry.metadata })
        }
        if (its !== undefined) taken.set(entry.name, { ...its, ...measured })
        if (entry.anomaly !== undefined) suspects.set(entry.name, { until: entry.at + HOLD, why: entry.anomaly })
        break
      }
      case "held":
        holds.set(entry.name, { until: entry.until ?? Infinity, why: entry.why })
        break
      case "released":
        holds.delete(entry.name)
        suspects.delete(entry.name)
        break
      case "deleted":
        deleted.push(entry)
        break
      case "approved":
        approval = { runs: entry.runs, ...(entry.bytes === null ? {} : { bytes: entry.bytes }) }
        refusal = undefined
        break
      case "refused":
        refusal = entry
        break
    }
  }
  const list = [...taken.values()]
  const bytes = new Map<string, number>()
  list.forEach((entry, index) => {
    // Most of the first full backup lives on in those after it; what it alone holds is what the second replaced.
    const its = index === 0 ? list[1]?.bytes : entry.bytes
    if (its !== undefined) bytes.set(entry.name, its)
  })
  const lastDeleted = deleted.at(-1)
  return {
    taken,
    bytes,
    sizes: sizesOf(list),
    base: Math.max(0, (list[0]?.bytes ?? 0) - (list[1]?.bytes ?? 0)),
    futile: lastDeleted !== undefined && isFutile(bytes.get(lastDeleted.name) ?? 0, lastDeleted.freed),
    left: deleted.reduce(
      (sum, { freed, name }) => sum + Math.max(0, heldBy({ bytes, taken }, name) - Math.max(0, freed)),
      0
    ),
    first: list[0]?.at,
    holds,
    suspects,
    approval,
    refusal,
    gone
  }
}

/** What something takes of the disk: btrfs keeps metadata twice, unless it was told otherwise. Bytes. */
export const onDisk = (written: { readonly bytes?: number; readonly metadata?: number }): number =>
  (written.bytes ?? 0) + 2 * (written.metadata ?? 0)

/** What a snapshot holds of the disk that others of its host do not, as far as is known. Bytes. */
export const heldBy = ({ bytes, taken }: Pick<HostRecord, "bytes" | "taken">, name: string): number =>
  onDisk({ bytes: bytes.get(name) ?? 0, metadata: taken.get(name)?.metadata ?? 0 })

/** The first is a whole backup, and says nothing of what is new in others. */
const sizesOf = (list: ReadonlyArray<SnapshotTaken>): ReadonlyArray<number> =>
  list.slice(1).flatMap(({ bytes }) => (bytes === undefined ? [] : [bytes]))

/**
 * What each backup but the first took of the disk, oldest first: what reserves are made of. What looks wrong earns none, until somebody
 * has looked or its time is over.
 */
export const earningSizes = ({ suspects, taken }: HostRecord, now: number): ReadonlyArray<number> =>
  [...taken.values()]
    .slice(1)
    .flatMap((one) => (one.bytes === undefined || markAt(suspects, one.name, now) !== undefined ? [] : [onDisk(one)]))

/** `sizes` as they were known, or would have been, when a snapshot was taken. */
export const sizesBefore = (record: HostRecord, name: string): ReadonlyArray<number> => {
  const list = [...record.taken.values()]
  return sizesOf(
    list.slice(
      0,
      list.findIndex((one) => one.name === name)
    )
  )
}

/**
 * The mark on each of a host's snapshots that a damaged line of its journal may have spoken of: nobody knows which of them it held or
 * called suspect. It lasts until somebody releases the snapshot, and no longer than 30 days after the journal went on.
 */
export const doubtOf = ({ damaged, entries }: Journal, name: string): Mark | undefined => {
  const last = damaged.at(-1)
  if (last === undefined) return undefined
  const since = entries.slice(last - damaged.length)
  if (since.some((one) => (one._tag === "snapshot" || one._tag === "released") && one.name === name)) return undefined
  const next = since[0]
  const why = "its journal is damaged, and may have said that it is held"
  return { until: next === undefined ? Infinity : next.at + HOLD, why }
}

/** Those of a host's snapshots (names, oldest first) that nobody has measured yet, each with the one before it, by which it will be judged. */
export const unmeasured = (
  { taken }: HostRecord,
  names: ReadonlyArray<string>
): ReadonlyArray<{ readonly name: string; readonly previous: string | null }> =>
  names.flatMap((name, index) => {
    const its = taken.get(name)
    const known = its === undefined || (its.bytes !== undefined && its.files !== undefined)
    return known ? [] : [{ name, previous: names[index - 1] ?? null }]
  })

/** The mark on a snapshot that still counts at `now`. */
export const markAt = (marks: ReadonlyMap<string, Mark>, name: string, now: number): Mark | undefined => {
  const mark = marks.get(name)
  return mark !== undefined && mark.until > now ? mark : undefined
}
