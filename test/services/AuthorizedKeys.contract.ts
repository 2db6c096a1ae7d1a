// What every AuthorizedKeys promises: changes one after another, whole or not at all, and lines of others kept.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Schedule } from "effect"
import { formatLine, type KeyEntry } from "../../src/domain/authorizedKey.ts"
import { AuthorizedKeys, AuthorizedKeysPatience } from "../../src/services/AuthorizedKeys.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Lock } from "../../src/services/Lock.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { numberedKey } from "../domain/publicKeys.ts"

const entry = (n: number): KeyEntry => ({ _tag: "host", host: `h${n}`, from: [], key: numberedKey(n) })

const add = (n: number) =>
  Effect.flatMap(AuthorizedKeys, (keys) =>
    keys.update((file) => Effect.succeed([{ ...file, entries: [...file.entries, entry(n)] }, n] as const))
  )

/** `layer` also gives the files and the lock that it works with; where they lie is the caller's `Layout`. */
export const suite = (name: string, layer: Layer.Layer<AuthorizedKeys | SystemFile | Lock, unknown>): void => {
  const fact = <E>(title: string, body: Effect.Effect<void, E, AuthorizedKeys | SystemFile | Lock>) =>
    it.live(title, () => Effect.provide(body, layer))

  describe(`AuthorizedKeys (${name})`, () => {
    fact(
      "holds nothing at first, then what was put in, in a file that only its owner can write",
      Effect.gen(function* () {
        const keys = yield* AuthorizedKeys
        assert.deepStrictEqual(yield* keys.list, { entries: [], foreign: [] })
        assert.strictEqual(yield* add(1), 1)
        assert.deepStrictEqual((yield* keys.list).entries, [entry(1)])
        const { config } = yield* Layout
        const files = yield* SystemFile
        assert.strictEqual(yield* files.read(`${config}/authorized_keys`), `${formatLine(entry(1))}\n`)
        assert.strictEqual((yield* files.state(`${config}/authorized_keys`))?.mode, 0o644)
      })
    )

    fact(
      "loses none of many changes that come at once",
      Effect.gen(function* () {
        const numbers = Array.from({ length: 12 }, (_, n) => n)
        yield* Effect.forEach(numbers, add, { concurrency: "unbounded" })
        const { entries } = yield* (yield* AuthorizedKeys).list
        assert.deepStrictEqual(new Set(entries.map((one) => one.key.blob)).size, 12)
      })
    )

    fact(
      "keeps lines that byteback did not write",
      Effect.gen(function* () {
        const files = yield* SystemFile
        const { config } = yield* Layout
        yield* files.directory(config, 0o755)
        yield* files.write(`${config}/authorized_keys`, "# mine\nssh-rsa AAAA me@home\n", 0o644)
        yield* add(2)
        const { foreign, entries } = yield* (yield* AuthorizedKeys).list
        assert.deepStrictEqual(foreign, ["# mine", "ssh-rsa AAAA me@home"])
        assert.deepStrictEqual(entries, [entry(2)])
      })
    )

    fact(
      "writes nothing when the change fails, and is free for the next",
      Effect.gen(function* () {
        const keys = yield* AuthorizedKeys
        yield* add(1)
        assert.strictEqual(yield* Effect.flip(keys.update(() => Effect.fail("no" as const))), "no")
        yield* add(2)
        assert.deepStrictEqual((yield* keys.list).entries, [entry(1), entry(2)])
      })
    )

    fact(
      "says who is in the way when somebody holds on too long",
      Effect.gen(function* () {
        const layout = yield* Layout
        yield* (yield* SystemFile).directory(layout.run, 0o700)
        yield* (yield* Lock).take(`${layout.run}/authorized_keys.lock`, "a test")
        const error = yield* Effect.flip(add(1))
        assert.strictEqual(error._tag, "Locked")
        assert.deepStrictEqual((yield* (yield* AuthorizedKeys).list).entries, [])
      }).pipe(Effect.scoped, Effect.provideService(AuthorizedKeysPatience, Schedule.recurs(1)))
    )

    fact(
      "gives OpenSSH's own fingerprint",
      Effect.gen(function* () {
        const keys = yield* AuthorizedKeys
        const key = {
          type: "ssh-ed25519",
          blob: "AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"
        } as const
        assert.strictEqual(keys.fingerprint(key), "SHA256:gNSIRW+2Iyiuvsdp/bgjy38bvWHw6wQm3tuoXrl3WjQ")
      })
    )
  })
}
