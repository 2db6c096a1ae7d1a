// Deletes a host's backups as a whole, so that what is cut short is known and can be finished.
import { Effect } from "effect"
import { Journal } from "../services/Journal.ts"
import { Registry } from "../services/Registry.ts"
import { Store } from "../services/Store.ts"
import { serverTime } from "./serverTime.ts"

/**
 * Deletes all that a host has in the store, and its place in the registry. Whoever calls holds the host's lock, and has seen to it that
 * it has no key. It says so first, so that the next prune does the rest of what is cut short.
 */
export const deleteBackups = Effect.fn("deleteBackups")(function* (host: string) {
  const store = yield* Store
  const journal = yield* Journal
  yield* store.mounted
  yield* journal.append(host, { _tag: "removing", at: yield* serverTime })
  const gone = yield* store.removeHost(host)
  yield* Effect.catchTag((yield* Registry).remove(host), "NotEnrolled", () => Effect.void)
  yield* journal.append(host, { _tag: "removed", at: yield* serverTime, backups: "deleted" })
  return gone
})
