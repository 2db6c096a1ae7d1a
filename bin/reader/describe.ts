// What is told of a file in a long listing, as it was on its host.
import { isUtf8 } from "node:buffer"
import type { Stats } from "node:fs"
import { escapeName } from "../../src/domain/escape.ts"
import type { FileType } from "../../src/domain/request/reading.ts"
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
  readonly found: Stats
}

/** Rows for which xattrs are read: files are gathered so that few calls read those of many. */
export class Described {
  readonly #rows: Rows
  readonly #type: FileType | undefined
  #waiting: Array<Waiting> = []

  /** Rows are only of one `type`, where that is given. */
  constructor(rows: Rows, type?: FileType) {
    this.#rows = rows
    this.#type = type
  }

  /** `found` is what lies at `path`. */
  add(path: string, found: Stats | null = look(path)): void {
    if (found !== null) this.#waiting.push({ path, found })
    const enough = this.#type === undefined ? Math.min(together, this.#rows.left + 1) : together
    if (this.#waiting.length >= enough) this.flush()
  }

  flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    const xattrs = xattrsOf(
      waiting.map(({ path }) => path),
      "stat"
    )
    for (const { found, path } of waiting) {
      const known = details(path, found, xattrs(path).get(statXattr))
      if (this.#type === undefined || known.type === this.#type)
        this.#rows.add({ _tag: "entry", ...pathFields(path), ...known })
    }
  }
}
