// One run, or many, in figures.
import { DAY } from "../prune/snapshot.ts"
import { TARGETS } from "../prune/importance.ts"
import { errorAt, leastError, ONLINE } from "./coverage.ts"
import type { Scenario } from "./scenario.ts"
import { isOfSnapshot, Kind, type Trace } from "./trace.ts"

/** Days after a compromise at which clean copies are counted. */
const SURVIVAL_DAYS = [1, 7, 30, 90, 365] as const

/** Of one policy; means over replicates, null where there is nothing to measure. What the scenario skips is in none. Ages in days, sizes in bytes, errors as parts of 1. */
export interface Metrics {
  readonly policy: string
  readonly replicates: number
  /** mean relative error between a wanted age and the nearest kept one, over hosts and days */
  readonly mre: number | null
  readonly worstHostMre: number | null
  /** of the hosts' 1 - mre, Jain's index: 1 where all are served alike */
  readonly jain: number | null
  /** snapshots a host holds, on average, from its first one until it is gone */
  readonly kept: number
  /** mre over the ideal for as many snapshots as are kept on the same days */
  readonly price: number | null
  /** the greatest (older + 1 day) / (newer + 1 day) between neighbours, by octave of the older's age from one day up; at the end */
  readonly gapRatio: ReadonlyArray<number | null>
  /** error at each target of importance, in its order without 0; at the end, of the hosts that are still backed up then */
  readonly targetError: ReadonlyArray<number | null>
  /** oldest of any host at the end, and on average over the hosts */
  readonly oldestKept: number | null
  readonly oldestKeptMean: number | null
  readonly attempts: number
  readonly snapshots: number
  readonly deletions: number
  /** part of the deletions that took a host's oldest snapshot */
  readonly oldestVictims: number | null
  readonly refusals: number
  readonly noSpace: number
  /** days between a refusal and the host's next snapshot, or the end */
  readonly longestStuck: number
  /** part of the days from a host's first to its last that it waited so */
  readonly stuckDays: number
  readonly suspects: number
  /** mean bytes in use, and the reserve at the end */
  readonly used: number | null
  readonly reserve: number | null
  /** the day on which the last copy of a host that is gone was deleted: null, never */
  readonly deadHostLost: number | null
  /** of the attacked host, snapshots from before the attack at SURVIVAL_DAYS after it */
  readonly cleanCopies: ReadonlyArray<number | null> | null
}

