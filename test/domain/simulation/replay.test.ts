// Laws of a replay: the same seed gives the same bytes, hosts have chances of their own, and what never goes stays.
import { Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { plan } from "../../../src/domain/prune/plan.ts"
import { DAY, type Stored } from "../../../src/domain/prune/snapshot.ts"
import { errorAt, leastError, meanError, neededFor } from "../../../src/domain/simulation/coverage.ts"
import { jain, measure } from "../../../src/domain/simulation/metrics.ts"
import { replay } from "../../../src/domain/simulation/replay.ts"
import { type ScenarioFile, scenarioOf } from "../../../src/domain/simulation/scenario.ts"
import { Kind, type Trace, traceLines } from "../../../src/domain/simulation/trace.ts"
import { differences } from "../../../src/domain/simulation/words.ts"
import { replayView, whyKept } from "../../../src/domain/simulation/view.ts"

const scenarioFrom = (file: ScenarioFile) => Result.getOrThrow(scenarioOf(file))
const run = (file: ScenarioFile, policy = 0, replicate = 0): Trace => {
  const scenario = scenarioFrom(file)
  return replay(scenario, scenario.policies[policy]!, replicate)
}
const text = (file: ScenarioFile): string => {
  const scenario = scenarioFrom(file)
  return [...traceLines(replay(scenario, scenario.policies[0]!, 0), scenario, 0)].join("")
}

const busy: ScenarioFile = {
  days: 200,
  capacity: { timesLive: 1.4 },
  hosts: [
    { name: "a", jitter: "1h", failure: 0.1 },
    {
      name: "b",
      every: "6h",
      failure: { breaks: 0.1, mends: 0.4 },
      churn: { daily: "2G", spikes: { probability: 0.02, bytes: "9G" } }
    }
  ]
}

describe("a replay", () => {
  /** Chances of every kind, of a seed. */
  const chances = fc
    .record({
      seed: fc.nat({ max: 1_000_000 }),
      method: fc.constantFrom("age" as const, "importance" as const, "spread" as const),
      failure: fc.double({ min: 0, max: 0.5, noNaN: true }),
      jitter: fc.constantFrom("1m", "1h", "5h"),
      transfer: fc.constantFrom("atomic" as const, "resumable" as const)
    })
    .map(({ failure, jitter, method, seed, transfer }): ScenarioFile => ({
      ...busy,
      days: 60,
      seed,
      transfer,
      policies: [method],
      hosts: busy.hosts!.map((host, index) => (index === 0 ? { ...host, failure, jitter } : host))
    }))

  it("gives the same bytes for the same seed, and others for another", () => {
    fc.assert(
      fc.property(chances, (file) => {
        assert.strictEqual(text(file), text(file))
        assert.notStrictEqual(text(file), text({ ...file, seed: file.seed! + 1 }))
      }),
      { numRuns: 30 }
    )
  })

  it("gives every host its own chances: one more host leaves the others' arrivals as they were", () => {
    const arrivals = (trace: Trace, host: number) =>
      [...trace.kinds.keys()].flatMap((i) => {
        const kind = trace.kinds[i]!
        const subject = trace.subjects[i]!
        const whose = kind === Kind.snapshot ? trace.host[subject]! : subject
        return (kind === Kind.snapshot || kind === Kind.missed) && whose === host ? [trace.times[i]!] : []
      })
    fc.assert(
      fc.property(chances, (file) => {
        const few = { ...file, capacity: { snapshots: 20 } }
        const more = { ...few, hosts: [...few.hosts!, { name: "c" }] }
        for (const host of [0, 1]) assert.deepStrictEqual(arrivals(run(more), host), arrivals(run(few), host))
      }),
      { numRuns: 30 }
    )
  })

  it("never fills the disk over its brim, and never deletes a host's last snapshot", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("age" as const, "importance" as const, "spread" as const),
        fc.integer({ min: 0, max: 1000 }),
        fc.constantFrom(1.05, 1.3, 2),
        fc.constantFrom("atomic" as const, "resumable" as const),
        (method, seed, timesLive, transfer) => {
          const file: ScenarioFile = {
            ...busy,
            seed,
            transfer,
            capacity: { timesLive },
            policies: [method],
            clock: [{ fromDay: 50, toDay: 52, by: "30d" }]
          }
          const scenario = scenarioFrom(file)
          const trace = replay(scenario, scenario.policies[0]!, 0)
          const capacity = scenario.capacity.kind === "bytes" ? scenario.capacity.bytes : 0
          for (const used of trace.used) assert.isAtMost(used, capacity + 2)
          for (const [index] of scenario.hosts.entries()) {
            const rows = [...trace.host.keys()].filter((row) => trace.host[row] === index)
            if (rows.length > 0) assert.isTrue(rows.some((row) => trace.gone[row] === Infinity))
          }
        }
      ),
      { numRuns: 25 }
    )
  })

  it("does not delete what a wrong clock dated in the future while that is the future", () => {
    const trace = run({
      days: 120,
      capacity: { timesLive: 1.2 },
      policies: ["age"],
      clock: [{ fromDay: 50, toDay: 50, by: "30d" }],
      hosts: [{ name: "host" }]
    })
    const odd = [...trace.taken.keys()].find((row) => trace.dated[row] !== trace.taken[row])!
    assert.strictEqual(Math.floor(trace.taken[odd]! / DAY), 50)
    assert.isAbove(trace.gone[odd]!, 79 * DAY)
  })

  it("keeps the last copy of a host that is gone", () => {
    const trace = run({
      days: 700,
      capacity: { bytes: "260G" },
      policies: ["importance"],
      hosts: [{ name: "alive" }, { name: "dead", diesOnDay: 100 }]
    })
    const dead = [...trace.host.keys()].filter((row) => trace.host[row] === 1)
    assert.strictEqual(Math.floor(trace.taken[dead.at(-1)!]! / DAY), 100)
    assert.strictEqual(trace.gone[dead.at(-1)!], Infinity)
  })

  it("gives a reason for each snapshot that it keeps", () => {
    const view = replayView(scenarioFrom({ days: 300 }))
    for (const policy of [0, 1, 2]) {
      const why = whyKept(view, policy, 0, 299)
      const held = view.policies[policy]!.lives[0]!.filter(([, gone]) => gone === null)
      assert.strictEqual(why.length, held.length)
      assert.isTrue(why.every((one) => one.why.startsWith("kept: ")))
    }
  })
})

