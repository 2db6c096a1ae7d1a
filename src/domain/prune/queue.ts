// Many hosts' histories as one line of victims: whose snapshot goes next.
import { Heads } from "./heads.ts"
import { type History, Tier } from "./history.ts"
import { byHost, type Snapshot } from "./snapshot.ts"

/**
 * Hosts by their next victim. The histories come in ascending order of host and share a method. Incomplete ones go before anything;
 * then those of hosts that are over their share, then the others'; in either group what is young waits for what is not. That the
 * young of a host over its share go before the old of a host within its own is what keeps a newcomer that floods the store from
 * eating its neighbour's history.
 *
 * Use: `start(now)`, then `peek` and `take` until satisfied. Each take costs O(log hosts + log snapshots of the host).
 */
export class Queue {
  /** 1 for a host that is over its share. May be changed for the host at the head before `take`, for any before `start`. */
  readonly over: Uint8Array
  readonly #histories: ReadonlyArray<History>
  readonly #heads: Heads
  #now = 0

  constructor(histories: ReadonlyArray<History>) {
    this.over = new Uint8Array(histories.length)
    this.#histories = histories
    this.#heads = new Heads(histories.length, histories[0]?.newerFirst ?? false)
  }

  /** Looks at every history afresh: once a run, and in a simulation after each insertion. */
  start(now: number): void {
    this.#now = now
    this.#heads.size = 0
    for (let host = 0; host < this.#histories.length; host++) {
      const history = this.#histories[host]!
      const slot = history.victim(now)
      if (slot >= 0) this.#heads.add(host, this.#group(host), history.key, history.t[slot]!)
    }
  }

  /** Index of the host whose snapshot goes next (its slot is that history's `victim(now)`), or -1. */
  peek(): number {
    return this.#heads.top()
  }

  /** Removes the next victim from its history. */
  take(): void {
    const host = this.#heads.top()
    const history = this.#histories[host]!
    history.remove(history.victim(this.#now))
    const slot = history.victim(this.#now)
    if (slot < 0) this.#heads.drop()
    else this.#heads.replace(this.#group(host), history.key, history.t[slot]!)
  }

  #group(host: number): number {
    const tier = this.#histories[host]!.tier
    return tier === Tier.first ? 0 : tier + (this.over[host] === 1 ? 0 : 2)
  }
}

/**
 * The snapshots in the order in which they would be deleted, least important first, each found when it is asked for. Future dates are
 * left out. `make` gives an empty history for a host's list (newest first).
 */
export function* drain<S extends Snapshot>(
  snapshots: Iterable<S>,
  now: number,
  make: (list: ReadonlyArray<S>, host: string) => History
): Generator<S, void, void> {
  const lists = byHost(snapshots, now)
  const histories = lists.map(([host, list]) => filled(make(list, host), list))
  const queue = new Queue(histories)
  queue.start(now)
  for (let host = queue.peek(); host >= 0; host = queue.peek()) {
    yield lists[host]![1][histories[host]!.victim(now)]!
    queue.take()
  }
}

/**
 * The whole order, most important first: `drain` to its end, reversed. As a host's sequence does not depend on the other hosts, each is
 * drawn in one go, in memory that stays warm (`make` may clear and return the same history each time), and the sequences are merged
 * afterwards.
 */
export const order = <S extends Snapshot>(
  snapshots: Iterable<S>,
  now: number,
  make: (list: ReadonlyArray<S>, host: string) => History
): Array<S> => {
  const lists = byHost(snapshots, now)
  const all = lists.flatMap(([, list]) => list)
  const starts = new Int32Array(lists.length + 1)
  let drawn = new Drawn(all.length)
  let newerFirst = false
  let at = 0
  lists.forEach(([host, list], index) => {
    const start = (starts[index] = at)
    const history = filled(make(list, host), list)
    newerFirst = history.newerFirst
    for (let slot = history.victim(now); slot >= 0; slot = history.victim(now)) {
      drawn.keys[at] = history.key
      drawn.times[at] = history.t[slot]!
      drawn.places[at++] = start + slot
      history.remove(slot)
    }
  })
  starts[lists.length] = at
  drawn = merged(drawn, starts, newerFirst)
  const out: Array<S> = []
  for (let at = all.length - 1; at >= 0; at--) out.push(all[drawn.places[at]!]!)
  return out
}

/** Victims in sequence: the key and time of each, and where its snapshot is found. */
class Drawn {
  readonly keys: Float64Array
  readonly times: Float64Array
  readonly places: Int32Array

  constructor(size: number) {
    this.keys = new Float64Array(size)
    this.times = new Float64Array(size)
    this.places = new Int32Array(size)
  }
}

/** So many sequences are merged at once that their heads fit the nearest cache. */
const FAN = 128

/**
 * Merges sequences that lie one after another, each at its start, always taking the least head. A head less than what was taken
 * before it goes at once, so merging merged sequences gives the same as merging all at once.
 */
const merged = (drawn: Drawn, starts: Int32Array, newerFirst: boolean): Drawn => {
  let from = drawn
  let to = starts.length > 2 ? new Drawn(drawn.keys.length) : drawn
  const heads = new Heads(FAN, newerFirst)
  const next = new Int32Array(FAN)
  while (starts.length > 2) {
    const runs = starts.length - 1
    for (let base = 0; base < runs; base += FAN) {
      const count = Math.min(FAN, runs - base)
      for (let run = 0; run < count; run++) {
        const first = (next[run] = starts[base + run]!)
        heads.add(run, 0, from.keys[first]!, from.times[first]!)
      }
      for (let at = starts[base]!; heads.size > 0; at++) {
        const run = heads.top()
        const taken = next[run]!++
        to.keys[at] = from.keys[taken]!
        to.times[at] = from.times[taken]!
        to.places[at] = from.places[taken]!
        if (taken + 1 === starts[base + run + 1]) heads.drop()
        else heads.replace(0, from.keys[taken + 1]!, from.times[taken + 1]!)
      }
    }
    starts = Int32Array.from({ length: Math.ceil(runs / FAN) + 1 }, (_, group) => starts[Math.min(group * FAN, runs)]!)
    ;[from, to] = [to, from]
  }
  return from
}

/** Slots are the list's indices, as it is inserted from its newest. */
const filled = <S extends Snapshot>(history: History, list: ReadonlyArray<S>): History => {
  for (const snapshot of list) history.insert(snapshot.t)
  return history
}
