// BackupServer in memory, and what the real one makes of answers that no byteback of today gives.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { version } from "../../src/domain/version.ts"
import { BackupServer, type BackupSession } from "../../src/services/BackupServer.ts"
import { type FakeWorld, Rsync } from "../../src/services/Rsync.ts"
import { Ssh } from "../../src/services/Ssh.ts"
import { BackupServerSite, suite } from "./BackupServer.contract.ts"

const target = (user: string) => ({ user, host: "backup", keyFile: "/key", knownHosts: "/known_hosts" })

const world: FakeWorld = {
  machine: new Map([["/data/hello", "hello\n"]]),
  current: new Map(),
  snapshots: new Map(),
  trouble: []
}

suite(
  "stand-in",
  Layer.mergeAll(
    BackupServer.layerFake({
      world,
      refuses: ({ user }) => (user === "stranger" ? "key-refused" : null),
      enrols: ({ user }) => user === "enroller"
    }),
    Rsync.layerFake(world),
    Layer.succeed(BackupServerSite, {
      web: target("web"),
      stranger: target("stranger"),
      enroller: target("enroller"),
      directory: "/data"
    })
  )
)

interface Said {
  readonly code?: number
  readonly text?: string
  readonly stderr?: string
}

/** A session with a server that says this to whatever it is asked. */
const saying = <A, E>(said: Said, ask: (session: BackupSession) => Effect.Effect<A, E>) =>
  Effect.flatMap(BackupServer, (server) => Effect.flatMap(server.connect(target("web")), ask)).pipe(
    Effect.scoped,
    Effect.provide(BackupServer.layer.pipe(Layer.provide(Ssh.layerFake({ backup: { answer: () => said } }))))
  )

const hello = (more: object) => ({
  text: `${JSON.stringify({ _tag: "hello", protocol: 1, oldest: 1, version: "9.9\u001b", host: "web", now: 0, ...more })}\n`
})
const snapshots = (session: BackupSession) => session.snapshots

describe("an answer", () => {
  it.effect("of a server that speaks another protocol says which end to upgrade", () =>
    Effect.gen(function* () {
      const old = yield* Effect.flip(saying(hello({ protocol: 0, oldest: 0 }), (session) => session.hello))
      assert.deepInclude({ ...old }, { _tag: "ServerIncompatible", reason: "server-too-old" })
      assert.include(old.message, `too old for this client (${version})`)
      const young = yield* Effect.flip(saying(hello({ protocol: 7, oldest: 7 }), (session) => session.hello))
      assert.deepInclude({ ...young }, { _tag: "ServerIncompatible", reason: "server-too-new" })
      assert.notInclude(young.message, "\u001b")
    })
  )

  it.effect("that is none is told as what was said instead", () =>
    Effect.gen(function* () {
      for (const text of ["", "Welcome!\n", "{}", '{"_tag":"snapshots"}', '{"_tag":"enrol","host":"web"}']) {
        const error = yield* Effect.flip(saying({ text, code: 1, stderr: "motd\nno such \u001bcommand\n" }, snapshots))
        assert.deepInclude({ ...error }, { _tag: "ServerIncompatible", reason: "no-answer" }, text)
        assert.include(error.message, text.includes("enrol") ? "an answer to enrol" : "no such ", text)
        assert.notInclude(error.message, "\u001b")
      }
    })
  )

  it.effect("is a refusal on stderr only where it ends with the code that it says", () =>
    Effect.gen(function* () {
      const stderr = "byteback: too many backups \u001bat once (code 11)\n"
      const busy = yield* Effect.flip(saying({ code: exitCode.busy, stderr }, snapshots))
      assert.deepInclude({ ...busy }, { _tag: "ServerRefused", code: exitCode.busy, due: null })
      assert.strictEqual("exit" in busy ? busy.exit : "", "busy")
      assert.notInclude(busy.message, "\u001b")
      const other = yield* Effect.flip(saying({ code: 1, stderr }, snapshots))
      assert.deepInclude({ ...other }, { _tag: "ServerIncompatible", reason: "no-answer" })
    })
  )

  it.effect("may refuse in JSON, with the time at which it makes sense to come back", () =>
    Effect.gen(function* () {
      const text = JSON.stringify({ _tag: "refusal", code: exitCode.tooSoon, message: "too \u001bsoon", due: 1234 })
      const soon = yield* Effect.flip(saying({ code: exitCode.tooSoon, text }, snapshots))
      assert.deepInclude({ ...soon }, { _tag: "ServerRefused", code: exitCode.tooSoon, due: 1234 })
      assert.notInclude(soon.message, "\u001b")
    })
  )
})

describe("a reading", () => {
  const read = (session: BackupSession) => session.read({ _tag: "history", path: "etc" }, () => Effect.void)

  it.effect("that the server does not know ends with its code and what to make of it", () =>
    Effect.gen(function* () {
      const silent = yield* Effect.flip(saying({ code: 3 }, read))
      assert.deepInclude({ ...silent }, { _tag: "ServerRefused", code: 3 })
      assert.include(silent.message, "ended with 3: ended without a word; is its byteback older than this one?")
      const broken = yield* Effect.flip(saying({ code: 1, stderr: "first\nout of \u001bmemory\n" }, read))
      assert.match(broken.message, /ended with 1: out of .*memory$/)
      assert.notInclude(broken.message, "\u001b")
    })
  )
})
