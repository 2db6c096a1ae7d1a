// The times that a person may give to say which restore point is meant: `yesterday 18:00`, `3 days ago`, `2026-11-01`.
import { Result, Schema } from "effect"
import { escapeName } from "./escape.ts"
import { parseSpan } from "./span.ts"

/** The reader's zone: seconds to add to UTC at an epoch second. */
export type Zone = (epochSeconds: number) => number

const forms =
  "write now, today, yesterday, monday, 3 days ago or 3d, 2026-11-01, each with or without 18:00 after it, or 2026-11-01T18:00+0100"

/** The text is no time that can be meant. Nothing was restored. */
export class NotATime extends Schema.TaggedError<NotATime>()("NotATime", {
  text: Schema.String,
  problem: Schema.Literals(["unknown", "future", "twice", "never"])
}) {
  get exit() {
    return "usage" as const
  }
  override get message() {
    const text = escapeName(this.text, 80)
    switch (this.problem) {
      case "unknown":
        return `--at ${text} is not a time; ${forms}`
      case "future":
        return `--at ${text} is in the future; restore points are of the past`
      case "twice":
        return `--at ${text} came twice, as clocks were put back; add the zone that is meant, such as 2026-10-25T02:30+0100`
      case "never":
        return `--at ${text} never came: there is no such day, or clocks were put forward over it`
    }
  }
}

const day = 86_400
const weekdays = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
const lengths: Record<string, number> = { minute: 60, hour: 3600, day, week: 7 * day }

/** Seconds since midnight of `18:00` or `18:00:30`; null where a clock never shows it. */
const clockTime = (hours: string, minutes: string, seconds = "0"): number | null => {
  const [h, m, s] = [hours, minutes, seconds].map(Number) as [number, number, number]
  return h < 24 && m < 60 && s < 60 ? h * 3600 + m * 60 + s : null
}

/** The midnight (as if it were UTC) that a date begins with; null for a day that the calendar does not have. */
const midnightOf = (date: string): number | null => {
  const ms = Date.parse(`${date}T00:00:00Z`)
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== date ? null : ms / 1000
}

/** All epoch seconds at which clocks in the zone show `local` (written as if it were UTC): none, one or two. */
const instants = (local: number, zone: Zone): ReadonlyArray<number> => {
  const offsets = new Set([-day, 0, day].map((around) => zone(local + around)))
  return [...offsets].map((offset) => local - offset).filter((at) => at + zone(at) === local)
}

/**
 * Epoch seconds of what is meant, in the reader's zone. A day alone means its end (or now, for today), so that what was
 * backed up on that day counts. A weekday is the last one before today.
 */
export const restoreTime = (text: string, now: number, zone: Zone): Result.Result<number, NotATime> => {
  const fail = (problem: NotATime["problem"]) => Result.fail(new NotATime({ text, problem }))
  const past = (at: number) => (at > now ? fail("future") : Result.succeed(at))
  const words = text.trim().toLowerCase().replaceAll(/\s+/g, " ")

  if (words === "now") return Result.succeed(now)
  const ago = /^(\d{1,6}|an?|one) (minute|hour|day|week)s? ago$/.exec(words)
  if (ago !== null) return Result.succeed(now - (Number(ago[1]) || (ago[1] === "0" ? 0 : 1)) * lengths[ago[2]!]!)

  const span = /[a-z]/.test(words) ? parseSpan(words) : null
  if (span !== null) return Result.succeed(now - span)

  const zoned = /^(\d{4}-\d\d-\d\d)[t ](\d{1,2}):(\d\d)(?::(\d\d))? ?(z|([+-])(\d\d):?(\d\d))$/.exec(words)
  if (zoned !== null) {
    const [, date, hours, minutes, seconds, , sign, zoneHours = "0", zoneMinutes = "0"] = zoned
    const midnight = midnightOf(date!)
    const time = clockTime(hours!, minutes!, seconds)
    const offset = clockTime(zoneHours, zoneMinutes)
    if (midnight === null || time === null || offset === null || offset > 14 * 3600) return fail("never")
    return past(midnight + time - (sign === "-" ? -offset : offset))
  }

  const today = Math.floor((now + zone(now)) / day) * day
  const local = /^(.*?)(?:(?:^|[t ]| at )(\d{1,2}):(\d\d)(?::(\d\d))?)?$/.exec(words)
  const [, named = "", hours, minutes, seconds] = local ?? []
  const midnight = dayNamed(named, today, hours !== undefined)
  if (midnight === undefined) return fail("unknown")
  if (midnight === null) return fail("never")
  if (hours === undefined) {
    const [end] = instants(midnight + day, zone)
    const last = (end ?? midnight + day - zone(midnight)) - 1
    return midnight === today ? Result.succeed(Math.min(last, now)) : past(last)
  }
  const time = clockTime(hours, minutes!, seconds)
  if (time === null) return fail("never")
  const found = instants(midnight + time, zone)
  if (found.length === 0) return fail("never")
  // What lies ahead either way needs no zone to say so.
  if (found.every((at) => at > now)) return fail("future")
  return found.length > 1 ? fail("twice") : past(found[0]!)
}

/** A day's midnight; undefined: no word for a day, null: a date that there is not. */
const dayNamed = (named: string, today: number, hasTime: boolean): number | null | undefined => {
  if (named === "today" || (named === "" && hasTime)) return today
  if (named === "yesterday") return today - day
  const ago = /^(\d{1,5}) days? ago$/.exec(named)
  if (ago !== null) return today - Number(ago[1]) * day
  const weekday = weekdays.indexOf(named.replace(/^last /, ""))
  if (weekday >= 0) {
    const back = (new Date(today * 1000).getUTCDay() - weekday + 7) % 7
    return today - (back === 0 ? 7 : back) * day
  }
  return /^\d{4}-\d\d-\d\d$/.test(named) ? midnightOf(named) : undefined
}
