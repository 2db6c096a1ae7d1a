// PruneTimer on real machines of the lab, with a systemd of their own: the contract, and that the timer runs.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Exec } from "../../src/services/Exec.ts"
import { PruneTimer } from "../../src/services/PruneTimer.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { booted } from "../e2e/systemd.ts"
import { Lab, type Machine } from "../lab/Lab.ts"
import { PruneTimerSite, type Situation, suite } from "../services/PruneTimer.contract.ts"
import { isRoot, needsRoot } from "./btrfsImage.ts"

const unit = "byteback-prune.timer"

/** The timer of a machine, whose programs run and whose files lie as `within` says. */
const timerOf = (machine: Machine, within: (...argv: ReadonlyArray<string>) => ReadonlyArray<string>) => {
  const exec = Exec.layerFake((program, args) =>
    Effect.map(
      Effect.orDie(machine.run(within(program, ...args), { env: { LC_ALL: "C" } })),
      ({ code, stderr, stdout }) => ({ code, text: stdout, stderr })
    )
  )
  const files = Layer.mock(SystemFile, {
    state: (path) =>
      Effect.map(Effect.orDie(machine.run(within("test", "-d", path))), ({ code }) =>
        code === 0 ? { kind: "directory", uid: 0, mode: 0o755 } : null
      )
  })
  return PruneTimer.pipe(Effect.provide(PruneTimer.layer.pipe(Layer.provide([exec, files]))))
}

const site = Layer.effect(
  PruneTimerSite,
  Effect.map(Lab, (lab) => ({
    on: Effect.fn("on")(function* (situation: Situation) {
      const machine = yield* lab.machine("server", { install: situation !== "without the timer" })
      if (situation === "without systemd") return yield* timerOf(machine, (...argv) => argv)
      const within = yield* booted(machine)
      if (situation === "masked") yield* machine.ok(within("systemctl", "mask", unit))
      return yield* timerOf(machine, within)
    })
  }))
).pipe(Layer.provide(Lab.layer()))

describe.skipIf(!isRoot)(`on real machines${needsRoot}`, () => {
  suite("systemd", site)

  it.live("the timer that was enabled waits for its hour at once, and again after the next boot", () =>
    Effect.gen(function* () {
      const lab = yield* Lab
      const machine = yield* lab.machine("server", { install: true })
      for (const boot of ["first", "next"]) {
        yield* Effect.gen(function* () {
          const within = yield* booted(machine)
          const timer = yield* timerOf(machine, within)
          if (boot === "first") yield* timer.enable
          assert.strictEqual(yield* timer.state, "enabled")
          assert.strictEqual((yield* machine.ok(within("systemctl", "is-active", unit))).trim(), "active")
          const next = yield* machine.ok(within("systemctl", "show", "--property=NextElapseUSecRealtime", unit))
          assert.match(next, /^NextElapseUSecRealtime=.*\d\d:\d\d:\d\d/)
        }).pipe(Effect.scoped)
      }
    }).pipe(Effect.scoped, Effect.provide(Lab.layer()))
  )
})
