// A history that is kept for years answers as one that is filled afresh each day.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { age } from "../../../src/domain/prune/age.ts"
import { type History, Tier } from "../../../src/domain/prune/history.ts"
import { importance } from "../../../src/domain/prune/importance.ts"
import { historyFor, type Method } from "../../../src/domain/prune/method.ts"
import { NONE, OWED, Queue } from "../../../src/domain/prune/queue.ts"
import { DAY, type Snapshot } from "../../../src/domain/prune/snapshot.ts"
import { spread } from "../../../src/domain/prune/spread.ts"

const METHODS: ReadonlyArray<Method> = [{ name: "age" }, { name: "importance" }, { name: "spread" }]

const last = (method: Method, list: ReadonlyArray<Snapshot>, now: number, firsts: ReadonlyMap<string, number>) => {
  switch (method.name) {
    case "age":
      return age(list, now).at(-1)
    case "importance":
      return importance(list, now).at(-1)
    case "spread":
      return spread(list, now, { firsts }).at(-1)
  }
}

for (const method of METHODS) {
  describe(`a history by ${method.name}`, () => {
    it("loses each day what the order of that day has last", () => {
      const step = fc.record({ gap: fc.integer({ min: 0, max: 3 * DAY }), keep: fc.integer({ min: 1, max: 12 }) })
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const history = historyFor(method, 4)
          const at = new Map<number, Snapshot>()
          let list: Array<Snapshot> = []
          let now = 1_000_000_000
          const firsts = new Map([["h", now + (steps[0]?.gap ?? 0)]])
          steps.forEach(({ gap, keep }, index) => {
            now += gap
            const snapshot = { host: "h", t: now, id: String(index).padStart(3, "0") }
            at.set(history.insert(now), snapshot)
            list.push(snapshot)
            while (list.length > keep) {
              const slot = history.victim(now)
              assert.deepStrictEqual(at.get(slot), last(method, list, now, firsts))
              history.remove(slot)
              list = list.filter((s) => s !== at.get(slot))
              assert.strictEqual(history.size, list.length)
            }
          })
        }),
        { numRuns: 200 }
      )
    })

    it("never loses what may never go, and the young only after the old", () => {
      const item = fc.record({
        days: fc.integer({ min: 0, max: 40 }),
        tier: fc.constantFrom(Tier.first, Tier.ordinary, Tier.never)
      })
      fc.assert(
        fc.property(fc.array(item, { maxLength: 30 }), (items) => {
          const now = 1_000_000_000
          const history = historyFor(method)
          history.minAge = 7 * DAY
          const slots = items
            .toSorted((a, b) => a.days - b.days)
            .map((i) => ({ ...i, slot: history.insert(now - i.days * DAY, i.tier) }))
          const tiers: Array<number> = []
          for (let slot = history.victim(now); slot >= 0; slot = history.victim(now)) {
            const { days, tier } = slots.find((s) => s.slot === slot)!
            assert.strictEqual(history.tier, tier === Tier.ordinary && days < 7 ? Tier.young : tier)
            tiers.push(history.tier)
            history.remove(slot)
          }
          assert.deepStrictEqual(
            tiers,
            tiers.toSorted((a, b) => a - b)
          )
          assert.strictEqual(history.size, items.filter((i) => i.tier === Tier.never).length)
        })
      )
    })

    it("may have any snapshot removed or set aside, and goes on", () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 3, maxLength: 30 }),
          fc.nat(),
          (days, which) => {
            const now = 1_000_000_000
            const fill = (of: ReadonlyArray<number>): History => {
              const history = historyFor(method)
              history.first = now - 200 * DAY
              for (const d of of) history.insert(now - d * DAY)
              return history
            }
            const sorted = days.toSorted((a, b) => a - b)
            const index = which % sorted.length
            const history = fill(sorted)
            history.victim(now)
            history.remove(index)
            const times = (h: History) => {
              const out: Array<number> = []
              for (let slot = h.victim(now); slot >= 0; slot = h.victim(now)) {
                out.push(h.t[slot]!)
                h.remove(slot)
              }
              return out
            }
            assert.deepStrictEqual(times(history), times(fill(sorted.toSpliced(index, 1))))
            const other = fill(sorted)
            other.victim(now)
            other.setTier(index, Tier.never)
            times(other)
            assert.strictEqual(other.size, 1)
            assert.strictEqual(other.clear().victim(now), -1)
          }
        )
      )
    })
  })
}

describe("a queue of hosts", () => {
  it("takes from those over their share first, until they are within it", () => {
    const histories = [0, 1].map(() => historyFor({ name: "age" }))
    for (const history of histories) for (const days of [1, 2, 3]) history.insert(-days * DAY)
    const queue = new Queue(histories)
    queue.share.fill(25)
    queue.used.set([25, 27])
    queue.start(0)
    const taken: Array<number> = []
    for (let host = queue.next(Infinity); host >= 0; host = queue.next(Infinity)) {
      taken.push(host)
      queue.take(1)
    }
    assert.deepStrictEqual(taken, [1, 1, 0, 0, 1, 0])
    assert.strictEqual(queue.next(1), NONE)
  })

  it("lets nobody within its share pay for what a newcomer holds over its own, but for what is missing beyond that", () => {
    const histories = [0, 1].map(() => historyFor({ name: "age" }))
    for (const history of histories) history.minAge = 7 * DAY
    for (const days of [1, 2, 30]) histories[0]!.insert(-days * DAY)
    histories[1]!.insert(-DAY, Tier.never)
    const queue = new Queue(histories)
    queue.share.fill(25)
    queue.used.set([20, 35])
    queue.start(0)
    assert.strictEqual(queue.next(10), OWED)
    assert.strictEqual(queue.next(11), 0)
    queue.take(4)
    assert.strictEqual(queue.next(7), OWED)
    // What is incomplete and replaced is nobody's history.
    histories[0]!.setTier(histories[0]!.oldest, Tier.first)
    queue.start(0)
    assert.strictEqual(queue.next(1), 0)
  })
})
