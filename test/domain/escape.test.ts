// What is printed is printable ASCII, and of names nothing is lost by it.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { escapedJson, escapeName, escapeText } from "../../src/domain/escape.ts"

const bytes = fc.uint8Array({ maxLength: 40 })

/** Reads an escaped name back, the simple way. */
const unescape = (text: string): ReadonlyArray<number> =>
  [...text.matchAll(/\\x(..)|\\(\\)|(.)/g)].map(([, code, backslash, char]) =>
    code === undefined ? (backslash ?? char ?? "").charCodeAt(0) : Number.parseInt(code, 16)
  )

describe("escaping", () => {
  it("gives printable ASCII only", () => {
    fc.assert(
      fc.property(fc.oneof(bytes, fc.string({ unit: "binary" })), (name) => {
        assert.match(escapeName(name), /^[\x20-\x7e]*$/)
        assert.match(escapeText(name), /^[\x20-\x7e]*$/)
      })
    )
  })

  it("of JSON too, which means the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const printed = escapedJson({ text })
        assert.match(printed, /^[\x20-\x7e]*$/)
        assert.deepStrictEqual(JSON.parse(printed), { text })
      })
    )
  })

  it("keeps every byte of a name apart", () => {
    fc.assert(fc.property(bytes, (name) => assert.deepStrictEqual(unescape(escapeName(name)), [...name])))
  })

  it("leaves a line alone that is escaped already", () => {
    fc.assert(fc.property(bytes, (name) => assert.strictEqual(escapeText(escapeName(name)), escapeName(name))))
    fc.assert(fc.property(bytes, (line) => assert.strictEqual(escapeText(escapeText(line)), escapeText(line))))
  })

  it("cuts between escapes and says so", () => {
    fc.assert(
      fc.property(bytes, fc.nat({ max: 30 }), (name, most) => {
        const whole = escapeName(name)
        const cut = escapeName(name, most)
        if (whole.length <= most) return assert.strictEqual(cut, whole)
        assert.isTrue(cut.endsWith("..."))
        const kept = cut.slice(0, -3)
        assert.isTrue(kept.length <= most && kept.length > most - 4)
        assert.deepStrictEqual(unescape(kept), Array.from(name).slice(0, unescape(kept).length))
      })
    )
  })

  it("shows control bytes, C1, bidirectional marks and bad UTF-8 for what they are", () => {
    assert.strictEqual(escapeName("a\n\x1b[2J\u0085\u202E\\"), "a\\x0a\\x1b[2J\\xc2\\x85\\xe2\\x80\\xae\\\\")
    assert.strictEqual(escapeName(Uint8Array.of(0xff, 0x61)), "\\xffa")
    assert.strictEqual(escapeText("C:\\x\n"), "C:\\x\\x0a")
  })
})
