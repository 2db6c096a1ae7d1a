// What is known of the three policies, found again by the model that runs the production code.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import { DAY } from "../../../src/domain/prune/snapshot.ts"
import { runJob } from "../../../src/domain/simulation/job.ts"
import { loadScenario, type ScenarioFile, scenarioOf } from "../../../src/domain/simulation/scenario.ts"
import { whatIf } from "../../../src/domain/simulation/whatIf.ts"
import { replayView } from "../../../src/domain/simulation/view.ts"

/** A scenario that comes with byteback. */
const shipped = (name: string) => {
  const file = join(import.meta.dirname, `../../../scenarios/${name}.json`)
  return Result.getOrThrow(loadScenario(readFileSync(file, "utf8"), file))
}

const figures = (file: ScenarioFile, replicate = 0) => {
  const scenario = Result.getOrThrow(scenarioOf(file))
  return runJob({ scenario, policy: 0, replicate, trace: true })
}

const policy = {
  age: { method: "age", minAge: 0 },
  importance: { method: "importance", minAge: 0 },
  "spread, oldest pinned": { method: "spread", minAge: 0, regretBelow: 0 },
  "spread, oldest by regret": { method: "spread", minAge: 0, regretBelow: 1_000_000_000 }
} as const

/** Percent, by snapshots kept. */
const kept = [7, 10, 15, 20, 30, 60, 120] as const
const expected = {
  age: [62.3, 56.7, 50.5, 46.2, 40.3, 30.6, 21.4],
  importance: [47.2, 29.9, 26.5, 23.2, 21.4, 21.0, 21.4],
  "spread, oldest pinned": [33.6, 22.2, 13.9, 10.3, 7.15, 4.73, 3.84],
  "spread, oldest by regret": [30.4, 20.9, 13.5, 10.0, 7.06, 4.7, 3.85]
} as const

// One host, nightly within ten minutes of 23:45: at each day's end, when the error is measured, the newest copy is minutes old, as in the
// study that found the figures. At other hours it is older and the figures are others: at 02:00 spread comes to 29.4 % at 7 kept, age to 60.7 %.
const nightly = { name: "host", at: "23:45", jitter: "10m" }

describe("the mean error of five years of nightly backups, the first not counted", () => {
  for (const [name, row] of Object.entries(expected)) {
    it(`of ${name} is the table's, within half a percentage point`, () => {
      for (const [index, snapshots] of kept.entries()) {
        const replicates = [0, 1, 2].map(
          (replicate) =>
            figures(
              {
                days: 1825,
                skipDays: 365,
                capacity: { snapshots },
                policies: [policy[name as keyof typeof policy]],
                hosts: [nightly]
              },
              replicate
            ).metrics.mre!
        )
        const percent = (100 * replicates.reduce((sum, error) => sum + error, 0)) / replicates.length
        assert.approximately(percent, row[index]!, 0.5, `${name} at ${snapshots}`)
      }
    })
  }
})

describe("a flood of a backup every six hours after 1000 clean days, thirty kept", () => {
  const survivors = (name: keyof typeof policy) =>
    figures({
      days: 1400,
      capacity: { snapshots: 30 },
      policies: [policy[name]],
      attack: { kind: "flood", fromDay: 1000, every: "6h" },
      hosts: [nightly]
    }).metrics.cleanCopies!

  it("leaves the clean copies that the study counted after 1, 7, 30, 90 and 365 days, give or take two", () => {
    const counted = {
      age: [26, 2, 0, 0, 0],
      importance: [26, 16, 7, 3, 0],
      "spread, oldest pinned": [29, 23, 16, 12, 7]
    } as const
    for (const [name, row] of Object.entries(counted)) {
      const left = survivors(name as keyof typeof counted)
      for (const [index, count] of row.entries()) {
        assert.approximately(left[index]!, count, 2, `${name} [${left.join(" ")}]`)
      }
    }
  })
})

