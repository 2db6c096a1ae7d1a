// What every Sudoers promises: a drop-in that visudo takes is there afterwards, another changes nothing.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { isSudoNewEnough, sudoersDropIn } from "../../src/domain/setup/sudoersDropIn.ts"
import { Sudoers } from "../../src/services/Sudoers.ts"

const good = sudoersDropIn("/usr/lib/byteback/byteback-priv")

export const suite = (name: string, layer: Layer.Layer<Sudoers, unknown>): void => {
  const fact = <E>(title: string, body: (sudoers: Sudoers["Service"]) => Effect.Effect<void, E>) =>
    it.live(title, () => Effect.flatMap(Sudoers, body).pipe(Effect.provide(layer)))

  describe(`Sudoers (${name})`, () => {
    fact("takes the drop-in of set-up, and reads it back", (sudoers) =>
      Effect.gen(function* () {
        assert.isNull(yield* sudoers.dropIn)
        yield* sudoers.install(good)
        yield* sudoers.install(good)
        assert.strictEqual(yield* sudoers.dropIn, good)
      })
    )

    fact("refuses what visudo refuses, and keeps what was there", (sudoers) =>
      Effect.gen(function* () {
        const first = yield* Effect.flip(sudoers.install("byteback may do anything\n"))
        assert.deepInclude(first, { _tag: "SudoersError", reason: "refused" })
        assert.isNull(yield* sudoers.dropIn)
        yield* sudoers.install(good)
        yield* Effect.flip(sudoers.install("byteback may do anything\n"))
        assert.strictEqual(yield* sudoers.dropIn, good)
      })
    )

    fact("knows its version", (sudoers) =>
      Effect.gen(function* () {
        assert.isTrue(isSudoNewEnough(yield* sudoers.version))
      })
    )
  })
}
