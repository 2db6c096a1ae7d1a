// Restore points: what the store holds, judged by what the journal says.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { JournalEntry } from "../../src/domain/JournalEntry.ts"
import { type StoredSnapshot, joinSnapshots, oldestFirst, timesTaken } from "../../src/domain/snapshotList.ts"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"

const now = 1_795_000_000
const minute = fc.integer({ min: 0, max: 66_000_000 })
const stored = (at: number, more: Partial<StoredSnapshot> = {}): StoredSnapshot => ({
  name: formatSnapshotName(at),
  at,
  foreign: false,
  sealed: true,
  ...more
})
const foreign = (name: string) => ({ name, at: null, foreign: true, sealed: false })
const taken = (at: number, state: "complete" | "incomplete" = "complete"): JournalEntry => ({
  _tag: "snapshot",
  at,
  name: formatSnapshotName(at),
  state,
  by: "host",
  transfer: state === "complete" ? 0 : 23
})
const deleted: JournalEntry = { _tag: "removed", at: now, backups: "deleted" }

describe("a host's restore points", () => {
  it("are listed oldest first, each once, foreign ones before all others", () => {
    const some = fc.uniqueArray(minute).map((minutes) => minutes.map((each) => stored(each * 60)))
    const others = fc.uniqueArray(fc.string({ minLength: 1 })).map((names) => names.map(foreign))
    fc.assert(
      fc.property(some, others, (some, others) => {
        const list = joinSnapshots([...some, ...others], [], now)
        const names = others.map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1))
        const times = some.map(({ at }) => at!).toSorted((a, b) => a - b)
        assert.deepStrictEqual(
          list.map(({ name }) => name),
          [...names, ...times.map(formatSnapshotName)]
        )
      })
    )
  })

  it("have an order by time which their names have too", () => {
    fc.assert(
      fc.property(minute, minute, (a, b) => {
        const [first, second] = [stored(a * 60), stored(b * 60)]
        const byName = first.name < second.name ? -1 : first.name > second.name ? 1 : 0
        assert.strictEqual(Math.sign(oldestFirst(first, second)), byName)
      })
    )
  })

  it("are complete or incomplete as the journal says, and complete with a note where it says nothing", () => {
    const list = joinSnapshots([stored(600), stored(1200), stored(1800)], [taken(600), taken(1200, "incomplete")], now)
    assert.deepStrictEqual(
      list.map(({ state }) => state),
      ["complete", "incomplete", "complete"]
    )
    assert.deepStrictEqual(
      list.map(({ note }) => note !== null),
      [false, false, true]
    )
  })

  it("are suspect for 30 days where the journal, which was kept when they were taken, does not have them", () => {
    const day = 86_400
    const states = (at: number, journal: ReadonlyArray<JournalEntry>, time: number) =>
      joinSnapshots([stored(600), stored(at)], journal, time).map(({ state }) => state)
    const at = 100 * day
    assert.deepStrictEqual(states(at, [taken(600)], at), ["complete", "suspect"])
    assert.deepStrictEqual(states(at, [taken(600), taken(at + day)], at + 29 * day), ["complete", "suspect"])
    assert.deepStrictEqual(states(at, [taken(600)], at + 30 * day), ["complete", "complete"])
    // From before there was a journal, or since it was lost as a whole.
    assert.deepStrictEqual(states(at, [taken(at + day)], at + 2 * day), ["complete", "complete"])
    assert.deepStrictEqual(states(at, [], at), ["complete", "complete"])
  })

  it("are suspect when they are not sealed or of the future, whatever the journal says", () => {
    const future = now + 3660
    const list = joinSnapshots([stored(600, { sealed: false }), stored(future)], [taken(600), taken(future)], now)
    assert.deepStrictEqual(
      list.map(({ state }) => state),
      ["suspect", "suspect"]
    )
    assert.strictEqual(joinSnapshots([stored(now + 3600)], [], now)[0]?.state, "complete")
  })

  it("tell how much was new in them, and what holds them for how long", () => {
    const sized: JournalEntry = { ...taken(600), bytes: 5000, files: 3 } as JournalEntry
    const held = (at: number, until: number | null): JournalEntry => {
      const name = formatSnapshotName(at)
      return { _tag: "held", at, name, until, why: "by an administrator" }
    }
    const journal = [sized, taken(1200), held(600, null), held(1200, now + 9), taken(1800), held(1800, now - 1)]
    const list = joinSnapshots([stored(600), stored(1200), stored(1800)], journal, now)
    assert.deepStrictEqual(
      list.map(({ bytes, files, held: isHeld, hold }) => [bytes, files, isHeld, hold?.until, hold?.why]),
      [
        [5000, 3, true, null, "by an administrator"],
        [undefined, undefined, true, now + 9, "by an administrator"],
        [undefined, undefined, false, undefined, undefined]
      ]
    )
  })

  it("were taken at the times of the journal and of all sealed names, but not of what was deleted with the host", () => {
    const given = [stored(600), stored(1200, { sealed: false }), foreign("saved-do-not-delete")]
    assert.sameMembers([...timesTaken(given, [taken(1830)])], [1830, 600])
    assert.sameMembers([...timesTaken([], [taken(600), deleted, taken(1200)])], [1200])
    const again = joinSnapshots([stored(600)], [taken(600, "incomplete"), deleted], now)
    assert.strictEqual(again[0]?.state, "complete")
  })
})
