// When a run may start, when its end is worth a snapshot, and when it looks wrong.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  admission,
  type AdmissionRequest,
  anomaly,
  approves,
  expected,
  INTERVAL,
  massChange,
  mayLookWrong,
  nextDue,
  refusalWords,
  spend
} from "../../../src/domain/prune/admission.ts"
import { HOUR } from "../../../src/domain/prune/snapshot.ts"

describe("a snapshot is due", () => {
  it("six hours after the last, and not before", () => {
    assert.strictEqual(nextDue(1000, undefined), undefined)
    assert.strictEqual(nextDue(1000 + INTERVAL, 1000), undefined)
    assert.strictEqual(nextDue(1000 + INTERVAL - 1, 1000), 1000 + INTERVAL)
    assert.strictEqual(nextDue(1000, 1000), 1000 + INTERVAL)
    assert.strictEqual(nextDue(5000, 1000, HOUR), undefined)
  })

  it("whatever lies in the future", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (ahead) => assert.strictEqual(nextDue(1000, 1000 + ahead), undefined))
    )
  })
})

describe("a run", () => {
  const ask: AdmissionRequest = { host: "web", needs: 10, free: 100, freeable: 50, hostReserve: 20, storeReserve: 30 }

  it("that fits goes, however large", () => {
    assert.strictEqual(admission(ask).verdict, "go")
    assert.strictEqual(admission({ ...ask, needs: 100 }).verdict, "go")
  })

  it("that does not fit has room made when it is as large as usual", () => {
    const made = admission({ ...ask, free: 5, needs: 20 })
    assert.strictEqual(made.verdict, "room")
    assert.strictEqual(made.defend, 30)
  })

  it("that is suddenly larger is refused with a way out, and takes it", () => {
    const large = { ...ask, free: 5, needs: 45 }
    const refused = admission(large)
    assert.strictEqual(refused.verdict, "suddenly larger")
    assert.strictEqual(refused.defend, 30)
    assert.include(refusalWords(large, "suddenly larger"), "byteback approve web")
    const approved = admission({ ...large, approval: { bytes: 45, runs: 1 } })
    assert.strictEqual(approved.verdict, "room")
    assert.strictEqual(approved.defend, 45)
    assert.strictEqual(admission({ ...large, approval: { bytes: 44, runs: 1 } }).verdict, "suddenly larger")
    assert.strictEqual(admission({ ...large, approval: { runs: 0 } }).verdict, "suddenly larger")
  })

  it("that nothing could make room for is refused before it starts", () => {
    const refused = admission({ ...ask, free: 5, freeable: 4, needs: 20 })
    assert.strictEqual(refused.verdict, "no space")
    assert.strictEqual("short" in refused && refused.short, 11)
  })

  it("is expected to be as large as usual or as approved, less what has arrived, or that once more where nobody said", () => {
    assert.strictEqual(expected(10, 0, undefined), 10)
    assert.strictEqual(expected(10, 4, undefined), 6)
    assert.strictEqual(expected(10, 40, undefined), 0)
    assert.strictEqual(expected(10, 4, { bytes: 50, runs: 1 }), 46)
    assert.strictEqual(expected(10, 4, { bytes: 8, runs: 1 }), 6)
    assert.strictEqual(expected(10, 40, { runs: 1 }), 40)
  })

  it("that has arrived in part is judged by all of it, and starts with the least or not at all", () => {
    assert.strictEqual(admission({ ...ask, arrived: 45, needs: 0, free: 5, least: 8 }).verdict, "suddenly larger")
    assert.strictEqual(admission({ ...ask, arrived: 15, needs: 5, free: 5, least: 8 }).verdict, "room")
    assert.strictEqual(admission({ ...ask, arrived: 15, needs: 5, free: 5 }).verdict, "go")
  })

  it("never has more defended for it than the store's reserve, unless it is approved or usual", () => {
    const size = fc.nat({ max: 200 })
    fc.assert(
      fc.property(size, size, size, size, size, (needs, free, freeable, hostReserve, storeReserve) => {
        const { defend, verdict } = admission({ host: "h", needs, free, freeable, hostReserve, storeReserve })
        assert.isAtLeast(defend, storeReserve)
        if (needs > hostReserve) assert.strictEqual(defend, storeReserve)
        assert.strictEqual(verdict === "go", needs <= free)
        if (verdict === "room") assert.isAtLeast(defend, needs)
      })
    )
  })
})

