// What Hooks promises, on whatever runs them.
import { assert, layer } from "@effect/vitest"
import { Context, Effect, type Layer } from "effect"
import { Hooks } from "../../src/services/Hooks.ts"

/**
 * Directories of hooks that write their names down: `good` holds 10-first and 20-second, `bad` holds 10-first, 20-fails
 * (exit code 3) and 30-never, `told` holds 10-told, which writes down its variable WORD; `none` is not there.
 */
export class HooksSite extends Context.Service<
  HooksSite,
  {
    readonly directory: (name: "good" | "bad" | "told" | "none") => string
    /** what was written down since the last time */
    readonly ran: Effect.Effect<ReadonlyArray<string>>
  }
>()("test/HooksSite") {}

export const suite = <E>(name: string, site: Layer.Layer<Hooks | HooksSite, E>) =>
  layer(site, { excludeTestServices: true })(name, (it) => {
    it.effect("run in the order of their names", () =>
      Effect.gen(function* () {
        const { directory, ran } = yield* HooksSite
        assert.strictEqual(yield* (yield* Hooks).run(directory("good")), 2)
        assert.deepStrictEqual(yield* ran, ["10-first", "20-second"])
      })
    )

    it.effect("stop at the first that fails, which is named", () =>
      Effect.gen(function* () {
        const { directory, ran } = yield* HooksSite
        const error = yield* Effect.flip((yield* Hooks).run(directory("bad")))
        assert.strictEqual(error.name, `${directory("bad")}/20-fails`)
        assert.strictEqual(error.code, 3)
        assert.match(error.message, /20-fails failed with exit code 3/)
        assert.deepStrictEqual(yield* ran, ["10-first", "20-fails"])
      })
    )

    it.effect("are told what they are run for", () =>
      Effect.gen(function* () {
        const { directory, ran } = yield* HooksSite
        yield* (yield* Hooks).run(directory("told"), { WORD: "complete" })
        assert.deepStrictEqual(yield* ran, ["complete"])
      })
    )

    it.effect("are none where there is no directory", () =>
      Effect.gen(function* () {
        const { directory } = yield* HooksSite
        assert.strictEqual(yield* (yield* Hooks).run(directory("none")), 0)
      })
    )
  })
