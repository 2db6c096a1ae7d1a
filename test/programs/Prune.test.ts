// Pruning as a program: it measures as it goes, may be cut short anywhere, and deletes nothing that it should not.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { dirname } from "node:path"
import { approve } from "../../src/programs/Approve.ts"
import { hold, release } from "../../src/programs/Hold.ts"
import { makeRoom, prune, storeSpace } from "../../src/programs/Prune.ts"
import { status } from "../../src/programs/Status.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Lock } from "../../src/services/Lock.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { at, start } from "./serverFakes.ts"
import { day, GB, onModel, StoreModel } from "./storeModel.ts"

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
        yield* release({ host: "a", snapshot: oldest! })
        yield* prune(age)
        assert.include(model.removed, `a/${oldest}`)
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
            assert.match(error.message, /nothing was deleted/)
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
        assert.match((yield* status()).attention.join("\n"), /a: refused, suddenly larger/)
        yield* approve({ host: "a", bytes: 12 * GB })
        yield* makeRoom("a")
        assert.isAbove(model.removed.length, 0)
        assert.notMatch((yield* status()).attention.join("\n"), /refused/)
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
