// A run that changes or grows too much: its snapshot is taken and marked, and the one before it held.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import type { Claim } from "../../src/domain/Conversation.ts"
import { approve } from "../../src/programs/Approve.ts"
import { completeRun } from "../../src/programs/CompleteRun.ts"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import { measureBacklog } from "../../src/programs/MeasureBacklog.ts"
import { listSnapshots } from "../../src/programs/ListSnapshots.ts"
import { BtrfsError } from "../../src/services/Btrfs.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Runs as ServerRuns } from "../../src/services/Runs.ts"
import { type Growth, Store } from "../../src/services/Store.ts"
import { at, enrolled, host, hour, pushed, serverFakes, start } from "./serverFakes.ts"

/** What a run wrote, and how many files there are after it. */
interface Run extends Growth {
  readonly files: number
}
const usual: Run = { bytes: 2_000_000, metadata: 0, files: 1000, rewritten: 10, created: 0 }

/** A store in which a host's runs come one after another; what came and went can be told at once, or only when nobody waits. */
class Runs {
  private readonly runs: Array<Run> = []
  readonly names: Array<string> = []
  slow = false
  /** how long it takes to count, in seconds */
  counting = 0
  /** indices of those that cannot be read, and why */
  readonly unreadable = new Map<number, Effect.Effect<never, BtrfsError>>()
  /** so that no two can be compared by their names */
  nameless = false
  next(run: Run) {
    this.runs.push(run)
  }
  get layer() {
    const run = (name: string) => this.runs[this.names.indexOf(name)]!
    const layer = Layer.effect(
      Store,
      Effect.map(Store, (fake) =>
        Store.of({
          ...fake,
          take: (host, name) => Effect.tap(fake.take(host, name), () => Effect.sync(() => this.names.push(name))),
          growth: (_, name) =>
            Effect.suspend(() => this.unreadable.get(this.names.indexOf(name)) ?? Effect.succeed(run(name))),
          names: (_, name, previous) =>
            Effect.suspend(() => {
              const { created, files } = run(name)
              if (this.nameless) return Effect.fail(unreadable)
              return this.slow
                ? Effect.never
                : Effect.delay(
                    Effect.succeed({ added: created, removed: run(previous).files + created - files }),
                    this.counting * 1000
                  )
            }),
          files: (_, name) => Effect.sync(() => run(name).files)
        })
      )
    ).pipe(Layer.provideMerge(serverFakes))
    return Layer.merge(serverFakes, layer)
  }
}

const unreadable = new BtrfsError({
  reason: "unknown",
  action: "measure",
  path: "",
  exitCode: 1,
  stderr: "",
  argumentCount: 4
})
const failures = { fails: Effect.fail(unreadable), throws: Effect.die(new Error("ENOTDIR")) }

const completed = (claim?: Claim, sole = true) =>
  Effect.gen(function* () {
    yield* pushed(0, sole)
    return yield* completeRun({ host, transfer: 0, claim })
  })
const harmless: Claim = { transferred: 10, deleted: 0, bytes: 2_000_000 }

const states = Effect.map(listSnapshots({ host }), ({ snapshots }) =>
  snapshots.map(({ held, state }) => (held ? `${state} held` : state))
)

/** Daily runs like these; the states of the snapshots and which are held, in the end. */
const after = (list: ReadonlyArray<Run>, approved: boolean = false) => {
  const runs = new Runs()
  return Effect.gen(function* () {
    yield* enrolled
    for (const [day, run] of list.entries()) {
      yield* at(start + day * 24 * hour)
      if (approved && day === list.length - 1) yield* approve({ host })
      runs.next(run)
      yield* completed()
      yield* measureBacklog()
    }
    return yield* states
  }).pipe(Effect.provide(runs.layer))
}

