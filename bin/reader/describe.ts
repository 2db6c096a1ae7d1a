// What is told of a file in a long listing, as it was on its host.
import { isUtf8 } from "node:buffer"
import type { Stats } from "node:fs"
import { escapeName } from "../../src/domain/escape.ts"
import { natureOf } from "../../src/domain/storedStat.ts"
import { look, statXattr, targetOf, xattrsOf } from "./look.ts"
import { pathFields, type Rows } from "./output.ts"

/** A file whose xattr is garbage is told as of type `?`, without what only that would say. */
export const details = (path: string, found: Stats, xattr: string | undefined) => {
  const nature = natureOf(found, xattr)
  const times = { mtime: found.mtimeMs / 1000, links: found.nlink }
  if (nature === null) return { type: "?", size: found.size, ...times }
  const { device, gid, mode, type, uid } = nature
  const known = { type, size: type === "f" || type === "l" ? found.size : 0, ...times, mode, uid, gid }
  if (type === "c" || type === "b") return { ...known, device }
  return type === "l" ? { ...known, target: printable(targetOf(path)) } : known
}

const printable = (bytes: string): string => {
  const target = Buffer.from(bytes, "latin1")
  return isUtf8(target) ? target.toString() : escapeName(target)
}

/** How many files are looked at with one call of getfattr. */
const together = 1000

interface Waiting {
  readonly path: string
  readonly told: string
  readonly found: Stats
  readonly more: object
}

/** Rows with details, for which files are gathered so that few calls read all their xattrs. */
export class Described {
  readonly #rows: Rows
  #waiting: Array<Waiting> = []

  constructor(rows: Rows) {
    this.#rows = rows
  }

  /** `path` is where it lies, `told` what the row calls it; `more` goes into the row too. */
  add(path: string, told: string, more: object = {}): void {
    const found = look(path)
    if (found !== null) this.#waiting.push({ path, told, found, more })
    if (this.#waiting.length >= Math.min(together, this.#rows.left + 1)) this.flush()
  }

  flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    const xattrs = xattrsOf(
      waiting.map(({ path }) => path),
      "stat"
    )
    for (const { found, more, path, told } of waiting) {
      const stat = xattrs(path).get(statXattr)
      this.#rows.add({ _tag: "entry", ...pathFields(told), ...details(path, found, stat), ...more })
    }
  }
}
