// What every ServerConfig promises: what an administrator set, one value a file, and what is said of one that cannot be meant.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { ServerConfig } from "../../src/services/ServerConfig.ts"

/** `having`: a server on which these settings were written, texts by name. */
export const suite = <E>(
  name: string,
  having: (settings: Readonly<Record<string, string>>) => Layer.Layer<ServerConfig, E>
): void => {
  const fact = <F>(
    title: string,
    settings: Readonly<Record<string, string>>,
    body: (config: ServerConfig["Service"]) => Effect.Effect<void, F>
  ) => it.live(title, () => Effect.flatMap(ServerConfig, body).pipe(Effect.provide(having(settings))))

  describe(`ServerConfig (${name})`, () => {
    fact("has a value for everything that is not set", {}, (config) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* config.weight("web"), 1)
        assert.strictEqual(yield* config.pruneOrder, "importance")
        assert.strictEqual(yield* config.parallel, 4)
        assert.strictEqual(yield* config.snapshotInterval("web"), 21_600)
      })
    )

    fact(
      "goes by what is set, for one host before for all",
      {
        weight: "3\n",
        "hosts/web/weight": " 2.5 \n",
        "hosts/web/snapshot_interval": "2h\n",
        prune_order: "spread-by-bytes\n",
        parallel: "16"
      },
      (config) =>
        Effect.gen(function* () {
          assert.deepStrictEqual([yield* config.weight("web"), yield* config.weight("mail")], [2.5, 3])
          assert.strictEqual(yield* config.pruneOrder, "spread-by-bytes")
          assert.strictEqual(yield* config.parallel, 16)
          assert.deepStrictEqual(
            [yield* config.snapshotInterval("web"), yield* config.snapshotInterval("mail")],
            [7200, 21_600]
          )
        })
    )

    fact(
      "has no setting for one host of what holds for the whole server",
      { "hosts/web/parallel": "9", "hosts/web/prune_order": "age" },
      (config) =>
        Effect.gen(function* () {
          assert.deepStrictEqual([yield* config.parallel, yield* config.pruneOrder], [4, "importance"])
        })
    )

    for (const text of ["", "-1", "1e3", "NaN", "1.2345", "12345678", "one", "1\n2"]) {
      fact(`takes ${JSON.stringify(text)} for no weight, and names the file`, { "hosts/web/weight": text }, (config) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(config.weight("web"))
          assert.match(error.message, /\/etc\/byteback\/hosts\/web\/weight.*write a number/)
          assert.strictEqual(yield* config.weight("mail"), 1)
        })
      )
    }

    fact(
      "names the file of anything else that it cannot read",
      { prune_order: "newest", parallel: "0", snapshot_interval: "soon" },
      (config) =>
        Effect.gen(function* () {
          const said = [
            yield* Effect.flip(config.pruneOrder),
            yield* Effect.flip(config.parallel),
            yield* Effect.flip(config.snapshotInterval("web"))
          ].map(({ message }) => message)
          assert.match(said[0]!, /\/etc\/byteback\/prune_order.*age, importance or spread/)
          assert.match(said[1]!, /\/etc\/byteback\/parallel.*whole number/)
          assert.match(said[2]!, /\/etc\/byteback\/snapshot_interval.*length of time/)
        })
    )

    fact(
      "does not take for unset what is there and is no file",
      { "weight/old": "1", "hosts/web/snapshot_interval/old": "6h" },
      (config) =>
        Effect.gen(function* () {
          const weight = yield* Effect.flip(config.weight("web"))
          assert.match(weight.message, /could not read .*\/etc\/byteback\/weight: /)
          const interval = yield* Effect.flip(config.snapshotInterval("web"))
          assert.match(interval.message, /could not read .*\/etc\/byteback\/hosts\/web\/snapshot_interval: /)
          assert.strictEqual(yield* config.snapshotInterval("mail"), 21_600)
        })
    )
  })
}
