// What Store promises, of the stand-in and of a real btrfs alike.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import { Store } from "../../src/services/Store.ts"

export const uid = 1_200_000_000
/** Names of snapshots, oldest first. */
export const names = [1_795_000_000, 1_795_021_600, 1_795_043_200].map(formatSnapshotName) as [string, string, string]

export const suite = <E>(name: string, layer: Layer.Layer<Store, E>) =>
  describe(`Store: ${name}`, () => {
    const fact = <X>(title: string, body: (store: Store["Service"]) => Effect.Effect<unknown, X>) =>
      it.live(title, () =>
        Effect.gen(function* () {
          yield* body(yield* Store)
        }).pipe(Effect.provide(layer))
      )

    fact("is mounted, empty and not full at first", (store) =>
      Effect.gen(function* () {
        yield* store.mounted
        assert.deepStrictEqual(yield* store.hosts, [])
        assert.deepStrictEqual(yield* store.snapshots("a"), [])
        assert.isAbove((yield* store.free).free, 0)
      })
    )

    fact("makes hosts, once and again, and lists them by name", (store) =>
      Effect.gen(function* () {
        yield* store.createHost("b.example", uid)
        yield* store.createHost("a", uid + 1)
        yield* store.take("a", names[0])
        yield* store.createHost("a", uid + 1)
        assert.deepStrictEqual(yield* store.hosts, ["a", "b.example"])
        assert.lengthOf(yield* store.snapshots("a"), 1)
        assert.deepStrictEqual(yield* store.snapshots("b.example"), [])
      })
    )

    fact("gives nobody what belongs to another uid", (store) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        const error = yield* Effect.flip(store.createHost("a", uid + 1))
        assert.strictEqual(error._tag, "OwnerMismatch")
        assert.include(error.message, String(uid))
      })
    )

    fact("takes snapshots, sealed, and lists them oldest first", (store) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        yield* store.take("a", names[2])
        yield* store.take("a", names[0])
        const taken = yield* store.take("a", names[1])
        assert.deepStrictEqual(taken, { name: names[1], at: 1_795_021_560, foreign: false, sealed: true })
        const listed = yield* store.snapshots("a")
        assert.deepStrictEqual(
          listed.map(({ name }) => name),
          names
        )
        assert.deepStrictEqual(listed[1], taken)
      })
    )

    fact("takes none over another, and none of a host that is not there", (store) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        yield* store.take("a", names[0])
        const errors = [yield* Effect.flip(store.take("a", names[0])), yield* Effect.flip(store.take("b", names[0]))]
        assert.deepStrictEqual(
          errors.map((error) => error._tag === "BtrfsError" && error.reason),
          ["exists", "not-found"]
        )
        assert.lengthOf(yield* store.snapshots("a"), 1)
        assert.deepStrictEqual(yield* store.hosts, ["a"])
      })
    )

    fact("removes a host with all its snapshots, and no other", (store) =>
      Effect.gen(function* () {
        for (const host of ["a", "b"]) {
          yield* store.createHost(host, uid)
          yield* store.take(host, names[0])
        }
        yield* store.take("a", names[1])
        assert.deepStrictEqual(yield* store.removeHost("a"), { deleted: [names[0], names[1], "current"], left: [] })
        assert.deepStrictEqual(yield* store.hosts, ["b"])
        assert.lengthOf(yield* store.snapshots("b"), 1)
        assert.deepStrictEqual(yield* store.removeHost("a"), { deleted: [], left: [] })
      })
    )

    fact("removes one snapshot, which may be gone already, and nothing that is none", (store) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        for (const name of names) yield* store.take("a", name)
        assert.isTrue(yield* store.remove("a", names[1]))
        yield* store.settled
        assert.deepStrictEqual(
          (yield* store.snapshots("a")).map(({ name }) => name),
          [names[0], names[2]]
        )
        assert.isTrue(yield* store.remove("a", names[1]))
        assert.isTrue(yield* store.remove("b", names[1]))
        for (const name of ["current", "../a", "saved"]) {
          assert.strictEqual((yield* Effect.exit(store.remove("a", name)))._tag, "Failure", name)
        }
        yield* store.take("a", names[1])
      })
    )

    fact("finds nothing new where nothing was written, and nothing half-made", (store) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        yield* store.take("a", names[0])
        yield* store.take("a", names[1])
        const nothing = { bytes: 0, rewritten: 0, created: 0 }
        assert.deepInclude(yield* store.growth("a", names[1], names[0]), nothing)
        assert.deepStrictEqual(yield* store.names("a", names[1], names[0]), { added: 0, removed: 0 })
        assert.strictEqual(yield* store.outlived("a", names[0], names[1]), 0)
        assert.deepStrictEqual([yield* store.files("a", names[1]), yield* store.files("a", "current")], [0, 0])
        for (const previous of [names[1], null]) {
          assert.deepInclude(yield* store.pending("a", previous), { bytes: 0 })
          assert.deepInclude(yield* store.growth("a", "current", previous), nothing)
        }
        assert.lengthOf(yield* store.metadata("a", [names[0], names[1]]), 3)
        assert.deepStrictEqual(yield* store.sweep("a"), [])
        yield* store.balance("data")
        yield* store.balance("metadata")
        assert.lengthOf(yield* store.snapshots("a"), 2)
      })
    )

    fact("compares and measures no snapshot that is not there", (store) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        yield* store.take("a", names[0])
        const works = {
          growth: store.growth("a", names[1], names[0]),
          growthSince: store.growth("a", names[0], names[1]),
          names: store.names("a", names[1], names[0]),
          namesSince: store.names("a", names[0], names[1]),
          outlived: store.outlived("a", names[1], names[0]),
          files: store.files("a", names[1]),
          filesOfNobody: store.files("b", "current"),
          pending: store.pending("a", names[1]),
          metadata: store.metadata("a", [names[0], names[1]]),
          seal: store.seal("a", names[1])
        }
        for (const [what, work] of Object.entries(works)) {
          const ended = yield* Effect.result(work as Effect.Effect<unknown, unknown>)
          assert.strictEqual(ended._tag, "Failure", what)
        }
        // Of a host whose `current` is not there, nothing waits for a snapshot.
        assert.deepStrictEqual(yield* store.pending("b", null), { bytes: 0, metadata: 0 })
      })
    )

    fact("makes current of a snapshot again, and of nothing else", (store) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        yield* store.take("a", names[0])
        yield* store.reset("a", names[0])
        assert.deepStrictEqual(
          (yield* store.snapshots("a")).map(({ name, sealed }) => [name, sealed]),
          [[names[0], true]]
        )
        assert.match((yield* Effect.flip(store.reset("a", names[1]))).message, /not a sealed snapshot/)
      })
    )

    fact("makes no path of a word that is no name", (store) =>
      Effect.gen(function* () {
        yield* store.createHost("a", uid)
        const works = [
          store.createHost("../a", uid),
          store.removeHost(".."),
          store.snapshots("a/b"),
          store.take("a/../b", names[0]),
          store.take("a", "../b/current"),
          store.take("a", "current"),
          store.seal("a", "current"),
          store.reset("a", "current"),
          store.take("a", `${names[0]}/..`)
        ]
        for (const work of works)
          assert.strictEqual((yield* Effect.exit(work as Effect.Effect<unknown, unknown>))._tag, "Failure")
        assert.deepStrictEqual(yield* store.snapshots("a"), [])
      })
    )
  })
