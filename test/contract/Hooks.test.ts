// Hooks on real programs and run-parts: the contract, and what only real files can show.
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Exec } from "../../src/services/Exec.ts"
import { Hooks } from "../../src/services/Hooks.ts"
import { HooksSite, suite } from "../services/Hooks.contract.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "byteback-hooks-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
)

/** Writes a shell script of mode 0755. */
const script = (path: string, body: string) => {
  fs.mkdirSync(join(path, ".."), { recursive: true })
  fs.writeFileSync(path, `#!/bin/sh\n${body}\n`)
  fs.chmodSync(path, 0o755)
}

const site = Layer.effect(
  HooksSite,
  Effect.gen(function* () {
    const top = yield* directory
    const log = join(top, "log")
    const says = (name: string, code = 0) => `echo ${name} >>'${log}'; exit ${code}`
    script(join(top, "good/20-second"), says("20-second"))
    script(join(top, "good/10-first"), says("10-first"))
    script(join(top, "bad/10-first"), says("10-first"))
    script(join(top, "bad/20-fails"), says("20-fails", 3))
    script(join(top, "bad/30-never"), says("30-never"))
    script(join(top, "told/10-told"), `echo "$WORD" >>'${log}'`)
    return HooksSite.of({
      directory: (name) => join(top, name),
      ran: Effect.sync(() => {
        const lines = fs.readFileSync(log, "utf8").trimEnd().split("\n")
        fs.rmSync(log)
        return lines
      })
    })
  })
)

const hooks = Hooks.layer.pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))

suite("Hooks", Layer.merge(hooks, site))

describe("real hooks", () => {
  it.live("are what run-parts takes for them: executable, without a dot in the name", () =>
    Effect.gen(function* () {
      const top = yield* directory
      script(join(top, "backup.sh"), "exit 1")
      script(join(top, "plain"), "exit 1")
      fs.chmodSync(join(top, "plain"), 0o644)
      script(join(top, "yes"), "exit 0")
      assert.strictEqual(yield* (yield* Hooks).run(top), 1)
    }).pipe(Effect.scoped, Effect.provide(hooks))
  )

  it.live("are not run where another user could have written them", () =>
    Effect.gen(function* () {
      const top = yield* directory
      script(join(top, "hook"), `touch '${top}/ran'`)
      fs.chmodSync(join(top, "hook"), 0o775)
      const error = yield* Effect.flip((yield* Hooks).run(top))
      assert.strictEqual(error.name, join(top, "hook"))
      assert.match(error.message, /was not run: can be written by other users; run chmod go-w/)
      fs.chmodSync(join(top, "hook"), 0o755)
      fs.chmodSync(top, 0o777)
      assert.strictEqual((yield* Effect.flip((yield* Hooks).run(top))).name, top)
      assert.isFalse(fs.existsSync(`${top}/ran`))
    }).pipe(Effect.scoped, Effect.provide(hooks))
  )

  it.live("say why they failed, and may print as much as they like", () =>
    Effect.gen(function* () {
      const top = yield* directory
      script(join(top, "hook"), "yes | head -c 300000; echo the database is down >&2; exit 7")
      const error = yield* Effect.flip((yield* Hooks).run(top))
      assert.match(error.message, /hook .*\/hook failed with exit code 7: the database is down$/)
    }).pipe(Effect.scoped, Effect.provide(hooks))
  )

  it.live("end with an interruption, and what they have started too", () =>
    Effect.gen(function* () {
      const top = yield* directory
      script(join(top, "hook"), `sh -c 'echo $$ >"${top}/pid"; exec sleep 600'; true`)
      const fiber = yield* Effect.forkChild((yield* Hooks).run(top))
      const pid = () => (fs.existsSync(`${top}/pid`) ? fs.readFileSync(`${top}/pid`, "utf8").trim() : "")
      while (pid() === "") yield* Effect.sleep(10)
      yield* Fiber.interrupt(fiber)
      assert.isFalse(fs.existsSync(`/proc/${pid()}`))
    }).pipe(Effect.scoped, Effect.provide(hooks))
  )
})
