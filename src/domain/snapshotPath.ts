// [SNAPSHOT:]PATH, as people name a file of a snapshot.
import { Schema } from "effect"
import { escapeName } from "./escape.ts"
import type { ReadingPath } from "./request/reading.ts"
import { isSnapshotRef, type SnapshotRef } from "./snapshotName.ts"

/** What was given names nothing that a snapshot could hold. Nothing was read. */
export class InvalidPath extends Schema.TaggedError<InvalidPath>()("InvalidPath", {
  given: Schema.String,
  problem: Schema.Literals(["nul", "too-long"])
}) {
  readonly exit = "usage"
  override get message() {
    return `${escapeName(this.given, 200)}: a path ${this.problem === "nul" ? "cannot hold a NUL" : "cannot be longer than 4096 bytes"}`
  }
}

export interface SnapshotPath {
  /** undefined where no snapshot is named */
  readonly snapshot: SnapshotRef | undefined
  readonly path: ReadingPath
}

/** `..` goes up and never above the root, as the kernel has it. */
const normal = (path: string): ReadingPath => {
  const parts: Array<string> = []
  for (const part of path.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return parts.join("/")
}

// A snapshot's name holds a colon itself.
const prefixed = /^(\d{4}-\d\d-\d\dT\d\d:\d\d[+-]\d{4}|latest|current):([^]*)$/

/**
 * Byte strings all. A path after a snapshot's name begins at that snapshot's root; one without is as it is named on this machine, below
 * `directory` where it is relative. Write `./latest:x` for a file that is really called so.
 */
export const parseSnapshotPath = (given: string, directory: string): SnapshotPath | InvalidPath => {
  const [, word, rest = ""] = prefixed.exec(given) ?? []
  const snapshot = word !== undefined && isSnapshotRef(word) ? word : undefined
  const path = normal(snapshot !== undefined ? rest : given.startsWith("/") ? given : `${directory}/${given}`)
  if (path.includes("\0")) return new InvalidPath({ given, problem: "nul" })
  return path.length > 4096 ? new InvalidPath({ given, problem: "too-long" }) : { snapshot, path }
}
