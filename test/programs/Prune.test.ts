// Pruning as a program: it measures as it goes, may be cut short anywhere, and deletes nothing that it should not.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { dirname } from "node:path"
import { approve } from "../../src/programs/Approve.ts"
import { hold, release } from "../../src/programs/Hold.ts"
import { makeRoom } from "../../src/programs/MakeRoom.ts"
import { planFor, prune, storeSpace } from "../../src/programs/Prune.ts"
import { status } from "../../src/programs/Status.ts"
import { wantedBefore } from "../../src/domain/prune/defended.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Registry } from "../../src/services/Registry.ts"
import { ServerConfig } from "../../src/services/ServerConfig.ts"
import { Store } from "../../src/services/Store.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import type { Plan } from "../../src/domain/prune/plan.ts"
import { at, start } from "./serverFakes.ts"
import { brokenDisk, day, GB, onModel, StoreModel } from "./storeModel.ts"

const dailies = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)

/** A store of 100 GB in which a host has 40 daily backups of 1 GB new each: its reserve is 1.5 GB. */
const full = (live: number) => {
  const model = new StoreModel()
  model.live = live
  return model
}
const age = { method: { name: "age" } } as const

describe("a prune", () => {
  it.effect("deletes until the reserve is met and no more, and writes down each deletion before and after", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        const oldest = model.names("a").slice(0, 2)
        const result = yield* prune(age)
        assert.deepStrictEqual(
          result.deleted.map(({ name }) => name),
          oldest
        )
        assert.strictEqual(result.outcome, "met")
        assert.strictEqual(result.free, 2 * GB)
        assert.deepStrictEqual(
          (yield* (yield* Journal).read("a")).entries
            .slice(40)
            .map((entry) => [entry._tag, "name" in entry && entry.name]),
          oldest.flatMap((name) => [
            ["deleting", name],
            ["deleted", name]
          ])
        )
        assert.isEmpty((yield* prune(age)).deleted)
      })
    )
  })

  it.effect(
    "says what each host may take while the store is nearly full: of its share, or what is usual for it",
    () => {
      const model = full(20 * GB)
      return onModel(
        model,
        Effect.gen(function* () {
          const files = yield* SystemFile
          const { run } = yield* Layout
          yield* model.filled("a", dailies(75), GB)
          yield* model.filled("b", dailies(3), GB)
          yield* prune(age)
          const { hosts } = yield* storeSpace()
          const [a, b] = hosts
          assert.isAbove(a!.used, a!.share)
          assert.strictEqual(yield* files.read(`${run}/a/room`), `${a!.reserve}\n`)
          assert.strictEqual(yield* files.read(`${run}/b/room`), `${Math.floor(b!.share - b!.used)}\n`)
        })
      )
    }
  )

  it.effect("has a host without history wait for plenty once its push was ended for its share, and says so", () => {
    const model = full(98.4 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        const files = yield* SystemFile
        const room = `${(yield* Layout).run}/a/room`
        yield* model.filled("a", [], GB)
        yield* files.directory(dirname(room), 0o700)
        yield* files.write(room, "over\n", 0o600)
        yield* prune(age)
        assert.strictEqual(yield* files.read(room), "over\n")
        assert.match((yield* status()).attention.join("\n"), /a: refused, no space: its last push was ended/)
        const approved = yield* approve({ host: "a" })
        assert.isNotNull(approved)
        yield* prune(age)
        assert.match((yield* files.read(room))!, /^\d+\n$/)
        yield* files.write(room, "over\n", 0o600)
        model.live -= GB
        yield* prune(age)
        assert.match((yield* files.read(room))!, /^\d+\n$/, "there is plenty again")
      })
    )
  })

  it.effect("does what was shown, and nothing where that has changed meanwhile", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        const shown = yield* prune({ dryRun: true })
        assert.isEmpty(model.removed)
        assert.isAbove(shown.plan.deletions.length, 0)
        const wrong = yield* Effect.flip(prune({ plan: "00000000000000" }))
        assert.strictEqual(wrong._tag, "PlanChanged")
        assert.isEmpty(model.removed)
        yield* prune({ plan: shown.plan.digest })
        assert.deepStrictEqual(
          model.removed,
          shown.plan.deletions.map(({ snapshot }) => `${snapshot.host}/${snapshot.id}`)
        )
      })
    )
  })

  it.effect("that is killed at any step is done by the next one, which deletes no more than one alone would", () =>
    Effect.gen(function* () {
      const alone = full(63 * GB)
      yield* onModel(
        alone,
        Effect.gen(function* () {
          yield* alone.filled("a", dailies(40), GB)
          yield* prune(age)
        })
      )
      assert.lengthOf(alone.removed, 5)
      for (const when of ["before", "after"] as const) {
        for (const step of [1, 2, 3, 4, 5]) {
          const model = full(63 * GB)
          yield* onModel(
            model,
            Effect.gen(function* () {
              yield* model.filled("a", dailies(40), GB)
              let left = step
              model.onRemove = (_host, _name, now) =>
                now === when && --left === 0 ? Effect.die(new Error("killed")) : Effect.void
              assert.isTrue(Exit.isFailure(yield* Effect.exit(prune(age))))
              model.onRemove = () => Effect.void
              yield* prune(age)
              assert.deepStrictEqual(model.removed, alone.removed)
            })
          )
        }
      }
    })
  )

  it.effect("measures where nobody knows what a deletion frees", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB, false)
        // The reserve is the least: one percent.
        const result = yield* prune(age)
        assert.lengthOf(result.deleted, 1)
        assert.strictEqual(result.outcome, "met")
      })
    )
  })

  it.effect("goes on, one at a time, while metadata is short, whatever else is free", () => {
    const model = full(10 * GB)
    model.metadataUsed = 9.2 * GB
    model.metadataEach = 0.1 * GB
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        const result = yield* prune(age)
        // 2 % of the store, 1 GiB at most, is to be left of 10 GB.
        assert.lengthOf(result.deleted, 3)
        assert.isFalse(result.shortOfMetadata)
      })
    )
  })

  it.effect("leaves the reserve for admission to read, or that metadata is short, which statfs does not tell", () => {
    const model = full(10 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(10), GB)
        const { run } = yield* Layout
        const left = Effect.flatMap(SystemFile, (files) => files.read(`${run}/reserve`))
        yield* prune(age)
        assert.strictEqual(yield* left, `${1.5 * GB}\n`)
        model.metadataUsed = 9.9 * GB
        yield* prune(age)
        assert.strictEqual(yield* left, "short\n")
        model.metadataUsed = 0
        yield* prune(age)
        assert.strictEqual(yield* left, `${1.5 * GB}\n`)
      })
    )
  })

  it.effect("leaves what was approved for a host there too, from the approval on until a run has had it", () => {
    const model = full(10 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(10), GB)
        const { run } = yield* Layout
        const files = yield* SystemFile
        const wanted = (host: string) =>
          Effect.map(files.read(`${run}/reserve`), (text) => wantedBefore(text ?? "", host))
        // Before any prune has looked.
        yield* approve({ host: "a", bytes: 50 * GB, runs: 2 })
        assert.deepStrictEqual([yield* wanted("a"), yield* wanted("b")], [50 * GB, 0])
        // What has arrived of it already need not be free.
        model.pending.set("a", 20 * GB)
        yield* prune(age)
        assert.deepStrictEqual([yield* wanted("a"), yield* wanted("b")], [30 * GB, 1.5 * GB])
        model.pending.clear()
        const taken = { _tag: "snapshot", state: "complete", by: "host", transfer: 0, bytes: GB, files: 1000 } as const
        const journal = yield* Journal
        yield* journal.append("a", { ...taken, at: start, name: "2026-11-23T17:52+0000" })
        yield* prune(age)
        assert.strictEqual(yield* wanted("a"), 50 * GB)
        yield* journal.append("a", { ...taken, at: start, name: "2026-11-23T17:53+0000" })
        yield* prune(age)
        assert.strictEqual(yield* wanted("a"), 1.5 * GB)
        // A file that says nothing is written anew, and short of metadata is short for all.
        yield* files.write(`${run}/reserve`, "\0\n\n-5 a\nb 1e9\n", 0o600)
        assert.strictEqual(yield* wanted("b"), 0)
        yield* prune(age)
        assert.strictEqual(yield* wanted("b"), 1.5 * GB)
        yield* approve({ host: "a", bytes: 50 * GB })
        model.metadataUsed = 9.9 * GB
        yield* prune(age)
        assert.deepStrictEqual([yield* wanted("a"), yield* wanted("b")], [Infinity, Infinity])
      })
    )
  })

  it.effect("leaves what is approved while it runs, though it has looked before that", () => {
    const model = full(63 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        const services = yield* Effect.context<Journal | Lock | Registry | SystemFile>()
        yield* approve({ host: "b", bytes: 20 * GB })
        yield* prune({
          ...age,
          most: 1,
          onDelete: () => approve({ host: "a", bytes: 50 * GB }).pipe(Effect.orDie, Effect.provide(services))
        })
        const text = (yield* (yield* SystemFile).read(`${(yield* Layout).run}/reserve`))!
        assert.deepStrictEqual([wantedBefore(text, "a"), wantedBefore(text, "b")], [50 * GB, 20 * GB])
      })
    )
  })

  it.effect("balances badly filled chunks where that lets metadata grow, before it deletes anything", () => {
    const model = full(10 * GB)
    model.metadataUsed = 9.2 * GB
    model.balanceGives = 0.5 * GB
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        const { deleted, outcome } = yield* prune(age)
        assert.deepStrictEqual([model.balanced, deleted, outcome], [["data"], [], "met"])
        // Nothing to do, nothing to balance.
        yield* prune(age)
        assert.lengthOf(model.balanced, 1)
      })
    )
  })

  it.effect("balances four times at most where that gives nothing, and goes on where it fails", () =>
    Effect.gen(function* () {
      for (const gives of [0, null]) {
        const model = full(10 * GB)
        model.metadataUsed = 9.9 * GB
        model.metadataEach = 0.1 * GB
        model.balanceGives = gives
        yield* onModel(
          model,
          Effect.gen(function* () {
            yield* model.filled("a", dailies(40), GB)
            yield* prune({ ...age, dryRun: true })
            assert.isEmpty(model.balanced)
            const result = yield* prune(age)
            assert.lengthOf(result.deleted, 10)
            assert.isFalse(result.shortOfMetadata)
            if (gives === 0) assert.deepStrictEqual(model.balanced, ["data", "data", "data", "data"])
          })
        )
      }
    })
  )

  it.effect("goes by the order that the server is told, by bytes too", () =>
    Effect.gen(function* () {
      for (const [order, host] of [
        ["spread", "a"],
        ["spread-by-bytes", "b"]
      ] as const) {
        const model = full(50 * GB)
        yield* onModel(
          model,
          Effect.gen(function* () {
            yield* model.filled("a", dailies(10, 10), GB)
            yield* model.filled("b", dailies(10, 10), 4 * GB)
            yield* prune({ reserve: GB })
            assert.isTrue(model.removed[0]!.startsWith(`${host}/`), order)
          }).pipe(
            Effect.updateService(ServerConfig, (config) =>
              ServerConfig.of({ ...config, weight: () => Effect.succeed(1), pruneOrder: Effect.succeed(order) })
            )
          )
        )
      }
    })
  )

  it.effect("stops at its limit and says so", () => {
    const model = full(64 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(36), GB)
        const result = yield* prune({ ...age, most: 1 })
        assert.lengthOf(result.deleted, 1)
        assert.strictEqual(result.outcome, "stopped")
      })
    )
  })

  it.effect("is one at a time", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        yield* (yield* Lock).take("/run/byteback/prune.lock", "a prune")
        assert.strictEqual((yield* Effect.flip(prune(age)))._tag, "Locked")
        assert.isEmpty(model.removed)
        // Looking needs no lock.
        assert.isAbove((yield* prune({ ...age, dryRun: true })).plan.deletions.length, 0)
      }).pipe(Effect.scoped)
    )
  })

  it.effect("passes over what a restore reads and what cannot be deleted, and takes the next", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        const [first, second, third, fourth] = model.names("a")
        const { run } = yield* Layout
        yield* (yield* Lock).take(`${run}/a/reading/${first}`, "a restore")
        model.failing.add(second!)
        const result = yield* prune(age)
        assert.deepStrictEqual(model.removed, [`a/${third}`, `a/${fourth}`])
        assert.deepStrictEqual(
          result.skipped.map(({ name }) => name),
          [first, second]
        )
      }).pipe(Effect.scoped)
    )
  })

  it.effect("that fails once a snapshot is gone counts that one, and deletes no other for it", () => {
    const model = full(63 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.onRemove = (host, name, when) =>
          when === "after" ? Effect.fail(brokenDisk(`/byteback/${host}/${name}`)) : Effect.void
        const result = yield* prune(age)
        assert.lengthOf(model.removed, 1)
        assert.deepStrictEqual(
          result.deleted.map(({ name }) => `a/${name}`),
          model.removed
        )
        assert.deepStrictEqual([result.skipped, result.outcome], [[], "stopped"])
      })
    )
  })

  it.effect("leaves what is held while it runs, and what it is deleting cannot be held any more", () => {
    const model = full(63 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        const [, second, third] = model.names("a")
        const late: Array<string> = []
        const services = yield* Effect.context<Journal | Lock | Store | SystemFile>()
        const result = yield* prune({
          ...age,
          onDelete: ({ snapshot }) =>
            snapshot.id === second
              ? Effect.gen(function* () {
                  yield* hold({ host: "a", snapshot: third! })
                  model.onRemove = (host, snapshot) =>
                    Effect.exit(hold({ host, snapshot })).pipe(
                      Effect.tap((exit) => Effect.sync(() => void late.push(exit._tag))),
                      Effect.asVoid,
                      Effect.provide(services)
                    )
                }).pipe(Effect.orDie, Effect.provide(services))
              : Effect.void
        })
        assert.notInclude(model.removed, `a/${third}`)
        assert.deepStrictEqual(
          result.skipped.map(({ name, why }) => [name, why]),
          [[third, "by an administrator"]]
        )
        assert.strictEqual(result.outcome, "met")
        assert.isNotEmpty(late)
        assert.isTrue(late.every((tag) => tag === "Failure"))
      })
    )
  })

  it.effect("deletes no more while the space of one is not back, and goes on the next time", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.settles = false
        const first = yield* prune({ ...age, reserve: 5 * GB })
        assert.lengthOf(first.deleted, 1)
        assert.strictEqual(first.outcome, "stopped")
        model.settles = true
        assert.strictEqual((yield* prune({ ...age, reserve: 5 * GB })).outcome, "met")
      })
    )
  })

  it.effect("waits half a minute for a listing of the host's snapshots, and then leaves all of them be", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(20), GB)
        yield* model.filled("b", dailies(20, 1), GB)
        const { run } = yield* Layout
        const listing = yield* Scope.make()
        const read = (yield* Lock).take(`${run}/a/reading/*`, "a listing")
        yield* Scope.provide(read, listing)
        const patient = yield* Effect.forkChild(prune(age))
        yield* at(start + 29)
        assert.isFalse(model.removed.some((name) => name.startsWith("a/")))
        yield* Scope.close(listing, Exit.void)
        yield* at(start + 31)
        const first = yield* Fiber.join(patient)
        assert.isEmpty(first.skipped)
        assert.isTrue(model.removed.some((name) => name.startsWith("a/")))

        model.live += 2 * GB
        const before = model.removed.length
        yield* read
        const impatient = yield* Effect.forkChild(prune(age))
        yield* at(start + 120)
        const second = yield* Fiber.join(impatient)
        assert.deepStrictEqual(
          second.skipped.map(({ why }) => why),
          ["a listing reads it"]
        )
        assert.strictEqual(second.outcome, "met")
        assert.isTrue(model.removed.slice(before).every((name) => name.startsWith("b/")))
      }).pipe(Effect.scoped)
    )
  })

  it.effect("never deletes what is held, foreign, unsealed, suspect or the newest, and says that it is short", () => {
    const model = full(96 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", [0, 10, 20, 30], GB)
        const [oldest, unsealed] = model.names("a")
        model.hosts.set("a", [
          { name: "2020 odd name; rm -rf", at: null, foreign: true, sealed: false, bytes: 0 },
          ...model.hosts.get("a")!.map((one) => (one.name === unsealed ? { ...one, sealed: false } : one)),
          { name: "2099-01-01T00:00+0000", at: 4_070_908_800, foreign: false, sealed: true, bytes: 0 }
        ])
        yield* hold({ host: "a", snapshot: oldest! })
        yield* prune(age)
        const result = yield* prune(age)
        assert.strictEqual(result.outcome, "short")
        // Only the ten days old may go.
        assert.lengthOf(model.removed, 1)
        const stuck = yield* status()
        assert.isTrue(stuck.stuck)
        assert.match(stuck.attention[0]!, /short of space.*no snapshot may be deleted/)
        // Of those two an administrator may say that they are right: of what is foreign or dated in the future, not.
        const released = stuck.attention.filter((line) => line.includes("byteback release"))
        assert.lengthOf(released, 1)
        assert.include(released[0]!, `byteback release a ${unsealed}`)
        yield* release({ host: "a", snapshot: oldest! })
        yield* prune(age)
        assert.include(model.removed, `a/${oldest}`)
        model.live += GB
        yield* release({ host: "a", snapshot: unsealed! })
        yield* prune(age)
        assert.include(model.removed, `a/${unsealed}`)
        assert.notInclude((yield* status()).attention.join(), unsealed!)
      })
    )
  })

  it.effect(
    "deletes nothing when the clock is two years back or ten ahead, until an administrator says it is right",
    () => {
      const model = full(60 * GB)
      return onModel(
        model,
        Effect.gen(function* () {
          yield* model.filled("a", dailies(40), GB)
          for (const away of [-730, 3650]) {
            yield* at(start + away * day)
            const error = yield* Effect.flip(prune(age))
            assert.strictEqual(error._tag, "ClockJumped")
            assert.match(error.message, /nothing is deleted/)
          }
          assert.isEmpty(model.removed)
          yield* at(start + 3650 * day)
          yield* prune({ ...age, trustClock: true })
          assert.lengthOf(model.removed, 2)
          // From then on that is the time.
          yield* at(start + 3651 * day)
          yield* prune(age)
          yield* at(start)
          assert.strictEqual((yield* Effect.flip(prune(age)))._tag, "ClockJumped")
        })
      )
    }
  )

  it.effect("goes on once a clock that was wrong for an hour, and has dated a backup, is right again", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(37), GB)
        yield* prune(age)
        yield* at(start + 3650 * day)
        yield* model.filled("b", [-3650], GB)
        assert.strictEqual((yield* Effect.flip(prune(age)))._tag, "ClockJumped")
        assert.match((yield* status()).attention.join("\n"), /the clock says 2036.*--trust-clock/)
        yield* at(start + day)
        model.live += 2 * GB
        assert.isAbove((yield* prune(age)).deleted.length, 0)
        assert.notMatch((yield* status()).attention.join("\n"), /clock says/)
      })
    )
  })

  it.effect("deletes nothing of a store that is not mounted, and ends when it is unmounted under it", () => {
    const model = full(63 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.onRemove = (_host, _name, when) => Effect.sync(() => void (model.mounted = when === "before"))
        assert.strictEqual((yield* Effect.flip(prune(age)))._tag, "StoreUnavailable")
        assert.lengthOf(model.removed, 1)
        assert.strictEqual((yield* Effect.flip(prune(age)))._tag, "StoreUnavailable")
        assert.lengthOf(model.removed, 1)
      })
    )
  })
})

