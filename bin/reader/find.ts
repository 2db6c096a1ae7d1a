// find: names that a glob matches, in one snapshot or in all of them.
import { isUtf8 } from "node:buffer"
import type { Stats } from "node:fs"
import { namePattern } from "../../src/domain/request/pathPattern.ts"
import { type FileType, type Find, pathMissing } from "../../src/domain/request/reading.ts"
import { natureOf } from "../../src/domain/storedStat.ts"
import { Described, details } from "./describe.ts"
import { entriesOf, join, look, snapshotNames, statXattr, xattrsOf } from "./look.ts"
import { pathFields, refuse, Rows } from "./output.ts"

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

/** Types that xattrs have told, by inode number and ctime. */
type Types = Map<string, FileType | null>

/** Types that are remembered at most. */
const mostTypes = 200_000

/** Passes the files of one type on. Many are asked about with one call of getfattr, and none twice that did not change. */
class TypeFilter {
  readonly #type: Find["type"]
  readonly #pass: (path: string) => void
  #waiting: Array<{ readonly path: string; readonly found: Stats; readonly key: string }> = []

  constructor(type: Find["type"], pass: (path: string) => void) {
    this.#type = type
    this.#pass = pass
  }

  ask(path: string, found: Stats, types: Types): void {
    const key = `${found.ino} ${found.ctimeMs}`
    const known = types.get(key)
    if (known === undefined) this.#waiting.push({ path, found, key })
    else if (known === this.#type) this.#pass(path)
    if (this.#waiting.length >= 1000) this.flush(types)
  }

  flush(types: Types): void {
    const waiting = this.#waiting
    this.#waiting = []
    const xattrs = xattrsOf(
      waiting.map(({ path }) => path),
      "stat"
    )
    for (const { found, key, path } of waiting) {
      const type = natureOf(found, xattrs(path).get(statXattr))?.type ?? null
      if (types.size < mostTypes) types.set(key, type)
      if (type === this.#type) this.#pass(path)
    }
  }
}

const findInOne = (request: Find): void => {
  const rows = new Rows(request.most)
  const described = new Described(rows)
  const matches = matcher(request.pattern)
  const plain = !request.details && !filters(request)
  const give = (path: string, directory: boolean): void => {
    if (request.details) described.add(path, path)
    else rows.add({ _tag: "entry", ...pathFields(path), type: directory ? "d" : null })
  }
  const types: Types = new Map()
  const typed = new TypeFilter(request.type, (path) => give(path, false))
  const hit = (path: string, directory: boolean): void => {
    if (plain) return give(path, directory)
    if (request.type !== undefined && (request.type === "d") !== directory) return
    const found = look(path)
    if (found === null || !fits(request, found)) return
    if (request.type === undefined || directory) return give(path, directory)
    typed.ask(path, found, types)
  }
  const walk = (directory: string): void => {
    for (const entry of entriesOf(directory)) {
      if (!rows.open) return
      const path = join(directory, entry.name)
      if (matches(directory, entry.name)) hit(path, entry.directory)
      if (entry.directory) walk(path)
    }
  }
  if (look(request.path) === null) refuse("there is nothing at that path", pathMissing)
  walk(request.path)
  typed.flush(types)
  described.flush()
  rows.end()
}

const filters = ({ atLeast, atMost, newer, older, type }: Find): boolean =>
  [atLeast, atMost, newer, older, type].some((one) => one !== undefined)

/** What of a directory matters: its subdirectories, and what matches in it. */
interface Seen {
  readonly directories: ReadonlyArray<string>
  readonly hits: ReadonlyArray<{ readonly name: string; readonly directory: boolean }>
}

/** A path that was found: in which snapshots, and in which it was looked at last. */
interface Found {
  readonly first: string
  readonly directory: boolean
  last: string
  snapshots: number
}

/**
 * A directory that has the inode number and the times that it had in the snapshot before holds the same names, so that only the
 * changed ones are read again; its subdirectories are still looked at, since what changes below them does not show in it.
 */
const findInAll = (request: Find): void => {
  const rows = new Rows(request.most)
  const matches = matcher(request.pattern)
  const byPath = request.pattern.includes("/")
  const filtered = filters(request)
  const results = new Map<string, Found>()
  const types: Types = new Map()
  let before = new Map<string, Seen>()
  for (const snapshot of snapshotNames()) {
    const now = new Map<string, Seen>()
    const add = (path: string, directory: boolean): void => {
      const known = results.get(path)
      if (known !== undefined) {
        known.last = snapshot
        known.snapshots += 1
      } else if (results.size >= request.most) rows.cutShort()
      else results.set(path, { first: snapshot, last: snapshot, snapshots: 1, directory })
    }
    const typed = new TypeFilter(request.type, (path) => add(path.slice(snapshot.length + 1), false))
    const hit = (path: string, directory: boolean): void => {
      if (!filtered) return add(path, directory)
      if (request.type !== undefined && (request.type === "d") !== directory) return
      const found = look(join(snapshot, path))
      if (found === null || !fits(request, found)) return
      if (request.type === undefined || directory) add(path, directory)
      else typed.ask(join(snapshot, path), found, types)
    }
    const walk = (directory: string): void => {
      if (!rows.open) return
      const at = join(snapshot, directory)
      const found = look(at)
      if (found === null || !found.isDirectory()) return
      // where whole paths are matched, a directory that was moved holds other matches
      const key = `${found.ino} ${found.ctimeMs} ${found.mtimeMs}${byPath ? ` ${directory}` : ""}`
      let seen = before.get(key)
      if (seen === undefined) {
        const entries = entriesOf(at)
        seen = {
          directories: entries.filter((entry) => entry.directory).map(({ name }) => name),
          hits: entries.filter(({ name }) => matches(directory, name))
        }
      }
      now.set(key, seen)
      for (const one of seen.hits) hit(join(directory, one.name), one.directory)
      for (const name of seen.directories) walk(join(directory, name))
    }
    walk(request.path)
    typed.flush(types)
    before = now
  }
  const found = [...results].toSorted(([a], [b]) => (a < b ? -1 : 1))
  for (let from = 0; from < found.length; from += 1000) {
    const some = found.slice(from, from + 1000)
    const stored = (path: string, { last }: Found): string => join(last, path)
    const xattrs = request.details
      ? xattrsOf(
          some.map(([path, one]) => stored(path, one)),
          "stat"
        )
      : null
    for (const [path, one] of some) {
      const { directory, ...span } = one
      const at = stored(path, one)
      const stats = xattrs === null ? null : look(at)
      const known = stats === null ? { type: directory ? "d" : null } : details(at, stats, xattrs?.(at).get(statXattr))
      rows.add({ _tag: "found", ...pathFields(path), ...known, ...span })
    }
  }
  rows.end()
}

export const find = (request: Find): void => (request.snapshot === "*" ? findInAll(request) : findInOne(request))
