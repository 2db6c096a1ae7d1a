// ACLs as rsync keeps them, turned into the text that setfacl reads.
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { aclText } from "../../src/domain/storedAcl.ts"

const bytes = (hex: string) => Buffer.from(hex, "hex").toString("latin1")

describe("a stored ACL", () => {
  it("is read as rsync 3.5.0 wrote it", () => {
    // setfacl -m u:4321:rw,g:99:r on a file of mode 644
    const access = "80000000040000000600000080000000e1100000060000806300000004000000"
    assert.strictEqual(
      aclText(bytes(access), 0o664),
      "user::rw-,user:4321:rw-,group::r--,group:99:r--,mask::rw-,other::r--"
    )
    // setfacl -d -m u:4321:rwx on a directory
    const inherited = "07000000050000000700000005000000e110000007000080"
    assert.strictEqual(aclText(bytes(inherited), 0o755), "user::rwx,user:4321:rwx,group::r-x,mask::rwx,other::r-x")
  })

  it("takes from the mode what rsync left out", () => {
    const out = "80000000800000008000000080000000"
    assert.strictEqual(aclText(bytes(out), 0o640), "user::rw-,group::r--,other::---")
    assert.strictEqual(
      aclText(bytes(`${out}0100000004000080`), 0o640),
      "user::rw-,user:1:r--,group::r--,mask::r--,other::---"
    )
  })

  it("is null for any other bytes, and never more than names, numbers and rights", () => {
    assert.isNull(aclText("", 0o644))
    assert.isNull(aclText(bytes("08000000800000008000000080000000"), 0o644))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 0, max: 0o7777 }), (noise, mode) => {
        const text = aclText(Buffer.from(noise).toString("latin1"), mode)
        if (text !== null) assert.match(text, /^(?:(?:user|group|mask|other):\d*:[r-][w-][x-](?:,|$))+$/)
      })
    )
  })
})
