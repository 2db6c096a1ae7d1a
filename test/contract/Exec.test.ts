// Exec on real processes: the contract, and what only they can show.
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Exec } from "../../src/services/Exec.ts"
import { suite } from "../services/Exec.contract.ts"

const real = Exec.layer.pipe(Layer.provide(NodeServices.layer))

suite("Exec (real)", real)

const run = (script: string, options = {}) => Effect.flatMap(Exec, (exec) => exec.run("sh", ["-c", script], options))

/** Is there any process whose command line holds this word? */
const running = (word: string) =>
  Effect.map(run(`pgrep -f '[${word[0]}]${word.slice(1)}' >/dev/null`), ({ code }) => code === 0)

const eventually = (holds: Effect.Effect<boolean, unknown, Exec>) =>
  Effect.gen(function* () {
    for (let tries = 0; tries < 500; tries += 1) {
      if (yield* Effect.orDie(holds)) return
      yield* Effect.sleep("10 millis")
    }
    assert.fail("not within 5 s")
  })

describe("a real program", () => {
  it.live("has its stderr kept to the last 8 KiB, however much it says", () =>
    Effect.gen(function* () {
      const { stderr, code } = yield* run("seq 1 200000 >&2; echo last >&2; exit 3")
      assert.strictEqual(code, 3)
      assert.isAtMost(stderr.length, 8192)
      assert.isTrue(stderr.endsWith("200000\nlast\n"))
    }).pipe(Effect.provide(real))
  )

  it.live("is stopped when it prints more than was allowed", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run("yes", { maxOutput: 100_000 }))
      assert.strictEqual(error.reason, "output-too-large")
    }).pipe(Effect.provide(real))
  )

  it.live("is stopped with its children when its time is up, or when nobody waits any more", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run("sleep 4321 & sleep 4321", { timeout: "50 millis" }))
      assert.strictEqual(error.reason, "timeout")
      yield* eventually(Effect.map(running("sleep 4321"), (any) => !any))
      const fiber = yield* Effect.forkChild(run("sleep 4322 & sleep 4322"))
      yield* eventually(running("sleep 4322"))
      yield* Fiber.interrupt(fiber)
      yield* eventually(Effect.map(running("sleep 4322"), (any) => !any))
    }).pipe(Effect.provide(real))
  )

  it.live("is not waited for when it has ended and only something that it left holds its pipes", () =>
    Effect.gen(function* () {
      const { code, text } = yield* run("setsid sleep 30 & echo done; exit 4")
      assert.deepStrictEqual([code, text], [4, "done\n"])
      yield* run("pkill -f '[s]leep 30'")
    }).pipe(Effect.provide(real))
  )

  it.live("gets nothing of our environment but the PATH", () =>
    Effect.gen(function* () {
      const { text } = yield* run("env | cut -d= -f1 | sort | tr '\\n' ' '")
      assert.strictEqual(text, "LC_ALL PATH PWD ")
    }).pipe(Effect.provide(real))
  )
})
