// When the clock may be believed.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { AHEAD, clockJump, formatClock, parseClock } from "../../../src/domain/prune/clock.ts"
import { DAY } from "../../../src/domain/prune/snapshot.ts"
import { NOW } from "./arbitrary.ts"

const nothing = { seen: null, wrong: null }

describe("a clock", () => {
  it("is believed where nothing is known, and as time goes on", () => {
    assert.isNull(clockJump(NOW, [], nothing))
    assert.isNull(clockJump(NOW, [NOW - 5 * DAY], { seen: NOW - DAY, wrong: null }))
  })

  it("two years back or ten ahead is not", () => {
    assert.deepStrictEqual(clockJump(NOW - 730 * DAY, [NOW], nothing), { direction: "back", last: NOW })
    assert.deepStrictEqual(clockJump(NOW + 3650 * DAY, [NOW], nothing), { direction: "ahead", last: NOW })
  })

  it("is not made right by a backup that it has itself dated", () => {
    const seen = NOW
    const jumped = NOW + 3650 * DAY
    assert.deepStrictEqual(clockJump(jumped, [NOW, jumped], { seen, wrong: null }), { direction: "ahead", last: seen })
  })

  it("is believed again once the times that it was set back from are called wrong", () => {
    const ahead = NOW + 3650 * DAY
    assert.isNotNull(clockJump(NOW, [NOW - DAY, ahead], { seen: NOW - DAY, wrong: null }))
    assert.isNull(clockJump(NOW + DAY, [NOW - DAY, ahead], { seen: NOW, wrong: { from: NOW + 1, to: ahead } }))
  })

  it("may stand still for 90 days and no longer", () => {
    assert.isNull(clockJump(NOW + AHEAD, [NOW], nothing))
    assert.isNotNull(clockJump(NOW + AHEAD + 1, [NOW], nothing))
  })

  it("is remembered as it was written, and anything else is nothing", () => {
    const time = fc.integer({ min: 0, max: 4e9 })
    fc.assert(
      fc.property(time, fc.option(fc.record({ from: time, to: time })), (seen, wrong) => {
        assert.deepStrictEqual(parseClock(formatClock({ seen, wrong })), { seen, wrong })
      })
    )
    for (const text of ["", "x", "1 2", "-1", "1e9", "1 2 3 4"]) assert.deepStrictEqual(parseClock(text), nothing)
  })
})
