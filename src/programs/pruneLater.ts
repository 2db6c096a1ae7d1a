// Starts a prune that nobody waits for, as after a backup that has just ended.
import { Effect } from "effect"
import { Exec } from "../services/Exec.ts"
import { Layout } from "../services/Layout.ts"

/** Starts `byteback prune`, which goes on when we have ended. One that cannot be started is the timer's to make up for. */
export const pruneLater = Effect.fn("pruneLater")(function* () {
  const { lib } = yield* Layout
  yield* Effect.ignore((yield* Exec).leave(`${lib}/byteback.cjs`, ["prune"]))
})
