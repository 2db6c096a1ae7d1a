// What interrupted work has left in the store and nobody comes back for: found and given back.
import { Effect } from "effect"
import type { GivenBack } from "../domain/prune/plan.ts"
import { type HostRecord, hostRecord, onDisk } from "../domain/prune/record.ts"
import { lastSealed, type ListedSnapshot } from "../domain/snapshotList.ts"
import { AuthorizedKeys } from "../services/AuthorizedKeys.ts"
import { Journal } from "../services/Journal.ts"
import { Runs } from "../services/Runs.ts"
import { Store } from "../services/Store.ts"
import { deleteBackups } from "./deleteBackups.ts"
import { serverTime } from "./serverTime.ts"

/** A subvolume that was given back; `name` is `current` where that is a host's last snapshot again. */
export type Leftover = GivenBack

/** What is to be given back of a host. `bytes`: about how many its temporary subvolumes free. */
export interface HostLeftovers {
  readonly host: string
  readonly names: ReadonlyArray<string>
  readonly bytes: number
  /** `removal`: all that it has goes; `reset`: what is in its `current` and in no snapshot */
  readonly also: "removal" | "reset" | undefined
}

interface Host {
  readonly host: string
  readonly pending: number
  readonly record: HostRecord
  /** its last sealed snapshot */
  readonly last: string | null
  readonly snapshots: ReadonlyArray<ListedSnapshot>
}

/**
 * Gives back what killed runs left under temporary names, and what a removal that was cut short was to delete. Where the store is
 * `short`, also what an unfinished run of a host without access has left in `current` (`pending` bytes): nobody will finish it. A host
 * that has no snapshot keeps it, as there is nothing else of it. Hosts that are busy are left for the next time.
 */
export const leftovers = Effect.fn("leftovers")(function* (hosts: ReadonlyArray<Host>, short: boolean) {
  const runs = yield* Runs
  const found: Array<Leftover> = []
  for (const one of hosts) {
    const names = yield* runs.lock(one.host).pipe(
      Effect.andThen(giveBack(one, short)),
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

/** What `leftovers` would give back. Changes nothing, and keeps no host busy that has none. */
export const foreseenLeftovers = Effect.fn("foreseenLeftovers")(function* (hosts: ReadonlyArray<Host>, short: boolean) {
  const runs = yield* Runs
  const found: Array<HostLeftovers> = []
  for (const one of hosts) {
    const its = yield* look(one, short).pipe(
      Effect.tap(({ names }) =>
        // What a run is making has such a name too: then its host is busy.
        names.length === 0 ? Effect.void : runs.lock(one.host)
      ),
      Effect.scoped,
      Effect.catchTags({
        Locked: () => Effect.succeed(null),
        BtrfsError: (error) => Effect.as(Effect.logWarning(error.message), null)
      })
    )
    if (its !== null && its.names.length > 0) found.push(its)
  }
  return found
})

const look = Effect.fnUntraced(function* (one: Host, short: boolean) {
  const store = yield* Store
  const { host, last, snapshots } = one
  const temporary = yield* store.temporary(host, last)
  const also = yield* rest(one, last, short)
  const ours = snapshots.filter(({ state }) => state !== "foreign").map(({ name }) => name)
  const names = [
    ...temporary.map(({ name }) => name),
    ...(also === "removal" ? ours : []),
    ...(also === undefined ? [] : ["current"])
  ]
  const bytes = temporary.reduce((sum, written) => sum + onDisk(written), 0)
  const found: HostLeftovers = { host, names, bytes, also }
  return found
})

/** What is to be given back of a host that has no access any more. */
const rest = Effect.fnUntraced(function* ({ host, pending, record }: Host, last: string | null, short: boolean) {
  if (record.gone === undefined) return undefined
  // Both must say so, and now: a journal may have lost its end, and the host may have come back.
  const { entries } = yield* (yield* Journal).read(host)
  const { gone } = hostRecord(entries)
  const keys = yield* (yield* AuthorizedKeys).list
  if (keys.entries.some((entry) => entry._tag === "host" && entry.host === host)) return undefined
  const also: HostLeftovers["also"] =
    gone === "removing" ? "removal" : gone === "removed" && short && pending > 0 && last !== null ? "reset" : undefined
  return also
})

/** Its host's lock is held. */
const giveBack = Effect.fnUntraced(function* (one: Host, short: boolean) {
  const { host, pending } = one
  const store = yield* Store
  const swept = yield* store.sweep(host)
  const at = yield* serverTime
  const last = one.record.gone === undefined ? undefined : lastSealed(yield* store.snapshots(host), at)
  const also = yield* rest(one, last?.name ?? null, short)
  if (also === "removal") return [...swept, ...(yield* deleteBackups(host)).deleted]
  if (also !== "reset" || last === undefined) return swept
  const runs = yield* Runs
  // What the host remembers of its last run, and the run's own end, no longer tell what `current` holds.
  yield* runs.newToken(host)
  yield* runs.forget(host)
  yield* store.reset(host, last.name)
  yield* (yield* Journal).append(host, { _tag: "reset", at, name: last.name, bytes: Math.round(pending) })
  return [...swept, "current"]
})