describe("a new hostile host beside one with a year of snapshots", () => {
  for (const name of ["age", "importance", "spread"] as const) {
    it.effect(`costs its neighbour nothing, by ${name}`, () => {
      const model = full(0)
      return onModel(
        model,
        Effect.gen(function* () {
          yield* model.filled("a", dailies(365), 0.1 * GB)
          const before = model.names("a").length
          // First all in one push, then as snapshots every six hours.
          model.live = 63 * GB
          model.pending.set("b", 63 * GB)
          yield* prune({ method: { name } })
          assert.lengthOf(model.names("a"), before)
          model.pending.clear()
          yield* model.filled(
            "b",
            dailies(12).map((n) => n / 4),
            5 * GB
          )
          model.live = 3.4 * GB
          for (let round = 0; round < 3; round++) yield* prune({ method: { name } })
          assert.lengthOf(model.names("a"), before)
          assert.isBelow(model.names("b").length, 12)
        })
      )
    })
  }
})

describe("an old host that floods the store with what looks wrong", () => {
  for (const name of ["age", "importance", "spread"] as const) {
    it.effect(`costs its neighbour nothing while it is looked at, by ${name}`, () => {
      const model = full(22 * GB)
      return onModel(
        model,
        Effect.gen(function* () {
          yield* model.filled("a", dailies(60), 0.2 * GB)
          yield* model.filled("b", [200, ...dailies(10).map((n) => n / 4)], 6 * GB)
          const journal = yield* Journal
          for (const snapshot of model.names("b").slice(1)) {
            yield* journal.append("b", {
              _tag: "counted",
              at: start,
              name: snapshot,
              files: 1000,
              anomaly: "rewritten"
            })
          }
          const result = yield* prune({ method: { name } })
          assert.deepStrictEqual([model.removed, result.outcome], [[], "owed"])
          // A month later it is a host as any other, and pays for itself.
          yield* at(start + 31 * day)
          yield* prune({ method: { name } })
          assert.isNotEmpty(model.removed)
          assert.isTrue(model.removed.every((one) => one.startsWith("b/")))
        })
      )
    })
  }
})

