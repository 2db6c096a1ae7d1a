// Seeded streams of chance: one a host and purpose, so that adding a host leaves the others' draws as they were.

/** The generator sfc32 (public domain). The same name gives the same numbers on every machine. */
export class Stream {
  #a: number
  #b: number
  #c: number
  #d = 1
  #spare = Number.NaN

  constructor(name: string) {
    let hash = 1779033703 ^ name.length
    for (let i = 0; i < name.length; i++) {
      hash = Math.imul(hash ^ name.charCodeAt(i), 3432918353)
      hash = (hash << 13) | (hash >>> 19)
    }
    const word = () => {
      hash = Math.imul(hash ^ (hash >>> 16), 2246822507)
      hash = Math.imul(hash ^ (hash >>> 13), 3266489909)
      return (hash ^= hash >>> 16) | 0
    }
    this.#a = word()
    this.#b = word()
    this.#c = word()
    for (let i = 0; i < 15; i++) this.uniform()
  }

  /** In [0, 1). */
  uniform(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t
    this.#c |= 0
    return (t >>> 0) / 4294967296
  }

  /** Mean 0, deviation 1 (Marsaglia's polar method). */
  normal(): number {
    const spare = this.#spare
    if (!Number.isNaN(spare)) {
      this.#spare = Number.NaN
      return spare
    }
    for (;;) {
      const x = 2 * this.uniform() - 1
      const y = 2 * this.uniform() - 1
      const square = x * x + y * y
      if (square >= 1 || square === 0) continue
      const scale = Math.sqrt((-2 * Math.log(square)) / square)
      this.#spare = y * scale
      return x * scale
    }
  }
}
