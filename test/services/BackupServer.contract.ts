// What every BackupServer promises a client that pushes, asks for a snapshot and reads of it.
import { assert, layer } from "@effect/vitest"
import { Clock, Context, Effect, type Layer } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { protocol } from "../../src/domain/hello.ts"
import { type SnapshotRef, snapshotTime } from "../../src/domain/snapshotName.ts"
import { version } from "../../src/domain/version.ts"
import {
  BackupServer,
  type BackupSession,
  type ConversationError,
  type PathMissing
} from "../../src/services/BackupServer.ts"
import { Rsync } from "../../src/services/Rsync.ts"
import type { SshTarget } from "../../src/services/Ssh.ts"
import { numberedKey } from "../domain/publicKeys.ts"
import { pushPlan } from "./Rsync.contract.ts"

/** A server that nothing was pushed to yet, and machines that know its host key. */
export class BackupServerSite extends Context.Service<
  BackupServerSite,
  {
    /** the host `web` */
    readonly web: SshTarget
    /** nobody that the server knows */
    readonly stranger: SshTarget
    /** an administrator's key, that may enrol machines */
    readonly enroller: SshTarget
    /** a directory of the machine `web` that holds `hello`, and in it `hello` and a newline */
    readonly directory: string
  }
>()("test/BackupServerSite") {}

