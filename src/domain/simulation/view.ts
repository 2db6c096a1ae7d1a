// What a report draws: of every policy the figures, the store's days, and the lives of some hosts' snapshots.
import { HOLD } from "../prune/admission.ts"
import { plan } from "../prune/plan.ts"
import { DAY, isFuture, SKEW, type Stored } from "../prune/snapshot.ts"
import { birthsOf } from "./arrivals.ts"
import { leastError } from "./coverage.ts"
import { runJob } from "./job.ts"
import { combine, type Metrics } from "./metrics.ts"
import type { Scenario } from "./scenario.ts"
import { HostSpace } from "./space.ts"
import { isOfSnapshot, Kind, type Trace } from "./trace.ts"

/** Hosts whose snapshots a report shows one by one, the largest; the others count in the sums. */
const SHOWN = 6

/** Host-days that a page replays by itself when something is changed there. */
export const REPLAYABLE = 60_000

/** Of one snapshot, in seconds since day 0; its date where a wrong clock gave it another than the time at which it was taken. */
type Life = readonly [taken: number, gone: number | null, bytes: number, dated?: number]

/** What is to be said of a host's snapshot, by its place among the host's lives, from one time until another. */
type Mark = readonly [place: number, why: "suspect" | "held" | "incomplete", from: number, until: number]

