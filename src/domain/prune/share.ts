// The part of the store that is a host's by right.

/** What a host holds of the store and what is its by right, in bytes. */
export interface Share {
  readonly used: number
  readonly share: number
}

/**
 * The store divided by the hosts' weights (1 is usual), each rounded down to a whole byte. A host of weight 0 has no share: all it holds
 * goes before anything of the others. Negative weights count as 0.
 */
export const shares = (store: number, weights: ReadonlyMap<string, number>): Map<string, number> => {
  let total = 0
  for (const weight of weights.values()) total += Math.max(0, weight)
  const out = new Map<string, number>()
  for (const [host, weight] of weights) {
    out.set(host, total === 0 ? 0 : Math.floor(store * (Math.max(0, weight) / total)))
  }
  return out
}
