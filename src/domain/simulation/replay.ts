// A scenario replayed day by day under one policy: arrivals, admission, transfer, snapshot, pruning, as a server does them.
//
// Admission, anomalies, reserves, shares, orders and victims are the production code. Ages are looked at as they are at the end of the
// day, for all of a day's runs of the pruner; a store without a disk (so many snapshots a host) looks at each arrival's own time.
import { admission, anomaly, type Approval, approves, HOLD, nextDue, PAST, spend } from "../prune/admission.ts"
import { isFutile, LOOKS } from "../prune/futile.ts"
import { type History, Tier } from "../prune/history.ts"
import { historyFor } from "../prune/method.ts"
import { Queue } from "../prune/queue.ts"
import {
  hostReserve,
  largestReserves,
  RESERVE_OVER,
  type ReserveRule,
  storeReserve,
  usualSize
} from "../prune/reserve.ts"
import { mayTake, shares } from "../prune/share.ts"
import { DAY, SKEW } from "../prune/snapshot.ts"
import { Attempts, birthsOf } from "./arrivals.ts"
import { nearlyFull } from "../storeUsage.ts"
import { meanError } from "./coverage.ts"
import type { Past, Policy, Scenario } from "./scenario.ts"
import { HostSpace } from "./space.ts"
import { Column, Kind, type Trace } from "./trace.ts"

/** One run of a scenario. `onDay` is called at the end of each day. `measure: false` leaves the daily errors out. */
export const replay = (
  scenario: Scenario,
  policy: Policy,
  replicate: number,
  options: { readonly onDay?: (day: number) => void; readonly measure?: boolean } = {}
): Trace =>
  (scenario.capacity.kind === "snapshots"
    ? new CountedReplay(scenario, policy, replicate, options.measure ?? true)
    : new StoredReplay(scenario, policy, replicate, options.measure ?? true)
  ).run(options.onDay)

/** Monday is 0; the epoch was a Thursday. */
const weekdayOf = (start: number): number => (Math.floor(start / DAY) + 3) % 7

/** What both kinds of store write down. */
class Records {
  readonly scenario: Scenario
  readonly policy: Policy
  readonly seed: string
  readonly measure: boolean
  readonly host = new Column()
  readonly taken = new Column()
  readonly dated = new Column()
  readonly bytes = new Column()
  readonly gone = new Column()
  readonly kinds = new Column()
  readonly times = new Column()
  readonly subjects = new Column()
  readonly amounts = new Column()
  readonly used: Float64Array<ArrayBuffer>
  readonly reserve: Float64Array<ArrayBuffer>
  readonly refused: Float64Array<ArrayBuffer>
  readonly errors: Float32Array<ArrayBuffer>
  readonly hostUsed: Float32Array<ArrayBuffer>
  #ages = new Float64Array(64)

  constructor(scenario: Scenario, policy: Policy, replicate: number, measure: boolean) {
    const { days, hosts } = scenario
    this.scenario = scenario
    this.policy = policy
    this.seed = `${scenario.seed}/${replicate}`
    this.measure = measure
    this.used = new Float64Array(days)
    this.reserve = new Float64Array(days)
    this.refused = new Float64Array(days)
    this.errors = new Float32Array(measure ? days * hosts.length : 0).fill(Number.NaN)
    this.hostUsed = new Float32Array(scenario.capacity.kind === "bytes" ? days * hosts.length : 0)
  }

  event(kind: Kind, at: number, subject: number, amount: number): void {
    this.kinds.push(kind)
    this.times.push(at)
    this.subjects.push(subject)
    this.amounts.push(amount)
  }

  snapshot(host: number, at: number, dated: number, bytes: number): number {
    const row = this.host.length
    this.host.push(host)
    this.taken.push(at)
    this.dated.push(dated)
    this.bytes.push(bytes)
    this.gone.push(Infinity)
    this.event(Kind.snapshot, at, row, bytes)
    return row
  }

  deleted(row: number, at: number, bytes: number): void {
    this.gone.set(row, at)
    this.event(Kind.deleted, at, row, bytes)
  }

