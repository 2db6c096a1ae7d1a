// find: names that a glob matches, in one snapshot or in all of them.
import { isUtf8 } from "node:buffer"
import type { Stats } from "node:fs"
import { namePattern } from "../../src/domain/request/pathPattern.ts"
import type { Find } from "../../src/domain/request/reading.ts"
import { natureOf } from "../../src/domain/storedStat.ts"
import { Described, details } from "./describe.ts"
import { entriesOf, join, look, lookFor, snapshotNames, statXattr, xattrsOf } from "./look.ts"
import { pathFields, Rows } from "./output.ts"

/** Names are matched as text where they are UTF-8, so that `?` is a character, and else byte by byte. */
const textOf = (bytes: string): string => {
  if (/^[\0-\x7f]*$/.test(bytes)) return bytes
  const raw = Buffer.from(bytes, "latin1")
  return isUtf8(raw) ? raw.toString() : bytes
}

/** By base name, or by whole path where the pattern holds a slash: from the root if it begins with one, else from any directory. */
const matcher = (pattern: string): ((directory: string, name: string) => boolean) => {
  const text = textOf(pattern)
  if (!text.includes("/")) {
    const matches = namePattern(text)
    return (_, name) => matches(textOf(name))
  }
  const matches = namePattern(text.startsWith("/") ? text : `*/${text}`)
  return (directory, name) => matches(textOf(`/${join(directory, name)}`))
}

/** May the file be one that was asked for, by all that needs no xattr? */
const fits = (request: Find, { mtimeMs, size }: Stats): boolean =>
  mtimeMs / 1000 >= (request.newer ?? -Infinity) &&
  mtimeMs / 1000 <= (request.older ?? Infinity) &&
  size >= (request.atLeast ?? 0) &&
  size <= (request.atMost ?? Infinity)

const filters = ({ atLeast, atMost, newer, older, type }: Find): boolean =>
  [atLeast, atMost, newer, older, type].some((one) => one !== undefined)

const findInOne = (request: Find): void => {
  const rows = new Rows(request.most)
  const described = new Described(rows, request.type)
  const matches = matcher(request.pattern)
  const filtered = filters(request)
  // a directory is known as such without its xattr
  const asks = request.details || (request.type !== undefined && request.type !== "d")
  const hit = (path: string, directory: boolean): void => {
    if (request.type !== undefined && (request.type === "d") !== directory) return
    const found = asks || filtered ? look(path) : null
    if (filtered && (found === null || !fits(request, found))) return
    if (asks) described.add(path, found)
    else rows.add({ _tag: "entry", ...pathFields(path), type: directory ? "d" : null })
  }
  const walk = (directory: string): void => {
    for (const entry of entriesOf(directory)) {
      if (!rows.open) return
      const path = join(directory, entry.name)
      if (matches(directory, entry.name)) hit(path, entry.directory)
      if (entry.directory) walk(path)
    }
  }
  lookFor(request.path)
  walk(request.path)
  described.flush()
  rows.end()
}

/** Snapshots that follow each other in which a path is one and the same; `at` is where it lies in the first of them. */
interface Version {
  readonly first: string
  readonly at: string
  readonly found: Stats
  last: string
  snapshots: number
}

/** A path and its versions among which the one that was asked for may be. */
interface Candidate {
  readonly path: string
  readonly versions: ReadonlyArray<Version>
}

const versionsOf = (request: Find, path: string, snapshots: ReadonlyArray<string>): ReadonlyArray<Version> => {
  const versions: Array<Version> = []
  for (const snapshot of snapshots) {
    const at = join(snapshot, path)
    const found = look(at)
    if (found === null || !fits(request, found)) continue
    if (request.type !== undefined && (request.type === "d") !== found.isDirectory()) continue
    const before = versions.at(-1)
    if (before !== undefined && before.found.ino === found.ino && before.found.ctimeMs === found.ctimeMs) {
      before.last = snapshot
      before.snapshots += 1
    } else versions.push({ first: snapshot, last: snapshot, snapshots: 1, at, found })
  }
  return versions
}

