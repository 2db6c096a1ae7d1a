// What every Mounts promises of devices, images and what is mounted where.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { missingOptions, storeOptions } from "../../src/domain/setup/fstab.ts"
import { Mounts } from "../../src/services/Mounts.ts"

const uuid = "7f2c1f5e-0000-4000-8000-00000000abcd"
const other = "7f2c1f5e-0000-4000-8000-000000000001"

/** `place`: an empty directory to mount on, and a name beside it for an image; what is mounted there goes with the scope. */
export const suite = (
  name: string,
  layer: Layer.Layer<Mounts, unknown>,
  place: Effect.Effect<{ readonly target: string; readonly image: string }, unknown, Scope.Scope>
): void => {
  const fact = (
    title: string,
    body: (
      mounts: Mounts["Service"],
      at: { readonly target: string; readonly image: string }
    ) => Effect.Effect<void, unknown>
  ) =>
    it.live(title, () =>
      Effect.gen(function* () {
        yield* body(yield* Mounts, yield* place)
      }).pipe(Effect.scoped, Effect.provide(layer))
    )

  describe(`Mounts (${name})`, () => {
    fact("makes an image once, and a btrfs on it once", (mounts, { image }) =>
      Effect.gen(function* () {
        assert.isNull(yield* mounts.device(image))
        yield* mounts.createImage(image, 512 * 2 ** 20)
        const fresh = yield* mounts.device(image)
        assert.deepStrictEqual(fresh, { kind: "file", bytes: 512 * 2 ** 20, signatures: [], mountedAt: [] })
        assert.deepInclude(yield* Effect.flip(mounts.createImage(image, 1)), { reason: "exists" })
        yield* mounts.makeBtrfs({ path: image, uuid, force: false })
        const made = yield* mounts.device(image)
        assert.deepStrictEqual(made?.signatures, [{ type: "btrfs", label: "byteback", uuid }])
        const again = yield* Effect.flip(mounts.makeBtrfs({ path: image, uuid: other, force: false }))
        assert.deepInclude(again, { reason: "not-empty" })
        yield* mounts.makeBtrfs({ path: image, uuid: other, force: true })
      })
    )

    fact("tells how much an image can come to hold, which an empty one takes nothing of", (mounts, { image }) =>
      Effect.gen(function* () {
        const before = yield* mounts.room(image)
        assert.isAbove(before, 0)
        yield* mounts.createImage(image, 512 * 2 ** 20)
        // Others write to the same disk meanwhile.
        assert.approximately(yield* mounts.room(image), before, 256 * 2 ** 20)
      })
    )

    fact("mounts it as the store is mounted, sees it there, and adds options", (mounts, { image, target }) =>
      Effect.gen(function* () {
        assert.isNull(yield* mounts.at(target))
        yield* mounts.createImage(image, 512 * 2 ** 20)
        yield* mounts.makeBtrfs({ path: image, uuid, force: false })
        yield* mounts.mount(image, target, ["loop", "noatime"])
        const bare = yield* mounts.at(target)
        assert.deepInclude(bare, { type: "btrfs", subvolume: "/", uuid })
        assert.include(missingOptions(bare?.options ?? []), "noexec")
        yield* mounts.remount(target, storeOptions)
        assert.deepStrictEqual(missingOptions((yield* mounts.at(target))?.options ?? []), [])
        assert.deepStrictEqual((yield* mounts.device(image))?.mountedAt, [target])
        assert.strictEqual(yield* mounts.imageOf(bare?.source ?? ""), image)
        assert.isNull(yield* mounts.imageOf("/dev/sda"))
        assert.deepInclude(yield* Effect.flip(mounts.makeBtrfs({ path: image, uuid: other, force: true })), {
          reason: "in-use"
        })
        assert.isFalse(yield* mounts.hasFiles(target))
        yield* mounts.unmount(target)
        assert.isNull(yield* mounts.at(target))
      })
    )

    fact("does not mount what is no btrfs", (mounts, { image, target }) =>
      Effect.gen(function* () {
        yield* mounts.createImage(image, 512 * 2 ** 20)
        assert.strictEqual((yield* Effect.flip(mounts.mount(image, target, ["loop"])))._tag, "MountsError")
        assert.isNull(yield* mounts.at(target))
      })
    )
  })
}
