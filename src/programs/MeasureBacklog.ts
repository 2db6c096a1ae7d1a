// Measures snapshots whose client did not wait for that, and judges by what was found.
import { Effect } from "effect"
import { PAST } from "../domain/prune/admission.ts"
import { hostRecord, sizesBefore, unmeasured } from "../domain/prune/record.ts"
import { Journal } from "../services/Journal.ts"
import { Runs } from "../services/Runs.ts"
import { Store } from "../services/Store.ts"
import { holdBefore, measureSnapshot } from "./measureSnapshot.ts"
import { recordTaken } from "./recordTaken.ts"
import { serverTime } from "./serverTime.ts"

/**
 * Measures each snapshot that was not when it was taken, oldest first, against the one before it. One that looks wrong is marked
 * suspect, and the one before it held. What cannot be read is left for another time.
 */
export const measureBacklog = Effect.fn("measureBacklog")(function* () {
  const store = yield* Store
  const runs = yield* Runs
  for (const host of yield* store.hosts) {
    if ((yield* runs.intended(host)) !== null) {
      const recorded = Effect.scoped(Effect.andThen(runs.lock(host), recordTaken(host)))
      // Whoever has the lock does the same, or has just done it.
      yield* Effect.catchTag(recorded, "Locked", () => Effect.void)
    }
    yield* measureHost(host).pipe(
      Effect.catchTag("BtrfsError", (error) =>
        Effect.logWarning(`what is new in the backups of ${host} was not measured: ${error.message}`)
      )
    )
  }
})

const measureHost = Effect.fnUntraced(function* (host: string) {
  const store = yield* Store
  const journal = yield* Journal
  const names = (yield* store.snapshots(host)).filter(({ sealed }) => sealed).map(({ name }) => name)
  const { entries } = yield* journal.read(host)
  for (const { name, previous } of unmeasured(hostRecord(entries), names)) {
    // Each one's measure is what the next is judged by.
    const { entries } = yield* journal.read(host)
    const record = hostRecord(entries)
    const measured = yield* measureSnapshot({
      host,
      name,
      previous,
      before: previous === null ? undefined : record.taken.get(previous)?.files,
      past: sizesBefore(record, name).slice(-PAST),
      approval: hostRecord(
        entries.slice(
          0,
          entries.findLastIndex((one) => one._tag === "snapshot" && one.name === name)
        )
      ).approval
    }).pipe(
      Effect.catchTag("BtrfsError", (error) =>
        Effect.as(Effect.logWarning(`what is new in ${name} of ${host} was not measured: ${error.message}`), null)
      )
    )
    if (measured === null) continue
    const { bytes, files, looks, metadata } = measured
    if (looks !== null && previous !== null) yield* holdBefore(host, previous, looks)
    yield* journal.append(host, {
      _tag: "counted",
      at: yield* serverTime,
      name,
      ...(files === undefined ? {} : { files }),
      bytes,
      metadata,
      ...(looks === null ? {} : { anomaly: looks })
    })
  }
})
