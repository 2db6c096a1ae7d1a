// [SNAPSHOT:]PATH, as people name a file of a snapshot.
import { Schema } from "effect"
import { toUint8Array } from "./byteString.ts"
import { escapeName } from "./escape.ts"
import type { ReadingPath } from "./request/reading.ts"
import { isSnapshotRef, isSnapshotWord, type SnapshotRef } from "./snapshotName.ts"

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
// A name that byteback did not give could as well be a file's, so the path after it has to be absolute.
const foreign = /^([^/:]+):(\/[^]*)$/

const split = (given: string): { readonly snapshot: SnapshotRef; readonly rest: string } | undefined => {
  const [, word = "", rest = ""] = prefixed.exec(given) ?? []
  if (isSnapshotRef(word)) return { snapshot: word, rest }
  const [, name = "", path = ""] = foreign.exec(given) ?? []
  return isSnapshotWord(name) ? { snapshot: name, rest: path } : undefined
}

/**
 * Byte strings all. A path after a snapshot's name begins at that snapshot's root; one without is as it is named on this machine, below
 * `directory` where it is relative. Write `./latest:x` for a file that is really called so.
 */
export const parseSnapshotPath = (given: string, directory: string): SnapshotPath | InvalidPath => {
  const { snapshot, rest } = split(given) ?? { snapshot: undefined, rest: given }
  const path = normal(snapshot !== undefined || rest.startsWith("/") ? rest : `${directory}/${rest}`)
  if (path.includes("\0")) return new InvalidPath({ given, problem: "nul" })
  return path.length > 4096 ? new InvalidPath({ given, problem: "too-long" }) : { snapshot, path }
}

/** A link that a path goes through, and what is to be asked for in its place. */
export interface ThroughLink {
  readonly link: ReadingPath
  readonly target: string
  readonly ask: ReadingPath
}

/** Of a path below a link; byte strings. */
export const throughLink = (path: ReadingPath, link: ReadingPath, target: string): ThroughLink => {
  const from = target.startsWith("/") ? "" : link.slice(0, link.lastIndexOf("/") + 1)
  return { link, target, ask: normal(`${from}${target}/${path.slice(link.length + 1)}`) }
}

/** In words, for whoever asked for the path. */
export const throughText = ({ ask, link, target }: ThroughLink): string => {
  const [at, to, there] = [`/${link}`, target, `/${ask}`].map((bytes) => escapeName(toUint8Array(bytes), 400))
  return `${at} is a link to ${to}; ask for ${there}`
}
