// The prune after a backup: nobody waits for it, and it outlives whoever started it.
import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pruneLater } from "../../src/programs/pruneLater.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Layout } from "../../src/services/Layout.ts"

const layer = Exec.layer.pipe(Layer.provide(NodeServices.layer))

/** A prune that says what it is, and goes on only when it is told to. */
const slow = `#!/bin/sh
cd "$(dirname "$0")"
echo "$$ $*" >said && mv said started
read word <go
echo done >said && mv said ended
`

const until = (path: string) =>
  Effect.promise(async () => {
    while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5))
    return readFileSync(path, "utf8").trim()
  })

/** The session that a process belongs to. */
const sessionOf = (pid: string) => readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, "").split(" ")[3]

describe("pruneLater", () => {
  it.live("returns while the prune runs, in a session of its own and with no way back to us", () =>
    Effect.gen(function* () {
      const lib = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "byteback-later-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true }))
      )
      writeFileSync(`${lib}/byteback.cjs`, slow)
      chmodSync(`${lib}/byteback.cjs`, 0o755)
      execFileSync("mkfifo", [`${lib}/go`])
      yield* pruneLater().pipe(Effect.provideService(Layout, { ...(yield* Layout), lib }))
      const [pid = "", ...words] = (yield* until(`${lib}/started`)).split(" ")
      assert.deepStrictEqual(words, ["prune"])
      assert.notStrictEqual(sessionOf(pid), sessionOf("self"))
      // Its shell keeps some of its own from 10 on, and this machine may have handed down others.
      const standard = readdirSync(`/proc/${pid}/fd`).filter((fd) => fd.length === 1)
      const open = standard.map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
      assert.isTrue(
        open.every((path) => path === "/dev/null" || path.startsWith(`${lib}/`)),
        open.join()
      )
      assert.isFalse(existsSync(`${lib}/ended`))
      writeFileSync(`${lib}/go`, "go\n")
      assert.strictEqual(yield* until(`${lib}/ended`), "done")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("is no failure of the backup where the prune cannot be started", () =>
    pruneLater().pipe(
      Effect.updateService(Layout, (layout) => ({ ...layout, lib: "/nonexistent" })),
      Effect.provide(layer)
    )
  )
})
