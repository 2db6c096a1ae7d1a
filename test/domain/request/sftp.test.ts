// The request for sftp: through the grammar as any other, and nothing near it counts.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { parse } from "../../../src/domain/request/parse.ts"
import { readSftp, sftpLine } from "../../../src/domain/request/sftp.ts"
import { isSnapshotWord, type SnapshotRef } from "../../../src/domain/snapshotName.ts"

const refs = ["latest", "current", "2026-11-23T17:52+0000"].filter(isSnapshotWord)

describe("the request for sftp", () => {
  it("passes the grammar and is known again, for all snapshots or one", () => {
    for (const wanted of [null, ...refs] as ReadonlyArray<SnapshotRef | null>) {
      const parsed = parse(sftpLine(wanted))
      assert(parsed.ok && parsed.value._tag === "Typed")
      assert.strictEqual(readSftp(parsed.value.json), wanted)
    }
    assert.lengthOf(refs, 3)
  })
  it("has one spelling", () => {
    for (const other of [
      ...["", "sftp", '{"_tag":"sftp" }', '{"_tag":"sftp","path":"/"}', '{"_tag":"SFTP"}'],
      ...['{"snapshot":"latest","_tag":"sftp"}', '{"_tag":"sftp","snapshot":null}', '{"_tag":"sftp","snapshot":""}'],
      ...['{"_tag":"sftp","snapshot":"../other"}', '{"_tag":"sftp","snapshot":"l\\u0061test"}']
    ])
      assert.isUndefined(readSftp(other), other)
  })
  it("names a snapshot by a word that a server can be asked for, and by no other", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom("..", "a/b", "-x", "latest", "*")), (word) => {
        const found = readSftp(JSON.stringify({ _tag: "sftp", snapshot: word }))
        assert.strictEqual(found, isSnapshotWord(word) ? word : undefined)
      })
    )
  })
})
