// The two ways to say which snapshot is meant: by a word, or by a time in the zone of whoever asks.
import { Clock, Effect, Option, Schema } from "effect"
import { Flag } from "effect/cli"
import type { ExitName } from "../domain/exitCode.ts"
import { textOfBytes, toUint8Array } from "../domain/byteString.ts"
import { restoreTime } from "../domain/restoreTime.ts"
import { snapshotPath } from "./pathArgument.ts"

export const snapshotFlag = Flag.String("snapshot").pipe(
  Flag.withAlias("s"),
  Flag.optional,
  Flag.withDescription(
    "the snapshot to take: a name that byteback snapshots lists, latest (the newest that is not suspect; the default) or current"
  )
)

export const atFlag = Flag.String("at").pipe(
  Flag.optional,
  Flag.withDescription(
    "the newest snapshot not after a time: 'yesterday noon', 'last monday 18:00', '2 weeks ago', 2026-11-01 (its end)"
  )
)

/** Options that exclude each other, or a question that nobody is there to answer. Nothing was written. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { message: Schema.String }) {
  get exit(): ExitName {
    return "usage"
  }
}

/** The zone of whoever runs this: seconds to add to UTC. */
export const zone = (epochSeconds: number) => -60 * new Date(epochSeconds * 1000).getTimezoneOffset()

interface Choice {
  readonly snapshot: Option.Option<string>
  readonly at: Option.Option<string>
}

/** A snapshot's name or `latest`, or epoch seconds. */
export const chosenFrom = Effect.fnUntraced(function* ({ at, snapshot }: Choice) {
  if (Option.isSome(snapshot) && Option.isSome(at)) {
    return yield* new UsageError({ message: "--snapshot and --at both choose a snapshot; give one of them" })
  }
  if (Option.isNone(at)) return Option.getOrElse(snapshot, () => "latest")
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  return yield* Effect.fromResult(restoreTime(at.value, now, zone))
})

/** [SNAPSHOT:]PATH, any number of them but all of one snapshot: absolute paths, and the snapshot to take them from. */
export const chosenPaths = Effect.fnUntraced(function* (
  given: Choice & { readonly paths: ReadonlyArray<string>; readonly host: Option.Option<string> }
) {
  const parsed = yield* Effect.forEach(given.paths, (word) => snapshotPath(word, given.host))
  const paths = parsed.map(({ path }) => textOfBytes(`/${path}`) ?? toUint8Array(`/${path}`))
  const [named, ...others] = new Set(parsed.map(({ snapshot }) => snapshot))
  if (others.length > 0)
    return yield* new UsageError({ message: "the paths are of several snapshots; take one at a time" })
  if (named === undefined) return { paths, from: yield* chosenFrom(given) }
  if (Option.isNone(given.snapshot) && Option.isNone(given.at)) return { paths, from: named as string }
  return yield* new UsageError({ message: "--snapshot or --at and a path that names a snapshot; give one of them" })
})
