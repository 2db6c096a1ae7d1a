// What pruning leaves for the forced command: it reads what was written, and nothing that is damaged makes it refuse.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { formatDefended, parseDefended, wantedBefore } from "../../../src/domain/prune/defended.ts"
import { shortReserve } from "../../../src/domain/storeUsage.ts"

const bytes = fc.nat({ max: 2 ** 50 })
const defended = fc.record({
  reserve: fc.oneof(bytes, fc.constant(shortReserve)),
  approved: fc
    .dictionary(fc.constantFrom("a", "web.example", "9"), bytes)
    .map((hosts) => new Map(Object.entries(hosts)))
})

describe("what is to be free before a push", () => {
  it("is read as it was written", () =>
    fc.assert(fc.property(defended, (given) => assert.deepStrictEqual(parseDefended(formatDefended(given)), given))))

  it("is the reserve, or what was approved for the host where that is more, and no amount while metadata is short", () =>
    fc.assert(
      fc.property(defended, fc.constantFrom("a", "web.example", "none"), (given, host) => {
        const { approved, reserve } = given
        assert.strictEqual(
          wantedBefore(formatDefended(given), host),
          reserve === shortReserve ? Infinity : Math.max(reserve, approved.get(host) ?? 0)
        )
      })
    ))

  it("is a number, whatever the file says", () =>
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), (text) =>
        assert.isFalse(Number.isNaN(wantedBefore(text, "a")))
      )
    ))
})
