// How fast pruning decides, each beside the naive definition at a size that the naive one can do.
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { chownSync, mkdirSync, writeFileSync } from "node:fs"
import { formatEntry } from "../src/domain/JournalEntry.ts"
import { importance, TARGETS } from "../src/domain/prune/importance.ts"
import { historyFor, type Method } from "../src/domain/prune/method.ts"
import { plan } from "../src/domain/prune/plan.ts"
import { DAY, type Snapshot } from "../src/domain/prune/snapshot.ts"
import { spread, spreadVictims } from "../src/domain/prune/spread.ts"
import { formatSnapshotName } from "../src/domain/snapshotName.ts"
import { prune } from "../src/programs/Prune.ts"
import { serverTime } from "../src/programs/serverTime.ts"
import { Layout } from "../src/services/Layout.ts"
import { Store } from "../src/services/Store.ts"
import { enrolled, realServer } from "../test/e2e/realServer.ts"
import { firstsOf, lossAt, naiveImportance, naiveSpread } from "../test/domain/prune/naive.ts"
import type { BenchRow } from "./row.ts"

const NOW = 2_000_000_000
const ROUNDS = 7

/** Milliseconds, the median of some rounds after one that does not count. */
const median = (work: () => void, rounds = ROUNDS): number => {
  work()
  const times = Array.from({ length: rounds }, () => {
    const began = performance.now()
    work()
    return performance.now() - began
  })
  return times.toSorted((a, b) => a - b)[rounds >> 1]!
}

/** Sorted by host, newest first, at irregular times that are the same in every run. */
const store = (hosts: number, each: number, step: number): Array<Snapshot> => {
  let random = 1
  return Array.from({ length: hosts * each }, (_, i) => {
    random = Math.imul(random, 48_271) & 0x7fffffff
    const t = NOW - (i % each) * step - (random % Math.ceil(step / 2))
    return { host: `h${String(Math.floor(i / each)).padStart(5, "0")}`, t, id: String(i % each).padStart(7, "0") }
  })
}

const first = (count: number, list: ReadonlyArray<Snapshot>): void => {
  const victims = spreadVictims(list, NOW)
  for (let i = 0; i < count; i++) victims.next()
}

/** Millions of host-days a second: a backup a day, one deletion a day once `keep` are there. */
const simulated = (method: Method, keep: number, days: number): number => {
  const took = median(() => {
    const history = historyFor(method, keep + 1)
    for (let day = 0; day < days; day++) {
      history.insert(day * DAY)
      if (history.size > keep) history.remove(history.victim(day * DAY))
    }
  })
  return days / took / 1000
}

const simulatedNaively = (keep: number, days: number): number => {
  const took = median(() => {
    const list: Array<Snapshot> = []
    const firsts = new Map([["h", 0]])
    for (let day = 0; day < days; day++) {
      list.unshift({ host: "h", t: day * DAY, id: "" })
      if (list.length <= keep) continue
      const loss = lossAt(day * DAY, { firsts })
      let best = 0
      for (let i = 1; i < list.length; i++) if (loss(list, i) < loss(list, best)) best = i
      list.splice(best, 1)
    }
  })
  return days / took / 1000
}

/** Milliseconds, the median of some previews of a store in which nine snapshots of ten would go. */
const previewed = (hosts: number, each: number): Promise<number> =>
  Effect.gen(function* () {
    const { state, store } = yield* Layout
    const now = yield* serverTime
    mkdirSync(`${state}/journal`)
    for (let host = 0; host < hosts; host++) {
      const current = yield* enrolled(`h${host}`)
      chownSync(current, 0, 0)
      const times = Array.from({ length: each }, (_, i) => now - (each - i) * DAY)
      const names = times.map(formatSnapshotName)
      const take = 'for name; do btrfs -q subvolume snapshot -r current "$name" || exit 1; done'
      execFileSync("sh", ["-c", take, "sh", ...names], { cwd: `${store}/h${host}` })
      const entries = times.map((at, i) =>
        formatEntry({
          _tag: "snapshot",
          at,
          name: names[i]!,
          state: "complete",
          by: "host",
          transfer: 0,
          bytes: 1_000_000,
          files: 10
        })
      )
      writeFileSync(`${state}/journal/h${host}.ndjson`, entries.join(""))
    }
    const wanted = (yield* (yield* Store).free).free + 0.9 * hosts * each * 1_000_000
    const took: Array<number> = []
    for (let round = 0; round <= ROUNDS; round++) {
      const began = performance.now()
      yield* prune({ dryRun: true, reserve: wanted })
      took.push(performance.now() - began)
    }
    return took.slice(1).toSorted((a, b) => a - b)[ROUNDS >> 1]!
  }).pipe(Effect.provide(realServer(2 ** 31)), Effect.scoped, Effect.runPromise)

