// The store on a real btrfs: its promises, who may alter a snapshot, and what failures leave behind.
import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import { Btrfs, BtrfsError } from "../../src/services/Btrfs.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Store } from "../../src/services/Store.ts"
import { names, suite, uid } from "../services/Store.contract.ts"
import { btrfsImage, isRoot, needsRoot } from "./btrfsImage.ts"

const layoutAt = (store: string) => ({
  config: "/none",
  state: "/none",
  run: "/none",
  lib: "/none",
  etc: "/none",
  store
})
const onImage = (size?: number, options?: string) =>
  Layer.effect(Layout, Effect.map(btrfsImage(size, options), layoutAt))

const btrfs = Btrfs.layer.pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))
const over = <E>(layout: Layer.Layer<never, E>, tool: typeof btrfs = btrfs) =>
  Store.layer.pipe(Layer.provideMerge(tool), Layer.provideMerge(layout))

/** Runs a program as a host's uid, with no capability. */
const asHost = (...argv: ReadonlyArray<string>) =>
  spawnSync("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--", ...argv], { encoding: "utf8" })

/** Owner, group and mode. */
const look = (path: string) => {
  const { gid, mode, uid } = lstatSync(path)
  return [uid, gid, mode & 0o7777]
}

const fact = (
  title: string,
  body: (store: Store["Service"], root: string, btrfs: Btrfs["Service"]) => Effect.Effect<unknown, unknown>,
  layer: ReturnType<typeof over> = over(onImage())
) =>
  it.live(title, () =>
    Effect.gen(function* () {
      yield* body(yield* Store, (yield* Layout).store, yield* Btrfs)
    }).pipe(Effect.provide(layer))
  )

/** Fills a directory with files of this size until there is no room for another. */
const fill = (directory: string, size: number): void => {
  const content = Buffer.alloc(size, "x")
  for (let index = 0; ; index++) {
    try {
      writeFileSync(`${directory}/${size}-${index}`, content)
    } catch {
      return
    }
  }
}

const MiB = 1024 * 1024