describe("an approval", () => {
  it("lasts for its runs and covers its bytes", () => {
    assert.isTrue(approves({ runs: 1 }, 1e18))
    assert.isFalse(approves(undefined, 0))
    assert.isFalse(approves({ bytes: 9, runs: 3 }, 10))
    assert.deepStrictEqual(spend({ bytes: 9, runs: 3 }), { bytes: 9, runs: 2 })
    assert.isUndefined(spend({ runs: 1 }))
  })
})

describe("an anomaly", () => {
  const usual = { before: 1000, rewritten: 10, deleted: 10, growth: 2e6, past: [2e6, 1e6, 3e6, 2e6] }

  it("is more than half of what was there rewritten or deleted", () => {
    assert.isUndefined(anomaly(usual))
    assert.isUndefined(anomaly({ ...usual, rewritten: 250, deleted: 250 }))
    assert.match(anomaly({ ...usual, rewritten: 251, deleted: 250 })!, /25 % of what was there was rewritten/)
    assert.isDefined(anomaly({ ...usual, deleted: 1000 }))
    assert.isUndefined(anomaly({ ...usual, before: 0, rewritten: 0, deleted: 0 }))
  })

  it("is five times the median growth, once there is a median and more than noise", () => {
    assert.isUndefined(anomaly({ ...usual, growth: 9_999_999 }))
    assert.strictEqual(anomaly({ ...usual, growth: 10e6 }), "grew by 10 MB, where 2 MB is usual")
    assert.isUndefined(anomaly({ ...usual, growth: 10e6, past: [2e6, 2e6] }))
    assert.isUndefined(anomaly({ ...usual, growth: 900_000, past: [0, 0, 0] }))
    assert.isDefined(anomaly({ ...usual, growth: 1e6, past: [0, 0, 0] }))
  })

  it("is none when its growth was approved; mass change is one all the same", () => {
    assert.isUndefined(anomaly({ ...usual, growth: 10e6, approval: { runs: 1 } }))
    assert.isDefined(anomaly({ ...usual, deleted: 900, approval: { runs: 1 } }))
  })

  it("is never overlooked for what an honest client says it did", () => {
    const files = fc.nat({ max: 2000 })
    const part = fc.double({ min: 0, max: 1, noNaN: true })
    const past = fc.array(fc.nat({ max: 10_000_000 }), { maxLength: 6 })
    fc.assert(
      fc.property(
        files,
        files,
        files,
        fc.nat({ max: 100_000_000 }),
        past,
        part,
        (before, sent, gone, bytes, past, of) => {
          const known = { before, past, approval: undefined }
          const claim = { transferred: sent, deleted: gone, bytes }
          // At most all that was sent is rewritten, whole blocks of it.
          const rewritten = Math.floor(of * sent)
          const growth = Math.floor(of * (bytes + 4096 * sent))
          const looks = anomaly({ ...massChange(before, rewritten, Math.floor(of * gone)), growth, past })
          assert.isTrue(looks === undefined || mayLookWrong(claim, known))
        }
      ),
      { numRuns: 2000 }
    )
    const calm = { before: 1000, past: [2e6, 2e6, 2e6], approval: undefined }
    assert.isFalse(mayLookWrong({ transferred: 10, deleted: 10, bytes: 1e6 }, calm))
    assert.isTrue(mayLookWrong(undefined, calm), "nobody knows")
  })
})
