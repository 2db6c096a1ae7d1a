// When the next snapshot of a host may be taken, from all that the server has on record.
import { nextDue } from "./prune/admission.ts"

/**
 * Null when a snapshot may be taken now, else the time from which it may. All in epoch seconds; `taken` are the times
 * of the server's own record, in any order. Times in the future come from a clock that was wrong, and block nothing.
 */
export const snapshotDue = (given: {
  readonly taken: Iterable<number>
  readonly interval: number
  readonly now: number
}): number | null => {
  let last: number | undefined
  for (const at of given.taken) if (at <= given.now && at > (last ?? -Infinity)) last = at
  return nextDue(given.now, last, given.interval) ?? null
}
