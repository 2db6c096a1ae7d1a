// Makes up for what the journal was not told of: a snapshot that had been taken when the server was stopped.
import { Effect } from "effect"
import { Journal } from "../services/Journal.ts"
import { Runs } from "../services/Runs.ts"
import { Store } from "../services/Store.ts"

/** Tells the journal of a host's snapshot that it should know and does not. Whoever calls holds the host's lock. */
export const recordTaken = Effect.fn("recordTaken")(function* (host: string) {
  const journal = yield* Journal
  const runs = yield* Runs
  const entry = yield* runs.intended(host)
  if (entry === null) return
  const there = (yield* (yield* Store).snapshots(host)).some(({ name, sealed }) => sealed && name === entry.name)
  const { entries } = yield* journal.read(host)
  const known = entries.some(({ _tag, at }) => _tag === "snapshot" && at === entry.at)
  if (there && !known) yield* journal.append(host, entry)
  yield* runs.intend(host, null)
}, Effect.uninterruptible)
