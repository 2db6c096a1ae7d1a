// A run of a client against stand-ins: hooks around it, retries by the clock, and the ends that a run can come to.
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, FileSystem, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { exitCode } from "../../src/domain/exitCode.ts"
import { backup, BackupRetry, type BackupOptions } from "../../src/programs/Backup.ts"
import { BackupServer, type BackupSession, ServerIncompatible, ServerRefused } from "../../src/services/BackupServer.ts"
import { ClientConfig } from "../../src/services/ClientConfig.ts"
import { Hooks } from "../../src/services/Hooks.ts"
import { Lock } from "../../src/services/Lock.ts"
import { type FakeWorld, Rsync } from "../../src/services/Rsync.ts"
import { SshError } from "../../src/services/Ssh.ts"

const snapshot = { name: "2026-11-23T17:52+0000", at: 1_795_456_320, state: "complete", held: false } as const

/** A world with one file on the machine and a server that answers as it should, and a record of what happened in order. */
const scene = (
  given: {
    readonly trouble?: FakeWorld["trouble"]
    readonly answers?: Partial<Omit<BackupSession, "rsh" | "alias">>
    /** how many answers to complete are lost on their way */
    readonly lost?: number
    readonly preHook?: number
    readonly postHook?: number
    readonly files?: Record<string, string>
  } = {}
) => {
  const events: Array<string> = []
  const claims: Array<number | undefined> = []
  const runs: Array<string | undefined> = []
  const world: FakeWorld = {
    machine: new Map([["/etc/motd", "hello"]]),
    current: new Map(),
    snapshots: new Map(),
    trouble: [...(given.trouble ?? [])]
  }
  const hook = (name: string, code = 0) => ({
    name,
    run: (environment: Readonly<Record<string, string>>) => {
      events.push(`${name} ${environment["BYTEBACK_OUTCOME"] ?? ""}`.trim())
      return code
    }
  })
  const layer = Layer.mergeAll(
    Rsync.layerFake(world),
    Lock.layerFake,
    Hooks.layerFake({
      "/etc/byteback/pre-backup.d": [hook("pre", given.preHook)],
      "/etc/byteback/post-backup.d": [hook("post", given.postHook)]
    }),
    ClientConfig.layerFake({ files: given.files ?? { destination: "byteback@backup.example.org:\n" } }),
    FileSystem.layerNoop({
      access: () => Effect.void,
      makeDirectory: () => Effect.void,
      readFile: () => Effect.succeed(new Uint8Array())
    }),
    BackupServer.layerFake({
      hello: Effect.sync(() => {
        events.push("hello")
        return { _tag: "hello", protocol: 1, oldest: 1, version: "0.5.0", host: "web", now: 0 }
      }),
      complete: ({ claim, run, transfer }) =>
        Effect.suspend(() => {
          events.push(`complete ${transfer}`)
          claims.push(claim?.transferred)
          return runs.push(run) > (given.lost ?? 0)
            ? Effect.succeed({ _tag: "complete" as const, snapshot, due: null, token: "t" })
            : Effect.fail(lost)
        }),
      ...given.answers
    })
  )
  const run = (options: Partial<BackupOptions> = {}) => backup({ settings: {}, ...options }).pipe(Effect.provide(layer))
  return { run, events, claims, runs, world }
}

const network = { reason: "network", retryable: true } as const
const lost = new SshError({ reason: "lost", subject: "server", exitCode: 255, stderr: "" })
const usage = { reason: "usage", retryable: false } as const

/** Runs to the end while the test's clock runs on. */
const atOnce = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect))
    yield* TestClock.adjust("24 hours")
    return yield* Fiber.join(fiber)
  })

const failure = <A, E>(exit: Exit.Exit<A, E>): E => {
  const error = Exit.findErrorOption(exit)
  return error._tag === "Some" ? error.value : assert.fail("the run succeeded")
}