  /** Nothing to measure before a host's second day, nor once it is gone: nobody waits for its next backup. */
  measureHost(index: number, history: History, now: number, day: number): void {
    if (history.first > now - DAY || day > this.scenario.hosts[index]!.diesOnDay) return
    if (this.#ages.length < history.size) this.#ages = new Float64Array(2 * history.size)
    const ages = this.#ages
    const { older, t } = history
    let count = 0
    for (let slot = history.newest; slot >= 0; slot = older[slot]!) ages[count++] = Math.max(0, now - t[slot]!)
    this.errors[index * this.scenario.days + day] = meanError(ages, count, now - history.first)
  }

  done(): Trace {
    return {
      policy: this.policy.name,
      host: this.host.done(),
      taken: this.taken.done(),
      dated: this.dated.done(),
      bytes: this.bytes.done(),
      gone: this.gone.done(),
      kinds: this.kinds.done(),
      times: this.times.done(),
      subjects: this.subjects.done(),
      amounts: this.amounts.done(),
      used: this.used,
      reserve: this.reserve,
      refused: this.refused,
      errors: this.errors,
      hostUsed: this.hostUsed
    }
  }
}

/** Every host keeps so many snapshots; nothing is weighed. */
class CountedReplay {
  readonly #records: Records

  constructor(scenario: Scenario, policy: Policy, replicate: number, measure: boolean) {
    this.#records = new Records(scenario, policy, replicate, measure)
  }

  run(onDay?: (day: number) => void): Trace {
    const records = this.#records
    const { days, hosts } = records.scenario
    for (const index of hosts.keys()) {
      this.#host(index)
      onDay?.(Math.floor((days * (index + 1)) / hosts.length) - 1)
    }
    return records.done()
  }

  #host(index: number): void {
    const records = this.#records
    const { attack, capacity, days, hosts } = records.scenario
    const host = hosts[index]!
    const keep = capacity.kind === "snapshots" ? capacity.snapshots : 0
    const history = historyFor(records.policy.method, Math.min(keep + 1, 4096))
    history.minAge = records.policy.minAge
    const attempts = new Attempts(host, records.seed, attack?.host === index ? attack : null)
    const rows: Array<number> = []
    let last: number | undefined
    const add = (at: number) => {
      const newest = history.newest
      const slot = history.insert(at, Tier.never)
      if (newest >= 0) history.setTier(newest, Tier.ordinary)
      rows[slot] = records.snapshot(index, at, at, 0)
      last = at
      while (history.size > keep) {
        const victim = history.victim(at)
        if (victim < 0) break
        history.remove(victim)
        records.deleted(rows[victim]!, at, 0)
      }
    }
    for (const { age } of host.past) add(Math.round(-age * DAY))
    const end = days * DAY
    let day = 0
    for (; attempts.next < end; attempts.advance()) {
      const at = attempts.next
      for (; (day + 1) * DAY <= at; day++)
        if (records.measure) records.measureHost(index, history, (day + 1) * DAY, day)
      if (attempts.fails) records.event(Kind.missed, at, index, 0)
      else if (nextDue(at, last) === undefined) add(at)
      else records.event(Kind.tooSoon, at, index, 0)
    }
    for (; day < days; day++) if (records.measure) records.measureHost(index, history, (day + 1) * DAY, day)
  }
}

interface HostState {
  readonly history: History
  readonly space: HostSpace
  readonly attempts: Attempts
  /** by the history's slot, the number of the snapshot among the host's own */
  readonly slots: Array<number>
  /** by that number, the row in the records */
  readonly rows: Array<number>
  /** not in the history: dated in the `future`; `suspect`, until someone looks or its time is over; `marked` before the start, until its time is over */
  readonly outside: Array<Outside>
  /** incomplete, with nothing complete after it */
  readonly partial: Array<{ readonly slot: number; readonly number: number }>
  readonly held: Array<{ readonly slot: number; readonly number: number; readonly until: number }>
  readonly index: number
  /** bytes new in its last backups, oldest first: what is usual */
  readonly sizes: Array<number>
  /** of those that earn a reserve, the numbers (-1: from before the start) and the bytes */
  readonly earners: Array<number>
  readonly earned: Array<number>
  reserve: number
  /** how the last snapshot is dated */
  last: number | undefined
  approval: Approval | undefined
  stuck: boolean
  /** its last deletion freed nothing */
  futile: boolean
  /** so many victims were looked at in this run of the pruner before they were deleted */
  looks: number
  /** arrived of a transfer that did not fit */
  pending: number
  /** the slot that never goes */
  newest: number
}

