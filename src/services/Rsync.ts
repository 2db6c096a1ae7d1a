// rsync's client side: pushes a backup, pulls a restore, and says what the local rsync can do.
import { Context, Effect, Schema } from "effect"
import { findRefusal } from "../domain/refusalLine.ts"
import { type RsyncReason, rsyncReasons, type TransferOutcome } from "../domain/rsync/exitMeaning.ts"
import type { Progress } from "../domain/rsync/progress.ts"
import type { PullPlan } from "../domain/rsync/pullArgv.ts"
import type { PushPlan } from "../domain/rsync/pushArgv.ts"
import type { TransferStats } from "../domain/rsync/stats.ts"

/** rsync ended without a transfer that counts. What had arrived stays on the server, and is not sent again. */
export class RsyncError extends Schema.TaggedError<RsyncError>()("RsyncError", {
  reason: Schema.Literals(rsyncReasons),
  /** may the same go better in a while? */
  retryable: Schema.Boolean,
  exitCode: Schema.NullOr(Schema.Int),
  argumentCount: Schema.Int,
  stderr: Schema.String
}) {
  override get message() {
    return findRefusal(this.stderr)?.message ?? this.reason
  }
}

export interface RsyncAbilities {
  readonly version: string
  readonly acls: boolean
  readonly xattrs: boolean
}

/** A transfer that counts. */
export interface Transfer {
  readonly outcome: TransferOutcome
  readonly exitCode: 0 | 23 | 24
  readonly stats: TransferStats
  /** how many files could not be read or written, and what rsync said of the first of them */
  readonly unreadable: number
  readonly problems: ReadonlyArray<string>
}

export interface Observer {
  /** called as rsync tells of its progress, several times a second */
  readonly progress?: (progress: Progress) => Effect.Effect<void>
  /** called with each itemized change, where the plan asks for them: `>f+++++++++ name`, as rsync escapes it */
  readonly change?: (line: string) => Effect.Effect<void>
}

export class Rsync extends Context.Service<
  Rsync,
  {
    /** Version and abilities of the local rsync. */
    readonly version: Effect.Effect<RsyncAbilities, RsyncError>
    /** Brings the server's `current` up to date. Interruption ends rsync and its ssh. */
    readonly push: (plan: PushPlan, observer?: Observer) => Effect.Effect<Transfer, RsyncError>
    /** Fetches paths of a snapshot. A path that is not there fails with `not-found`, after what was there has come. */
    readonly pull: (plan: PullPlan, observer?: Observer) => Effect.Effect<Transfer, RsyncError>
  }
>()("byteback/services/Rsync") {}

export type { RsyncReason }
