// What a client remembers of its checks: that a snapshot was compared with the files, and that files were restored for a trial.
import { Schema } from "effect"
import { snapshotTime } from "./snapshotName.ts"

/**
 * One check. `at` in epoch seconds of this machine's clock; `changed`: also gone; `unexplained`: how many differ without a reason or
 * could not be read.
 */
export const Proof = Schema.Struct({
  at: Schema.Int,
  snapshot: Schema.String,
  compared: Schema.Int,
  changed: Schema.Int,
  unexplained: Schema.Int
})
export type Proof = typeof Proof.Type

/**
 * The last of each kind. `verify` looked at all of a snapshot, `part` at some of it. `alarm` is the last of both that found something
 * without a reason, until all of that snapshot or of a newer one was looked at and nothing found. `restored` is the last drill in
 * which all came back as it was.
 */
export const Proofs = Schema.Struct({
  verify: Schema.optionalKey(Proof),
  part: Schema.optionalKey(Proof),
  alarm: Schema.optionalKey(Proof),
  drill: Schema.optionalKey(Proof),
  restored: Schema.optionalKey(Proof)
})
export type Proofs = typeof Proofs.Type

/** What is remembered after a comparison of all of a snapshot, or of a part. */
export const afterVerify = ({ alarm, ...before }: Proofs, found: Proof, all: boolean): Proofs => {
  const time = ({ snapshot }: Proof) => snapshotTime(snapshot) ?? 0
  const answered = alarm === undefined || (all && time(found) >= time(alarm))
  const standing = found.unexplained > 0 ? found : answered ? null : alarm
  return { ...before, [all ? "verify" : "part"]: found, ...(standing === null ? {} : { alarm: standing }) }
}

/** What is remembered after a trial restore. */
export const afterDrill = (before: Proofs, found: Proof): Proofs => ({
  ...before,
  drill: found,
  ...(found.unexplained === 0 && found.compared > 0 ? { restored: found } : {})
})

const json = Schema.fromJsonString(Proofs)

export const formatProofs = (proofs: Proofs): string => `${Schema.encodeSync(json)(proofs)}\n`

/** Nothing where the text is none of ours: then the next check begins anew. */
export const parseProofs = (text: string | null): Proofs => {
  const decoded = Schema.decodeOption(json)(text ?? "")
  return decoded._tag === "Some" ? decoded.value : {}
}
