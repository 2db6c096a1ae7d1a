// Writes what is read of a snapshot to stdout as it is, no faster than whoever reads it takes it.
import { Console, Effect } from "effect"
import { Flag } from "effect/cli"
import type { Raw } from "../domain/request/reading.ts"
import { readBytes, type ReadOptions } from "../programs/ReadSnapshots.ts"
import { jsonFailure } from "./jsonFailure.ts"

/** stdout is what was asked for, so the objects are on stderr. */
export const rawJson = Flag.Boolean("json").pipe(
  Flag.withDefault(false),
  Flag.withDescription("end with an object on stderr: how many bytes came, or what went wrong")
)

const write = (chunk: Uint8Array): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.stdout.write(chunk, () => resume(Effect.void))
  })

export const printRaw = (options: ReadOptions<Raw>, json: boolean) => {
  let bytes = 0
  const onBytes = (chunk: Uint8Array) => {
    bytes += chunk.length
    return write(chunk)
  }
  return readBytes({ ...options, onBytes }).pipe(
    Effect.andThen(Effect.suspend(() => (json ? Console.error(JSON.stringify({ _tag: "end", bytes })) : Effect.void))),
    jsonFailure(json)
  )
}
