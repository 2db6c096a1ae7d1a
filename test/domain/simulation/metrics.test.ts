// The figures of a run, on traces made by hand, each value reckoned by hand.
import { Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import { DAY } from "../../../src/domain/prune/snapshot.ts"
import { measure } from "../../../src/domain/simulation/metrics.ts"
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
