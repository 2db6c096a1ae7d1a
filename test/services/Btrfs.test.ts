// The stand-in keeps Btrfs's promises; and the tool's words become the right reasons.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Btrfs, type BtrfsError } from "../../src/services/Btrfs.ts"
import { Exec, ExecError } from "../../src/services/Exec.ts"
import { suite } from "./Btrfs.contract.ts"

suite(
  "in memory",
  Btrfs.layerFake,
  Effect.gen(function* () {
    const btrfs = yield* Btrfs
    yield* btrfs.subvolumeCreate("/top")
    return "/top"
  })
)

const died = new ExecError({ program: "btrfs", argumentCount: 4, reason: "killed", detail: "SIGSEGV" })

const says = (stderr: string) =>
  Effect.gen(function* () {
    const btrfs = yield* Btrfs
    return yield* Effect.flip(btrfs.subvolumeCreate("/byteback/h/current"))
  }).pipe(Effect.provide(Btrfs.layer.pipe(Layer.provide(Exec.layerFake(() => Effect.succeed({ code: 1, stderr }))))))

describe("a failure of btrfs", () => {
  const table = [
    ["ERROR: cannot snapshot '/s': No space left on device", "no-space"],
    ["ERROR: cannot create subvolume: Disk quota exceeded", "no-space"],
    ["ERROR: not a btrfs filesystem: /tmp", "not-btrfs"],
    ["ERROR: Not a Btrfs subvolume: Invalid argument", "not-btrfs"],
    ["ERROR: target path already exists: h/current", "exists"],
    ["ERROR: cannot create subvolume: Read-only file system", "read-only"],
    ["ERROR: Could not destroy subvolume/snapshot: Operation not permitted", "not-permitted"],
    ["ERROR: cannot create subvolume: Permission denied", "not-permitted"],
    ["ERROR: cannot access 'nope': No such file or directory", "not-found"],
    ["ERROR: unable to resolve /byteback/h/gone", "not-found"],
    ["ERROR: a new kind of trouble", "unknown"]
  ] as const
  for (const [stderr, reason] of table) {
    it.effect(`that says "${stderr}" is: ${reason}`, () =>
      Effect.gen(function* () {
        const error = yield* says(stderr)
        assert.strictEqual(error._tag, "BtrfsError")
        if (error._tag !== "BtrfsError") return
        assert.strictEqual(error.reason, reason)
        assert.strictEqual(error.exit, reason === "no-space" ? "noSpace" : "failed")
        assert.include(error.message, "/byteback/h/current")
      })
    )
  }

  it.effect("that died of what it was given is a failure at that, and no reason for anything else to end", () =>
    Effect.gen(function* () {
      const btrfs = yield* Btrfs
      const works = [
        btrfs.changes("/s2", "/s1"),
        btrfs.names("/s2", "/s1"),
        btrfs.outlived("/s1", "/s2"),
        btrfs.files("/s2")
      ]
      for (const work of works) {
        const error = yield* Effect.flip<unknown, BtrfsError | ExecError, never>(work)
        assert.strictEqual(error._tag, "BtrfsError")
        assert.match(error.message, /could not be run to its end: SIGSEGV/)
      }
    }).pipe(Effect.provide(Btrfs.layer.pipe(Layer.provide(Exec.layerFake(() => Effect.fail(died))))))
  )

  it.effect("with figures that are none is reported, not believed", () =>
    Effect.gen(function* () {
      const btrfs = yield* Btrfs
      const error = yield* Effect.flip(btrfs.usage("/byteback"))
      assert.include(error.message, "cannot be read")
    }).pipe(
      Effect.provide(Btrfs.layer.pipe(Layer.provide(Exec.layerFake(() => Effect.succeed({ text: "Overall:\n" })))))
    )
  )
})