/** A name in a directory of all snapshots: whether it is one itself, and in which snapshots it matches. */
interface Name {
  readonly matching: Array<ReadonlyArray<string>>
  directory: boolean
}

/** Names that are held at once, in all directories from the root to where the walk is. */
const mostNames = 100_000

/** Versions that are asked about with one call of getfattr. */
const together = 1000

/**
 * Directory by directory through all snapshots at once, so that each row is all that is to be said of its path. A directory that has
 * the inode number and the times that it had in the snapshot before holds the same names, so that only the changed ones are read again.
 */
const findInAll = (request: Find): void => {
  const rows = new Rows(request.most)
  const matches = matcher(request.pattern)
  const filtered = filters(request)
  const asks = request.type !== undefined && request.type !== "d"
  let held = 0
  let waiting: Array<Candidate> = []
  let asked = 0

  const flush = (): void => {
    const paths = waiting.flatMap(({ versions }) => (asks ? versions : versions.slice(-1)).map(({ at }) => at))
    const xattrs = xattrsOf(asks || request.details ? paths : [], "stat")
    const stat = ({ at }: Version) => xattrs(at).get(statXattr)
    for (const { path, versions } of waiting) {
      const those = asks ? versions.filter((one) => natureOf(one.found, stat(one))?.type === request.type) : versions
      const [first, last] = [those[0], those.at(-1)]
      if (first === undefined || last === undefined) continue
      rows.add({
        _tag: "found",
        ...pathFields(path),
        ...(request.details
          ? details(last.at, last.found, stat(last))
          : { type: last.found.isDirectory() ? "d" : null }),
        first: first.first,
        last: last.last,
        snapshots: those.reduce((sum, one) => sum + one.snapshots, 0)
      })
    }
    waiting = []
    asked = 0
  }

  const hit = (path: string, { directory, matching }: Name): void => {
    const snapshots = matching.flat()
    const [first = "", last = ""] = [snapshots[0], snapshots.at(-1)]
    if (!filtered && !request.details) {
      rows.add({
        _tag: "found",
        ...pathFields(path),
        type: directory ? "d" : null,
        first,
        last,
        snapshots: snapshots.length
      })
      return
    }
    const versions = versionsOf(request, path, snapshots)
    if (versions.length === 0) return
    waiting.push({ path, versions })
    asked += versions.length
    if (asked >= together || (!asks && waiting.length > rows.left)) flush()
  }

  /** Snapshots that follow each other in which the directory is the same. */
  const listings = (directory: string, snapshots: ReadonlyArray<string>): ReadonlyArray<Array<string>> => {
    const same: Array<Array<string>> = []
    let before = ""
    for (const snapshot of snapshots) {
      const found = look(join(snapshot, directory))
      if (found?.isDirectory() !== true) continue
      const key = `${found.ino} ${found.ctimeMs} ${found.mtimeMs}`
      if (key === before) same.at(-1)?.push(snapshot)
      else same.push([snapshot])
      before = key
    }
    return same
  }

  const walk = (directory: string, snapshots: ReadonlyArray<string>): void => {
    if (!rows.open) return
    const names = new Map<string, Name>()
    let full = false
    const same = listings(directory, snapshots)
    const there = same.flat()
    for (const these of same) {
      for (const entry of entriesOf(join(these[0] ?? "", directory))) {
        if (!rows.open) return
        const match = matches(directory, entry.name)
        if (!match && !entry.directory) continue
        const known = names.get(entry.name)
        if (known !== undefined) {
          known.directory ||= entry.directory
          if (match) known.matching.push(these)
        } else if (held < mostNames) {
          held += 1
          names.set(entry.name, { matching: match ? [these] : [], directory: entry.directory })
        } else full = true
      }
    }
    for (const [name, one] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (!rows.open) return
      const path = join(directory, name)
      if (one.matching.length > 0) hit(path, one)
      if (one.directory && !full) walk(path, there)
    }
    held -= names.size
    if (full) rows.cutShort("memory")
  }

  walk(request.path, snapshotNames())
  flush()
  rows.end()
}

export const find = (request: Find): void => (request.snapshot === "*" ? findInAll(request) : findInOne(request))