describe("a host that fills the metadata with files of no size", () => {
  for (const name of ["age", "importance", "spread"] as const) {
    it.effect(`costs its neighbour nothing while it is new, by ${name}`, () => {
      const model = full(10 * GB)
      model.metadataUsed = 9.5 * GB
      model.metadata.set("a", { current: 0, each: 0.005 * GB })
      model.metadata.set("b", { current: 8 * GB, each: 0 })
      return onModel(
        model,
        Effect.gen(function* () {
          yield* model.filled("a", dailies(60), 0.1 * GB)
          model.hosts.set("b", [])
          const result = yield* prune({ method: { name } })
          assert.deepStrictEqual([model.removed, result.outcome], [[], "owed"])
          const { attention, stuck } = yield* status()
          assert.isTrue(stuck)
          assert.match(attention.join("\n"), /b: holds 9.2 GB of metadata/)
          assert.strictEqual((yield* Effect.flip(makeRoom("b")))._tag, "NoRoom")
        })
      )
    })

    it.effect(`pays with its own snapshots when it is old, and only with those, by ${name}`, () => {
      const model = full(10 * GB)
      model.metadataUsed = 9.5 * GB
      model.metadataEach = 0.1 * GB
      model.metadata.set("a", { current: 0, each: 0.005 * GB })
      model.metadata.set("b", { current: 1 * GB, each: 1.5 * GB })
      return onModel(
        model,
        Effect.gen(function* () {
          yield* model.filled("a", dailies(60), 0.1 * GB)
          yield* model.filled("b", dailies(10), 0.1 * GB)
          const result = yield* prune({ method: { name } })
          assert.isFalse(result.shortOfMetadata)
          assert.isNotEmpty(model.removed)
          assert.isTrue(model.removed.every((one) => one.startsWith("b/")))
        })
      )
    })
  }

  it.effect("is no reason to delete anything for what its past does not earn it, until that is approved", () => {
    const model = full(10 * GB)
    model.metadataUsed = 9.5 * GB
    model.metadataEach = 0.1 * GB
    model.metadata.set("a", { current: 0, each: 0.005 * GB })
    model.metadata.set("b", { current: 8 * GB, each: 0.01 * GB })
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(60), 0.1 * GB)
        yield* model.filled("b", dailies(10), 0.1 * GB)
        assert.strictEqual((yield* prune({})).outcome, "owed")
        assert.isEmpty(model.removed)
        yield* approve({ host: "b" })
        assert.isFalse((yield* prune({})).shortOfMetadata)
      })
    )
  })
})

