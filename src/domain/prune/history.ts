// One host's snapshots as a pruning method sees them: insert the newest, ask for the next victim, remove it.
//
// The pruner fills one and takes victims at one `now`; the simulator keeps one for years, inserting daily. Both run this code, on typed
// arrays: nothing is allocated for a snapshot once the capacity is reached. A snapshot is known by its slot, a small integer that is
// used again after the snapshot is removed.

/** Which snapshots of a host go before which; within a tier the method decides. */
export const Tier = {
  /** Incomplete ones that something complete has replaced. */
  first: 0,
  ordinary: 1,
  /** Younger than `minAge`; derived, never set. */
  young: 2,
  /** Never, while it stays so: it still counts as a neighbour or takes its rank. */
  never: 3
} as const

export abstract class History {
  /** How ties are broken, between hosts too: true deletes the newer first, false the older. */
  abstract readonly newerFirst: boolean
  /** A snapshot younger than this (seconds) goes only when nothing older of its host can. */
  minAge = -Infinity
  /** When the host's first backup ever was made (epoch seconds); by itself it remembers the oldest it has seen. */
  first = Infinity
  size = 0
  /** How many are in `Tier.first`. */
  replaced = 0
  newest = -1
  oldest = -1
  t: Float64Array
  older: Int32Array
  newer: Int32Array
  tiers: Uint8Array
  /** Of the victim last asked for: its method's key (the smallest goes first) and its tier. */
  key = 0
  tier = 0

  #slots = 0
  #free = -1
  #now = Number.NaN
  #victim = -1
  // Set while the victim is gone and no other has been asked for: where it stood.
  #gone = -1
  #goneNewer = -1
  #goneOlder = -1

  constructor(capacity = 32) {
    this.t = new Float64Array(capacity)
    this.older = new Int32Array(capacity)
    this.newer = new Int32Array(capacity)
    this.tiers = new Uint8Array(capacity)
  }

  /** Slot of the snapshot that goes next at `now`, or -1 when nothing may go. */
  victim(now: number): number {
    if (now !== this.#now) {
      this.#now = now
      this.#gone = -1
      this.#victim = this.begin(now)
    } else if (this.#gone >= 0) {
      const gone = this.#gone
      this.#gone = -1
      this.#victim = this.after(now, gone, this.#goneNewer, this.#goneOlder)
    }
    return this.#victim
  }

  /** Adds a snapshot and returns its slot. O(1) when it is the newest or the oldest; one of equal times comes after those there. */
  insert(t: number, tier: number = Tier.ordinary): number {
    const slot = this.#slot()
    this.t[slot] = t
    this.tiers[slot] = tier
    if (tier === Tier.first) this.replaced++
    if (t < this.first) this.first = t
    let newer = -1
    let older = this.newest
    if (this.oldest >= 0 && t <= this.t[this.oldest]!) {
      newer = this.oldest
      older = -1
    } else {
      while (older >= 0 && this.t[older]! >= t) {
        newer = older
        older = this.older[older]!
      }
    }
    this.older[slot] = older
    this.newer[slot] = newer
    if (newer < 0) this.newest = slot
    else this.older[newer] = slot
    if (older < 0) this.oldest = slot
    else this.newer[older] = slot
    this.size++
    this.#now = Number.NaN
    return slot
  }

  /** Takes a snapshot out, whether it is the next victim or not. */
  remove(slot: number): void {
    const older = this.older[slot]!
    const newer = this.newer[slot]!
    if (newer < 0) this.newest = older
    else this.older[newer] = older
    if (older < 0) this.oldest = newer
    else this.newer[older] = newer
    this.older[slot] = this.#free
    this.#free = slot
    this.size--
    if (this.tiers[slot] === Tier.first) this.replaced--
    if (slot === this.#victim && this.#gone < 0) {
      this.#gone = slot
      this.#goneNewer = newer
      this.#goneOlder = older
    } else this.#now = Number.NaN
  }

  /** Empties it for another host. */
  clear(): this {
    this.first = Infinity
    this.size = this.replaced = this.#slots = 0
    this.newest = this.oldest = this.#free = -1
    this.#now = Number.NaN
    return this
  }

  /** Changes whether a snapshot may go. */
  setTier(slot: number, tier: number): void {
    if (this.tiers[slot] === Tier.first) this.replaced--
    if (tier === Tier.first) this.replaced++
    this.tiers[slot] = tier
    this.#now = Number.NaN
  }

  /** The tier a snapshot has at `now`. */
  protected tierAt(slot: number, now: number): number {
    const tier = this.tiers[slot]!
    return tier === Tier.ordinary && now - this.t[slot]! < this.minAge ? Tier.young : tier
  }

  /** The first victim at a new `now` or after an insertion; sets key and tier. */
  protected abstract begin(now: number): number
  /** The next victim once the last one (`gone`, which stood between `newer` and `older`) is removed; sets key and tier. */
  protected abstract after(now: number, gone: number, newer: number, older: number): number
  /** The arrays have grown to this capacity. */
  protected grown(_capacity: number): void {}

  #slot(): number {
    if (this.#free >= 0) {
      const slot = this.#free
      this.#free = this.older[slot]!
      return slot
    }
    if (this.#slots === this.t.length) {
      const capacity = Math.max(8, this.t.length * 2)
      const { newer, older, t, tiers } = this
      ;(this.t = new Float64Array(capacity)).set(t)
      ;(this.older = new Int32Array(capacity)).set(older)
      ;(this.newer = new Int32Array(capacity)).set(newer)
      ;(this.tiers = new Uint8Array(capacity)).set(tiers)
      this.grown(capacity)
    }
    return this.#slots++
  }
}
