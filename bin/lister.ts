// Lists paths of a host's snapshots for old clients. Runs in the sandbox, with the host's directory read-only at /data.
import { lstatSync, opendirSync, type Stats, writeSync } from "node:fs"
import { escapeName } from "../src/domain/escape.ts"
import { exitCode } from "../src/domain/exitCode.ts"
import { refusalLine } from "../src/domain/refusalLine.ts"
import { parse } from "../src/domain/request/parse.ts"
import { expandBraces, isPattern, namePattern } from "../src/domain/request/pathPattern.ts"
import type { List } from "../src/domain/request/request.ts"

/** Rows that are printed at most. */
const mostRows = 10_000

/** Paths below which names are looked up at once. */
const mostPaths = 10_000

const refuse = (message: string): never => {
  process.stderr.write(`${refusalLine({ code: exitCode.refused, message })}\n`)
  process.exit(exitCode.refused)
}

const look = (path: string): Stats | null => {
  try {
    return lstatSync(path)
  } catch {
    return null
  }
}

/** Names in a directory that `wanted` takes, sorted; none where it may not be read. */
const names = (directory: string, wanted: (name: string) => boolean, most: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  try {
    const opened = opendirSync(directory)
    for (let entry = opened.readSync(); entry !== null && found.length < most; entry = opened.readSync())
      if (wanted(entry.name)) found.push(entry.name)
    opened.closeSync()
  } catch {
    return found
  }
  return found.toSorted()
}

const isDirectory = (path: string): boolean => look(path)?.isDirectory() === true

/** What a pattern finds below a directory. No link is followed: a part is only entered where it is a directory itself. */
const expand = (root: string, pattern: string): ReadonlyArray<string> => {
  let found = [""]
  const parts = pattern.split("/").filter((part) => part !== "" && part !== ".")
  for (const part of parts) {
    const next: Array<string> = []
    for (const path of found) {
      const directory = `${root}/${path}`
      if (next.length >= mostPaths || !isDirectory(directory)) continue
      const matches = isPattern(part) ? names(directory, namePattern(part), mostPaths - next.length) : [part]
      for (const name of matches)
        if (look(`${directory}/${name}`) !== null) next.push(path === "" ? name : `${path}/${name}`)
    }
    found = next
  }
  return found
}

/** A hostile client may have set a time that no calendar holds. */
const timeOf = ({ mtimeMs }: Stats): string =>
  Math.abs(mtimeMs) < 8.64e15 ? `${new Date(mtimeMs).toISOString().slice(0, 19)}Z` : "-"

/** A directory stands for what is in it. */
const rowsOf = (root: string, path: string): ReadonlyArray<string> =>
  isDirectory(`${root}/${path}`)
    ? names(`${root}/${path}`, () => true, mostRows).map((name) => (path === "" ? name : `${path}/${name}`))
    : [path]

const snapshotsOf = (wanted: List["snapshot"]): ReadonlyArray<string> => {
  const all = names(".", (name) => !name.startsWith(".") && isDirectory(name), mostPaths)
  if (wanted === "*") return all
  // the helper has put a name in the place of `latest`, which only it can tell
  return all.includes(wanted) ? [wanted] : refuse("this host has no such snapshot")
}

const stdout = 1

const print = (line: string): void => {
  const bytes = Buffer.from(`${line}\n`)
  for (let at = 0; at < bytes.length;) at += writeSync(stdout, bytes, at)
}

const list = (request: List): void => {
  const patterns = request.paths.flatMap(
    (path) => expandBraces(path) ?? refuse("the braces in a path stand for too many names")
  )
  let rows = 0
  const seen = new Map<string, string>()
  for (const snapshot of snapshotsOf(request.snapshot)) {
    for (const pattern of patterns) {
      for (const path of expand(snapshot, pattern).flatMap((one) => rowsOf(snapshot, one))) {
        const found = look(`${snapshot}/${path}`)
        if (found === null) continue
        const kind = found.isDirectory() ? "d" : "-"
        const stamp = `${kind} ${String(kind === "d" ? "-" : found.size).padStart(14)}  ${timeOf(found).padEnd(20)}`
        // Without --all a file that did not change since the snapshot before is not told again.
        if (!request.all && seen.get(path) === stamp) continue
        seen.set(path, stamp)
        if (rows === mostRows) return print(`byteback: more than ${mostRows} rows; name fewer paths to see the others`)
        rows += 1
        print(`${escapeName(snapshot).padEnd(21)}  ${stamp}  /${escapeName(path)}`)
      }
    }
  }
}

const parsed = parse(process.argv[2] ?? "")
if (!parsed.ok || parsed.value._tag !== "List") refuse("not a listing")
else list(parsed.value)
