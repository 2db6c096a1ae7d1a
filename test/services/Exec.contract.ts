// What Exec promises, on whatever runs the programs.
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Exec } from "../../src/services/Exec.ts"

/** The site knows true, false, `echo WORD...`, cat and a program that is not there. */
export const suite = <E>(name: string, site: Layer.Layer<Exec, E>) =>
  layer(site, { excludeTestServices: true })(name, (it) => {
    it.effect("gives back what a program printed", () =>
      Effect.gen(function* () {
        const { code, text } = yield* (yield* Exec).run("echo", ["one", "two"])
        assert.deepStrictEqual([code, text], [0, "one two\n"])
      })
    )

    it.effect("takes a non-zero exit for a value", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* (yield* Exec).run("false", [])).code, 1)
        assert.strictEqual((yield* (yield* Exec).run("true", [])).code, 0)
      })
    )

    it.effect("hands stdin over to its last byte", () =>
      Effect.gen(function* () {
        const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
        const { stdout } = yield* (yield* Exec).run("cat", [], { stdin: bytes })
        assert.deepStrictEqual(new Uint8Array(stdout), bytes)
      })
    )

    it.effect("leaves a program to itself, however that ends, and says when there is none to start", () =>
      Effect.gen(function* () {
        const exec = yield* Exec
        assert.isUndefined(yield* exec.leave("false", []))
        assert.strictEqual((yield* Effect.flip(exec.leave("byteback-no-such-program", []))).reason, "not-found")
      })
    )

    it.effect("says of a program that is not there that it is not installed", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip((yield* Exec).run("byteback-no-such-program", ["secret"]))
        assert.strictEqual(error.reason, "not-found")
        assert.match(error.message, /byteback-no-such-program is not installed/)
        assert.notInclude(JSON.stringify(error), "secret")
      })
    )
  })
