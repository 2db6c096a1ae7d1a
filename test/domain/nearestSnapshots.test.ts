// Whom a wrong snapshot's name may have meant: the nearest in time.
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { nearestSnapshots } from "../../src/domain/nearestSnapshots.ts"
import { formatSnapshotName, snapshotTime } from "../../src/domain/snapshotName.ts"

const name = fc.integer({ min: 0, max: 4_000_000_000 }).map(formatSnapshotName)

describe("the nearest snapshots", () => {
  it("are three, and none that is left out is nearer", () => {
    fc.assert(
      fc.property(fc.uniqueArray(name), name, (names, wanted) => {
        const near = nearestSnapshots(names, wanted)
        assert.strictEqual(near.length, Math.min(3, names.length))
        const far = (one: string) => Math.abs(snapshotTime(one)! - snapshotTime(wanted)!)
        const farthest = Math.max(0, ...near.map(far))
        for (const one of names) if (!near.includes(one)) assert.isAtLeast(far(one), farthest)
      })
    )
  })

  it("are the newest for a word that tells no time, and never what has none", () => {
    const names = [
      "2026-01-02T00:00+0000",
      "saved",
      "2026-01-04T00:00+0000",
      "2026-01-01T00:00+0000",
      "2026-01-03T00:00+0000"
    ]
    assert.deepStrictEqual(nearestSnapshots(names, "yesterday"), [
      "2026-01-04T00:00+0000",
      "2026-01-03T00:00+0000",
      "2026-01-02T00:00+0000"
    ])
  })
})
