// What adding a host means, whoever asks for it: an entry in the registry, a place in the store, a line in its journal.
import { Clock, Effect } from "effect"
import type { PublicKey } from "../domain/authorizedKey.ts"
import { AuthorizedKeys } from "../services/AuthorizedKeys.ts"
import { Journal } from "../services/Journal.ts"
import { Registry } from "../services/Registry.ts"
import { Store } from "../services/Store.ts"

/** The host's record, made with its place in the store where they are not there; `note` puts its key into the journal. */
export const admitHost = Effect.fn("admitHost")(function* (host: string, key: PublicKey, note: boolean = true) {
  const registry = yield* Registry
  const store = yield* Store
  const journal = yield* Journal
  const keys = yield* AuthorizedKeys
  yield* store.mounted
  const record = yield* Effect.catchTag(registry.get(host), "NotEnrolled", () => registry.add(host))
  yield* store.createHost(host, record.uid)
  if (note) {
    const at = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    yield* journal.append(host, { _tag: "enrolled", at, uid: record.uid, key: keys.fingerprint(key) })
  }
  return record
})