/** The same, where the files of the last so many are still being counted when the client has its answer. */
const countedLate = (list: ReadonlyArray<Run>, late: number) => {
  const runs = new Runs()
  return Effect.gen(function* () {
    yield* enrolled
    for (const [day, run] of list.entries()) {
      yield* at(start + day * 24 * hour)
      runs.next(run)
      runs.slow = day >= list.length - late
      const ending = yield* Effect.forkChild(completed())
      yield* at(start + day * 24 * hour + 60)
      assert.isNull((yield* Fiber.join(ending)).anomaly)
      if (!runs.slow) yield* measureBacklog()
    }
    const before = yield* states
    runs.slow = false
    yield* measureBacklog()
    const first = yield* states
    yield* measureBacklog()
    assert.deepStrictEqual(yield* states, first)
    const { entries } = yield* (yield* Journal).read(host)
    assert.lengthOf(
      entries.filter(({ _tag }) => _tag === "counted"),
      1 + late
    )
    return [before, first]
  }).pipe(Effect.provide(runs.layer))
}

const history = [usual, usual, usual, usual]
const calm = ["complete", "complete", "complete"]

describe("a run", () => {
  it.effect("that changes what is usual is complete", () =>
    Effect.map(after([...history, usual]), (states) =>
      assert.deepStrictEqual(states, [...calm, "complete", "complete"])
    )
  )
  it.effect("that rewrites more than half is suspect, and the one before it held", () =>
    Effect.map(after([...history, { ...usual, rewritten: 501 }]), (states) =>
      assert.deepStrictEqual(states, [...calm, "complete held", "suspect"])
    )
  )
  it.effect("that deletes more than half is suspect", () =>
    Effect.map(after([...history, { ...usual, files: 499 }]), (states) =>
      assert.deepStrictEqual(states, [...calm, "complete held", "suspect"])
    )
  )
  it.effect("that grows five times as much as usual is suspect, unless that is approved", () =>
    Effect.gen(function* () {
      const grown = { ...usual, bytes: 10_000_000 }
      assert.deepStrictEqual(yield* after([...history, grown]), [...calm, "complete held", "suspect"])
      assert.deepStrictEqual(yield* after([...history, grown], true), [...calm, "complete", "complete"])
    })
  )
  it.effect("of a host with a handful of files is not", () =>
    Effect.map(after([...history, usual].map((one) => ({ ...one, files: 20, rewritten: 20 }))), (states) =>
      assert.deepStrictEqual(states, [...calm, "complete", "complete"])
    )
  )
  it.effect("whose files take long to count is judged once they are", () =>
    Effect.gen(function* () {
      const deleted = { ...usual, files: 499 }
      const [answered, judged] = yield* countedLate([...history, deleted], 1)
      assert.deepStrictEqual(answered, [...calm, "complete", "complete"])
      assert.deepStrictEqual(judged, [...calm, "complete held", "suspect"])
      const [, twoLate] = yield* countedLate([...history, usual, deleted], 2)
      assert.deepStrictEqual(twoLate, [...calm, "complete", "complete held", "suspect"])
      const [, quiet] = yield* countedLate([...history, usual], 1)
      assert.deepStrictEqual(quiet, [...calm, "complete", "complete"])
    })
  )
  it.effect(
    "whose client says that it deleted very much is told what that means, however long the files take to count",
    () => {
      const runs = new Runs()
      return Effect.gen(function* () {
        yield* enrolled
        const list = [...history, { ...usual, files: 499 }]
        for (const [day, run] of list.entries()) {
          yield* at(start + day * 24 * hour)
          runs.next(run)
          if (day === list.length - 1) runs.counting = 20
          const ending = yield* Effect.forkChild(
            completed({ transferred: 10, deleted: day === 4 ? 501 : 0, bytes: 0 }, day === 4)
          )
          yield* at(start + day * 24 * hour + 30)
          const { anomaly } = yield* Fiber.join(ending)
          assert.strictEqual(anomaly, day === 4 ? "1 % of what was there was rewritten and 50 % deleted" : null)
          yield* measureBacklog()
        }
      }).pipe(Effect.provide(runs.layer))
    }
  )
  it.effect("whose client says that it deleted very much is believed where the files cannot be counted in time", () => {
    const runs = new Runs()
    return Effect.gen(function* () {
      yield* enrolled
      for (const [day, run] of [...history, { ...usual, files: 499 }].entries()) {
        yield* at(start + day * 24 * hour)
        runs.next(run)
        runs.slow = day === history.length
        const claim = { transferred: 10, deleted: runs.slow ? 501 : 0, bytes: 0 }
        const ending = yield* Effect.forkChild(completed(claim, runs.slow))
        yield* at(start + day * 24 * hour + 60)
        const { anomaly } = yield* Fiber.join(ending)
        assert.strictEqual(anomaly, runs.slow ? "1 % of what was there was rewritten and 50 % deleted" : null)
        if (!runs.slow) yield* measureBacklog()
      }
      const suspect = [...calm, "complete held", "suspect"]
      assert.deepStrictEqual(yield* states, suspect)
      runs.slow = false
      yield* measureBacklog()
      assert.deepStrictEqual(yield* states, suspect)
      const { entries } = yield* (yield* Journal).read(host)
      const last = entries.at(-1)
      assert.strictEqual(last?._tag === "counted" ? last.files : last?._tag, 499)
    }).pipe(Effect.provide(runs.layer))
  })
  it.effect("that deletes more than half is suspect, though no names can be compared", () => {
    const runs = new Runs()
    return Effect.gen(function* () {
      yield* enrolled
      // As many came as went, but for the last.
      const churning = { ...usual, created: 300 }
      for (const [day, run] of [churning, churning, churning, churning, { ...churning, files: 790 }].entries()) {
        yield* at(start + day * 24 * hour)
        runs.next(run)
        runs.nameless = true
        yield* completed(harmless)
        yield* measureBacklog()
      }
      assert.deepStrictEqual(yield* states, [...calm, "complete held", "suspect"])
    }).pipe(Effect.provide(runs.layer))
  })
  it.effect("leaves an administrator's hold of the one before it as it is", () => {
    const runs = new Runs()
    return Effect.gen(function* () {
      yield* enrolled
      for (const [day, run] of [...history, { ...usual, files: 499 }].entries()) {
        yield* at(start + day * 24 * hour)
        runs.next(run)
        const held = {
          _tag: "held",
          at: start,
          name: runs.names.at(-1) ?? "",
          until: null,
          why: "by an administrator"
        } as const
        if (day === history.length) yield* (yield* Journal).append(host, held)
        yield* completed()
        yield* measureBacklog()
      }
      yield* at(start + 400 * 24 * hour)
      assert.deepStrictEqual(yield* states, [...calm, "complete held", "complete"])
    }).pipe(Effect.provide(runs.layer))
  })
  it.effect(
    "whose server was stopped before the journal had its snapshot is told of and judged by the next prune",
    () => {
      const runs = new Runs()
      return Effect.gen(function* () {
        yield* enrolled
        for (const [day, run] of history.entries()) {
          yield* at(start + day * 24 * hour)
          runs.next(run)
          yield* completed()
          yield* measureBacklog()
        }
        const time = start + 4 * 24 * hour
        const name = formatSnapshotName(time)
        yield* at(time)
        runs.next({ ...usual, files: 499 })
        const entry = { _tag: "snapshot", at: time, name, state: "complete", by: "host", transfer: 0 } as const
        yield* (yield* ServerRuns).intend(host, entry)
        yield* (yield* Store).take(host, name)
        const under = yield* Effect.scoped(
          Effect.andThen((yield* ServerRuns).lock(host), Effect.andThen(measureBacklog(), states))
        )
        assert.deepStrictEqual(under, [...calm, "complete", "suspect"], "a run that is ending tells the journal itself")
        yield* measureBacklog()
        assert.deepStrictEqual(yield* states, [...calm, "complete held", "suspect"])
      }).pipe(Effect.provide(runs.layer))
    }
  )
  for (const [how, failure] of Object.entries(failures)) {
    it.effect(`that cannot be measured, as that ${how}, keeps none after it from being measured`, () => {
      const runs = new Runs()
      return Effect.gen(function* () {
        yield* enrolled
        for (const [day, run] of [...history, usual, { ...usual, rewritten: 501 }].entries()) {
          yield* at(start + day * 24 * hour)
          runs.next(run)
          if (day === 3) runs.unreadable.set(runs.names.length, failure)
          yield* completed(harmless)
        }
        yield* measureBacklog()
        const { entries } = yield* (yield* Journal).read(host)
        const counted = entries.flatMap((one) => (one._tag === "counted" ? [runs.names.indexOf(one.name)] : []))
        assert.deepStrictEqual(counted, [0, 1, 2, 4, 5])
        assert.deepStrictEqual(yield* states, [...calm, "complete", "complete held", "suspect"])
      }).pipe(Effect.provide(runs.layer))
    })
    it.effect(`has its snapshot and is in the journal, though the measure that it waits for ${how}`, () => {
      const runs = new Runs()
      return Effect.gen(function* () {
        yield* enrolled
        for (const [day, run] of [...history, { ...usual, rewritten: 501 }].entries()) {
          yield* at(start + day * 24 * hour)
          runs.next(run)
          if (day === history.length) runs.unreadable.set(day, failure)
          assert.isNull((yield* completed()).anomaly)
          yield* measureBacklog()
        }
        assert.deepStrictEqual(yield* states, [...calm, "complete", "complete"])
        runs.unreadable.clear()
        yield* measureBacklog()
        assert.deepStrictEqual(yield* states, [...calm, "complete held", "suspect"])
      }).pipe(Effect.provide(runs.layer))
    })
  }
  it.effect("whose client says that it changed little is measured after the answer, and a lie found out", () => {
    const told = (run: Run, claim: Claim, sole: boolean) => {
      const runs = new Runs()
      return Effect.gen(function* () {
        yield* enrolled
        for (const [day, one] of [...history, run].entries()) {
          yield* at(start + day * 24 * hour)
          runs.next(one)
          if (day < history.length) yield* completed()
          if (day < history.length) yield* measureBacklog()
        }
        const { anomaly } = yield* completed(claim, sole)
        const { entries } = yield* (yield* Journal).read(host)
        const last = entries.findLast((entry) => entry._tag === "snapshot")
        const waited = last?.bytes !== undefined
        yield* measureBacklog()
        return { anomaly, waited, states: yield* states }
      }).pipe(Effect.provide(runs.layer))
    }
    const suspect = [...calm, "complete held", "suspect"]
    return Effect.gen(function* () {
      const honest = yield* told(usual, harmless, true)
      assert.deepStrictEqual(honest, { anomaly: null, waited: false, states: [...calm, "complete", "complete"] })
      for (const run of [
        { ...usual, rewritten: 501 },
        { ...usual, files: 499 },
        { ...usual, bytes: 10_000_000 }
      ]) {
        const lie = yield* told(run, harmless, true)
        assert.deepStrictEqual(lie, { anomaly: null, waited: false, states: suspect })
        const others = yield* told(run, harmless, false)
        assert.deepStrictEqual([others.waited, others.states], [true, suspect], "other pushes are not in its figures")
        assert.isNotNull(others.anomaly)
        const truth = yield* told(run, { transferred: run.rewritten, deleted: 501, bytes: run.bytes }, true)
        assert.deepStrictEqual([truth.waited, truth.states], [true, suspect])
        assert.isNotNull(truth.anomaly, "its client is told")
      }
    })
  })
})
