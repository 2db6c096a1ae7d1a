// byteback as a library: the app beside this file runs a backup with its own layers.
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"

describe("another Effect application", () => {
  it("runs a backup with layers of its own, through the package's public face only", async () => {
    const app = join(import.meta.dirname, "app.ts")
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [app])
    assert.deepStrictEqual(JSON.parse(stdout), {
      host: "shop",
      outcome: "complete",
      attempts: 2,
      snapshot: "2026-11-23T17:52+0000",
      ok: 0,
      kept: ["/srv/www/index.html"]
    })
    assert.match(stderr, /trying again in 1ms/)
  })
})
