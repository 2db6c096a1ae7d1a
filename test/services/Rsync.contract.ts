// What Rsync promises of a push and a pull, on whatever moves the files.
import { assert, layer } from "@effect/vitest"
import { Context, Effect, type Layer } from "effect"
import type { Progress } from "../../src/domain/rsync/progress.ts"
import type { PullPlan } from "../../src/domain/rsync/pullArgv.ts"
import type { PushPlan, RemoteShell } from "../../src/domain/rsync/pushArgv.ts"
import type { SnapshotRef } from "../../src/domain/snapshotName.ts"
import { Rsync } from "../../src/services/Rsync.ts"

/** A machine's directory `root`, and a server with a `current` and snapshots of it. Files by absolute path. */
export class RsyncSite extends Context.Service<
  RsyncSite,
  {
    readonly root: string
    readonly server: RemoteShell
    readonly write: (path: string, content: string) => Effect.Effect<void>
    readonly remove: (path: string) => Effect.Effect<void>
    /** the regular files below a directory of the machine */
    readonly files: (directory: string) => Effect.Effect<Record<string, string>>
    /** the regular files of `current` */
    readonly current: Effect.Effect<Record<string, string>>
    /** copies `current` under a name that is returned */
    readonly snapshot: Effect.Effect<SnapshotRef>
  }
>()("test/RsyncSite") {}

export const pushPlan = (
  server: RemoteShell,
  sources: ReadonlyArray<string>,
  more: Partial<PushPlan> = {}
): PushPlan => ({
  server,
  sources,
  rules: [],
  acls: true,
  xattrs: true,
  ioTimeout: 600,
  flags: [],
  dryRun: false,
  progress: true,
  itemize: false,
  ...more
})

export const pullPlan = (
  server: RemoteShell,
  snapshot: SnapshotRef,
  paths: ReadonlyArray<string>,
  destination: string,
  more: Partial<PullPlan> = {}
): PullPlan => ({
  server,
  snapshot,
  paths,
  destination,
  acls: true,
  xattrs: true,
  devices: false,
  ioTimeout: 600,
  dryRun: false,
  progress: false,
  itemize: false,
  ...more
})

export const suite = <E>(name: string, site: Layer.Layer<Rsync | RsyncSite, E>) =>
  layer(site, { excludeTestServices: true })(name, (it) => {
    it.effect("knows what the local rsync can do", () =>
      Effect.gen(function* () {
        assert.match((yield* (yield* Rsync).version).version, /^\d+\.\d+/)
      })
    )

    it.effect("a push makes current equal to the sources, and sends again only what changed", () =>
      Effect.gen(function* () {
        const { current, files, remove, root, server, write } = yield* RsyncSite
        const rsync = yield* Rsync
        const directory = `${root}/push`
        const push = rsync.push(pushPlan(server, [directory]))
        const held = Effect.map(current, (all) =>
          Object.fromEntries(Object.entries(all).filter(([path]) => path.startsWith(`${directory}/`)))
        )
        yield* write(`${directory}/a`, "one")
        yield* write(`${directory}/d/b`, "two")
        const first = yield* push
        assert.strictEqual(first.outcome, "complete")
        assert.strictEqual(first.stats.transferred, 2)
        assert.strictEqual(first.stats.totalSize, 6)
        assert.deepStrictEqual(yield* held, yield* files(directory))

        assert.strictEqual((yield* push).stats.transferred, 0)

        yield* write(`${directory}/a`, "other")
        yield* remove(`${directory}/d/b`)
        const third = yield* push
        assert.strictEqual(third.stats.transferred, 1)
        assert.strictEqual(third.stats.deleted, 1)
        assert.deepStrictEqual(yield* held, yield* files(directory))
      })
    )

    it.effect("what is left out is not sent, and goes where it was sent before", () =>
      Effect.gen(function* () {
        const { current, root, server, write } = yield* RsyncSite
        const rsync = yield* Rsync
        const directory = `${root}/rules`
        yield* write(`${directory}/in`, "x")
        yield* write(`${directory}/out/file`, "x")
        yield* rsync.push(pushPlan(server, [directory]))
        assert.property(yield* current, `${directory}/out/file`)
        yield* rsync.push(pushPlan(server, [directory], { rules: [`- ${directory}/out/*`] }))
        assert.notProperty(yield* current, `${directory}/out/file`)
        assert.property(yield* current, `${directory}/in`)
      })
    )

    it.effect("a dry run changes nothing and counts what it would", () =>
      Effect.gen(function* () {
        const { current, root, server, write } = yield* RsyncSite
        const directory = `${root}/dry`
        yield* write(`${directory}/a`, "one")
        const before = yield* current
        const ended = yield* (yield* Rsync).push(pushPlan(server, [directory], { dryRun: true }))
        assert.strictEqual(ended.stats.created > 0, true)
        assert.deepStrictEqual(yield* current, before)
      })
    )

    it.effect("a pull brings a snapshot's files under their full names, and not what changed since", () =>
      Effect.gen(function* () {
        const { files, root, server, snapshot, write } = yield* RsyncSite
        const rsync = yield* Rsync
        const directory = `${root}/pull`
        yield* write(`${directory}/a`, "old")
        yield* write(`${directory}/b/c`, "deep")
        yield* rsync.push(pushPlan(server, [directory]))
        const taken = yield* snapshot
        yield* write(`${directory}/a`, "new, and longer")
        yield* rsync.push(pushPlan(server, [directory]))
        const out = `${root}/restored`
        const ended = yield* rsync.pull(pullPlan(server, taken, [`${directory}/a`, `${directory}/b`], out))
        assert.strictEqual(ended.outcome, "complete")
        assert.deepStrictEqual(yield* files(out), {
          [`${out}${directory}/a`]: "old",
          [`${out}${directory}/b/c`]: "deep"
        })
      })
    )

    it.effect("a path that is not in the snapshot is not found", () =>
      Effect.gen(function* () {
        const { root, server, snapshot, write } = yield* RsyncSite
        const rsync = yield* Rsync
        yield* write(`${root}/missing/a`, "x")
        yield* rsync.push(pushPlan(server, [`${root}/missing`]))
        const plan = pullPlan(server, yield* snapshot, [`${root}/missing/nothere`], `${root}/restored-missing`)
        const error = yield* Effect.flip(rsync.pull(plan))
        assert.strictEqual(error.reason, "not-found")
        assert.isFalse(error.retryable)
      })
    )
  })

/** Progress as it was told, for suites that watch it. */
export const recorder = () => {
  const seen: Array<Progress> = []
  return { seen, observer: { progress: (progress: Progress) => Effect.sync(() => void seen.push(progress)) } }
}
