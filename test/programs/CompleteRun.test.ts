// The end of a run, on the server: what becomes a snapshot, what is refused, and what is left behind.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { completeRun } from "../../src/programs/CompleteRun.ts"
import { listSnapshots } from "../../src/programs/ListSnapshots.ts"
import { SnapshotInterval } from "../../src/programs/TakeSnapshot.ts"
import { BtrfsError } from "../../src/services/Btrfs.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Runs } from "../../src/services/Runs.ts"
import { Store } from "../../src/services/Store.ts"
import { SystemFileError } from "../../src/services/SystemFile.ts"
import { record } from "../services/Runs.contract.ts"
import { at, enrolled, host, hour, pushed, serverFakes, start } from "./serverFakes.ts"

const name = "2026-11-23T17:52+0000"
const run = <A, E>(body: Effect.Effect<A, E, Layer.Success<typeof serverFakes>>) =>
  Effect.provide(Effect.andThen(enrolled, body), serverFakes)

/** A failure's tag and its exit code. */
const ending = <A, E extends { readonly _tag: string }, R>(work: Effect.Effect<A, E, R>) =>
  Effect.matchEffect(work, {
    onFailure: (error) =>
      Effect.succeed([error._tag, "exit" in error ? exitCode[error.exit as keyof typeof exitCode] : null] as const),
    onSuccess: () => Effect.die(new Error("it did not fail"))
  })

const names = Effect.map(
  Effect.flatMap(Store, (store) => store.snapshots(host)),
  (snapshots) => snapshots.map((snapshot) => snapshot.name)
)

