// Where a restore goes and when it refuses to, on an rsync and a server in memory and real directories.
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SnapshotInfo } from "../../src/domain/Conversation.ts"
import { snapshotTime } from "../../src/domain/snapshotName.ts"
import { restore, type RestoreOptions } from "../../src/programs/Restore.ts"
import { BackupServer, type BackupSession, PathMissing } from "../../src/services/BackupServer.ts"
import { ClientConfig } from "../../src/services/ClientConfig.ts"
import { Exec } from "../../src/services/Exec.ts"
import { type FakeWorld, Rsync } from "../../src/services/Rsync.ts"

const snapshot = (name: string): SnapshotInfo => ({
  name,
  at: snapshotTime(name) ?? null,
  state: snapshotTime(name) === undefined ? "foreign" : "complete",
  held: false
})

const older = "2026-11-01T02:00+0000"
const newer = "2026-11-02T02:00+0000"

/** What a server says of /a, /b and /bin (a link to usr/bin), as far as a restore asks. */
const read: BackupSession["read"] = (request, onAnswer) => {
  const missing = Effect.fail(new PathMissing())
  const say = (row: object) =>
    onAnswer(Buffer.from(`${JSON.stringify(row)}\n${JSON.stringify({ _tag: "end", rows: 1, cut: null })}\n`))
  const { path } = request
  if (request._tag === "history") {
    return path === "b" ? say({ _tag: "version", first: older, last: older, snapshots: 1, type: "f" }) : missing
  }
  const link = path === "bin" ? { type: "l", target: "usr/bin" } : { type: "f" }
  const there = path === "a" || path === "bin" || (path === "b" && "snapshot" in request && request.snapshot === older)
  return there ? say({ _tag: "entry", path: `/${path}`, ...link }) : missing
}

/** A machine whose /a was in both snapshots and whose /b only in the older one; `below` is gone with the scope. */
const site = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "byteback-restore-test-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  ),
  (below) => {
    const world: FakeWorld = {
      machine: new Map(),
      current: new Map(),
      snapshots: new Map([
        [
          older,
          new Map([
            ["/a", "old"],
            ["/b", "once"]
          ])
        ],
        [newer, new Map([["/a", "new"]])]
      ]),
      trouble: []
    }
    /** snapshots that are gone once they have been listed */
    const pruned = new Set<string>()
    const layer = Layer.mergeAll(
      Rsync.layerFake(world),
      Exec.layerFake(() => Effect.succeed({ code: 0 })),
      ClientConfig.layerFake({ files: { destination: "byteback@backup.example.org:\n" } }),
      BackupServer.layerFake({
        hello: Effect.succeed({ _tag: "hello", protocol: 1, oldest: 1, version: "0.5.0", host: "web", now: 0 }),
        snapshots: Effect.sync(() => {
          const snapshots = [...world.snapshots.keys(), "saved", "saved by root"].map(snapshot)
          for (const name of pruned) world.snapshots.delete(name)
          return { _tag: "snapshots", snapshots }
        }),
        read
      })
    ).pipe(Layer.provideMerge(NodeServices.layer))
    const run = (options: Partial<RestoreOptions> = {}) =>
      restore({ settings: {}, paths: ["/a"], target: { _tag: "fresh", below }, ...options }).pipe(Effect.provide(layer))
    return { below, pruned, run, world }
  }
)

