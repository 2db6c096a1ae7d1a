// The times that a person may give to say which restore point is meant: `yesterday 18:00`, `1 month ago`, `2026-11-01`.
import { Result, Schema } from "effect"
import { escapeName } from "./escape.ts"
import { parseSpan } from "./span.ts"

/** The reader's zone: seconds to add to UTC at an epoch second. */
export type Zone = (epochSeconds: number) => number

const forms =
  "write a day (today, yesterday, monday, last monday, 2026-11-01, 1 nov), a time (18:00, 6pm, noon, midnight) or both, " +
  "or how long ago (3 days ago, 3d, 2 weeks ago, 1 month ago, last year), or 2026-11-01T18:00+0100"

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
const months = "january february march april may june july august september october november december".split(" ")
const counts = "zero one two three four five six seven eight nine ten eleven twelve".split(" ")

/** Which of the names a word is, whole or cut to three letters or more (`sept`, `thurs`); -1 if none. */
const indexOfName = (names: ReadonlyArray<string>, word: string): number =>
  word.length < 3 ? -1 : names.findIndex((name) => name.startsWith(word.replace(/\.$/, "")))

/** Seconds, or months where a calendar has to say how long they are. */
const units: Record<string, { readonly seconds: number } | { readonly months: number }> = {
  second: { seconds: 1 },
  sec: { seconds: 1 },
  minute: { seconds: 60 },
  min: { seconds: 60 },
  hour: { seconds: 3600 },
  day: { seconds: day },
  week: { seconds: 7 * day },
  fortnight: { seconds: 14 * day },
  month: { months: 1 },
  year: { months: 12 }
}

/** `local` (written as if it were UTC) so many months before; where that month is shorter, its last day. */
const monthsBefore = (local: number, count: number): number => {
  const date = new Date(local * 1000)
  const wanted = date.getUTCDate()
  // no calendar here goes back further than that
  date.setUTCMonth(date.getUTCMonth() - Math.min(count, 99_999))
  if (date.getUTCDate() !== wanted) date.setUTCDate(0)
  return date.getTime() / 1000
}

/** `local` less what `3 days ago`, `a month ago` or `last week` says; null where the words say no such thing. */
const before = (words: string, local: number): number | null => {
  const [, count = "", ago, last] = /^(?:(\d{1,6}|[a-z]+) ([a-z]+?)s? ago|last ([a-z]+))$/.exec(words) ?? []
  const unit = Object.hasOwn(units, ago ?? last ?? "") ? units[(ago ?? last)!]! : null
  const times =
    last !== undefined || /^an?$/.test(count) ? 1 : /^\d/.test(count) ? Number(count) : counts.indexOf(count)
  if (unit === null || times < 0) return null
  return "seconds" in unit ? local - times * unit.seconds : monthsBefore(local, times * unit.months)
}

/** Seconds since midnight of `18:00`, `18:00:30`, `6:30 pm` or `noon`; null where a clock never shows it. */
const clockTime = (words: string): number | null => {
  if (words === "midnight") return 0
  if (words === "noon") return 12 * 3600
  const [, hours, minutes = 0, seconds = 0, half] = /^(\d+)(?::(\d+))?(?::(\d+))?[^ap]*([ap])?/.exec(words) ?? []
  const [h, m, s] = [hours, minutes, seconds].map(Number) as [number, number, number]
  if (m > 59 || s > 59 || h > 23 || (half !== undefined && (h < 1 || h > 12))) return null
  return (half === undefined ? h : (h % 12) + (half === "p" ? 12 : 0)) * 3600 + m * 60 + s
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

const clock = String.raw`noon|midnight|\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[ap]\.?m\.?)?|\d{1,2} ?[ap]\.?m\.?`
const offset = String.raw`(?: ?(z|utc|gmt|[+-]\d\d:?\d\d))?`
const clockLast = new RegExp(`^(?:(.+?)(?: at | |t))??(?:at )?(${clock})${offset}$`)
const clockFirst = new RegExp(`^(${clock})${offset} (.+)$`)

/** The words for a day, for a time of it, and the zone that the time is in. */
const parts = (words: string) => {
  const [, dayFirst, last, zoneLast] = clockLast.exec(words) ?? []
  if (last !== undefined) return { named: dayFirst ?? "today", time: last, zoned: zoneLast }
  const [, first, zoneFirst, dayLast] = clockFirst.exec(words) ?? []
  return { named: dayLast ?? words, time: first, zoned: zoneFirst }
}

/** Seconds to add to UTC in a zone that is given as `z` or `+0100`; null where none has that. */
const offsetOf = (zoned: string): number | null => {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zoned) ?? []
  if (sign === undefined) return 0
  const seconds = Number(hours) * 3600 + Number(minutes) * 60
  return Number(minutes) > 59 || seconds > 14 * 3600 ? null : sign === "-" ? -seconds : seconds
}

