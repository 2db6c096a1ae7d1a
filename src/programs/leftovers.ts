// What interrupted work has left in the store and nobody comes back for: found and given back.
import { Effect } from "effect"
import { type HostRecord, hostRecord } from "../domain/prune/record.ts"
import { lastSealed } from "../domain/snapshotList.ts"
import { AuthorizedKeys } from "../services/AuthorizedKeys.ts"
import { Journal } from "../services/Journal.ts"
import { Runs } from "../services/Runs.ts"
import { Store } from "../services/Store.ts"
import { deleteBackups } from "./deleteBackups.ts"
import { serverTime } from "./serverTime.ts"

/** A subvolume that was given back; `name` is `current` where that is a host's last snapshot again. */
export interface Leftover {
  readonly host: string
  readonly name: string
}

/**
 * Gives back what killed runs left under temporary names, and what a removal that was cut short was to delete. Where the store is
 * `short`, also what an unfinished run of a host without access has left in `current` (`pending` bytes): nobody will finish it. A host
 * that has no snapshot keeps it, as there is nothing else of it. Hosts that are busy are left for the next time.
 */
export const leftovers = Effect.fn("leftovers")(function* (
  hosts: ReadonlyArray<{ readonly host: string; readonly pending: number; readonly record: HostRecord }>,
  short: boolean
) {
  const runs = yield* Runs
  const found: Array<Leftover> = []
  for (const one of hosts) {
    const names = yield* runs.lock(one.host).pipe(
      Effect.andThen(ofHost(one.host, one.record.gone !== undefined, short ? one.pending : 0)),
      Effect.scoped,
      Effect.catchTags({
        Locked: () => Effect.succeed([]),
        BtrfsError: (error) => Effect.as(Effect.logWarning(error.message), [])
      })
    )
    for (const name of names) found.push({ host: one.host, name })
  }
  return found
})

/** Its host's lock is held. */
const ofHost = Effect.fnUntraced(function* (host: string, seemsGone: boolean, pending: number) {
  const store = yield* Store
  const swept = yield* store.sweep(host)
  if (!seemsGone) return swept
  // Both must say so, and now: a journal may have lost its end, and the host may have come back.
  const { entries } = yield* (yield* Journal).read(host)
  const { gone } = hostRecord(entries)
  const keys = yield* (yield* AuthorizedKeys).list
  if (keys.entries.some((entry) => entry._tag === "host" && entry.host === host)) return swept
  if (gone === "removing") return [...swept, ...(yield* deleteBackups(host)).deleted]
  if (gone !== "removed" || pending === 0) return swept
  const at = yield* serverTime
  const last = lastSealed(yield* store.snapshots(host), at)
  if (last === undefined) return swept
  const runs = yield* Runs
  // What the host remembers of its last run, and the run's own end, no longer tell what `current` holds.
  yield* runs.newToken(host)
  yield* runs.forget(host)
  yield* store.reset(host, last.name)
  yield* (yield* Journal).append(host, { _tag: "reset", at, name: last.name, bytes: Math.round(pending) })
  return [...swept, "current"]
})
