// Every snapshot has one reason, and the reasons are enough to derive the order again.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { age } from "../../../src/domain/prune/age.ts"
import { ageText, bytesText } from "../../../src/domain/prune/amount.ts"
import { importance, TARGETS } from "../../../src/domain/prune/importance.ts"
import type { Method } from "../../../src/domain/prune/method.ts"
import { keptWords, type Reasoned, reasons } from "../../../src/domain/prune/reasons.ts"
import { DAY, newestFirst, type Snapshot } from "../../../src/domain/prune/snapshot.ts"
import { spread } from "../../../src/domain/prune/spread.ts"
import { aged, NOW, snapshots } from "./arbitrary.ts"

const shuffled = <A>(list: ReadonlyArray<A>) =>
  list
    .map((a, i) => [(i * 7919) % 104_729, a] as const)
    .toSorted((a, b) => a[0] - b[0])
    .map(([, a]) => a)

const key = ({ reason }: Reasoned<Snapshot>) =>
  reason.method === "age" ? reason.age : reason.method === "importance" ? reason.rank : 0
const turn = (r: Reasoned<Snapshot>) => (r.reason.method === "spread" ? r.reason.turn : 0)
const loss = ({ reason }: Reasoned<Snapshot>) =>
  reason.method !== "spread" ? 0 : (reason.loss ?? (reason.newer === undefined ? Infinity : Number.MAX_VALUE))
const words = (method: Method, days: ReadonlyArray<number>) =>
  reasons(method, aged(days), NOW).map((r) => keptWords(r.reason))

/** From nothing but snapshots and their reasons, in whatever order these come. */
const derive = (reasoned: ReadonlyArray<Reasoned<Snapshot>>): Array<Snapshot> => {
  const list = shuffled(reasoned)
  if (list[0]?.reason.method !== "spread") {
    return list.toSorted((a, b) => key(a) - key(b) || newestFirst(a.snapshot, b.snapshot)).map((r) => r.snapshot)
  }
  // The hosts' sequences, merged: always the least loss, a tie: the newer.
  const queues = [...new Set(list.map((r) => r.snapshot.host))].map((host) =>
    list.filter((r) => r.snapshot.host === host).toSorted((a, b) => turn(a) - turn(b))
  )
  const out: Array<Snapshot> = []
  for (let left = list.length; left > 0; left--) {
    const queue = queues
      .filter((queue) => queue.length > 0)
      .toSorted((a, b) =>
        loss(a[0]!) < loss(b[0]!) ? -1 : loss(a[0]!) > loss(b[0]!) ? 1 : newestFirst(a[0]!.snapshot, b[0]!.snapshot)
      )[0]!
    out.unshift(queue.shift()!.snapshot)
  }
  return out
}

/** Some free nothing, some the same as others. */
const bytesOf = (id: string) => (Number(id) * 7919) % 13

const CASES: ReadonlyArray<readonly [Method, (list: ReadonlyArray<Snapshot>) => Array<Snapshot>]> = [
  [{ name: "age" }, (list) => age(list, NOW)],
  [{ name: "importance" }, (list) => importance(list, NOW)],
  [{ name: "importance", targets: [0, 5] }, (list) => importance(list, NOW, [0, 5])],
  [{ name: "spread" }, (list) => spread(list, NOW)],
  [{ name: "spread", regretBelow: 0 }, (list) => spread(list, NOW, { regretBelow: 0 })],
  [{ name: "spread", weigh: true }, (list) => spread(list, NOW, { bytes: ({ id }) => bytesOf(id) })]
]

describe("reasons", () => {
  for (const [method, order] of CASES) {
    it(`give every snapshot one, in the order of ${JSON.stringify(method)}, which they re-derive`, () => {
      fc.assert(
        fc.property(snapshots(), (input) => {
          const list = input.map((s) => ({ ...s, bytes: bytesOf(s.id) }))
          const reasoned = reasons(method, list, NOW)
          assert.deepStrictEqual(
            reasoned.map((r) => r.snapshot),
            order(list)
          )
          assert.deepStrictEqual(derive(reasoned), order(list))
        })
      )
    })
  }

  it("of importance name rank, pass, target and distance", () => {
    fc.assert(
      fc.property(snapshots(), (list) => {
        for (const { reason, snapshot } of reasons({ name: "importance" }, list, NOW)) {
          if (reason.method !== "importance") throw new Error("another method's reason")
          assert.strictEqual(reason.rank, reason.pass * TARGETS.length + TARGETS.indexOf(reason.target))
          assert.strictEqual(reason.distance, Math.abs(NOW - snapshot.t - reason.target * DAY))
        }
      })
    )
  })

  it("are said in words", () => {
    assert.deepStrictEqual(words({ name: "importance", targets: [0, 1, 14] }, [0, 1, 13, 40]), [
      "kept: nearest to now",
      "kept: nearest to 1 day ago",
      "kept: nearest to 14 days ago",
      "kept: nearest to now, in pass 2"
    ])
    assert.deepStrictEqual(words({ name: "spread", regretBelow: 0 }, [0, 10, 100]), [
      "kept: the newest",
      "kept: the oldest, the next is 0 min old",
      "kept: without it nothing between 0 min and 100 d ago"
    ])
    assert.deepStrictEqual(words({ name: "age" }, [1.5, 9]), [
      "kept: 36 h old, and the older go first",
      "kept: 9 d old, and the older go first"
    ])
  })
})

describe("amounts", () => {
  it("are a word or two", () => {
    assert.deepStrictEqual([0, 999, 1000, 3_100_000_000, 999_600, 123_456_789, 5e15, 9e18].map(bytesText), [
      "0 B",
      "999 B",
      "1 kB",
      "3.1 GB",
      "1 MB",
      "123 MB",
      "5 PB",
      "9000 PB"
    ])
    assert.deepStrictEqual([-5, 59, 3599, 3600, 2 * DAY - 1, 2 * DAY, 400 * DAY].map(ageText), [
      "0 min",
      "0 min",
      "59 min",
      "1 h",
      "48 h",
      "2 d",
      "400 d"
    ])
  })
})