describe("an oversized backup", () => {
  const ages = fc.uniqueArray(fc.nat({ max: 60 }), { minLength: 1, maxLength: 14 })
  const stores = fc.record({
    a: ages,
    b: ages,
    c: ages,
    size: fc.constantFrom(0.5, 1, 3),
    missing: fc.integer({ min: -3, max: 8 }),
    large: fc.integer({ min: 1, max: 30 }),
    method: fc.constantFrom("age" as const, "importance" as const, "spread" as const),
    metadata: fc.boolean()
  })

  /** The plan for such a store when so much of a's next backup has arrived; `larger`, beyond what its past earns it. */
  const planned = (
    given: typeof stores extends fc.Arbitrary<infer A> ? A : never,
    larger: number,
    approved: number = 0
  ) => {
    const model = full(0)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", given.a, given.size * GB)
        yield* model.filled("b", given.b, GB)
        yield* model.filled("c", given.c, 2 * GB)
        const { hosts, reserve: wanted } = yield* storeSpace()
        const { reserve } = hosts.find(({ host }) => host === "a")!
        // So much is missing to the reserve when what was earned has arrived.
        model.live = model.free - wanted + given.missing * GB + larger
        model.pending.set("a", reserve + larger)
        if (given.metadata) {
          model.metadataUsed = 9.2 * GB
          model.metadata.set("a", { current: 0.01 * GB + larger / 100, each: 0.01 * GB })
          for (const host of ["b", "c"]) model.metadata.set(host, { current: 0, each: 0.02 * GB })
          model.metadataUsed += larger / 100
        }
        if (approved > 0) yield* approve({ host: "a", ...(approved < Infinity ? { bytes: approved } : {}) })
        return planFor(yield* storeSpace(), { name: given.method })
      }),
      ["a", "b", "c"]
    ).pipe(Effect.provide(TestClock.layer()), Effect.runPromise)
  }

  it("enlarges no plan, and takes nothing from its neighbours that an earned one would not, until it is approved", async () => {
    let enlarged = 0
    await fc.assert(
      fc.asyncProperty(stores, async (given) => {
        const size = given.large * GB
        const [earned, larger, tooLittle, approved] = await Promise.all([
          planned(given, 0),
          planned(given, size),
          planned(given, size, size / 2),
          planned(given, size, Infinity)
        ])
        // What is larger than was approved is as if nothing had been.
        assert.strictEqual(tooLittle.digest, larger.digest)
        const missing = (plan: Plan) => Math.max(0, Math.round(plan.reserve - plan.free))
        const others = (plan: Plan) =>
          plan.deletions.flatMap(({ snapshot: { host, id } }) => (host === "a" ? [] : [`${host}/${id}`]))
        if (!given.metadata) assert.strictEqual(missing(larger), missing(earned))
        assert.includeMembers(others(earned), others(larger))
        if (missing(approved) > missing(larger)) enlarged++
      }),
      { numRuns: 150 }
    )
    assert.isAbove(enlarged, 30)
  })
})

