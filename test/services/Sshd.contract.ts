// What every Sshd promises: a drop-in that holds is there afterwards, one that does not leaves everything as it was.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { parsePublicKey } from "../../src/domain/authorizedKey.ts"
import { overruled, readsDropIns, sshdDropIn } from "../../src/domain/setup/sshdDropIn.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Sshd } from "../../src/services/Sshd.ts"

/** The layer gives an sshd whose sshd_config reads no drop-ins yet; where that lies is the caller's `Layout`. */
export const suite = (name: string, layer: Layer.Layer<Sshd, unknown>): void => {
  const fact = <E>(title: string, body: (sshd: Sshd["Service"]) => Effect.Effect<void, E>) =>
    it.live(title, () => Effect.flatMap(Sshd, body).pipe(Effect.provide(layer)))

  const intended = { keys: "/etc/byteback/authorized_keys", passwordEnrolment: false }
  const good = {
    text: sshdDropIn(intended),
    addInclude: true,
    user: "byteback",
    flaws: (effective: Parameters<typeof overruled>[0]) => overruled(effective, intended)
  }

  describe(`Sshd (${name})`, () => {
    fact("takes the drop-in of set-up with the Include line that it needs, and it holds", (sshd) =>
      Effect.gen(function* () {
        assert.isNull((yield* sshd.files).dropIn)
        yield* sshd.install(good)
        const { config, dropIn } = yield* sshd.files
        assert.strictEqual(dropIn, good.text)
        assert.isTrue(readsDropIns(config ?? "", `${(yield* Layout).etc}/ssh/sshd_config.d`))
        assert.deepStrictEqual(overruled(yield* sshd.effective("byteback"), intended), [])
        yield* sshd.install({ ...good, addInclude: false })
      })
    )

    fact("refuses what sshd does not understand, and keeps what was there", (sshd) =>
      Effect.gen(function* () {
        const before = yield* sshd.files
        const error = yield* Effect.flip(sshd.install({ ...good, text: "NoSuchKeyword yes\n" }))
        assert.deepInclude(error, { _tag: "SshdError", reason: "refused" })
        assert.deepStrictEqual(yield* sshd.files, before)
      })
    )

    fact("refuses what would not hold, and keeps what was there", (sshd) =>
      Effect.gen(function* () {
        yield* sshd.install(good)
        const before = yield* sshd.files
        const error = yield* Effect.flip(
          sshd.install({ ...good, addInclude: false, text: good.text.replace("PermitTTY no", "PermitTTY yes") })
        )
        assert.deepInclude(error, { _tag: "SshdError", reason: "overruled", stderr: "permittty" })
        assert.deepStrictEqual(yield* sshd.files, before)
      })
    )

    fact("shows host keys that are keys, ed25519 first", (sshd) =>
      Effect.gen(function* () {
        const keys = yield* sshd.hostKeys
        assert.isTrue(keys[0]?.startsWith("ssh-ed25519 "))
        assert.isTrue(keys.every((key) => parsePublicKey(key)._tag === "Success"))
      })
    )
  })
}