/** The figures of one run. */
export const measure = (scenario: Scenario, trace: Trace): Metrics => {
  const { attack, days, hosts, skipDays } = scenario
  const end = days * DAY
  const left = hosts.map((): Array<number> => [])
  const firsts = hosts.map(() => Infinity)
  const began = hosts.map(() => days)
  /** hosts x days: by how many more, or fewer, than the day before a host's snapshots are at a day's end */
  const more = new Int32Array(hosts.length * days)
  for (let row = 0; row < trace.host.length; row++) {
    const host = trace.host[row]!
    const gone = trace.gone[row]!
    const dated = trace.dated[row]!
    const day = dayOf(trace.taken[row]!)
    firsts[host] = Math.min(firsts[host]!, dated)
    began[host] = Math.min(began[host]!, day)
    if (gone === Infinity) left[host]!.push(Math.max(0, end - dated))
    more[host * days + day]!++
    if (gone < end) more[host * days + dayOf(gone)]!--
  }
  for (const ages of left) ages.sort((a, b) => a - b)
  const errors: Array<number> = []
  const leasts: Array<number> = []
  let keptDays = 0
  let hostDays = 0
  for (let host = 0; host < hosts.length; host++) {
    let held = 0
    let error = 0
    let least = 0
    let measured = 0
    for (let day = began[host]!; day < days && day <= hosts[host]!.diesOnDay; day++) {
      held += more[host * days + day]!
      if (day < skipDays) continue
      keptDays += held
      hostDays++
      const todays = trace.errors[host * days + day]!
      if (Number.isNaN(todays)) continue
      error += todays
      least += leastError(held, (day + 1) * DAY - firsts[host]!)
      measured++
    }
    if (measured === 0) continue
    errors.push(error / measured)
    leasts.push(least / measured)
  }
  const least = mean(leasts)
  const mre = mean(errors)
  const oldest = left.flatMap((ages) => (ages.length === 0 ? [] : [ages.at(-1)! / DAY]))
  const events = eventsOf(scenario, trace)
  return {
    policy: trace.policy,
    replicates: 1,
    mre,
    worstHostMre: errors.length === 0 ? null : Math.max(...errors),
    jain: jain(errors.map((error) => Math.max(0, 1 - error))),
    kept: hostDays === 0 ? 0 : keptDays / hostDays,
    price: mre === null || least === null || least === 0 ? null : mre / least,
    gapRatio: gapRatios(left, Math.ceil(Math.log2(days)) + 1),
    targetError: TARGETS.filter((target) => target > 0).map((target) =>
      mean(
        left.flatMap((ages, host) =>
          hosts[host]!.diesOnDay < days - 1 || end - firsts[host]! < target * DAY ? [] : [errorAt(ages, target * DAY)]
        )
      )
    ),
    oldestKept: oldest.length === 0 ? null : Math.max(...oldest),
    oldestKeptMean: mean(oldest),
    ...events,
    used: scenario.capacity.kind === "bytes" ? mean(Array.from(trace.used.subarray(skipDays))) : null,
    reserve: scenario.capacity.kind === "bytes" ? (trace.reserve.at(-1) ?? null) : null,
    cleanCopies:
      attack === null
        ? null
        : SURVIVAL_DAYS.map((after) => {
            const at = (attack.fromDay + after) * DAY
            return at > end ? null : cleanCopies(trace, attack.host, attack.fromDay * DAY, at)
          })
  }
}

/** The day of a time; what was before the start counts on the first. */
const dayOf = (at: number): number => Math.max(0, Math.floor(at / DAY))

/** Snapshots of a host from before a compromise that are left at a time (both in seconds). */
const cleanCopies = (trace: Trace, host: number, compromise: number, at: number): number => {
  let clean = 0
  for (let row = 0; row < trace.host.length; row++) {
    if (trace.host[row] === host && trace.taken[row]! < compromise && trace.gone[row]! > at) clean++
  }
  return clean
}

const eventsOf = (scenario: Scenario, trace: Trace) => {
  const { days, hosts, skipDays } = scenario
  /** of each host, when what counts of it begins and ends */
  const from = hosts.map(({ firstDay }) => Math.max(skipDays, firstDay) * DAY)
  const until = hosts.map(({ diesOnDay }) => Math.min(days, diesOnDay + 1) * DAY)
  const oldest = hosts.map((): Array<number> => [])
  const heads = new Uint32Array(hosts.length)
  const went = new Uint8Array(trace.host.length)
  const stuckSince = new Float64Array(hosts.length).fill(Number.NaN)
  const counts = { attempts: 0, snapshots: 0, deletions: 0, refusals: 0, noSpace: 0, longestStuck: 0, suspects: 0 }
  let oldestVictims = 0
  let stuckDays = 0
  const alive = new Uint32Array(hosts.length)
  const lost = hosts.map((): number | null => null)
  const freed = (host: number, at: number) => {
    const since = stuckSince[host]!
    if (Number.isNaN(since)) return
    const waited = Math.max(0, Math.min(at, until[host]!) - Math.max(since, from[host]!)) / DAY
    counts.longestStuck = Math.max(counts.longestStuck, waited)
    stuckDays += waited
    stuckSince[host] = Number.NaN
  }
  for (let i = 0; i < trace.kinds.length; i++) {
    const kind = trace.kinds[i]!
    const subject = trace.subjects[i]!
    const at = trace.times[i]!
    const host = isOfSnapshot(kind) ? trace.host[subject]! : subject
    const counted = at >= skipDays * DAY ? 1 : 0
    if (kind === Kind.snapshot) {
      counts.snapshots += counted
      oldest[host]!.push(subject)
      alive[host]!++
      lost[host] = null
      freed(host, at)
    } else if (kind === Kind.deleted) {
      counts.deletions += counted
      const rows = oldest[host]!
      if (rows[heads[host]!] === subject) oldestVictims += counted
      went[subject] = 1
      while (went[rows[heads[host]!]!] === 1) heads[host]!++
      if (--alive[host]! === 0) lost[host] = at / DAY
    } else if (kind === Kind.tooLarge || kind === Kind.noSpace) {
      counts.refusals += counted
      if (kind === Kind.noSpace) counts.noSpace += counted
      if (Number.isNaN(stuckSince[host]!)) stuckSince[host] = at
    } else if (kind === Kind.suspect) counts.suspects += counted
    if (kind === Kind.snapshot || !isOfSnapshot(kind)) counts.attempts += counted
  }
  let hostDays = 0
  for (let host = 0; host < hosts.length; host++) {
    freed(host, Infinity)
    hostDays += Math.max(0, until[host]! - from[host]!) / DAY
  }
  return {
    ...counts,
    oldestVictims: counts.deletions === 0 ? null : oldestVictims / counts.deletions,
    stuckDays: hostDays === 0 ? 0 : stuckDays / hostDays,
    deadHostLost: lost.find((day, host) => day !== null && hosts[host]!.diesOnDay < days) ?? null
  }
}

