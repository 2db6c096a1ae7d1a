// What is to be free before a push begins, as pruning leaves it for the forced command: for every host, and more where that was approved.
import { shortReserve } from "../storeUsage.ts"

export interface Defended {
  /** bytes, or `short`: the store is short of metadata, which statfs does not tell */
  readonly reserve: number | typeof shortReserve
  /** bytes that hosts have leave to write beyond that, by host */
  readonly approved: ReadonlyMap<string, number>
}

/** A line for the reserve, then `HOST BYTES` for each approval. */
export const formatDefended = ({ approved, reserve }: Defended): string =>
  [
    reserve === shortReserve ? reserve : Math.ceil(reserve),
    ...[...approved].map(([host, bytes]) => `${host} ${Math.ceil(bytes)}`)
  ]
    .map((line) => `${line}\n`)
    .join("")

/** What cannot be read defends nothing. */
export const parseDefended = (text: string): Defended => {
  const [first = "", ...lines] = text.trim().split("\n")
  const approved = lines.flatMap((line): ReadonlyArray<readonly [string, number]> => {
    const [, host, bytes] = /^(\S+) (\d{1,18})$/.exec(line) ?? []
    return host === undefined ? [] : [[host, Number(bytes)]]
  })
  return { reserve: first === shortReserve ? first : Number(first) || 0, approved: new Map(approved) }
}

/** Bytes that are to be free before a push of this host begins; Infinity: no more than there is would do. */
export const wantedBefore = (text: string, host: string): number => {
  const { approved, reserve } = parseDefended(text)
  return reserve === shortReserve ? Infinity : Math.max(reserve, approved.get(host) ?? 0)
}
