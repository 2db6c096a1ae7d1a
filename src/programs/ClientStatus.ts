// How a machine that is backed up stands: where to, and when its backups were last proven good.
import { Effect } from "effect"
import { formatDestination } from "../domain/destination.ts"
import type { Proofs } from "../domain/proof.ts"
import { Layout } from "../services/Layout.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { readSettings } from "./connectToServer.ts"
import { readProofs } from "./proofs.ts"

export interface ClientStatusResult {
  readonly destination: string
  readonly proofs: Proofs
}

/** Null on a machine that is a server, or that is not set up at all: the server's status has more to say of it. */
export const clientStatus = Effect.fn("clientStatus")(function* () {
  const { state } = yield* Layout
  const hosts = yield* Effect.orElseSucceed((yield* SystemFile).state(`${state}/hosts`), () => null)
  const settings = yield* Effect.option(readSettings({}))
  if (hosts !== null || settings._tag === "None") return null
  const result: ClientStatusResult = {
    destination: formatDestination(settings.value.destination),
    proofs: yield* readProofs
  }
  return result
})
