// How much room is defended, and whose room it is.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { hostReserve, storeReserve } from "../../../src/domain/prune/reserve.ts"
import { shares } from "../../../src/domain/prune/share.ts"

describe("a host's reserve", () => {
  const table: ReadonlyArray<readonly [ReadonlyArray<number>, number]> = [
    [[4, 4, 4, 4], 6],
    [[], 0],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 12],
    [[0], 0],
    [[1], 2],
    [[3], 5],
    [[100e12, 100e12, 100e12], 150e12]
  ]
  for (const [sizes, reserve] of table) {
    it(`of ${sizes.length} sizes (${sizes.join(" ")}) is ${reserve}`, () =>
      assert.strictEqual(hostReserve(sizes), reserve))
  }

  it("is 1.5 times the mean of the last ten, rounded up, exactly", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 ** 46 }), { minLength: 1, maxLength: 15 }), (sizes) => {
        const last = sizes.slice(-10).map(BigInt)
        const [up, down] = [3n * last.reduce((a, b) => a + b), 2n * BigInt(last.length)]
        assert.strictEqual(BigInt(hostReserve(sizes)), (up + down - 1n) / down)
      })
    )
  })
})

describe("the store's reserve", () => {
  it("is the sum of the largest, as many as are admitted at once", () => {
    assert.strictEqual(storeReserve([1, 9, 5, 7], 2), 16)
    assert.strictEqual(storeReserve([3], 4), 3)
    assert.strictEqual(storeReserve([], 4), 0)
  })
})

describe("shares", () => {
  it("divide the store by weight, and never give out more than there is", () => {
    assert.deepStrictEqual(
      [
        ...shares(
          100,
          new Map([
            ["a", 1],
            ["b", 3]
          ])
        )
      ],
      [
        ["a", 25],
        ["b", 75]
      ]
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 50 }),
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1 }),
        (store, weights) => {
          const parts = shares(store, new Map(weights.map((weight, i) => [`h${i}`, weight])))
          const sum = [...parts.values()].reduce((a, b) => a + b)
          assert.isAtMost(sum, store)
          if (weights.some((weight) => weight > 0)) assert.isAbove(sum, store - weights.length - 1)
        }
      )
    )
  })

  it("of weight 0 are nothing", () => {
    assert.strictEqual(
      shares(
        100,
        new Map([
          ["a", 0],
          ["b", 1]
        ])
      ).get("a"),
      0
    )
    assert.strictEqual(shares(100, new Map([["a", 0]])).get("a"), 0)
  })
})
