// age: simply the oldest goes first.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { age } from "../../../src/domain/prune/age.ts"
import { aged, ages, named, NOW, snapshots } from "./arbitrary.ts"
import { naiveAge } from "./naive.ts"

describe("age", () => {
  it("puts the newest first, over all hosts, ties by host and then by name", () => {
    assert.deepStrictEqual(ages(age(aged([3, 1, 2, 0]), NOW)), [0, 1, 2, 3])
    assert.strictEqual(named(age([...aged([0, 2], "b"), ...aged([0, 1], "a")], NOW)), "a0 b0 a1 b2")
    assert.deepStrictEqual(
      age(aged([1, 1, 1]).toReversed(), NOW).map((s) => s.id),
      ["000", "001", "002"]
    )
  })

  it("equals the definition, with ties, duplicates and futures", () => {
    fc.assert(fc.property(snapshots(), (list) => assert.deepStrictEqual(age(list, NOW), naiveAge(list, NOW))))
  })

  it("is non-increasing in time", () => {
    fc.assert(
      fc.property(snapshots(), (list) => {
        const order = age(list, NOW)
        assert.ok(order.every((s, i) => i === 0 || order[i - 1]!.t >= s.t))
      })
    )
  })
})
