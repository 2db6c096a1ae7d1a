// When each host's backups come, and what each of its days brings.
import { DAY } from "../prune/snapshot.ts"
import { Stream } from "./random.ts"
import type { Attack, Host } from "./scenario.ts"

/** One host's attempts, one after the other. Times are seconds since day 0. */
export class Attempts {
  /** When the next one comes; Infinity when none does. */
  next: number
  /** Whether it fails on its way (the network, the machine being off). */
  fails = false
  readonly #host: Host
  readonly #stream: Stream
  readonly #floodFrom: number
  readonly #floodEvery: number
  #due: number
  #down = false

  constructor(host: Host, seed: string, attack: Attack | null) {
    this.#host = host
    this.#stream = new Stream(`${seed}/${host.name}/arrivals`)
    this.#floodFrom = attack?.kind === "flood" ? attack.fromDay * DAY : Infinity
    this.#floodEvery = attack?.every ?? DAY
    this.#due = host.firstDay * DAY + host.at
    this.next = 0
    this.#draw()
  }

  advance(): void {
    if (this.#due >= this.#floodFrom) this.#due += this.#floodEvery
    else {
      this.#due += this.#host.every
      if (this.#due > this.#floodFrom) this.#due = this.#floodFrom
    }
    this.#draw()
  }

  #draw(): void {
    const { breaks, diesOnDay, jitter, mends } = this.#host
    const flooding = this.#due >= this.#floodFrom
    if (this.#due >= (diesOnDay + 1) * DAY && !flooding) {
      this.next = Infinity
      return
    }
    const off = jitter === 0 || flooding ? 0 : Math.round((2 * this.#stream.uniform() - 1) * jitter)
    const soonest = this.next === 0 ? 0 : this.next + 1
    this.next = Math.max(soonest, this.#due + off)
    if (breaks > 0) this.#down = this.#stream.uniform() < (this.#down ? 1 - mends : breaks)
    this.fails = this.#down && !flooding
  }
}

/** New bytes on each day: lognormal around the mean, by weekday, with spikes of a Pareto tail now and then. `monday`: index of day 0's weekday. */
export const birthsOf = (
  host: Host,
  days: number,
  seed: string,
  monday: number,
  attack: Attack | null
): Float64Array => {
  const stream = new Stream(`${seed}/${host.name}/churn`)
  const births = new Float64Array(days)
  const { spread, spikes } = host
  let growth = 1
  for (let day = 0; day < days; day++) {
    let born = host.daily * host.weekdays[(day + monday) % 7]!
    if (spread > 0) born *= Math.exp(spread * stream.normal() - (spread * spread) / 2)
    if (spikes !== null && stream.uniform() < spikes.probability) {
      born += spikes.bytes * Math.exp(-Math.log(1 - stream.uniform()) / spikes.alpha)
    }
    if (attack?.kind === "grow" && day >= attack.fromDay) born *= growth = Math.min(growth * attack.factor, 1e6)
    births[day] = born
  }
  return births
}
