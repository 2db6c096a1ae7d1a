// A heap of hosts by what each would lose next.

/**
 * The least (group, key) is on top; a tie goes to the newer t where `newerFirst`, then to the lower host; where not, to the older t,
 * then to the higher host. Each place's values lie side by side with its sibling's, so that a step down touches few cache lines.
 */
export class Heads {
  size = 0
  readonly #sign: number
  readonly #hosts: Int32Array
  readonly #groups: Uint8Array
  readonly #keys: Float64Array
  readonly #times: Float64Array

  constructor(capacity: number, newerFirst: boolean) {
    this.#sign = newerFirst ? -1 : 1
    this.#hosts = new Int32Array(capacity)
    this.#groups = new Uint8Array(capacity)
    this.#keys = new Float64Array(capacity)
    this.#times = new Float64Array(capacity)
  }

  /** The host on top, or -1. */
  top(): number {
    return this.size === 0 ? -1 : this.#hosts[0]!
  }

  /** The group of the host on top; Infinity where there is none. */
  group(): number {
    return this.size === 0 ? Infinity : this.#groups[0]!
  }

  add(host: number, group: number, key: number, t: number): void {
    this.#up(this.size++, host, group, key, this.#sign * t)
  }

  /** The host on top has another snapshot to lose. */
  replace(group: number, key: number, t: number): void {
    this.#down(this.#hosts[0]!, group, key, this.#sign * t)
  }

  /** The host on top has nothing more to lose. */
  drop(): void {
    const last = --this.size
    if (last > 0) this.#down(this.#hosts[last]!, this.#groups[last]!, this.#keys[last]!, this.#times[last]!)
  }

  /** The place on top is free: lets the least child rise into it down to a leaf, then the given from there, as most belong far below. */
  #down(host: number, group: number, key: number, time: number): void {
    const { size } = this
    let at = 0
    let child = 1
    while (child < size) {
      const other = child + 1
      if (
        other < size &&
        this.#after(child, this.#hosts[other]!, this.#groups[other]!, this.#keys[other]!, this.#times[other]!)
      )
        child = other
      this.#move(child, at)
      at = child
      child = 2 * at + 1
    }
    this.#up(at, host, group, key, time)
  }

  #up(at: number, host: number, group: number, key: number, time: number): void {
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#after(parent, host, group, key, time)) break
      this.#move(parent, at)
      at = parent
    }
    this.#put(at, host, group, key, time)
  }

  /** Whether what is at a place comes after the given. */
  #after(at: number, host: number, group: number, key: number, time: number): boolean {
    if (this.#groups[at] !== group) return this.#groups[at]! > group
    if (this.#keys[at] !== key) return this.#keys[at]! > key
    if (this.#times[at] !== time) return this.#times[at]! > time
    return this.#hosts[at]! > host === this.#sign < 0
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#hosts[from]!, this.#groups[from]!, this.#keys[from]!, this.#times[from]!)
  }

  #put(at: number, host: number, group: number, key: number, time: number): void {
    this.#hosts[at] = host
    this.#groups[at] = group
    this.#keys[at] = key
    this.#times[at] = time
  }
}
