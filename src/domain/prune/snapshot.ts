// What pruning knows about a snapshot, and how snapshots are sorted before any method looks at them.

export const HOUR = 3600
export const DAY = 86_400

/** A snapshot dated further ahead of `now` than this (seconds) is suspect. */
export const SKEW = HOUR

/** `t` is in epoch seconds (an integer); `id` is the snapshot's name, unique within its host. */
export interface Snapshot {
  readonly host: string
  readonly t: number
  readonly id: string
}

/**
 * A snapshot with all that a plan needs. `bytes`: what its deletion alone would free; absent where that is not known. `doubted`: bytes of
 * it that nobody may have back, as what its host wrote looks wrong: it is suspect for that, or held before one that is; 0 unless given.
 */
export interface Stored extends Snapshot {
  readonly state: "complete" | "incomplete" | "suspect"
  readonly held: boolean
  readonly inUse: boolean
  readonly bytes?: number
  readonly doubted?: number
  /** The newest of its host holds all that it holds; false unless given. */
  readonly futile?: boolean
}

/** Dated in the future: unranked, never deleted automatically, never "the newest". */
export const isFuture = (snapshot: Snapshot, now: number): boolean => snapshot.t > now + SKEW

/** By code unit, so that no locale changes an order. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** (t desc, host asc, id asc). */
export const newestFirst = (a: Snapshot, b: Snapshot): number =>
  b.t - a.t || compareText(a.host, b.host) || compareText(a.id, b.id)

/** One list a host, hosts ascending, each list (t desc, id asc); the input is left as it is. What is in the future at `now` is left out. */
export const byHost = <S extends Snapshot>(
  snapshots: ReadonlyArray<S>,
  now: number
): Array<[host: string, list: Array<S>]> => {
  const hosts = new Map<string, Array<S>>()
  // Copied a run of one host at a time, as what comes from a store comes sorted.
  for (let start = 0; start < snapshots.length;) {
    const host = snapshots[start]!.host
    let end = start
    while (end < snapshots.length && snapshots[end]!.host === host && !isFuture(snapshots[end]!, now)) end++
    const list = hosts.get(host)
    if (end === start) start++
    else if (list === undefined) hosts.set(host, snapshots.slice(start, end))
    else for (let i = start; i < end; i++) list.push(snapshots[i]!)
    start = Math.max(start, end)
  }
  for (const list of hosts.values()) if (!isSorted(list)) list.sort(newestFirst)
  return [...hosts].toSorted((a, b) => compareText(a[0], b[0]))
}

/** Spares sorting the sorted its copy of a million. */
const isSorted = (list: ReadonlyArray<Snapshot>): boolean => {
  for (let i = 1; i < list.length; i++) if (newestFirst(list[i - 1]!, list[i]!) > 0) return false
  return true
}
