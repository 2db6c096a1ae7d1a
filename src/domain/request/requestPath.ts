// The paths that a client may ask for: relative to one snapshot, and never out of it.
import { isSnapshotRef, type SnapshotRef } from "../snapshotName.ts"
import type { PullPath, SnapshotPath } from "./request.ts"
import { accept, type Parsed, refuse } from "./refusal.ts"

/** The parts of a path; a last one of "" stands for a trailing slash, by which rsync means what is in a directory. */
const split = (text: string): Parsed<ReadonlyArray<string>> => {
  const parts = text.split("/")
  if (parts.includes("..")) return refuse('a path may not hold ".."', text)
  if (text.includes("\0")) return refuse("a path may not hold a NUL", text)
  const kept = parts.filter((part, index) => part !== "" || index === parts.length - 1)
  // Only a leading `.` says nothing; rsync --relative reads meaning into the others.
  while (kept[0] === "." || (kept.length === 1 && kept[0] === "")) kept.shift()
  return accept(kept)
}

const join = (parts: ReadonlyArray<string>): SnapshotPath => (parts.join("/") === "" ? "." : parts.join("/"))

/** Strips a leading `/`, refuses `..` and NUL; `.` and `` are the whole of the snapshot. */
export const parseSnapshotPath = (text: string): Parsed<SnapshotPath> => {
  const parts = split(text)
  return parts.ok ? accept(join(parts.value)) : parts
}

/** The same, where the first part may name the snapshot. */
export const parsePullPath = (text: string): Parsed<PullPath> => {
  const parts = split(text)
  if (!parts.ok) return parts
  const [first, ...rest] = parts.value
  if (first === undefined || !isSnapshotRef(first)) return accept({ path: join(parts.value) })
  const path = parseSnapshotPath(rest.join("/"))
  return path.ok ? accept({ snapshot: first satisfies SnapshotRef, path: path.value }) : path
}

/** A path as rsync may read it: one that begins with a hyphen is never an option. */
export const asArgument = (path: SnapshotPath): string => (path.startsWith("-") ? `./${path}` : path)