describe("room for a run", () => {
  it.effect("is made from what is old", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        yield* makeRoom("a")
        assert.lengthOf(model.removed, 2)
      })
    )
  })

  it.effect("is not made for a backup that is suddenly larger, unless that is approved", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(30), GB)
        model.live = 70 * GB
        model.pending.set("a", 10 * GB)
        const error = yield* Effect.flip(makeRoom("a"))
        assert.strictEqual(error._tag === "NoRoom" && error.exit, "anomaly")
        assert.match(error.message, /byteback approve a/)
        assert.isEmpty(model.removed)
        const { attention, stuck } = yield* status()
        assert.match(attention.join("\n"), /a: refused, suddenly larger/)
        // Its older snapshots could be deleted, and are not: status says so.
        assert.isTrue(stuck)
        assert.match(attention[0]!, /written by a beyond what the last backups there earn.*byteback approve/)
        yield* approve({ host: "a", bytes: 12 * GB })
        yield* makeRoom("a")
        assert.isAbove(model.removed.length, 0)
        assert.notMatch((yield* status()).attention.join("\n"), /refused/)
      })
    )
  })

  it.effect("is made for all of what was approved, and for as much again as has arrived where no size was", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(38), GB)
        yield* approve({ host: "a", bytes: 12 * GB })
        yield* makeRoom("a")
        assert.isAtLeast(model.free, 12 * GB)
        model.live += 8 * GB
        model.pending.set("a", 8 * GB)
        yield* approve({ host: "a" })
        yield* makeRoom("a")
        assert.isAtLeast(model.free, 8 * GB)
        assert.isBelow(model.free, 10 * GB)
      })
    )
  })

  it.effect("is not refused for what may yet come of a backup of any size that was approved", () => {
    const model = full(90 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(4), GB)
        model.pending.set("a", 20 * GB)
        yield* approve({ host: "a" })
        yield* makeRoom("a")
        // All that may go did: 9 GB are free for what is left of it.
        assert.lengthOf(model.names("a"), 1)
        // What is known not to fit is.
        yield* approve({ host: "a", bytes: 40 * GB })
        assert.match((yield* Effect.flip(makeRoom("a"))).message, /no space: a needs 20 GB, 9 GB is free/)
        yield* approve({ host: "a" })
        model.live += 8.5 * GB
        assert.match((yield* Effect.flip(makeRoom("a"))).message, /no space: a needs 1 GB, 500 MB is free/)
      })
    )
  })

  it.effect("is refused before it starts where as much as usual would not fit", () => {
    const model = full(98 * GB - 5 * 4 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(5), 4 * GB)
        for (const snapshot of model.names("a")) yield* hold({ host: "a", snapshot })
        const error = yield* Effect.flip(makeRoom("a"))
        assert.strictEqual(error._tag === "NoRoom" && error.exit, "noSpace")
        assert.match(error.message, /a needs 4 GB, 2 GB is free, and nothing more may be deleted/)
      })
    )
  })

  it.effect("is promised for later, and not refused, while what was deleted for it is not free yet", () => {
    const model = full(63 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(37), GB)
        model.settles = false
        model.onRemove = (_host, _name, when) => Effect.sync(() => void (model.settling += when === "after" ? GB : 0))
        const error = yield* Effect.flip(makeRoom("a"))
        assert.strictEqual(error._tag === "RoomComing" && error.exit, "busy")
        assert.lengthOf(model.removed, 1)
        const { entries } = yield* (yield* Journal).read("a")
        assert.isEmpty(entries.filter(({ _tag }) => _tag === "refused"))
      })
    )
  })

  it.effect("is made without measuring what others have pushed, and not from what that may hold", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(38, 2), GB)
        yield* model.filled("b", [100, 90], GB)
        const known = model.hosts.get("b")!
        yield* model.filled("b", [1], GB, false)
        model.hosts.set("b", [...known, ...model.hosts.get("b")!])
        const [oldest, before] = model.names("b")
        model.live -= GB
        const measured = Effect.map((yield* Journal).read("b"), ({ entries }) =>
          entries.some(({ _tag }) => _tag === "counted")
        )
        yield* prune({ ...age, measure: false, reserve: 3 * GB })
        assert.strictEqual(model.removed[0], `b/${oldest}`)
        assert.include(model.names("b"), before)
        assert.isFalse(yield* measured)
        model.live += 2 * GB
        yield* makeRoom("a")
        assert.include(model.names("b"), before)
        assert.isFalse(yield* measured)
        yield* prune({ ...age, reserve: model.free + 1 })
        assert.isTrue(yield* measured)
        assert.notInclude(model.names("b"), before)
      })
    )
  })

  it.effect("is refused as no space where nothing may be deleted", () => {
    const model = full(100 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", [0], 0)
        const error = yield* Effect.flip(makeRoom("a"))
        assert.strictEqual(error._tag === "NoRoom" && error.exit, "noSpace")
        assert.match(error.message, /What would help/)
        // Written down once, however often it is tried.
        for (let time = 0; time < 3; time++) yield* Effect.flip(makeRoom("a"))
        const { entries } = yield* (yield* Journal).read("a")
        assert.lengthOf(
          entries.filter(({ _tag }) => _tag === "refused"),
          1
        )
      })
    )
  })

  it.effect("is not refused for good while another prune may be making it", () => {
    const model = full(100 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", [0], 0)
        yield* (yield* Lock).take("/run/byteback/prune.lock", "a prune")
        const error = yield* Effect.flip(makeRoom("a"))
        assert.strictEqual(error._tag === "Locked" && error.exit, "busy")
        const { entries } = yield* (yield* Journal).read("a")
        assert.isEmpty(entries.filter(({ _tag }) => _tag === "refused"))
      }).pipe(Effect.scoped)
    )
  })

  it.effect("is not made where what was deleted already will be free in a moment", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.live = 50 * GB
        model.settling = 10 * GB
        yield* makeRoom("a")
        assert.isEmpty(model.removed)
      })
    )
  })
})

