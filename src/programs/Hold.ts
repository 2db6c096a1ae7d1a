// Keeps a snapshot from automatic pruning, or lets it go again.
import { Effect, Schema } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { isHostName } from "../domain/hostName.ts"
import { snapshotTime } from "../domain/snapshotName.ts"
import { Journal } from "../services/Journal.ts"
import { Layout } from "../services/Layout.ts"
import { Lock } from "../services/Lock.ts"
import { InvalidHostName } from "../services/Registry.ts"
import { Store } from "../services/Store.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { serverTime } from "./serverTime.ts"

/** The host has no such snapshot. Nothing was changed. */
export class UnknownSnapshot extends Schema.TaggedError<UnknownSnapshot>()("UnknownSnapshot", {
  host: Schema.String,
  name: Schema.String
}) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    return `${this.host} has no snapshot ${this.name}; byteback prune --list names them; nothing was changed`
  }
}

export interface HoldOptions {
  readonly host: string
  readonly snapshot: string
  /** epoch seconds; null: until it is released */
  readonly until?: number | null
}

/** That there is such a snapshot, for as long as the scope is open: a prune that is deleting it keeps us out (`Locked`), and we it. */
const existing = Effect.fnUntraced(function* (host: string, name: string) {
  if (!isHostName(host)) return yield* new InvalidHostName({ name: host })
  if (snapshotTime(name) === undefined) return yield* new UnknownSnapshot({ host, name })
  const files = yield* SystemFile
  const { run } = yield* Layout
  const reading = `${run}/${host}/reading`
  for (const directory of [run, `${run}/${host}`, reading]) yield* files.directory(directory, 0o700)
  yield* (yield* Lock).share(`${reading}/${name}`, `the deletion of ${host}/${name}`)
  const found = (yield* (yield* Store).snapshots(host)).find((one) => one.name === name && !one.foreign)
  return found ?? (yield* new UnknownSnapshot({ host, name }))
})

/** Nothing prunes the snapshot from now on. */
export const hold = Effect.fn("hold")(function* ({ host, snapshot, until = null }: HoldOptions) {
  yield* existing(host, snapshot)
  const at = yield* serverTime
  yield* (yield* Journal).append(host, { _tag: "held", at, name: snapshot, until, why: "by an administrator" })
}, Effect.scoped)

/** Somebody has looked at it: the snapshot is neither held nor suspect any more. One that was not sealed, as of the 0.4 series, is now. */
export const release = Effect.fn("release")(function* ({ host, snapshot }: Pick<HoldOptions, "host" | "snapshot">) {
  const { sealed } = yield* existing(host, snapshot)
  if (!sealed) yield* (yield* Store).seal(host, snapshot)
  yield* (yield* Journal).append(host, { _tag: "released", at: yield* serverTime, name: snapshot })
}, Effect.scoped)
