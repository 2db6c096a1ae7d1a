// When the next snapshot of a host may be taken.

/** Snapshots are no closer than this unless a host's configuration says otherwise; seconds. */
export const defaultInterval = 6 * 3600

/**
 * Null when a snapshot may be taken now, else the time from which it may. All in epoch seconds; `taken` are the times
 * of the server's own record, in any order. Times in the future come from a clock that was wrong, and block nothing.
 */
export const snapshotDue = (given: {
  readonly taken: Iterable<number>
  readonly interval: number
  readonly now: number
}): number | null => {
  let last = -Infinity
  for (const at of given.taken) if (at <= given.now && at > last) last = at
  const due = last + given.interval
  return due > given.now ? due : null
}
