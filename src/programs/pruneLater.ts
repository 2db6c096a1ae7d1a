// Starts a prune that nobody waits for, as after a backup that has just ended.
import { Effect } from "effect"
import { Exec } from "../services/Exec.ts"
import { Layout } from "../services/Layout.ts"

/**
 * Starts `byteback prune` in a session of its own, holding none of our files open, so that a client's ssh channel closes when we end. A
 * prune that cannot be started is the timer's to make up for.
 */
export const pruneLater = Effect.fn("pruneLater")(function* () {
  const { lib } = yield* Layout
  const detached = 'exec setsid --fork "$@" </dev/null >/dev/null 2>&1 8>&- 9>&-'
  yield* Effect.ignore(
    (yield* Exec).run("sh", ["-c", detached, "sh", `${lib}/byteback.mjs`, "prune"], { timeout: "5 seconds" })
  )
})