interface PolicyView {
  readonly policy: string
  /** by shown host, in the order in which they were taken */
  readonly lives: ReadonlyArray<ReadonlyArray<Life>>
  /** by shown host */
  readonly marks: ReadonlyArray<ReadonlyArray<Mark>>
  /** by shown host: [when, kind, bytes] of attempts that left no snapshot */
  readonly troubles: ReadonlyArray<ReadonlyArray<readonly [at: number, kind: number, bytes: number]>>
  /** a value a day: bytes in use, the reserve, refusals, and the mean error over all hosts (null: nothing to measure yet) */
  readonly used: ReadonlyArray<number>
  readonly reserve: ReadonlyArray<number>
  readonly refused: ReadonlyArray<number>
  readonly errors: ReadonlyArray<number | null>
  /** what the best fixed choices of as many snapshots as each host held on that day would come to */
  readonly ideals: ReadonlyArray<number | null>
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
    const lives = indices.map((): Array<Life> => [])
    const troubles = indices.map((): Array<readonly [number, number, number]> => [])
    const firsts = new Float64Array(hosts.length).fill(Infinity)
    // By host and day, how many more are held at the day's end than on the day before.
    const more = new Int32Array(hosts.length * (days + 1))
    for (let row = 0; row < trace.host.length; row++) {
      const host = trace.host[row]!
      const gone = trace.gone[row]!
      const taken = trace.taken[row]!
      const dated = trace.dated[row]!
      firsts[host] = Math.min(firsts[host]!, dated)
      more[host * (days + 1) + Math.max(0, Math.floor(taken / DAY))]! += 1
      if (gone < days * DAY) more[host * (days + 1) + Math.max(0, Math.floor(gone / DAY))]! -= 1
      const life = [taken, gone === Infinity ? null : gone, trace.bytes[row]!] as const
      lives[indices.indexOf(host)]?.push(dated === taken ? life : [...life, dated])
    }
    for (let i = 0; i < trace.kinds.length; i++) {
      const kind = trace.kinds[i]!
      if (kind !== Kind.missed && kind !== Kind.tooLarge && kind !== Kind.noSpace) continue
      const place = indices.indexOf(trace.subjects[i]!)
      if (place >= 0) troubles[place]!.push([trace.times[i]!, kind, trace.amounts[i]!])
    }
    const sums = new Float64Array(days)
    const leasts = new Float64Array(days)
    const counts = new Uint32Array(days)
    for (let host = 0; host < hosts.length; host++) {
      let held = 0
      for (let day = 0; day < days; day++) {
        held += more[host * (days + 1) + day]!
        const error = trace.errors[host * days + day]!
        if (Number.isNaN(error)) continue
        sums[day]! += error
        leasts[day]! += leastError(held, serverNow(scenario, day) - firsts[host]!)
        counts[day]! += 1
      }
    }
    const means = (sums: Float64Array): Array<number | null> =>
      Array.from(sums, (sum, day) => (counts[day] === 0 ? null : Number((sum / counts[day]!).toPrecision(5))))
    return {
      policy: trace.policy,
      lives,
      marks: indices.map((host, place) => marksOf(scenario, trace, host, lives[place]!)),
      troubles,
      used: Array.from(trace.used, Math.round),
      reserve: Array.from(trace.reserve),
      refused: Array.from(trace.refused),
      errors: means(sums),
      ideals: means(leasts),
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

/** What the server takes the end of a day for. Where snapshots are counted nobody looks at a clock. */
export const serverNow = ({ capacity, clock }: Scenario, day: number): number => {
  const wrong = capacity.kind === "bytes" ? clock.find((one) => day >= one.fromDay && day <= one.toDay) : undefined
  return (day + 1) * DAY + (wrong?.by ?? 0)
}

/** When a snapshot was taken, by its own date. */
export const datedOf = ([taken, , , dated]: Life): number => dated ?? taken

/** Whether a mark is on at a time. */
const isOn = ([, , from, until]: Mark, at: number): boolean => from <= at && until > at

/** What is to be said of a host's snapshots, from what happened: what looked wrong, what was held for that, and how those at the start were. */
const marksOf = (scenario: Scenario, trace: Trace, host: number, lives: ReadonlyArray<Life>): ReadonlyArray<Mark> => {
  const { capacity, days, hosts } = scenario
  if (capacity.kind === "snapshots") return []
  /** The beginning of the day on which the server's clock has got there. */
  const beginning = (until: number, from: number): number => {
    for (let day = Math.max(0, Math.floor(from / DAY)); day < days; day++)
      if (serverNow(scenario, day) >= until) return day * DAY
    return Infinity
  }
  const marks: Array<Mark> = hosts[host]!.past.flatMap(({ held, incomplete, suspect }, place) => {
    const from = lives[place]![0]
    return [
      ...(suspect > 0 ? [[place, "suspect", from, beginning(suspect * DAY, 0)] as const] : []),
      ...(suspect === 0 && held > 0 ? [[place, "held", from, beginning(held * DAY, 0)] as const] : []),
      ...(incomplete ? [[place, "incomplete", from, Infinity] as const] : [])
    ]
  })
  const places = new Map<number, number>()
  for (let row = 0; row < trace.host.length; row++) if (trace.host[row] === host) places.set(row, places.size)
  for (let i = 0; i < trace.kinds.length; i++) {
    const kind = trace.kinds[i]!
    const at = trace.times[i]!
    const place = isOfSnapshot(kind) ? places.get(trace.subjects[i]!) : undefined
    if (place === undefined) continue
    if (kind === Kind.suspect) {
      const until = beginning(datedOf(lives[place]!) + HOLD, at)
      const now = serverNow(scenario, Math.floor(at / DAY))
      const newest = lives
        .slice(0, place)
        .map((life, place) => ({ life, place }))
        .filter(
          ({ life, place }) =>
            (life[1] === null || life[1] > at) &&
            datedOf(life) <= now + SKEW &&
            !marks.some((mark) => mark[0] === place && mark[1] === "suspect" && isOn(mark, at))
        )
        .reduce(
          (newest, one) => (newest === null || datedOf(one.life) >= datedOf(newest.life) ? one : newest),
          null as {
            readonly life: Life
            readonly place: number
          } | null
        )
      marks.push([place, "suspect", at, until])
      if (newest !== null) marks.push([newest.place, "held", at, until])
    } else if (kind === Kind.cleared) {
      const index = marks.findIndex((mark) => mark[0] === place && mark[1] === "suspect")
      // Before the end of the day, which is when somebody looked.
      if (index >= 0) marks[index] = [place, "suspect", marks[index]![2], at - 1]
    }
  }
  return marks
}

/** A snapshot that a host holds, as production would be told of it; `place`: among the host's lives. */
interface Held extends Stored {
  readonly place: number
}

/** What a host holds at the end of a day, in the order in which it was taken. Times since day 0. */
export const heldAt = (view: View, policy: number, host: number, day: number): Array<Held> => {
  const end = (day + 1) * DAY
  const { lives, marks } = view.policies[policy]!
  const found: Array<Held> = []
  const name = view.shown[host]!
  const on = marks[host]!.filter((mark) => isOn(mark, end - 1))
  lives[host]!.forEach((life, place) => {
    const [taken, gone] = life
    if (taken >= end || (gone !== null && gone < end)) return
    const its = on.filter((mark) => mark[0] === place).map((mark) => mark[1])
    found.push({
      place,
      host: name,
      t: datedOf(life),
      id: String(place),
      state: its.find((why) => why !== "held") ?? "complete",
      held: its.includes("held"),
      inUse: false
    })
  })
  return found
}

/** Ages in seconds, ascending, of what counts of that: what looks wrong or is dated in the future is no restore point to reckon with. */
export const agesAt = (view: View, policy: number, host: number, day: number): Array<number> => {
  const now = serverNow(view.scenario, day)
  return heldAt(view, policy, host, day)
    .filter((one) => one.state !== "suspect" && !isFuture(one, now))
    .map(({ t }) => Math.max(0, now - t))
    .toSorted((a, b) => a - b)
}

/** The date of a host's first backup ever, as far as it is known by the end of a day: seconds since day 0. */
export const firstOf = (view: View, policy: number, host: number, day: number): number =>
  view.policies[policy]!.lives[host]!.reduce(
    (first, life) => (life[0] < (day + 1) * DAY ? Math.min(first, datedOf(life)) : first),
    Infinity
  )

/** Why each snapshot that a host holds at the end of a day is kept, newest first, in the words of production's own plan. */
export const whyKept = (
  view: View,
  policy: number,
  host: number,
  day: number
): Array<{ readonly place: number; readonly taken: number; readonly dated: number; readonly why: string }> => {
  const { method, minAge } = view.scenario.policies[policy]!
  const held = heldAt(view, policy, host, day)
  const weighs = method.name === "spread" && method.weigh === true && view.scenario.capacity.kind === "bytes"
  const space = weighs ? spaceAt(view, policy, host, day) : null
  const { kept } = plan({
    method,
    now: serverNow(view.scenario, day),
    free: 0,
    reserve: 0,
    snapshots: space === null ? held : held.map((one) => ({ ...one, bytes: space.exclusive(one.place) })),
    minAge,
    firsts: new Map([[view.shown[host]!, firstOf(view, policy, host, day)]])
  })
  return kept
    .map(({ snapshot, why }) => {
      const place = Number(snapshot.id)
      return { place, taken: view.policies[policy]!.lives[host]![place]![0], dated: snapshot.t, why }
    })
    .toSorted((a, b) => b.dated - a.dated || b.place - a.place)
}

/** What a host's snapshots hold of the disk at the end of a day, as in the replay that is shown. */
export const spaceAt = (view: View, policy: number, host: number, day: number): HostSpace => {
  const { scenario } = view
  const { lives, troubles } = view.policies[policy]!
  const end = (day + 1) * DAY
  const index = scenario.hosts.findIndex(({ name }) => name === view.shown[host])
  const its = scenario.hosts[index]!
  const attack = scenario.attack?.host === index ? scenario.attack : null
  const births = birthsOf(its, scenario.days, `${scenario.seed}/0`, (Math.floor(scenario.start / DAY) + 3) % 7, attack)
  const space = new HostSpace(its, births, its.past.length > 0 ? -its.past[0]!.age : 0)
  const attempts = [
    ...lives[host]!.map(([at]) => ({ at, takes: true })),
    ...troubles[host]!.flatMap(([at, kind]) => (kind === Kind.missed ? [] : [{ at, takes: false }]))
  ].toSorted((a, b) => a.at - b.at)
  let rewritten = attack?.kind !== "rewrite"
  for (const { at, takes } of attempts) {
    if (at >= end) break
    if (!rewritten && at >= attack!.fromDay * DAY) {
      space.advance(attack!.fromDay)
      space.rewrite(attack!.fraction)
      rewritten = true
    }
    space.advance(at / DAY)
    if (attack?.kind === "flood" && at >= attack.fromDay * DAY) space.rewrite(attack.fraction)
    if (takes) space.take()
  }
  lives[host]!.forEach(([taken, gone], place) => {
    if (taken < end && gone !== null && gone < end) space.remove(place)
  })
  return space
}

export interface SweepPoint {
  readonly policy: string
  /** bytes, or snapshots a host where those are what is limited */
  readonly capacity: number
  readonly mre: number | null
  /** what the best fixed choices of as many snapshots come to on the same days */
  readonly ideal: number | null
}

/** Host-days of one disk of a sweep: with more, some of the hosts stand for all. */
const SWEEPABLE = 200_000

/** A part of the hosts, as many of each kind as there are of it among all, on as much of the disk as is theirs; all where they are few. */
export const sampled = (scenario: Scenario): Scenario => {
  const { attack, atOnce, capacity, days, hosts, leastReserve, policies } = scenario
  const count = Math.max(1, Math.floor(SWEEPABLE / (days * policies.length)))
  if (count >= hosts.length) return scenario
  // Hosts of a kind have their names, and so their places, beside each other.
  const indices = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * hosts.length) / count))
  if (attack !== null && !indices.includes(attack.host)) {
    indices[Math.floor((attack.host * count) / hosts.length)] = attack.host
  }
  const chosen = indices.map((index) => hosts[index]!)
  const bytesOf = (some: typeof hosts) => some.reduce((sum, { base }) => sum + base, 0)
  const part = bytesOf(hosts) === 0 ? count / hosts.length : bytesOf(chosen) / bytesOf(hosts)
  return {
    ...scenario,
    hosts: chosen,
    atOnce: Math.max(1, Math.round((atOnce * count) / hosts.length)),
    leastReserve: Math.round(leastReserve * part),
    attack: attack === null ? null : { ...attack, host: indices.indexOf(attack.host) },
    capacity:
      capacity.kind === "bytes" ? { kind: "bytes", bytes: Math.max(1, Math.round(capacity.bytes * part)) } : capacity
  }
}

/**
 * The mean error of every policy on smaller and larger disks, in the first replicate, by the sample of the hosts where they are many; a
 * piece a disk, as each takes its time.
 */
export function* sweep(whole: Scenario): Generator<ReadonlyArray<SweepPoint>, void, void> {
  const scenario = sampled(whole)
  const sizeOf = ({ capacity }: Scenario, factor: number): number =>
    Math.max(1, Math.round((capacity.kind === "bytes" ? capacity.bytes : capacity.snapshots) * factor))
  for (const factor of [0.7, 0.85, 1, 1.3, 1.7, 2.2]) {
    const size = sizeOf(scenario, factor)
    const other: Scenario = {
      ...scenario,
      capacity:
        scenario.capacity.kind === "bytes" ? { kind: "bytes", bytes: size } : { kind: "snapshots", snapshots: size }
    }
    yield scenario.policies.map((one, policy) => {
      const { mre, price } = runJob({ scenario: other, policy, replicate: 0, trace: false }).metrics
      return {
        policy: one.name,
        capacity: sizeOf(whole, factor),
        mre,
        ideal: mre === null || price === null ? null : mre / price
      }
    })
  }
}
