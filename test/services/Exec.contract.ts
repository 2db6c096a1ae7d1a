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

    it.effect("gives what a program prints to whoever listens, and keeps none of it", () =>
      Effect.gen(function* () {
        const heard: Array<Uint8Array> = []
        const onStdout = (chunk: Uint8Array) => Effect.sync(() => void heard.push(chunk))
        const { code, text, stdout } = yield* (yield* Exec).run("echo", ["one"], { onStdout, drain: true })
        assert.deepStrictEqual([code, text, stdout.length], [0, "", 0])
        assert.strictEqual(yield* (yield* Exec).attach("echo", ["two"], onStdout), 0)
        assert.strictEqual(Buffer.concat(heard).toString(), "one\ntwo\n")
      })
    )

    it.effect("lets a program have the terminal, and takes its exit for a value", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          [yield* (yield* Exec).attach("true", []), yield* (yield* Exec).attach("false", [])],
          [0, 1]
        )
        const error = yield* Effect.flip((yield* Exec).attach("byteback-no-such-program", []))
        assert.strictEqual(error.reason, "not-found")
      })
    )

    it.effect("holds a program once it has printed something, and tells how one ended that printed nothing", () =>
      Effect.gen(function* () {
        const exec = yield* Exec
        assert.deepStrictEqual(yield* exec.hold("cat", [], "\n"), { started: true, code: 0 })
        assert.deepStrictEqual(yield* exec.hold("false", [], "\n"), { started: false, code: 1 })
        assert.deepStrictEqual(yield* exec.hold("true", [], "\n"), { started: false, code: 0 })
        assert.strictEqual((yield* Effect.flip(exec.hold("byteback-no-such-program", [], ""))).reason, "not-found")
      }).pipe(Effect.scoped)
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
