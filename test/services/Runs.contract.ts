// What Runs promises, on files in memory and on a disk alike.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { Layout } from "../../src/services/Layout.ts"
import { Runs } from "../../src/services/Runs.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { taken } from "./Journal.contract.ts"

/** Writes what the recorder of a push writes. */
export const record = Effect.fn("record")(function* (host: string, line: string) {
  const files = yield* SystemFile
  const { run } = yield* Layout
  yield* files.directory(run, 0o700)
  yield* files.directory(`${run}/${host}`, 0o700)
  yield* files.write(`${run}/${host}/push`, line, 0o600)
})

export const suite = <E>(name: string, layer: Layer.Layer<Runs | SystemFile, E>) =>
  describe(`Runs: ${name}`, () => {
    const fact = <X>(title: string, body: Effect.Effect<unknown, X, Runs | SystemFile | Scope.Scope>) =>
      it.live(title, () => body.pipe(Effect.scoped, Effect.provide(layer)))

    fact(
      "knows of no push at first, and of the last one as it was recorded, until it is forgotten",
      Effect.gen(function* () {
        const runs = yield* Runs
        assert.isNull(yield* runs.lastPush("a"))
        yield* record("a", "running\n")
        assert.deepStrictEqual(yield* runs.lastPush("a"), { _tag: "Running" })
        yield* record("a", "ended 23\n")
        assert.deepStrictEqual(yield* runs.lastPush("a"), { _tag: "Ended", code: 23, sole: false })
        assert.isNull(yield* runs.lastPush("b"))
        yield* runs.forget("a")
        yield* runs.forget("a")
        assert.isNull(yield* runs.lastPush("a"))
      })
    )

    fact(
      "takes a record that it cannot read for none",
      Effect.gen(function* () {
        const runs = yield* Runs
        for (const line of ["", "ended", "ended 23", "\0\0\0"]) {
          yield* record("a", line)
          assert.isNull(yield* runs.lastPush("a"))
        }
      })
    )

    fact(
      "leaves tokens that differ, one a host, gone when a push removes the file",
      Effect.gen(function* () {
        const runs = yield* Runs
        const files = yield* SystemFile
        const { state } = yield* Layout
        assert.isNull(yield* runs.token("a"))
        const first = yield* runs.newToken("a")
        const other = yield* runs.newToken("b")
        assert.strictEqual(yield* runs.token("a"), first)
        const second = yield* runs.newToken("a")
        assert.strictEqual(yield* runs.token("a"), second)
        assert.strictEqual(yield* runs.token("b"), other)
        assert.strictEqual(new Set([first, second, other]).size, 3)
        yield* files.remove(`${state}/token/a`)
        assert.isNull(yield* runs.token("a"))
      })
    )

    fact(
      "keeps two runs of a host apart, and hosts not at all",
      Effect.gen(function* () {
        const runs = yield* Runs
        const second = Effect.scoped(runs.lock("a"))
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* runs.lock("a")
            yield* Effect.scoped(runs.lock("b"))
            const error = yield* Effect.flip(second)
            assert.strictEqual(error._tag, "Locked")
          })
        )
        yield* second
      })
    )

    fact(
      "remembers what the journal has still to be told of, until it has",
      Effect.gen(function* () {
        const runs = yield* Runs
        const entry = taken(1)
        assert.isNull(yield* runs.intended("a"))
        yield* runs.intend("a", entry)
        assert.deepStrictEqual(yield* runs.intended("a"), entry)
        assert.isNull(yield* runs.intended("b"))
        yield* runs.intend("a", null)
        assert.isNull(yield* runs.intended("a"))
      })
    )

    fact(
      "makes no path of a word that is no host's name",
      Effect.gen(function* () {
        const runs = yield* Runs
        for (const work of [runs.token("../a"), runs.newToken("a/b"), runs.lastPush(".."), runs.lock("")]) {
          assert.strictEqual((yield* Effect.exit(work))._tag, "Failure")
        }
      })
    )
  })
