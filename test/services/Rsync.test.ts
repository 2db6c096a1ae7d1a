// The in-memory Rsync keeps the contract, and fails when it is told to.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { isSnapshotRef } from "../../src/domain/snapshotName.ts"
import { type FakeWorld, Rsync } from "../../src/services/Rsync.ts"
import { pushPlan, RsyncSite, suite } from "./Rsync.contract.ts"

const world: FakeWorld = { machine: new Map(), current: new Map(), snapshots: new Map(), trouble: [] }
const server = { rsh: "fake", alias: "backup" }

suite(
  "Rsync in memory",
  Layer.merge(
    Rsync.layerFake(world),
    Layer.succeed(RsyncSite, {
      root: "/srv",
      server,
      write: (path, content) => Effect.sync(() => void world.machine.set(path, content)),
      remove: (path) => Effect.sync(() => void world.machine.delete(path)),
      files: (directory) =>
        Effect.sync(() => Object.fromEntries([...world.machine].filter(([path]) => path.startsWith(`${directory}/`)))),
      current: Effect.sync(() => Object.fromEntries(world.current)),
      snapshot: Effect.sync(() => {
        const name = `2026-01-01T00:${String(world.snapshots.size).padStart(2, "0")}+0000`
        assert(isSnapshotRef(name))
        world.snapshots.set(name, new Map(world.current))
        return name
      })
    })
  )
)

describe("Rsync in memory", () => {
  it.effect("ends as it is told, once each", () =>
    Effect.gen(function* () {
      const rsync = yield* Rsync
      world.trouble.push({ reason: "network", retryable: true }, null)
      const push = rsync.push(pushPlan(server, ["/srv"]))
      assert.strictEqual((yield* Effect.flip(push)).reason, "network")
      assert.strictEqual((yield* push).outcome, "complete")
      assert.strictEqual((yield* push).outcome, "complete")
    }).pipe(Effect.provide(Rsync.layerFake(world)))
  )
})