describe("a run", () => {
  it.effect("is hooks, hello, rsync, complete, hooks, in this order", () =>
    Effect.gen(function* () {
      const { run, events, world } = scene()
      const result = yield* run()
      assert.deepStrictEqual(events, ["pre", "hello", "complete 0", "post complete"])
      assert.deepStrictEqual([result.outcome, result.snapshot?.name, result.attempts], ["complete", snapshot.name, 1])
      assert.deepStrictEqual([...world.current], [["/etc/motd", "hello"]])
    })
  )

  it.effect("is tried again five times, ten minutes apart, while the trouble may pass", () =>
    Effect.gen(function* () {
      const { run, events } = scene({ trouble: [network, network, network, network, network] })
      const fiber = yield* Effect.forkChild(Effect.exit(run()))
      yield* TestClock.adjust("49 minutes")
      assert.strictEqual(events.filter((event) => event === "hello").length, 5)
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
      assert.deepStrictEqual(events.slice(-3), ["hello", "complete 0", "post complete"])
    })
  )

  it.effect("tells the server what its push did, but not where an attempt before it did some of that", () =>
    Effect.gen(function* () {
      const once = scene()
      yield* once.run()
      assert.deepStrictEqual(once.claims, [1])
      const twice = scene({ trouble: [network] })
      assert.isTrue(Exit.isSuccess(yield* atOnce(twice.run())))
      assert.deepStrictEqual(twice.claims, [undefined])
    })
  )

  it.effect("goes by one name in all of its attempts, and the next run by another", () =>
    Effect.gen(function* () {
      const { run, runs } = scene({ lost: 2 })
      assert.isTrue(Exit.isSuccess(yield* atOnce(run())))
      yield* run()
      const [first, second, third, fourth] = runs
      assert.deepStrictEqual([first, second], [third, third])
      assert.notStrictEqual(fourth, third)
    })
  )

  it.effect("is broken off by a server that it does not understand, whose word counts for more than rsync's", () =>
    Effect.gen(function* () {
      const old = Effect.fail(new ServerIncompatible({ reason: "server-too-old", detail: "0.1" }))
      for (const trouble of [[], [usage]]) {
        const { events, run } = scene({ answers: { hello: old }, trouble })
        assert.strictEqual(failure(yield* Effect.exit(run()))._tag, "ServerIncompatible")
        assert.deepStrictEqual(events, ["pre", "post failed"])
      }
    })
  )

  it.effect("gives up after the sixth attempt, and post-backup.d is told", () =>
    Effect.gen(function* () {
      const { run, events } = scene({ trouble: Array.from({ length: 6 }, () => network) })
      const error = failure(yield* atOnce(run()))
      assert.strictEqual(error._tag, "RetriesExhausted")
      assert.match(error.message, /after 6 attempts.*is kept/)
      assert.strictEqual(events.at(-1), "post failed")
    })
  )

  it.effect("waits as long as BackupRetry says", () =>
    Effect.gen(function* () {
      const { run, events } = scene({ trouble: [network, network] })
      const short = Effect.provideService(run(), BackupRetry, { times: 1, delay: Duration.seconds(3) })
      const fiber = yield* Effect.forkChild(Effect.exit(short))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(failure(yield* Fiber.join(fiber))._tag, "RetriesExhausted")
      assert.strictEqual(events.filter((event) => event === "hello").length, 2)
    })
  )

  it.effect("with a file that nobody can read is tried once more, and then has its incomplete snapshot", () =>
    Effect.gen(function* () {
      const { run, events } = scene({ trouble: ["partial", "partial"] })
      const ended = yield* atOnce(run())
      assert.isTrue(Exit.isSuccess(ended) && ended.value.outcome === "incomplete" && ended.value.attempts === 2)
      assert.deepStrictEqual(events, ["pre", "hello", "hello", "complete 23", "post incomplete"])
    })
  )

  it.effect.prop(
    "with a file that nobody can read never goes without a snapshot, however few attempts are left when that shows",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
      Schema.Array(Schema.Literals(["network", "partial"]))
    ],
    ([times, before]) =>
      Effect.gen(function* () {
        // Whatever came before, the last attempt gets through, but for the one file.
        const trouble = [...before.slice(0, times), ...Array.from({ length: 6 }, () => "partial" as const)]
        const { run, events } = scene({ trouble: trouble.map((each) => (each === "network" ? network : each)) })
        const ended = yield* atOnce(Effect.provideService(run(), BackupRetry, { times, delay: "1 minute" }))
        assert.isTrue(Exit.isSuccess(ended) && ended.value.outcome === "incomplete")
        assert.include(events, "complete 23")
      })
  )

  it.effect("that is dry does not wait to look again at what cannot be read", () =>
    Effect.gen(function* () {
      const { run, events } = scene({ trouble: ["partial"] })
      const { outcome, unreadable } = yield* run({ dryRun: true })
      assert.deepStrictEqual([outcome, unreadable], ["dry-run", 1])
      assert.deepStrictEqual(events, ["hello"])
    })
  )

  it.effect("ends at once by what cannot pass: a usage error, a refusal, a snapshot that is too soon", () =>
    Effect.gen(function* () {
      const wrong = scene({ trouble: [usage] })
      assert.strictEqual(failure(yield* Effect.exit(wrong.run()))._tag, "RsyncError")
      for (const code of [exitCode.refused, exitCode.tooSoon, exitCode.noSpace, exitCode.notEnrolled]) {
        const { run } = scene({
          answers: { complete: () => Effect.fail(new ServerRefused({ code, detail: "no", due: null })) }
        })
        const error = failure(yield* Effect.exit(run()))
        assert.instanceOf(error, ServerRefused)
        assert.strictEqual(exitCode[error.exit], code)
      }
    })
  )

  it.effect("waits for a busy server, and ends as busy when it stays so", () =>
    Effect.gen(function* () {
      const busy = Effect.fail(new ServerRefused({ code: exitCode.busy, detail: "busy", due: null }))
      const error = failure(yield* atOnce(scene({ answers: { hello: busy } }).run()))
      assert.strictEqual(error._tag, "RetriesExhausted")
      assert.strictEqual("exit" in error ? error.exit : "", "busy")
    })
  )

  it.effect("does not begin when a hook of pre-backup.d fails, unless told otherwise", () =>
    Effect.gen(function* () {
      const strict = scene({ preHook: 1 })
      assert.strictEqual(failure(yield* Effect.exit(strict.run()))._tag, "HookFailed")
      assert.deepStrictEqual(strict.events, ["pre", "post failed"])
      const lenient = scene({ preHook: 1 })
      yield* lenient.run({ ignoreHooks: true })
      assert.include(lenient.events, "complete 0")
    })
  )

  it.effect("is what it is when a hook of post-backup.d fails, which is told beside it", () =>
    Effect.gen(function* () {
      const { run } = scene({ postHook: 3 })
      const { outcome, postHookFailed, snapshot: taken } = yield* run()
      assert.deepStrictEqual([outcome, taken], ["complete", snapshot])
      assert.match(postHookFailed ?? "", /post-backup\.d\/post failed with exit code 3/)
      assert.isNull((yield* scene().run()).postHookFailed)
    })
  )

  it.effect("that is dry changes nothing: no hook, no file, no snapshot", () =>
    Effect.gen(function* () {
      const { run, events, world } = scene()
      const result = yield* run({ dryRun: true })
      assert.deepStrictEqual(events, ["hello"])
      assert.strictEqual(world.current.size, 0)
      assert.deepStrictEqual([result.outcome, result.snapshot], ["dry-run", null])
    })
  )

  it.effect("does not begin without a destination, and says what to run", () =>
    Effect.gen(function* () {
      const { run, events } = scene({ files: {} })
      const error = failure(yield* Effect.exit(run()))
      assert.strictEqual(error._tag, "ConfigError")
      assert.match(error.message, /byteback setup-client/)
      assert.deepStrictEqual(events, [])
    })
  )
})
