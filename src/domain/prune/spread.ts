// The method `spread`: delete what is missed least, so that the ages kept stay evenly spread on a logarithmic scale.
import { History, Tier } from "./history.ts"
import { drain, order } from "./queue.ts"
import { DAY, type Snapshot } from "./snapshot.ts"

export interface SpreadOptions {
  /** Seconds added to every age: finer spacing than this is worth little. One day unless given; more than 0. */
  readonly c?: number
  /** The oldest is pinned in a host with at least this many snapshots, and weighed against the others in one with fewer. 8 unless given; 0 always pins. */
  readonly regretBelow?: number
}

/** What counts for a snapshot whose exclusive bytes are not known, in the variant that weighs by bytes. */
export const TYPICAL_BYTES = 2 ** 30

/**
 * The harm of deleting the middle one of three neighbours, x <= y <= z in age + c: 2y(x+z) / ((x+y)(y+z)). Its logarithm is half of
 * what the deletion adds to the relative error between a wanted and the nearest kept age, over log-uniform ages. At least 1, and 1
 * exactly where x = y or y = z.
 */
export const harm = (x: number, y: number, z: number): number => 1 + excess(x, y, z)

/** harm - 1, which keeps its precision where the harm is almost 1. */
const excess = (x: number, y: number, z: number): number => ((y - x) * (z - y)) / ((x + y) * (y + z))

/** The harm of deleting the oldest y, x being the next newer, both in age + c; `longest` = c + age of the first backup ever (at least y). */
export const harmOfOldest = (x: number, y: number, longest: number): number =>
  ((2 * y) / (x + y)) * Math.exp((x - y) / (2 * longest))

export interface SpreadOrderOptions<S> extends SpreadOptions {
  /** When each host's first backup ever was made, epoch seconds; its oldest snapshot unless given. */
  readonly firsts?: ReadonlyMap<string, number>
  /** Given, the smallest ln(harm) / bytes goes first: bytes that a deletion would free, or undefined where not known. */
  readonly bytes?: (snapshot: S) => number | undefined
}

/**
 * Most important first: every host's newest, then every host's oldest where it is pinned, then the rest against the sequence in which
 * they go: the smallest harm first, a tie: the newer (then host asc, id asc). All hosts share one level of harm. Deletions take from
 * the end. Future dates are left out.
 */
export const spread = <S extends Snapshot>(
  snapshots: ReadonlyArray<S>,
  now: number,
  options: SpreadOrderOptions<S> = {}
): Array<S> => {
  const { bytes, firsts } = options
  let current: ReadonlyArray<S> = []
  const history = new SpreadHistory(options, 32, bytes && ((slot) => bytes(current[slot]!) ?? TYPICAL_BYTES))
  return order(snapshots, now, (list, host) => {
    current = list
    history.clear().first = firsts?.get(host) ?? Infinity
    return history
  })
}

/** The same order from its end, each victim found when it is asked for. */
export const spreadVictims = <S extends Snapshot>(
  snapshots: ReadonlyArray<S>,
  now: number,
  options: SpreadOrderOptions<S> = {}
): Generator<S, void, void> => {
  const { bytes, firsts } = options
  return drain(snapshots, now, (list, host) => {
    const history = new SpreadHistory(options, list.length, bytes && ((slot) => bytes(list[slot]!) ?? TYPICAL_BYTES))
    history.first = firsts?.get(host) ?? Infinity
    return history
  })
}

/**
 * The first victim at a new `now` costs one pass over the snapshots (all a simulation needs, as every harm changes with time), the
 * second builds a heap, each further one costs O(log n).
 *
 * `bytes` gives what a deletion would free, from the slots of a snapshot and its neighbours (-1 where there is none); it is asked again
 * when a neighbour changes. A snapshot that would free nothing counts as one byte.
 */
export class SpreadHistory extends History {
  override readonly newerFirst = true
  readonly #c: number
  readonly #regretBelow: number
  readonly #bytes: ((slot: number, newer: number, older: number) => number) | undefined
  #keys: Float64Array
  #heap: Int32Array
  #place: Int32Array
  #heapSize = -1
  #least = -1

  constructor(
    options: SpreadOptions = {},
    capacity = 32,
    bytes?: (slot: number, newer: number, older: number) => number
  ) {
    super(capacity)
    this.#c = options.c ?? DAY
    this.#regretBelow = options.regretBelow ?? 8
    this.#bytes = bytes
    this.#keys = new Float64Array(0)
    this.#heap = new Int32Array(0)
    this.#place = new Int32Array(0)
  }

  protected override begin(now: number): number {
    this.#heapSize = -1
    this.tier = Tier.never
    this.key = Infinity
    this.#least = -1
    if (this.newest < 0) return -1
    this.#weigh(this.newest, now)
    if (this.#bytes === undefined) this.#weighInner(now)
    else
      for (let slot = this.older[this.newest]!; slot >= 0 && slot !== this.oldest; slot = this.older[slot]!)
        this.#weigh(slot, now)
    if (this.oldest !== this.newest) this.#weigh(this.oldest, now)
    return this.#least
  }

  /** Makes this the victim if it goes before all that were weighed before it, which are newer. */
  #weigh(slot: number, now: number): void {
    const tier = this.tierAt(slot, now)
    if (tier > this.tier || tier === Tier.never) return
    const key = this.#keyOf(slot, now)
    if (tier === this.tier && key >= this.key) return
    this.#least = slot
    this.tier = tier
    this.key = key
  }

