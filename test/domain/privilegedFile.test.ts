// What find says of files that give rights, read back name by name.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { readPrivileged } from "../../src/domain/privilegedFile.ts"

describe("files that give rights", () => {
  it("are read back whatever their names are", () => {
    const name = fc.string({ unit: "binary", minLength: 1 }).filter((text) => !text.includes("\0"))
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("f", "b", "c"), name)), (files) => {
        const text = files.map(([type, path]) => `${type}${path}\0`).join("")
        assert.deepStrictEqual(
          readPrivileged(text),
          files.map(([type, path]) => ({ kind: type === "f" ? ("setuid" as const) : ("device" as const), path }))
        )
      })
    )
  })

  it("are none where find was silent", () => {
    assert.deepStrictEqual(readPrivileged(""), [])
  })
})