interface Outside {
  /** the snapshot's */
  readonly number: number
  readonly why: "future" | "suspect" | "marked"
  readonly until: number
}

/** All hosts share a disk. */
class StoredReplay {
  readonly #records: Records
  readonly #hosts: ReadonlyArray<HostState>
  readonly #queue: Queue
  readonly #capacity: number
  /** with less than this free */
  readonly #nearlyFull: number
  readonly #rule: ReserveRule
  /** so many sizes are remembered: for the reserve, and for what is usual */
  readonly #earning: number
  #used = 0
  #live = 0
  #reserve = 0
  #reserveStale = false
  /** the smallest of the reserves that count */
  #least = 0

  constructor(scenario: Scenario, policy: Policy, replicate: number, measure: boolean) {
    const records = new Records(scenario, policy, replicate, measure)
    this.#records = records
    this.#rule = policy.reserve
    this.#earning = Math.max(RESERVE_OVER, policy.reserve.over)
    this.#capacity = scenario.capacity.kind === "bytes" ? scenario.capacity.bytes : Infinity
    this.#nearlyFull = nearlyFull({ size: this.#capacity }).free
    const monday = weekdayOf(scenario.start)
    this.#hosts = scenario.hosts.map((host, index): HostState => {
      const attack = scenario.attack?.host === index ? scenario.attack : null
      const rows: Array<number> = []
      const slots: Array<number> = []
      const first = host.past.length > 0 ? -host.past[0]!.age : 0
      const space = new HostSpace(host, birthsOf(host, scenario.days, records.seed, monday, attack), first)
      const history = historyFor(policy.method, 32, (slot) => space.exclusive(slots[slot]!))
      history.minAge = policy.minAge
      return {
        history,
        space,
        slots,
        rows,
        attempts: new Attempts(host, records.seed, attack),
        outside: [],
        partial: [],
        held: [],
        index,
        sizes: host.sizes.slice(-PAST),
        earners: host.sizes.slice(-this.#earning).fill(-1),
        earned: host.sizes.slice(-this.#earning),
        reserve: 0,
        last: undefined,
        approval: undefined,
        stuck: false,
        futile: false,
        looks: 0,
        pending: 0,
        newest: -1
      }
    })
    this.#queue = new Queue(this.#hosts.map((host) => host.history))
    const parts = shares(this.#capacity, new Map(scenario.hosts.map((host) => [host.name, host.weight])))
    if (scenario.shares) scenario.hosts.forEach((host, index) => (this.#queue.share[index] = parts.get(host.name)!))
    this.#hosts.forEach(
      (host, index) => (host.reserve = Math.min(this.#queue.share[index]!, hostReserve(host.earned, this.#rule)))
    )
    this.#reserveStale = true
  }

  run(onDay?: (day: number) => void): Trace {
    const { attack, clock, days, hosts, looksAfterDays } = this.#records.scenario
    const records = this.#records
    hosts.forEach((host, index) => {
      for (const one of host.past) this.#past(index, one)
    })
    const today: Array<{ at: number; host: number; fails: boolean }> = []
    for (let day = 0; day < days; day++) {
      const skew = clock.find((one) => day >= one.fromDay && day <= one.toDay)?.by ?? 0
      const now = (day + 1) * DAY + skew
      if (clock.length > 0) this.#clockMoved(now)
      if (this.#hosts.some((host) => host.held.length + host.outside.length > 0)) this.#release(now)
      if (attack?.kind === "rewrite" && attack.fromDay === day) {
        const { space } = this.#hosts[attack.host]!
        space.advance(day)
        space.rewrite(attack.fraction)
      }
      today.length = 0
      for (let host = 0; host < this.#hosts.length; host++) {
        const { attempts } = this.#hosts[host]!
        for (; attempts.next < (day + 1) * DAY; attempts.advance()) {
          today.push({ at: attempts.next, host, fails: attempts.fails })
        }
      }
      today.sort((a, b) => a.at - b.at || a.host - b.host)
      for (const { at, fails, host } of today) {
        if (fails) records.event(Kind.missed, at, host, 0)
        else this.#attempt(host, at, skew, now)
      }
      if (day % looksAfterDays === looksAfterDays - 1) this.#look(now, (day + 1) * DAY)
      records.used[day] = this.#used
      records.reserve[day] = this.#storeReserve()
      for (let host = 0; host < this.#hosts.length; host++) {
        const state = this.#hosts[host]!
        records.hostUsed[host * days + day] = state.space.used + state.pending
        if (records.measure) records.measureHost(host, state.history, now, day)
      }
      onDay?.(day)
    }
    return records.done()
  }

  #attempt(index: number, at: number, skew: number, now: number): void {
    const host = this.#hosts[index]!
    const { attack, resumable } = this.#records.scenario
    if (nextDue(at + skew, host.last) !== undefined) return this.#records.event(Kind.tooSoon, at, index, 0)
    const { space } = host
    const overwritten = space.newestLive
    space.advance(at / DAY)
    if (attack?.kind === "flood" && attack.host === index && at >= attack.fromDay * DAY) space.rewrite(attack.fraction)
    const incoming = Math.ceil(space.incoming())
    const needs = Math.max(0, incoming - host.pending)
    const free = this.#free()
    const { approval } = host
    const admitted = admission({
      host: this.#records.scenario.hosts[index]!.name,
      needs,
      arrived: host.pending,
      free,
      freeable: Math.max(0, this.#used - this.#live),
      // What it is wont to write is no surprise, where its share is less than that.
      hostReserve: Math.max(usualSize(host.earned), host.reserve),
      storeReserve: this.#storeReserve(),
      ...(approval !== undefined && { approval })
    })
    const isOver = space.used + host.pending > this.#queue.share[index]!
    if (admitted.verdict === "room") this.#prune(admitted.defend, now, at, isOver ? 0 : needs)
    const refused = admitted.verdict === "suddenly larger" || admitted.verdict === "no space"
    if (refused || this.#free() < needs) {
      const kind = admitted.verdict === "suddenly larger" ? Kind.tooLarge : Kind.noSpace
      this.#records.event(kind, at, index, needs)
      this.#records.refused[Math.floor(at / DAY)]! += 1
      host.stuck = true
      if (!resumable) return
      const arrived = Math.max(0, Math.min(needs, Math.floor(this.#mayArrive(index))))
      host.pending += arrived
      this.#used += arrived
      this.#prune(this.#storeReserve(), now, at)
      return
    }
    host.stuck = false
    this.#used -= host.pending
    host.pending = 0
    const kept = space.live() - incoming
    const why =
      space.newestLive === 0
        ? undefined
        : anomaly({
            before: overwritten,
            rewritten: Math.max(0, overwritten - Math.max(0, kept)),
            deleted: 0,
            growth: incoming,
            past: host.sizes,
            ...(approval !== undefined && { approval })
          })
    const number = this.#take(index, at, skew, incoming)
    if (number > 0) {
      host.sizes.push(incoming)
      if (host.sizes.length > PAST) host.sizes.shift()
    }
    if (why === undefined) {
      this.#earn(host, number)
      this.#insert(host, number, at + skew)
    } else this.#suspect(host, number, at, at + skew + HOLD)
    if (approval !== undefined) host.approval = spend(approval)
    if (this.#free() < this.#storeReserve()) this.#prune(this.#storeReserve(), now, at)
  }

  /** Of a transfer that does not fit: on a server that is nearly full, a push is ended unless its host may still take of it. */
  #mayArrive(index: number): number {
    const { approval, pending, reserve, space } = this.#hosts[index]!
    const free = this.#free()
    const approved = approval === undefined ? 0 : (approval.bytes ?? Infinity)
    const share = this.#queue.share[index]!
    const may = mayTake({ share, used: space.used + pending, pending, reserve, approved })
    return Math.min(free, Math.max(may, free - this.#nearlyFull))
  }

  /** A snapshot that there is at the start. */
  #past(index: number, { age, held, incomplete, suspect }: Past): void {
    const host = this.#hosts[index]!
    const at = Math.round(-age * DAY)
    host.space.advance(at / DAY)
    const number = this.#take(index, at, 0, Math.ceil(host.space.incoming()))
    if (suspect > 0) {
      host.outside.push({ number, why: "marked", until: suspect * DAY })
      return
    }
    const slot = this.#insert(host, number, at, incomplete)
    if (held > 0) {
      host.history.setTier(slot, Tier.never)
      host.held.push({ slot, number, until: held * DAY })
    }
  }

  /** Takes a snapshot, and returns its number. */
  #take(index: number, at: number, skew: number, incoming: number): number {
    const host = this.#hosts[index]!
    const { space } = host
    space.advance(at / DAY)
    const before = space.used
    const liveBefore = space.newestLive
    const number = space.take()
    this.#used += space.used - before
    this.#live += space.newestLive - liveBefore
    const dated = at + skew
    host.rows[number] = this.#records.snapshot(index, at, dated, incoming)
    host.last = dated
    return number
  }

  /** A backup but the first has its part in its host's reserve; one that somebody looked at later, in its place among the others. */
  #earn(host: HostState, number: number): void {
    if (number === 0) return
    const { earned, earners, index, rows } = host
    let place = earners.length
    while (place > 0 && earners[place - 1]! > number) place--
    earners.splice(place, 0, number)
    earned.splice(place, 0, this.#records.bytes.at(rows[number]!))
    if (earned.length > this.#earning) {
      earners.shift()
      earned.shift()
    }
    // As on a server: what is more than its share is nobody's reserve.
    const reserve = Math.min(this.#queue.share[index]!, hostReserve(earned, this.#rule))
    if (Math.max(reserve, host.reserve) >= this.#least) this.#reserveStale = true
    host.reserve = reserve
  }

  /** Marks a snapshot, and holds the one before it. */
  #suspect(host: HostState, number: number, at: number, until: number): void {
    const { history } = host
    this.#records.event(Kind.suspect, at, host.rows[number]!, 0)
    host.outside.push({ number, why: "suspect", until })
    const slot = history.newest
    if (slot < 0) return
    history.setTier(slot, Tier.never)
    host.held.push({ slot, number: host.slots[slot]!, until })
  }

  #insert(host: HostState, number: number, dated: number, incomplete = false): number {
    const slot = host.history.insert(dated)
    host.slots[slot] = number
    this.#pinNewest(host)
    if (incomplete) host.partial.push({ slot, number })
    else if (host.partial.length > 0) {
      // Something complete has come after them: they go first, unless they are held.
      for (const one of host.partial) {
        const tier = host.history.tiers[one.slot]
        if (host.slots[one.slot] === one.number && tier === Tier.ordinary) host.history.setTier(one.slot, Tier.first)
      }
      host.partial.length = 0
    }
    return slot
  }

  /** The newest of what counts never goes. */
  #pinNewest(host: HostState): void {
    const { history } = host
    if (history.newest === host.newest && history.tiers[history.newest] === Tier.never) return
    const { newest } = host
    // The slot may be another snapshot's by now, or nobody's.
    if (newest >= 0 && newest !== history.newest && !host.held.some((one) => one.slot === newest)) {
      history.setTier(newest, Tier.ordinary)
    }
    host.newest = history.newest
    if (host.newest >= 0) history.setTier(host.newest, Tier.never)
  }

  #free(): number {
    return this.#capacity - this.#used
  }

  #storeReserve(): number {
    if (this.#reserveStale) {
      const { atOnce, leastReserve } = this.#records.scenario
      const reserves = this.#hosts.map((host) => host.reserve)
      this.#reserve = Math.max(leastReserve, storeReserve(reserves, atOnce))
      this.#least = reserves.length <= atOnce ? 0 : largestReserves(reserves, atOnce).at(-1)!
      this.#reserveStale = false
    }
    return this.#reserve
  }

  /**
   * Deletes until so much is free or nothing may go; as in production, what would free nothing stays, and what arrived beyond a host's
   * reserve and nobody approved is not paid for with history. `least`: what a run of a host within its share is waiting for.
   */
  #prune(wanted: number, now: number, at: number, least = 0): void {
    let target = wanted
    if (this.#free() >= Math.max(target, least)) return
    const queue = this.#queue
    for (let index = 0; index < this.#hosts.length; index++) {
      const host = this.#hosts[index]!
      const { approval, pending, reserve, space } = host
      const approved = approves(approval, pending)
      queue.used[index] = space.used + (approved ? 0 : pending)
      queue.doubted[index] = host.outside.length === 0 ? 0 : this.#doubted(host)
      if (!approved && pending > reserve) target -= pending - reserve
    }
    target = Math.max(target, least)
    queue.start(now)
    const spared: Array<{ readonly history: History; readonly slot: number; readonly tier: number }> = []
    while (this.#free() < target) {
      const index = queue.next(target - this.#free(), this.#free() < least)
      if (index < 0) break
      const host = this.#hosts[index]!
      const { history, slots, space } = host
      const slot = history.victim(now)
      const number = slots[slot]!
      if (
        host.futile &&
        host.newest >= 0 &&
        isFutile(this.#fresh(host, number), space.outlived(number, slots[host.newest]!))
      ) {
        if (++host.looks === LOOKS) queue.leave()
        else {
          spared.push({ history, slot, tier: history.tiers[slot]! })
          history.setTier(slot, Tier.never)
          queue.pass()
        }
        continue
      }
      const freed = space.remove(number)
      this.#used -= freed
      queue.take(freed)
      host.futile = isFutile(this.#fresh(host, number), freed)
      this.#records.deleted(host.rows[number]!, at, Math.floor(freed))
    }
    for (const { history, slot, tier } of spared) history.setTier(slot, tier)
    for (const host of this.#hosts) host.looks = 0
  }

  /** Bytes of a host that may not be deleted as they are in doubt: of what is suspect, and of what is held before that. */
  #doubted(host: HostState): number {
    const doubted = new Set(host.outside.filter(({ why }) => why !== "future").map(({ number }) => number))
    const before = host.held.filter(({ number }) => doubted.has(host.space.after[number]!))
    for (const { number } of before) doubted.add(number)
    let sum = 0
    for (const number of doubted) sum += this.#fresh(host, number)
    return sum
  }

  /** Bytes new in a snapshot, as pruning counts them: of the first full one, what the second replaced. */
  #fresh({ rows }: HostState, number: number): number {
    return this.#records.bytes.at(rows[Math.max(1, number)] ?? rows[number]!)
  }

  /** Snapshots that a wrong clock dated in the future leave the history until their time has come. */
  #clockMoved(now: number): void {
    for (const host of this.#hosts) {
      const { history } = host
      while (history.newest >= 0 && history.t[history.newest]! > now + SKEW) {
        host.outside.push({ number: host.slots[history.newest]!, why: "future", until: 0 })
        history.remove(history.newest)
        host.newest = -1
      }
      this.#comeIn(host, (one) => one.why === "future", now)
      this.#pinNewest(host)
    }
  }

  #comeIn(host: HostState, which: (one: Outside) => boolean, now: number, cleared?: (number: number) => void): void {
    if (host.outside.length === 0) return
    const stays: typeof host.outside = []
    for (const one of host.outside) {
      const dated = this.#records.dated.at(host.rows[one.number]!)
      if (!which(one) || dated > now + SKEW) stays.push(one)
      else {
        this.#insert(host, one.number, dated)
        if (one.why !== "future") this.#earn(host, one.number)
        cleared?.(one.number)
      }
    }
    host.outside.length = 0
    host.outside.push(...stays)
  }

  #release(now: number): void {
    for (const host of this.#hosts) {
      this.#comeIn(host, (one) => one.why !== "future" && one.until <= now, now)
      for (const one of host.held.filter((one) => one.until <= now)) {
        host.held.splice(host.held.indexOf(one), 1)
        if (one.slot !== host.newest && host.slots[one.slot] === one.number)
          host.history.setTier(one.slot, Tier.ordinary)
      }
    }
  }

  /** An administrator clears what looked wrong and lets in what was refused. */
  #look(now: number, at: number): void {
    for (const host of this.#hosts) {
      this.#comeIn(
        host,
        (one) => one.why === "suspect",
        now,
        (number) => this.#records.event(Kind.cleared, at, host.rows[number]!, 0)
      )
      if (host.stuck) host.approval = { runs: 3 }
    }
  }
}
