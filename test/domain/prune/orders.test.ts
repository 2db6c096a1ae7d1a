// What every order is, whichever method made it.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { age } from "../../../src/domain/prune/age.ts"
import { importance } from "../../../src/domain/prune/importance.ts"
import { DAY, isFuture, type Snapshot } from "../../../src/domain/prune/snapshot.ts"
import { spread } from "../../../src/domain/prune/spread.ts"
import { NOW, snapshots } from "./arbitrary.ts"

const of = (list: ReadonlyArray<Snapshot>, host: string) => list.filter((s) => s.host === host)

type Order = (list: ReadonlyArray<Snapshot>, now: number, firsts: ReadonlyMap<string, number>) => Array<Snapshot>

const orders: ReadonlyArray<readonly [string, Order]> = [
  ["age", age],
  ["importance", (list, now) => importance(list, now)],
  ["spread", (list, now, firsts) => spread(list, now, { firsts })],
  ["spread with the ends pinned", (list, now) => spread(list, now, { regretBelow: 0 })],
  [
    "spread weighted by bytes",
    (list, now, firsts) => spread(list, now, { firsts, bytes: ({ id }) => (Number(id) * 7919) % 13 })
  ]
]

for (const [name, make] of orders) {
  describe(`the order of ${name}`, () => {
    const firstsAt = (now: number) => new Map(["a", "b", "c"].map((host) => [host, now - 500 * DAY]))
    const order = (list: ReadonlyArray<Snapshot>, now: number = NOW) => make(list, now, firstsAt(now))

    it("is a permutation of what is not in the future, whatever the order of the input, and leaves the input alone", () => {
      fc.assert(
        fc.property(snapshots(), fc.infiniteStream(fc.nat()), (list, random) => {
          const before = [...list]
          const found = order(list)
          assert.deepStrictEqual(list, before)
          assert.sameMembers(
            found,
            list.filter((s) => !isFuture(s, NOW))
          )
          const keyed = list.map((s) => [random.next().value, s] as const)
          const shuffled = keyed.toSorted((a, b) => a[0] - b[0]).map(([, s]) => s)
          assert.deepStrictEqual(order(shuffled), found)
        })
      )
    })

    it("does not change when all times and now are shifted", () => {
      fc.assert(
        fc.property(snapshots(), fc.integer({ min: -1e9, max: 1e9 }), (list, by) => {
          const shifted = order(
            list.map((s) => ({ ...s, t: s.t + by })),
            NOW + by
          )
          assert.deepStrictEqual(
            shifted.map((s) => ({ ...s, t: s.t - by })),
            order(list)
          )
        })
      )
    })

    it("is prefix-stable: without its last it is the order of the rest", () => {
      fc.assert(
        fc.property(snapshots(), (list) => {
          const found = order(list)
          assert.deepStrictEqual(order(found.slice(0, -1)), found.slice(0, -1))
        })
      )
    })

    it("of one snapshot or none is that", () => {
      fc.assert(
        fc.property(snapshots({ maxLength: 1 }), (list) =>
          assert.deepStrictEqual(
            order(list),
            list.filter((s) => !isFuture(s, NOW))
          )
        )
      )
    })

    it("keeps one host's order whatever becomes of another's", () => {
      fc.assert(
        fc.property(snapshots({ hosts: 2 }), snapshots({ hosts: 2 }), (one, other) => {
          const mixed = [...of(one, "a"), ...of(other, "b")]
          assert.deepStrictEqual(of(order(mixed), "a"), of(order(one), "a"))
        })
      )
    })
  })
}
