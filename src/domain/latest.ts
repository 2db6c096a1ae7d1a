// Which snapshot `latest` means, at both ends: the newest that nothing is suspected of.
import type { SnapshotInfo } from "./Conversation.ts"

interface Latest<A> {
  /** undefined where none is, or all are suspect */
  readonly chosen: A | undefined
  /** the newest of those that were passed over for it, since they are suspect */
  readonly passed: A | undefined
}

/** Of the dated ones not after `until` (epoch seconds), in whatever order they come; incomplete ones count. */
export const latestOf = <A extends Pick<SnapshotInfo, "at" | "state">>(
  snapshots: ReadonlyArray<A>,
  until: number = Infinity
): Latest<A> => {
  const dated = snapshots.filter(({ at }) => at !== null && at <= until).toSorted((a, b) => a.at! - b.at!)
  const chosen = dated.findLast(({ state }) => state !== "suspect")
  const newest = dated.at(-1)
  return { chosen, passed: newest === chosen ? undefined : newest }
}

const why = ({ note }: Pick<SnapshotInfo, "note">): string => (typeof note === "string" ? `: ${note}` : "")

/** What is to be said where one was passed over. */
export const passedOver = (passed: Pick<SnapshotInfo, "name" | "note">, chosen: string): string =>
  `taken from ${chosen}; ${passed.name} is newer, but suspect${why(passed)}`

/** What is to be said where all are suspect, of the newest of them. */
export const allSuspect = (newest: Pick<SnapshotInfo, "name" | "note">): string =>
  `every snapshot that this could mean is suspect, so name the one that you want; the newest is ${newest.name}${why(newest)}`

/** How the server says `text` beside an answer that is no refusal. */
export const noteLine = (text: string): string => `byteback notes: ${text}`

/** What the server said so, or null. */
export const findNote = (stderr: string): string | null => /^byteback notes: (.{1,500})/m.exec(stderr)?.[1] ?? null
