// The names of snapshots: `2026-11-23T17:52+0000`, a time to the minute with its zone.
const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)([+-])(\d\d)(\d\d)$/

/** What stands beside `current` in a host's directory: a snapshot (`at` in epoch seconds), or something that is not ours. */
export type SnapshotName =
  | { readonly _tag: "Snapshot"; readonly name: string; readonly at: number }
  | { readonly _tag: "Foreign"; readonly name: string }

/** What a client may call a snapshot: its name, one of two words, or where only that can be meant a foreign name. */
export type SnapshotRef = string & { readonly SnapshotRef: "current | latest | a snapshot's name | a foreign name" }

/** The last second that a name can tell. */
const end = Date.UTC(10_000, 0) / 1000 - 1

/**
 * Epoch seconds of a snapshot's name; undefined where it is not one: another pattern, a day that the calendar does not
 * have, a zone beyond 14 hours, a time before 1970 or after 9999 in UTC.
 */
export const snapshotTime = (name: string): number | undefined => {
  const match = pattern.exec(name)
  if (match === null) return undefined
  const [year, month, day, hour, minute] = match.slice(1, 6).map(Number) as [number, number, number, number, number]
  const zoneHours = Number(match[7])
  const zoneMinutes = Number(match[8])
  if (year < 1969 || hour > 23 || minute > 59 || zoneMinutes > 59 || zoneHours * 60 + zoneMinutes > 14 * 60)
    return undefined
  const midnight = Date.UTC(year, month - 1, day)
  // Date.UTC carries what is too large into the next month, so reading it back tells a real day.
  if (new Date(midnight).toISOString().slice(0, 10) !== name.slice(0, 10)) return undefined
  const zone = (zoneHours * 60 + zoneMinutes) * (match[6] === "+" ? 60 : -60)
  const at = midnight / 1000 + hour * 3600 + minute * 60 - zone
  return at >= 0 && at <= end ? at : undefined
}

/** Tells a snapshot's name from the foreign names that are left alone. */
export const parseSnapshotName = (name: string): SnapshotName => {
  const at = snapshotTime(name)
  return at === undefined ? { _tag: "Foreign", name } : { _tag: "Snapshot", name, at }
}

/** The name of a snapshot taken at `at` (epoch seconds, 1970 to 9999): UTC always, the seconds dropped. */
export const formatSnapshotName = (at: number): string => `${new Date(at * 1000).toISOString().slice(0, 16)}+0000`

/** `current`, `latest` or the name of a snapshot. */
export const isSnapshotRef = (word: string): word is SnapshotRef =>
  word === "current" || word === "latest" || snapshotTime(word) !== undefined

/**
 * The same, or a foreign name that is plain enough to be asked for (`saved-do-not-delete`). Only where nothing but a snapshot
 * can stand: in a path such a word is a file's.
 */
export const isSnapshotWord = (word: string): word is SnapshotRef =>
  isSnapshotRef(word) || /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(word)
