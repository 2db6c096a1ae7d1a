// Has the clock jumped? Ages decide what is deleted, so pruning first asks whether it may believe the time.
import { DAY, SKEW } from "./snapshot.ts"

/** The clock may be this far ahead of when it was last believed (seconds): a machine may be off for a while. */
export const AHEAD = 90 * DAY

export type ClockJump = { readonly direction: "back" | "ahead"; readonly last: number }

/**
 * Null where `now` may be believed. It is held to when the clock was last believed (`seen`), and where that is not known (null) to the
 * `times` of all journals. While it is known they say nothing: a backup is dated by whatever clock there is, and one that was wrong for
 * an hour leaves times behind that would make every right one look wrong. All in epoch seconds.
 */
export const clockJump = (now: number, seen: number | null, times: Iterable<number>): ClockJump | null => {
  let last = seen ?? -Infinity
  if (seen === null) for (const time of times) if (time > last) last = time
  if (now < last - SKEW) return { direction: "back", last }
  return last > -Infinity && now > last + AHEAD ? { direction: "ahead", last } : null
}

/** When the clock was last believed, or null where that cannot be read. An older version wrote two more times after it. */
export const parseClock = (text: string): number | null => {
  const match = /^(\d{1,12})(?: \d{1,12} \d{1,12})?\n?$/.exec(text)
  return match === null ? null : Number(match[1])
}

export const formatClock = (seen: number): string => `${seen}\n`
