// How long a real store's bytes live, told by how full it is.
import { DAY } from "../prune/snapshot.ts"
import { usualLifetimes } from "./scenario.ts"
import { HostSpace } from "./space.ts"

/**
 * `size`: bytes new in each backup on average, `every` so many seconds; `base`: its data; `ages` of its snapshots in days, oldest first;
 * `futile`: its last deletion freed nothing.
 */
export interface Measured {
  readonly size: number
  readonly every: number
  readonly base: number
  readonly ages: ReadonlyArray<number>
  readonly futile: boolean
}

/** In what a host of a scenario has of it. */
export interface Fitted {
  readonly base: number
  readonly daily: number
  readonly lifetimes: ReadonlyArray<{ readonly part: number; readonly days?: number }>
}

/** A longer or shorter life than this many times the usual one cannot be told from it. */
const FAR = 64

/** What is used is explained when it comes so near; the rest is the base's. */
const NEAR = 0.02

/**
 * The usual lifetimes, all so many times as long that the hosts' snapshots together hold about `used` bytes, with births such that backups
 * are as large as they were: what dies before the next backup is in no backup, so a day brings more than its share of one. Data that is
 * only added makes a thinned-out history hold more than data that is soon written over; a host whose deletions free nothing only adds.
 * Nothing is told by a history without gaps, which holds the same in any case: of all that explain it the most usual is taken. Where no
 * lifetime does, all bytes are scaled if less is used (btrfs compresses), and the base is larger if it is more.
 */
export const fitLifetimes = (hosts: ReadonlyArray<Measured>, used: number): ReadonlyArray<Fitted> => {
  const holding = (times: number) => sum(hosts.map((host) => heldBy(host, fittedTo(host, times))))
  const usual = holding(1)
  const [less, more] = [used * (1 - NEAR), used * (1 + NEAR)]
  if (usual >= less && usual <= more) return based(hosts, 1, used)
  const [wanted, far] = usual < less ? [less, FAR] : [more, 1 / FAR]
  const least = holding(far)
  if (usual > more && least > more) return hosts.map((host) => scaled(fittedTo(host, far), used / least))
  let [near, beyond] = [0, Math.log(far)]
  for (let step = 0; step < 30; step++) {
    const middle = (near + beyond) / 2
    if (holding(Math.exp(middle)) < wanted === usual < wanted) near = middle
    else beyond = middle
  }
  return based(hosts, Math.exp(near), used)
}

/** With bases such that they hold exactly so much. */
const based = (hosts: ReadonlyArray<Measured>, times: number, used: number): ReadonlyArray<Fitted> => {
  const fitted = hosts.map((host) => fittedTo(host, times))
  const missing = used - sum(hosts.map((host, index) => heldBy(host, fitted[index]!)))
  const more = 1 + missing / sum(hosts.map(({ base }) => base))
  return fitted.map((one) => ({ ...one, base: Math.max(0, one.base * more) }))
}

const fittedTo = ({ base, every, futile, size }: Measured, times: number): Fitted => {
  if (futile) return { base, daily: (size * DAY) / every, lifetimes: [{ part: 1 }] }
  const lifetimes = usualLifetimes.map(({ days, part }) => ({ part, days: days * times }))
  // Of a day's births, by the end of a gap between backups so many days' worth are left.
  const left = sum(lifetimes.map(({ days, part }) => part * days * (1 - Math.exp(-every / DAY / days))))
  return { base, daily: size / left, lifetimes }
}

const scaled = ({ base, daily, lifetimes }: Fitted, factor: number): Fitted => ({
  base: base * factor,
  daily: daily * factor,
  lifetimes
})

const heldBy = ({ ages }: Measured, { base, daily, lifetimes }: Fitted): number => {
  const rates = lifetimes.map(({ days = Infinity, part }) => ({ part, rate: 1 / days }))
  const space = new HostSpace({ base, daily, lifetimes: rates }, new Float64Array(0), -ages[0]!)
  for (const age of ages) {
    space.advance(-age)
    space.take()
  }
  return space.used
}

const sum = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0)
