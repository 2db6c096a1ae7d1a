// A scenario replayed day by day under one policy: arrivals, admission, transfer, snapshot, pruning, as a server does them.
//
// Admission, anomalies, reserves, shares, orders and victims are the production code. Ages are looked at as they are at the end of the
// day, for all of a day's runs of the pruner; a store without a disk (so many snapshots a host) looks at each arrival's own time.
import {
  admission,
  type AdmissionRequest,
  anomaly,
  type Approval,
  approves,
  expected,
  HOLD,
  nextDue,
  PAST,
  spend
} from "../prune/admission.ts"
import { isFutile, LOOKS } from "../prune/futile.ts"
import { type History, Tier } from "../prune/history.ts"
import { historyFor } from "../prune/method.ts"
import { Queue } from "../prune/queue.ts"
import { hostReserve, largestReserves, type ReserveRule, storeReserve, usualSize } from "../prune/reserve.ts"
import { shares } from "../prune/share.ts"
import { DAY, SKEW } from "../prune/snapshot.ts"
import { Attempts, birthsOf } from "./arrivals.ts"
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
  /** slots of those that are incomplete */
  readonly incomplete: Array<number>
  readonly held: Array<{ readonly slot: number; readonly number: number; readonly until: number }>
  /** by the snapshot's number, what its deletion may free as far as a server knows: the bytes new in it, of the first what the second replaced */
  readonly fresh: Array<number>
  /** bytes new in its backups but the first, oldest first: the last of them are those of its last numbers */
  readonly sizes: Array<number>
  /** what its last backups earn it, without what looks wrong; and what is usual of them */
  reserve: number
  usual: number
  /** what its first backup held beyond what is fresh in it; fresh bytes that it holds, and of what is gone those that were not freed */
  base: number
  holds: number
  left: number
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
  /** the one after it is suspect too: it is held until then */
  held: number
}

/** How often a client tries in a row whose backup meets a full disk. */
const ATTEMPTS = 2

/** All hosts share a disk. */
class StoredReplay {
  readonly #records: Records
  readonly #hosts: ReadonlyArray<HostState>
  readonly #queue: Queue
  readonly #capacity: number
  readonly #rule: ReserveRule
  #used = 0
  #reserve = 0
  #reserveStale = false
  /** the smallest of the reserves that count */
  #least = 0

