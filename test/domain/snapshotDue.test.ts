// When the next snapshot is due, held against its plain definition.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { INTERVAL } from "../../src/domain/prune/admission.ts"
import { snapshotDue } from "../../src/domain/snapshotDue.ts"

const time = fc.integer({ min: 0, max: 4_000_000_000 })
const interval = fc.integer({ min: 1, max: 7 * 86_400 })

describe("the next snapshot", () => {
  it("is due at once exactly when none was taken within the interval before now", () => {
    fc.assert(
      fc.property(fc.array(time, { maxLength: 12 }), interval, time, (taken, interval, now) => {
        const recent = taken.filter((at) => at <= now && at > now - interval)
        assert.strictEqual(
          snapshotDue({ taken, interval, now }),
          recent.length === 0 ? null : Math.max(...recent) + interval
        )
      })
    )
  })

  it("may be taken when its time has come, and not a second before", () => {
    fc.assert(
      fc.property(fc.array(time, { minLength: 1 }), interval, time, (taken, interval, now) => {
        const due = snapshotDue({ taken, interval, now })
        if (due === null) return
        const upTo = taken.filter((at) => at <= now)
        assert.isNull(snapshotDue({ taken: upTo, interval, now: due }))
        assert.strictEqual(snapshotDue({ taken: upTo, interval, now: due - 1 }), due)
      })
    )
  })

  it("is never held up by a date in the future", () => {
    fc.assert(
      fc.property(fc.array(time), fc.array(fc.integer({ min: 1, max: 1e9 })), time, (taken, ahead, now) => {
        const given = { interval: INTERVAL, now }
        const future = ahead.map((seconds) => now + seconds)
        assert.strictEqual(
          snapshotDue({ ...given, taken: [...future, ...taken] }),
          snapshotDue({ ...given, taken: taken.filter((at) => at <= now) })
        )
      })
    )
  })

  it("is six hours after the last by default", () => {
    assert.strictEqual(snapshotDue({ taken: [1000], interval: INTERVAL, now: 1000 }), 1000 + 21_600)
    assert.isNull(snapshotDue({ taken: [1000], interval: INTERVAL, now: 22_600 }))
    assert.isNull(snapshotDue({ taken: [], interval: INTERVAL, now: 0 }))
  })
})
