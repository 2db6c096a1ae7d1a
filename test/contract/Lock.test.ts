// Locks of the kernel: what every Lock promises, between processes, and after a holder was killed.
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { Exec } from "../../src/services/Exec.ts"
import { Lock } from "../../src/services/Lock.ts"
import { suite } from "../services/Lock.contract.ts"

const directory = mkdtempSync(join(tmpdir(), "byteback-lock-"))
afterAll(() => rmSync(directory, { recursive: true }))
const layer = Lock.layer.pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))

suite("flock", layer, () => directory)

describe("a lock on a file", () => {
  it.live("is another process's until that is killed, and is then free", () =>
    Effect.gen(function* () {
      const lock = yield* Lock
      const path = join(directory, "theirs")
      const holder = spawn(process.execPath, [join(import.meta.dirname, "holdLock.ts"), path])
      yield* Effect.promise(() => once(holder.stdout, "data"))
      const take = Effect.scoped(lock.take(path, "a test"))
      assert.strictEqual((yield* Effect.flip(take))._tag, "Locked")
      holder.kill("SIGKILL")
      yield* Effect.retry(take, Schedule.spaced("20 millis").pipe(Schedule.upTo({ times: 250 })))
    }).pipe(Effect.provide(layer))
  )

  it.live("cannot be taken where there is no directory for it", () =>
    Effect.gen(function* () {
      const nowhere = (yield* Lock).take(join(directory, "not/there"), "a test")
      assert.strictEqual((yield* Effect.flip(Effect.scoped(nowhere)))._tag, "LockUnavailable")
    }).pipe(Effect.provide(layer))
  )
})
