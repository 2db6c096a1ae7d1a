// Journal keeps its promises on a disk, and what a crash did to the file costs nothing else.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { appendFileSync, readFileSync, statSync, truncateSync } from "node:fs"
import { Journal } from "../../src/services/Journal.ts"
import { Layout } from "../../src/services/Layout.ts"
import { suite, taken } from "../services/Journal.contract.ts"
import { layoutInTemp } from "./layoutInTemp.ts"

const layer = Journal.layer.pipe(Layer.provideMerge(layoutInTemp))

suite("on a disk", layer)

describe("a journal's file", () => {
  it.live("cut off in its last line takes the next entry on a fresh line", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      const path = `${(yield* Layout).state}/journal/a.ndjson`
      yield* journal.append("a", taken(1))
      const whole = statSync(path).size
      yield* journal.append("a", taken(2))
      truncateSync(path, whole + 5)
      assert.deepStrictEqual(yield* journal.read("a"), { entries: [taken(1)], damaged: [2] })
      yield* journal.append("a", taken(3))
      assert.deepStrictEqual(yield* journal.read("a"), { entries: [taken(1), taken(3)], damaged: [2] })
      // Only the newline was lost: the entry is whole and stays.
      truncateSync(path, statSync(path).size - 1)
      yield* journal.append("a", taken(4))
      assert.deepStrictEqual((yield* journal.read("a")).entries, [taken(1), taken(3), taken(4)])
    }).pipe(Effect.provide(layer))
  )

  it.live("damaged in the middle is read around and only appended to", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      const path = `${(yield* Layout).state}/journal/a.ndjson`
      yield* journal.append("a", taken(1))
      appendFileSync(path, Buffer.from([0xff, 0x00, 0x0a]))
      const before = readFileSync(path)
      yield* journal.append("a", taken(2))
      assert.deepStrictEqual(yield* journal.read("a"), { entries: [taken(1), taken(2)], damaged: [2] })
      assert.isTrue(readFileSync(path).subarray(0, before.length).equals(before))
    }).pipe(Effect.provide(layer))
  )

  it.live("is root's alone", () =>
    Effect.gen(function* () {
      yield* (yield* Journal).append("a", taken(1))
      const { state } = yield* Layout
      assert.strictEqual(statSync(`${state}/journal`).mode & 0o777, 0o700)
      assert.strictEqual(statSync(`${state}/journal/a.ndjson`).mode & 0o777, 0o600)
    }).pipe(Effect.provide(layer))
  )
})
