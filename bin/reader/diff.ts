// diff: what is different between two snapshots, told by btrfs where it can, and found by walking both where it cannot.
import { readSync, type Stats } from "node:fs"
import { type Diff, pathMissing } from "../../src/domain/request/reading.ts"
import { type SendChange, SendChanges } from "../../src/domain/sendChanges.ts"
import { SendStream } from "../../src/domain/sendStream.ts"
import { natureOf } from "../../src/domain/storedStat.ts"
import { entriesOf, join, look, statXattr, targetOf, xattrsOf } from "./look.ts"
import { pathFields, refuse, Rows } from "./output.ts"
import { patience, sameContent } from "./sameContent.ts"

/** Names that are kept in memory at most; a larger difference is cut. */
const mostNames = 200_000

const stdin = 0

/** What `btrfs send` says on stdin, or the beginning of it where that is too much; null where that is no whole stream, as between snapshots that are no relatives. */
const sent = (rows: Rows): SendChanges | null => {
  const stream = new SendStream()
  const changes = new SendChanges()
  const bytes = Buffer.alloc(256 * 1024)
  try {
    for (;;) {
      const got = readSync(stdin, bytes)
      if (got === 0) return null
      for (const command of stream.take(bytes.subarray(0, got))) {
        if (command._tag === "end") return changes
        changes.apply(command)
      }
      if (changes.size > mostNames) rows.cutShort("memory")
      if (!rows.open) return changes
    }
  } catch {
    return null
  }
}

/** A name that the stream uses for a while only, and a file may have: it is left where the stream had to be cut. */
const temporary = /^o\d+-\d+-\d+(?=\/|$)/

const isTemporary = (to: string, path: string): boolean => {
  const [name] = temporary.exec(path) ?? []
  return name !== undefined && look(join(to, name)) === null
}

const within = (path: string, top: string): boolean => top === "" || path === top || path.startsWith(`${top}/`)

/** Whether something that was touched looks different: in a directory, that names in it changed is not told twice. */
const looksDifferent = (from: string, to: string, change: SendChange): boolean => {
  if (change.change !== "times") return true
  const [old, now] = [look(join(from, change.from ?? change.path)), look(join(to, change.path))]
  return old !== null && now !== null && !now.isDirectory() && old.mtimeMs !== now.mtimeMs
}

const fromFields = (from: string) => {
  const { path, path_b64 } = pathFields(from)
  return path_b64 === undefined ? { from: path } : { from: path, from_b64: path_b64 }
}

const row = (to: string, from: string, { change, directory, from: old, path }: SendChange) => {
  const isDirectory = directory ?? look(join(change === "removed" ? from : to, path))?.isDirectory()
  return {
    _tag: "change",
    change: change === "times" ? "metadata" : change,
    ...pathFields(path),
    type: isDirectory === undefined ? null : isDirectory ? "d" : "f",
    ...(change === "renamed" && old !== null ? fromFields(old) : {})
  }
}

const byPath = (a: SendChange, b: SendChange): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)

/**
 * Both trees side by side, where the two are no relatives: by size and time, by content where only the time differs, and
 * by owner, mode and xattrs where all those agree.
 */
const walked = function* (rows: Rows, from: string, to: string, top: string): Generator<SendChange> {
  const until = performance.now() + patience
  let doubtful: Array<readonly [string, Stats, Stats]> = []
  const settle = function* (): Generator<SendChange> {
    const paths = doubtful.flatMap(([path]) => [join(from, path), join(to, path)])
    const xattrs = xattrsOf(paths, "all")
    const natureIn = (path: string, found: Stats) => {
      const { [statXattr]: stored, ...others } = Object.fromEntries([...xattrs(path)].toSorted())
      const nature = natureOf(found, stored)
      const { device, type } = nature ?? {}
      // two links, or two devices, of one size and time may well lead elsewhere
      return {
        is: JSON.stringify([type, device, type === "l" && targetOf(path)]),
        has: JSON.stringify([nature, others])
      }
    }
    for (const [path, old, now] of doubtful) {
      const [before, after] = [natureIn(join(from, path), old), natureIn(join(to, path), now)]
      const change = before.is !== after.is ? "content" : before.has !== after.has ? "metadata" : null
      if (change !== null) yield { change, path, from: path, directory: now.isDirectory() }
    }
    doubtful = []
  }
  const both = function* (path: string): Generator<SendChange> {
    // where nothing differs, nobody else asks for a long while
    if (!rows.open) return
    const [old, now] = [look(join(from, path)), look(join(to, path))]
    if (old === null || now === null) {
      const directory = (old ?? now)?.isDirectory() ?? null
      if (old !== null) yield* whole(from, { change: "removed", path, from: path, directory })
      else if (now !== null) yield* whole(to, { change: "added", path, from: null, directory })
      return
    }
    const untouched = old.ino === now.ino && old.ctimeMs === now.ctimeMs
    if (old.isDirectory() !== now.isDirectory()) {
      yield { change: "content", path, from: path, directory: now.isDirectory() }
      yield* below(from, { change: "removed", path, from: path, directory: old.isDirectory() })
      yield* below(to, { change: "added", path, from: null, directory: now.isDirectory() })
    } else if (!now.isDirectory() && (old.size !== now.size || old.mtimeMs !== now.mtimeMs)) {
      // a link's target and a device lie in files too
      const touched = old.size === now.size && old.isFile() && now.isFile()
      const same = touched && sameContent(join(from, path), join(to, path), until)
      yield { change: same ? "metadata" : "content", path, from: path, directory: false }
    } else if (!untouched && path !== "") doubtful.push([path, old, now])
    if (doubtful.length >= 500) yield* settle()
    if (!old.isDirectory() || !now.isDirectory()) return
    const names = new Set<string>()
    for (const snapshot of [from, to])
      for (const { name } of entriesOf(join(snapshot, path))) {
        names.add(name)
        if (names.size > mostNames) return rows.cutShort("memory")
      }
    for (const name of [...names].toSorted()) yield* both(join(path, name))
  }
  yield* both(top)
  yield* settle()
}

/** What lies in a directory that came or went. */
function* below(snapshot: string, change: SendChange): Generator<SendChange> {
  if (change.directory !== true) return
  for (const { directory, name } of entriesOf(join(snapshot, change.path))) {
    const path = join(change.path, name)
    yield* whole(snapshot, { ...change, path, from: change.from === null ? null : path, directory })
  }
}

function* whole(snapshot: string, change: SendChange): Generator<SendChange> {
  yield change
  yield* below(snapshot, change)
}

/** `from` and `to` are the names of the directories that the two snapshots are. */
export const diff = (request: Diff, from: string, to: string): void => {
  const top = request.path
  if (look(join(from, top)) === null && look(join(to, top)) === null)
    refuse("there is nothing at that path", pathMissing)
  const rows = new Rows(request.most)
  const told = from === to ? new SendChanges() : sent(rows)
  if (told === null) {
    for (const change of walked(rows, from, to, top)) {
      if (!rows.open) break
      rows.add(row(to, from, change))
    }
  } else {
    const whole = rows.open
    const changes = [...told.changes()].filter(
      ({ change, from: old, path }) =>
        (within(path, top) || (old !== null && within(old, top))) &&
        (whole || change === "removed" || !isTemporary(to, path))
    )
    for (const change of changes.toSorted(byPath)) {
      if (whole && !rows.open) break
      if (looksDifferent(from, to, change)) rows.add(row(to, from, change))
    }
  }
  rows.end()
}
