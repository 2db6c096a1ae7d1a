// Sshd in memory, and how a running sshd is told to read its configuration again.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Exec } from "../../src/services/Exec.ts"
import { Programs } from "../../src/services/Programs.ts"
import { Sshd } from "../../src/services/Sshd.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { suite } from "./Sshd.contract.ts"

suite("stand-in", Sshd.layerFake.pipe(Layer.provide(SystemFile.layerFake)))

/** What reload answers, and which commands it ran, where systemd says that these units are active. */
const reloaded = (systemd: boolean, active: ReadonlyArray<string>, reloadCode = 0) =>
  Effect.gen(function* () {
    const ran: Array<string> = []
    const exec = Exec.layerFake((program, args) =>
      Effect.sync(() => {
        if (args[0] === "is-active") return { code: active.includes(args.at(-1) ?? "") ? 0 : 3 }
        ran.push([program, ...args].join(" "))
        return { code: reloadCode, stderr: "Job failed\n" }
      })
    )
    const files = yield* SystemFile
    if (systemd) yield* files.directory("/run/systemd/system", 0o755)
    const sshd = yield* Sshd.pipe(
      Effect.provide(Sshd.layer.pipe(Layer.provide([exec, Programs.layerFake(), Layer.succeed(SystemFile, files)])))
    )
    return { state: yield* Effect.result(sshd.reload), ran }
  }).pipe(Effect.provide(SystemFile.layerFake))

describe("reloading sshd", () => {
  it.effect("asks systemd where it runs sshd, and never starts one that is stopped", () =>
    Effect.gen(function* () {
      const service = yield* reloaded(true, ["ssh.service"])
      assert.deepInclude(service.state, { success: "systemd" })
      assert.deepStrictEqual(service.ran, ["systemctl reload ssh.service"])
      const socket = yield* reloaded(true, ["ssh.socket"])
      assert.deepInclude(socket.state, { success: "systemd" })
      const stopped = yield* reloaded(true, [])
      assert.deepInclude(stopped.state, { success: "stopped" })
      assert.deepStrictEqual([...socket.ran, ...stopped.ran], [])
    })
  )

  it.effect("says so when systemd could not", () =>
    Effect.gen(function* () {
      const { state } = yield* reloaded(true, ["ssh.service"], 1)
      assert.deepInclude(state, { _tag: "Failure" })
    })
  )

  it.effect("finds no sshd where there is no systemd and no pid file", () =>
    Effect.gen(function* () {
      assert.deepInclude((yield* reloaded(false, [])).state, { success: "stopped" })
    })
  )
})