describe("a restore", () => {
  it.effect("goes to a fresh directory named after its snapshot, and leaves no mark there", () =>
    Effect.gen(function* () {
      const { below, run, world } = yield* site
      const first = yield* run()
      assert.strictEqual(first.directory, join(below, `byteback-restore-${newer}`))
      assert.strictEqual(world.machine.get(`${first.directory}/a`), "new")
      assert.strictEqual((yield* run()).directory, `${first.directory}-2`)
      const then = yield* run({ from: snapshotTime(newer)! - 1 })
      assert.strictEqual(then.snapshot?.name, older)
      assert.strictEqual(world.machine.get(`${then.directory}/a`), "old")
      for (const name of readdirSync(below)) assert.deepStrictEqual(readdirSync(join(below, name)), [])
    }).pipe(Effect.scoped)
  )

  it.effect("carries on where the same one stopped, and lets no other in", () =>
    Effect.gen(function* () {
      const { below, run, world } = yield* site
      world.trouble.push({ reason: "network", retryable: true })
      const stopped = yield* Effect.flip(run())
      assert.strictEqual(stopped._tag, "RestoreStopped")
      assert.include(stopped.message, `Give the same command again, with --snapshot ${newer},`)
      const directory = join(below, `byteback-restore-${newer}`)
      assert.isTrue(existsSync(join(directory, ".byteback-unfinished")))
      const other = yield* Effect.flip(run({ paths: ["/"], target: { _tag: "directory", path: directory } }))
      assert.include(other.message, "holds part of another restore")
      assert.strictEqual((yield* run({ paths: ["/"] })).directory, `${directory}-2`)
      assert.strictEqual((yield* run()).directory, directory)
      assert.isFalse(existsSync(join(directory, ".byteback-unfinished")))
    }).pipe(Effect.scoped)
  )

  it.effect("of all snapshots goes on where one was pruned before its turn came, and not where it was refused", () =>
    Effect.gen(function* () {
      const { pruned, run, world } = yield* site
      world.trouble.push(null, { reason: "refused", retryable: false })
      assert.strictEqual((yield* Effect.flip(run({ all: true })))._tag, "RsyncError")
      pruned.add(older)
      const restored = yield* run({ all: true })
      assert.deepStrictEqual(readdirSync(restored.directory), [newer])
      assert.strictEqual(world.machine.get(`${restored.directory}/${newer}/a`), "new")
    }).pipe(Effect.scoped)
  )

  it.effect("writes to a directory that holds something only where it is told what to do about that", () =>
    Effect.gen(function* () {
      const { below, run } = yield* site
      writeFileSync(join(below, "mine"), "")
      const target = { _tag: "directory", path: below } as const
      assert.include((yield* Effect.flip(run({ target }))).message, "say with --overwrite")
      yield* run({ target, overwrite: "never" })
      yield* run({ target, dryRun: true })
      assert.deepStrictEqual(readdirSync(below), ["mine"])
    }).pipe(Effect.scoped)
  )

  it.effect("says where a path last was, takes it from all, and refuses what cannot be", () =>
    Effect.gen(function* () {
      const { below, run, world } = yield* site
      const missing = yield* Effect.flip(run({ paths: ["/b"] }))
      assert.strictEqual(
        missing.message,
        `/b is not in snapshot ${newer}; nothing was compared or restored. /b was last in ${older}: give --snapshot ${older}`
      )
      assert.deepStrictEqual(readdirSync(below), [], "what holds nothing does not stay")
      const never = yield* Effect.flip(run({ paths: ["/a", Buffer.from("/\xff", "latin1")] }))
      assert.strictEqual(
        never.message,
        `/\\xff is not in snapshot ${newer}; all else that was asked for is restored to ${below}/byteback-restore-${newer}. No other snapshot has it`
      )
      const there = Array.from({ length: 400 }, () => "/a")
      const many = yield* Effect.flip(run({ paths: [...there, "/b", ...there, "/c"] }))
      assert.match(many.message, /^\/b and \/c are not in .* is restored to .*\. \/b was last in /)
      const gone = Array.from({ length: 12 }, (_, index) => `/c${index}`)
      const none = yield* Effect.flip(run({ paths: gone }))
      assert.match(none.message, /^\/c0 and .* and \/c9 and 2 others are not in .* nothing was compared or restored/)
      const through = yield* Effect.flip(run({ paths: ["/bin/tool"] }))
      assert.match(through.message, /\/bin\/tool is not in .* \/bin is a link to usr\/bin; ask for \/usr\/bin\/tool$/)
      const every = yield* run({ paths: ["/b"], all: true })
      assert.deepStrictEqual(readdirSync(every.directory), [older])
      assert.strictEqual(world.machine.get(`${every.directory}/${older}/b`), "once")
      assert.include(
        (yield* Effect.flip(run({ paths: ["/c"], all: true }))).message,
        "/c is in no snapshot. Is it spelled"
      )
      const typo = yield* Effect.flip(run({ paths: ["/a", "/c", "/d"], all: true }))
      assert.match(
        typo.message,
        /^\/c and \/d are in no snapshot; all else that was asked for is restored to \S+\. Are they/
      )
      const place = { _tag: "in-place" } as const
      const before = readdirSync(below)
      for (const [options, says] of [
        [{ target: place, all: true }, "cannot go to one place"],
        [{ target: place, host: "web" }, "another machine's files"],
        [{ target: place, deletes: true, paths: ["/etc", "/"] }, "not /"],
        [{ from: "saved by root" }, "was not made by byteback"],
        [{ from: "2026-10-01T00:00+0000" }, `the nearest are ${older}, ${newer}`],
        [{ from: 0 }, `the oldest is ${older}`]
      ] as const) {
        assert.include((yield* Effect.flip(run(options))).message, says)
      }
      assert.deepStrictEqual(readdirSync(below), before, "what is refused makes no directory")
    }).pipe(Effect.scoped)
  )
})
