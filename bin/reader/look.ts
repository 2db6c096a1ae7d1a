// Looks at what lies in the sandbox, by byte strings and without ever following a link.
import { spawnSync } from "node:child_process"
import { lstatSync, opendirSync, readSync, openSync, closeSync, constants, type Dir, type Stats } from "node:fs"
import { exitCode } from "../../src/domain/exitCode.ts"
import { parseGetfattr, type Xattrs } from "../../src/domain/getfattr.ts"
import { pathMissing } from "../../src/domain/request/reading.ts"
import { snapshotTime } from "../../src/domain/snapshotName.ts"
import { refuse } from "./output.ts"
import { noteUnread, unread } from "./unread.ts"

/** A path below the working directory as the system takes it; "" is the directory itself. */
export const raw = (path: string): Buffer => Buffer.from(path === "" ? "." : path, "latin1")

export const join = (directory: string, name: string): string => (directory === "" ? name : `${directory}/${name}`)

/** What lies there; null for nothing, also where a part of the path is no directory. */
export const look = (path: string): Stats | null => {
  try {
    return lstatSync(raw(path), { throwIfNoEntry: false }) ?? null
  } catch (cause) {
    noteUnread(path, cause)
    return null
  }
}

/** The same of what was asked for, without which there is no answer. */
export const lookFor = (path: string): Stats => {
  const found = look(path)
  if (found !== null) return found
  const lost = unread()
  return lost === null
    ? refuse("there is nothing at that path", pathMissing)
    : refuse(`the server cannot read ${lost.paths.join(", ")}`, exitCode.failed)
}

export interface Entry {
  readonly name: string
  readonly directory: boolean
}

// Its types do not know this encoding for a directory, in which each character stands for a byte.
const latin1 = "latin1" as BufferEncoding

/** Names of a directory that are held at once: a mail directory may have a million. */
const piece = 20_000

const pieceOf = (directory: string, opened: Dir): ReadonlyArray<Entry> => {
  const found: Array<Entry> = []
  try {
    while (found.length < piece) {
      const entry = opened.readSync()
      if (entry === null) break
      found.push({ name: entry.name, directory: entry.isDirectory() })
    }
  } catch (cause) {
    noteUnread(directory, cause)
  }
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** What a directory holds, sorted by bytes; one of more than 20,000 names comes in pieces, each of them sorted. */
export function* entriesOf(directory: string): Generator<Entry> {
  let opened: Dir
  try {
    opened = opendirSync(raw(directory) as unknown as string, { encoding: latin1, bufferSize: 256 })
  } catch (cause) {
    return noteUnread(directory, cause)
  }
  let some: ReadonlyArray<Entry>
  // closed before what is below is looked at: few may be open at once
  try {
    for (some = pieceOf(directory, opened); some.length === piece; some = pieceOf(directory, opened)) yield* some
  } finally {
    opened.closeSync()
  }
  yield* some
}

/** The host's snapshots, oldest first, where the working directory is the host's. */
export const snapshotNames = (): ReadonlyArray<string> =>
  [...entriesOf("")]
    .flatMap(({ directory, name }) => {
      const at = snapshotTime(name)
      return directory && at !== undefined && look(name)?.uid === 0 ? [{ name, at }] : []
    })
    .toSorted((a, b) => a.at - b.at)
    .map(({ name }) => name)

const none: Xattrs = new Map()

/** The xattr in which rsync's --fake-super keeps what a file is. */
export const statXattr = "user.rsync.%stat"

/** Xattrs of many files at once: that one alone, or all. */
export const xattrsOf = (paths: ReadonlyArray<string>, which: "stat" | "all"): ((path: string) => Xattrs) => {
  if (paths.length === 0) return () => none
  const names = which === "stat" ? ["-n", statXattr] : ["-d", "-m", "-"]
  const { status, stdout } = spawnSync(
    "/usr/bin/xargs",
    ["-0", "/usr/bin/getfattr", "--absolute-names", "-h", "-e", "hex", ...names, "--"],
    {
      input: Buffer.from(paths.map((path) => `${path === "" ? "." : path}\0`).join(""), "latin1"),
      stdio: ["pipe", "pipe", "ignore"],
      maxBuffer: 512 * 1024 * 1024
    }
  )
  // 127: xargs found no such program
  if (stdout === null || status === 127)
    refuse("the server lacks getfattr; its administrator can install the package attr", exitCode.failed)
  // 123: some of the files have none, or are gone; all else means that some were not looked at
  if (status !== 0 && status !== 123)
    refuse("the server could not read what files were on their machine; ask for less at a time", exitCode.failed)
  const found = parseGetfattr(stdout.toString("latin1"))
  return (path) => found.get(path === "" ? "." : path) ?? none
}

/** The longest target that a link can have, and a byte more. */
const longestTarget = 4096

/** What a link points to: --fake-super keeps it as the content of a plain file. */
export const targetOf = (path: string): string => {
  try {
    const file = openSync(raw(path), constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const bytes = Buffer.alloc(longestTarget)
      return bytes.subarray(0, readSync(file, bytes)).toString("latin1")
    } finally {
      closeSync(file)
    }
  } catch {
    return ""
  }
}