const gapRatios = (left: ReadonlyArray<ReadonlyArray<number>>, octaves: number): Array<number | null> => {
  const worst = Array.from({ length: octaves }, (): number | null => null)
  for (const ages of left) {
    for (let i = 1; i < ages.length; i++) {
      const octave = Math.floor(Math.log2(ages[i]! / DAY))
      if (octave < 0 || octave >= octaves) continue
      const ratio = (ages[i]! + DAY) / (ages[i - 1]! + DAY)
      worst[octave] = Math.max(worst[octave] ?? 0, ratio)
    }
  }
  return worst
}

/** 1 where all are equal, 1/n where one has all; null for none. */
export const jain = (values: ReadonlyArray<number>): number | null => {
  if (values.length === 0) return null
  const sum = values.reduce((sum, value) => sum + value, 0)
  const squares = values.reduce((sum, value) => sum + value * value, 0)
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares)
}

const mean = (values: ReadonlyArray<number>): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length

/** The means over replicates, figure by figure; the longest and the worst are the worst of all. */
export const combine = (runs: ReadonlyArray<Metrics>): Metrics => {
  const worst = new Set(["longestStuck", "worstHostMre"])
  const numbers = (values: ReadonlyArray<number | null>, greatest: boolean): number | null => {
    const present = values.filter((value) => value !== null)
    return greatest && present.length > 0 ? Math.max(...present) : mean(present)
  }
  const first = runs[0]!
  const combined = Object.entries(first).map(([key, value]) => {
    const values = runs.map((run) => run[key as keyof Metrics])
    if (typeof value === "string") return [key, value]
    const list = values.find((value) => Array.isArray(value))
    if (list !== undefined) {
      const lists = values as ReadonlyArray<ReadonlyArray<number | null>>
      return [
        key,
        list.map((_: unknown, i: number) =>
          numbers(
            lists.map((one) => one[i] ?? null),
            false
          )
        )
      ]
    }
    return [key, numbers(values as ReadonlyArray<number | null>, worst.has(key))]
  })
  return { ...(Object.fromEntries(combined) as Metrics), replicates: runs.length }
}

/** What the theory allows for so many snapshots over a horizon in days: the static ideal, and the best that goes day by day. */
export const limits = (kept: number, horizonDays: number): { readonly ideal: number; readonly online: number } => {
  const ideal = leastError(kept, horizonDays * DAY)
  return { ideal, online: Math.min(1, ideal * ONLINE) }
}
