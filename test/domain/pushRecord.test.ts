// The recorder's line: only a whole line says that a push has ended.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type PushRecord, formatPushRecord, parsePushRecord } from "../../src/domain/pushRecord.ts"

const time = fc.integer({ min: 0, max: 999_999_999_999 })
const record: fc.Arbitrary<PushRecord> = fc.oneof(
  fc.record({ _tag: fc.constant("Running" as const), since: time }),
  fc.record({ _tag: fc.constant("Ended" as const), at: time, code: fc.integer({ min: 0, max: 255 }) })
)

describe("a push's record", () => {
  it("is read as it was written, with or without its newline", () => {
    fc.assert(
      fc.property(record, (given) => {
        assert.deepStrictEqual(parsePushRecord(formatPushRecord(given)), given)
        assert.deepStrictEqual(parsePushRecord(formatPushRecord(given).trimEnd()), given)
      })
    )
  })

  it("that lacks its exit code is no end", () => {
    fc.assert(
      fc.property(time, fc.nat(), (at, where) => {
        const line = formatPushRecord({ _tag: "Ended", at, code: 0 })
        assert.isNull(parsePushRecord(line.slice(0, where % (line.length - 2))))
      })
    )
  })

  it("is nothing else", () => {
    const others = [
      "",
      "ended",
      "ended 1",
      "ended 1 0 ",
      "ended 1 0\n\n",
      "ended 1 0\nrunning 2\n",
      "ended -1 0",
      "ended 1 1000"
    ]
    for (const text of [...others, "running", "running 1 0", " running 1", "Running 1", "ended 1e3 0"]) {
      assert.isNull(parsePushRecord(text), JSON.stringify(text))
    }
  })
})
