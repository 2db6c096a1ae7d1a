// ClientConfig on real files: the contract, and whom it does not believe.
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as fs from "node:fs"
import { join } from "node:path"
import { ClientConfig } from "../../src/services/ClientConfig.ts"
import { Layout } from "../../src/services/Layout.ts"
import { givenFiles, suite } from "../services/ClientConfig.contract.ts"
import { layoutInTemp } from "./layoutInTemp.ts"

const given = Layer.effectDiscard(
  Effect.gen(function* () {
    const { config } = yield* Layout
    fs.mkdirSync(config, { recursive: true })
    for (const [name, content] of Object.entries(givenFiles)) fs.writeFileSync(join(config, name), content)
  })
)

const site = ClientConfig.layer.pipe(
  Layer.provideMerge(given),
  Layer.provide(NodeServices.layer),
  Layer.provideMerge(layoutInTemp)
)

suite("ClientConfig", site)

describe("a configuration that another user could have made", () => {
  const refused = (name: string, mode: number, why: RegExp) =>
    it.live(`is refused: ${name || "the directory"} with mode ${mode.toString(8)}`, () =>
      Effect.gen(function* () {
        const { config } = yield* Layout
        const path = join(config, name)
        if (name !== "" && !fs.existsSync(path)) fs.writeFileSync(path, "")
        fs.chmodSync(path, mode)
        const error = yield* Effect.flip((yield* ClientConfig).read({}))
        assert.isTrue(error.message.startsWith(`${path}: `), error.message)
        assert.match(error.message, why)
        assert.strictEqual(error.exit, "usage")
      }).pipe(Effect.provide(site))
    )
  refused("", 0o777, /written by other users; run chmod go-w/)
  refused("destination", 0o664, /written by other users; run chmod go-w/)
  refused("rsync_filter", 0o646, /written by other users; run chmod go-w/)
  refused("known_hosts", 0o666, /written by other users; run chmod go-w/)
  refused("key", 0o644, /read by other users; run chmod 600/)
})

describe("a configuration directory", () => {
  it.live("need not be there", () =>
    Effect.gen(function* () {
      const { config } = yield* Layout
      fs.rmSync(config, { recursive: true })
      assert.isNull((yield* (yield* ClientConfig).read({})).destination)
      yield* (yield* ClientConfig).write("destination", "backup:\n")
      assert.strictEqual(fs.statSync(join(config, "destination")).mode & 0o777, 0o644)
      assert.deepStrictEqual(fs.readdirSync(config), ["destination"])
    }).pipe(Effect.provide(site))
  )
})
