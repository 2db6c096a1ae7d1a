// Patterns of old clients' listings, against the regular expression that each stands for.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { expandBraces, maxAlternatives, namePattern } from "../../../src/domain/request/pathPattern.ts"

const expressionOf = (pattern: string) =>
  new RegExp(`^${[...pattern].map((char) => (char === "*" ? ".*" : char === "?" ? "." : char)).join("")}$`)

describe("a pattern", () => {
  it("matches what its regular expression matches", () => {
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 })
    const name = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 })
    fc.assert(
      fc.property(pattern, name, (one, other) => {
        assert.strictEqual(namePattern(one)(other), expressionOf(one).test(other))
      }),
      { numRuns: 2000 }
    )
  })

  it("knows sets and ranges", () => {
    assert.isTrue(namePattern("log.[0-9]")("log.7"))
    assert.isFalse(namePattern("log.[0-9]")("log.x"))
    assert.isTrue(namePattern("[!a]b")("cb"))
    assert.isTrue(namePattern("[a")("[a"), "an open bracket alone is itself")
  })

  it("of many stars takes steps, not ages", () => {
    const stars = namePattern(`${"a*".repeat(200)}b`)
    assert.isFalse(stars("a".repeat(255)))
  })
})

describe("braces", () => {
  it("stand for each of their words", () => {
    assert.deepStrictEqual(expandBraces("/etc/{hosts,fstab}"), ["/etc/hosts", "/etc/fstab"])
    assert.deepStrictEqual(expandBraces("{a,{b,c}}d"), ["ad", "bd", "cd"])
    assert.deepStrictEqual(expandBraces("{a}"), ["{a}"])
  })

  it("that multiply beyond reason are refused at once", () => {
    assert.isNull(expandBraces("{a,b}".repeat(1000)))
    assert.isNull(expandBraces(`${"{a,".repeat(500)}b${"}".repeat(500)}`))
    assert.lengthOf(expandBraces(`{${Array.from({ length: maxAlternatives }, (_, i) => i).join(",")}}`)!, 64)
  })
})
