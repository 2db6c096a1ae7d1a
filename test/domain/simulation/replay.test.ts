// Laws of a replay: the same seed gives the same bytes, hosts have chances of their own, and what never goes stays.
import { Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { plan } from "../../../src/domain/prune/plan.ts"
import { DAY, type Stored } from "../../../src/domain/prune/snapshot.ts"
import { errorAt, leastError, meanError, neededFor } from "../../../src/domain/simulation/coverage.ts"
import { jain, measure } from "../../../src/domain/simulation/metrics.ts"
import { Stream } from "../../../src/domain/simulation/random.ts"
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

  it("deletes no history for what a host brings beyond its reserve, however much of it arrives bit by bit", () => {
    for (const fraction of [0.1, 0.5]) {
      const scenario = scenarioFrom({
        days: 120,
        capacity: { bytes: "130G" },
        policies: ["age"],
        looksAfterDays: 0,
        attack: { kind: "rewrite", fromDay: 60, fraction },
        hosts: [{ name: "a", churn: { daily: "1G", spread: 0 } }]
      })
      const trace = replay(scenario, scenario.policies[0]!, 0)
      const since = (kind: Kind) =>
        [...trace.kinds.keys()].filter((i) => trace.kinds[i] === kind && trace.times[i]! >= 60 * DAY)
      assert.deepStrictEqual([since(Kind.tooLarge).length, since(Kind.noSpace).length], [60, 0])
      const freed = since(Kind.deleted).reduce((sum, i) => sum + trace.amounts[i]!, 0)
      assert.isAbove(trace.kinds.indexOf(Kind.deleted), 0)
      assert.isAtMost(freed, 2 * trace.reserve[59]!)
    }
  })

  it("earns a host no reserve by what looks wrong, until somebody has looked", () => {
    const trace = run({
      days: 100,
      capacity: { bytes: "400G" },
      policies: ["age"],
      looksAfterDays: 70,
      attack: { kind: "rewrite", fromDay: 60, fraction: 0.6 },
      hosts: [{ name: "host", churn: { daily: "1G", spread: 0, lifetimes: [{ part: 1, days: 5 }] } }]
    })
    assert.isTrue(trace.kinds.includes(Kind.suspect))
    assert.approximately(trace.reserve[68]! / trace.reserve[59]!, 1, 0.1)
    assert.isAbove(trace.reserve[69]!, 5 * trace.reserve[59]!)
    assert.approximately(trace.reserve[99]! / trace.reserve[59]!, 1, 0.1)
  })

  it("knows what is usual for a host by its last thirty backups, as a server does", () => {
    const trace = run({
      days: 1,
      capacity: { bytes: "400G" },
      policies: ["age"],
      hosts: [
        {
          name: "host",
          past: [1, 2],
          sizes: [...Array<string>(20).fill("100M"), ...Array<string>(10).fill("400M")],
          churn: { daily: "1500M", spread: 0, lifetimes: [{ part: 1 }] }
        }
      ]
    })
    assert.isTrue(trace.kinds.includes(Kind.suspect))
  })

  it("makes room for what is usual of a host, though its share is less than that", () => {
    const trace = run({
      days: 200,
      capacity: { bytes: "160G" },
      policies: ["age"],
      looksAfterDays: 0,
      hosts: [
        { name: "a", base: "50G", churn: { daily: "100M", spread: 0, lifetimes: [{ part: 1, days: 5 }] } },
        {
          name: "b",
          base: "100G",
          weight: 0,
          churn: { daily: "1G", spread: 0, lifetimes: [{ part: 1, days: 5 }] }
        }
      ]
    })
    assert.isAbove(trace.kinds.filter((kind) => kind === Kind.deleted).length, 50)
    assert.notInclude([...trace.kinds], Kind.tooLarge)
    assert.notInclude([...trace.kinds], Kind.noSpace)
  })

  it("leaves the neighbours of a host that is over its share room for theirs, whatever that one brings", () => {
    const scenario = scenarioFrom({
      days: 120,
      capacity: { bytes: "260G" },
      policies: ["age"],
      looksAfterDays: 0,
      attack: { kind: "rewrite", host: "b", fromDay: 60, fraction: 0.5 },
      hosts: [
        { name: "a", churn: { daily: "1G", spread: 0 } },
        { name: "b", weight: 0.1, churn: { daily: "1G", spread: 0 } }
      ]
    })
    const trace = replay(scenario, scenario.policies[0]!, 0)
    const refused = (host: number) =>
      [...trace.kinds.keys()].filter(
        (i) => (trace.kinds[i] === Kind.tooLarge || trace.kinds[i] === Kind.noSpace) && trace.subjects[i] === host
      )
    assert.isAbove(refused(1).length, 50)
    assert.isEmpty(refused(0))
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

describe("the events of a replay", () => {
  it("are told in the order in which they happened, of several hosts too", () => {
    for (const capacity of [{ snapshots: 5 }, { bytes: "400GB" }]) {
      const hosts = ["a", "b"].map((name) => ({ name, past: [3, 2, 1] }))
      const times = text({ days: 20, capacity, hosts })
        .trim()
        .split("\n")
        .map((line): number => JSON.parse(line).at)
      assert.isAbove(times.length, 40)
      assert.deepStrictEqual(
        times,
        times.toSorted((a, b) => a - b)
      )
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

  it("put the price near one where little could be better, and for a host that comes late at what it is for one that comes at once", () => {
    const price = (firstDay: number) => {
      const scenario = scenarioFrom({
        days: firstDay + 400,
        capacity: { snapshots: 20 },
        policies: [{ method: "spread", minAge: 0 }],
        hosts: [{ name: "host", firstDay }]
      })
      return measure(scenario, replay(scenario, scenario.policies[0]!, 0)).price!
    }
    assert.isAbove(price(0), 0.9)
    assert.isBelow(price(0), 2)
    assert.approximately(price(900), price(0), 1e-6)
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

  it("know the limits: no choice of ages that holds the newest and the oldest beats the ideal", () => {
    for (const [k, days] of [7, 10, 16].flatMap((k) => [100, 1825, 3650].map((days) => [k, days] as const))) {
      for (const seed of [1, 2]) {
        const both = leastFound(k, days, seed, true) / leastError(k, days * DAY)
        assert.isAtLeast(both, 1, `${k} kept over ${days} days`)
        assert.isAtMost(both, 1.08, `${k} kept over ${days} days`)
      }
    }
  })

  it("know what no choice of ages beats, whatever it holds, and reach it from wherever a search begins", () => {
    for (const [k, days] of [1, 2, 7, 16].flatMap((k) => [10, 100, 1825].map((days) => [k, days] as const))) {
      for (const seed of [1, 2]) {
        const free = leastFound(k, days, seed, false) / leastOfAll(k, days)
        assert.isAtLeast(free, 1 - 1e-9, `${k} kept over ${days} days`)
        assert.isAtMost(free, 1.001, `${k} kept over ${days} days`)
      }
    }
    fc.assert(
      fc.property(
        fc.double({ min: 1.5, max: 4000, noNaN: true }),
        // On the logarithmic scale, from within the first day to beyond the horizon, evenly or not.
        fc.array(fc.double({ min: -0.2, max: 1.2, noNaN: true }), { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (days, places, even) => {
          const k = places.length
          const ages = places
            .toSorted((a, b) => a - b)
            .map((place, i) => DAY * days ** ((1 - even) * place + (even * (i + 0.5)) / k))
          assert.isAtLeast(meanError(Float64Array.from(ages), k, days * DAY), leastOfAll(k, days) - 1e-9)
        }
      ),
      { numRuns: 2000 }
    )
    // It is below the ideal by about one part in k.
    for (const k of [30, 60, 120])
      assert.approximately(leastOfAll(k, 1825) / leastError(k, 1825 * DAY), (k - 1) / k, 0.005)
  })

  it("know what no replay beats either, on any day of any host", () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.nat({ max: 1_000_000 }),
          method: fc.constantFrom("age" as const, "importance" as const, "spread" as const),
          capacity: fc.constantFrom({ snapshots: 1 }, { snapshots: 7 }, { snapshots: 30 }, { timesLive: 1.4 }),
          firstDay: fc.integer({ min: 0, max: 150 }),
          failure: fc.double({ min: 0, max: 0.6, noNaN: true })
        }),
        ({ capacity, failure, firstDay, method, seed }) => {
          const days = 200
          const hosts = [
            { name: "a", jitter: "2h", failure },
            { name: "b", every: "8h", firstDay }
          ]
          const trace = run({ days, seed, capacity, policies: [{ method, minAge: 0 }], hosts })
          for (const host of [0, 1]) {
            const rows = [...trace.host.keys()].filter((row) => trace.host[row] === host)
            for (let day = 0; day < days; day++) {
              const error = trace.errors[host * days + day]!
              if (Number.isNaN(error)) continue
              const now = (day + 1) * DAY
              const held = rows.filter((row) => trace.taken[row]! < now && trace.gone[row]! >= now).length
              const horizon = (now - trace.taken[rows[0]!]!) / DAY
              assert.isAtLeast(error, horizon === 1 ? 0 : leastOfAll(held, horizon) - 1e-6)
            }
          }
        }
      ),
      { numRuns: 20 }
    )
  })

  it("know how many snapshots a gap ratio needs", () => {
    assert.strictEqual(neededFor(1000 * DAY, Math.LN2), Math.ceil((Math.LOG2E * Math.log(1001)) / Math.LN2))
  })

  it("call equal shares fair, and one that has all unfair", () => {
    assert.approximately(jain([3, 3, 3])!, 1, 1e-12)
    assert.approximately(jain([1, 0, 0, 0])!, 0.25, 1e-12)
    assert.isNull(jain([]))
  })
})

/**
 * The least mean error of all choices of k ages: a gap of d on the logarithmic scale costs 2 ln cosh(d/2), which is convex, so that
 * k - 1 gaps of L/k and the two ends that fit them cost least.
 */
const leastOfAll = (k: number, days: number): number => {
  const half = Math.log(days) / (2 * k)
  return Math.log(Math.cosh(half)) / half
}

/** The least mean error of k ages up to a horizon, from a random choice moved one by one to where each is best, until none moves. */
const leastFound = (k: number, days: number, seed: number, both: boolean): number => {
  const random = new Stream(String(seed))
  const top = Math.log(days)
  const logs = Array.from({ length: k }, () => random.uniform() * top).toSorted((a, b) => a - b)
  const ages = new Float64Array(k)
  const error = () => {
    for (const [i, log] of logs.entries()) ages[i] = DAY * Math.exp(log)
    if (both) [ages[0], ages[k - 1]] = [0, days * DAY]
    return meanError(ages, k, days * DAY)
  }
  const ends = both ? 1 : 0
  for (let best = error(), before = Infinity; before - best > 1e-6;) {
    before = best
    for (let i = ends; i < k - ends; i++) {
      let low = i > ends ? logs[i - 1]! : -3
      let high = i < k - 1 - ends ? logs[i + 1]! : top
      const at = (log: number) => {
        logs[i] = log
        return error()
      }
      while (high - low > 1e-3) {
        const third = (high - low) / 3
        if (at(low + third) < at(high - third)) high -= third
        else low += third
      }
      best = at((low + high) / 2)
    }
  }
  return error()
}