describe("a host that only ever adds", () => {
  it.effect("keeps its history on a full store: one deletion frees nothing, and no other follows", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.grows("a")
        assert.strictEqual((yield* prune(age)).outcome, "short")
        assert.lengthOf(model.removed, 1)
        const again = yield* prune(age)
        assert.strictEqual(again.outcome, "short")
        assert.isEmpty(again.deleted)
        assert.isEmpty((yield* prune({ ...age, dryRun: true })).plan.deletions)
        assert.lengthOf(model.removed, 1)
        assert.isAtMost(model.looks, 60)
        assert.match((yield* status()).attention.join(), /deleting snapshots frees nothing/)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(makeRoom("a"))))
        assert.lengthOf(model.removed, 1)
      })
    )
  })

  it.effect("loses again when what the old ones hold is in the newest no more", () => {
    const model = full(60 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.grows("a")
        yield* prune(age)
        // The host deletes what its five oldest brought.
        const list = model.hosts.get("a")!
        model.live -= 5 * GB
        model.hosts.set(
          "a",
          list.map((one, index) => (index < 5 ? { ...one, bytes: GB } : one))
        )
        const oldest = model.names("a").slice(0, 2)
        assert.strictEqual((yield* prune(age)).outcome, "met")
        assert.deepStrictEqual(
          model.removed.slice(1),
          oldest.map((name) => `a/${name}`)
        )
      })
    )
  })

  it.effect("stands in nobody's way: what frees something goes instead", () => {
    const model = full(40 * GB)
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        yield* model.filled("b", dailies(20), GB)
        model.grows("a")
        assert.strictEqual((yield* prune(age)).outcome, "met")
        assert.deepStrictEqual(
          model.removed.map((name) => name[0]),
          ["a", "b", "b", "b"]
        )
      })
    )
  })
})
