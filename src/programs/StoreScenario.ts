// The server's own store as a scenario: its snapshots as they are now, and backups that go on as they have been.
import { Effect, Result } from "effect"
import { PAST } from "../domain/prune/admission.ts"
import { earningSizes, type Mark, hostRecord, markAt } from "../domain/prune/record.ts"
import { joinSnapshots } from "../domain/snapshotList.ts"
import { dataFloor } from "../domain/storeUsage.ts"
import { DAY, HOUR } from "../domain/prune/snapshot.ts"
import { fitLifetimes } from "../domain/simulation/lifetimeFit.ts"
import { type Scenario, ScenarioError, type ScenarioFile, scenarioOf } from "../domain/simulation/scenario.ts"
import { Journal } from "../services/Journal.ts"
import { Registry } from "../services/Registry.ts"
import { ServerConfig } from "../services/ServerConfig.ts"
import { Store } from "../services/Store.ts"

/**
 * One host a host of the store that has snapshots, with its weight, its holds and what is suspect or incomplete. One that is no longer
 * enrolled is gone, and earns no reserve. Its pace is the median gap between its last snapshots; its backups are as large as the mean of those in its
 * journal (1 % of its share of the data a day where the journal has none), its base its first backup (where the journal has no sizes, an
 * equal part of the data). How long bytes live is told by how full the store is: see `fitLifetimes`. What is held or suspect stays so as long as it is marked: nobody releases it. Day 0 is tomorrow. Fails where no host has a snapshot.
 */
export const storeScenario = Effect.fn("storeScenario")(function* (options: {
  readonly now: number
  readonly days?: number
  readonly policies?: NonNullable<ScenarioFile["policies"]>
}) {
  const store = yield* Store
  const journal = yield* Journal
  const config = yield* ServerConfig
  const enrolled = new Set((yield* (yield* Registry).list).map(({ host }) => host))
  const start = tomorrow(options.now)
  const found = yield* Effect.forEach(yield* store.hosts, (host) =>
    Effect.gen(function* () {
      const { damaged, entries } = yield* journal.read(host)
      const record = hostRecord(entries)
      const snapshots = joinSnapshots(yield* store.snapshots(host), entries, options.now, damaged).flatMap((one) =>
        one.at !== null && one.at <= options.now && one.state !== "foreign" ? [{ ...one, at: one.at }] : []
      )
      const past = snapshots.map(({ at, hold, name, state }) => ({
        age: (start - at) / DAY,
        held: hold === undefined ? 0 : hold.until === null ? null : Math.max(0, (hold.until - start) / DAY),
        suspect: state === "suspect" ? suspectDays(markAt(record.suspects, name, options.now), start) : 0,
        incomplete: state === "incomplete"
      }))
      const weight = yield* config.weight(host)
      const whole = [...record.taken.values()][0]?.bytes
      const comes = enrolled.has(host) && record.gone === undefined
      return {
        host,
        past,
        weight,
        whole,
        comes,
        futile: record.futile,
        sizes: record.sizes,
        earning: earningSizes(record, options.now),
        times: snapshots.map(({ at }) => at)
      }
    })
  )
  const hosts = found.filter(({ times }) => times.length > 0)
  if (hosts.length === 0) {
    return yield* new ScenarioError({ where: "--from-store", problem: "the store holds no snapshot to begin with" })
  }
  const usage = yield* store.free
  const { data, free } = usage
  const part = data.used / hosts.length
  const measured = hosts.map(({ futile, past, sizes, times, whole }) => {
    const every = pace(times)
    const size = sizes.length === 0 ? ((part / 100) * every) / DAY : mean(sizes)
    const base = whole ?? Math.max(part / 2, part - (size * 30 * DAY) / every)
    return { base, every, futile, size, ages: past.map(({ age }) => age) }
  })
  const fitted = fitLifetimes(measured, data.used)
  const file: ScenarioFile = {
    name: "this store",
    about: "This server's snapshots as they are, and backups that go on as they have been.",
    start,
    days: options.days ?? 365,
    capacity: { bytes: data.used + free },
    atOnce: yield* config.parallel,
    reserve: Math.round(dataFloor(usage)),
    ...(options.policies !== undefined && { policies: options.policies }),
    hosts: hosts.map(({ comes, earning, host, past, times, weight }, index) => {
      const { base, daily, lifetimes } = fitted[index]!
      return {
        name: host,
        every: `${measured[index]!.every}s`,
        at: clock(times.at(-1)! % DAY),
        base: Math.round(base),
        churn: { daily: Math.round(daily), lifetimes },
        weight,
        ...(comes ? { sizes: earning.slice(-PAST) } : { diesOnDay: -1 }),
        past
      }
    })
  }
  const scenario = scenarioOf(file)
  if (Result.isSuccess(scenario)) return scenario.success satisfies Scenario
  return yield* new ScenarioError({ where: "--from-store", problem: scenario.failure.problem })
})

const mean = (sizes: ReadonlyArray<number>): number => sizes.reduce((sum, size) => sum + size, 0) / sizes.length

/** What is suspect without a mark is not sealed, and stays so: for more days than are ever simulated. */
const suspectDays = (mark: Mark | undefined, start: number): number =>
  mark === undefined ? 1e6 : Math.max(1e-6, (mark.until - start) / DAY)

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
