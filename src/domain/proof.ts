// What a client remembers of its checks: that a snapshot was compared with the files, and that files were restored for a trial.
import { Schema } from "effect"

/** One check. `at` in epoch seconds of this machine's clock; `unexplained`: how many differ without a reason. */
export const Proof = Schema.Struct({
  at: Schema.Int,
  snapshot: Schema.String,
  compared: Schema.Int,
  changed: Schema.Int,
  unexplained: Schema.Int
})
export type Proof = typeof Proof.Type

/** The last of each kind; `restored` is the last drill in which all came back as it was. */
export const Proofs = Schema.Struct({
  verify: Schema.optionalKey(Proof),
  drill: Schema.optionalKey(Proof),
  restored: Schema.optionalKey(Proof)
})
export type Proofs = typeof Proofs.Type

const json = Schema.fromJsonString(Proofs)

export const formatProofs = (proofs: Proofs): string => `${Schema.encodeSync(json)(proofs)}\n`

/** Nothing where the text is none of ours: then the next check begins anew. */
export const parseProofs = (text: string | null): Proofs => {
  const decoded = Schema.decodeOption(json)(text ?? "")
  return decoded._tag === "Some" ? decoded.value : {}
}
