// The journal's lines: what is written is read, and what a crash leaves costs nothing but what was being written.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type JournalEntry, formatEntry, parseJournal } from "../../src/domain/JournalEntry.ts"

const at = fc.integer({ min: 0, max: 4_000_000_000 })
const entry: fc.Arbitrary<JournalEntry> = fc.oneof(
  fc.record({ _tag: fc.constant("enrolled" as const), at, uid: fc.nat(), key: fc.string({ unit: "binary" }) }),
  fc.record(
    {
      _tag: fc.constant("snapshot" as const),
      at,
      name: fc.string(),
      state: fc.constantFrom("complete" as const, "incomplete" as const),
      by: fc.constantFrom("host" as const, "administrator" as const),
      transfer: fc.constantFrom(null, 0, 23, 24),
      unreadable: fc.nat()
    },
    { requiredKeys: ["_tag", "at", "name", "state", "by", "transfer"] }
  ),
  fc.record(
    { _tag: fc.constant("counted" as const), at, name: fc.string(), files: fc.nat(), anomaly: fc.string() },
    { requiredKeys: ["_tag", "at", "name", "files"] }
  ),
  fc.record({ _tag: fc.constant("reset" as const), at, name: fc.string(), bytes: fc.nat() }),
  fc.record({ _tag: fc.constant("removing" as const), at }),
  fc.record({
    _tag: fc.constant("removed" as const),
    at,
    backups: fc.constantFrom("kept" as const, "deleted" as const)
  })
)

const bytesOf = (entries: ReadonlyArray<JournalEntry>) => Buffer.from(entries.map(formatEntry).join(""))

describe("a journal", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) =>
        assert.deepStrictEqual(parseJournal(bytesOf(entries).toString()), { entries, damaged: [] })
      )
    )
  })

  it("cut off at any byte keeps every entry that was whole, and says where it is not", () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 6 }), fc.nat(), (entries, where) => {
        const bytes = bytesOf(entries)
        const cut = bytes.subarray(0, where % (bytes.length + 1))
        const whole = entries.filter((_, index) => bytesOf(entries.slice(0, index + 1)).length - 1 <= cut.length)
        const left = cut.length - bytesOf(whole).length
        assert.deepStrictEqual(parseJournal(cut.toString()), {
          entries: whole,
          damaged: left > 0 ? [whole.length + 1] : []
        })
      })
    )
  })

  it("goes on after a cut: what is written on a fresh line is read, and only the cut line is reported", () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), fc.nat(), entry, (entries, where, next) => {
        const bytes = bytesOf(entries)
        const cut = bytes.subarray(0, where % (bytes.length + 1)).toString()
        const before = parseJournal(cut).entries
        const { damaged, entries: after } = parseJournal(
          `${cut}${cut === "" || cut.endsWith("\n") ? "" : "\n"}${formatEntry(next)}`
        )
        assert.deepStrictEqual(after, [...before, next])
        assert.isAtMost(damaged.length, 1)
      })
    )
  })

  it("reports a damaged line in the middle by its number and reads the others", () => {
    fc.assert(
      fc.property(
        fc.array(entry),
        fc.string({ unit: "binary" }).map((text) => `#${text.replaceAll("\n", "")}`),
        fc.array(entry),
        (before, garbage, after) => {
          const text = `${bytesOf(before)}${garbage}\n${bytesOf(after)}`
          assert.deepStrictEqual(parseJournal(text), { entries: [...before, ...after], damaged: [before.length + 1] })
        }
      )
    )
  })

  it("is read without a throw whatever it holds", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        assert.isArray(parseJournal(Buffer.from(bytes).toString()).entries)
      })
    )
    assert.deepStrictEqual(parseJournal('{"_tag":"of tomorrow"}\n{"_tag":"removed"}\n[]\n').damaged, [1, 2, 3])
  })
})
