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
  /** The targets' numbers, from the youngest to the oldest. */
  readonly #ascending: ReadonlyArray<number>
  /** Of each hole, from the newest: the place left next to it on its newer side and on its older side. */
  readonly #left: Int32Array
  readonly #right: Int32Array
  /** For each target, the hole in which it lies. */
  readonly #holes: Int32Array
  #slots: Int32Array
  #times: Float64Array
  #turns: Int32Array
  #turn = 0
  /** From this turn on the oldest are taken, one after the other; -1 once #turns says it all. */
  #straight = -1

  constructor(targets: ReadonlyArray<number> = TARGETS, capacity = 32) {
    super(capacity)
    this.#targets = Float64Array.from(targets, (days) => days * DAY)
    this.#ascending = [...targets.keys()].toSorted((a, b) => targets[a]! - targets[b]!)
    this.#left = new Int32Array(targets.length)
    this.#right = new Int32Array(targets.length)
    this.#holes = new Int32Array(targets.length)
    this.#slots = new Int32Array(capacity)
    this.#times = new Float64Array(capacity)
    this.#turns = new Int32Array(capacity)
  }

  /** Most often the victim is among the oldest, and what comes before them need not be known. */
  protected override begin(now: number): number {
    this.tier = this.replaced > 0 ? Tier.first : Tier.ordinary
    this.#turn = this.size
    this.#straight = this.#straightFrom(now)
    return this.#oldest(now, this.oldest)
  }

  /** The removal of the last one that may go changes no turn before its own. */
  protected override after(now: number, _gone: number, newer: number): number {
    if (this.#straight >= 0) return this.#oldest(now, newer)
    const victim = this.#last(now)
    return victim >= 0 ? victim : this.begin(now)
  }

  /** The last one that may go of those taken one after the other, from this slot on towards the newer; of all where none of them may. */
  #oldest(now: number, from: number): number {
    for (let slot = from; this.#turn > this.#straight; slot = this.newer[slot]!) {
      this.#turn--
      if (this.tierAt(slot, now) !== this.tier) continue
      this.key = -this.#turn
      return slot
    }
    return this.#all(now)
  }

  /**
   * A turn from which on, for certain, only snapshots older than all targets are left. While there are others, a target takes an older
   * one only where even the newest is farther away from it. The targets for which that is never so take all others in so many rounds,
   * in each of which the rest take no more than one each.
   */
  #straightFrom(now: number): number {
    const { newer, newest, size, t } = this
    const targets = this.#targets
    const last = now - targets[this.#ascending.at(-1)!]!
    let others = size
    let next = -Infinity
    for (let slot = this.oldest; slot >= 0 && t[slot]! < last; slot = newer[slot]!) {
      next = t[slot]!
      others--
    }
    let able = 0
    for (let d = 0; d < targets.length; d++) {
      const wanted = now - targets[d]!
      if (t[newest]! - wanted > wanted - next) able++
    }
    return able === targets.length ? size : Math.min(size, others + able * Math.ceil(others / (targets.length - able)))
  }

  /** The same with every turn known. */
  #all(now: number): number {
    this.#straight = -1
    let count = 0
    let tier: number = Tier.never
    let equals = false
    const { minAge, older, t, tiers } = this
    const slots = this.#slots
    const times = this.#times
    for (let slot = this.newest; slot >= 0; slot = older[slot]!) {
      const time = t[slot]!
      if (count > 0 && times[count - 1] === time) equals = true
      slots[count] = slot
      times[count++] = time
      const its = tiers[slot] === Tier.ordinary && now - time < minAge ? Tier.young : tiers[slot]!
      if (its < tier) tier = its
    }
    this.tier = tier
    if (tier === Tier.never) return -1
    this.#choose(now, count, equals)
    this.#turn = count
    return this.#last(now)
  }

  protected override grown(capacity: number): void {
    this.#slots = new Int32Array(capacity)
    this.#times = new Float64Array(capacity)
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
   * Writes the slots into #turns by turn. What is taken around targets are holes, each with the nearest snapshot left on its newer and
   * on its older side; a hole grows by one a turn, and two that meet become one, so a turn costs the same however many are taken.
   */
  #choose(now: number, count: number, equals: boolean): void {
    const targets = this.#targets
    const left = this.#left
    const right = this.#right
    const holes = this.#holes
    const slots = this.#slots
    const times = this.#times
    const turns = this.#turns
    let last = -1
    let place = 0
    for (const d of this.#ascending) {
      while (place < count && times[place]! >= now - targets[d]!) place++
      if (last < 0 || right[last]! < place) {
        left[++last] = place - 1
        right[last] = place
      }
      holes[d] = last
    }
    // By the first place of a run of equal times: how many of the run are taken.
    const runs = equals ? new Int32Array(count) : undefined
    for (let turn = 0; turn < count;) {
      for (let d = 0; d < targets.length && turn < count; d++) {
        const hole = holes[d]!
        const l = left[hole]!
        const r = right[hole]!
        const wanted = now - targets[d]!
        let chosen = r
        if (l >= 0 && (r === count || times[l]! - wanted <= wanted - times[r]!)) {
          chosen = l
          left[hole] = l - 1
          if (hole > 0 && right[hole - 1] === l) this.#join(hole - 1, last--)
        } else {
          right[hole] = r + 1
          if (hole < last && left[hole + 1] === r) this.#join(hole, last--)
        }
        if (runs !== undefined) {
          const start = runStart(times, chosen)
          chosen = start + runs[start]!++
        }
        turns[turn++] = slots[chosen]!
      }
    }
  }

  /** Makes one of a hole and the next older one; those from there up to `last` move down a number. */
  #join(hole: number, last: number): void {
    const holes = this.#holes
    const left = this.#left
    const right = this.#right
    right[hole] = right[hole + 1]!
    for (let next = hole + 1; next < last; next++) {
      left[next] = left[next + 1]!
      right[next] = right[next + 1]!
    }
    for (let d = 0; d < holes.length; d++) if (holes[d]! > hole) holes[d]!--
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
