// Times as people give them.
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
    fc.assert(
      fc.property(fc.string(), zone, (text, offset) => {
        Result.match(restoreTime(text, now, offset), {
          onSuccess: (seconds) => assert.isAtMost(seconds, now),
          onFailure: (error) => assert.match(error.message, /^--at [\x20-\x7e]*$/)
        })
      })
    )
    fc.assert(
      fc.property(fc.nat(20_000), fc.nat(20_000), zone, (a, b, offset) => {
        const back = (days: number) => Result.getOrThrow(restoreTime(`${days} days ago 12:00`, now + 86_400, offset))
        if (a > 0 && b > a) assert.strictEqual(back(a) - back(b), (b - a) * 86_400)
      })
    )
  })
})
