// A refusal comes through rsync's stderr with its code.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { exitCode } from "../../src/domain/exitCode.ts"
import { findRefusal, refusalLine } from "../../src/domain/refusalLine.ts"

const message = fc.stringMatching(/^[ -~]{1,80}$/).filter((text) => !/\(code \d+\)$/.test(text))

describe("a refusal's line", () => {
  it("is found among whatever rsync and ssh say", () => {
    fc.assert(
      fc.property(message, fc.constantFrom(...Object.values(exitCode)), (text, code) => {
        const stderr = `Warning: x\n${refusalLine({ code, message: text })}\nrsync: connection unexpectedly closed\n`
        assert.deepStrictEqual(findRefusal(stderr), { code, message: text })
      })
    )
  })
  it("counts as refused without a code, as an older server writes it", () => {
    assert.deepStrictEqual(findRefusal("byteback: go away\n"), { code: exitCode.refused, message: "go away" })
  })
  it("is not seen in a file's name", () => {
    assert.isNull(
      findRefusal('rsync: [sender] send_files failed to open "/a/byteback: no (code 11)": Permission denied\n')
    )
  })
})
