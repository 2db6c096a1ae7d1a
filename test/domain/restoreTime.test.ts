// Times as people give them; the machine's own `date` is asked too, where it takes the same words.
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import { restoreTime, type Zone } from "../../src/domain/restoreTime.ts"

const utc: Zone = () => 0
const at = (iso: string) => Date.parse(iso) / 1000
/** A Monday. */
const now = at("2026-11-23T17:52:00Z")
const read = (text: string, zone = utc, when = now) =>
  Result.match(restoreTime(text, when, zone), {
    onSuccess: (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19),
    onFailure: (error) => error.problem
  })

/** Central Europe in 2026: summer time from 29 March to 25 October, at 01:00 UTC both. */
const berlin: Zone = (seconds) =>
  seconds >= at("2026-03-29T01:00:00Z") && seconds < at("2026-10-25T01:00:00Z") ? 7200 : 3600

describe("a time of restore", () => {
  it("is what a person means by it", () => {
    assert.strictEqual(read("now"), "2026-11-23T17:52:00")
    assert.strictEqual(read("today"), "2026-11-23T17:52:00", "not after now")
    assert.strictEqual(read("yesterday"), "2026-11-22T23:59:59", "the end of the day")
    assert.strictEqual(read("yesterday 18:00"), "2026-11-22T18:00:00")
    assert.strictEqual(read("Yesterday at 18:00"), "2026-11-22T18:00:00")
    assert.strictEqual(read("9:30"), "2026-11-23T09:30:00")
    assert.strictEqual(read("3 days ago"), "2026-11-20T17:52:00")
    assert.strictEqual(read("3d"), "2026-11-20T17:52:00")
    assert.strictEqual(read("90min"), "2026-11-23T16:22:00")
    assert.strictEqual(read("3 days ago 08:00:01"), "2026-11-20T08:00:01")
    assert.strictEqual(read("an hour ago"), "2026-11-23T16:52:00")
    assert.strictEqual(read("monday"), "2026-11-16T23:59:59", "a weekday is never today")
    assert.strictEqual(read("last sunday 12:00"), "2026-11-22T12:00:00")
    assert.strictEqual(read("2026-11-01"), "2026-11-01T23:59:59")
    assert.strictEqual(read("2026-11-01 06:07"), "2026-11-01T06:07:00")
    assert.strictEqual(read("2026-11-01T06:07:08"), "2026-11-01T06:07:08")
    assert.strictEqual(read("2026-11-01T06:07+0100"), "2026-11-01T05:07:00")
    assert.strictEqual(read("2026-11-01T06:07:08Z"), "2026-11-01T06:07:08")
  })

  it("is a clock's time too: noon, midnight, in the morning and in the afternoon, before the day or after it", () => {
    assert.strictEqual(read("noon"), "2026-11-23T12:00:00")
    assert.strictEqual(read("midnight"), "2026-11-23T00:00:00", "the one that today began with")
    for (const text of ["yesterday noon", "noon yesterday", "yesterday at noon", "12pm yesterday", "sunday, 12:00"])
      assert.strictEqual(read(text), "2026-11-22T12:00:00", text)
    for (const text of ["yesterday midnight", "yesterday 12am", "0:00 yesterday", "yesterday at 12 a.m."])
      assert.strictEqual(read(text), "2026-11-22T00:00:00", text)
    assert.strictEqual(read("6pm yesterday"), "2026-11-22T18:00:00")
    assert.strictEqual(read("6:30 a.m. on friday"), "2026-11-20T06:30:00")
    assert.strictEqual(read("18:00 +0100 2026-11-01"), "2026-11-01T17:00:00")
    assert.strictEqual(read("2026-11-01T06:07:08.999Z"), "2026-11-01T06:07:08")
    for (const text of ["13pm", "0am yesterday", "yesterday 18:60", "24:00 yesterday"])
      assert.strictEqual(read(text), "never", text)
  })

  it("is how long ago: by the clock up to weeks, by the calendar for months and years", () => {
    assert.strictEqual(read("2 weeks ago"), "2026-11-09T17:52:00")
    assert.strictEqual(read("two weeks ago"), "2026-11-09T17:52:00")
    assert.strictEqual(read("last week"), "2026-11-16T17:52:00")
    assert.strictEqual(read("a fortnight ago"), "2026-11-09T17:52:00")
    assert.strictEqual(read("1 month ago"), "2026-10-23T17:52:00")
    assert.strictEqual(read("last month noon"), "2026-10-23T12:00:00")
    assert.strictEqual(read("2 weeks ago 18:00"), "2026-11-09T18:00:00")
    assert.strictEqual(read("3d ago"), read("3 days ago"))
    assert.strictEqual(read("30 mins ago"), "2026-11-23T17:22:00")
    assert.strictEqual(read("a year ago"), "2025-11-23T17:52:00")
    const march = at("2024-03-31T10:00:00Z")
    assert.strictEqual(read("1 month ago", utc, march), "2024-02-29T10:00:00", "no such day: the month's last")
    assert.strictEqual(read("1 year ago", utc, at("2024-02-29T10:00:00Z")), "2023-02-28T10:00:00")
    assert.match(read("999999 years ago"), /^-/, "older than any snapshot, and a time all the same")
  })

  it("is a date by its month's name, without a year the last one there was", () => {
    for (const text of ["1 nov", "Nov 1", "1st November 2026", "Nov. 1, 2026", "1-nov-2026", "2026/11/01"])
      assert.strictEqual(read(text), "2026-11-01T23:59:59", text)
    assert.strictEqual(read("24 december noon"), "2025-12-24T12:00:00")
    assert.strictEqual(read("23 nov"), "2026-11-23T17:52:00", "today: not after now")
    assert.strictEqual(read("29 feb"), "2024-02-29T23:59:59")
    assert.strictEqual(read("last thurs"), "2026-11-19T23:59:59")
    for (const text of ["30 feb", "31 april 2026"]) assert.strictEqual(read(text), "never", text)
    for (const text of ["1 nov 1", "nov", "nov 2026", "ma 1", "1 novel"])
      assert.strictEqual(read(text), "unknown", text)
  })

  it("is in the reader's zone, also where its clocks change", () => {
    assert.strictEqual(read("yesterday 18:00", berlin), "2026-11-22T17:00:00")
    assert.strictEqual(read("2026-07-01 18:00", berlin), "2026-07-01T16:00:00")
    assert.strictEqual(read("2026-10-25", berlin), "2026-10-25T22:59:59")
    assert.strictEqual(read("2026-10-25 02:30", berlin), "twice")
    assert.strictEqual(read("2026-10-25T02:30+0100", berlin), "2026-10-25T01:30:00")
    assert.strictEqual(read("2026-03-29 02:30", berlin), "never")
  })

  it("is refused where it lies ahead, is no day, or is nothing at all", () => {
    for (const text of ["2027-01-01", "18:00", "2026-11-24", "2026-11-23T18:52Z", "today 20:00"])
      assert.strictEqual(read(text), "future", text)
    for (const text of ["2026-02-30", "yesterday 25:00", "2026-11-01T06:61Z", "2026-13-01"])
      assert.strictEqual(read(text), "never", text)
    for (const text of [
      "",
      "01/02/2026",
      "18",
      "tomorrow",
      "next monday",
      "noon noon",
      "last",
      "months ago",
      "3 monday ago",
      "3 days",
      "constructor ago",
      "1 constructor ago",
      "2026",
      "-1 days ago",
      "yesterday yesterday"
    ])
      assert.strictEqual(read(text), "unknown", text)
  })

  it("never throws, never lies ahead of now, and of two days names the later one later", () => {
    const zone = fc.integer({ min: -14 * 4, max: 14 * 4 }).map(
      (quarters): Zone =>
        () =>
          quarters * 900
    )
    const words =
      "last at on ago noon midnight today yesterday monday nov 1 31 12 0 2024 999999 an two month months years weeks 3d " +
      "6pm 0:30 24:00 , + - @ @999999999999 z +0100 -9999 2024-02-29 2023-02-29 2026-11-01T06:07 t"
    const nearly = fc
      .array(fc.tuple(fc.constantFrom(...words.split(" ")), fc.constantFrom(" ", " ", "", "\t")), { maxLength: 6 })
      .map((some) => some.flat().join(""))
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearly), zone, (text, offset) => {
        Result.match(restoreTime(text, now, offset), {
          onSuccess: (seconds) => assert.isTrue(Number.isSafeInteger(seconds) && seconds <= now, `${text}: ${seconds}`),
          onFailure: (error) => assert.match(error.message, /^--at [\x20-\x7e]*$/)
        })
      }),
      { numRuns: 3000 }
    )
    fc.assert(
      fc.property(fc.nat(20_000), fc.nat(20_000), zone, (a, b, offset) => {
        const back = (days: number) => Result.getOrThrow(restoreTime(`${days} days ago 12:00`, now + 86_400, offset))
        if (a > 0 && b > a) assert.strictEqual(back(a) - back(b), (b - a) * 86_400)
      })
    )
  })

  it("names the forms that are taken, where it takes none", () => {
    const { message } = Result.getOrThrow(Result.flip(restoreTime("01/02/2026", now, utc)))
    const offered = [
      ...["today", "yesterday", "monday", "last monday", "2026-11-01", "1 nov", "6pm", "noon", "midnight"],
      ...["3 days ago", "3d", "2 weeks ago", "1 month ago", "last year", "2026-11-01T18:00+0100"]
    ]
    for (const words of offered) {
      assert.include(message, words)
      assert.notStrictEqual(read(words), "unknown", words)
    }
  })

  const zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"]

  /** The zone by its name, as the reader's own clock would have it. */
  const zoneCalled = (name: string): Zone => {
    const format = new Intl.DateTimeFormat("sv-SE", { timeZone: name, dateStyle: "short", timeStyle: "medium" })
    return (seconds) => at(`${format.format(seconds * 1000).replace(" ", "T")}Z`) - seconds
  }

  /** What `date` makes of the words: epoch seconds, or null where it refuses; and the second at which it did. */
  const asked = (zone: string, ...words: ReadonlyArray<string>) => {
    const script =
      'a=$(date +%s); for words; do date -d "$words" +%s 2>/dev/null || echo; done; b=$(date +%s); echo $a $b'
    for (;;) {
      const { stdout } = spawnSync("sh", ["-c", script, "sh", ...words], {
        encoding: "utf8",
        env: { ...process.env, TZ: zone }
      })
      const lines = stdout.trimEnd().split("\n")
      const [from, to] = lines.pop()!.split(" ").map(Number)
      if (from === to) return { second: from!, answers: lines.map((line) => (line === "" ? null : Number(line))) }
    }
  }

  it.each(zones)("is what date takes the same words for, counted from this very second in %s", (name) => {
    const zone = zoneCalled(name)
    const counted = [1, 2, 3, 7, 12, 40].flatMap((count) =>
      ["minute", "hour", "day", "week", "fortnight", "month", "year"].map((unit) => `${count} ${unit}s ago`)
    )
    const days = ["sun", "monday", "tues", "wednesday", "thu", "friday", "saturday"].map((one) => `last ${one} 18:00`)
    const words = [
      ...[...counted, ...days, "now", "last week", "last month", "last year", "yesterday 18:00", "6:30pm yesterday"],
      ...[
        "12am yesterday",
        "12pm yesterday",
        "2 weeks ago 03:00",
        "4 days ago 6 a.m.",
        "Nov 1, 2024 18:00",
        "1 may 2025 7am"
      ],
      ...["2026-02-28 12:00", "2026/02/28 12:00 +0530", "2026-02-28T12:00Z", "@1700000000"]
    ]
    const { answers, second: then } = asked(name, ...words)
    const day = Number(new Date((then + zone(then)) * 1000).toISOString().slice(8, 10))
    for (const [index, text] of words.entries()) {
      // date makes the 3rd of March of a 31st of February
      if (day > 28 && /month|year/.test(text)) continue
      assert.strictEqual(Result.getOrThrow(restoreTime(text, then, zone)), answers[index], `${text} at ${then}`)
    }
  })

  it.each(zones)("is what date says of any day and time of it in %s, but for a time that came twice", (name) => {
    const zone = zoneCalled(name)
    // each day of 2024 and 2025, at hours at which clocks are changed somewhere, and some others
    const all = Array.from({ length: 731 * 3 }, (_, index) => [19_723 + (index % 731), 15 + (index % 3) * 60] as const)
    const some = fc.sample(fc.tuple(fc.integer({ min: 0, max: 20_600 }), fc.nat(1439)), 200)
    const dates = [...all, ...some].map(([date, minute]) =>
      new Date((date * 1440 + minute) * 60_000).toISOString().slice(0, 16).replace("T", " ")
    )
    const ours = dates.map((words) => ({ words, is: read(words, zone) }))
    const never = ours.filter(({ is }) => is === "never").map(({ words }) => words)
    const times = ours.filter(({ is }) => is !== "never" && is !== "twice")
    assert.isAbove(times.length, 2300)
    assert.strictEqual(never.length > 0, !["UTC", "Asia/Kathmandu"].includes(name), "the hour that clocks leave out")
    const { stdout } = spawnSync("date", ["-f", "-", "-u", "+%FT%T"], {
      encoding: "utf8",
      env: { ...process.env, TZ: name },
      input: times.map(({ words }) => `TZ="${name}" ${words}\n`).join("")
    })
    assert.deepStrictEqual(
      stdout.trim().split("\n"),
      times.map(({ is }) => is)
    )
    assert.deepStrictEqual(
      asked(name, ...never).answers,
      never.map(() => null)
    )
  })
})
