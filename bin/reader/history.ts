// history: each distinct version of one path over all snapshots. What was there before is told as that.
import { closeSync, constants, openSync, readSync, type Stats } from "node:fs"
import { type History, pathMissing } from "../../src/domain/request/reading.ts"
import { details } from "./describe.ts"
import { join, look, raw, snapshotNames, statXattr, xattrsOf } from "./look.ts"
import { refuse, Rows } from "./output.ts"
import { noteUnread } from "./unread.ts"

/** Snapshots that follow each other and have the same there; `found` is null where they have nothing. */
interface Stretch {
  readonly first: string
  readonly found: Stats | null
  last: string
  snapshots: number
}

/** Snapshots of one subvolume share inode numbers, and whatever changes a file changes its ctime: what agrees in both is the same. */
const same = (a: Stats | null, b: Stats | null): boolean =>
  a === null || b === null
    ? a === b
    : a.ino === b.ino && a.ctimeMs === b.ctimeMs && a.mtimeMs === b.mtimeMs && a.size === b.size && a.mode === b.mode

/** How long contents are compared; what is not known to be the same is told as another version. Milliseconds. */
const patience = 120_000

const open = (path: string): number => openSync(raw(path), constants.O_RDONLY | constants.O_NOFOLLOW)

/** Whether two files of the same size hold the same, as far as there is time to read them. */
const sameContent = (a: string, b: string, until: number): boolean => {
  const files: Array<number> = []
  try {
    for (const path of [a, b]) files.push(open(path))
    const pieces = [Buffer.alloc(1024 * 1024), Buffer.alloc(1024 * 1024)] as const
    while (performance.now() < until) {
      const [one = 0, other = 0] = files.map((file, at) => readSync(file, pieces[at as 0 | 1]))
      if (one !== other || !pieces[0].subarray(0, one).equals(pieces[1].subarray(0, other))) return false
      if (one === 0) return true
    }
  } catch (cause) {
    noteUnread(a, cause)
  } finally {
    for (const file of files) closeSync(file)
  }
  return false
}

/** One of the rows that are told. `nature`: all that is known of the file but its links and its content. */
interface Told {
  readonly row: object
  readonly nature: string
  readonly stretch: Stretch
}

export const history = ({ path }: History): void => {
  const stretches: Array<Stretch> = []
  for (const snapshot of snapshotNames()) {
    const found = look(join(snapshot, path))
    const before = stretches.at(-1)
    if (before === undefined ? found === null : same(before.found, found)) {
      if (before !== undefined) {
        before.last = snapshot
        before.snapshots += 1
      }
    } else stretches.push({ first: snapshot, last: snapshot, snapshots: 1, found })
  }
  if (stretches.length === 0) refuse("there is nothing at that path in any snapshot", pathMissing)
  const at = ({ first }: Stretch): string => join(first, path)
  const xattrs = xattrsOf(stretches.filter(({ found }) => found !== null).map(at), "all")
  const until = performance.now() + patience
  const told: Array<Told> = []
  for (const stretch of stretches) {
    const { found } = stretch
    if (found === null) {
      told.push({ row: {}, nature: "", stretch })
      continue
    }
    const row = details(at(stretch), found, xattrs(at(stretch)).get(statXattr))
    const nature = JSON.stringify([{ ...row, links: 0 }, [...xattrs(at(stretch))].toSorted()])
    const twin = told.findLast(
      (one) =>
        one.nature === nature &&
        ((row.type !== "f" && row.type !== "?") || sameContent(at(one.stretch), at(stretch), until))
    )
    if (twin !== undefined && twin === told.at(-1)) {
      twin.stretch.last = stretch.last
      twin.stretch.snapshots += stretch.snapshots
    } else told.push({ row: twin === undefined ? row : { ...row, as: twin.stretch.first }, nature, stretch })
  }
  const rows = new Rows(told.length)
  for (const { row, stretch } of told) {
    const { found, ...span } = stretch
    rows.add({ _tag: found === null ? "absent" : "version", ...span, ...row })
  }
  rows.end()
}
