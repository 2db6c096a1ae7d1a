// byteback as a library: the apps beside this file run a backup with layers of their own, and replay a scenario.
import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"

/** What an app beside this file says. */
const app = (name: string) => promisify(execFile)(process.execPath, [join(import.meta.dirname, name)])

describe("another Effect application", () => {
  it("runs a backup with layers of its own, through the package's public face only", async () => {
    const { stdout, stderr } = await app("app.ts")
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

  it("replays a scenario that is shipped, and tells a wrong one by its error", async () => {
    const { stdout } = await app("forecast.ts")
    assert.deepStrictEqual(JSON.parse(stdout), {
      policies: ["age", "importance", "spread"],
      events: true,
      wrong: "mine.json:1:23"
    })
  })

  it("can tell every typed error by its class", async () => {
    const src = join(import.meta.dirname, "../../src")
    const errors = ["domain", "services", "programs"].flatMap((room) =>
      readdirSync(join(src, room), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .flatMap((file) => [
          ...readFileSync(join(src, room, file), "utf8").matchAll(/^export class (\w+) .*TaggedError/gm)
        ])
        .map(([, name]) => name!)
    )
    assert.isAbove(errors.length, 40)
    const face = Object.keys(await import("byteback"))
    assert.deepStrictEqual(
      errors.filter((name) => !face.includes(name)),
      []
    )
  })
})
