// find: names that a glob matches, in one snapshot or in all of them.
import { isUtf8 } from "node:buffer"
import type { Stats } from "node:fs"
import { namePattern } from "../../src/domain/request/pathPattern.ts"
import { type Find, pathMissing } from "../../src/domain/request/reading.ts"
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

const hasType = (type: Find["type"], path: string, found: Stats): boolean =>
  type === undefined ||
  (type === "d"
    ? found.isDirectory()
    : !found.isDirectory() && natureOf(found, xattrsOf([path], "stat")(path).get(statXattr))?.type === type)

const findInOne = (request: Find): void => {
  const rows = new Rows(request.most)
  const described = new Described(rows)
  const matches = matcher(request.pattern)
  const plain = !request.details && !filters(request)
  let typed: Array<string> = []
  // Many candidates share one call of getfattr.
  const flushTyped = (): void => {
    const xattrs = xattrsOf(typed, "stat")
    for (const path of typed) {
      const found = look(path)
      if (found !== null && natureOf(found, xattrs(path).get(statXattr))?.type === request.type) give(path, false)
    }
    typed = []
  }
  const give = (path: string, directory: boolean): void => {
    if (request.details) described.add(path, path)
    else rows.add({ _tag: "entry", ...pathFields(path), type: directory ? "d" : null })
  }
  const hit = (path: string, directory: boolean): void => {
    if (plain) return give(path, directory)
    if (request.type !== undefined && (request.type === "d") !== directory) return
    const found = look(path)
    if (found === null || !fits(request, found)) return
    if (request.type === undefined || directory) return give(path, directory)
    typed.push(path)
    if (typed.length >= 1000) flushTyped()
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
  flushTyped()
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
  let before = new Map<string, Seen>()
  for (const snapshot of snapshotNames()) {
    const now = new Map<string, Seen>()
    const hit = (path: string, directory: boolean): void => {
      if (filtered) {
        const stored = join(snapshot, path)
        const found = look(stored)
        if (found === null || !fits(request, found) || !hasType(request.type, stored, found)) return
      }
      const known = results.get(path)
      if (known !== undefined) {
        known.last = snapshot
        known.snapshots += 1
      } else if (results.size >= request.most) rows.cutShort()
      else results.set(path, { first: snapshot, last: snapshot, snapshots: 1, directory })
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
