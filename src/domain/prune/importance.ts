// The method `importance`: each snapshot's importance is how early it is chosen as the nearest one left to a target age.
import { History, Tier } from "./history.ts"
import { drain, order } from "./queue.ts"
import { DAY, type Snapshot } from "./snapshot.ts"

/** The target ages, in days. */
export const TARGETS: ReadonlyArray<number> = [0, 1, 2, 3, 7, 14, 21, 28, 56, 112]

/**
 * Most important first: (rank asc, t desc, host asc, id asc), where rank is the turn at which a host's snapshot is chosen: target by
 * target the nearest one left, the newer of two equally near, and from the first target again when all are served. Deletions take
 * from the end. Future dates are left out. `targets` are in days, at least one.
 */
export const importance = <S extends Snapshot>(
  snapshots: ReadonlyArray<S>,
  now: number,
  targets: ReadonlyArray<number> = TARGETS
): Array<S> => {
  let history = new ImportanceHistory(targets)
  return order(snapshots, now, (list) => {
    if (list.length > history.t.length) history = new ImportanceHistory(targets, list.length)
    return history.clear()
  })
}

/** The same order from its end, as deletions take it. */
export const importanceVictims = <S extends Snapshot>(
  snapshots: ReadonlyArray<S>,
  now: number,
  targets: ReadonlyArray<number> = TARGETS
): Generator<S, void, void> => drain(snapshots, now, (list) => new ImportanceHistory(targets, list.length))

export class ImportanceHistory extends History {
  override readonly newerFirst = false
  readonly #targets: Float64Array
  /** For each target the nearest place not known to be taken, on its newer side and on its older side. */
  readonly #left: Int32Array
  readonly #right: Int32Array
  #slots: Int32Array
  #times: Float64Array
  #taken: Uint8Array
  #turns: Int32Array
  #turn = 0

  constructor(targets: ReadonlyArray<number> = TARGETS, capacity = 32) {
    super(capacity)
    this.#targets = Float64Array.from(targets, (days) => days * DAY)
    this.#left = new Int32Array(targets.length)
    this.#right = new Int32Array(targets.length)
    this.#slots = new Int32Array(capacity)
    this.#times = new Float64Array(capacity)
    this.#taken = new Uint8Array(capacity)
    this.#turns = new Int32Array(capacity)
  }

  protected override begin(now: number): number {
    let count = 0
    let tier: number = Tier.never
    for (let slot = this.newest; slot >= 0; slot = this.older[slot]!) {
      this.#slots[count] = slot
      this.#times[count++] = this.t[slot]!
      tier = Math.min(tier, this.tierAt(slot, now))
    }
    this.tier = tier
    if (tier === Tier.never) return -1
    this.#choose(now, count)
    this.#turn = count
    return this.#last(now)
  }

  /** The removal of the last one that may go changes no turn before its own. */
  protected override after(now: number): number {
    const victim = this.#last(now)
    return victim >= 0 ? victim : this.begin(now)
  }

  protected override grown(capacity: number): void {
    this.#slots = new Int32Array(capacity)
    this.#times = new Float64Array(capacity)
    this.#taken = new Uint8Array(capacity)
    this.#turns = new Int32Array(capacity)
  }

  #last(now: number): number {
    while (this.#turn > 0) {
      const slot = this.#turns[--this.#turn]!
      if (this.tierAt(slot, now) !== this.tier) continue
      this.key = -this.#turn
      return slot
    }
    return -1
  }

  /**
   * Writes the slots into #turns by turn. Each target keeps a place to its left (newer) and to its right (older) that only move
   * outwards over taken snapshots, so the whole costs at most 2 x targets steps a snapshot, all of them sequential.
   */
  #choose(now: number, count: number): void {
    const targets = this.#targets
    const left = this.#left
    const right = this.#right
    const times = this.#times
    const taken = this.#taken
    const turns = this.#turns
    taken.fill(0, 0, count)
    let place = 0
    for (let d = 0; d < targets.length; d++) {
      const wanted = now - targets[d]!
      if (place > 0 && times[place - 1]! < wanted) place = 0
      while (place < count && times[place]! >= wanted) place++
      left[d] = place - 1
      right[d] = place
    }
    // By the first place of a run of equal times: how far into the run snapshots are known to be taken.
    let runs: Int32Array | undefined
    for (let turn = 0; turn < count;) {
      for (let d = 0; d < targets.length && turn < count; d++) {
        let l = left[d]!
        while (l >= 0 && taken[l] === 1) l--
        left[d] = l
        let r = right[d]!
        while (r < count && taken[r] === 1) r++
        right[d] = r
        const wanted = now - targets[d]!
        let chosen = r
        if (l >= 0 && (r === count || times[l]! - wanted <= wanted - times[r]!)) {
          chosen = l
          if (l > 0 && times[l - 1] === times[l]) {
            const start = runStart(times, l)
            runs ??= new Int32Array(count)
            chosen = start + runs[start]!
            while (taken[chosen] === 1) chosen++
            runs[start] = chosen - start
          }
        }
        taken[chosen] = 1
        turns[turn++] = this.#slots[chosen]!
      }
    }
  }
}

/** The first place whose time equals that at `at`, times descending. */
const runStart = (times: Float64Array, at: number): number => {
  let low = 0
  let high = at
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! > times[at]!) low = middle + 1
    else high = middle
  }
  return low
}
