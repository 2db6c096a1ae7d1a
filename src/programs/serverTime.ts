// The server's clock, in epoch seconds.
import { Clock, Effect } from "effect"

/** Epoch seconds of the server's clock. */
export const serverTime = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))
