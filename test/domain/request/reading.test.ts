// Requests to read: whatever is printed is read back, and nothing that a client could send throws or gets through bent.
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { textOfBytes } from "../../../src/domain/byteString.ts"
import { parse } from "../../../src/domain/request/parse.ts"
import {
  fileTypes,
  parseReading,
  printReading,
  type Reading,
  readingLine
} from "../../../src/domain/request/reading.ts"
import type { SnapshotRef } from "../../../src/domain/snapshotName.ts"

const byte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code))
const part = fc
  .array(
    byte.filter((one) => one !== "/"),
    { minLength: 1, maxLength: 12 }
  )
  .map((bytes) => bytes.join(""))
  .filter((name) => name !== "." && name !== "..")
const path = fc.array(part, { maxLength: 5 }).map((parts) => parts.join("/"))
const pattern = fc.array(byte, { minLength: 1, maxLength: 20 }).map((bytes) => bytes.join(""))
const ref = fc.constantFrom(
  "latest",
  "current",
  "saved-do-not-delete",
  "2026-11-23T17:52+0000",
  "1999-12-31T23:59-0800"
) as fc.Arbitrary<SnapshotRef>
const most = fc.integer({ min: 0, max: 10_000_000 })
const time = fc.integer({ min: -(10 ** 11), max: 10 ** 11 })
const size = fc.integer({ min: 0, max: 2 ** 50 })

const reading: fc.Arbitrary<Reading> = fc.oneof(
  fc.record({ _tag: fc.constant("ls"), snapshot: ref, path, details: fc.boolean(), recursive: fc.boolean(), most }),
  fc.record(
    {
      _tag: fc.constant("find"),
      snapshot: fc.oneof(ref, fc.constant("*" as const)),
      path,
      pattern,
      details: fc.boolean(),
      most,
      newer: time,
      older: time,
      atLeast: size,
      atMost: size,
      type: fc.constantFrom(...fileTypes)
    },
    { requiredKeys: ["_tag", "snapshot", "path", "pattern", "details", "most"] }
  ),
  fc.record({ _tag: fc.constant("history"), path }),
  fc.record({ _tag: fc.constant("diff"), from: ref, to: ref, path, most }),
  fc.record({ _tag: fc.constantFrom("cat", "dump"), snapshot: ref, path })
) as fc.Arbitrary<Reading>

const plain = (value: object): object => ({ ...value })

describe("a request to read", () => {
  it("is read back as it was printed, also through the forced command's line", () => {
    fc.assert(
      fc.property(reading, (request) => {
        const parsed = parseReading(printReading(request))
        assert.isTrue(parsed?.ok)
        if (parsed?.ok) assert.deepStrictEqual(plain(parsed.value), plain(request))
        const line = parse(readingLine(request))
        assert.isTrue(line.ok && line.value._tag === "Typed" && line.value.json === printReading(request))
      })
    )
  })

  it("carries a path as text exactly where it is UTF-8", () => {
    fc.assert(
      fc.property(path, (bytes) => {
        const json = JSON.parse(printReading({ _tag: "history", path: bytes })) as { path: unknown }
        assert.deepStrictEqual(json.path, textOfBytes(bytes) ?? [Buffer.from(bytes, "latin1").toString("hex")])
      })
    )
  })

  it("never throws, and what it lets through names nothing outside a snapshot", () => {
    const field = fc.constantFrom("_tag", "snapshot", "path", "pattern", "most", "details", "from", "to", "type", "x")
    const odd = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .tuple(reading, field, fc.jsonValue())
        .map(([request, name, value]) =>
          JSON.stringify({ ...(JSON.parse(printReading(request)) as object), [name]: value })
        )
    )
    fc.assert(
      fc.property(odd, (json) => {
        const parsed = parseReading(json)
        if (parsed === null || !parsed.ok) return
        const { path: at } = parsed.value
        assert.isFalse(at.startsWith("/") || at.includes("\0"))
        if (at !== "") assert.isFalse(at.split("/").some((one) => one === "" || one === "." || one === ".."))
        const again = parseReading(printReading(parsed.value))
        assert.isTrue(again?.ok)
        if (again?.ok) assert.deepStrictEqual(again.value, parsed.value)
      }),
      { numRuns: 500 }
    )
  })

  it.each([
    ["a path that goes up", { _tag: "history", path: "a/../b" }],
    ["an absolute path", { _tag: "history", path: "/etc" }],
    ["an empty part", { _tag: "history", path: "a//b" }],
    ["a NUL", { _tag: "history", path: "a\0b" }],
    ["a NUL in bytes", { _tag: "history", path: ["6100"] }],
    ["half a byte", { _tag: "history", path: ["616"] }],
    ["a path that goes up, in bytes", { _tag: "history", path: ["2e2e"] }],
    ["a lone surrogate", { _tag: "history", path: "\ud800" }],
    ["a field too many", { _tag: "history", path: "a", more: 1 }],
    ["a field too few", { _tag: "cat", path: "a" }],
    ["another host as a snapshot", { _tag: "cat", path: "a", snapshot: "../other" }],
    ["what is half-made as a snapshot", { _tag: "cat", path: "a", snapshot: ".new-2026-11-23T17:52+0000" }],
    ["all snapshots where one is read", { _tag: "cat", path: "a", snapshot: "*" }],
    ["too many rows", { _tag: "diff", from: "latest", to: "current", path: "", most: 1e9 }],
    [
      "an inherited field",
      { _tag: "find", path: "a", snapshot: "latest", details: true, most: 1, __proto__: { pattern: "x" } }
    ]
  ])("refuses %s", (_, request) => {
    assert.isFalse(parseReading(JSON.stringify(request))?.ok)
  })

  it("leaves every other request to others", () => {
    for (const json of ['{"_tag":"hello"}', '{"_tag":"toString"}', "[]", "null", "{", '{"_tag":7}', ""])
      assert.isNull(parseReading(json))
  })
})