export const rows = async (): Promise<ReadonlyArray<BenchRow>> => {
  const out: Array<BenchRow> = []
  // First: to start a program takes the longer, the more memory a process has.
  const isRoot = process.getuid?.() === 0
  out.push({
    name: "prune --dry-run on a real store of 10 hosts x 100",
    value: isRoot ? await previewed(10, 100) : Number.NaN,
    unit: "ms",
    target: 200,
    ...(isRoot ? {} : { missing: "only root can mount a store: run this as root" })
  })
  const loss = (list: ReadonlyArray<Snapshot>) => lossAt(NOW, { firsts: firstsOf(list) })

  const some = store(30, 100, DAY)
  const long = store(1, 3000, DAY)
  const importanceRatio = (list: ReadonlyArray<Snapshot>) =>
    median(() => naiveImportance(list, NOW, TARGETS), 3) / median(() => importance(list, NOW))
  const longRatio = importanceRatio(long)
  const someRatio = importanceRatio(some)
  const spreadRatio = median(() => naiveSpread(some, NOW, loss(some)), 3) / median(() => spread(some, NOW))

  const many = store(10_000, 100, DAY)
  out.push(
    {
      name: "importance, 10,000 hosts x 100 (ratio at 30 x 100)",
      value: median(() => importance(many, NOW)),
      unit: "ms",
      target: 500,
      ratio: someRatio,
      least: 2
    },
    {
      name: "spread, 10,000 hosts x 100 (ratio at 30 x 100)",
      value: median(() => spread(many, NOW)),
      unit: "ms",
      target: 1200,
      ratio: spreadRatio,
      least: 10
    }
  )
  many.length = 0

  const million = store(1, 1_000_000, 1000)
  out.push(
    {
      name: "importance, one host of 1,000,000 (ratio at 3,000)",
      value: median(() => importance(million, NOW)),
      unit: "ms",
      target: 200,
      ratio: longRatio,
      least: 30
    },
    {
      name: "spread, first 1,000 victims of 1,000,000 (ratio: all of 3,000)",
      value: median(() => first(1000, million)),
      unit: "ms",
      target: 150,
      ratio: median(() => naiveSpread(long, NOW, loss(long)), 1) / median(() => first(3000, long)),
      least: 30
    }
  )
  million.length = 0

  const simulation = simulated({ name: "spread" }, 30, 500_000)
  out.push(
    {
      name: "simulation at 30 kept, spread",
      value: simulation,
      unit: "M host-days/s",
      target: 3,
      ratio: simulation / simulatedNaively(30, 20_000),
      least: 3
    },
    {
      name: "simulation at 30 kept, importance",
      value: simulated({ name: "importance" }, 30, 500_000),
      unit: "M host-days/s"
    },
    { name: "simulation at 30 kept, age", value: simulated({ name: "age" }, 30, 500_000), unit: "M host-days/s" }
  )

  const thousand = store(10, 100, DAY).map((s) => {
    return { ...s, state: "complete", held: false, inUse: false, bytes: 1_000_000 } as const
  })
  const request = { method: { name: "spread" }, now: NOW, free: 0, reserve: 500e6, snapshots: thousand } as const
  out.push({
    name: "plan of 500 deletions for 1,000 snapshots, with reasons",
    value: median(() => plan(request)),
    unit: "ms",
    target: 200
  })
  return out
}

if (import.meta.main) {
  for (const row of await rows()) process.stdout.write(`${JSON.stringify(row)}\n`)
}
