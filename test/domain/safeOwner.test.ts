// Who may have written what root goes by.
import { assert, describe, it } from "@effect/vitest"
import { unsafeOwnership } from "../../src/domain/safeOwner.ts"

describe("a file that decides what root does", () => {
  const me = 1000
  it("may be mine or root's, and nobody else's", () => {
    assert.isNull(unsafeOwnership({ mode: 0o100644, uid: 0 }, me))
    assert.isNull(unsafeOwnership({ mode: 0o100644, uid: me }, me))
    assert.match(unsafeOwnership({ mode: 0o100644, uid: 33 }, me) ?? "", /belongs to another user/)
    assert.match(unsafeOwnership({ mode: 0o100644, uid: me }, 0) ?? "", /belongs to another user/)
  })
  it("may be written by its owner only", () => {
    for (const mode of [0o664, 0o646, 0o777, 0o1777]) {
      assert.match(unsafeOwnership({ mode, uid: 0 }, me) ?? "", /written by other users; run chmod go-w/)
    }
  })
  it("may be read by its owner only where it is secret", () => {
    assert.isNull(unsafeOwnership({ mode: 0o100600, uid: 0 }, me, true))
    for (const mode of [0o640, 0o604, 0o644]) {
      assert.match(unsafeOwnership({ mode, uid: 0 }, me, true) ?? "", /chmod 600/)
    }
  })
})
