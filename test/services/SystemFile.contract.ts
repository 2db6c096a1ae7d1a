// What every SystemFile promises: whole files, replaced at once, with exactly the mode that was asked for.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { SystemFile } from "../../src/services/SystemFile.ts"

export const suite = (name: string, layer: Layer.Layer<SystemFile, unknown>): void => {
  const fact = (title: string, body: (files: SystemFile["Service"], top: string) => Effect.Effect<void, unknown>) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const files = yield* SystemFile
        yield* body(files, yield* files.scratch)
      }).pipe(Effect.scoped, Effect.provide(layer))
    )

  describe(`SystemFile (${name})`, () => {
    fact("has nothing where nothing was written", (files, top) =>
      Effect.gen(function* () {
        assert.isNull(yield* files.read(`${top}/none`))
        assert.isNull(yield* files.state(`${top}/none`))
        assert.deepStrictEqual(yield* files.names(`${top}/none`), [])
        yield* files.remove(`${top}/none`)
      })
    )

    fact("reads back what was written, with its mode, and leaves nothing else behind", (files, top) =>
      Effect.gen(function* () {
        yield* files.write(`${top}/a`, "one", 0o640)
        yield* files.write(`${top}/a`, "zwei ü\n", 0o600)
        yield* files.write(`${top}/b`, "", 0o444)
        assert.strictEqual(yield* files.read(`${top}/a`), "zwei ü\n")
        assert.strictEqual(yield* files.read(`${top}/b`), "")
        assert.strictEqual((yield* files.state(`${top}/a`))?.mode, 0o600)
        assert.strictEqual((yield* files.state(`${top}/b`))?.kind, "file")
        assert.deepStrictEqual(yield* files.names(top), ["a", "b"])
        yield* files.remove(`${top}/a`)
        assert.isNull(yield* files.read(`${top}/a`))
      })
    )

    fact("makes directories with their parents, and mends the mode of one that is there", (files, top) =>
      Effect.gen(function* () {
        yield* files.directory(`${top}/x/y`, 0o700)
        assert.deepInclude(yield* files.state(`${top}/x/y`), { kind: "directory", mode: 0o700 })
        assert.deepInclude(yield* files.state(`${top}/x`), { kind: "directory", mode: 0o755 })
        yield* files.directory(`${top}/x/y`, 0o750)
        assert.deepInclude(yield* files.state(`${top}/x/y`), { mode: 0o750 })
      })
    )

    fact("does not write where there is no directory, nor make one over a file", (files, top) =>
      Effect.gen(function* () {
        const missing = yield* Effect.flip(files.write(`${top}/no/a`, "", 0o600))
        assert.strictEqual(missing.code, "ENOENT")
        yield* files.write(`${top}/file`, "kept", 0o600)
        const inTheWay = yield* Effect.flip(files.directory(`${top}/file`, 0o700))
        assert.strictEqual(inTheWay.action, "make")
        assert.strictEqual(yield* files.read(`${top}/file`), "kept")
      })
    )

    fact("takes no directory for a file, and leaves it as it is", (files, top) =>
      Effect.gen(function* () {
        yield* files.directory(`${top}/d`, 0o700)
        yield* files.write(`${top}/d/a`, "kept", 0o600)
        assert.deepInclude({ ...(yield* Effect.flip(files.read(`${top}/d`))) }, { action: "read", code: "EISDIR" })
        const write = files.write(`${top}/d`, "new", 0o600)
        assert.deepInclude({ ...(yield* Effect.flip(write)) }, { action: "write", code: "EISDIR" })
        assert.strictEqual((yield* Effect.flip(files.remove(`${top}/d`))).action, "remove")
        assert.deepStrictEqual([yield* files.names(top), yield* files.names(`${top}/d`)], [["d"], ["a"]])
        assert.strictEqual(yield* files.read(`${top}/d/a`), "kept")
      })
    )

    fact("has nothing below a file, and puts nothing there", (files, top) =>
      Effect.gen(function* () {
        yield* files.write(`${top}/file`, "kept", 0o600)
        assert.isNull(yield* files.read(`${top}/file/a`))
        assert.isNull(yield* files.state(`${top}/file/a`))
        assert.deepStrictEqual(yield* files.names(`${top}/file`), [])
        yield* files.remove(`${top}/file/a`)
        assert.strictEqual((yield* Effect.flip(files.write(`${top}/file/a`, "", 0o600))).code, "ENOTDIR")
        assert.strictEqual((yield* Effect.flip(files.directory(`${top}/file/a`, 0o700))).code, "ENOTDIR")
        assert.strictEqual((yield* Effect.flip(files.directory(`${top}/file/a/b`, 0o700))).code, "ENOTDIR")
        assert.strictEqual(yield* files.read(`${top}/file`), "kept")
      })
    )

    it.live("a scratch directory is gone with all that is in it when its scope closes", () =>
      Effect.gen(function* () {
        const files = yield* SystemFile
        const top = yield* Effect.scoped(
          Effect.gen(function* () {
            const path = yield* files.scratch
            yield* files.write(`${path}/secret`, "x", 0o600)
            yield* files.directory(`${path}/below`, 0o700)
            yield* files.write(`${path}/below/secret`, "x", 0o600)
            assert.deepInclude(yield* files.state(path), { mode: 0o700 })
            return path
          })
        )
        assert.isNull(yield* files.state(top))
        assert.isNull(yield* files.read(`${top}/secret`))
        assert.isNull(yield* files.state(`${top}/below`))
        assert.isNull(yield* files.read(`${top}/below/secret`))
      }).pipe(Effect.provide(layer))
    )
  })
}