describe("the figures of a replay", () => {
  it("count every attempt, also those that come too soon after a snapshot to leave one", () => {
    for (const capacity of [{ snapshots: 500 }, { bytes: "400GB" }]) {
      const scenario = scenarioFrom({
        days: 10,
        capacity,
        policies: ["age"],
        hosts: [{ name: "a", every: "1h", at: "00:00" }]
      })
      const trace = replay(scenario, scenario.policies[0]!, 0)
      const { attempts, snapshots } = measure(scenario, trace)
      assert.deepStrictEqual([attempts, snapshots], [240, 40])
      const [, second] = [...traceLines(trace, scenario, 0)]
      assert.deepInclude(JSON.parse(second!), { host: "a", event: "too soon", at: scenario.start + 3600 })
    }
  })

  it("name the day on which a host that is gone lost its last copy, and no other host's", () => {
    const scenario = scenarioFrom({ days: 20, hosts: [{ name: "alive" }, { name: "dead", diesOnDay: 5 }] })
    const trace = replay(scenario, scenario.policies[0]!, 0)
    assert.isNull(measure(scenario, trace).deadHostLost)
    /** As if all of a host's had been deleted at the end. */
    const without = (host: number): Trace => {
      const rows = [...trace.host.keys()].filter((row) => trace.host[row] === host && trace.gone[row] === Infinity)
      const more = (values: Float64Array, added: ReadonlyArray<number>) => Float64Array.of(...values, ...added)
      const at = rows.map(() => 15 * DAY)
      return {
        ...trace,
        gone: trace.gone.map((gone, row) => (rows.includes(row) ? 15 * DAY : gone)),
        kinds: more(
          trace.kinds,
          rows.map(() => Kind.deleted)
        ),
        times: more(trace.times, at),
        subjects: more(trace.subjects, rows),
        amounts: more(trace.amounts, at)
      }
    }
    assert.isNull(measure(scenario, without(0)).deadHostLost)
    assert.strictEqual(measure(scenario, without(1)).deadHostLost, 15)
  })

  it("put the price at one where nothing could be better, and never far below", () => {
    const scenario = scenarioFrom({
      days: 400,
      capacity: { snapshots: 20 },
      policies: [{ method: "spread", minAge: 0 }]
    })
    const { price } = measure(scenario, replay(scenario, scenario.policies[0]!, 0))
    assert.isAbove(price!, 0.9)
    assert.isBelow(price!, 2)
  })
})

