// What a scenario's inputs do to when backups come and what each day brings: each is seen to do what it says, in the mean of many days.
import { Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import { DAY, HOUR } from "../../../src/domain/prune/snapshot.ts"
import { Attempts, birthsOf } from "../../../src/domain/simulation/arrivals.ts"
import { Kind } from "../../../src/domain/simulation/trace.ts"
import { replay } from "../../../src/domain/simulation/replay.ts"
import { type Scenario, type ScenarioFile, scenarioOf } from "../../../src/domain/simulation/scenario.ts"

type HostFile = NonNullable<ScenarioFile["hosts"]>[number]

const scenarioFrom = (file: ScenarioFile): Scenario => Result.getOrThrow(scenarioOf(file))
const hostOf = (host: Partial<HostFile>) => scenarioFrom({ days: 36_000, hosts: [{ name: "a", ...host }] }).hosts[0]!

/** When it comes, in seconds, and whether it fails, of so many attempts. */
const attempts = (host: Partial<HostFile>, count = 20_000, attack: Scenario["attack"] = null) => {
  const all = new Attempts(hostOf(host), "seed", attack)
  const found: Array<{ readonly at: number; readonly fails: boolean }> = []
  for (; found.length < count && all.next < Infinity; all.advance()) found.push({ at: all.next, fails: all.fails })
  return found
}

const days = 30_000
/** What so many days bring, in bytes; day 0 is a Monday. */
const births = (churn: HostFile["churn"], attack: Scenario["attack"] = null) =>
  birthsOf(hostOf({ churn: churn! }), days, "seed", 0, attack)
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length
const near = (found: number, wanted: number, part = 0.03) =>
  assert.approximately(found, wanted, part * Math.abs(wanted), String(found))

describe("backups come", () => {
  it("at their time of day and as often as they are to, from the first day to the last", () => {
    const found = attempts({ every: "12h", at: "03:30", firstDay: 4, diesOnDay: 9 })
    assert.deepStrictEqual(
      found.map(({ at }) => at),
      Array.from({ length: 12 }, (_, i) => 4 * DAY + 3.5 * HOUR + i * 12 * HOUR)
    )
  })

  it("within the jitter of that, either side, all over it", () => {
    const off = attempts({ at: "12:00", jitter: "2h" }).map(({ at }, day) => at - day * DAY - 12 * HOUR)
    for (const one of off) assert.isAtMost(Math.abs(one), 2 * HOUR)
    assert.isBelow(Math.min(...off), -1.99 * HOUR)
    assert.isAbove(Math.max(...off), 1.99 * HOUR)
    assert.isBelow(Math.abs(mean(off)), 0.03 * HOUR)
    near(mean(off.map((one) => one * one)), (4 * HOUR * HOUR) / 3)
  })

  it("and fail as often as they are to, each by itself", () => {
    const found = attempts({ failure: 0.2 }).map(({ fails }) => Number(fails))
    near(mean(found), 0.2, 0.05)
    near(mean(found.slice(1).map((one, i) => one * found[i]!)), 0.04, 0.1)
  })

  it("and fail in outages that begin and end with their probabilities", () => {
    const found = attempts({ failure: { breaks: 0.05, mends: 0.25 } }, 60_000).map(({ fails }) => Number(fails))
    near(mean(found), 0.05 / 0.3, 0.05)
    const after = (state: number) => mean(found.slice(1).filter((_, i) => found[i] === state))
    near(after(0), 0.05, 0.05)
    near(after(1), 0.75, 0.05)
  })

  it("every so often once they flood, which does not fail", () => {
    const attack = { kind: "flood", host: 0, fromDay: 2, every: 6 * HOUR, fraction: 0.01, factor: 1 } as const
    const found = attempts({ at: "00:00", failure: 0.999, jitter: "1h" }, 12, attack)
    const flood = found.filter(({ at }) => at >= 2 * DAY)
    assert.deepStrictEqual(
      flood,
      flood.map((_, i) => ({ at: 2 * DAY + i * 6 * HOUR, fails: false }))
    )
    assert.isTrue(found.filter(({ at }) => at < 2 * DAY).every(({ fails }) => fails))
    assert.isAtLeast(flood.length, 9)
  })
})

describe("a day brings", () => {
  it("as much as it is to, on average, however much it varies", () => {
    for (const spread of [0, 0.5, 1]) {
      const found = births({ daily: 1e9, spread })
      near(mean(found), 1e9, spread === 1 ? 0.05 : 0.02)
      const logarithms = Array.from(found, Math.log)
      const middle = mean(logarithms)
      assert.approximately(Math.sqrt(mean(logarithms.map((one) => (one - middle) ** 2))), spread, 0.02)
    }
  })

  it("more on some weekdays than on others, Monday first", () => {
    const found = births({ daily: 1e9, spread: 0, weekdays: [7, 6, 5, 4, 3, 2, 0] })
    assert.deepStrictEqual(Array.from(found.subarray(0, 8)), [7e9, 6e9, 5e9, 4e9, 3e9, 2e9, 0, 7e9])
    const file: ScenarioFile = {
      days: 14,
      // A Wednesday.
      start: Date.UTC(2025, 0, 1) / 1000,
      capacity: { bytes: "10T" },
      policies: ["age"],
      hosts: [{ name: "a", at: "23:59", base: 0, churn: { daily: 1e9, spread: 0, weekdays: [0, 0, 9, 0, 0, 0, 0] } }]
    }
    const scenario = scenarioFrom(file)
    const { bytes } = replay(scenario, scenario.policies[0]!, 0)
    assert.deepStrictEqual(
      // A minute of each day is in the next one's.
      Array.from(bytes, (one) => one > 1e8),
      Array.from({ length: 14 }, (_, day) => day % 7 === 0)
    )
  })

  it("much more now and then, with a tail of Pareto's", () => {
    const found = births({ daily: 0, spread: 0, spikes: { probability: 0.1, bytes: 1e9, alpha: 2 } })
    const spikes = found.filter((one) => one > 0)
    near(spikes.length / days, 0.1, 0.05)
    assert.isAtLeast(Math.min(...spikes), 1e9)
    // Of Pareto's, (1/x)^alpha are above x.
    for (const times of [2, 4]) {
      near(spikes.filter((one) => one > times * 1e9).length / spikes.length, times ** -2, 0.15)
    }
  })

  it("ever more once it grows", () => {
    const attack = { kind: "grow", host: 0, fromDay: 5, every: DAY, fraction: 0, factor: 1.5 } as const
    const found = births({ daily: 1000, spread: 0 }, attack)
    assert.deepStrictEqual(Array.from(found.subarray(3, 8)), [1000, 1000, 1500, 2250, 3375])
  })
})

describe("a replay", () => {
  const file: ScenarioFile = {
    days: 60,
    capacity: { bytes: "1T" },
    looksAfterDays: 0,
    policies: ["age"],
    hosts: [{ name: "a", base: "10G", churn: { daily: "100M", spread: 0, lifetimes: [{ part: 1 }] } }]
  }
  const run = (more: Partial<ScenarioFile>) => {
    const scenario = scenarioFrom({ ...file, ...more })
    return replay(scenario, scenario.policies[0]!, 0)
  }

  it("has an attacker rewrite the part of the data that it is to: once, or with each backup", () => {
    const quiet = run({})
    const once = run({ attack: { kind: "rewrite", fromDay: 30, fraction: 0.4 } })
    const more = Array.from(once.bytes, (bytes, row) => bytes - quiet.bytes[row]!)
    near(more[30]!, 0.4 * (10 * 2 ** 30 + 30 * 100 * 2 ** 20), 0.02)
    assert.isTrue(more.every((bytes, row) => row === 30 || Math.abs(bytes) < 1e6))
    const flood = run({ attack: { kind: "flood", fromDay: 30, every: "24h", fraction: 0.1 } })
    for (const row of [31, 35, 39]) near(flood.bytes[row]!, 0.1 * 13 * 2 ** 30 + 1e8, 0.1)
  })

  it("dates snapshots by a server's clock that is behind, and takes none until it has caught up", () => {
    const { dated, kinds, taken } = run({ clock: [{ fromDay: 20, toDay: 24, by: "-36h" }] })
    const skew = Array.from(dated, (one, row) => one - taken[row]!)
    const during = skew.filter((_, row) => taken[row]! >= 20 * DAY && taken[row]! < 25 * DAY)
    assert.isNotEmpty(during)
    assert.isTrue(during.every((one) => one === -36 * HOUR))
    assert.isTrue(skew.filter((_, row) => taken[row]! < 20 * DAY || taken[row]! >= 25 * DAY).every((one) => one === 0))
    assert.include(Array.from(kinds), Kind.snapshot)
  })

  it("defends the reserve that its rule makes of the last backups", () => {
    const steady: Partial<ScenarioFile> = { atOnce: 1 }
    const last = (reserve: object) => run({ ...steady, policies: [{ method: "age", ...reserve }] }).reserve.at(-1)!
    const daily = 100 * 2 ** 20
    near(last({}), 1.5 * daily, 0.001)
    near(last({ reserve: { times: 4 } }), 4 * daily, 0.001)
    near(last({ reserve: { times: 0 } }) + 1, 1)
    const rising = { attack: { kind: "grow", fromDay: 0, factor: 1.01 } } as const
    const over = (count: number) =>
      run({ ...steady, ...rising, policies: [{ method: "age", reserve: { over: count, times: 1 } }] }).reserve.at(-1)!
    const days = Array.from({ length: 60 }, (_, day) => daily * 1.01 ** (day + 1))
    for (const count of [1, 3, 30]) near(over(count), mean(days.slice(60 - count)), 0.02)
  })

  it("goes by the targets and the offset of its policy", () => {
    const kept = (policy: NonNullable<ScenarioFile["policies"]>[number]) => {
      const trace = run({ days: 200, capacity: { snapshots: 4 }, policies: [policy] })
      const gone = new Set(trace.subjects.filter((_, i) => trace.kinds[i] === Kind.deleted))
      return Array.from(trace.taken, (at, row) => [row, 199 - Math.floor(at / DAY)] as const)
        .filter(([row]) => !gone.has(row))
        .map(([, age]) => age)
    }
    assert.deepStrictEqual(kept({ method: "importance", targets: [0, 1, 2, 3], minAge: 0 }), [3, 2, 1, 0])
    const far = kept({ method: "importance", targets: [0, 30], minAge: 0 })
    assert.isAtLeast(Math.max(...far), 20)
    assert.notDeepEqual(kept({ method: "spread", minAge: 0 }), kept({ method: "spread", c: 40, minAge: 0 }))
  })
})
