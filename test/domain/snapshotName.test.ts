// Names of snapshots against the calendar.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  formatSnapshotName,
  isSnapshotRef,
  isSnapshotWord,
  parseSnapshotName,
  snapshotTime
} from "../../src/domain/snapshotName.ts"

const year10000 = 253_402_300_800

const two = (most: number) => fc.integer({ min: 0, max: most }).map((n) => `${n}`.padStart(2, "0"))

describe("the name of a snapshot", () => {
  it("is its time in UTC, to the minute", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: year10000 - 1 }), (at) => {
        const name = formatSnapshotName(at)
        assert.match(name, /^\d{4}-\d\d-\d\dT\d\d:\d\d\+0000$/)
        assert.deepStrictEqual(parseSnapshotName(name), { _tag: "Snapshot", name, at: at - (at % 60) })
      })
    )
    assert.strictEqual(formatSnapshotName(Date.UTC(2026, 10, 23, 17, 52, 59) / 1000), "2026-11-23T17:52+0000")
  })

  it("in an old zone is the same moment as Date.parse makes of it, or none", () => {
    const part = fc.record({
      y: fc.integer({ min: 1970, max: 2400 }),
      mo: two(13),
      d: two(32),
      h: two(25),
      mi: two(61)
    })
    const zone = fc.record({ sign: fc.constantFrom("+", "-"), h: two(14), mi: two(59) })
    fc.assert(
      fc.property(part, zone, ({ d, h, mi, mo, y }, z) => {
        const days = [
          31,
          y % 4 === 0 && (y % 100 !== 0 || y % 400 === 0) ? 29 : 28,
          31,
          30,
          31,
          30,
          31,
          31,
          30,
          31,
          30,
          31
        ]
        const real = Number(d) >= 1 && Number(d) <= (days[Number(mo) - 1] ?? 0) && Number(h) < 24 && Number(mi) < 60
        const near = Number(z.h) < 14 || z.mi === "00"
        const moment = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:00${z.sign}${z.h}:${z.mi}`) / 1000
        assert.strictEqual(
          snapshotTime(`${y}-${mo}-${d}T${h}:${mi}${z.sign}${z.h}${z.mi}`),
          real && near && moment >= 0 ? moment : undefined
        )
      }),
      { numRuns: 3000 }
    )
  })

  for (const name of [
    "",
    "current",
    "saved-do-not-delete",
    "2026-02-29T00:00+0000",
    "2026-13-01T00:00+0000",
    "2026-01-00T00:00+0000",
    "2026-01-01T24:00+0000",
    "2026-01-01T00:60+0000",
    "2026-01-01T00:00+1401",
    "2026-01-01T00:00+0060",
    "2026-01-01T00:00Z",
    "2026-01-01T00:00+00:00",
    "2026-01-01 00:00+0000",
    "2026-01-01T00:00:00+0000",
    "2026-01-01T00:00+0000\n",
    " 2026-01-01T00:00+0000",
    "2026-01-01T00:00+0000.tmp",
    "26-01-01T00:00+0000",
    "0000-01-01T00:00+0000",
    "1969-12-31T23:59+0000",
    "9999-12-31T23:59-0100",
    "٢٠٢٦-01-01T00:00+0000"
  ])
    it(`is not ${JSON.stringify(name)}`, () => {
      assert.deepStrictEqual(parseSnapshotName(name), { _tag: "Foreign", name })
    })

  it("or current, or latest, is what a client may name", () => {
    for (const word of ["current", "latest", "2026-11-23T17:52+0000", "2014-03-01T01:02-0330"])
      assert.isTrue(isSnapshotRef(word), word)
    for (const word of ["", "*", "..", "Latest", "saved-do-not-delete", "latest/"])
      assert.isFalse(isSnapshotRef(word), word)
  })

  it("is, where nothing else can stand, any plain word too", () => {
    for (const word of ["current", "2026-11-23T17:52+0000", "saved-do-not-delete", "old.2014"])
      assert.isTrue(isSnapshotWord(word), word)
    for (const word of ["", "*", ".", "..", "-x", "a/b", "a b", "a:b", "a\n", "x".repeat(101)])
      assert.isFalse(isSnapshotWord(word), JSON.stringify(word))
  })
})
