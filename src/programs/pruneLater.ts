// Starts a prune that nobody waits for, as after a backup that has just ended.
import { Effect } from "effect"
import { Exec } from "../services/Exec.ts"
import { Layout } from "../services/Layout.ts"

/** Says that it has left our process group, which is ended with us, and only then lets us go on. */
const start = 'setsid --fork sh -c "$0" sh "$@" </dev/null 2>/dev/null | read started'
const detached = 'echo; exec "$@" >/dev/null 2>&1'

/**
 * Starts `byteback prune` in a session of its own, holding none of our files open, so that a client's ssh channel closes when we end. A
 * prune that cannot be started is the timer's to make up for.
 */
export const pruneLater = Effect.fn("pruneLater")(function* () {
  const { lib } = yield* Layout
  const exec = yield* Exec
  const args = ["-c", start, detached, `${lib}/byteback.cjs`, "prune"]
  yield* Effect.ignore(exec.run("sh", args, { timeout: "5 seconds" }))
})
