// Ssh on real OpenSSH: the contract, and what only a real connection can show.
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { Exec } from "../../src/services/Exec.ts"
import { Ssh, type SshTarget } from "../../src/services/Ssh.ts"
import { SshSite, suite } from "../services/Ssh.contract.ts"
import { isRoot, type SshServer, sshServer } from "./sshServer.ts"

class Server extends Context.Service<Server, SshServer>()("test/Server") {}

const server = Layer.effect(Server, sshServer)
const ssh = Ssh.layer.pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))

const enrolled = ({ keyFile, pinned, port }: SshServer): SshTarget => ({
  user: "root",
  host: "127.0.0.1",
  port,
  keyFile,
  knownHosts: pinned
})

const site = Layer.effect(
  SshSite,
  Effect.gen(function* () {
    const given = yield* Server
    const good = enrolled(given)
    return SshSite.of({
      enrolled: good,
      barred: [
        ["key-refused", { ...good, keyFile: given.strangersKey }],
        ["key-refused", { ...good, user: "nosuchuser" }],
        ["host-key-unknown", { ...good, knownHosts: given.unpinned }],
        ["host-key-changed", { ...good, knownHosts: given.mispinned }],
        ["unknown-name", { ...good, host: "nosuchhost.invalid" }],
        ["unreachable", { ...good, port: 1 }]
      ],
      // the session's own sshd
      drop: "kill -9 $PPID",
      keyPath: `${given.directory}/made`
    })
  })
)

/** Directories that sessions leave behind, of this process. */
const traces = () => readdirSync("/tmp").filter((name) => name.startsWith("byteback-ssh-"))

/** Is there an ssh process that goes by this configuration? */
const alive = (config: string) =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(config)
      } catch {
        return false
      }
    })

/** Waits until the shared connection has ended, which it does soon after it was told to. */
const gone = (config: string) =>
  Effect.gen(function* () {
    for (let tries = 0; alive(config); tries++) {
      assert.isBelow(tries, 500, "the connection stays open")
      yield* Effect.sleep(10)
    }
  })

if (!isRoot) console.warn("test/contract/Ssh: skipped, a server of its own can only be started by root")

describe.skipIf(!isRoot)("on real OpenSSH", () => {
  suite("Ssh on OpenSSH", Layer.merge(ssh, site.pipe(Layer.provide(server))))

  describe("a session", () => {
    it.live("that logs in late has one login for its first command, and one more for all others", () =>
      Effect.gen(function* () {
        const given = yield* Server
        const before = given.logins()
        yield* Effect.scoped(
          Effect.gen(function* () {
            const session = yield* (yield* Ssh).connect(enrolled(given), { late: true })
            assert.strictEqual(given.logins(), before)
            yield* session.run("true")
            assert.strictEqual(given.logins(), before + 1, given.log())
            yield* Effect.all([session.run("true"), session.run("true")], { concurrency: "unbounded" })
            assert.strictEqual(given.logins(), before + 2, given.log())
          })
        )
      }).pipe(Effect.provide([ssh, server]))
    )

    it.live("is one login, whatever runs in it, and nothing stays of it", () =>
      Effect.gen(function* () {
        const given = yield* Server
        const before = traces()
        const config = yield* Effect.scoped(
          Effect.gen(function* () {
            const session = yield* (yield* Ssh).connect(enrolled(given))
            yield* Effect.all([session.run("true"), session.run("true"), session.run("true")], {
              concurrency: "unbounded"
            })
            const words = [...session.rsh.split(" "), session.alias, "echo", "by", "rsync"]
            assert.strictEqual(execFileSync(words[0]!, words.slice(1), { encoding: "utf8" }), "by rsync\n")
            assert.strictEqual(given.logins(), 1, given.log())
            const file = words[2]!
            assert.strictEqual(statSync(file).mode & 0o777, 0o600)
            assert.isTrue(alive(file))
            return file
          })
        )
        assert.isFalse(existsSync(config))
        yield* gone(config)
        assert.deepStrictEqual(traces(), before)
      }).pipe(Effect.provide([ssh, server]))
    )

    it.live("ends with an interruption too", () =>
      Effect.gen(function* () {
        const given = yield* Server
        const connected = yield* Deferred.make<string>()
        const fiber = yield* Effect.gen(function* () {
          const session = yield* (yield* Ssh).connect(enrolled(given))
          yield* Deferred.succeed(connected, session.rsh.split(" ")[2] ?? "")
          yield* session.run("sleep 600")
        }).pipe(Effect.scoped, Effect.forkChild)
        const config = yield* Deferred.await(connected)
        while (!given.log().includes("Starting session: command")) yield* Effect.sleep(10)
        yield* Fiber.interrupt(fiber)
        assert.isFalse(existsSync(config))
        yield* gone(config)
      }).pipe(Effect.provide([ssh, server]))
    )

    it.live("offers no key but the one that it was given", () =>
      Effect.gen(function* () {
        const given = yield* Server
        const { keyFile: _, ...withoutKey } = enrolled(given)
        const error = yield* Effect.flip(Effect.scoped((yield* Ssh).connect(withoutKey)))
        assert.strictEqual(error.reason, "key-refused")
      }).pipe(Effect.provide([ssh, server]))
    )
  })

  describe("host keys that were looked up", () => {
    it.live("pin the server", () =>
      Effect.gen(function* () {
        const given = yield* Server
        const lines = yield* (yield* Ssh).hostKeys("127.0.0.1", given.port)
        assert.deepStrictEqual(
          lines.map((line) => `${line}\n`),
          [readFileSync(given.pinned, "utf8")]
        )
        const error = yield* Effect.flip((yield* Ssh).hostKeys("127.0.0.1", 1))
        assert.strictEqual(error.reason, "unreachable")
      }).pipe(Effect.provide([ssh, server]))
    )
  })
})
