// The restore points of this machine, as the server tells of them.
import { Effect } from "effect"
import { openSession, type SessionOptions } from "./connectToServer.ts"

/** Asks the server for this host's snapshots, oldest first. */
export const snapshots = Effect.fn("snapshots")(function* (options: SessionOptions) {
  const { session } = yield* openSession(options)
  const answer = yield* session.snapshots
  return answer.snapshots
}, Effect.scoped)