describe("the claim that importance is reluctant to delete the very oldest", () => {
  it("holds to about 112 days and no further: the oldest kept saw-tooths between two and seven months", () => {
    for (const snapshots of [20, 30, 60]) {
      const { trace } = figures({
        days: 1825,
        capacity: { snapshots },
        policies: [policy.importance],
        hosts: [nightly]
      })
      const oldest: Array<number> = []
      for (let day = 730; day < 1825; day += 5) {
        let age = 0
        for (let row = 0; row < trace!.host.length; row++) {
          const taken = trace!.taken[row]!
          if (taken < day * DAY && trace!.gone[row]! > day * DAY) age = Math.max(age, day - taken / DAY)
        }
        oldest.push(age)
      }
      assert.isAbove(Math.min(...oldest), 55)
      assert.isBelow(Math.max(...oldest), 215)
      assert.isAbove(Math.max(...oldest), 112)
    }
  })

  it("equals age from 120 daily backups on", () => {
    const traces = (["age", "importance"] as const).map(
      (name) =>
        figures({ days: 900, capacity: { snapshots: 121 }, policies: [policy[name]], hosts: [{ name: "host" }] }).trace!
    )
    assert.deepStrictEqual(traces[0]!.gone, traces[1]!.gone)
  })
})

describe("a refusal without a way out", () => {
  const file = (transfer: "atomic" | "resumable", looksAfterDays: number): ScenarioFile => ({
    days: 1095,
    capacity: { timesLive: 1.5 },
    transfer,
    looksAfterDays,
    policies: ["spread"],
    hosts: [{ name: "host" }]
  })

  it("leaves a host stuck for good where transfers are all or nothing and nobody approves", () => {
    const { stuckDays } = figures(file("atomic", 0)).metrics
    assert.isAbove(stuckDays, 0.5)
  })

  it("is over within days where an administrator looks once a week", () => {
    const { longestStuck } = figures(file("atomic", 7)).metrics
    assert.isBelow(longestStuck, 9)
  })
})

describe("a slow grower", () => {
  it("is refused on the same day by each policy, and pays one snapshot of its history for that", () => {
    const [age, importance, spread] = replayView(shipped("slow-grower")).policies
    const firstRefusal = (view: typeof age) => view!.refused.findIndex((count) => count > 0)
    for (const view of [age, importance, spread]) {
      assert.strictEqual(firstRefusal(view), firstRefusal(age))
      const lives = view!.lives[0]!
      assert.isAbove(lives.length, 1700)
      assert.isAtMost(lives.filter(([, gone]) => gone !== null).length, 1)
    }
  })
})

describe("docs/retention.md", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/retention.md"), "utf8")

  it("has the mean error on disks of every size as the model has it", () => {
    const scenario = shipped("disk-size")
    const rows = [...text.matchAll(/^\| (\d+) GB \|(.*)\|$/gm)]
    assert.lengthOf(rows, 7)
    for (const [, size, cells] of rows) {
      const { metrics } = replayView(Result.getOrThrow(whatIf(scenario, `capacity=${size}GB`)))
      const found = metrics.map(({ mre }) => `${Math.round(100 * mre!)} %`)
      assert.deepStrictEqual(
        cells!.split("|").map((cell) => cell.trim()),
        found,
        `${size} GB`
      )
    }
  })

  it("has the clean copies after a flood as the model has them", () => {
    const { metrics } = replayView(shipped("flood"))
    for (const { cleanCopies, policy } of metrics)
      assert.include(text.replaceAll("\n", " "), `\`${policy}\` ${cleanCopies!.join(", ")}`)
  })

  it("says truly that a host that is gone keeps its last copy", () => {
    const { metrics, policies, shown } = replayView(shipped("dead-host"))
    assert.deepStrictEqual(
      metrics.map(({ deadHostLost }) => deadHostLost),
      [null, null, null]
    )
    for (const { lives } of policies) {
      const last = lives[shown.indexOf("dead")]!.at(-1)!
      assert.strictEqual(Math.floor(last[0] / DAY), 365)
      assert.isNull(last[1])
    }
  })
})
