// When the clock may be believed.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { AHEAD, clockJump, formatClock, parseClock } from "../../../src/domain/prune/clock.ts"
import { DAY, SKEW } from "../../../src/domain/prune/snapshot.ts"
import { NOW } from "./arbitrary.ts"

const time = fc.integer({ min: 0, max: 4e9 })

describe("a clock", () => {
  it("is believed where nothing is known, and as time goes on", () => {
    assert.isNull(clockJump(NOW, null, []))
    assert.isNull(clockJump(NOW, NOW - DAY, [NOW - 5 * DAY]))
  })

  it("two years back or ten ahead is not", () => {
    for (const seen of [null, NOW]) {
      assert.deepStrictEqual(clockJump(NOW - 730 * DAY, seen, [NOW]), { direction: "back", last: NOW })
      assert.deepStrictEqual(clockJump(NOW + 3650 * DAY, seen, [NOW]), { direction: "ahead", last: NOW })
    }
  })

  it("is judged by when it was last believed, whatever a wrong one has left in the journals", () => {
    fc.assert(
      fc.property(time, time, fc.array(time), (now, seen, times) => {
        const right = now >= seen - SKEW && now <= seen + AHEAD
        assert.strictEqual(clockJump(now, seen, times) === null, right)
      })
    )
  })

  it("may stand still for 90 days and no longer", () => {
    assert.isNull(clockJump(NOW + AHEAD, null, [NOW]))
    assert.isNotNull(clockJump(NOW + AHEAD + 1, null, [NOW]))
  })

  it("is remembered as it was written, also by an older version, and anything else is nothing", () => {
    fc.assert(fc.property(time, (seen) => assert.strictEqual(parseClock(formatClock(seen)), seen)))
    assert.strictEqual(parseClock("12 13 14\n"), 12)
    for (const text of ["", "x", "1 2", "-1", "1e9", "1 2 3 4"]) assert.isNull(parseClock(text))
  })
})
