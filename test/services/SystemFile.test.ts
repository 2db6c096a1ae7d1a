// SystemFile in memory, and on real files of the user who runs the tests.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lstatSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { suite } from "./SystemFile.contract.ts"

suite("stand-in", SystemFile.layerFake)
suite("real files", SystemFile.layer)

describe("SystemFile on real files", () => {
  it.live("replaces a link and does not write through it", () =>
    Effect.gen(function* () {
      const files = yield* SystemFile
      const top = yield* files.scratch
      writeFileSync(`${top}/target`, "kept")
      symlinkSync(`${top}/target`, `${top}/link`)
      yield* files.write(`${top}/link`, "new", 0o600)
      assert.strictEqual(readFileSync(`${top}/target`, "utf8"), "kept")
      assert.isTrue(lstatSync(`${top}/link`).isFile())
    }).pipe(Effect.scoped, Effect.provide(SystemFile.layer))
  )

  it.live("is not misled by the temporary file of a run that was killed", () =>
    Effect.gen(function* () {
      const files = yield* SystemFile
      const top = yield* files.scratch
      symlinkSync("/nonexistent/place", `${top}/.a.byteback-new`)
      yield* files.write(`${top}/a`, "whole", 0o600)
      assert.strictEqual(yield* files.read(`${top}/a`), "whole")
      assert.deepStrictEqual(yield* files.names(top), ["a"])
    }).pipe(Effect.scoped, Effect.provide(SystemFile.layer))
  )
})
