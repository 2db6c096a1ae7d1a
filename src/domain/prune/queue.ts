// Many hosts' histories as one line of victims: whose snapshot goes next.
import { Heads } from "./heads.ts"
import { type History, Tier } from "./history.ts"
import { byHost, type Snapshot } from "./snapshot.ts"

/** What `next` gives where it gives no host. */
export const NONE = -1
export const OWED = -2

/** How much later the groups of a host within its share come than those of one over it. */
const WITHIN = 2

/**
 * Hosts by their next victim. The histories come in ascending order of host and share a method. Incomplete ones go before anything;
 * then those of hosts that are over their share, then the others'; in either group what is young waits for what is not. That the
 * young of a host over its share go before the old of a host within its own is what keeps a newcomer that floods the store from
 * eating its neighbour's history.
 *
 * A new host has no past for admission to measure it by, so for its first `minAge` what it holds over its share is owed: hosts within
 * their own lose nothing for as much of what is missing. Later they do pay, since hosts of unequal size are no attack, and a store
 * that waits for ever serves nobody. But as much of it as is in doubt stays owed: a host that floods a store with what looks wrong
 * cannot lose that, and nobody else pays for it while it is looked at, but for what a run of their own cannot do without (`urgent`).
 *
 * Use: fill in `used` and `share`, `start(now)`, then `next` and `take` until satisfied. Each take costs O(log hosts + log snapshots of
 * the host).
 */
export class Queue {
  /** Bytes that each host holds, and that are its by right: no end of them unless given. */
  readonly used: Float64Array
  readonly share: Float64Array
  /** Bytes of each host that are in doubt, and may not be deleted for that; none unless given. */
  readonly doubted: Float64Array
  readonly #over: Uint8Array
  readonly #histories: ReadonlyArray<History>
  readonly #heads: Heads
  #now = 0
  /** By hosts that are new, and by all. */
  #new = 0
  #owed = 0
  /** 1 for a host that was looked at; the others come when those have nothing more to lose before them. */
  readonly #looked: Uint8Array
  #all = false

  constructor(histories: ReadonlyArray<History>) {
    this.used = new Float64Array(histories.length)
    this.share = new Float64Array(histories.length).fill(Infinity)
    this.doubted = new Float64Array(histories.length)
    this.#over = new Uint8Array(histories.length)
    this.#looked = new Uint8Array(histories.length)
    this.#histories = histories
    this.#heads = new Heads(histories.length, histories[0]?.newerFirst ?? false)
  }

  /** Looks at the histories afresh: once a run, and in a simulation after each insertion. */
  start(now: number): void {
    this.#now = now
    this.#heads.size = 0
    this.#all = false
    this.#owed = 0
    this.#new = 0
    for (let host = 0; host < this.#histories.length; host++) {
      this.#over[host] = this.used[host]! > this.share[host]! ? 1 : 0
      this.#count(host, 1)
      const early = this.#over[host] === 1 || this.#histories[host]!.replaced > 0
      this.#looked[host] = early ? 1 : 0
      if (early) this.#add(host)
    }
  }

