// How much of a snapshot is new, how many files it holds, and whether that looks wrong.
import { type Duration, Effect, Option } from "effect"
import { type Approval, anomaly, HOLD, massChange } from "../domain/prune/admission.ts"
import { hostRecord } from "../domain/prune/record.ts"
import { BtrfsError } from "../services/Btrfs.ts"
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
  /** how many files its client says that it deleted: believed where they are not counted in time */
  readonly deleted?: number | undefined
}

const containDefects = <A, E, R>(measure: Effect.Effect<A, E, R>, { host, name }: MeasureOptions) =>
  Effect.catchDefect(measure, (defect) =>
    Effect.fail(
      new BtrfsError({
        reason: "unknown",
        action: "measure",
        path: `${host}/${name}`,
        exitCode: 0,
        stderr: defect instanceof Error ? defect.message : String(defect),
        argumentCount: 0
      })
    )
  )

/**
 * `bytes` and `metadata` new in it, `files` in it as far as they could be counted in time, `looks`: why it looks wrong, or null. What lies
 * in it is a host's: whatever goes wrong with that is this one snapshot's failure.
 */
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
  const files = Option.isSome(changed)
    ? (before ?? 0) + changed.value.added - changed.value.removed
    : patience === undefined
      ? yield* store.files(host, name)
      : undefined
  const removed = Option.isSome(changed)
    ? changed.value.removed
    : files === undefined
      ? (options.deleted ?? 0)
      : // As many at least: new ones without data are not among the created.
        Math.max(0, (before ?? 0) + growth.created - files)
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
}, containDefects)

/** Holds the snapshot before one that looks wrong. A hold that lasts longer, as an administrator's, stays as it is. */
export const holdBefore = Effect.fn("holdBefore")(function* (host: string, name: string, looks: string) {
  const journal = yield* Journal
  const at = yield* serverTime
  const until = at + HOLD
  const { holds } = hostRecord((yield* journal.read(host)).entries)
  if ((holds.get(name)?.until ?? 0) >= until) return
  yield* journal.append(host, { _tag: "held", at, name, until, why: `the one after it looks wrong: ${looks}` })
})
