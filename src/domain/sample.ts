// A random sample that can be drawn again: the same seed over the same list gives the same files.

/** Numbers from 0 up to 1, the same sequence for the same seed (mulberry32). */
export const numbers = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** What a sample is drawn from, one after the other. */
export interface Sized {
  /** bytes */
  readonly size: number
}

/** Takes `most` of all that it is shown, each with the same chance, without keeping the others. */
export class Reservoir<A extends Sized> {
  private readonly next: () => number
  private readonly kept: Array<A> = []
  private seen = 0
  readonly most: number

  constructor(seed: number, most: number) {
    this.next = numbers(seed)
    this.most = most
  }

  show(item: A): void {
    this.seen += 1
    if (this.kept.length < this.most) {
      this.kept.push(item)
      return
    }
    const place = Math.floor(this.next() * this.seen)
    if (place < this.most) this.kept[place] = item
  }

  /** Those that fit into `bytes` together; one that does not fit is passed over for the next. */
  within(bytes: number): ReadonlyArray<A> {
    let left = bytes
    return this.kept.filter(({ size }) => {
      if (size > left) return false
      left -= size
      return true
    })
  }
}
