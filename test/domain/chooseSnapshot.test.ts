// Which snapshot a word means.
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { chooseSnapshot } from "../../src/domain/chooseSnapshot.ts"
import type { SnapshotInfo } from "../../src/domain/Conversation.ts"
import { snapshotTime } from "../../src/domain/snapshotName.ts"

const one = (name: string, state: SnapshotInfo["state"] = "complete"): SnapshotInfo => ({
  name,
  at: snapshotTime(name) ?? null,
  state,
  held: false
})

const days = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"].map((day) => one(`${day}T02:00+0000`))
const named = (snapshots: ReadonlyArray<SnapshotInfo>, wanted: string | number) => {
  const chosen = chooseSnapshot(snapshots, wanted)
  return Result.isSuccess(chosen) ? chosen.success.snapshot.name : chosen.failure.message
}

describe("choosing a snapshot", () => {
  it("takes the newest for latest, in whatever order they come", () => {
    assert.strictEqual(named(days.toReversed(), "latest"), "2026-11-23T02:00+0000")
  })

  it("does not take a suspect or a foreign one for latest", () => {
    const future = one("2099-01-01T00:00+0000", "suspect")
    assert.strictEqual(named([...days, future, one("saved", "foreign")], "latest"), "2026-11-23T02:00+0000")
  })

  it("takes any by its name, and what the last push left", () => {
    assert.strictEqual(named([...days, one("saved", "foreign")], "saved"), "saved")
    assert.strictEqual(named([], "current"), "current")
  })

  it("tells of a suspect one that it passed over, and of no older one", () => {
    const bad = { ...one("2026-11-24T02:00+0000", "suspect"), note: "9 of 10 files are new" }
    const passed = (snapshots: ReadonlyArray<SnapshotInfo>, from: string | number) =>
      Result.getOrThrow(chooseSnapshot(snapshots, from)).passed?.name
    assert.strictEqual(passed([...days, bad], "latest"), bad.name)
    assert.strictEqual(passed([...days, bad], bad.at! + 1), bad.name)
    assert.isUndefined(passed([...days, bad], bad.at! - 1))
    assert.isUndefined(passed([...days, bad, one("2026-11-25T02:00+0000")], "latest"))
    assert.strictEqual(
      named([bad], "latest"),
      "every snapshot that this could mean is suspect, so name the one that you want; the newest is 2026-11-24T02:00+0000: 9 of 10 files are new"
    )
    assert.match(named([bad, ...days], bad.at! - 10 * 86_400), /the oldest is 2026-11-20/)
    assert.match(named([bad], bad.at!), /every snapshot/)
  })

  it("names the three nearest where there is none", () => {
    assert.match(named(days, "2026-11-21T03:00+0000"), /2026-11-21T02.*2026-11-22T02.*2026-11-20T02/)
    assert.match(named([], "latest"), /no snapshots on the server yet/)
  })

  it("takes the newest that is not after a time", () => {
    const then = (iso: string, snapshots = days) => {
      const chosen = chooseSnapshot(snapshots, Date.parse(iso) / 1000)
      return Result.isSuccess(chosen) ? chosen.success.snapshot.name : chosen.failure.message
    }
    assert.strictEqual(then("2026-11-21T23:59:59Z"), "2026-11-21T02:00+0000")
    assert.strictEqual(then("2026-11-21T02:00:00Z", days.toReversed()), "2026-11-21T02:00+0000")
    assert.strictEqual(then("2026-11-21T01:59:59Z"), "2026-11-20T02:00+0000")
    assert.strictEqual(then("2027-01-01T00:00:00Z"), "2026-11-23T02:00+0000")
    assert.match(then("2026-11-20T01:59:59Z"), /no snapshot is that old; the oldest is 2026-11-20T02:00\+0000/)
    assert.match(then("2026-11-20T01:59:59Z", []), /no snapshots on the server yet/)
  })
})
