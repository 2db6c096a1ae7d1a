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

/**
 * What a host may still take of a store that is nearly full (bytes; negative: nothing, by so much): what is left of its share, or of
 * what its backups usually take (`reserve`), or of what was approved. `pending` is what it has taken since its last snapshot.
 */
export const mayTake = (
  host: Share & { readonly pending: number; readonly reserve: number; readonly approved: number }
): number => Math.floor(Math.max(host.share - host.used, Math.max(host.reserve, host.approved) - host.pending))
