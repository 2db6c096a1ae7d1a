// Whose the metadata is, where a store is short of it: bytes of files say nothing of that, as a file without any has metadata too.
import { metadataFree, type StoreUsage } from "../storeUsage.ts"
import { hostReserve } from "./reserve.ts"
import type { Share } from "./share.ts"

/** What a host holds, in bytes. */
export interface HostMetadata extends Share {
  readonly host: string
  /** of metadata, that each of its snapshots (oldest first) holds beyond the one before it; of the first, all */
  readonly snapshots: ReadonlyArray<number>
  /** of metadata, in its `current` and in no snapshot yet */
  readonly pending: number
  /** may be as large as it is */
  readonly approved: boolean
}

/** Bytes of a file for each byte of its checksums, which lie in metadata too. */
const PER_CHECKSUM = 1024

/**
 * Each host's part of the metadata that is used and its share of what there is for metadata, by the same weights as of the store; and
 * `unearned`, what hosts have written beyond what their past earns them and nobody approved: nothing is deleted for that. Leaves are
 * never full, so what lies in them is scaled up to what is used (by `scale`).
 */
export const metadataDebt = (usage: StoreUsage, hosts: ReadonlyArray<HostMetadata>) => {
  const weight = ({ pending, snapshots, used }: HostMetadata) =>
    pending + snapshots.reduce((sum, bytes) => sum + bytes, 0) + used / PER_CHECKSUM
  const sum = (of: (host: HostMetadata) => number) => hosts.reduce((total, host) => total + of(host), 0)
  const scale = usage.metadata.used / Math.max(1, sum(weight))
  const part =
    (usage.metadata.used + metadataFree(usage)) /
    Math.max(
      1,
      sum(({ share }) => share)
    )
  const shares = new Map<string, Share>(
    hosts.map((one) => [one.host, { used: weight(one) * scale, share: one.share * part }])
  )
  const unearned = sum(({ approved, pending, snapshots }) =>
    approved ? 0 : Math.max(0, pending - hostReserve(snapshots.slice(1))) * scale
  )
  return { scale, shares, unearned }
}
