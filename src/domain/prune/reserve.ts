// The free space that pruning defends.

/** How many of a host's backups its reserve is the mean of. */
export const RESERVE_OVER = 10

/**
 * ceil(1.5 x mean of the last ten sizes), in integers; the mean of what exists where there are fewer, 0 for none. `sizes` are the bytes
 * new in each backup, oldest first, without the host's first full one. Exact while three times their sum is below 2^53.
 */
export const hostReserve = (sizes: ReadonlyArray<number>): number => {
  const last = sizes.slice(-RESERVE_OVER)
  if (last.length === 0) return 0
  const sum = 3 * last.reduce((sum, size) => sum + size, 0)
  const rest = sum % (2 * last.length)
  return (sum - rest) / (2 * last.length) + (rest > 0 ? 1 : 0)
}

/** The sum of the largest hosts' reserves, as many as the server admits backups at once. For one host, that host's. */
export const storeReserve = (hostReserves: Iterable<number>, atOnce: number): number =>
  Array.from(hostReserves)
    .toSorted((a, b) => b - a)
    .slice(0, atOnce)
    .reduce((sum, reserve) => sum + reserve, 0)
