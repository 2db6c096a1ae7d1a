// history: each distinct version of one path over all snapshots.
import type { Stats } from "node:fs"
import { type History, pathMissing } from "../../src/domain/request/reading.ts"
import { details } from "./describe.ts"
import { join, look, snapshotNames, statXattr, xattrsOf } from "./look.ts"
import { refuse, Rows } from "./output.ts"

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
  const xattrs = xattrsOf(stretches.filter(({ found }) => found !== null).map(at), "stat")
  const rows = new Rows(stretches.length)
  for (const stretch of stretches) {
    const { found, ...span } = stretch
    if (found === null) rows.add({ _tag: "absent", ...span })
    else rows.add({ _tag: "version", ...span, ...details(at(stretch), found, xattrs(at(stretch)).get(statXattr)) })
  }
  rows.end()
}
