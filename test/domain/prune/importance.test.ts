// importance: the oracles, the laws, and the fast one against the definition.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { age } from "../../../src/domain/prune/age.ts"
import { importance, importanceVictims, TARGETS } from "../../../src/domain/prune/importance.ts"
import type { Snapshot } from "../../../src/domain/prune/snapshot.ts"
import { aged, ages, named, NOW, snapshots } from "./arbitrary.ts"
import { naiveImportance } from "./naive.ts"

const of = (list: ReadonlyArray<Snapshot>, host: string) => list.filter((s) => s.host === host)
const range = (count: number) => Array.from({ length: count }, (_, i) => i)

describe("importance, by example", () => {
  const table: ReadonlyArray<readonly [string, ReadonlyArray<number>, ReadonlyArray<number>]> = [
    ["I1 nothing", [], []],
    ["I1 one", [5], [5]],
    ["I2", [0, 10, 100], [0, 10, 100]],
    ["I3 every target and more", [0, 1, 2, 3, 7, 14, 21, 28, 56, 112, 168], [0, 1, 2, 3, 7, 14, 21, 28, 56, 112, 168]],
    ["I4 dailies", range(11), [0, 1, 2, 3, 7, 10, 9, 8, 6, 5, 4]],
    ["I6 a tie at 7 goes to the newer", [0, 1, 2, 3, 5, 9], [0, 1, 2, 3, 5, 9]],
    ["I7 none near", [200, 300, 400, 500], [200, 300, 400, 500]],
    [
      "I9 every six hours",
      range(13).map((i) => i / 4),
      [0, 1, 2, 3, 2.75, 2.5, 2.25, 1.75, 1.5, 1.25, 0.25, 0.75, 0.5]
    ],
    [
      "I11 a late first one",
      range(12).map((i) => i + 0.4),
      [0.4, 1.4, 2.4, 3.4, 7.4, 11.4, 10.4, 9.4, 8.4, 6.4, 4.4, 5.4]
    ],
    ["I12 the future is left out", [-1, 0.2, 1, 2], [0.2, 1, 2]]
  ]
  for (const [name, input, expected] of table) {
    it(name, () => assert.deepStrictEqual(ages(importance(aged(input).toReversed(), NOW)), expected))
  }

  it("I10 equal times go by name", () =>
    assert.deepStrictEqual(
      importance(aged([0, 1, 1, 2]), NOW).map((s) => Number(s.id)),
      [0, 1, 3, 2]
    ))
  it("I13 hosts take turns by rank", () =>
    assert.strictEqual(
      named(importance([...aged([0, 1, 2], "a"), ...aged([0.5, 1.5, 2.5], "b")], NOW)),
      "a0 b0.5 a1 b1.5 a2 b2.5"
    ))
  it("I15 a dead host's newest is worth as much as a live one's", () =>
    assert.strictEqual(
      named(importance([...aged([0, 1, 2], "a"), ...aged([100, 101, 102], "z")], NOW)),
      "a0 z100 a1 z101 a2 z102"
    ))
})

describe("importance, by law", () => {
  const targetLists = fc.oneof(
    fc.constant(TARGETS),
    fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 6 })
  )

  it("equals the definition, with ties, duplicates and futures", () => {
    fc.assert(
      fc.property(snapshots({ maxLength: 60 }), targetLists, (list, targets) => {
        const expected = naiveImportance(list, NOW, targets).map((r) => r.snapshot)
        assert.deepStrictEqual(importance(list, NOW, targets), expected)
        assert.deepStrictEqual([...importanceVictims(list, NOW, targets)], expected.toReversed())
      }),
      { numRuns: 500 }
    )
  })

  it("equals the definition where many are older than all targets, and some targets reach them early", () => {
    const quarters = fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 20, maxLength: 80 })
    const near = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(quarters, near, (list, targets) => {
        const snapshots = aged(list.map((quarter) => quarter / 4))
        assert.deepStrictEqual(
          importance(snapshots, NOW, targets),
          naiveImportance(snapshots, NOW, targets).map((r) => r.snapshot)
        )
      }),
      { numRuns: 300 }
    )
  })

  it("equals the definition where hundreds share one time", () => {
    const list = range(300).map((i): Snapshot => ({ host: "h", t: NOW - (i % 3) * 86_400, id: String(i) }))
    assert.deepStrictEqual(
      importance(list, NOW),
      naiveImportance(list, NOW, TARGETS).map((r) => r.snapshot)
    )
  })

  it("equals the definition over more hosts than are merged at once", () => {
    const list = range(700).map((i): Snapshot => ({ host: `h${i % 300}`, t: NOW - i * 40_000, id: String(i) }))
    assert.deepStrictEqual(
      importance(list, NOW),
      naiveImportance(list, NOW, TARGETS).map((r) => r.snapshot)
    )
  })

  it("equals age for one host with 120 dailies or more, which is its known weakness", () => {
    const dailies = fc.record({
      count: fc.integer({ min: 120, max: 800 }),
      since: fc.integer({ min: 0, max: 86_399 }),
      late: fc.array(fc.integer({ min: 0, max: 3600 }), { minLength: 800, maxLength: 800 })
    })
    fc.assert(
      fc.property(dailies, ({ count, late, since }) => {
        const list = range(count).map((day): Snapshot => ({
          host: "h",
          t: NOW - since - day * 86_400 - late[day]!,
          id: String(day).padStart(3, "0")
        }))
        // Without its last, the order is that of the rest: so long as 120 are left, the oldest goes.
        const last = (order: ReadonlyArray<Snapshot>) => order.slice(119)
        assert.deepStrictEqual(last(importance(list, NOW)), last(age(list, NOW)))
      })
    )
  })

  it("puts every host's newest before any host's second, which is nowhere before the first", () => {
    fc.assert(
      fc.property(snapshots(), (list) => {
        const order = importance(list, NOW)
        const hosts = new Set(order.map((s) => s.host))
        const front = order.slice(0, hosts.size)
        assert.strictEqual(new Set(front.map((s) => s.host)).size, hosts.size)
        // Target 0 is served by the nearest to now: the newest, unless one of the future hour's is nearer.
        for (const s of front) {
          const nearest = Math.min(...order.filter((o) => o.host === s.host).map((o) => Math.abs(o.t - NOW)))
          assert.strictEqual(Math.abs(s.t - NOW), nearest)
        }
      })
    )
  })

  it("gives ages equal to the targets, or to the first of them, in the targets' order", () => {
    const targets = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(fc.oneof(fc.constant([...TARGETS]), targets), fc.nat(), fc.nat(), (targets, some, turn) => {
        const wanted = targets.slice(0, 1 + (some % targets.length))
        const cut = turn % wanted.length
        const turned = [...wanted.slice(cut), ...wanted.slice(0, cut)]
        assert.deepStrictEqual(ages(importance(aged(turned), NOW, targets)), wanted)
      })
    )
  })

  it("lowers the fullest host first, like a water level", () => {
    fc.assert(
      fc.property(snapshots({ hosts: 4 }), fc.nat(), (list, some) => {
        const order = importance(list, NOW)
        const left = order.slice(0, order.length - (some % (order.length + 1)))
        const hosts = ["a", "b", "c", "d"]
        const level = Math.max(...hosts.map((host) => of(left, host).length))
        for (const host of hosts) assert.isAtLeast(of(left, host).length, Math.min(of(order, host).length, level - 1))
      })
    )
  })
})
