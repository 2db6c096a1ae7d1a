// The client's memory of its checks: a small file that status reads.
import { Clock, Effect } from "effect"
import { formatProofs, parseProofs, type Proof, type Proofs } from "../domain/proof.ts"
import { Layout } from "../services/Layout.ts"
import { SystemFile } from "../services/SystemFile.ts"

const name = "proofs.json"

/** What was remembered so far. */
export const readProofs = Effect.gen(function* () {
  const { state } = yield* Layout
  return parseProofs(yield* Effect.orElseSucceed((yield* SystemFile).read(`${state}/${name}`), () => null))
})

/** Remembers a check. Where nothing can be written (not root), the check counts all the same and only a warning is logged. */
export const remember = Effect.fnUntraced(function* (
  found: Omit<Proof, "at">,
  after: (before: Proofs, found: Proof) => Proofs
) {
  const { state } = yield* Layout
  const files = yield* SystemFile
  const proof: Proof = { at: Math.floor((yield* Clock.currentTimeMillis) / 1000), ...found }
  const text = formatProofs(after(yield* readProofs, proof))
  yield* files.directory(state, 0o700).pipe(
    Effect.andThen(files.write(`${state}/${name}`, text, 0o600)),
    Effect.catch((error) => Effect.logWarning(`the result is not remembered: ${error.message}`))
  )
})
