// An administrator's snapshot: when it is taken, and what it is said to hold.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { completeRun } from "../../src/programs/CompleteRun.ts"
import { takeSnapshot } from "../../src/programs/TakeSnapshot.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Runs } from "../../src/services/Runs.ts"
import { Store } from "../../src/services/Store.ts"
import { record } from "../services/Runs.contract.ts"
import { at, enrolled, host, hour, pushed, serverFakes, start } from "./serverFakes.ts"

const run = <A, E>(body: Effect.Effect<A, E, Layer.Success<typeof serverFakes>>) =>
  Effect.provide(Effect.andThen(enrolled, body), serverFakes)

const state = Effect.map(takeSnapshot({ host, force: true }), ({ snapshot }) => snapshot.state)

describe("an administrator's snapshot", () => {
  it.effect("is taken when it is due, or sooner when it is forced", () =>
    run(
      Effect.gen(function* () {
        yield* pushed(0)
        yield* takeSnapshot({ host, force: false })
        yield* at(start + hour)
        const error = yield* Effect.flip(takeSnapshot({ host, force: false }))
        assert.strictEqual(error._tag === "SnapshotTooSoon" ? error.due : error._tag, start + 6 * hour)
        const forced = yield* takeSnapshot({ host, force: true })
        assert.strictEqual(forced.due, start + 7 * hour)
        assert.lengthOf(yield* (yield* Store).snapshots(host), 2)
      })
    )
  )

  it.effect("is never taken twice in a minute, forced or not", () =>
    run(
      Effect.gen(function* () {
        yield* takeSnapshot({ host, force: true })
        const error = yield* Effect.flip(takeSnapshot({ host, force: true }))
        assert.strictEqual(error._tag === "SnapshotTooSoon" ? error.due : error._tag, start - 40 + 60)
      })
    )
  )

  it.effect("waits for no push: it is busy", () =>
    run(
      Effect.scoped(
        Effect.gen(function* () {
          yield* (yield* Runs).lock(host)
          assert.strictEqual((yield* Effect.flip(takeSnapshot({ host, force: true })))._tag, "Locked")
        })
      )
    )
  )

  const pushes = [
    ["ended 0\n", "complete"],
    ["ended 24\n", "complete"],
    ["ended 23\n", "incomplete"],
    ["ended 12\n", "incomplete"],
    ["running\n", "incomplete"],
    ["", "incomplete"]
  ] as const
  for (const [line, expected] of pushes) {
    it.effect(`is ${expected} where the last push says ${JSON.stringify(line)}`, () =>
      run(
        Effect.gen(function* () {
          yield* record(host, line)
          assert.strictEqual(yield* state, expected)
        })
      )
    )
  }

  for (const transfer of [0, 23] as const) {
    it.effect(`is as the last run's where nothing was pushed since (${transfer})`, () =>
      run(
        Effect.gen(function* () {
          yield* pushed(0)
          const last = yield* completeRun({ host, transfer })
          yield* at(start + hour)
          assert.strictEqual(yield* state, last.snapshot.state)
          const { entries } = yield* (yield* Journal).read(host)
          assert.deepStrictEqual(
            entries.map((entry) => entry._tag === "snapshot" && [entry.by, entry.transfer]),
            [
              ["host", transfer],
              ["administrator", transfer]
            ]
          )
          // What the client remembers stays true.
          assert.strictEqual(yield* (yield* Runs).token(host), last.token)
        })
      )
    )
  }
})
