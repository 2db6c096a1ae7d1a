// What every PruneTimer promises, on machines with systemd and without.
import { assert, layer } from "@effect/vitest"
import { Context, Effect, type Layer, type Scope } from "effect"
import { PruneTimer } from "../../src/services/PruneTimer.ts"

/** `fresh`: byteback is installed, and the timer was never enabled. The others differ from that in what their names say. */
export type Situation = "fresh" | "masked" | "without the timer" | "without systemd"

export class PruneTimerSite extends Context.Service<
  PruneTimerSite,
  {
    /** The timer of a machine of its own. */
    readonly on: (situation: Situation) => Effect.Effect<PruneTimer["Service"], unknown, Scope.Scope>
  }
>()("test/PruneTimerSite") {}

export const suite = <E>(name: string, site: Layer.Layer<PruneTimerSite, E>) =>
  layer(site, { excludeTestServices: true })(`PruneTimer (${name})`, (it) => {
    it.effect("is disabled until it is enabled, which may be done again", () =>
      Effect.gen(function* () {
        const timer = yield* (yield* PruneTimerSite).on("fresh")
        assert.strictEqual(yield* timer.state, "disabled")
        yield* timer.enable
        assert.strictEqual(yield* timer.state, "enabled")
        yield* timer.enable
        assert.strictEqual(yield* timer.state, "enabled")
      }).pipe(Effect.scoped)
    )

    for (const situation of ["masked", "without the timer", "without systemd"] as const) {
      it.effect(`is none on a machine that is ${situation}, and cannot be enabled there`, () =>
        Effect.gen(function* () {
          const timer = yield* (yield* PruneTimerSite).on(situation)
          assert.strictEqual(yield* timer.state, "none")
          const error = yield* Effect.flip(timer.enable)
          assert.deepInclude({ ...error }, { _tag: "PruneTimerError", exitCode: 1 })
          assert.match(error.message, /^systemctl enable --now byteback-prune\.timer ended with 1: ./)
          assert.strictEqual(yield* timer.state, "none")
        }).pipe(Effect.scoped)
      )
    }
  })
