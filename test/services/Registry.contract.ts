// What Registry promises, on files in memory and on a disk alike.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Layout } from "../../src/services/Layout.ts"
import { Registry, firstUid } from "../../src/services/Registry.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"

/** The tag of the failure that must come. */
const tag = <A, X extends { readonly _tag: string }, R>(work: Effect.Effect<A, X, R>) =>
  Effect.matchEffect(work, {
    onFailure: (error) => Effect.succeed(error._tag),
    onSuccess: () => Effect.die(new Error("it did not fail"))
  })

export const suite = <E>(name: string, layer: Layer.Layer<Registry | SystemFile, E>) =>
  describe(`Registry: ${name}`, () => {
    const fact = <X>(title: string, body: Effect.Effect<unknown, X, Registry | SystemFile>) =>
      it.live(title, () => Effect.provide(body, layer))

    fact(
      "is empty at first, and knows nobody",
      Effect.gen(function* () {
        const registry = yield* Registry
        assert.deepStrictEqual(yield* registry.list, [])
        assert.strictEqual(yield* tag(registry.get("a")), "NotEnrolled")
        assert.strictEqual(yield* tag(registry.get("../a")), "NotEnrolled")
        assert.strictEqual(yield* tag(registry.remove("a")), "NotEnrolled")
      })
    )

    fact(
      "gives each host a uid of its own, and lists hosts by name",
      Effect.gen(function* () {
        const registry = yield* Registry
        const b = yield* registry.add("b.example")
        const a = yield* registry.add("a")
        assert.deepStrictEqual([b.uid, a.uid], [firstUid, firstUid + 1])
        assert.deepStrictEqual(yield* registry.list, [a, b])
        assert.deepStrictEqual(yield* registry.get("a"), a)
      })
    )

    fact(
      "adds no host twice and none of a bad name",
      Effect.gen(function* () {
        const registry = yield* Registry
        const a = yield* registry.add("a")
        assert.strictEqual(yield* tag(registry.add("a")), "HostExists")
        for (const name of ["", "..", "a/b", "A", "-a", "a..b", "a\n", "a".repeat(64), "é"]) {
          assert.strictEqual(yield* tag(registry.add(name)), "InvalidHostName", name)
        }
        assert.deepStrictEqual(yield* registry.list, [a])
      })
    )

    fact(
      "gives no uid twice, also after hosts are removed; a host that comes back gets its own",
      Effect.gen(function* () {
        const registry = yield* Registry
        const a = yield* registry.add("a")
        yield* registry.remove("a")
        assert.deepStrictEqual(yield* registry.list, [])
        assert.strictEqual(yield* tag(registry.get("a")), "NotEnrolled")
        const b = yield* registry.add("b")
        assert.notStrictEqual(b.uid, a.uid)
        assert.strictEqual((yield* registry.add("a")).uid, a.uid)
        assert.strictEqual((yield* registry.add("c")).uid, b.uid + 1)
      })
    )

    fact(
      "gives different uids to hosts that are added at once",
      Effect.gen(function* () {
        const registry = yield* Registry
        const hosts = Array.from({ length: 6 }, (_, index) => `host-${index}`)
        const added = yield* Effect.forEach(hosts, registry.add, { concurrency: "unbounded" })
        assert.strictEqual(new Set(added.map(({ uid }) => uid)).size, hosts.length)
        assert.deepStrictEqual(yield* registry.list, added)
      })
    )

    fact(
      "goes on above all known uids when its counter is lost, and stops when the counter is damaged",
      Effect.gen(function* () {
        const registry = yield* Registry
        const files = yield* SystemFile
        const { state } = yield* Layout
        yield* registry.add("a")
        const b = yield* registry.add("b")
        yield* files.remove(`${state}/next-uid`)
        assert.strictEqual((yield* registry.add("c")).uid, b.uid + 1)
        yield* files.write(`${state}/next-uid`, "12\0", 0o600)
        assert.strictEqual(yield* tag(registry.add("d")), "DamagedRecord")
        assert.strictEqual(yield* tag(registry.get("d")), "NotEnrolled")
      })
    )

    fact(
      "reports a damaged file of a host and leaves it; other hosts are not concerned",
      Effect.gen(function* () {
        const registry = yield* Registry
        const files = yield* SystemFile
        const { state } = yield* Layout
        yield* registry.add("a")
        const b = yield* registry.add("b")
        for (const text of ['{"host":"a","uid":', '{"host":"b","uid":1200000000,"created":1}', ""]) {
          yield* files.write(`${state}/hosts/a.json`, text, 0o600)
          assert.strictEqual(yield* tag(registry.get("a")), "DamagedRecord")
          assert.strictEqual(yield* tag(registry.list), "DamagedRecord")
          assert.strictEqual(yield* files.read(`${state}/hosts/a.json`), text)
        }
        assert.deepStrictEqual(yield* registry.get("b"), b)
      })
    )
  })