/** One server for all facts, which tell its story in order. */
export const suite = <E>(name: string, site: Layer.Layer<BackupServer | BackupServerSite | Rsync, E>) =>
  layer(site, { excludeTestServices: true })(`BackupServer (${name})`, (it) => {
    const session = Effect.flatMap(BackupServerSite, ({ web }) =>
      Effect.flatMap(BackupServer, (server) => server.connect(web))
    )
    const push = Effect.fn("push")(function* (server: BackupSession) {
      const { directory } = yield* BackupServerSite
      yield* (yield* Rsync).push(pushPlan(server, [directory]))
    })
    const complete = { transfer: 0 } as const
    const run = "6b6f1f0e-0000-4000-8000-000000000001"

    const read = Effect.fn("read")(function* (server: BackupSession, snapshot: string, path: string) {
      const chunks: Array<Uint8Array> = []
      yield* server.read({ _tag: "cat", snapshot: snapshot as SnapshotRef, path }, (chunk) =>
        Effect.sync(() => void chunks.push(chunk))
      )
      return Buffer.concat(chunks).toString()
    })

    it.effect("lets nobody in whom it does not know", () =>
      Effect.gen(function* () {
        const { stranger } = yield* BackupServerSite
        const error = yield* Effect.flip((yield* BackupServer).connect(stranger))
        assert.deepInclude({ ...error }, { _tag: "SshError", reason: "key-refused" })
      }).pipe(Effect.scoped)
    )

    it.effect("greets a host by its name", () =>
      Effect.gen(function* () {
        const { now, ...hello } = yield* (yield* session).hello
        assert.deepStrictEqual(hello, {
          _tag: "hello",
          protocol: protocol.current,
          oldest: protocol.oldest,
          version,
          host: "web"
        })
        assert.approximately(now, (yield* Clock.currentTimeMillis) / 1000, 60)
      }).pipe(Effect.scoped)
    )

    it.effect("has no snapshot, and takes none, before anything was pushed", () =>
      Effect.gen(function* () {
        const server = yield* session
        assert.deepStrictEqual((yield* server.snapshots).snapshots, [])
        const error = yield* Effect.flip(server.complete(complete))
        assert.deepInclude({ ...error }, { _tag: "ServerRefused", code: exitCode.refused, due: null })
        assert.match(error.message, /no snapshot of web was taken: nothing was pushed/)
        assert.deepStrictEqual((yield* server.snapshots).snapshots, [])
      }).pipe(Effect.scoped)
    )

    it.effect("takes a snapshot of what was pushed, once for a run, and says when the next may come", () =>
      Effect.gen(function* () {
        const server = yield* session
        yield* push(server)
        const taken = yield* server.complete({ ...complete, run })
        const { at, held, state } = taken.snapshot
        assert.deepStrictEqual([state, held, at], ["complete", false, snapshotTime(taken.snapshot.name) ?? null])
        assert.isNotNull(taken.token)
        assert.isAbove(taken.due ?? 0, (yield* Clock.currentTimeMillis) / 1000)
        assert.deepStrictEqual(
          (yield* server.snapshots).snapshots.map((one) => one.name),
          [taken.snapshot.name]
        )
        const again = yield* server.complete({ ...complete, run })
        assert.deepStrictEqual([again.snapshot.name, again.token], [taken.snapshot.name, null])
        const without = yield* Effect.flip(server.complete(complete))
        assert.deepInclude({ ...without }, { _tag: "ServerRefused", code: exitCode.refused })
        yield* push(server)
        const soon = yield* Effect.flip(server.complete(complete))
        assert.deepInclude({ ...soon }, { _tag: "ServerRefused", code: exitCode.tooSoon, due: taken.due })
        assert.strictEqual("exit" in soon ? soon.exit : "", "tooSoon")
        assert.lengthOf((yield* server.snapshots).snapshots, 1)
      }).pipe(Effect.scoped)
    )

    it.effect("gives back what is in a snapshot, and tells what is not there from a refusal", () =>
      Effect.gen(function* () {
        const server = yield* session
        const { directory } = yield* BackupServerSite
        const path = `${directory.slice(1)}/hello`
        const [taken] = (yield* server.snapshots).snapshots
        for (const snapshot of [taken!.name, "latest", "current"]) {
          assert.strictEqual(yield* read(server, snapshot, path), "hello\n", snapshot)
          assert.strictEqual((yield* Effect.flip(read(server, snapshot, `${path}2`)))._tag, "PathMissing", snapshot)
        }
        const none = yield* Effect.flip(read(server, "2001-01-01T00:00+0000", path))
        assert.deepInclude({ ...none }, { _tag: "ServerRefused", code: exitCode.failed })
        assert.include(none.message, "2001-01-01T00:00+0000")
      }).pipe(Effect.scoped)
    )

    it.effect("shows root on the server what the host itself is shown", () =>
      Effect.gen(function* () {
        const local = yield* (yield* BackupServer).local("web")
        assert.strictEqual((yield* local.hello).host, "web")
        const shown = yield* local.snapshots
        assert.lengthOf(shown.snapshots, 1)
        assert.deepStrictEqual(shown, yield* (yield* session).snapshots)
        const { directory } = yield* BackupServerSite
        assert.strictEqual(yield* read(local, "latest", `${directory.slice(1)}/hello`), "hello\n")
      }).pipe(Effect.scoped)
    )

    it.effect("enrols for whoever may, who may do nothing else", () =>
      Effect.gen(function* () {
        const { enroller } = yield* BackupServerSite
        const { blob, type } = numberedKey(7)
        const server = yield* session
        const error = yield* Effect.flip(server.enrol("mail", `${type} ${blob}`))
        assert.deepInclude({ ...error }, { _tag: "ServerRefused", code: exitCode.refused })
        const enrolling = yield* (yield* BackupServer).connect(enroller)
        assert.strictEqual((yield* enrolling.enrol("mail", `${type} ${blob}`)).host, "mail")
        const twice = yield* Effect.flip(enrolling.enrol("mail", `${type} ${numberedKey(8).blob}`))
        assert.deepInclude({ ...twice }, { _tag: "ServerRefused", code: exitCode.refused })
        const others = [
          enrolling.hello,
          enrolling.snapshots,
          enrolling.complete(complete),
          read(enrolling, "latest", "hello")
        ]
        for (const asked of others) {
          const refused = yield* Effect.flip(asked as Effect.Effect<unknown, ConversationError | PathMissing>)
          assert.deepInclude({ ...refused }, { _tag: "ServerRefused", code: exitCode.refused })
          assert.strictEqual(refused.message, "this session may only enrol a machine")
        }
      }).pipe(Effect.scoped)
    )
  })
