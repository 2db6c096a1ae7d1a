// What Btrfs promises, of the tool on a real filesystem and of the stand-in alike.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { Btrfs, type BtrfsError } from "../../src/services/Btrfs.ts"
import type { ExecError } from "../../src/services/Exec.ts"

type Use<A> = Effect.Effect<A, BtrfsError | ExecError, Btrfs | Scope.Scope>

/** The reason of the failure that must come. */
const reason = <A, R>(work: Effect.Effect<A, BtrfsError | ExecError, R>) =>
  Effect.matchEffect(work, {
    onFailure: (error) => Effect.succeed(error._tag === "BtrfsError" ? error.reason : error._tag),
    onSuccess: () => Effect.die(new Error("it did not fail"))
  })

/** `top` makes an empty subvolume that is the test's own, and gives its path. */
export const suite = <E>(name: string, layer: Layer.Layer<Btrfs, E>, top: Use<string>) =>
  describe(`Btrfs: ${name}`, () => {
    const fact = (title: string, body: (btrfs: Btrfs["Service"], top: string) => Use<unknown>) =>
      it.live(title, () =>
        Effect.gen(function* () {
          yield* body(yield* Btrfs, yield* top)
        }).pipe(Effect.scoped, Effect.provide(layer))
      )

    fact("makes subvolumes, which are subvolumes and writable", (btrfs, top) =>
      Effect.gen(function* () {
        yield* btrfs.subvolumeCreate(`${top}/a`)
        assert.isTrue(yield* btrfs.isSubvolume(`${top}/a`))
        assert.isFalse(yield* btrfs.isReadOnly(`${top}/a`))
        assert.isFalse(yield* btrfs.isSubvolume(`${top}/b`))
        assert.isFalse(yield* btrfs.isSubvolume(`${top}/b/c`))
      })
    )

    fact("does not make what is there, or where nothing is", (btrfs, top) =>
      Effect.gen(function* () {
        yield* btrfs.subvolumeCreate(`${top}/a`)
        assert.strictEqual(yield* reason(btrfs.subvolumeCreate(`${top}/a`)), "exists")
        assert.strictEqual(yield* reason(btrfs.subvolumeCreate(`${top}/b/c`)), "not-found")
      })
    )

    fact("takes snapshots, writable until they are made read-only", (btrfs, top) =>
      Effect.gen(function* () {
        yield* btrfs.subvolumeCreate(`${top}/a`)
        yield* btrfs.snapshot(`${top}/a`, `${top}/s`)
        assert.isTrue(yield* btrfs.isSubvolume(`${top}/s`))
        assert.isFalse(yield* btrfs.isReadOnly(`${top}/s`))
        yield* btrfs.setReadOnly(`${top}/s`, true)
        assert.isTrue(yield* btrfs.isReadOnly(`${top}/s`))
        assert.isFalse(yield* btrfs.isReadOnly(`${top}/a`))
        assert.strictEqual(yield* reason(btrfs.subvolumeCreate(`${top}/s/x`)), "read-only")
        yield* btrfs.setReadOnly(`${top}/s`, false)
        yield* btrfs.subvolumeCreate(`${top}/s/x`)
      })
    )

    fact("never puts a snapshot into a directory that is there", (btrfs, top) =>
      Effect.gen(function* () {
        yield* btrfs.subvolumeCreate(`${top}/a`)
        yield* btrfs.subvolumeCreate(`${top}/b`)
        assert.strictEqual(yield* reason(btrfs.snapshot(`${top}/a`, `${top}/b`)), "exists")
        assert.isFalse(yield* btrfs.isSubvolume(`${top}/b/a`))
      })
    )

    fact("takes no snapshot of nothing", (btrfs, top) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* reason(btrfs.snapshot(`${top}/a`, `${top}/s`)), "not-found")
        assert.isFalse(yield* btrfs.isSubvolume(`${top}/s`))
      })
    )

    fact("leaves subvolumes within the source out of a snapshot", (btrfs, top) =>
      Effect.gen(function* () {
        yield* btrfs.subvolumeCreate(`${top}/a`)
        yield* btrfs.subvolumeCreate(`${top}/a/inner`)
        yield* btrfs.snapshot(`${top}/a`, `${top}/s`)
        assert.isFalse(yield* btrfs.isSubvolume(`${top}/s/inner`))
      })
    )

    fact("deletes subvolumes, read-only ones too, with all that lies within them and nothing else", (btrfs, top) =>
      Effect.gen(function* () {
        for (const path of ["a", "a/b", "a/b/c", "a/d", "ab"]) yield* btrfs.subvolumeCreate(`${top}/${path}`)
        yield* btrfs.snapshot(`${top}/a`, `${top}/s`)
        yield* btrfs.setReadOnly(`${top}/s`, true)
        yield* btrfs.deleteSubvolume(`${top}/s`)
        assert.isFalse(yield* btrfs.isSubvolume(`${top}/s`))
        assert.isTrue(yield* btrfs.isSubvolume(`${top}/a/b/c`))
        yield* btrfs.deleteSubvolume(`${top}/a`)
        assert.isFalse(yield* btrfs.isSubvolume(`${top}/a`))
        assert.isTrue(yield* btrfs.isSubvolume(`${top}/ab`))
        yield* btrfs.sync(top)
      })
    )

    fact("says what it did not find", (btrfs, top) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* reason(btrfs.deleteSubvolume(`${top}/a`)), "not-found")
        assert.strictEqual(yield* reason(btrfs.setReadOnly(`${top}/a`, true)), "not-found")
        assert.strictEqual(yield* reason(btrfs.isReadOnly(`${top}/a`)), "not-btrfs")
        assert.strictEqual(yield* reason(btrfs.newBytes(`${top}/a`, null)), "not-found")
      })
    )

    fact("measures a filesystem", (btrfs, top) =>
      Effect.gen(function* () {
        const { data, free, freeAtLeast, metadata, size, unallocated } = yield* btrfs.usage(top)
        assert.isAtLeast(free, freeAtLeast)
        assert.isAtLeast(size, free)
        assert.isAtLeast(size, unallocated)
        for (const chunks of [data, metadata]) assert.isAtLeast(chunks.size, chunks.used)
      })
    )

    fact("finds nothing new in a snapshot since itself", (btrfs, top) =>
      Effect.gen(function* () {
        yield* btrfs.subvolumeCreate(`${top}/a`)
        yield* btrfs.snapshot(`${top}/a`, `${top}/s`)
        yield* btrfs.setReadOnly(`${top}/s`, true)
        assert.deepStrictEqual(yield* btrfs.newBytes(`${top}/s`, `${top}/s`), {
          bytes: 0,
          metadata: 0
        })
      })
    )

    fact(
      "finds no difference between snapshots with nothing written in between, and nothing in empty ones",
      (btrfs, top) =>
        Effect.gen(function* () {
          yield* btrfs.subvolumeCreate(`${top}/a`)
          for (const name of ["s1", "s2"]) {
            yield* btrfs.snapshot(`${top}/a`, `${top}/${name}`)
            yield* btrfs.setReadOnly(`${top}/${name}`, true)
          }
          const [before, after] = [`${top}/s1`, `${top}/s2`] as const
          assert.deepInclude(yield* btrfs.changes(after, before), { bytes: 0, rewritten: 0, created: 0 })
          assert.deepStrictEqual(yield* btrfs.names(after, before), { added: 0, removed: 0 })
          assert.strictEqual(yield* btrfs.outlived(before, after), 0)
          assert.strictEqual(yield* btrfs.files(after), 0)
          assert.lengthOf(yield* btrfs.metadata([before, after]), 2)
        })
    )

    fact("compares and measures nothing that is not there", (btrfs, top) =>
      Effect.gen(function* () {
        yield* btrfs.subvolumeCreate(`${top}/a`)
        yield* btrfs.snapshot(`${top}/a`, `${top}/s`)
        yield* btrfs.setReadOnly(`${top}/s`, true)
        for (const [there, missing] of [
          [`${top}/s`, `${top}/none`],
          [`${top}/none`, `${top}/s`]
        ] as const) {
          const works = {
            changes: btrfs.changes(there, missing),
            names: btrfs.names(there, missing),
            outlived: btrfs.outlived(there, missing),
            newBytes: btrfs.newBytes(there, missing),
            metadata: btrfs.metadata([there, missing])
          }
          for (const [name, work] of Object.entries(works)) {
            assert.strictEqual(yield* reason<unknown, never>(work), "not-found", `${name} ${there}`)
          }
        }
        for (const work of [
          btrfs.files(`${top}/none`),
          btrfs.balance(`${top}/none`, "data"),
          btrfs.usage(`${top}/none`)
        ]) {
          assert.strictEqual(yield* reason<unknown, never>(work), "not-found")
        }
      })
    )
  })
