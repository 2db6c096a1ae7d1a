// Answers a client whose push has ended: takes the snapshot, records it, leaves a token.
import { Effect, Schema } from "effect"
import type { Claim, SnapshotInfo } from "../domain/Conversation.ts"
import type { ExitName } from "../domain/exitCode.ts"
import type { PushRecord } from "../domain/pushRecord.ts"
import { Registry } from "../services/Registry.ts"
import { Runs } from "../services/Runs.ts"
import { recordTaken } from "./recordTaken.ts"
import { snapshotNow, snapshotOfRun } from "./TakeSnapshot.ts"

/** No push has come to a good end since the last snapshot, so there is nothing to complete. */
export class NoFinishedPush extends Schema.TaggedError<NoFinishedPush>()("NoFinishedPush", {
  host: Schema.String,
  reason: Schema.Literals(["none", "broken-off", "failed"]),
  /** exit code of the server's rsync, where it is known */
  code: Schema.NullOr(Schema.Int)
}) {
  get exit(): ExitName {
    return "refused"
  }
  override get message() {
    const why = {
      none: "nothing was pushed since its last snapshot, or the server was started anew meanwhile",
      "broken-off": "its push was broken off",
      failed: `its push failed (rsync ended with ${this.code})`
    }[this.reason]
    return `no snapshot of ${this.host} was taken: ${why}; older snapshots are untouched; run the backup again`
  }
}

/** The snapshot was taken and looks wrong. Nothing was lost: the one before it is held. For clients that cannot be told otherwise. */
export class SuspectSnapshot extends Schema.TaggedError<SuspectSnapshot>()("SuspectSnapshot", {
  host: Schema.String,
  anomaly: Schema.String
}) {
  get exit(): ExitName {
    return "anomaly"
  }
  override get message() {
    return `the snapshot of ${this.host} was taken and looks wrong: ${this.anomaly}; the one before it is held for 30 days, and an administrator should look`
  }
}

export interface CompleteRunOptions {
  readonly host: string
  /** the exit code of the client's rsync */
  readonly transfer: 0 | 23 | 24
  /** how many files the client could not read, where it counted */
  readonly unreadable?: number | undefined
  /** what the client says its push did */
  readonly claim?: Claim | undefined
  /** what the client calls the run: it has one snapshot, however often it asks */
  readonly run?: string | undefined
}

/** `anomaly`: why the snapshot looks wrong, where it does. `due`: when the next snapshot may be taken, epoch seconds. `token`: what the client may remember this run by, null where it has been told of the snapshot before. */
export interface CompleteRunResult {
  readonly snapshot: SnapshotInfo
  readonly anomaly: string | null
  readonly due: number | null
  readonly token: string | null
}

/** Ends of the server's rsync after which `current` is what the client sent: all, all but some (23), all that was still there (24). */
const good: ReadonlyArray<number> = [0, 23, 24]

const finished = (host: string, push: PushRecord | null) => {
  if (push === null) return Effect.fail(new NoFinishedPush({ host, reason: "none", code: null }))
  if (push._tag === "Running") return Effect.fail(new NoFinishedPush({ host, reason: "broken-off", code: null }))
  return good.includes(push.code)
    ? Effect.succeed(push)
    : Effect.fail(new NoFinishedPush({ host, reason: "failed", code: push.code }))
}

/**
 * Takes the snapshot that a run ends with, or names the one that it has, whose answer was lost on its way. Fails with `Locked` while a push or another complete is under way, with
 * `SnapshotTooSoon` when it is not due; then the push still counts as finished, and a later complete may use it.
 */
export const completeRun = Effect.fn("completeRun")(function* (options: CompleteRunOptions) {
  const { claim, host, run, transfer, unreadable } = options
  const registry = yield* Registry
  const runs = yield* Runs
  yield* registry.get(host)
  yield* runs.lock(host)
  yield* recordTaken(host)
  const given = run === undefined ? null : yield* snapshotOfRun(host, run)
  if (given !== null) return { ...given, token: null }
  const received = yield* finished(host, yield* runs.lastPush(host))
  const partial = transfer === 23 || received.code === 23
  const ending = Effect.gen(function* () {
    const taken = yield* snapshotNow(host, {
      force: false,
      // A client can only speak of its own push.
      claim: received.sole ? claim : undefined,
      about: () => ({
        by: "host",
        state: partial ? "incomplete" : "complete",
        transfer: partial ? 23 : transfer,
        ...(unreadable === undefined ? {} : { unreadable }),
        ...(run === undefined ? {} : { run })
      })
    })
    const token = yield* runs.newToken(host)
    yield* runs.forget(host)
    const result: CompleteRunResult = { ...taken, token }
    return result
  })
  // A client that hangs up now has its snapshot all the same.
  return yield* Effect.uninterruptible(ending)
}, Effect.scoped)
