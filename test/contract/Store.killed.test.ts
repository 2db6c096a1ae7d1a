// A taker of snapshots and a reset are killed again and again: what is listed is whole, always.
import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { snapshotTime } from "../../src/domain/snapshotName.ts"
import { Btrfs } from "../../src/services/Btrfs.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Store } from "../../src/services/Store.ts"
import { names, uid } from "../services/Store.contract.ts"
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

const storeAt = (store: string) =>
  Store.layer.pipe(
    Layer.provide(Btrfs.layer),
    Layer.provide(Exec.layer),
    Layer.provide([
      NodeServices.layer,
      Layer.succeed(Layout, { config: "/none", state: "/none", run: "/none", lib: "/none", etc: "/none", store })
    ])
  )

describe.skipIf(!isRoot)(`Store, killed${needsRoot}`, () => {
  it.live("lists only whole snapshots after kill -9 at any moment, and sweeps the rest", () =>
    Effect.gen(function* () {
      const root = yield* btrfsImage()
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
          const left = readdirSync(`${root}/a`).filter((name) => name !== "current")
          assert.sameMembers(
            left,
            listed.map(({ name }) => name)
          )
        }
        // Else the kills came between the snapshots only, and showed nothing.
        assert.isAbove(leftovers, 0)
        assert.isAbove(before, 0)
      }).pipe(Effect.provide(storeAt(root)))
    }).pipe(Effect.scoped)
  )

  it.live(
    "has `current` as it was or as the snapshot is after kill -9 at each step of a reset, or none, and then enrolling makes it",
    () =>
      Effect.gen(function* () {
        const root = yield* btrfsImage()
        yield* Effect.gen(function* () {
          const store = yield* Store
          const program = join(import.meta.dirname, "resetOnce.ts")
          const [, name] = names
          const current = `${root}/a/current`
          const content = (at: string) => readFileSync(`${root}/a/${at}/file`, "utf8")
          const found: Array<string> = []
          for (let step = 1; ; step++) {
            yield* store.createHost("a", uid)
            if (step === 1) {
              writeFileSync(`${current}/file`, "kept")
              yield* store.take("a", name)
            }
            writeFileSync(`${current}/file`, "unfinished")
            const { signal, status, stderr, stdout } = spawnSync(
              process.execPath,
              [program, root, "a", name, String(step)],
              {
                encoding: "utf8"
              }
            )
            if (signal === null) {
              assert.strictEqual(status, 0, stderr)
              break
            }
            yield* store.sweep("a")
            const left = existsSync(current) ? content("current") : "none"
            found.push(`${stdout.trim().split("\n").at(-1)}: ${left}`)
            // Whatever became of it, the history is whole, and the next run finds a place of its host's own.
            assert.deepStrictEqual(yield* store.snapshots("a"), [
              { name, at: snapshotTime(name)!, foreign: false, sealed: true }
            ])
            assert.strictEqual(content(name), "kept")
            assert.sameMembers(readdirSync(`${root}/a`), [name, ...(left === "none" ? [] : ["current"])])
            yield* store.createHost("a", uid)
            const { mode, uid: owner } = lstatSync(current)
            assert.deepStrictEqual([owner, mode & 0o7777], [uid, 0o700])
            yield* store.reset("a", name)
            assert.strictEqual(content("current"), "kept")
          }
          assert.deepStrictEqual(found, [
            "snapshot: unfinished",
            "give: unfinished",
            "rename current: unfinished",
            "rename .new-current: none",
            "delete .new-aside: kept"
          ])
        }).pipe(Effect.provide(storeAt(root)))
      }).pipe(Effect.scoped)
  )
})
