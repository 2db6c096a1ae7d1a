// Writes bytes to stdout as they are, no faster than whoever reads them takes them.
import { Effect } from "effect"

export const writeRaw = (chunk: Uint8Array): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.stdout.write(chunk, () => resume(Effect.void))
  })
