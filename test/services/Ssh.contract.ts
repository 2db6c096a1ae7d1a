// What Ssh promises, on whatever server stands behind it.
import { assert, layer } from "@effect/vitest"
import { Context, Effect, type Layer } from "effect"
import { Ssh, type SshReason, type SshTarget } from "../../src/services/Ssh.ts"

/** A server that runs `cat`, `exit N` and `drop` (which ends the connection), seen from machines in each situation. */
export class SshSite extends Context.Service<
  SshSite,
  {
    readonly enrolled: SshTarget
    /** what cannot log in, and why */
    readonly barred: ReadonlyArray<readonly [SshReason, SshTarget]>
    /** a command that loses the connection */
    readonly drop: string
    /** a path for a key, in a directory that is there */
    readonly keyPath: string
  }
>()("test/SshSite") {}

export const suite = <E>(name: string, site: Layer.Layer<Ssh | SshSite, E>) =>
  layer(site, { excludeTestServices: true })(name, (it) => {
    it.effect("runs commands with stdin, and any exit code but 255 is a value", () =>
      Effect.gen(function* () {
        const { enrolled } = yield* SshSite
        for (const late of [false, true]) {
          const session = yield* (yield* Ssh).connect(enrolled, { late })
          for (let turn = 0; turn < 2; turn += 1) {
            const said = yield* session.run("cat", { stdin: "to and fro\n" })
            assert.strictEqual(said.code, 0)
            assert.strictEqual(said.text, "to and fro\n")
            assert.strictEqual((yield* session.run("exit 11")).code, 11)
          }
        }
      }).pipe(Effect.scoped)
    )

    it.effect("says why it cannot log in", () =>
      Effect.gen(function* () {
        const { barred } = yield* SshSite
        const ssh = yield* Ssh
        let late = false
        for (const [reason, target] of barred.flatMap((one) => [one, one])) {
          late = !late
          const said = Effect.flatMap(ssh.connect(target, { late }), ({ run }) => run("cat"))
          const error = yield* Effect.flip(Effect.scoped(said))
          assert.strictEqual(error.reason, reason)
          assert.include(error.message, target.host)
          assert.notInclude(error.message, "\n")
        }
      })
    )

    it.effect("a connection that is lost is worth another try", () =>
      Effect.gen(function* () {
        const { drop, enrolled } = yield* SshSite
        const session = yield* (yield* Ssh).connect(enrolled)
        const error = yield* Effect.flip(session.run(drop))
        assert.strictEqual(error.reason, "lost")
        assert.isTrue(error.retryable)
      }).pipe(Effect.scoped)
    )

    it.effect("makes a key once, and shows its public half", () =>
      Effect.gen(function* () {
        const { keyPath } = yield* SshSite
        const ssh = yield* Ssh
        yield* Effect.flip(ssh.publicKey(keyPath))
        yield* ssh.generateKey(keyPath)
        const key = yield* ssh.publicKey(keyPath)
        assert.match(key, /^ssh-ed25519 [A-Za-z0-9+/=]+$/)
        yield* ssh.generateKey(keyPath)
        assert.strictEqual(yield* ssh.publicKey(keyPath), key)
        yield* ssh.generateKey(`${keyPath}2`)
        assert.notStrictEqual(yield* ssh.publicKey(`${keyPath}2`), key)
      })
    )

    it.effect("shows a server's host keys as known_hosts lines", () =>
      Effect.gen(function* () {
        const { enrolled } = yield* SshSite
        const lines = yield* (yield* Ssh).hostKeys(enrolled.host, enrolled.port)
        const name = enrolled.port === undefined ? enrolled.host : `[${enrolled.host}]:${enrolled.port}`
        assert.isAbove(lines.length, 0)
        for (const line of lines) assert.isTrue(line.startsWith(`${name} `), line)
      })
    )
  })
