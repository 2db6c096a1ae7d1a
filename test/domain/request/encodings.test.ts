// The encodings that requests come in, against Node's own.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { decodeBase64url, encodeBase64url } from "../../../src/domain/request/base64url.ts"
import { escapeWord, lex } from "../../../src/domain/request/lexer.ts"
import { decodeQuotedPrintable, encodeQuotedPrintable } from "../../../src/domain/request/quotedPrintable.ts"

describe("base64url", () => {
  it("is what Node writes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.strictEqual(encodeBase64url(bytes), Buffer.from(bytes).toString("base64url"))
        assert.deepStrictEqual(decodeBase64url(encodeBase64url(bytes)), bytes)
      })
    )
  })

  it("has one spelling for each", () => {
    const text = fc.string({ unit: fc.constantFrom(..."AQgwz09-_+/= "), maxLength: 9 })
    fc.assert(
      fc.property(text, (spelling) => {
        const bytes = decodeBase64url(spelling)
        if (bytes === undefined)
          assert.notStrictEqual(Buffer.from(spelling, "base64url").toString("base64url"), spelling)
        else assert.strictEqual(encodeBase64url(bytes), spelling)
      }),
      { numRuns: 2000 }
    )
  })
})

describe("quoted-printable", () => {
  it("reads back what it wrote, and writes nothing that a shell or a lexer would act upon", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const encoded = encodeQuotedPrintable(text, "")
        assert.match(encoded, /^[A-Za-z0-9/._,:@%+=-]*$/)
        assert.strictEqual(decodeQuotedPrintable(encoded), text)
      })
    )
  })
})

describe("a word", () => {
  it("comes out of the lexer as it was escaped", () => {
    const word = fc.string({ unit: fc.constantFrom(..."ab -'\"\\`$;&|<>(){}*?[]!#~^é🦀"), minLength: 1 })
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.boolean(), (words, takesPatterns) => {
        assert.deepStrictEqual(lex(words.map(escapeWord).join("  "), takesPatterns), {
          ok: true,
          value: words.map((text) => ({ text, pattern: false }))
        })
      })
    )
  })
})
