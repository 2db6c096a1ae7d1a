// The request for sftp: through the grammar as any other, and nothing near it counts.
import { assert, describe, it } from "@effect/vitest"
import { parse } from "../../../src/domain/request/parse.ts"
import { isSftpRequest, sftpLine } from "../../../src/domain/request/sftp.ts"

describe("the request for sftp", () => {
  it("passes the grammar and is known again", () => {
    const parsed = parse(sftpLine)
    assert(parsed.ok && parsed.value._tag === "Typed")
    assert.isTrue(isSftpRequest(parsed.value.json))
  })
  it("has one spelling", () => {
    for (const other of ["", "sftp", '{"_tag":"sftp" }', '{"_tag":"sftp","path":"/"}', '{"_tag":"SFTP"}'])
      assert.isFalse(isSftpRequest(other), other)
  })
})
