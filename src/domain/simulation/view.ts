// What a report draws: of every policy the figures, the store's days, and the lives of some hosts' snapshots.
import { isFuture } from "../prune/snapshot.ts"
import { keptWords, reasons } from "../prune/reasons.ts"
import { DAY } from "../prune/snapshot.ts"
import { runJob } from "./job.ts"
import { combine, limits, type Metrics } from "./metrics.ts"
import type { Scenario } from "./scenario.ts"
import { Kind, type Trace } from "./trace.ts"

/** Hosts whose snapshots a report shows one by one, the largest; the others count in the sums. */
const SHOWN = 6

/** Host-days that a page replays by itself when something is changed there. */
export const REPLAYABLE = 60_000

interface PolicyView {
  readonly policy: string
  /** by shown host: [taken, gone or null, bytes], seconds since day 0, oldest first */
  readonly lives: ReadonlyArray<ReadonlyArray<readonly [taken: number, gone: number | null, bytes: number]>>
  /** by shown host: [when, kind, bytes] of attempts that left no snapshot */
  readonly troubles: ReadonlyArray<ReadonlyArray<readonly [at: number, kind: number, bytes: number]>>
  /** a value a day: bytes in use, the reserve, refusals, and the mean error over all hosts (null: nothing to measure yet) */
  readonly used: ReadonlyArray<number>
  readonly reserve: ReadonlyArray<number>
  readonly refused: ReadonlyArray<number>
  readonly errors: ReadonlyArray<number | null>
  /** by shown host, then by day */
  readonly hostUsed: ReadonlyArray<ReadonlyArray<number>>
}

export interface View {
  readonly scenario: Scenario
  readonly metrics: ReadonlyArray<Metrics>
  readonly policies: ReadonlyArray<PolicyView>
  readonly shown: ReadonlyArray<string>
}

export const viewOf = (scenario: Scenario, metrics: ReadonlyArray<Metrics>, traces: ReadonlyArray<Trace>): View => {
  const { attack, days, hosts } = scenario
  const indices = largest(scenario, traces[0]!).slice(0, SHOWN)
  if (attack !== null && !indices.includes(attack.host)) indices[indices.length - 1] = attack.host
  const policies = traces.map((trace): PolicyView => {
    const lives = indices.map((): Array<readonly [number, number | null, number]> => [])
    const troubles = indices.map((): Array<readonly [number, number, number]> => [])
    for (let row = 0; row < trace.host.length; row++) {
      const gone = trace.gone[row]!
      const place = indices.indexOf(trace.host[row]!)
      if (place >= 0) lives[place]!.push([trace.taken[row]!, gone === Infinity ? null : gone, trace.bytes[row]!])
    }
    for (let i = 0; i < trace.kinds.length; i++) {
      const kind = trace.kinds[i]!
      if (kind !== Kind.missed && kind !== Kind.tooLarge && kind !== Kind.noSpace) continue
      const place = indices.indexOf(trace.subjects[i]!)
      if (place >= 0) troubles[place]!.push([trace.times[i]!, kind, trace.amounts[i]!])
    }
    const errors = Array.from({ length: days }, (_, day) => {
      let sum = 0
      let count = 0
      for (let host = 0; host < hosts.length; host++) {
        const error = trace.errors[host * days + day]!
        if (Number.isNaN(error)) continue
        sum += error
        count++
      }
      return count === 0 ? null : Number((sum / count).toPrecision(5))
    })
    return {
      policy: trace.policy,
      lives,
      troubles,
      used: Array.from(trace.used, Math.round),
      reserve: Array.from(trace.reserve),
      refused: Array.from(trace.refused),
      errors,
      hostUsed:
        scenario.capacity.kind === "bytes"
          ? indices.map((host) => Array.from(trace.hostUsed.subarray(host * days, (host + 1) * days), Math.round))
          : []
    }
  })
  return { scenario, metrics, policies, shown: indices.map((index) => hosts[index]!.name) }
}

/** Indices of the hosts, those that held the most bytes first; in their own order where bytes are not counted. */
const largest = ({ capacity, days, hosts }: Scenario, trace: Trace): Array<number> => {
  if (capacity.kind === "snapshots") return [...hosts.keys()]
  const held = hosts.map((_, host) =>
    trace.hostUsed.subarray(host * days, (host + 1) * days).reduce((a, b) => a + b, 0)
  )
  return [...hosts.keys()].toSorted((a, b) => held[b]! - held[a]!)
}

/** The same from a scenario alone, here and now: its figures are the means of all replicates, as `simulate` has them. */
export const replayView = (scenario: Scenario): View => {
  const runs = scenario.policies.map((_, policy) =>
    Array.from({ length: scenario.replicates }, (_, replicate) =>
      runJob({ scenario, policy, replicate, trace: replicate === 0 })
    )
  )
  return viewOf(
    scenario,
    runs.map((parts) => combine(parts.map(({ metrics }) => metrics))),
    runs.map((parts) => parts[0]!.trace!)
  )
}

/** Why each snapshot that a host holds at the end of a day is kept, newest first, in the words of production. Times since day 0. */
export const whyKept = (
  view: View,
  policy: number,
  host: number,
  day: number
): Array<{ readonly taken: number; readonly why: string }> => {
  const now = (day + 1) * DAY
  const lives = view.policies[policy]!.lives[host]!
  const name = view.shown[host]!
  const kept = lives
    .filter(([taken, gone]) => taken < now && (gone === null || gone >= now))
    .map(([taken], index) => ({ host: name, t: taken, id: String(index) }))
    .filter((snapshot) => !isFuture(snapshot, now))
  const firsts = new Map([[name, lives[0]?.[0] ?? 0]])
  return reasons(view.scenario.policies[policy]!.method, kept, now, firsts)
    .map(({ reason, snapshot }) => ({ taken: snapshot.t, why: keptWords(reason) }))
    .toSorted((a, b) => b.taken - a.taken)
}

export interface SweepPoint {
  readonly policy: string
  /** bytes, or snapshots a host where those are what is limited */
  readonly capacity: number
  readonly mre: number | null
  /** what the best fixed choice of as many snapshots comes to in the end */
  readonly ideal: number
}

/** The mean error of every policy on smaller and larger disks, in the first replicate; a piece a disk, as each takes its time. */
export function* sweep(scenario: Scenario): Generator<ReadonlyArray<SweepPoint>, void, void> {
  for (const factor of [0.7, 0.85, 1, 1.3, 1.7, 2.2]) {
    const { capacity } = scenario
    const size = Math.max(1, Math.round((capacity.kind === "bytes" ? capacity.bytes : capacity.snapshots) * factor))
    const other: Scenario = {
      ...scenario,
      capacity: capacity.kind === "bytes" ? { kind: "bytes", bytes: size } : { kind: "snapshots", snapshots: size }
    }
    yield scenario.policies.map((one, policy) => {
      const { kept, mre } = runJob({ scenario: other, policy, replicate: 0, trace: false }).metrics
      return { policy: one.name, capacity: size, mre, ideal: limits(kept, scenario.days).ideal }
    })
  }
}
