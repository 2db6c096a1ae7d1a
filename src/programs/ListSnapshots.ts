// The restore points of a host, as the server knows them.
import { Effect } from "effect"
import { type ListedSnapshot, joinSnapshots } from "../domain/snapshotList.ts"
import { Registry } from "../services/Registry.ts"
import { serverTime } from "./serverTime.ts"
import { snapshotStanding } from "./TakeSnapshot.ts"

export interface ListSnapshotsOptions {
  readonly host: string
}

/** Oldest first. `damaged`: numbers of lines in the host's journal that cannot be read. */
export interface ListSnapshotsResult {
  readonly snapshots: ReadonlyArray<ListedSnapshot>
  readonly damaged: ReadonlyArray<number>
}

export const listSnapshots = Effect.fn("listSnapshots")(function* ({ host }: ListSnapshotsOptions) {
  yield* (yield* Registry).get(host)
  const { damaged, entries, stored } = yield* snapshotStanding(host)
  const result: ListSnapshotsResult = { snapshots: joinSnapshots(stored, entries, yield* serverTime, damaged), damaged }
  return result
})
