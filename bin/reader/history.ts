// history: each distinct version of one path over all snapshots. What was there before is told as that.
import type { Stats } from "node:fs"
import { type History, pathMissing } from "../../src/domain/request/reading.ts"
import { details } from "./describe.ts"
import { join, look, snapshotNames, statXattr, xattrsOf } from "./look.ts"
import { refuse, Rows } from "./output.ts"
import { patience, sameContent } from "./sameContent.ts"

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
