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

/** A snapshot with all that a plan needs. `bytes`: what its deletion alone would free; absent where that is not known. */
export interface Stored extends Snapshot {
  readonly state: "complete" | "incomplete" | "suspect"
  readonly held: boolean
  readonly inUse: boolean
  readonly bytes?: number
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
  snapshots: Iterable<S>,
  now: number
): Array<[host: string, list: Array<S>]> => {
  const hosts = new Map<string, Array<S>>()
  let host: string | undefined
  let list: Array<S> = []
  for (const snapshot of snapshots) {
    if (isFuture(snapshot, now)) continue
    if (snapshot.host !== host) {
      host = snapshot.host
      const known = hosts.get(host)
      if (known === undefined) hosts.set(host, (list = []))
      else list = known
    }
    list.push(snapshot)
  }
  for (const list of hosts.values()) list.sort(newestFirst)
  return [...hosts].toSorted((a, b) => compareText(a[0], b[0]))
}
