// Has the clock jumped? Ages decide what is deleted, so pruning first asks whether it may believe the time.
import { DAY, SKEW } from "./snapshot.ts"

/** The clock may be this far ahead of when it was last believed (seconds): a machine may be off for a while. */
export const AHEAD = 90 * DAY

/** What is remembered of the clock: when it was last believed, and the span of times that an administrator has called wrong. Epoch seconds. */
export interface ClockMemory {
  readonly seen: number | null
  readonly wrong: { readonly from: number; readonly to: number } | null
}

export type ClockJump = { readonly direction: "back" | "ahead"; readonly last: number }

/** Null where `now` may be believed; `times` are those of all journals. */
export const clockJump = (now: number, times: Iterable<number>, { seen, wrong }: ClockMemory): ClockJump | null => {
  let last = -Infinity
  const note = (time: number) => {
    if (time > last && !(wrong !== null && time >= wrong.from && time <= wrong.to)) last = time
  }
  for (const time of times) note(time)
  const latest = last
  if (seen !== null) note(seen)
  if (now < last - SKEW) return { direction: "back", last }
  // A backup that has just been taken by a wrong clock says nothing of whether that clock is right.
  const believed = seen ?? latest
  return believed > -Infinity &&
    now > believed + AHEAD &&
    !(wrong !== null && believed >= wrong.from && believed <= wrong.to)
    ? { direction: "ahead", last: believed }
    : null
}

/** `SEEN [FROM TO]`, or nothing where it cannot be read. */
export const parseClock = (text: string): ClockMemory => {
  const match = /^(\d{1,12})(?: (\d{1,12}) (\d{1,12}))?\n?$/.exec(text)
  return match === null
    ? { seen: null, wrong: null }
    : {
        seen: Number(match[1]),
        wrong: match[2] === undefined ? null : { from: Number(match[2]), to: Number(match[3]) }
      }
}

export const formatClock = ({ seen, wrong }: { readonly seen: number; readonly wrong: ClockMemory["wrong"] }): string =>
  `${seen}${wrong === null ? "" : ` ${wrong.from} ${wrong.to}`}\n`
