// What is remembered of checks: an alarm stands until all of the snapshot was looked at again.
import { assert, describe, it } from "@effect/vitest"
import { afterDrill, afterVerify, formatProofs, parseProofs, type Proof, type Proofs } from "../../src/domain/proof.ts"

const proof = (unexplained: number, day = 1): Proof => ({
  at: day,
  snapshot: `2026-11-0${day}T02:00+0000`,
  compared: 10,
  changed: 0,
  unexplained
})
const after = (...checks: ReadonlyArray<readonly [found: Proof, all: boolean]>) =>
  checks.reduce<Proofs>((before, [found, all]) => afterVerify(before, found, all), {})

describe("what is remembered of checks", () => {
  it("is the last of all of a snapshot, and the last of a part, each beside the other", () => {
    assert.deepStrictEqual(after([proof(0), true], [proof(0, 2), false]), { verify: proof(0), part: proof(0, 2) })
  })

  it("is an alarm, from wherever it came, until all of that snapshot or of a newer one is clean", () => {
    for (const all of [true, false]) assert.deepStrictEqual(after([proof(2), all]).alarm, proof(2))
    assert.deepStrictEqual(after([proof(2), true], [proof(0, 3), false]).alarm, proof(2))
    assert.deepStrictEqual(after([proof(2, 2), true], [proof(0, 1), true]).alarm, proof(2, 2))
    for (const day of [2, 3]) assert.isUndefined(after([proof(2, 2), true], [proof(0, day), true]).alarm)
    assert.deepStrictEqual(after([proof(2), true], [proof(1, 3), false]).alarm, proof(1, 3))
  })

  it("is of trial restores the last, and the last that was proof", () => {
    assert.deepStrictEqual(afterDrill(afterDrill({}, proof(0)), proof(1, 2)), {
      drill: proof(1, 2),
      restored: proof(0)
    })
    assert.deepStrictEqual(afterDrill({}, { ...proof(0), compared: 0 }), { drill: { ...proof(0), compared: 0 } })
  })

  it("comes back from its file, and nothing from what is none", () => {
    const proofs = after([proof(2), true], [proof(0), false])
    assert.deepStrictEqual(parseProofs(formatProofs(proofs)), proofs)
    for (const text of [null, "", "{", "[]"]) assert.deepStrictEqual(parseProofs(text), {}, String(text))
  })
})
