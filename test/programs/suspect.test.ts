// A run that changes or grows too much: its snapshot is taken and marked, and the one before it held.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { approve } from "../../src/programs/Approve.ts"
import { completeRun } from "../../src/programs/CompleteRun.ts"
import { listSnapshots } from "../../src/programs/ListSnapshots.ts"
import { type Growth, Store } from "../../src/services/Store.ts"
import { at, enrolled, host, hour, pushed, serverFakes, start } from "./serverFakes.ts"

const usual: Growth = { bytes: 2_000_000, files: 1000, rewritten: 10, created: 0 }

/** Daily runs that grow like this; the states of the snapshots and which are held, in the end. */
const after = (growths: ReadonlyArray<Growth>, approved: boolean = false) => {
  const left = [...growths]
  const layer = Layer.effect(
    Store,
    Effect.map(Store, (fake) => Store.of({ ...fake, growth: () => Effect.sync(() => left.shift()!) }))
  ).pipe(Layer.provideMerge(serverFakes))
  return Effect.gen(function* () {
    yield* enrolled
    for (let day = 0; left.length > 0; day++) {
      yield* at(start + day * 24 * hour)
      if (approved && left.length === 1) yield* approve({ host })
      yield* pushed(0)
      yield* completeRun({ host, transfer: 0 })
    }
    return (yield* listSnapshots({ host })).snapshots.map(({ held, state }) => (held ? `${state} held` : state))
  }).pipe(Effect.provide(Layer.merge(serverFakes, layer)))
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
})