  constructor(scenario: Scenario, policy: Policy, replicate: number, measure: boolean) {
    const records = new Records(scenario, policy, replicate, measure)
    this.#records = records
    this.#rule = policy.reserve
    this.#capacity = scenario.capacity.kind === "bytes" ? scenario.capacity.bytes : Infinity
    const monday = weekdayOf(scenario.start)
    this.#hosts = scenario.hosts.map((host, index): HostState => {
      const attack = scenario.attack?.host === index ? scenario.attack : null
      const rows: Array<number> = []
      const slots: Array<number> = []
      const first = host.past.length > 0 ? -host.past[0]!.age : 0
      const space = new HostSpace(host, birthsOf(host, scenario.days, records.seed, monday, attack), first)
      const fresh: Array<number> = []
      const history = historyFor(policy.method, 32, (slot) => fresh[slots[slot]!]!)
      history.minAge = policy.minAge
      return {
        history,
        space,
        slots,
        rows,
        attempts: new Attempts(host, records.seed, attack),
        outside: [],
        incomplete: [],
        held: [],
        fresh,
        sizes: [...host.sizes],
        reserve: 0,
        usual: 0,
        base: 0,
        holds: 0,
        left: 0,
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
    for (const index of this.#hosts.keys()) this.#earn(index)
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
    const { attack } = this.#records.scenario
    if (nextDue(at + skew, host.last) !== undefined) return this.#records.event(Kind.tooSoon, at, index, 0)
    const { space } = host
    const overwritten = space.newestLive
    space.advance(at / DAY)
    if (attack?.kind === "flood" && attack.host === index && at >= attack.fromDay * DAY) space.rewrite(attack.fraction)
    const incoming = Math.ceil(space.incoming())
    const { approval } = host
    const refused = this.#transfer(index, incoming, now, at)
    if (refused !== undefined) {
      this.#records.event(refused, at, index, Math.max(0, incoming - host.pending))
      this.#records.refused[Math.floor(at / DAY)]! += 1
      host.stuck = true
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
            past: host.sizes.slice(-PAST),
            ...(approval !== undefined && { approval })
          })
    const number = this.#take(index, at, skew, incoming)
    if (why === undefined) this.#insert(host, number, at + skew)
    else this.#suspect(host, number, at, at + skew + HOLD)
    this.#earn(index)
    if (approval !== undefined) host.approval = spend(approval)
    if (this.#free() < this.#storeReserve()) this.#prune(this.#storeReserve(), now, at)
  }

  /**
   * Why a backup of so many bytes does not arrive, or undefined: it has. As on a server, which knows what is usual and what has arrived,
   * room is made before it starts, and no more than that for what turns out to be larger: it then fills what is free, and what has
   * arrived stays. A client whose backup met a full disk asks once more at once. Where nothing of what does not fit would stay, all of
   * it is known before.
   */
  #transfer(index: number, incoming: number, now: number, at: number): Kind | undefined {
    const host = this.#hosts[index]!
    const { hosts, leastReserve, resumable } = this.#records.scenario
    const { approval } = host
    for (let attempt = 1; ; attempt++) {
      const request: AdmissionRequest = {
        host: hosts[index]!.name,
        needs: resumable ? expected(host.usual, host.pending, approval) : incoming,
        arrived: host.pending,
        least: leastReserve,
        free: this.#free(),
        freeable: Infinity,
        // What it is wont to write is no surprise, where its share is less than that.
        hostReserve: Math.max(host.usual, host.reserve),
        storeReserve: this.#storeReserve()
      }
      const asked = admission(approval === undefined ? request : { ...request, approval })
      const over = this.#usedBy(host, now) + host.pending > this.#queue.share[index]!
      const waits = over || asked.verdict === "suddenly larger" ? 0 : Math.max(request.needs, leastReserve)
      this.#prune(asked.defend, now, at, waits)
      const { verdict } =
        asked.verdict === "go"
          ? asked
          : admission({ ...request, free: this.#free(), freeable: 0, ...(approval !== undefined && { approval }) })
      if (verdict === "suddenly larger") return Kind.tooLarge
      if (verdict === "no space") return Kind.noSpace
      const missing = Math.max(0, incoming - host.pending)
      if (missing <= this.#free()) return undefined
      const larger = incoming > Math.max(host.usual, host.reserve) && !approves(approval, incoming)
      if (resumable) {
        const arrived = Math.max(0, Math.floor(this.#free()))
        host.pending += arrived
        this.#used += arrived
      }
      if (attempt === ATTEMPTS) {
        this.#prune(this.#storeReserve(), now, at)
        return larger ? Kind.tooLarge : Kind.noSpace
      }
    }
  }

  /** A snapshot that there is at the start. */
  #past(index: number, { age, bytes, held, incomplete, suspect }: Past): void {
    const host = this.#hosts[index]!
    const at = Math.round(-age * DAY)
    host.space.advance(at / DAY)
    const number = this.#take(index, at, 0, 0, bytes)
    if (suspect > 0) {
      host.outside.push({ number, why: "marked", until: suspect * DAY, held: held * DAY })
      return
    }
    const slot = this.#insert(host, number, at, incomplete)
    if (held > 0) this.#hold(host, slot, held * DAY)
  }

  /** Takes a snapshot, and returns its number; `fresh`: what its journal says is new in it, unless that is what comes. */
  #take(index: number, at: number, skew: number, incoming: number, fresh?: number): number {
    const host = this.#hosts[index]!
    const { space } = host
    space.advance(at / DAY)
    const before = space.used
    const number = space.take()
    this.#used += space.used - before
    const brought = Math.ceil(space.used - before)
    const dated = at + skew
    host.rows[number] = this.#records.snapshot(index, at, dated, incoming)
    host.last = dated
    if (number === 0) {
      host.base = brought - (fresh ?? 0)
      host.fresh[0] = fresh ?? 0
    } else {
      host.fresh[number] = fresh ?? brought
      // Most of the first lives on in all others; what it alone holds is what the second replaced.
      if (number === 1 && host.fresh[0] === 0) {
        host.fresh[0] = Math.min(host.base, host.fresh[1]!)
        host.base -= host.fresh[0]
        host.holds += host.fresh[0]
      }
      if (at >= 0) host.sizes.push(incoming)
    }
    host.holds += host.fresh[number]!
    return number
  }

  /** What its last backups earn a host; what looks wrong earns nothing, until somebody has looked or its time is over. */
  #earn(index: number): void {
    const host = this.#hosts[index]!
    const { fresh, outside, sizes } = host
    const first = fresh.length - sizes.length
    const earning =
      outside.length === 0
        ? sizes
        : sizes.filter((_, i) => !outside.some(({ number, why }) => why === "suspect" && number === first + i))
    // As on a server: what is more than its share is nobody's reserve.
    const reserve = Math.min(this.#queue.share[index]!, hostReserve(earning, this.#rule))
    if (Math.max(reserve, host.reserve) >= this.#least) this.#reserveStale = true
    host.reserve = reserve
    host.usual = usualSize(earning)
  }

  /** Marks a snapshot, and holds the one before it. */
  #suspect(host: HostState, number: number, at: number, until: number): void {
    const { history } = host
    this.#records.event(Kind.suspect, at, host.rows[number]!, 0)
    host.outside.push({ number, why: "suspect", until, held: 0 })
    const before = host.outside.find((one) => one.number === number - 1 && one.why !== "future")
    if (before !== undefined) before.held = until
    else if (history.newest >= 0) this.#hold(host, history.newest, until)
  }

  #hold(host: HostState, slot: number, until: number): void {
    host.history.setTier(slot, Tier.never)
    host.held.push({ slot, number: host.slots[slot]!, until })
  }

  #insert(host: HostState, number: number, dated: number, incomplete = false): number {
    const slot = host.history.insert(dated)
    host.slots[slot] = number
    if (incomplete) host.incomplete.push(slot)
    this.#pinNewest(host)
    return slot
  }

  /** The newest complete one of what counts never goes; the newest of all where none is complete. */
  #pinNewest(host: HostState): void {
    const { history, incomplete, newest } = host
    let pinned = history.newest
    while (incomplete.length > 0 && pinned >= 0 && incomplete.includes(pinned)) pinned = history.older[pinned]!
    const some = pinned >= 0
    if (!some) pinned = history.newest
    if (pinned !== newest || history.tiers[newest] !== Tier.never) {
      // The slot may be another snapshot's by now, or nobody's.
      if (newest >= 0 && newest !== pinned && !host.held.some((one) => one.slot === newest)) {
        history.setTier(newest, Tier.ordinary)
      }
      host.newest = pinned
      if (pinned >= 0) history.setTier(pinned, Tier.never)
    }
    // Something complete has come after them: they go first, unless they are held.
    for (const slot of incomplete) {
      if (some && history.t[slot]! <= history.t[pinned]! && history.tiers[slot] === Tier.ordinary) {
        history.setTier(slot, Tier.first)
      }
    }
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
   * Deletes until so much is free or nothing may go; as in production, what would free nothing stays. `least`: what a run of a host within
   * its share is waiting for.
   */
  #prune(target: number, now: number, at: number, least = 0): void {
    if (this.#free() >= Math.max(target, least)) return
    const queue = this.#queue
    for (let index = 0; index < this.#hosts.length; index++) {
      const host = this.#hosts[index]!
      const { approval, pending } = host
      // Nothing is deleted for what a host has written beyond what it earns, nor is it a debt where somebody approved it.
      const approved = pending === 0 || approves(approval, pending)
      if (!approved) target -= Math.max(0, pending - host.reserve)
      queue.used[index] = this.#usedBy(host, now) + (approved ? 0 : pending)
      queue.doubted[index] = host.outside.length === 0 ? 0 : this.#doubted(host)
    }
    target = Math.max(target, least)
    if (this.#free() >= target) return
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
        isFutile(host.fresh[number]!, space.outlived(number, slots[host.newest]!))
      ) {
        if (++host.looks === LOOKS) queue.leave()
        else {
          spared.push({ history, slot, tier: history.tiers[slot]! })
          history.setTier(slot, Tier.never)
          queue.pass()
        }
        continue
      }
      if (host.incomplete.length > 0) this.#forget(host, slot)
      const freed = space.remove(number)
      this.#used -= freed
      const fresh = host.fresh[number]!
      host.holds -= fresh
      host.left += Math.max(0, fresh - freed)
      queue.take(this.#isNew(host, now) ? freed : fresh)
      host.futile = isFutile(fresh, freed)
      this.#records.deleted(host.rows[number]!, at, Math.floor(freed))
    }
    for (const { history, slot, tier } of spared) history.setTier(slot, tier)
    for (const host of this.#hosts) host.looks = 0
  }

  /** What its snapshots hold of the disk, as far as its journal knows. */
  #usedBy(host: HostState, now: number): number {
    return host.base + host.holds + (this.#isNew(host, now) ? host.left : 0)
  }

  /** As in `Queue`. */
  #isNew({ history }: HostState, now: number): boolean {
    return now - history.first < history.minAge
  }

  /** What looks wrong, and what is held before that: bytes that nobody may have back. */
  #doubted({ fresh, held, history, outside, slots }: HostState): number {
    let sum = 0
    for (const { number, why } of outside) {
      if (why === "future") continue
      sum += fresh[number]!
      for (const one of held) {
        const next = history.newer[one.slot]!
        if (one.number < number && (next < 0 || slots[next]! > number)) sum += fresh[one.number]!
      }
    }
    return sum
  }

  /** Snapshots that a wrong clock dated in the future leave the history until their time has come. */
  #clockMoved(now: number): void {
    for (const [index, host] of this.#hosts.entries()) {
      const { history } = host
      while (history.newest >= 0 && history.t[history.newest]! > now + SKEW) {
        host.outside.push({ number: host.slots[history.newest]!, why: "future", until: 0, held: 0 })
        this.#forget(host, history.newest)
        history.remove(history.newest)
        host.newest = -1
      }
      this.#comeIn(index, (one) => one.why === "future", now)
      this.#pinNewest(host)
    }
  }

