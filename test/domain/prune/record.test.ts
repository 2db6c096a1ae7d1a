// What pruning reads out of a host's journal.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type JournalEntry, formatEntry, parseJournal } from "../../../src/domain/JournalEntry.ts"
import { HOLD } from "../../../src/domain/prune/admission.ts"
import { doubtOf, earningSizes, hostRecord, markAt } from "../../../src/domain/prune/record.ts"
import { joinSnapshots } from "../../../src/domain/snapshotList.ts"
import { NOW } from "./arbitrary.ts"

const taken = (name: string, more: { readonly bytes?: number; readonly anomaly?: string } = {}): JournalEntry => ({
  _tag: "snapshot",
  at: NOW,
  name,
  state: "complete",
  by: "host",
  transfer: 0,
  ...more
})
const held = (name: string, until: number | null): JournalEntry => ({ _tag: "held", at: NOW, name, until, why: "w" })

describe("a host's record", () => {
  it("leaves the first full backup out of its sizes, and takes it for what the second replaced", () => {
    const record = hostRecord([
      taken("1", { bytes: 900 }),
      taken("2", { bytes: 5 }),
      taken("3"),
      taken("4", { bytes: 7 })
    ])
    assert.deepStrictEqual(record.sizes, [5, 7])
    assert.deepStrictEqual(
      [...record.bytes],
      [
        ["1", 5],
        ["2", 5],
        ["4", 7]
      ]
    )
    assert.strictEqual(record.base, 895)
  })

  it("earns no reserve by what looks wrong, until somebody has looked or a month is over", () => {
    const journal = [
      taken("1", { bytes: 900 }),
      taken("2", { bytes: 5 }),
      taken("3", { bytes: 70, anomaly: "grew" }),
      taken("4", { bytes: 7 })
    ]
    const record = hostRecord(journal)
    assert.deepStrictEqual(record.sizes, [5, 70, 7])
    assert.deepStrictEqual(earningSizes(record, NOW), [5, 7])
    assert.deepStrictEqual(earningSizes(record, NOW + HOLD), [5, 70, 7])
    const looked = hostRecord([...journal, { _tag: "released", at: NOW, name: "3" }])
    assert.deepStrictEqual(earningSizes(looked, NOW), [5, 70, 7])
    // The first is left out for what it is.
    assert.deepStrictEqual(
      earningSizes(hostRecord([taken("1", { bytes: 900, anomaly: "a" }), taken("2", { bytes: 5 })]), NOW),
      [5]
    )
  })

  it("is of a host that is gone where its removal is the last that is said of its access", () => {
    const enrolled: JournalEntry = { _tag: "enrolled", at: NOW, uid: 1, key: "k" }
    const removing: JournalEntry = { _tag: "removing", at: NOW }
    const removed = (backups: "kept" | "deleted"): JournalEntry => ({ _tag: "removed", at: NOW, backups })
    const gone = (...entries: ReadonlyArray<JournalEntry>) => hostRecord(entries).gone
    assert.isUndefined(gone(enrolled))
    assert.strictEqual(gone(enrolled, removed("kept"), taken("of a session that was open")), "removed")
    assert.strictEqual(gone(enrolled, removed("kept"), removing), "removing")
    for (const last of [removed("kept"), removing]) assert.isUndefined(gone(enrolled, last, enrolled))
    assert.isUndefined(gone(enrolled, removing, removed("deleted")))
  })

  it("tells what deleted snapshots held and did not give back", () => {
    const deleted = (name: string, freed: number): JournalEntry => ({ _tag: "deleted", at: NOW, name, freed })
    const journal = [taken("1", { bytes: 900 }), taken("2", { bytes: 50 }), taken("3", { bytes: 70 })]
    assert.strictEqual(hostRecord(journal).left, 0)
    assert.strictEqual(hostRecord([...journal, deleted("2", 20), deleted("3", 90)]).left, 30)
    // Of the first it is what the second replaced: all else of it is its host's base, however long it is gone.
    assert.strictEqual(hostRecord([...journal, deleted("1", -5)]).left, 50)
  })

  it("holds until the hold ends or is released", () => {
    const { holds } = hostRecord([
      held("1", NOW + 10),
      held("2", null),
      held("3", null),
      { _tag: "released", at: NOW, name: "3" }
    ])
    assert.isDefined(markAt(holds, "1", NOW))
    assert.isUndefined(markAt(holds, "1", NOW + 10))
    assert.isDefined(markAt(holds, "2", NOW + 1e9))
    assert.isUndefined(markAt(holds, "3", NOW))
  })

  it("suspects what looks wrong for 30 days, or until somebody has looked", () => {
    const stored = [{ name: "1", at: NOW, foreign: false, sealed: true }]
    const journal = [taken("1", { anomaly: "grew" })]
    const stateAt = (now: number, entries: ReadonlyArray<JournalEntry> = journal) =>
      joinSnapshots(stored, entries, now)[0]!.state
    assert.strictEqual(stateAt(NOW), "suspect")
    assert.strictEqual(stateAt(NOW + HOLD), "complete")
    assert.strictEqual(stateAt(NOW, [...journal, { _tag: "released", at: NOW, name: "1" }]), "complete")
  })

  it("of a journal that was cut, or damaged in a line, keeps all that was held or suspect by it for 30 days", () => {
    const names = ["1", "2", "3", "4"]
    const stored = names.map((name) => ({ name, at: NOW, foreign: false, sealed: true }))
    const mark = fc.oneof(
      fc.constantFrom(...names).map((name) => held(name, null)),
      fc.constantFrom(...names).map((name): JournalEntry => ({ _tag: "counted", at: NOW, name, anomaly: "grew" }))
    )
    fc.assert(
      fc.property(fc.array(mark, { minLength: 1 }), fc.nat(), fc.nat(), fc.boolean(), (marks, where, at, tail) => {
        const lines = [...names.map((name) => taken(name)), ...marks].map(formatEntry)
        const kept = (text: string, now: number) => {
          const { damaged, entries } = parseJournal(text)
          const list = joinSnapshots(stored, entries, now, damaged)
          return new Set(list.filter(({ held, state }) => held || state === "suspect").map(({ name }) => name))
        }
        const before = kept(lines.join(""), NOW)
        // A line of marks loses its end, and all lines after it where it was cut there; a whole line less would leave no trace.
        const line = names.length + (where % marks.length)
        const left = lines[line]!.slice(0, 1 + (at % (lines[line]!.length - 3)))
        const damaged = [...lines.slice(0, line), left, ...(tail ? [] : ["\n", ...lines.slice(line + 1)])].join("")
        for (const name of before) assert.include(kept(damaged, NOW), name)
        // Once it goes on, whatever that is lasts for 30 days, and ends where somebody has looked.
        const on = `${damaged}\n${formatEntry({ _tag: "deleting", at: NOW, name: "0", why: "" })}`
        for (const name of before) assert.include(kept(on, NOW + HOLD - 1), name)
        const released = names.map((name) => formatEntry({ _tag: "released", at: NOW, name }))
        assert.isEmpty(kept(`${on}${released.join("")}`, NOW))
      })
    )
    assert.isUndefined(doubtOf({ entries: [taken("1")], damaged: [] }, "1"))
  })

  it("spends an approval a snapshot, and ends a refusal with it or with a snapshot", () => {
    const approved: JournalEntry = { _tag: "approved", at: NOW, bytes: 10, runs: 2 }
    const refused: JournalEntry = { _tag: "refused", at: NOW, verdict: "no space", needs: 1, why: "w" }
    assert.deepStrictEqual(hostRecord([approved]).approval, { bytes: 10, runs: 2 })
    assert.deepStrictEqual(hostRecord([approved, taken("1")]).approval, { bytes: 10, runs: 1 })
    assert.isUndefined(hostRecord([approved, taken("1"), taken("2")]).approval)
    assert.isDefined(hostRecord([taken("1"), refused]).refusal)
    assert.isUndefined(hostRecord([refused, approved]).refusal)
    assert.isUndefined(hostRecord([refused, taken("1")]).refusal)
  })

  it("begins anew when all of a host's backups were deleted", () => {
    const record = hostRecord([
      taken("1", { bytes: 9 }),
      held("1", null),
      { _tag: "removed", at: NOW, backups: "deleted" }
    ])
    assert.strictEqual(record.taken.size + record.holds.size + record.sizes.length, 0)
  })
})
