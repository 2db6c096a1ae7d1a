// Measures snapshots whose client did not wait for that, and judges by the count of files what was deleted.
import { Effect } from "effect"
import { anomaly, massChange } from "../domain/prune/admission.ts"
import { hostRecord } from "../domain/prune/record.ts"
import { Journal } from "../services/Journal.ts"
import { Store } from "../services/Store.ts"
import { holdBefore, serverTime } from "./TakeSnapshot.ts"

/**
 * Counts the newest snapshot of each host, where that was not done when it was taken, and compares it with the last one that was
 * counted: where more than half is gone it is marked suspect, and the one before it held. What cannot be read is left for another time.
 */
export const countFiles = Effect.fn("countFiles")(function* () {
  const store = yield* Store
  for (const host of yield* store.hosts) {
    yield* countNewest(host).pipe(
      Effect.catchTag("BtrfsError", (error) =>
        Effect.logWarning(`the files of ${host} were not counted: ${error.message}`)
      )
    )
  }
})

const countNewest = Effect.fnUntraced(function* (host: string) {
  const store = yield* Store
  const journal = yield* Journal
  const { taken } = hostRecord((yield* journal.read(host)).entries)
  const names = (yield* store.snapshots(host)).filter(({ sealed }) => sealed).map(({ name }) => name)
  const newest = names.findLast((name) => taken.has(name))
  if (newest === undefined || taken.get(newest)?.files !== undefined) return
  const files = yield* store.files(host, newest)
  const previous = names.slice(0, names.indexOf(newest)).findLast((name) => taken.get(name)?.files !== undefined)
  const written = previous === undefined ? null : yield* store.growth(host, newest, previous)
  const before = previous === undefined ? undefined : taken.get(previous)?.files
  const bytes =
    taken.get(newest)?.bytes ?? (yield* store.growth(host, newest, names[names.indexOf(newest) - 1] ?? null)).bytes
  const looks =
    before === undefined || written === null
      ? undefined
      : anomaly({
          ...massChange(before, written.rewritten, Math.max(0, before + written.created - files)),
          growth: 0,
          past: []
        })
  if (looks !== undefined && previous !== undefined) yield* holdBefore(host, previous, looks)
  const at = yield* serverTime
  yield* journal.append(host, {
    _tag: "counted",
    at,
    name: newest,
    files,
    bytes,
    ...(looks === undefined ? {} : { anomaly: looks })
  })
})
