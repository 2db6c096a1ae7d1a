// The figures of a run, on traces made by hand, each value reckoned by hand.
import { Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import { DAY } from "../../../src/domain/prune/snapshot.ts"
import { errorAt, neededFor } from "../../../src/domain/simulation/coverage.ts"
import { combine, measure, type Metrics } from "../../../src/domain/simulation/metrics.ts"
import { replay } from "../../../src/domain/simulation/replay.ts"
import { type ScenarioFile, scenarioOf } from "../../../src/domain/simulation/scenario.ts"
import { Kind, type Trace } from "../../../src/domain/simulation/trace.ts"

/** What happened, in order: on which day, what, and to which host, or to which snapshot by the order in which they were taken. */
type Events = ReadonlyArray<readonly [day: number, what: keyof typeof Kind, subject: number]>

interface Run {
  readonly events: Events
  /** by host: the mean error at each day's end, where it is measured */
  readonly errors?: ReadonlyArray<Readonly<Record<number, number>>>
  readonly used?: ReadonlyArray<number>
  readonly reserve?: ReadonlyArray<number>
}

const measured = (file: ScenarioFile, { errors = [], events, reserve = [], used = [] }: Run) => {
  const scenario = Result.getOrThrow(scenarioOf(file))
  const { days, hosts } = scenario
  const taken = events.filter(([, what]) => what === "snapshot")
  const times = Float64Array.from(taken, ([day]) => day * DAY)
  const gone = new Float64Array(taken.length).fill(Infinity)
  for (const [day, what, row] of events) if (what === "deleted") gone[row] = day * DAY
  let row = 0
  const trace: Trace = {
    policy: "by hand",
    host: Float64Array.from(taken, ([, , host]) => host),
    taken: times,
    dated: times,
    bytes: new Float64Array(taken.length),
    gone,
    kinds: Float64Array.from(events, ([, what]) => Kind[what]),
    times: Float64Array.from(events, ([day]) => day * DAY),
    subjects: Float64Array.from(events, ([, what, subject]) => (what === "snapshot" ? row++ : subject)),
    amounts: new Float64Array(events.length),
    used: Float64Array.from(used),
    reserve: Float64Array.from(reserve),
    refused: new Float64Array(days),
    errors: Float32Array.from(
      { length: hosts.length * days },
      (_, i) => errors[Math.floor(i / days)]?.[i % days] ?? Number.NaN
    ),
    hostUsed: new Float32Array(hosts.length * days)
  }
  return measure(scenario, trace)
}

const taken = (host: number, ...days: ReadonlyArray<number>): Events =>
  days.map((day) => [day, "snapshot", host] as const)

describe("the error at a target", () => {
  it("is that of the hosts that are still backed up: nobody waits for a backup of one that is gone", () => {
    const { targetError } = measured(
      { days: 20, hosts: [{ name: "alive" }, { name: "dead", diesOnDay: 5 }] },
      { events: [...taken(0, 0, 11, 19), ...taken(1, 0, 5)] }
    )
    // Ages 20, 9 and 1. What the dead host has is 15 days old at least: 1400 % off a target of one day.
    const of = (target: number, nearest: number) => Math.abs(nearest - target) / target
    assert.deepStrictEqual(targetError, [of(1, 1), of(2, 1), of(3, 1), of(7, 9), of(14, 9), null, null, null, null])
  })
})

describe("the price", () => {
  it("compares with the ideal of what is kept day by day, while a host is backed up: neither before its first day nor once it is gone", () => {
    const { kept, mre, price } = measured(
      {
        days: 10,
        hosts: [
          { name: "dead", diesOnDay: 6 },
          { name: "late", firstDay: 5 }
        ]
      },
      {
        events: [...taken(0, 0, 2, 4), ...taken(1, 5), ...taken(0, 6), ...taken(1, 6, 7, 8, 9)],
        errors: [
          { 3: 0.5, 5: 0.5 },
          { 6: 0.25, 7: 0.25, 8: 0.25, 9: 0.25 }
        ]
      }
    )
    // The dead one's 1 1 2 2 3 3 4 on seven days, and the late one's 1 2 3 4 5 on five.
    assert.strictEqual(kept, (16 + 15) / (7 + 5))
    const { log } = Math
    const dead = (log(5) / 4 + log(7) / 8) / 2
    const late = (log(3) / 4 + log(4) / 8 + log(5) / 12 + log(6) / 16) / 4
    assert.strictEqual(mre, (0.5 + 0.25) / 2)
    assert.approximately(price!, mre! / ((dead + late) / 2), 1e-12)
  })
})

describe("the deletions that took a host's oldest", () => {
  it("are counted one by one, also where one run of the pruner takes several", () => {
    const { deletions, oldestVictims } = measured(
      { days: 10, hosts: [{ name: "host" }] },
      // The middle one, then the oldest, then what is the oldest by now, then one that is not.
      {
        events: [...taken(0, 0, 1, 2, 3, 4), [5, "deleted", 1], [5, "deleted", 0], [5, "deleted", 2], [5, "deleted", 4]]
      }
    )
    assert.deepStrictEqual([deletions, oldestVictims], [4, 2 / 4])
  })
})

describe("a host that is gone", () => {
  it("has lost its last copy on the day on which it went, unless it has come again since", () => {
    const hosts = [{ name: "alive" }, { name: "dead", diesOnDay: 4 }]
    const lostOnDay = (...events: Events) =>
      measured({ days: 10, hosts }, { events: [...taken(0, 0), [1, "deleted", 0], ...taken(1, 2), ...events] })
        .deadHostLost
    assert.strictEqual(lostOnDay([3, "deleted", 1]), 3)
    assert.strictEqual(lostOnDay([3, "deleted", 1], ...taken(1, 4), [7, "deleted", 2]), 7)
    assert.isNull(lostOnDay([3, "deleted", 1], ...taken(1, 4)))
  })
})

describe("the days that are skipped", () => {
  it("count for nothing: no attempt, deletion or refusal of theirs, and of a wait only what comes after them", () => {
    const events: Events = [
      ...taken(0, 0, 1, 2),
      ...taken(1, 2),
      [2, "missed", 1],
      [3, "deleted", 0],
      [3, "tooLarge", 0],
      [4, "suspect", 2],
      [6, "noSpace", 0],
      ...taken(0, 7),
      ...taken(1, 7),
      [7, "suspect", 5],
      [8, "deleted", 1],
      [8, "deleted", 5],
      [8, "noSpace", 1],
      [9, "missed", 0]
    ]
    const hosts = [{ name: "a" }, { name: "b", diesOnDay: 8 }]
    const { attempts, deletions, longestStuck, noSpace, oldestVictims, refusals, snapshots, stuckDays, suspects } =
      measured({ days: 10, skipDays: 5, hosts }, { events })
    assert.deepStrictEqual(
      { attempts, deletions, noSpace, oldestVictims, refusals, snapshots, suspects },
      { attempts: 5, deletions: 2, noSpace: 2, oldestVictims: 1 / 2, refusals: 2, snapshots: 2, suspects: 1 }
    )
    // One waits from the third day to the seventh, two of which count; the other from the eighth until it is gone, at the ninth.
    assert.strictEqual(longestStuck, 2)
    assert.strictEqual(stuckDays, (2 + 1) / (5 + 4))
  })
})

/** An attack on the first of four hosts; the second is gone before anything counts, the fourth is never heard of. */
const whole: ScenarioFile = {
  days: 40,
  skipDays: 10,
  capacity: { bytes: "1TB" },
  attack: { kind: "flood", host: "a", fromDay: 29 },
  hosts: [{ name: "a" }, { name: "b", diesOnDay: 5 }, { name: "c" }, { name: "d", firstDay: 39 }]
}
const wholeRun: Run = {
  events: [
    ...taken(2, 0),
    ...taken(1, 1, 2),
    ...taken(0, 9, 20, 28),
    ...taken(2, 24),
    [29, "missed", 2],
    ...taken(0, 29),
    [30, "deleted", 3],
    [33, "deleted", 5],
    [33, "tooSoon", 0],
    ...taken(2, 38),
    [38, "suspect", 8],
    [38, "deleted", 1],
    [38.5, "deleted", 2],
    [39, "cleared", 8],
    [39, "noSpace", 3]
  ],
  errors: [
    { 9: 0.125, 38: 0.125, 39: 0.125 },
    { 3: 0.75, 4: 0.75 },
    { 5: 0.875, 10: 0.25, 39: 0.5 }
  ],
  used: Array.from({ length: 40 }, (_, day) => (day < 10 ? 1e9 : day)),
  reserve: Array.from({ length: 40 }, (_, day) => 1000 + day)
}

describe("the figures of a run", () => {
  it("are each what they say", () => {
    const { price, ...found } = measured(whole, wholeRun)
    // Kept at the end: of a those of days 20 and 29, none of b, of c those of days 0, 24 and 38, which are 20 11 and 40 16 2 days old.
    assert.deepStrictEqual(found, {
      policy: "by hand",
      replicates: 1,
      mre: (0.125 + (0.25 + 0.5) / 2) / 2,
      worstHostMre: 0.375,
      jain: (0.875 + 0.625) ** 2 / (2 * (0.625 ** 2 + 0.875 ** 2)),
      // a: one for ten days, two for eight, three, four, three for three, two for seven; c: one for 14, two for 14, three for two.
      kept: (10 + 2 * 8 + 3 + 4 + 3 * 3 + 2 * 7 + (14 + 2 * 14 + 3 * 2)) / (30 + 30),
      // By octaves: 1 to 2 days, 2 to 4, 4 to 8, 8 to 16, 16 to 32 and 32 to 64.
      gapRatio: [null, null, null, null, Math.max(17 / 3, 21 / 12), 41 / 17, null],
      // Targets 1 2 3 7 14 21 28 56 112. The first of a is 31 days old.
      targetError: [
        (10 / 1 + 1 / 1) / 2,
        (9 / 2 + 0) / 2,
        (8 / 3 + 1 / 3) / 2,
        (4 / 7 + 5 / 7) / 2,
        (3 / 14 + 2 / 14) / 2,
        (1 / 21 + 5 / 21) / 2,
        (8 / 28 + 12 / 28) / 2,
        null,
        null
      ],
      oldestKept: 40,
      oldestKeptMean: (20 + 40) / 2,
      attempts: 8,
      snapshots: 5,
      deletions: 4,
      // All but that of day 28, whose host had an older one.
      oldestVictims: 3 / 4,
      refusals: 1,
      noSpace: 1,
      longestStuck: 1,
      stuckDays: 1 / (30 + 30 + 1),
      suspects: 1,
      used: (10 + 39) / 2,
      reserve: 1039,
      deadHostLost: 38.5,
      // Of a's copies of days 9, 20 and 28, the first goes a day after the attack, the last after four days.
      cleanCopies: [2, 1, null, null, null]
    } satisfies Omit<Metrics, "price">)
    const { log } = Math
    const ofOther = (1 + log(41) / (4 * 2)) / 2
    const ofAttacked = (log(31) / 4 + log(32) / 4) / 2
    assert.approximately(price!, found.mre! / ((ofAttacked + ofOther) / 2), 1e-12)
  })

  it("are null where there is nothing to measure", () => {
    const found = measured(
      { days: 5, capacity: { snapshots: 3 }, hosts: [{ name: "host", firstDay: 4 }] },
      { events: [] }
    )
    const none = Object.entries(found).filter(([, value]) => value === null)
    assert.sameMembers(
      none.map(([key]) => key),
      [
        "mre",
        "worstHostMre",
        "jain",
        "price",
        "oldestKept",
        "oldestKeptMean",
        "oldestVictims",
        "used",
        "reserve"
      ].concat("deadHostLost", "cleanCopies")
    )
    assert.deepStrictEqual([found.kept, found.stuckDays, found.longestStuck], [0, 0, 0])
  })
})

describe("the figures of several runs", () => {
  it("are their means, without the runs that have none, but the longest wait and the worst host of all", () => {
    const { gapRatio: _, ...one } = measured(whole, wholeRun)
    const few: Metrics = {
      ...{ ...one, mre: 0.25, worstHostMre: 0.25, longestStuck: 9, deletions: 4 },
      ...{ deadHostLost: null, gapRatio: [2, null, 3] }
    }
    const many: Metrics = {
      ...{ ...one, mre: 0.5, worstHostMre: 0.75, longestStuck: 4, deletions: 7 },
      ...{ deadHostLost: 20, gapRatio: [4, null, null] }
    }
    assert.deepStrictEqual(combine([few, many]), {
      ...{ ...one, replicates: 2, mre: 0.375, worstHostMre: 0.75, longestStuck: 9, deletions: 5.5 },
      ...{ deadHostLost: 20, gapRatio: [3, null, 3] }
    })
    assert.isNull(combine([few, many].map((run) => ({ ...run, cleanCopies: null }))).cleanCopies)
  })
})

describe("the mean error of a replay", () => {
  it("is what the ages of its snapshots at each day's end come to on a grid", () => {
    const scenario = Result.getOrThrow(
      scenarioOf({
        days: 40,
        skipDays: 5,
        capacity: { snapshots: 6 },
        policies: [{ method: "spread", minAge: 0 }],
        hosts: [
          { name: "a", at: "07:00", jitter: "3h" },
          { name: "b", every: "12h", firstDay: 9, diesOnDay: 30 }
        ]
      })
    )
    const trace = replay(scenario, scenario.policies[0]!, 0)
    const means = scenario.hosts.map(({ diesOnDay }, host) => {
      const errors: Array<number> = []
      for (let day = 5; day < Math.min(40, diesOnDay + 1); day++) {
        const now = (day + 1) * DAY
        const rows = [...trace.host.keys()].filter((row) => trace.host[row] === host && trace.taken[row]! < now)
        const horizon = rows.length === 0 ? 0 : (now - trace.taken[rows[0]!]!) / DAY
        if (horizon < 1) continue
        const ages = rows.filter((row) => trace.gone[row]! >= now).map((row) => (now - trace.taken[row]!) / DAY)
        const grid = 2000
        let sum = 0
        for (let i = 0; i < grid; i++) sum += errorAt(ages, horizon ** ((i + 0.5) / grid))
        errors.push(sum / grid)
      }
      return errors.reduce((sum, error) => sum + error, 0) / errors.length
    })
    const { mre, worstHostMre } = measure(scenario, trace)
    assert.approximately(mre!, (means[0]! + means[1]!) / 2, 1e-4)
    assert.approximately(worstHostMre!, Math.max(...means), 1e-4)
  })
})

describe("the number of snapshots that a gap ratio needs", () => {
  it("is a bound for all that go day by day: with fewer, no policy keeps all gaps narrower on every day", () => {
    for (const method of ["age", "importance", "spread"] as const) {
      for (const snapshots of [10, 30, 60]) {
        const scenario = Result.getOrThrow(
          scenarioOf({
            days: 1000,
            capacity: { snapshots },
            policies: [{ method, minAge: 0 }],
            hosts: [{ name: "host", at: "23:59" }]
          })
        )
        const { gone, taken } = replay(scenario, scenario.policies[0]!, 0, { measure: false })
        let widest = 1
        for (let now = DAY; now <= 1000 * DAY; now += DAY) {
          // What is asked for reaches back to the first backup, be it there or not.
          let older = now - taken[0]! + DAY
          for (let row = 0; row < taken.length && taken[row]! < now; row++) {
            if (gone[row]! < now) continue
            const age = now - taken[row]! + DAY
            widest = Math.max(widest, older / age)
            older = age
          }
        }
        assert.isAtLeast(snapshots, neededFor(1000 * DAY, Math.log(widest)), `${method}, ${snapshots} kept`)
      }
    }
  })
})
