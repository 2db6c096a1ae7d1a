// The restore points of this machine, as the server tells of them.
import { Effect } from "effect"
import type { RawSettings } from "../domain/clientSettings.ts"
import { connectToServer } from "./connectToServer.ts"

export interface SnapshotsOptions {
  readonly settings: RawSettings
}

/** Asks the server for this host's snapshots, oldest first. */
export const snapshots = Effect.fn("snapshots")(function* (options: SnapshotsOptions) {
  const { session } = yield* connectToServer(options.settings)
  yield* session.hello
  const answer = yield* session.snapshots
  return answer.snapshots
}, Effect.scoped)
