// Which snapshots somebody may have meant who named one that is not there.
import { snapshotTime } from "./snapshotName.ts"

/** At most three of `names`, those nearest in time first; the newest where `wanted` tells no time. Names without one do not count. */
export const nearestSnapshots = (names: ReadonlyArray<string>, wanted: string): ReadonlyArray<string> => {
  const dated = names.flatMap((name) => {
    const at = snapshotTime(name)
    return at === undefined ? [] : [{ name, at }]
  })
  const time = snapshotTime(wanted) ?? Infinity
  const far = (at: number): number => (time === Infinity ? -at : Math.abs(at - time))
  return dated
    .toSorted((a, b) => far(a.at) - far(b.at))
    .slice(0, 3)
    .map(({ name }) => name)
}