/**
 * Epoch seconds of what is meant, in the reader's zone. A day alone means its end (or now, for today), so that what was
 * backed up on that day counts; a weekday or a date without its year is the last one, a weekday before today. How long
 * ago something was is counted from now, whatever clocks did in between; a month ago is the same day of that month.
 */
export const restoreTime = (text: string, now: number, zone: Zone): Result.Result<number, NotATime> => {
  const fail = (problem: NotATime["problem"]) => Result.fail(new NotATime({ text, problem }))
  const past = (at: number) => (at > now ? fail("future") : Result.succeed(at))
  const words = text.trim().toLowerCase().replaceAll(/,?\s+/g, " ")

  if (words === "now") return Result.succeed(now)
  const epoch = /^@(\d{1,12})$/.exec(words)
  if (epoch !== null) return past(Number(epoch[1]))
  const local = now + zone(now)
  const long = before(words, local)
  if (long !== null) return Result.succeed(long - zone(now))
  const span = /[a-z]/.test(words) ? parseSpan(words.replace(/ ago$/, "")) : null
  if (span !== null) return Result.succeed(now - span)

  const today = Math.floor(local / day) * day
  const { named, time, zoned } = parts(words)
  const midnight = dayNamed(named.replace(/^on /, ""), today)
  if (midnight === undefined) return fail("unknown")
  if (midnight === null) return fail("never")
  if (time === undefined) {
    const [end] = instants(midnight + day, zone)
    const last = (end ?? midnight + day - zone(midnight)) - 1
    return midnight === today ? Result.succeed(Math.min(last, now)) : past(last)
  }
  const seconds = clockTime(time)
  if (seconds === null) return fail("never")
  if (zoned !== undefined) {
    const east = offsetOf(zoned)
    return east === null ? fail("never") : past(midnight + seconds - east)
  }
  const found = instants(midnight + seconds, zone)
  if (found.length === 0) return fail("never")
  // What lies ahead either way needs no zone to say so.
  if (found.every((at) => at > now)) return fail("future")
  return found.length > 1 ? fail("twice") : past(found[0]!)
}

/** A day's midnight; undefined: no word for a day, null: a date that there is not. */
const dayNamed = (named: string, today: number): number | null | undefined => {
  if (named === "today") return today
  if (named === "yesterday") return today - day
  const long = /\b(?:day|week|fortnight|month|year)/.test(named) ? before(named, today) : null
  if (long !== null) return long
  const weekday = indexOfName(weekdays, named.replace(/^last /, ""))
  if (weekday >= 0) {
    const back = (new Date(today * 1000).getUTCDay() - weekday + 7) % 7
    return today - (back === 0 ? 7 : back) * day
  }
  if (/^\d{4}[-/]\d\d[-/]\d\d$/.test(named)) return midnightOf(named.replaceAll("/", "-"))
  return dateOfMonth(named, today)
}

/** `1 nov`, `Nov. 1 2026`, `1 November 2026`; without a year the last one there was. */
const dateOfMonth = (named: string, today: number): number | null | undefined => {
  const [, dayFirst, name = "", dayLast, year] =
    /^(?:(\d{1,2})(?:st|nd|rd|th)?[ -])?([a-z]{3,}\.?)(?:[ -](\d{1,2})(?:st|nd|rd|th)?)?(?:[ -](\d{4}))?$/.exec(
      named
    ) ?? []
  const month = indexOfName(months, name)
  if (month < 0 || (dayFirst === undefined) === (dayLast === undefined)) return undefined
  const two = (part: number) => String(part).padStart(2, "0")
  const inYear = (one: number) => midnightOf(`${one}-${two(month + 1)}-${two(Number(dayFirst ?? dayLast))}`)
  if (year !== undefined) return inYear(Number(year))
  const thisYear = new Date(today * 1000).getUTCFullYear()
  // the 29th of February comes once in four years, or in eight
  for (let back = 0; back <= 8; back += 1) {
    const midnight = inYear(thisYear - back)
    if (midnight !== null && midnight <= today) return midnight
  }
  return null
}
