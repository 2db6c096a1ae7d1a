// Samples: fair, bounded, and the same again.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { numbers, Reservoir } from "../../src/domain/sample.ts"

const drawn = (seed: number, sizes: ReadonlyArray<number>, most: number, bytes: number) => {
  const reservoir = new Reservoir<{ size: number; index: number }>(seed, most)
  for (const [index, size] of sizes.entries()) reservoir.show({ size, index })
  return reservoir.within(bytes)
}

describe("a sample", () => {
  it("is never too many or too much, has each once, and all where all fit", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.nat(100)),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(2000),
        (seed, sizes, most, bytes) => {
          const sample = drawn(seed, sizes, most, bytes)
          assert.isAtMost(sample.length, most)
          assert.isAtMost(
            sample.reduce((sum, { size }) => sum + size, 0),
            bytes
          )
          assert.strictEqual(new Set(sample.map(({ index }) => index)).size, sample.length)
          assert.deepStrictEqual(drawn(seed, sizes, most, bytes), sample)
          if (sizes.length <= most && bytes === 2000) assert.lengthOf(sample, sizes.length)
        }
      )
    )
  })

  it("gives each the same chance", () => {
    const times = Array.from({ length: 50 }, () => 0)
    for (let seed = 0; seed < 4000; seed += 1)
      for (const { index } of drawn(
        seed,
        times.map(() => 1),
        10,
        1000
      ))
        times[index]! += 1
    // 800 each, and a standard deviation of 25
    for (const [index, count] of times.entries()) assert.closeTo(count, 800, 130, `place ${index}`)
  })

  it("draws from numbers that fill the range", () => {
    const next = numbers(7)
    const many = Array.from({ length: 10_000 }, next)
    assert.isTrue(many.every((one) => one >= 0 && one < 1))
    assert.closeTo(many.reduce((sum, one) => sum + one, 0) / many.length, 0.5, 0.02)
  })
})
