// What every Accounts promises about a user that is made, found and mended.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Accounts } from "../../src/services/Accounts.ts"

export const suite = (name: string, layer: Layer.Layer<Accounts, unknown>): void => {
  describe(`Accounts (${name})`, () => {
    it.live("makes a system user once, with the shell, and lets keys log in", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        assert.isNull(yield* accounts.find("byteback"))
        assert.strictEqual((yield* Effect.flip(accounts.mend("byteback", "/bin/sh")))._tag, "AccountsError")
        yield* accounts.create("byteback", "/usr/bin/byteback-receive")
        const made = yield* accounts.find("byteback")
        assert.deepInclude(made, {
          name: "byteback",
          shell: "/usr/bin/byteback-receive",
          locked: false,
          home: "/"
        })
        if (made === null) return assert.fail()
        assert.isTrue(made.uid > 0 && made.uid < 1000)
        const again = yield* Effect.flip(accounts.create("byteback", "/bin/sh"))
        assert.deepInclude(again, { _tag: "AccountsError", reason: "exists" })
        yield* accounts.mend("byteback", "/bin/sh")
        const mended = yield* accounts.find("byteback")
        assert.deepInclude(mended, { shell: "/bin/sh", uid: made.uid, locked: false })
      }).pipe(Effect.provide(layer))
    )
  })
}