describe("the differences in words", () => {
  it("praise for an old restore point the policy that has it, whoever covers better on the whole", () => {
    const scenario = scenarioFrom({ days: 300 })
    const one = measure(scenario, replay(scenario, scenario.policies[0]!, 0))
    const [said] = differences([
      { ...one, policy: "near", mre: 0.1, oldestKept: 180 },
      { ...one, policy: "far", mre: 0.2, oldestKept: 1825 }
    ])
    assert.match(
      said!,
      /^far keeps a restore point from 5.0 years ago; the oldest that near has is 6 months old\. .*10.0 % off with near/
    )
  })
})

describe("the deletions of a replay", () => {
  it("are those of the plan that production would make at the end of that day, in its order", () => {
    for (const method of ["age", "importance", "spread"] as const) {
      const scenario = scenarioFrom({
        days: 400,
        capacity: { timesLive: 1.4 },
        policies: [method],
        hosts: [{ name: "host", jitter: "1h", churn: { daily: "1G", spread: 0.2 } }]
      })
      const trace = replay(scenario, scenario.policies[0]!, 0)
      assert.isFalse(trace.kinds.includes(Kind.suspect))
      const first = trace.taken[0]!
      let compared = 0
      const kept = new Set<number>()
      for (let i = 0; i < trace.kinds.length; i++) {
        if (trace.kinds[i] === Kind.snapshot) kept.add(trace.subjects[i]!)
        if (trace.kinds[i] !== Kind.deleted) continue
        const at = trace.times[i]!
        const went: Array<string> = []
        for (; trace.kinds[i] === Kind.deleted && trace.times[i] === at; i++) went.push(String(trace.subjects[i]))
        i--
        const snapshots = [...kept].map((row): Stored => {
          const t = trace.dated[row]!
          return { host: "host", t, id: String(row), state: "complete", held: false, inUse: false, bytes: 1 }
        })
        for (const row of went) kept.delete(Number(row))
        const planned = plan({
          method: scenario.policies[0]!.method,
          now: (Math.floor(at / DAY) + 1) * DAY,
          free: 0,
          reserve: went.length,
          snapshots,
          firsts: new Map([["host", first]])
        })
        assert.deepStrictEqual(
          planned.deletions.map(({ snapshot }) => snapshot.id),
          went
        )
        compared += went.length
      }
      assert.isAbove(compared, 100)
    }
  })
})

describe("the measures", () => {
  it("integrate the error exactly: a grid of ages comes to the same", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 900, noNaN: true }), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 2, max: 900, noNaN: true }),
        (days, horizon) => {
          const ages = days.filter((age) => age <= horizon).toSorted((a, b) => a - b)
          const grid = 4000
          let sum = 0
          for (let i = 0; i < grid; i++) sum += errorAt(ages, Math.exp((Math.log(horizon) * (i + 0.5)) / grid))
          const exact = meanError(
            Float64Array.from(ages, (age) => age * DAY),
            ages.length,
            horizon * DAY
          )
          assert.approximately(exact, sum / grid, 0.01 * Math.max(1, exact))
        }
      ),
      { numRuns: 200 }
    )
  })

  it("know the limits: no choice of ages beats the ideal", () => {
    for (const k of [5, 10, 30]) {
      const horizon = 1000 * DAY
      const ideal = Float64Array.from({ length: k }, (_, i) => DAY * (Math.exp((Math.log(1001) * i) / (k - 1)) - 1))
      const error = meanError(ideal, k, horizon)
      assert.isAbove(error, 0.5 * leastError(k, horizon))
      assert.isBelow(error, 1.5 * leastError(k, horizon))
    }
    assert.strictEqual(neededFor(1000 * DAY, Math.LN2), Math.ceil((Math.LOG2E * Math.log(1001)) / Math.LN2))
  })

  it("call equal shares fair, and one that has all unfair", () => {
    assert.approximately(jain([3, 3, 3])!, 1, 1e-12)
    assert.approximately(jain([1, 0, 0, 0])!, 0.25, 1e-12)
    assert.isNull(jain([]))
  })
})
