// How much of a snapshot is new, how many files it holds, and whether that looks wrong.
import { type Duration, Effect, Option } from "effect"
import { type Approval, anomaly, HOLD, massChange } from "../domain/prune/admission.ts"
import { hostRecord } from "../domain/prune/record.ts"
import { Journal } from "../services/Journal.ts"
import { Store } from "../services/Store.ts"
import { serverTime } from "./serverTime.ts"

export interface MeasureOptions {
  readonly host: string
  readonly name: string
  /** the snapshot before it; null: there is none */
  readonly previous: string | null
  /** how many files that one holds, where it is known */
  readonly before: number | undefined
  /** bytes new in each backup before this one, without the host's first */
  readonly past: ReadonlyArray<number>
  readonly approval: Approval | undefined
  /** names that came and went are counted for so long at most, and the files are then not known; absent: until they are known */
  readonly patience?: Duration.Input
}

/** `bytes` and `metadata` new in it, `files` in it as far as they could be counted in time, `looks`: why it looks wrong, or null. */
export const measureSnapshot = Effect.fn("measureSnapshot")(function* (options: MeasureOptions) {
  const { approval, before, host, name, past, patience, previous } = options
  const store = yield* Store
  const names =
    previous === null || before === undefined
      ? Effect.succeedNone
      : patience === undefined
        ? Effect.asSome(store.names(host, name, previous))
        : Effect.interruptible(store.names(host, name, previous)).pipe(Effect.timeoutOption(patience))
  const [growth, changed] = yield* Effect.all(
    [store.growth(host, name, previous), Effect.orElseSucceed(names, Option.none)],
    {
      concurrency: 2
    }
  )
  const { added, removed } = Option.getOrElse(changed, () => ({ added: 0, removed: 0 }))
  const files = Option.isSome(changed)
    ? (before ?? 0) + added - removed
    : patience === undefined
      ? yield* store.files(host, name)
      : undefined
  const looks =
    previous === null
      ? undefined
      : anomaly({
          ...massChange(before, growth.rewritten, removed),
          growth: growth.bytes,
          past,
          ...(approval === undefined ? {} : { approval })
        })
  return { bytes: growth.bytes, metadata: growth.metadata, files, looks: looks ?? null }
})

/** Holds the snapshot before one that looks wrong. A hold that lasts longer, as an administrator's, stays as it is. */
export const holdBefore = Effect.fn("holdBefore")(function* (host: string, name: string, looks: string) {
  const journal = yield* Journal
  const at = yield* serverTime
  const until = at + HOLD
  const { holds } = hostRecord((yield* journal.read(host)).entries)
  if ((holds.get(name)?.until ?? 0) >= until) return
  yield* journal.append(host, { _tag: "held", at, name, until, why: `the one after it looks wrong: ${looks}` })
})
