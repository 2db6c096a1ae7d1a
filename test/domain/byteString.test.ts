// Byte strings lose nothing.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { bytesOfText, fromUint8Array, textOfBytes, toUint8Array } from "../../src/domain/byteString.ts"

describe("a byte string", () => {
  it("holds any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        assert.deepStrictEqual(toUint8Array(fromUint8Array(bytes)), new Uint8Array(bytes))
      })
    )
  })
  it("holds any text as its UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        assert.strictEqual(textOfBytes(bytesOfText(text)), text)
        assert.deepStrictEqual(Buffer.from(toUint8Array(bytesOfText(text))), Buffer.from(text))
      })
    )
  })
  it("is no text where it is not UTF-8", () => {
    assert.isNull(textOfBytes("caf\u00e9"))
    assert.strictEqual(textOfBytes("caf\u00c3\u00a9"), "café")
  })
})
