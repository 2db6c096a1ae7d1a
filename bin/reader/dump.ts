// dump: a tree as a tar archive, with all that --fake-super keeps of its files turned back.
import { lstatSync, type BigIntStats } from "node:fs"
import { exitCode } from "../../src/domain/exitCode.ts"
import type { Xattrs } from "../../src/domain/getfattr.ts"
import type { Raw } from "../../src/domain/request/reading.ts"
import { aclText } from "../../src/domain/storedAcl.ts"
import { natureOf } from "../../src/domain/storedStat.ts"
import { tarEnd, type TarEntry, tarHeader, tarPadding } from "../../src/domain/tar.ts"
import { entriesOf, join, lookFor, raw, statXattr, targetOf, xattrsOf } from "./look.ts"
import { refuse, writeAll } from "./output.ts"
import { copyOut } from "./cat.ts"
import { noteUnread, unread } from "./unread.ts"

/** Files whose xattrs are read with one call. */
const together = 200

const kinds = { f: "0", l: "2", c: "3", b: "4", d: "5", p: "6" } as const

/** The xattrs that the file had on its host: rsync keeps those that only root may set under user.rsync. */
const original = (xattrs: Xattrs): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const [name, value] of xattrs) {
    if (name.startsWith("user.rsync.%")) continue
    if (name.startsWith("user.rsync.")) found.set(name.slice("user.rsync.".length), value)
    else if (name.startsWith("user.")) found.set(name, value)
  }
  return found
}

/** A file whose xattr is garbage comes as a plain file that only root may read. */
const unknown = { type: "f", mode: 0o600, device: [0, 0], uid: 0, gid: 0 } as const

const entryOf = (path: string, found: BigIntStats, xattrs: Xattrs): TarEntry | null => {
  const { gid, mode, uid } = found
  const real = { mode: Number(mode), uid: Number(uid), gid: Number(gid) }
  const garbage = found.isDirectory() ? ({ ...unknown, type: "d", mode: 0o700 } as const) : unknown
  const nature = natureOf(real, xattrs.get(statXattr)) ?? garbage
  // no archive can hold a socket
  if (nature.type === "s") return null
  const access = xattrs.get("user.rsync.%aacl")
  const inherited = xattrs.get("user.rsync.%dacl")
  return {
    name: path === "" ? "." : path,
    kind: kinds[nature.type],
    mode: nature.mode,
    uid: nature.uid,
    gid: nature.gid,
    size: nature.type === "f" ? Number(found.size) : 0,
    mtime: found.mtimeNs,
    target: nature.type === "l" ? targetOf(path) : "",
    device: nature.device,
    xattrs: original(xattrs),
    acl: {
      access: access === undefined ? null : aclText(access, nature.mode),
      default: inherited === undefined ? null : aclText(inherited, nature.mode)
    }
  }
}

const write = (bytes: string): void => writeAll(Buffer.from(bytes, "latin1"))

const zeros = Buffer.alloc(64 * 1024)

/** The first name of each file that has several, and how many of them are still to come. */
type Names = Map<bigint, { readonly first: string; left: bigint }>

const give = (paths: ReadonlyArray<string>, names: Names): void => {
  const xattrs = xattrsOf(paths, "all")
  for (const path of paths) {
    const found = lstatSync(raw(path), { bigint: true, throwIfNoEntry: false })
    const entry = found === undefined ? null : entryOf(path, found, xattrs(path))
    if (found === undefined || entry === null) continue
    const known = found.nlink > 1n && entry.kind !== "5" ? names.get(found.ino) : undefined
    if (known !== undefined) {
      known.left -= 1n
      if (known.left === 0n) names.delete(found.ino)
      write(
        tarHeader({
          ...entry,
          kind: "1",
          size: 0,
          target: known.first,
          xattrs: new Map(),
          acl: { access: null, default: null }
        })
      )
      continue
    }
    if (found.nlink > 1n && entry.kind !== "5") names.set(found.ino, { first: path, left: found.nlink - 1n })
    write(tarHeader(entry))
    if (entry.size === 0) continue
    const { copied, trouble } = copyOut(path, entry.size)
    if (trouble !== null) noteUnread(path, trouble)
    // what cannot be read, or shrinks meanwhile as a file of `current` may, is filled up: the header has told its size
    for (let left = entry.size - copied; left > 0; left -= zeros.length)
      writeAll(zeros.subarray(0, Math.min(left, zeros.length)))
    write(tarPadding(entry.size))
  }
}

export const dump = ({ path }: Raw): void => {
  const found = lookFor(path)
  const names: Names = new Map()
  let waiting: Array<string> = [path]
  const walk = (directory: string): void => {
    for (const entry of entriesOf(directory)) {
      const at = join(directory, entry.name)
      waiting.push(at)
      if (waiting.length >= together) {
        give(waiting, names)
        waiting = []
      }
      if (entry.directory) walk(at)
    }
  }
  if (found.isDirectory()) walk(path)
  give(waiting, names)
  write(tarEnd)
  const lost = unread()
  if (lost === null) return
  const others = lost.count > lost.paths.length ? ` and ${lost.count - lost.paths.length} more` : ""
  const which = `${lost.paths.join(", ")}${others}`
  refuse(`the server cannot read ${which}; zeros stand in their place, and the rest is whole`, exitCode.failed)
}
