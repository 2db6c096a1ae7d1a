// A taker of snapshots is killed again and again: what is listed is whole, always.
import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Btrfs } from "../../src/services/Btrfs.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Store } from "../../src/services/Store.ts"
import { uid } from "../services/Store.contract.ts"
import { btrfsImage, isRoot, needsRoot } from "./btrfsImage.ts"

/** Kills a taker some milliseconds after it began, and waits until the tool that it may have left behind has ended too. */
const killedTaker = async (store: string, first: number, after: number): Promise<void> => {
  const program = join(import.meta.dirname, "takeUntilKilled.ts")
  const taker = spawn(process.execPath, [program, store, "a", String(first)], { stdio: ["ignore", "pipe", "inherit"] })
  const gone = once(taker, "exit")
  await once(taker.stdout, "data")
  await new Promise((resolve) => setTimeout(resolve, after))
  assert.isTrue(taker.kill("SIGKILL"))
  assert.strictEqual((await gone)[1], "SIGKILL")
  const running = () =>
    readdirSync("/proc").some((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${store}/a`)
      } catch {
        return false
      }
    })
  while (running()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe.skipIf(!isRoot)(`Store, killed${needsRoot}`, () => {
  it.live("lists only whole snapshots after kill -9 at any moment, and sweeps the rest", () =>
    Effect.gen(function* () {
      const root = yield* btrfsImage()
      const layer = Store.layer.pipe(
        Layer.provide(Btrfs.layer),
        Layer.provide(Exec.layer),
        Layer.provide([
          NodeServices.layer,
          Layer.succeed(Layout, {
            config: "/none",
            state: "/none",
            run: "/none",
            lib: "/none",
            etc: "/none",
            store: root
          })
        ])
      )
      yield* Effect.gen(function* () {
        const store = yield* Store
        yield* store.createHost("a", uid)
        writeFileSync(`${root}/a/current/file`, "content")
        let before = 0
        let leftovers = 0
        for (let round = 0; round < 12; round++) {
          yield* Effect.promise(() => killedTaker(root, 1_795_000_000 + round * 86_400, 20 + ((round * 37) % 60)))
          leftovers += readdirSync(`${root}/a`).filter((name) => name.startsWith(".new-")).length
          const listed = yield* store.snapshots("a")
          for (const { foreign, name, sealed } of listed) {
            assert.deepStrictEqual([foreign, sealed], [false, true])
            assert.strictEqual(readFileSync(`${root}/a/${name}/file`, "utf8"), "content")
            const { gid, mode, uid: owner } = lstatSync(`${root}/a/${name}`)
            assert.deepStrictEqual([owner, gid, mode & 0o7777], [0, uid, 0o750])
          }
          assert.isAtLeast(listed.length, before)
          before = listed.length
          yield* store.sweep("a")
          const names = readdirSync(`${root}/a`).filter((name) => name !== "current")
          assert.sameMembers(
            names,
            listed.map(({ name }) => name)
          )
        }
        // Else the kills came between the snapshots only, and showed nothing.
        assert.isAbove(leftovers, 0)
        assert.isAbove(before, 0)
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )
})
