// The free space that pruning defends.

/** How many of a host's backups its reserve is the mean of. */
export const RESERVE_OVER = 10

/** What a host's backups usually come to: the mean of the last ten, rounded up; 0 for none. Bytes. */
export const usualSize = (sizes: ReadonlyArray<number>): number => {
  const last = sizes.slice(-RESERVE_OVER)
  return last.length === 0 ? 0 : Math.ceil(last.reduce((sum, size) => sum + size, 0) / last.length)
}

/** A reserve is the mean of the last `over` sizes, as many times as `times` is of `by`. Whole numbers. */
export interface ReserveRule {
  readonly over: number
  readonly times: number
  readonly by: number
}

/** One and a half times the mean of the last ten. */
export const reserveRule: ReserveRule = { over: RESERVE_OVER, times: 3, by: 2 }

/**
 * Such a mean rounded up, in integers; of what exists where there are fewer sizes, 0 for none. `sizes` are the bytes new in each backup,
 * oldest first, without the host's first full one. Exact while `times` times their sum is below 2^53.
 */
export const hostReserve = (sizes: ReadonlyArray<number>, { by, over, times }: ReserveRule = reserveRule): number => {
  const count = Math.min(over, sizes.length)
  if (count === 0) return 0
  let sum = 0
  for (let i = sizes.length - count; i < sizes.length; i++) sum += times * sizes[i]!
  const rest = sum % (by * count)
  return (sum - rest) / (by * count) + (rest > 0 ? 1 : 0)
}

/** The hosts' reserves that count, largest first: as many as the server admits backups at once. */
export const largestReserves = (hostReserves: ReadonlyArray<number>, atOnce: number): ReadonlyArray<number> =>
  hostReserves.toSorted((a, b) => b - a).slice(0, atOnce)

/** The sum of those. For one host, that host's. */
export const storeReserve = (hostReserves: ReadonlyArray<number>, atOnce: number): number => {
  let sum = 0
  for (const reserve of largestReserves(hostReserves, atOnce)) sum += reserve
  return sum
}