  /** The same for all between the newest and the oldest: what a simulation spends its time on. No calls, and each age is read once. */
  #weighInner(now: number): void {
    const { minAge, older, t, tiers } = this
    const c = this.#c
    let { key: least, tier } = this
    let victim = this.#least
    let slot = older[this.newest]!
    if (slot < 0) return
    let x = Math.max(0, now - t[this.newest]!) + c
    let age = Math.max(0, now - t[slot]!)
    for (let next = older[slot]!; next >= 0; next = older[slot]!) {
      const nextAge = Math.max(0, now - t[next]!)
      const y = age + c
      const key = excess(x, y, nextAge + c)
      if (key < least || tiers[slot]! < tier) {
        const its = tiers[slot] === Tier.ordinary && age < minAge ? Tier.young : tiers[slot]!
        if (its < tier || (its === tier && key < least && its !== Tier.never)) {
          victim = slot
          least = key
          tier = its
        }
      }
      x = y
      age = nextAge
      slot = next
    }
    this.#least = victim
    this.key = least
    this.tier = tier
  }

  protected override after(now: number, gone: number, newer: number, older: number): number {
    if (this.#heapSize < 0) this.#build(now)
    else {
      this.#pop(gone)
      if (newer >= 0) this.#rekey(newer, now)
      if (older >= 0) this.#rekey(older, now)
      if (this.oldest >= 0 && this.size === this.#regretBelow - 1) this.#rekey(this.oldest, now)
    }
    if (this.#heapSize === 0) return this.begin(now)
    const victim = this.#heap[0]!
    this.key = this.#keys[victim]!
    return victim
  }

  #age(slot: number, now: number): number {
    return Math.max(0, now - this.t[slot]!) + this.#c
  }

  /** The newest goes after all others, a pinned oldest just before it. */
  #keyOf(slot: number, now: number): number {
    const newer = this.newer[slot]!
    const older = this.older[slot]!
    if (newer < 0) return Infinity
    const x = this.#age(newer, now)
    const y = this.#age(slot, now)
    let over: number
    if (older >= 0) over = excess(x, y, this.#age(older, now))
    else if (this.size >= this.#regretBelow) return Number.MAX_VALUE
    else over = harmOfOldest(x, y, Math.max(0, now - this.first) + this.#c) - 1
    return this.#bytes === undefined
      ? over
      : Math.log1p(Math.max(0, over)) / Math.max(1, this.#bytes(slot, newer, older))
  }

  /** Collects what is left of the current tier. */
  #build(now: number): void {
    if (this.#keys.length < this.t.length) {
      this.#keys = new Float64Array(this.t.length)
      this.#heap = new Int32Array(this.t.length)
      this.#place = new Int32Array(this.t.length)
    }
    let size = 0
    for (let slot = this.newest; slot >= 0; slot = this.older[slot]!) {
      this.#place[slot] = -1
      if (this.tierAt(slot, now) !== this.tier) continue
      this.#keys[slot] = this.#keyOf(slot, now)
      this.#place[slot] = size
      this.#heap[size++] = slot
    }
    this.#heapSize = size
    for (let at = (size >> 1) - 1; at >= 0; at--) this.#down(at)
  }

  #pop(gone: number): void {
    const at = this.#place[gone]!
    const last = this.#heap[--this.#heapSize]!
    if (last === gone) return
    this.#heap[at] = last
    this.#place[last] = at
    this.#down(at)
  }

  #rekey(slot: number, now: number): void {
    if (this.#place[slot]! < 0) return
    this.#keys[slot] = this.#keyOf(slot, now)
    this.#up(this.#place[slot]!)
    this.#down(this.#place[slot]!)
  }

  #before(a: number, b: number): boolean {
    const keys = this.#keys
    if (keys[a]! !== keys[b]!) return keys[a]! < keys[b]!
    const t = this.t
    if (t[a]! !== t[b]!) return t[a]! > t[b]!
    const at = t[a]!
    let slot = this.older[a]!
    while (slot >= 0 && slot !== b && t[slot] === at) slot = this.older[slot]!
    return slot === b
  }

  #up(at: number): void {
    const heap = this.#heap
    const slot = heap[at]!
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = heap[parent]!
      if (!this.#before(slot, other)) break
      heap[at] = other
      this.#place[other] = at
      at = parent
    }
    heap[at] = slot
    this.#place[slot] = at
  }

  #down(at: number): void {
    const heap = this.#heap
    const size = this.#heapSize
    const slot = heap[at]!
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && this.#before(heap[child + 1]!, heap[child]!)) child++
      const other = heap[child]!
      if (!this.#before(other, slot)) break
      heap[at] = other
      this.#place[other] = at
      at = child
    }
    heap[at] = slot
    this.#place[slot] = at
  }
}