describe("a run that completes", () => {
  it.effect("becomes a snapshot named by the server's clock, is recorded, and leaves a token", () =>
    run(
      Effect.gen(function* () {
        yield* pushed(0)
        const { due, snapshot, token } = yield* completeRun({ host, transfer: 0 })
        const minute = start - 40
        assert.deepStrictEqual(snapshot, { name, at: minute, state: "complete", held: false })
        assert.strictEqual(due, start + 6 * hour)
        assert.deepStrictEqual(yield* names, [name])
        assert.deepStrictEqual((yield* (yield* Journal).read(host)).entries, [
          { _tag: "snapshot", at: start, name, state: "complete", by: "host", transfer: 0 }
        ])
        assert.deepStrictEqual((yield* listSnapshots({ host })).snapshots, [{ ...snapshot, note: null }])
        assert.strictEqual(yield* (yield* Runs).token(host), token)
      })
    )
  )

  it.effect("whose server was stopped before the journal had its snapshot has that one, and is what it was", () => {
    const stopped = Layer.effect(
      Journal,
      Effect.map(Journal, (journal) => Journal.of({ ...journal, append: () => Effect.interrupt }))
    )
    return run(
      Effect.gen(function* () {
        yield* pushed(23)
        const options = { host, transfer: 0, run: "r1" } as const
        const first = yield* Effect.exit(completeRun(options).pipe(Effect.provide(stopped)))
        assert.isTrue(Exit.isFailure(first))
        assert.deepStrictEqual([yield* names, (yield* (yield* Journal).read(host)).entries], [[name], []])
        const { snapshot, token } = yield* completeRun(options)
        assert.deepStrictEqual(snapshot, { name, at: start - 40, state: "incomplete", held: false })
        assert.isNull(token)
        assert.deepStrictEqual(yield* names, [name])
        const { entries } = yield* (yield* Journal).read(host)
        assert.deepStrictEqual(entries, [
          { _tag: "snapshot", at: start, name, state: "incomplete", by: "host", transfer: 23, run: "r1" }
        ])
        assert.isNull(yield* (yield* Runs).intended(host))
      })
    )
  })

  it.effect("that took no snapshot leaves nothing for the journal to be told", () =>
    run(
      Effect.gen(function* () {
        yield* (yield* Runs).intend(host, {
          _tag: "snapshot",
          at: start,
          name,
          state: "complete",
          by: "host",
          transfer: 0
        })
        yield* pushed(0)
        yield* at(start + 60)
        const { snapshot } = yield* completeRun({ host, transfer: 0 })
        assert.deepStrictEqual(yield* names, [snapshot.name])
        assert.lengthOf((yield* (yield* Journal).read(host)).entries, 1)
      })
    )
  )

  const states = [
    [0, 0, "complete"],
    [24, 0, "complete"],
    [0, 24, "complete"],
    [23, 0, "incomplete"],
    [0, 23, "incomplete"],
    [24, 23, "incomplete"]
  ] as const
  for (const [transfer, received, state] of states) {
    it.effect(`is ${state} when the client's rsync ended with ${transfer} and the server's with ${received}`, () =>
      run(
        Effect.gen(function* () {
          yield* pushed(received)
          const { snapshot } = yield* completeRun({ host, transfer, unreadable: 7 })
          assert.strictEqual(snapshot.state, state)
          assert.deepStrictEqual(
            (yield* listSnapshots({ host })).snapshots.map((each) => each.state),
            [state]
          )
        })
      )
    )
  }

  it.effect("can be followed by the next when it is due, and by none before", () =>
    run(
      Effect.gen(function* () {
        yield* pushed(0)
        const first = yield* completeRun({ host, transfer: 0 })
        yield* at(first.due! - 1)
        yield* pushed(0)
        const error = yield* Effect.flip(completeRun({ host, transfer: 0 }))
        assert.strictEqual(error._tag, "SnapshotTooSoon")
        if (error._tag === "SnapshotTooSoon") assert.deepStrictEqual([error.due, error.exit], [first.due, "tooSoon"])
        // The push still counts when the time has come.
        yield* at(first.due!)
        const second = yield* completeRun({ host, transfer: 0 })
        assert.deepStrictEqual(yield* names, [name, "2026-11-23T23:52+0000"])
        assert.notStrictEqual(second.token, first.token)
      })
    )
  )

  it.effect("may come sooner where the interval is shorter, but never twice in a minute", () =>
    run(
      Effect.gen(function* () {
        yield* pushed(0)
        yield* completeRun({ host, transfer: 0 })
        yield* at(start + 5)
        yield* pushed(0)
        const error = yield* Effect.flip(completeRun({ host, transfer: 0 }))
        assert.strictEqual(error._tag === "SnapshotTooSoon" ? error.due : error._tag, start - 40 + 60)
        yield* at(start + 20)
        yield* completeRun({ host, transfer: 0 })
        assert.lengthOf(yield* names, 2)
      }).pipe(Effect.provideService(SnapshotInterval, 1))
    )
  )

  it.effect("is not held up by a snapshot of the future", () =>
    run(
      Effect.gen(function* () {
        yield* (yield* Store).take(host, "2099-01-01T00:00+0000")
        yield* pushed(0)
        yield* completeRun({ host, transfer: 0 })
        const { snapshots } = yield* listSnapshots({ host })
        assert.deepStrictEqual(
          snapshots.map(({ state }) => state),
          ["complete", "suspect"]
        )
      })
    )
  )

  it.effect("is told of its snapshot again when it asks again, whether or not it has pushed since", () =>
    run(
      Effect.gen(function* () {
        const mine = { host, transfer: 0, run: "0f8fad5b-d9cb-469f-a165-70867728950e" } as const
        yield* pushed(0)
        const first = yield* completeRun(mine)
        yield* at(start + 600)
        assert.deepStrictEqual(yield* completeRun(mine), { ...first, token: null })
        yield* pushed(0)
        assert.deepStrictEqual(yield* completeRun(mine), { ...first, token: null })
        assert.deepStrictEqual(yield* names, [name])
        const other = { ...mine, run: "7c9e6679-7425-40de-944b-e07fc1f90ae7" }
        assert.strictEqual((yield* Effect.flip(completeRun(other)))._tag, "SnapshotTooSoon")
      })
    )
  )

  it.effect("takes its snapshot once, however many ask for it at the same time", () =>
    run(
      Effect.gen(function* () {
        yield* pushed(0)
        const all = yield* Effect.forEach(
          Array.from({ length: 20 }, () => completeRun({ host, transfer: 0 })),
          (work) => Effect.exit(work),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(
          all.filter((exit) => exit._tag === "Success"),
          1
        )
        assert.lengthOf(yield* names, 1)
        assert.lengthOf((yield* (yield* Journal).read(host)).entries, 1)
      })
    )
  )
})

describe("a complete that cannot be", () => {
  const refusals = [
    ["with no push", null],
    ["while the push is still recorded as running, without its lock", "running\n"],
    ["after a push that failed", "ended 12\n"],
    ["after a push that was killed", "ended 137\n"],
    ["with a record that was cut off", "ended 17950000"]
  ] as const
  for (const [title, line] of refusals) {
    it.effect(`${title} is refused and takes nothing`, () =>
      run(
        Effect.gen(function* () {
          if (line !== null) yield* record(host, line)
          assert.deepStrictEqual(yield* ending(completeRun({ host, transfer: 0 })), ["NoFinishedPush", 12])
          assert.deepStrictEqual(yield* names, [])
          assert.isNull(yield* (yield* Runs).token(host))
        })
      )
    )
  }

  it.effect("twice for one push is refused the second time", () =>
    run(
      Effect.gen(function* () {
        yield* pushed(0)
        const { token } = yield* completeRun({ host, transfer: 0 })
        assert.deepStrictEqual(yield* ending(completeRun({ host, transfer: 0 })), ["NoFinishedPush", 12])
        assert.strictEqual(yield* (yield* Runs).token(host), token)
      })
    )
  )

  it.effect("during a push is busy", () =>
    run(
      Effect.scoped(
        Effect.gen(function* () {
          yield* pushed(0)
          yield* (yield* Runs).lock(host)
          assert.deepStrictEqual(yield* ending(completeRun({ host, transfer: 0 })), ["Locked", 11])
          assert.deepStrictEqual(yield* names, [])
        })
      )
    )
  )

  it.effect("of a host that is not enrolled says so", () =>
    run(
      Effect.gen(function* () {
        for (const other of ["b.example", "../a.example", ""]) {
          assert.deepStrictEqual(yield* ending(completeRun({ host: other, transfer: 0 })), ["NotEnrolled", 10])
          assert.deepStrictEqual(yield* ending(listSnapshots({ host: other })), ["NotEnrolled", 10])
        }
      })
    )
  )

  const full = [
    new BtrfsError({ reason: "no-space", action: "", path: "", exitCode: 1, stderr: "", argumentCount: 0 }),
    new SystemFileError({ path: "", action: "make", code: "ENOSPC", detail: "" })
  ]
  for (const error of full) {
    it.effect(`on a full store (${error._tag}) says so, and the push counts when there is room again`, () =>
      run(
        Effect.gen(function* () {
          yield* pushed(0)
          const store = yield* Store
          const fullStore = Store.of({ ...store, take: () => Effect.fail(error) })
          const failed = yield* ending(Effect.provideService(completeRun({ host, transfer: 0 }), Store, fullStore))
          assert.deepStrictEqual(failed, ["NoSpace", 13])
          assert.deepStrictEqual((yield* (yield* Journal).read(host)).entries, [])
          assert.isNull(yield* (yield* Runs).token(host))
          yield* completeRun({ host, transfer: 0 })
          assert.deepStrictEqual(yield* names, [name])
        })
      )
    )
  }
})
