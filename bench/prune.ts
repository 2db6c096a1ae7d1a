// How fast pruning decides: whole orders of a million snapshots, a thousand victims, and a plan as it is shown.
import { TARGETS, importance } from "../src/domain/prune/importance.ts"
import { plan } from "../src/domain/prune/plan.ts"
import { DAY, type Snapshot, type Stored } from "../src/domain/prune/snapshot.ts"
import { spread, spreadVictims } from "../src/domain/prune/spread.ts"
import { firstsOf, lossAt, naiveImportance, naiveSpread } from "../test/domain/prune/naive.ts"
import type { BenchRow } from "./row.ts"

const now = 1_750_000_000

/** Every six hours, newest first, a host after the other. */
const snapshots = (hosts: number, each: number): Array<Snapshot> =>
  Array.from({ length: hosts * each }, (_, i) => ({
    host: `h${String(Math.floor(i / each)).padStart(6, "0")}`,
    t: now - (i % each) * (DAY / 4) - (Math.floor(i / each) % 1000),
    id: String(i % each)
  }))

const best = (times: number, work: () => unknown): number => {
  let least = Infinity
  for (let i = 0; i < times; i++) {
    const begin = performance.now()
    work()
    least = Math.min(least, performance.now() - begin)
  }
  return least
}

const round = (value: number): number => Number(value.toPrecision(3))

/** How many times faster than the definition as written, on as many snapshots as that can order in reasonable time. */
const ratio = (naive: () => unknown, fast: () => unknown): number => {
  fast()
  return round(best(1, naive) / best(5, fast))
}

/** Times in ms, the best of a few; each ratio is to the naive definition in this same run, on 4,000 (spread: 1,000) snapshots. */
export const rows = (): Array<BenchRow> => {
  const small = snapshots(1, 4000)
  const smaller = snapshots(10, 100)
  const importanceRatio = ratio(
    () => naiveImportance(small, now, TARGETS),
    () => importance(small, now)
  )
  const spreadRatio = ratio(
    () => naiveSpread(smaller, now, lossAt(now, { firsts: firstsOf(smaller) })),
    () => spread(smaller, now)
  )
  const one = snapshots(1, 1_000_000)
  const many = snapshots(10_000, 100)
  const thousand: Array<Stored> = snapshots(10, 100).map((one) => ({
    ...one,
    state: "complete",
    held: false,
    inUse: false,
    bytes: 1_000_000
  }))
  const row = (name: string, target: number, times: number, work: () => unknown, ratio?: number): BenchRow => ({
    name,
    value: round(best(times, work)),
    unit: "ms",
    target,
    ...(ratio === undefined ? {} : { ratio })
  })
  return [
    row("importance, whole order, one host of 1e6", 200, 5, () => importance(one, now), importanceRatio),
    row("importance, whole order, 1e4 hosts of 100", 500, 3, () => importance(many, now)),
    row("spread, whole order, 1e4 hosts of 100", 1200, 3, () => spread(many, now), spreadRatio),
    row("spread, first 1000 victims of 1e6", 150, 5, () => {
      const victims = spreadVictims(one, now)
      for (let i = 0; i < 1000; i++) victims.next()
    }),
    row("a plan for 1000 snapshots, with its reasons", 200, 5, () =>
      plan({ method: { name: "spread" }, now, free: 0, reserve: 500_000_000, snapshots: thousand })
    )
  ]
}
