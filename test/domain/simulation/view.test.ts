// What a report is told of a replay: the same snapshots, ages, marks and reasons that the replay's own server had.
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { DAY } from "../../../src/domain/prune/snapshot.ts"
import { guaranteedGap, idealAges, leastError, meanError, neededFor } from "../../../src/domain/simulation/coverage.ts"
import { runJob } from "../../../src/domain/simulation/job.ts"
import { type Scenario, type ScenarioFile, scenarioOf } from "../../../src/domain/simulation/scenario.ts"
import {
  agesAt,
  firstOf,
  heldAt,
  replayView,
  sampled,
  serverNow,
  spaceAt,
  viewOf,
  whyKept
} from "../../../src/domain/simulation/view.ts"

const scenarioFrom = (file: ScenarioFile): Scenario => Result.getOrThrow(scenarioOf(file))

/** Now and then something comes that looks wrong; nobody looks before the hold is over where `looksAfterDays` is 0. */
const doubtful = (looksAfterDays: number): ScenarioFile => ({
  days: 200,
  looksAfterDays,
  capacity: { timesLive: 4 },
  policies: ["spread"],
  attack: { kind: "rewrite", fromDay: 60, fraction: 0.95 },
  hosts: [
    { name: "a", churn: { daily: "1GB", spread: 0 } },
    { name: "b", jitter: "2h" }
  ]
})

const worlds: ReadonlyArray<readonly [name: string, file: ScenarioFile]> = [
  [
    "a wrong clock",
    {
      days: 150,
      clock: [
        { fromDay: 40, toDay: 45, by: "20d" },
        { fromDay: 90, toDay: 92, by: "-3d" }
      ],
      hosts: [{ name: "a" }]
    }
  ],
  ["snapshots that look wrong until somebody looks", doubtful(7)],
  ["snapshots that look wrong until their time is over", doubtful(0)],
  [
    "a store with a past",
    {
      days: 60,
      hosts: [
        {
          name: "a",
          past: [
            { age: 90, held: 20 },
            { age: 50, held: null },
            { age: 30, suspect: 10 },
            { age: 3, incomplete: true },
            2
          ]
        }
      ]
    }
  ],
  ["so many snapshots", { days: 120, capacity: { snapshots: 9 }, hosts: [{ name: "a", every: "12h" }] }]
]

describe("the ages that a report shows", () => {
  for (const [name, file] of worlds) {
    it(`are those of which the replay measured the error, on every day: ${name}`, () => {
      const scenario = scenarioFrom(file)
      const traces = scenario.policies.map(
        (_, policy) => runJob({ scenario, policy, replicate: 0, trace: true }).trace!
      )
      const view = viewOf(scenario, [], traces)
      let compared = 0
      traces.forEach(({ errors }, policy) => {
        for (const [host, name] of view.shown.entries()) {
          const index = scenario.hosts.findIndex((one) => one.name === name)
          for (let day = 0; day < scenario.days; day++) {
            const measured = errors[index * scenario.days + day]!
            if (Number.isNaN(measured)) continue
            const ages = agesAt(view, policy, host, day)
            const horizon = serverNow(scenario, day) - firstOf(view, policy, host, day)
            assert.closeTo(meanError(Float64Array.from(ages), ages.length, horizon), measured, 1e-5, `${name} ${day}`)
            compared++
          }
        }
      })
      assert.isAbove(compared, 50)
    })
  }
})

