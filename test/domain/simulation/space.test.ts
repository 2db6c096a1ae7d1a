// The space model against sums over birth days and death days, and against counting from scratch.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Result } from "effect"
import { birthsOf } from "../../../src/domain/simulation/arrivals.ts"
import { scenarioOf } from "../../../src/domain/simulation/scenario.ts"
import { HostSpace } from "../../../src/domain/simulation/space.ts"

const host = Result.getOrThrow(
  scenarioOf({
    hosts: [
      {
        name: "host",
        base: "1G",
        churn: { daily: "20M", lifetimes: [{ part: 0.5, days: 2 }, { part: 0.3, days: 20 }, { part: 0.2 }] }
      }
    ]
  })
).hosts[0]!

const births = birthsOf(host, 60, "1", 0, null)

/** What two snapshots share, by summing over every day's births: bytes of births in (from, to] that live at each time. */
const unionOf = (times: ReadonlyArray<number>): number => {
  // A byte counts once if any snapshot holds it: it is born by then and dead after. Integrate births in small steps.
  const steps = 400
  const classes = host.lifetimes
  let sum = 0
  const first = times[0]!
  const dynamic = classes
    .filter(({ rate }) => rate > 0)
    .map(({ part, rate }) => ({ rate, bytes: (part * host.daily) / rate }))
  const balance = dynamic.reduce((sum, one) => sum + one.bytes, 0)
  sum += host.base - balance
  for (const { bytes, rate } of dynamic) sum += bytes * Math.exp(-rate * first)
  const last = times.at(-1)!
  for (let i = 0; i < steps * last; i++) {
    const at = (i + 0.5) / steps
    const next = times.find((time) => time >= at)
    if (next === undefined) break
    const born = births[Math.floor(at)]! / steps
    for (const { part, rate } of classes) sum += born * part * Math.exp(-rate * (next - at))
  }
  return sum
}

describe("the space of a host", () => {
  it("is the union of what its snapshots hold, however they are thinned out", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 3, maxLength: 10 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        (days, victims) => {
          const times = days.toSorted((a, b) => a - b)
          const space = new HostSpace(host, births, 0)
          const left = times.map((time) => {
            space.advance(time)
            return { time, record: space.take() }
          })
          for (const victim of victims) {
            // The last is what `current` still holds.
            if (left.length < 3) break
            const [gone] = left.splice(victim % (left.length - 1), 1)
            const before = space.used
            const promised = space.exclusive(gone!.record)
            const freed = space.remove(gone!.record)
            assert.strictEqual(freed, promised)
            assert.approximately(space.used, before - freed, 1)
          }
          const expected = unionOf(left.map(({ time }) => time))
          assert.approximately(space.used / expected, 1, 1e-4)
        }
      ),
      { numRuns: 40 }
    )
  })

  it("frees nothing by deleting what current still holds, and frees it with the next backup", () => {
    const space = new HostSpace(host, births, 0)
    space.advance(1)
    space.take()
    space.advance(2)
    const last = space.take()
    const used = space.used
    assert.strictEqual(space.remove(last), 0)
    assert.strictEqual(space.used, used)
    space.advance(3)
    space.take()
    const other = new HostSpace(host, births, 0)
    for (const day of [1, 3]) {
      other.advance(day)
      other.take()
    }
    assert.approximately(space.used, other.used, 1)
  })

  it("holds everything anew when all was rewritten", () => {
    const space = new HostSpace(host, births, 0)
    space.advance(1)
    space.take()
    const live = space.live()
    space.rewrite(0.999999)
    assert.approximately(space.incoming() / live, 1, 1e-5)
    assert.approximately(space.live() / live, 1, 1e-9)
  })
})
