// What Journal promises, in memory and on a disk alike.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { SnapshotTaken } from "../../src/domain/JournalEntry.ts"
import { Journal } from "../../src/services/Journal.ts"

export const taken = (at: number): SnapshotTaken => ({
  _tag: "snapshot",
  at,
  name: "2026-11-23T17:52+0000",
  state: "complete",
  by: "host",
  transfer: 0
})

export const suite = <E>(name: string, layer: Layer.Layer<Journal, E>) =>
  describe(`Journal: ${name}`, () => {
    const fact = <X>(title: string, body: Effect.Effect<unknown, X, Journal>) =>
      it.live(title, () => Effect.provide(body, layer))

    fact(
      "is empty for a host of which nothing is known",
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* (yield* Journal).read("a"), { entries: [], damaged: [] })
      })
    )

    fact(
      "keeps the entries of each host in the order in which they came",
      Effect.gen(function* () {
        const journal = yield* Journal
        yield* journal.append("a", { _tag: "enrolled", at: 1, uid: 1_200_000_000, key: "SHA256:x\n\u001b" })
        yield* journal.append("b", taken(2))
        yield* journal.append("a", taken(3))
        yield* journal.append("a", { _tag: "removed", at: 4, backups: "kept" })
        assert.deepStrictEqual(
          (yield* journal.read("a")).entries.map(({ _tag, at }) => [_tag, at]),
          [
            ["enrolled", 1],
            ["snapshot", 3],
            ["removed", 4]
          ]
        )
        assert.deepStrictEqual(yield* journal.read("b"), { entries: [taken(2)], damaged: [] })
      })
    )

    fact(
      "knows the hosts that it has entries of, by name",
      Effect.gen(function* () {
        const journal = yield* Journal
        assert.deepStrictEqual(yield* journal.hosts, [])
        for (const host of ["web", "db.example", "mail"]) yield* journal.append(host, taken(1))
        yield* journal.read("nobody")
        assert.deepStrictEqual(yield* journal.hosts, ["db.example", "mail", "web"])
      })
    )

    fact(
      "loses nothing when many write at once",
      Effect.gen(function* () {
        const journal = yield* Journal
        const times = Array.from({ length: 30 }, (_, index) => index)
        yield* Effect.forEach(times, (at) => journal.append("a", taken(at)), { concurrency: "unbounded" })
        const { damaged, entries } = yield* journal.read("a")
        assert.deepStrictEqual(damaged, [])
        assert.sameMembers(
          entries.map(({ at }) => at),
          times
        )
      })
    )

    fact(
      "makes no path of a word that is no host's name",
      Effect.gen(function* () {
        const journal = yield* Journal
        const ended = yield* Effect.exit(journal.append("../a", taken(1)))
        assert.strictEqual(ended._tag, "Failure")
      })
    )
  })
