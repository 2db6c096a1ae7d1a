// The server's own store as a scenario: its snapshots as they are now, and backups that go on as they have been.
import { Effect, Result } from "effect"
import { DAY, HOUR } from "../domain/prune/snapshot.ts"
import { type Scenario, ScenarioError, type ScenarioFile, scenarioOf } from "../domain/simulation/scenario.ts"
import { Journal } from "../services/Journal.ts"
import { Store } from "../services/Store.ts"

/**
 * One host a host of the store that has snapshots. Its pace is the median gap between its last snapshots, its churn the mean of the
 * sizes in its journal (1 % of its share of the data a day where the journal has none), its base its first backup (where the journal has no sizes,
 * an equal part of the data). Day 0 is tomorrow. Fails where no host has a snapshot.
 */
export const storeScenario = Effect.fn("storeScenario")(function* (options: {
  readonly now: number
  readonly days?: number
  readonly policies?: NonNullable<ScenarioFile["policies"]>
}) {
  const store = yield* Store
  const journal = yield* Journal
  const start = tomorrow(options.now)
  const found = yield* Effect.forEach(yield* store.hosts, (host) =>
    Effect.gen(function* () {
      const snapshots = yield* store.snapshots(host)
      const { entries } = yield* journal.read(host)
      const sizes = entries.flatMap((entry) =>
        entry._tag === "snapshot" && "bytes" in entry && typeof entry.bytes === "number" ? [entry.bytes] : []
      )
      const times = snapshots.flatMap(({ at }) => (at !== null && at <= options.now ? [at] : []))
      // The first backup is the host's whole.
      return { host, times, whole: sizes[0], sizes: sizes.slice(1) }
    })
  )
  const hosts = found.filter(({ times }) => times.length > 0)
  if (hosts.length === 0) {
    return yield* new ScenarioError({ where: "--from-store", problem: "the store holds no snapshot to begin with" })
  }
  const { data, free } = yield* store.free
  const part = data.used / hosts.length
  const file: ScenarioFile = {
    name: "this store",
    about: "This server's snapshots as they are, and backups that go on as they have been.",
    start,
    days: options.days ?? 365,
    capacity: { bytes: data.used + free },
    ...(options.policies !== undefined && { policies: options.policies }),
    hosts: hosts.map(({ host, sizes, times, whole }) => {
      const every = pace(times)
      const mean = sizes.length === 0 ? part / 100 : sizes.reduce((sum, size) => sum + size, 0) / sizes.length
      const daily = Math.round((mean * DAY) / every)
      return {
        name: host,
        every: `${every}s`,
        at: clock(times.at(-1)! % DAY),
        base: whole ?? Math.round(Math.max(part / 2, part - daily * 30)),
        churn: { daily },
        past: times.map((at) => (start - at) / DAY)
      }
    })
  }
  const scenario = scenarioOf(file)
  if (Result.isSuccess(scenario)) return scenario.success satisfies Scenario
  return yield* new ScenarioError({ where: "--from-store", problem: scenario.failure.problem })
})

/** The median gap of the last thirty, at least six hours; a day where there is only one. */
const pace = (times: ReadonlyArray<number>): number => {
  const last = times.slice(-31)
  const gaps = last.slice(1).map((at, i) => at - last[i]!)
  const middle = gaps.toSorted((a, b) => a - b)[gaps.length >> 1] ?? DAY
  return Math.min(366 * DAY, Math.max(6 * HOUR, middle))
}

const clock = (seconds: number): string =>
  [Math.floor(seconds / HOUR), Math.floor((seconds % HOUR) / 60)].map((part) => String(part).padStart(2, "0")).join(":")

/** The next midnight, UTC. */
export const tomorrow = (now: number): number => now - (now % DAY) + DAY
