// What one host's snapshots hold of the disk.
//
// A host's bytes are born at a rate that differs from day to day, and die in one of a few classes, each with its own mean lifetime.
// Of a snapshot only the bytes alive in it are remembered, a number a class: with exponential deaths, what is born in (prev, s] and
// dies in (s, next] follows from three of them. So the exclusive bytes cost O(classes), and the memory of a host grows with its
// snapshots, where sums over birth days x death days would need a table of days x days a host.
import type { Host } from "./scenario.ts"

export class HostSpace {
  /** Bytes of all its snapshots together, `current` as of the last one among them. */
  used = 0
  /** What the last snapshot holds. */
  newestLive = 0
  /** Records by birth: the neighbours that still share, -1 where there is none. */
  before: Int32Array
  after: Int32Array
  #last = -1
  /** The last one was deleted, and its bytes are still those of `current`. */
  #ghost = false
  #count = 0
  readonly #rates: Float64Array
  readonly #parts: Float64Array
  readonly #alive: Float64Array
  readonly #births: Float64Array
  readonly #mean: number
  #at: number
  /** Rewrites so far, as the logarithm of what they left. */
  #rewritten = 0
  #alives: Float64Array
  #times: Float64Array
  #rewrittens: Float64Array

  /** `births`: bytes a day, by day from 0; `at`: the day (fraction) at which the host holds its base. */
  constructor(host: Pick<Host, "base" | "daily" | "lifetimes">, births: Float64Array, at: number) {
    const classes = host.lifetimes.length
    this.#rates = new Float64Array(classes + 1)
    this.#parts = new Float64Array(classes + 1)
    this.#alive = new Float64Array(classes + 1)
    this.#births = births
    this.#mean = host.daily
    this.#at = at
    // Churn overwrites itself in balance from the start, as far as the base has room for that; the rest of the base never changes.
    let balance = 0
    host.lifetimes.forEach(({ part, rate }, i) => {
      this.#rates[i] = rate
      this.#parts[i] = part
      if (rate > 0) balance += (part * host.daily) / rate
    })
    const scale = balance > host.base ? host.base / balance : 1
    host.lifetimes.forEach(({ part, rate }, i) => {
      this.#alive[i] = rate > 0 ? (scale * part * host.daily) / rate : 0
    })
    this.#alive[classes] = host.base - balance * scale
    this.before = new Int32Array(16)
    this.after = new Int32Array(16)
    this.#alives = new Float64Array(16 * (classes + 1))
    this.#times = new Float64Array(16)
    this.#rewrittens = new Float64Array(16)
  }

  /** Lets time pass to a day (fraction). */
  advance(to: number): void {
    while (this.#at < to) {
      const day = Math.floor(this.#at)
      // Before day 0 all days are alike.
      const next = Math.min(day < 0 ? 0 : day + 1, to)
      const span = next - this.#at
      const born = day < 0 ? this.#mean : (this.#births[Math.min(day, this.#births.length - 1)] ?? 0)
      for (let i = 0; i < this.#rates.length; i++) {
        const rate = this.#rates[i]!
        if (rate === 0) this.#alive[i]! += born * this.#parts[i]! * span
        else {
          const stays = Math.exp(-rate * span)
          this.#alive[i] = this.#alive[i]! * stays + ((born * this.#parts[i]!) / rate) * (1 - stays)
        }
      }
      this.#at = next
    }
  }

  /** A part of all bytes is overwritten at once. */
  rewrite(fraction: number): void {
    this.#rewritten += Math.log(1 - fraction)
    let lost = 0
    for (let i = 0; i < this.#alive.length; i++) {
      lost += this.#alive[i]! * fraction
      this.#alive[i]! *= 1 - fraction
    }
    this.#alive[this.#alive.length - 1]! += lost
  }

  /** All bytes that the host holds now. */
  live(): number {
    let sum = 0
    for (const bytes of this.#alive) sum += bytes
    return sum
  }

  /** What a backup would have to bring now. */
  incoming(): number {
    let sum = 0
    for (let i = 0; i < this.#alive.length; i++) sum += this.#alive[i]! - this.#left(i, this.#last)
    return Math.max(0, sum)
  }

  /** Takes a snapshot of what there is now and returns its record. */
  take(): number {
    const record = this.#count++
    const classes = this.#alive.length
    if (record === this.#times.length) this.#grow(record * 2)
    const incoming = this.incoming()
    this.#alives.set(this.#alive, record * classes)
    this.#times[record] = this.#at
    this.#rewrittens[record] = this.#rewritten
    this.before[record] = this.#last
    this.after[record] = -1
    if (this.#last >= 0) this.after[this.#last] = record
    const ghost = this.#ghost ? this.#last : -1
    this.#last = record
    this.#ghost = false
    this.used += incoming
    this.newestLive = this.live()
    if (ghost >= 0) this.remove(ghost)
    return record
  }

  /** What the deletion of a record would free. The last one frees nothing: `current` holds the same. */
  exclusive(record: number): number {
    const next = this.after[record]!
    if (next < 0) return 0
    const previous = this.before[record]!
    const classes = this.#alive.length
    const span = this.#times[next]! - this.#times[record]!
    const rewritten = this.#rewrittens[next]! - this.#rewrittens[record]!
    let sum = 0
    for (let i = 0; i < classes; i++) {
      let own = this.#alives[record * classes + i]!
      if (previous >= 0) own -= this.#carried(i, previous, this.#times[record]!, this.#rewrittens[record]!)
      sum += own * (1 - Math.exp(rewritten - this.#rates[i]! * span))
    }
    return Math.max(0, sum)
  }

  /** What a record holds and a newer one does not: no deletion of the first frees more. */
  outlived(record: number, newer: number): number {
    const classes = this.#alive.length
    let sum = 0
    for (let i = 0; i < classes; i++) {
      sum +=
        this.#alives[record * classes + i]! - this.#carried(i, record, this.#times[newer]!, this.#rewrittens[newer]!)
    }
    return sum
  }

  /** Deletes a record and returns what became free. */
  remove(record: number): number {
    if (record === this.#last) {
      this.#ghost = true
      return 0
    }
    const freed = this.exclusive(record)
    const previous = this.before[record]!
    const next = this.after[record]!
    if (previous >= 0) this.after[previous] = next
    this.before[next] = previous
    this.used -= freed
    return freed
  }

  /** Of class i, what was in a record and is still there now. */
  #left(i: number, record: number): number {
    return record < 0 ? 0 : this.#carried(i, record, this.#at, this.#rewritten)
  }

  #carried(i: number, record: number, at: number, rewritten: number): number {
    const passed = rewritten - this.#rewrittens[record]! - this.#rates[i]! * (at - this.#times[record]!)
    return this.#alives[record * this.#alive.length + i]! * (passed === 0 ? 1 : Math.exp(passed))
  }

  #grow(capacity: number): void {
    const { after, before } = this
    ;(this.before = new Int32Array(capacity)).set(before)
    ;(this.after = new Int32Array(capacity)).set(after)
    const alives = this.#alives
    const times = this.#times
    const rewrittens = this.#rewrittens
    ;(this.#alives = new Float64Array(capacity * this.#alive.length)).set(alives)
    ;(this.#times = new Float64Array(capacity)).set(times)
    ;(this.#rewrittens = new Float64Array(capacity)).set(rewrittens)
  }
}
