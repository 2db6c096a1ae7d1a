// The recorder's line: only a whole line says that a push has ended.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type PushRecord, formatPushRecord, parsePushRecord } from "../../src/domain/pushRecord.ts"

const code = fc.integer({ min: 0, max: 255 })
const record: fc.Arbitrary<PushRecord> = fc.oneof(
  fc.constant({ _tag: "Running" as const }),
  fc.record({ _tag: fc.constant("Ended" as const), code, sole: fc.boolean() })
)

describe("a push's record", () => {
  it("is read as it was written", () => {
    fc.assert(fc.property(record, (given) => assert.deepStrictEqual(parsePushRecord(formatPushRecord(given)), given)))
  })

  it("that was cut off anywhere is no record", () => {
    fc.assert(
      fc.property(record, fc.nat(), (given, where) => {
        const line = formatPushRecord(given)
        assert.isNull(parsePushRecord(line.slice(0, where % line.length)))
      })
    )
  })

  it("is nothing else", () => {
    const others = [
      "ended\n",
      "ended 0 \n",
      "ended 0\n\n",
      "ended 0\nrunning\n",
      "ended -1\n",
      "ended 1000\n",
      "ended 0  sole\n",
      "ended sole\n"
    ]
    for (const text of [...others, "running 1\n", " running\n", "Running\n", "ended 1e1\n", "ended 0\r\n"]) {
      assert.isNull(parsePushRecord(text), JSON.stringify(text))
    }
  })
})