describe("the reasons that a report gives", () => {
  it("are production's own for what looks wrong and for what is held before it, until somebody has looked", () => {
    const view = replayView(scenarioFrom(doubtful(7)))
    const host = view.shown.indexOf("a")
    const why = (day: number) =>
      whyKept(view, 0, host, day)
        .slice(0, 3)
        .map((one) => one.why)
    assert.strictEqual(why(59)[0], "kept: the newest complete snapshot of a")
    assert.match(why(60)[0]!, /^kept: suspect/)
    assert.strictEqual(why(60)[1], "kept: held")
    // Somebody looks at the end of day 62: it counts again, and what is held stays so for its time.
    assert.strictEqual(why(62)[0], "kept: the newest complete snapshot of a")
    const held = (day: number) => heldAt(view, 0, host, day).filter((one) => one.held).length
    assert.deepStrictEqual([59, 60, 80, 95].map(held), [0, 1, 1, 0])
  })

  it("have the last that was in order held, however many come after it that look wrong", () => {
    const view = replayView(
      scenarioFrom({
        ...doubtful(0),
        capacity: { timesLive: 8 },
        attack: { kind: "flood", fromDay: 60, every: "24h", fraction: 0.95 },
        hosts: [{ name: "a", churn: { daily: "1GB", spread: 0 } }]
      })
    )
    const held = heldAt(view, 0, 0, 65)
    assert.isAbove(held.filter((one) => one.state === "suspect").length, 2)
    const clean = held.filter((one) => one.state === "complete")
    assert.deepStrictEqual(
      held.filter((one) => one.held),
      [clean.at(-1)]
    )
  })

  it("call what a wrong clock dated in the future that, and reckon with the dates, not with when they were taken", () => {
    const view = replayView(scenarioFrom(worlds[0]![1]))
    const reasons = whyKept(view, 0, 0, 46)
    assert.strictEqual(reasons.filter((one) => one.why === "kept: dated in the future").length, 6)
    assert.isTrue(
      reasons.filter((one) => one.why.includes("future")).every((one) => one.dated - one.taken === 20 * DAY)
    )
    assert.include(reasons.find((one) => !one.why.includes("future"))!.why, "the newest complete snapshot")
    assert.isFalse(whyKept(view, 0, 0, 70).some((one) => one.why.includes("future")))
  })

  it("know the holds, the marks and the unfinished runs of the store's past", () => {
    const view = replayView(scenarioFrom(worlds[3]![1]))
    const why = (day: number, age: number) =>
      whyKept(view, 0, 0, day).find((one) => one.taken === -age * DAY)?.why ?? "gone"
    assert.deepStrictEqual([why(5, 90), why(5, 50), why(59, 50)], ["kept: held", "kept: held", "kept: held"])
    assert.match(why(5, 30), /^kept: suspect/)
    assert.notMatch(why(12, 30), /suspect/)
    assert.notStrictEqual(why(25, 90), "kept: held")
  })

  it("weigh the bytes where the policy does: what a host holds is what it held in the replay, through attacks too", () => {
    for (const attack of [
      { kind: "flood", fromDay: 70, every: "6h", fraction: 0.3 },
      { kind: "rewrite", fromDay: 70, fraction: 0.3 },
      { kind: "grow", fromDay: 70, factor: 1.02 }
    ] as const) {
      const view = replayView(
        scenarioFrom({
          days: 120,
          attack,
          transfer: "atomic",
          policies: [{ method: "spread", weigh: true }],
          hosts: [{ name: "a", failure: 0.1, past: [9, 5, 2] }, { name: "b" }]
        })
      )
      for (const host of view.shown.keys()) {
        for (let day = 5; day < 120; day += 5) {
          const used = view.policies[0]!.hostUsed[host]![day]!
          assert.approximately(spaceAt(view, 0, host, day).used / used, 1, 1e-6, `${attack.kind} ${host} ${day}`)
        }
      }
    }
  })

  it("are others with bytes weighed than without, of the same snapshots", () => {
    const view = replayView(
      scenarioFrom({ days: 300, policies: [{ method: "spread", weigh: true }], hosts: [{ name: "a" }] })
    )
    const plain = {
      ...view,
      scenario: { ...view.scenario, policies: [{ ...view.scenario.policies[0]!, method: { name: "spread" } as const }] }
    }
    assert.notDeepEqual(whyKept(view, 0, 0, 299), whyKept(plain, 0, 0, 299))
  })
})

describe("the limits", () => {
  it("of a day are what the ideal spacing of as many as each host then held comes to", () => {
    const view = replayView(
      scenarioFrom({ days: 100, capacity: { snapshots: 12 }, hosts: [{ name: "a", firstDay: 30, at: "00:00" }] })
    )
    const { ideals } = view.policies[0]!
    assert.isNull(ideals[29])
    for (const day of [35, 60, 99]) {
      const held = heldAt(view, 0, 0, day).length
      assert.strictEqual(held, Math.min(12, day - 29))
      assert.closeTo(ideals[day]!, Math.log(1 + day - 29) / (4 * (held - 1)), 1e-4)
    }
  })

  it("are nearly reached by the ages that are called ideal: these are even in age + c, and an error counts by the age alone", () => {
    const horizon = 2000
    for (const k of [15, 60, 240]) {
      const ages = idealAges(k, horizon * DAY)
      assert.strictEqual(ages.length, k)
      assert.closeTo(ages.at(-1)! / DAY, horizon, 1e-6)
      const ratio = meanError(Float64Array.from(ages), k, horizon * DAY) / leastError(k, horizon * DAY)
      assert.closeTo(ratio, 1 + 1 / Math.log(horizon), 0.03)
    }
    assert.deepStrictEqual([idealAges(0, DAY), idealAges(1, DAY)], [[], [0]])
  })

  it("of a gap are the same asked either way", () => {
    for (const delta of [0.1, Math.LN2, 1.5]) {
      const k = neededFor(1000 * DAY, delta)
      assert.isAtMost(guaranteedGap(k, 1000 * DAY), delta)
      assert.isAbove(guaranteedGap(k - 1, 1000 * DAY), delta)
    }
  })
})

describe("the sample of a large store", () => {
  it("is the whole of a small one", () => {
    const scenario = scenarioFrom({ days: 1095, hosts: [{ name: "a", count: 7 }] })
    assert.strictEqual(sampled(scenario), scenario)
  })

  it("has each kind in proportion, as much of the disk as is theirs, and the host that is attacked", () => {
    const scenario = scenarioFrom({
      days: 1825,
      capacity: { bytes: "60TB" },
      reserve: "600GB",
      atOnce: 8,
      attack: { kind: "flood", host: "small-117", fromDay: 100 },
      hosts: [
        { name: "large", count: 20, base: "1TB" },
        { name: "small", count: 180, base: "100GB" }
      ]
    })
    const { attack, atOnce, capacity, hosts, leastReserve } = sampled(scenario)
    assert.strictEqual(hosts.length, 36)
    const large = hosts.filter(({ name }) => name.startsWith("large")).length
    assert.approximately(large, 3.6, 1)
    assert.strictEqual(hosts[attack!.host]!.name, "small-117")
    assert.strictEqual(new Set(hosts.map(({ name }) => name)).size, 36)
    const part = (large * 1000 + (36 - large) * 100) / (20 * 1000 + 180 * 100)
    assert.deepStrictEqual(capacity, { kind: "bytes", bytes: Math.round(60e12 * part) })
    assert.approximately(leastReserve / 600e9, part, 1e-6)
    assert.strictEqual(atOnce, 1)
  })
})
