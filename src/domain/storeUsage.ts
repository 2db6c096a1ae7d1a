// How full a btrfs is, read from `btrfs filesystem usage -b`.

/** Bytes that are allocated to one kind of chunk, and how many of them are used; copies not counted twice. */
export interface ChunkUsage {
  readonly size: number
  readonly used: number
}

/** All in bytes. A btrfs is full when data, metadata or both can grow no further, which `df` alone does not show. */
export interface StoreUsage {
  readonly size: number
  /** not yet given to data or metadata */
  readonly unallocated: number
  /** what can still be written, by btrfs's own estimate */
  readonly free: number
  /** the same, if all that is unallocated were written in the most redundant profile */
  readonly freeAtLeast: number
  readonly data: ChunkUsage
  readonly metadata: ChunkUsage
  /** copies that are kept of each metadata block: 2 for DUP */
  readonly metadataRatio: number
  /** metadata that btrfs keeps to itself for its own emergencies */
  readonly globalReserve: number
}

/** Bytes that metadata can still grow by, in what is allocated to it and in what nothing has yet. */
export const metadataFree = (usage: StoreUsage): number =>
  Math.max(0, usage.metadata.size - usage.metadata.used - usage.globalReserve) +
  usage.unallocated / Math.max(1, usage.metadataRatio)

const MiB = 2 ** 20

/** What must be left for metadata: a fiftieth of the filesystem, 16 MiB at least and 1 GiB at most. Short of it is short, whatever df says. */
export const metadataFloor = ({ size }: StoreUsage): number => Math.min(1024 * MiB, Math.max(16 * MiB, size / 50))

export const isShortOfMetadata = (usage: StoreUsage): boolean => metadataFree(usage) < metadataFloor(usage)

/** What stands in place of the reserve that pruning defends (bytes), for admission to read, while a store is short of metadata. */
export const shortReserve = "short"

/** What must be left for data, where no host has earned a reserve yet: one percent, 64 MiB at least. */
export const dataFloor = ({ size }: StoreUsage): number => Math.max(64 * MiB, size / 100)

/**
 * Which chunks a balance should empty, where that helps: badly filled data while metadata cannot grow, or badly filled metadata while
 * data is short of the reserve (bytes). Null where neither has much to give.
 */
export const balanceHelps = (usage: StoreUsage, reserve: number): "data" | "metadata" | null => {
  const { data, globalReserve, metadata } = usage
  if (data === metadata) return null
  const much = 2 * metadataFloor(usage) * Math.max(1, usage.metadataRatio)
  if (isShortOfMetadata(usage)) return data.size - data.used > much ? "data" : null
  return usage.free < reserve && metadata.size - metadata.used - globalReserve > much ? "metadata" : null
}

/** Null where the text is not what btrfs prints. */
export const parseUsage = (text: string): StoreUsage | null => {
  const figure = (pattern: RegExp): number => {
    const match = pattern.exec(text)
    return match === null ? Number.NaN : Number(match[1])
  }
  const chunks = (kind: string): ChunkUsage => {
    let size = 0
    let used = 0
    for (const match of text.matchAll(new RegExp(`^${kind},[^:\\n]*: Size:(\\d+), Used:(\\d+)`, "gm"))) {
      size += Number(match[1])
      used += Number(match[2])
    }
    return { size, used }
  }
  // A mixed filesystem (very small ones) keeps both in the same chunks.
  const mixed = chunks("Data\\+Metadata")
  const usage = {
    size: figure(/^\s+Device size:\s+(\d+)$/m),
    unallocated: figure(/^\s+Device unallocated:\s+(\d+)$/m),
    free: figure(/^\s+Free \(estimated\):\s+(\d+)\b/m),
    freeAtLeast: figure(/^\s+Free \(estimated\):.*\(min: (\d+)\)$/m),
    data: mixed.size > 0 ? mixed : chunks("Data"),
    metadata: mixed.size > 0 ? mixed : chunks("Metadata"),
    metadataRatio: figure(/^\s+Metadata ratio:\s+(\d+(?:\.\d+)?)$/m),
    globalReserve: figure(/^\s+Global reserve:\s+(\d+)\b/m)
  }
  const figures = [
    usage.size,
    usage.unallocated,
    usage.free,
    usage.freeAtLeast,
    usage.metadataRatio,
    usage.globalReserve
  ]
  return figures.some(Number.isNaN) || usage.data.size + usage.metadata.size === 0 ? null : usage
}