  /**
   * Index of the host whose snapshot goes next (its slot is that history's `victim(now)`), where so many bytes are still missing; NONE
   * where nothing may go, OWED where what is missing is owed by hosts over their share that have nothing left to lose; where it is
   * urgent, what is in doubt is no reason to wait.
   */
  next(missing: number, urgent = false): number {
    const host = this.#head()
    if (host === NONE || this.isOver(host) || this.#histories[host]!.tier === Tier.first) return host
    return (urgent ? this.#new : this.#owed) >= missing ? OWED : host
  }

  /** A host exactly at its share is within it. */
  isOver(host: number): boolean {
    return this.#over[host] === 1
  }

  #head(): number {
    if (!this.#all && this.#heads.group() >= Tier.ordinary + WITHIN) {
      this.#all = true
      for (let host = 0; host < this.#histories.length; host++) if (this.#looked[host] === 0) this.#add(host)
    }
    return this.#heads.top()
  }

  /** Removes the next victim from its history; so many bytes are its host's no more. */
  take(freed: number): void {
    const host = this.#head()
    const history = this.#histories[host]!
    this.#count(host, -1)
    this.used[host]! -= freed
    this.#count(host, 1)
    this.#over[host] = this.used[host]! > this.share[host]! ? 1 : 0
    history.remove(history.victim(this.#now))
    this.#again(host)
  }

  /** The next victim may not go after all: its tier says so by now. */
  pass(): void {
    this.#again(this.#head())
  }

  /** Nothing more of the next victim's host goes. */
  leave(): void {
    this.#head()
    this.#heads.drop()
  }

  #again(host: number): void {
    const history = this.#histories[host]!
    const slot = history.victim(this.#now)
    if (slot < 0) this.#heads.drop()
    else this.#heads.replace(this.#group(host), history.key, history.t[slot]!)
  }

  #count(host: number, sign: 1 | -1): void {
    const over = Math.max(0, this.used[host]! - this.share[host]!)
    const { first, minAge } = this.#histories[host]!
    const isNew = this.#now - first < minAge
    if (isNew) this.#new += sign * over
    this.#owed += sign * (isNew ? over : Math.min(over, this.doubted[host]!))
  }

  #add(host: number): void {
    const history = this.#histories[host]!
    const slot = history.victim(this.#now)
    if (slot >= 0) this.#heads.add(host, this.#group(host), history.key, history.t[slot]!)
  }

  #group(host: number): number {
    const tier = this.#histories[host]!.tier
    return tier === Tier.first ? 0 : tier + (this.isOver(host) ? 0 : WITHIN)
  }
}

/**
 * The snapshots in the order in which they would be deleted, least important first, each found when it is asked for. Future dates are
 * left out. `make` gives an empty history for a host's list (newest first).
 */
export function* drain<S extends Snapshot>(
  snapshots: ReadonlyArray<S>,
  now: number,
  make: (list: ReadonlyArray<S>, host: string) => History
): Generator<S, void, void> {
  const lists = byHost(snapshots, now)
  const histories = lists.map(([host, list]) => filled(make(list, host), list))
  const queue = new Queue(histories)
  queue.start(now)
  for (let host = queue.next(Infinity); host >= 0; host = queue.next(Infinity)) {
    yield lists[host]![1][histories[host]!.victim(now)]!
    queue.take(0)
  }
}

/**
 * The whole order, most important first: `drain` to its end, reversed. As a host's sequence does not depend on the other hosts, each is
 * drawn in one go, in memory that stays warm (`make` may clear and return the same history each time), and the sequences are merged
 * afterwards.
 */
export const order = <S extends Snapshot>(
  snapshots: ReadonlyArray<S>,
  now: number,
  make: (list: ReadonlyArray<S>, host: string) => History
): Array<S> => {
  const lists = byHost(snapshots, now)
  const all = lists.length === 1 ? lists[0]![1] : lists.flatMap(([, list]) => list)
  const starts = new Int32Array(lists.length + 1)
  const drawn = new Drawn(all.length)
  let newerFirst = false
  let at = 0
  lists.forEach(([host, list], index) => {
    const start = (starts[index] = at)
    const history = filled(make(list, host), list)
    newerFirst = history.newerFirst
    for (let slot = history.victim(now); slot >= 0; slot = history.victim(now)) {
      drawn.keys[at] = history.key
      drawn.times[at] = newerFirst ? -history.t[slot]! : history.t[slot]!
      drawn.places[at++] = start + slot
      history.remove(slot)
    }
  })
  starts[lists.length] = at
  if (lists.length > 1) merge(drawn.copy(), drawn, starts, 0, lists.length, newerFirst)
  const out = all.slice()
  for (let at = 0; at < out.length; at++) out[at] = all[drawn.places[out.length - 1 - at]!]!
  return out
}

/** Victims in sequence: each one's key, its time (negated where the newer goes first) and where its snapshot is found. */
class Drawn {
  readonly keys: Float64Array
  readonly times: Float64Array
  readonly places: Int32Array

  constructor(size: number) {
    this.keys = new Float64Array(size)
    this.times = new Float64Array(size)
    this.places = new Int32Array(size)
  }

  copy(): Drawn {
    const copy = new Drawn(this.keys.length)
    copy.keys.set(this.keys)
    copy.times.set(this.times)
    copy.places.set(this.places)
    return copy
  }
}

/**
 * Merges the sequences of the hosts from `low` up to `high`, always taking the lesser head, into `to`; `from` holds the same on entry
 * and is spoilt. A head less than what its own sequence had before it goes at once, so merging two by two gives what a merge of all
 * heads gives.
 */
const merge = (from: Drawn, to: Drawn, starts: Int32Array, low: number, high: number, lowerFirst: boolean): void => {
  if (high - low < 2) return
  const middle = (low + high) >> 1
  merge(to, from, starts, low, middle, lowerFirst)
  merge(to, from, starts, middle, high, lowerFirst)
  const { keys, places, times } = from
  const endA = starts[middle]!
  const endB = starts[high]!
  let a = starts[low]!
  let b = endA
  for (let at = a; at < endB; at++) {
    let isA = b === endB
    if (a < endA && b < endB) {
      if (keys[a] !== keys[b]) isA = keys[a]! < keys[b]!
      else if (times[a] !== times[b]) isA = times[a]! < times[b]!
      else isA = lowerFirst
    }
    const taken = isA ? a++ : b++
    to.keys[at] = keys[taken]!
    to.times[at] = times[taken]!
    to.places[at] = places[taken]!
  }
}

/** Slots are the list's indices, as it is inserted from its newest. */
const filled = <S extends Snapshot>(history: History, list: ReadonlyArray<S>): History => {
  for (const snapshot of list) history.insert(snapshot.t)
  return history
}
