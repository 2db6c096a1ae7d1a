// An administrator's leave for a host's larger backups.
import { Effect } from "effect"
import { Journal } from "../services/Journal.ts"
import { Registry } from "../services/Registry.ts"
import { tellApproved } from "./defended.ts"
import { serverTime } from "./serverTime.ts"

export interface ApproveOptions {
  readonly host: string
  /** up to so many bytes a backup; any size where absent */
  readonly bytes?: number
  /** for so many runs; 1 unless given */
  readonly runs?: number
}

/** Lets a host's next runs be as large as said: room is made for them, and their growth is no anomaly. */
export const approve = Effect.fn("approve")(function* ({ bytes, host, runs = 1 }: ApproveOptions) {
  yield* (yield* Registry).get(host)
  const at = yield* serverTime
  yield* (yield* Journal).append(host, { _tag: "approved", at, bytes: bytes ?? null, runs })
  // Of any size: as much again as has arrived, which the next prune sees.
  yield* tellApproved(host, bytes ?? 0)
})
