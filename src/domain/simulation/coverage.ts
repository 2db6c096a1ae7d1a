// How well the ages that are kept cover the ages that somebody may ask for.
import { DAY } from "../prune/snapshot.ts"

/**
 * The mean of |nearest kept age - a| / a over log-uniform a in [1 day, horizon], exactly. `ages`: the first `count` are the kept ages
 * in seconds, ascending. 1 where nothing is kept; 0 where the horizon is no more than a day.
 *
 * Between two neighbours x < y it adds ln((x+y)^2 / 4xy): products are collected, so that few logarithms and divisions are taken.
 */
export const meanError = (ages: Float64Array, count: number, horizon: number): number => {
  if (horizon <= DAY) return 0
  if (count === 0) return 1
  let sum = 0
  let above = 1
  let below = 1
  let i = 0
  // Up to the first pair that reaches beyond a day.
  while (i < count && ages[i]! <= DAY) i++
  let x: number
  if (i === 0) {
    x = ages[0]!
    if (x >= horizon) return piece(x, DAY, horizon) / Math.log(horizon / DAY)
    sum += piece(x, DAY, x)
  } else {
    x = ages[i - 1]!
    if (i === count) return piece(x, DAY, horizon) / Math.log(horizon / DAY)
    const y = ages[i]!
    const middle = Math.min(horizon, Math.max(DAY, (x + y) / 2))
    sum += piece(x, DAY, middle) + piece(y, middle, Math.min(y, horizon))
    x = y
  }
  for (i++; i < count; i++) {
    const y = ages[i]!
    if (y > horizon) break
    const both = x + y
    above *= both * both
    below *= 4 * x * y
    // Ages stay below 1e12 seconds: neither can overflow before the next look.
    if (above > 1e200) {
      sum += Math.log(above / below)
      above = below = 1
    }
    x = y
  }
  sum += Math.log(above / below)
  if (x < horizon) sum += piece(x, x, horizon)
  return sum / Math.log(horizon / DAY)
}

/** The integral of |x - a| / a over ln a in [from, to], where x is not between the two. */
const piece = (x: number, from: number, to: number): number => {
  if (to <= from) return 0
  const part = x * (1 / from - 1 / to) - Math.log(to / from)
  return Math.abs(part)
}

/** The same by brute force on a grid of ages: what tests hold it to. */
export const errorAt = (ages: ReadonlyArray<number>, wanted: number): number =>
  ages.length === 0 ? 1 : Math.min(...ages.map((age) => Math.abs(age - wanted))) / wanted

/** What the best choice of k snapshots that never moves comes to, over ages up to a horizon (seconds, as is c). */
export const leastError = (k: number, horizon: number, c: number = DAY): number =>
  k < 2 ? 1 : Math.min(1, Math.log(1 + horizon / c) / (4 * (k - 1)))

/** By how much the best greedy choice made day by day misses that. */
export const ONLINE = 1.0407

/** How many snapshots a gap ratio of e^delta between neighbours needs over a horizon. */
export const neededFor = (horizon: number, delta: number, c: number = DAY): number =>
  Math.ceil((Math.LOG2E * Math.log(1 + horizon / c)) / delta)

/** The logarithm of the gap ratio that k snapshots can guarantee over a horizon, going day by day: what `neededFor` answers, asked the other way. */
export const guaranteedGap = (k: number, horizon: number, c: number = DAY): number =>
  (Math.LOG2E * Math.log(1 + horizon / c)) / k

/** The ages of k snapshots at the ideal spacing, newest first: from now to the horizon, even in the logarithm of age + c. All in seconds. */
export const idealAges = (k: number, horizon: number, c: number = DAY): Array<number> =>
  Array.from({ length: k }, (_, i) => (i === 0 ? 0 : c * ((1 + horizon / c) ** (i / (k - 1)) - 1)))
