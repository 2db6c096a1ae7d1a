// What an administrator may set on a server, one value a file, and what is said of one that cannot be meant.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ServerConfig } from "../../src/services/ServerConfig.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"

const layer = ServerConfig.layer.pipe(Layer.provideMerge(SystemFile.layerFake))

const written = Effect.fn("written")(function* (files: Readonly<Record<string, string>>) {
  const system = yield* SystemFile
  for (const directory of ["/etc/byteback", "/etc/byteback/hosts", "/etc/byteback/hosts/web"]) {
    yield* system.directory(directory, 0o755)
  }
  for (const [name, text] of Object.entries(files)) yield* system.write(`/etc/byteback/${name}`, text, 0o644)
  return yield* ServerConfig
})

describe("a server's configuration", () => {
  it.effect("has a value for everything that is not set", () =>
    Effect.gen(function* () {
      const config = yield* written({})
      assert.strictEqual(yield* config.weight("web"), 1)
      assert.strictEqual(yield* config.pruneOrder, "importance")
      assert.strictEqual(yield* config.parallel, 4)
      assert.strictEqual(yield* config.snapshotInterval("web"), 21_600)
    }).pipe(Effect.provide(layer))
  )

  it.effect("goes by what is set, for one host before for all", () =>
    Effect.gen(function* () {
      const config = yield* written({
        weight: "3\n",
        "hosts/web/weight": " 2.5 \n",
        "hosts/web/snapshot_interval": "2h\n",
        prune_order: "spread-by-bytes\n",
        parallel: "16"
      })
      assert.deepStrictEqual([yield* config.weight("web"), yield* config.weight("mail")], [2.5, 3])
      assert.strictEqual(yield* config.pruneOrder, "spread-by-bytes")
      assert.strictEqual(yield* config.parallel, 16)
      assert.deepStrictEqual(
        [yield* config.snapshotInterval("web"), yield* config.snapshotInterval("mail")],
        [7200, 21_600]
      )
    }).pipe(Effect.provide(layer))
  )

  for (const text of ["", "-1", "1e3", "NaN", "1.2345", "12345678", "one", "1\n2"]) {
    it.effect(`takes ${JSON.stringify(text)} for no weight, and names the file`, () =>
      Effect.gen(function* () {
        const config = yield* written({ "hosts/web/weight": text })
        const error = yield* Effect.flip(config.weight("web"))
        assert.match(error.message, /\/etc\/byteback\/hosts\/web\/weight.*write a number/)
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect("names the file of anything else that it cannot read", () =>
    Effect.gen(function* () {
      const config = yield* written({ prune_order: "newest", parallel: "0", snapshot_interval: "soon" })
      const said = [
        yield* Effect.flip(config.pruneOrder),
        yield* Effect.flip(config.parallel),
        yield* Effect.flip(config.snapshotInterval("web"))
      ].map(({ message }) => message)
      assert.match(said[0]!, /prune_order.*age, importance or spread/)
      assert.match(said[1]!, /parallel.*whole number/)
      assert.match(said[2]!, /snapshot_interval.*length of time/)
    }).pipe(Effect.provide(layer))
  )
})