describe.skipIf(!isRoot)(`on loopback btrfs${needsRoot}`, () => {
  suite("on btrfs", over(onImage()))

  describe("Store, beyond the stand-in", () => {
    fact("gives a host its current and nothing else, numerically", (store, root) =>
      Effect.gen(function* () {
        chmodSync(root, 0o700)
        yield* store.createHost("a", uid)
        assert.deepStrictEqual(look(`${root}/a`), [0, 0, 0o755])
        assert.deepStrictEqual(look(`${root}/a/current`), [uid, uid, 0o700])
        yield* store.take("a", names[0])
        assert.deepStrictEqual(look(`${root}/a/${names[0]}`), [0, uid, 0o750])
        assert.deepStrictEqual(look(`${root}/a/current`), [uid, uid, 0o700])
      })
    )

    fact("seals a snapshot so that the host's own uid may read it and can alter nothing of it", (store, root) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        for (const path of [root, `${root}/..`]) chmodSync(path, 0o755)
        const current = `${root}/a/current`
        const snapshot = `${root}/a/${names[0]}`
        assert.strictEqual(
          asHost("sh", "-c", `echo old > ${current}/file && mkdir ${current}/d && chmod 777 ${current}`).status,
          0
        )
        yield* store.take("a", names[0])
        assert.strictEqual(asHost("cat", `${snapshot}/file`).stdout, "old\n")
        const attempts: ReadonlyArray<ReadonlyArray<string>> = [
          ["sh", "-c", `echo new > ${snapshot}/file`],
          ["touch", `${snapshot}/new`],
          ["touch", `${snapshot}/d/new`],
          ["rm", "-f", `${snapshot}/file`],
          ["mv", `${snapshot}/file`, `${snapshot}/other`],
          ["chmod", "777", snapshot],
          ["chmod", "600", `${snapshot}/file`],
          ["mv", snapshot, `${root}/a/other`],
          ["btrfs", "property", "set", "-t", "subvol", snapshot, "ro", "false"],
          ["btrfs", "subvolume", "delete", snapshot],
          ["btrfs", "subvolume", "snapshot", current, `${root}/a/${names[1]}`],
          ["setfattr", "-n", "user.x", "-v", "1", `${snapshot}/file`]
        ]
        for (const argv of attempts) assert.notStrictEqual(asHost(...argv).status, 0, argv.join(" "))
        // The twins in current, where all is the host's own: it is the seal that stops them.
        for (const argv of attempts.slice(0, 4)) {
          const twin = argv.map((word) => word.replaceAll(snapshot, current))
          assert.strictEqual(asHost(...twin).status, 0, twin.join(" "))
        }
        assert.strictEqual(readFileSync(`${snapshot}/file`, "utf8"), "old\n")
        assert.deepStrictEqual(readdirSync(snapshot).toSorted(), ["d", "file"])
        assert.deepStrictEqual(readdirSync(`${root}/a`).toSorted(), [names[0], "current"])
      })
    )

    fact(
      "lists foreign directories as such, unsealed snapshots as unsealed, and nothing that is neither",
      (store, root, btrfs) =>
        Effect.gen(function* () {
          yield* store.createHost("a", uid)
          const place = `${root}/a`
          yield* store.take("a", names[0])
          yield* btrfs.snapshot(`${place}/current`, `${place}/saved-do-not-delete`)
          mkdirSync(`${place}/odd`)
          mkdirSync(`${place}/${names[2]}`)
          // As the old scripts left them: not read-only, the host's own.
          yield* btrfs.snapshot(`${place}/current`, `${place}/2016-02-29T23:59+0100`)
          // Read-only, but the host could turn that off.
          yield* btrfs.snapshot(`${place}/current`, `${place}/${names[1]}`)
          yield* btrfs.setReadOnly(`${place}/${names[1]}`, true)
          yield* btrfs.snapshot(`${place}/current`, `${place}/.new-${names[2]}`)
          writeFileSync(`${place}/2020-01-01T00:00+0000`, "")
          symlinkSync(names[0], `${place}/2020-01-02T00:00+0000`)
          const listed = yield* store.snapshots("a")
          assert.deepStrictEqual(
            listed.map(({ at, foreign, name, sealed }) => [name, at, foreign ? "foreign" : sealed ? "sealed" : "open"]),
            [
              [names[2], null, "foreign"],
              ["odd", null, "foreign"],
              ["saved-do-not-delete", null, "foreign"],
              ["2016-02-29T23:59+0100", Date.UTC(2016, 1, 29, 22, 59) / 1000, "open"],
              [names[0], 1_794_999_960, "sealed"],
              [names[1], 1_795_021_560, "open"]
            ]
          )
        })
    )

    fact("seals what the old scripts left, and what a host could unseal, but nothing foreign", (store, root, btrfs) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        for (const path of [root, `${root}/..`]) chmodSync(path, 0o755)
        const place = `${root}/a`
        writeFileSync(`${place}/current/file`, "old")
        chownSync(`${place}/current/file`, uid, uid)
        const old = ["2016-02-29T23:59+0100", names[1]]
        for (const name of [...old, "saved-do-not-delete"])
          yield* btrfs.snapshot(`${place}/current`, `${place}/${name}`)
        yield* btrfs.setReadOnly(`${place}/${names[1]}`, true)
        for (const name of old) {
          yield* store.seal("a", name)
          yield* store.seal("a", name)
          assert.deepStrictEqual(look(`${place}/${name}`), [0, uid, 0o750])
          assert.notStrictEqual(asHost("sh", "-c", `echo new >${place}/${name}/file`).status, 0)
          assert.notStrictEqual(asHost("btrfs", "property", "set", `${place}/${name}`, "ro", "false").status, 0)
        }
        const sealed = (yield* store.snapshots("a")).filter((one) => one.sealed).map(({ name }) => name)
        assert.deepStrictEqual(sealed, old)
        assert.isFalse(yield* btrfs.isReadOnly(`${place}/saved-do-not-delete`))
        assert.match((yield* Effect.flip(store.seal("a", names[2]))).message, /not a snapshot/)
      })
    )

    fact("gives back what current holds beyond a snapshot, and its host goes on from there", (store, root, btrfs) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        for (const path of [root, `${root}/..`]) chmodSync(path, 0o755)
        const place = `${root}/a`
        const write = (text: string, name: string) =>
          asHost("sh", "-c", `echo ${text} >${place}/current/${name}`).status
        assert.strictEqual(write("old", "file"), 0)
        yield* store.take("a", names[0])
        assert.deepStrictEqual([write("new", "file"), write("more", "other")], [0, 0])
        // What a kill at the worst moment leaves is no obstacle.
        yield* btrfs.subvolumeCreate(`${place}/.new-current`)
        yield* btrfs.subvolumeCreate(`${place}/.new-aside`)
        yield* store.reset("a", names[0])
        assert.deepStrictEqual(readdirSync(place).toSorted(), [names[0], "current"])
        assert.deepStrictEqual(readdirSync(`${place}/current`), ["file"])
        assert.strictEqual(readFileSync(`${place}/current/file`, "utf8"), "old\n")
        assert.deepStrictEqual(look(`${place}/current`), [uid, uid, 0o700])
        assert.deepStrictEqual(look(`${place}/${names[0]}`), [0, uid, 0o750])
        assert.strictEqual(write("newer", "file"), 0)
        assert.strictEqual(readFileSync(`${place}/${names[0]}/file`, "utf8"), "old\n")
      })
    )

    fact("sweeps what killed runs left, and only that", (store, root, btrfs) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        const place = `${root}/a`
        yield* store.take("a", names[0])
        yield* btrfs.snapshot(`${place}/current`, `${place}/.new-${names[1]}`)
        yield* btrfs.snapshot(`${place}/current`, `${place}/.new-${names[2]}`)
        yield* btrfs.setReadOnly(`${place}/.new-${names[2]}`, true)
        yield* btrfs.snapshot(`${place}/current`, `${place}/.newer`)
        mkdirSync(`${place}/.new-directory`)
        writeFileSync(`${place}/.new-file`, "")
        // What it would be is said before: what was to be a snapshot holds nothing that `current` does not.
        yield* btrfs.snapshot(`${place}/current`, `${place}/.new-aside`)
        writeFileSync(`${place}/.new-aside/big`, randomBytes(3_000_000))
        writeFileSync(`${place}/current/big`, randomBytes(5_000_000))
        yield* btrfs.sync(root)
        const would = yield* store.temporary("a", names[0])
        assert.sameMembers(
          would.map(({ name }) => name),
          [".new-aside", `.new-${names[1]}`, `.new-${names[2]}`]
        )
        for (const { bytes, name } of would) {
          if (name === ".new-aside") assert.approximately(bytes, 3_000_000, 300_000)
          else assert.strictEqual(bytes, 0)
        }
        yield* btrfs.deleteSubvolume(`${place}/.new-aside`)
        assert.sameMembers([...(yield* store.sweep("a"))], [`.new-${names[1]}`, `.new-${names[2]}`])
        assert.sameMembers(readdirSync(place), [names[0], "current", ".newer", ".new-directory", ".new-file"])
        assert.deepStrictEqual(yield* store.sweep("a"), [])
        assert.deepStrictEqual(yield* store.sweep("b"), [])
      })
    )

    fact("leaves what is foreign, and the directory around it, when a host is removed", (store, root, btrfs) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        const place = `${root}/a`
        yield* store.take("a", names[0])
        yield* btrfs.subvolumeCreate(`${place}/current/inner`)
        yield* btrfs.snapshot(`${place}/current`, `${place}/saved-do-not-delete`)
        assert.deepStrictEqual(yield* store.removeHost("a"), {
          deleted: [names[0], "current"],
          left: ["saved-do-not-delete"]
        })
        assert.deepStrictEqual(readdirSync(place), ["saved-do-not-delete"])
        assert.deepStrictEqual(yield* store.hosts, ["a"])
      })
    )

    fact("does not take a host's directory for made where something else is in its place", (store, root) =>
      Effect.gen(function* () {
        writeFileSync(`${root}/a`, "")
        mkdirSync(`${root}/b/current`, { recursive: true })
        assert.strictEqual((yield* Effect.flip(store.createHost("a", uid)))._tag, "SystemFileError")
        assert.strictEqual((yield* Effect.flip(store.createHost("b", uid)))._tag, "BtrfsError")
      })
    )

    // btrfs with one method that fails after it has done its work, or before.
    const failing = (method: "subvolumeCreate" | "snapshot" | "setReadOnly" | "isReadOnly", after: boolean) =>
      Layer.effect(
        Btrfs,
        Effect.map(Btrfs, (real) => {
          const error = new BtrfsError({
            reason: "no-space",
            action: "test",
            path: "",
            exitCode: 1,
            stderr: "",
            argumentCount: 0
          })
          const work = real[method] as (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>
          const broken = (...args: ReadonlyArray<unknown>) =>
            Effect.andThen(after ? Effect.ignore(work(...args)) : Effect.void, Effect.fail(error))
          return Btrfs.of({ ...real, [method]: broken })
        })
      ).pipe(Layer.provide(btrfs))

    for (const method of ["snapshot", "setReadOnly", "isReadOnly"] as const) {
      for (const after of [false, true]) {
        fact(
          `leaves nothing of a snapshot when ${method} fails ${after ? "after" : "before"} its work`,
          (store, root) =>
            Effect.gen(function* () {
              yield* store.createHost("a", uid)
              writeFileSync(`${root}/a/current/file`, "x")
              const error = yield* Effect.flip(store.take("a", names[0]))
              assert.strictEqual(error._tag, "BtrfsError")
              assert.deepStrictEqual(readdirSync(`${root}/a`), ["current"])
              assert.deepStrictEqual(readdirSync(`${root}/a/current`), ["file"])
            }),
          over(onImage(), failing(method, after))
        )
      }
    }

    fact(
      "leaves no half-made current",
      (store, root) =>
        Effect.gen(function* () {
          yield* Effect.flip(store.createHost("a", uid))
          assert.deepStrictEqual(readdirSync(`${root}/a`), [])
        }),
      over(onImage(), failing("subvolumeCreate", true))
    )

    fact(
      "keeps nothing that does not read back as sealed",
      (store, root) =>
        Effect.gen(function* () {
          yield* store.createHost("a", uid)
          assert.include((yield* Effect.flip(store.take("a", names[0]))).message, "read back")
          assert.deepStrictEqual(readdirSync(`${root}/a`), ["current"])
        }),
      over(
        onImage(),
        Layer.effect(
          Btrfs,
          Effect.map(Btrfs, (real) => Btrfs.of({ ...real, setReadOnly: () => Effect.void }))
        ).pipe(Layer.provide(btrfs))
      )
    )

    fact(
      "fails for want of space on a full filesystem and leaves every snapshot whole",
      (store, root) =>
        Effect.gen(function* () {
          yield* store.createHost("a", uid)
          yield* store.take("a", names[0])
          // Data first, then metadata: small files live there.
          for (const size of [MiB, 64 * 1024, 1500]) fill(`${root}/a/current`, size)
          execFileSync("sync", ["-f", root])
          let minute = 1_796_000_000
          const one = Effect.suspend(() => store.take("a", formatSnapshotName((minute += 60))))
          const error = yield* Effect.flip(Effect.repeat(one, { times: 3000 }))
          // btrfs may find out at any step, the last one among them.
          const full = error._tag === "BtrfsError" ? error.reason : error._tag === "SystemFileError" ? error.code : ""
          assert.oneOf(full, ["no-space", "ENOSPC"])
          for (const snapshot of yield* store.snapshots("a")) assert.isTrue(snapshot.sealed)
          assert.isFalse(readdirSync(`${root}/a`).some((name) => name.startsWith(".")))
        }),
      over(onImage(120 * MiB))
    )

    const unavailable = (title: string, reason: string, layer: ReturnType<typeof over>) =>
      fact(
        title,
        (store, root) =>
          Effect.gen(function* () {
            const works: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>> = [
              store.mounted,
              store.hosts,
              store.free,
              store.createHost("a", uid),
              store.removeHost("a"),
              store.snapshots("a"),
              store.take("a", names[0]),
              store.settled,
              store.temporary("a", null),
              store.sweep("a")
            ]
            for (const work of works) {
              const error = yield* Effect.flip(work)
              assert.strictEqual(error._tag, "StoreUnavailable")
              if ("reason" in error) assert.strictEqual(error.reason, reason)
              assert.include(error.message, root)
            }
          }),
        layer
      )
    unavailable(
      "does nothing where nothing is mounted",
      "not-mounted",
      over(Layer.succeed(Layout, layoutAt("/usr/bin")))
    )
    unavailable("does nothing on another filesystem", "not-btrfs", over(Layer.succeed(Layout, layoutAt("/proc"))))
    unavailable(
      "does nothing where hosts could delete their snapshots",
      "hosts-may-delete",
      over(onImage(undefined, "user_subvol_rm_allowed"))
    )
    unavailable("does nothing on a read-only mount", "read-only", over(onImage(undefined, "ro")))

    fact("lists a year of snapshots in the time of a glance", (store, root, btrfs) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        const place = `${root}/a`
        chownSync(`${place}/current`, 0, uid)
        const first = `${place}/.sealed`
        yield* btrfs.snapshot(`${place}/current`, first)
        yield* btrfs.setReadOnly(first, true)
        const year = Array.from({ length: 365 }, (_, day) => formatSnapshotName(1_735_689_600 + day * 86_400))
        execFileSync("sh", [
          "-c",
          `for name in ${year.join(" ")}; do btrfs -q subvolume snapshot -r ${first} ${place}/$name; done`
        ])
        const before = process.hrtime.bigint()
        const listed = yield* store.snapshots("a")
        const millis = Number((process.hrtime.bigint() - before) / 1_000_000n)
        assert.lengthOf(listed, 365)
        assert.isBelow(millis, 2000)
      })
    )
  })
})
