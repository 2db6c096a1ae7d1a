// ServerConfig on real files: the contract, and that an administrator's change holds from then on.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Layout } from "../../src/services/Layout.ts"
import { ServerConfig } from "../../src/services/ServerConfig.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { suite } from "../services/ServerConfig.contract.ts"
import { layoutInTemp } from "./layoutInTemp.ts"

const set = Effect.fn("set")(function* (name: string, text: string) {
  const path = join((yield* Layout).config, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
})

const having = (settings: Readonly<Record<string, string>>) =>
  ServerConfig.layer.pipe(
    Layer.provide(SystemFile.layer),
    Layer.provideMerge(
      Layer.effectDiscard(Effect.forEach(Object.entries(settings), ([name, text]) => set(name, text)))
    ),
    Layer.provideMerge(layoutInTemp)
  )

suite("real files", having)

describe("a setting", () => {
  it.live("that is changed or taken back holds from the next time on", () =>
    Effect.gen(function* () {
      const config = yield* ServerConfig
      assert.strictEqual(yield* config.parallel, 4)
      yield* set("parallel", "2\n")
      assert.strictEqual(yield* config.parallel, 2)
      yield* set("parallel", "8")
      assert.strictEqual(yield* config.parallel, 8)
      rmSync(join((yield* Layout).config, "parallel"))
      assert.strictEqual(yield* config.parallel, 4)
    }).pipe(Effect.provide(having({})))
  )
})
