// What rsync's --stats says, as numbers.

/** Counts of files and bytes of one transfer; a count that rsync did not print is 0. */
export interface TransferStats {
  readonly files: number
  readonly created: number
  readonly deleted: number
  readonly transferred: number
  /** bytes of all files, of those that changed, sent as they are, and found again at the far end */
  readonly totalSize: number
  readonly transferredSize: number
  readonly literal: number
  readonly matched: number
  /** bytes on the wire, seen from this end */
  readonly sent: number
  readonly received: number
}

const labels: { readonly [K in keyof TransferStats]: string } = {
  files: "Number of files",
  created: "Number of created files",
  deleted: "Number of deleted files",
  transferred: "Number of regular files transferred",
  totalSize: "Total file size",
  transferredSize: "Total transferred file size",
  literal: "Literal data",
  matched: "Matched data",
  sent: "Total bytes sent",
  received: "Total bytes received"
}

/** Reads the stats block out of rsync's stdout, with or without thousands separators. */
export const parseStats = (stdout: string): TransferStats => {
  const found = new Map<string, number>()
  for (const line of stdout.split(/[\r\n]/)) {
    const match = /^([A-Z][A-Za-z ]+): ([0-9.,]+)/.exec(line)
    if (match?.[1] !== undefined && match[2] !== undefined)
      found.set(match[1], Number(match[2].replaceAll(/[.,]/g, "")))
  }
  const stats: Partial<Record<keyof TransferStats, number>> = {}
  for (const key of Object.keys(labels) as Array<keyof TransferStats>) stats[key] = found.get(labels[key]) ?? 0
  return stats as TransferStats
}
