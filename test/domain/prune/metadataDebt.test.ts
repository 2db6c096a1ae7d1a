// Whose the metadata is.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type HostMetadata, metadataDebt } from "../../../src/domain/prune/metadataDebt.ts"
import { metadataFree, type StoreUsage } from "../../../src/domain/storeUsage.ts"

const bytes = fc.integer({ min: 0, max: 2 ** 40 })
const host = (name: string): fc.Arbitrary<HostMetadata> =>
  fc.record({
    host: fc.constant(name),
    share: fc.integer({ min: 1, max: 2 ** 40 }),
    used: bytes,
    snapshots: fc.array(bytes, { maxLength: 6 }),
    pending: fc.integer({ min: 1, max: 2 ** 40 }),
    approved: fc.boolean()
  })
const usage = fc
  .record({ size: bytes, used: bytes, unallocated: bytes })
  .map(({ size, unallocated, used }): StoreUsage => ({
    size: 2 ** 42,
    unallocated,
    free: 0,
    freeAtLeast: 0,
    data: { size: 0, used: 0 },
    metadata: { size: size + used, used },
    metadataRatio: 2,
    globalReserve: 0
  }))
const near = (a: number, b: number) => assert.approximately(a, b, 1 + 1e-6 * Math.abs(b))

describe("a host's part of the metadata", () => {
  it("and the others' make all that is used, and their shares all that there is", () => {
    fc.assert(
      fc.property(usage, host("a"), host("b"), (usage, a, b) => {
        const { shares } = metadataDebt(usage, [a, b])
        const sum = (of: "used" | "share") => [...shares.values()].reduce((total, one) => total + one[of], 0)
        near(sum("used"), usage.metadata.used)
        near(sum("share"), usage.metadata.used + metadataFree(usage))
        near(shares.get("a")!.share * b.share, shares.get("b")!.share * a.share)
      })
    )
  })

  it("grows with what it writes, and nobody else's does", () => {
    fc.assert(
      fc.property(usage, host("a"), host("b"), bytes, (usage, a, b, more) => {
        const before = metadataDebt(usage, [a, b]).shares
        const after = metadataDebt(usage, [{ ...a, pending: a.pending + more }, b]).shares
        assert.isAtLeast(after.get("a")!.used * (1 + 1e-9) + 1, before.get("a")!.used)
        assert.isAtMost(after.get("b")!.used, before.get("b")!.used * (1 + 1e-9) + 1)
      })
    )
  })

  it("is unearned beyond one and a half times what its snapshots usually hold, unless it is approved", () => {
    const full: StoreUsage = fc.sample(usage, { numRuns: 1, seed: 1 })[0]!
    const one = { host: "a", share: 1, used: 0, snapshots: [900, 100, 100], pending: 400, approved: false }
    const scale = full.metadata.used / 1500
    near(metadataDebt(full, [one]).unearned, 250 * scale)
    assert.strictEqual(metadataDebt(full, [{ ...one, approved: true }]).unearned, 0)
    assert.strictEqual(metadataDebt(full, [{ ...one, pending: 100 }]).unearned, 0)
  })
})