  #comeIn(index: number, which: (one: Outside) => boolean, now: number, cleared?: (number: number) => void): void {
    const host = this.#hosts[index]!
    if (host.outside.length === 0) return
    const stays: typeof host.outside = []
    for (const one of host.outside) {
      const dated = this.#records.dated.at(host.rows[one.number]!)
      if (!which(one) || dated > now + SKEW) stays.push(one)
      else {
        const slot = this.#insert(host, one.number, dated)
        // Who clears it releases it altogether.
        if (cleared !== undefined) cleared(one.number)
        else if (one.held > now) this.#hold(host, slot, one.held)
      }
    }
    if (stays.length === host.outside.length) return
    host.outside.length = 0
    host.outside.push(...stays)
    this.#earn(index)
  }

  #release(now: number): void {
    for (const [index, host] of this.#hosts.entries()) {
      this.#comeIn(index, (one) => one.why !== "future" && one.until <= now, now)
      const over = host.held.filter((one) => one.until <= now)
      if (over.length === 0) continue
      for (const one of over) {
        host.held.splice(host.held.indexOf(one), 1)
        const stays = one.slot === host.newest || host.held.some(({ slot }) => slot === one.slot)
        if (!stays && host.slots[one.slot] === one.number) host.history.setTier(one.slot, Tier.ordinary)
      }
      this.#pinNewest(host)
    }
  }

  /** An administrator clears what looked wrong and lets in what was refused. */
  #look(now: number, at: number): void {
    for (const [index, host] of this.#hosts.entries()) {
      this.#comeIn(
        index,
        (one) => one.why === "suspect",
        now,
        (number) => this.#records.event(Kind.cleared, at, host.rows[number]!, 0)
      )
      if (host.stuck) host.approval = { runs: 3 }
    }
  }

  #forget({ incomplete }: HostState, slot: number): void {
    const index = incomplete.indexOf(slot)
    if (index >= 0) incomplete.splice(index, 1)
  }
}
