// What failed runs and removed hosts leave behind: it is found and given back, and nothing that anybody may come back for.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { addClient } from "../../src/programs/AddClient.ts"
import { prune } from "../../src/programs/Prune.ts"
import { removeClient } from "../../src/programs/RemoveClient.ts"
import { status } from "../../src/programs/Status.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Registry } from "../../src/services/Registry.ts"
import { Runs } from "../../src/services/Runs.ts"
import { numberedKey } from "../domain/publicKeys.ts"
import { GB, onModel, StoreModel } from "./storeModel.ts"

const ages = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)
const key = (n: number) => `${numberedKey(n).type} ${numberedKey(n).blob}`

/** Two hosts that may back up, of 20 daily backups each; 59.5 GB of the store's 100 are neither's, and 0.5 are free. */
const two = <A, E>(body: (model: StoreModel) => Parameters<typeof onModel<A, E>>[1]) => {
  const model = new StoreModel()
  model.live = 59.5 * GB
  return onModel(
    model,
    Effect.gen(function* () {
      yield* model.filled("a", ages(20), GB)
      yield* model.filled("b", ages(20, 100), GB)
      for (const [n, host] of ["a", "b"].entries()) yield* addClient({ host, key: key(n) })
      return yield* body(model)
    })
  )
}

/** `b` had a run that wrote so many bytes of what is in use, and never ended. */
const unfinished = (model: StoreModel, bytes: number) => void model.pending.set("b", bytes)

describe("what a killed run left under a temporary name", () => {
  it.effect("is given back before any snapshot is deleted, unless its host is busy", () =>
    two((model) =>
      Effect.gen(function* () {
        model.live -= 3 * GB
        model.temporary.set("a", [{ name: ".new-2026-11-23T17:52+0000", bytes: 3 * GB }])
        yield* (yield* Lock).take("/run/byteback/a/lock", "a backup of a")
        assert.isEmpty((yield* prune({ reserve: 0 })).swept)
      }).pipe(
        Effect.scoped,
        Effect.andThen(prune({})),
        Effect.map(({ deleted, outcome, swept }) => {
          assert.deepStrictEqual(swept, [{ host: "a", name: ".new-2026-11-23T17:52+0000" }])
          assert.deepStrictEqual([outcome, deleted], ["met", []])
        })
      )
    )
  )
})

describe("the unfinished run of a host whose access was taken away", () => {
  it.effect("is given back where the store is short, and no snapshot is deleted for it", () =>
    two((model) =>
      Effect.gen(function* () {
        unfinished(model, 10 * GB)
        const token = yield* (yield* Runs).newToken("b")
        yield* removeClient({ host: "b" })
        assert.isEmpty((yield* prune({ reserve: 0 })).swept)
        const last = model.names("b").at(-1)!
        const { deleted, outcome, swept } = yield* prune({})
        assert.deepStrictEqual(swept, [{ host: "b", name: "current" }])
        assert.deepStrictEqual([outcome, deleted], ["met", []])
        assert.deepStrictEqual(model.removed, [`b/current, which is ${last} again`])
        const { entries } = yield* (yield* Journal).read("b")
        assert.deepInclude(entries.at(-1), { _tag: "reset", name: last, bytes: 10 * GB })
        // Should it come back, it is not to believe that it left its data there.
        assert.notStrictEqual(yield* (yield* Runs).token("b"), token)
        assert.isEmpty((yield* prune({})).swept)
      })
    )
  )

  it.effect(
    "is shown, and given back by a prune that is held to that; by none that is held to what was shown before",
    () =>
      two((model) =>
        Effect.gen(function* () {
          const { plan: before } = yield* prune({ dryRun: true })
          unfinished(model, GB)
          yield* removeClient({ host: "b" })
          assert.strictEqual((yield* Effect.flip(prune({ plan: before.digest })))._tag, "PlanChanged")
          model.live += 2 * GB
          const shown = yield* prune({ dryRun: true })
          assert.strictEqual(model.pending.get("b"), GB)
          const { plan } = shown
          const { deleted, swept } = yield* prune({ plan: plan.digest })
          assert.deepStrictEqual(swept, [{ host: "b", name: "current" }])
          assert.deepStrictEqual(swept, shown.swept)
          assert.isAbove(deleted.length, 0)
          assert.deepStrictEqual(
            deleted.map(({ host, name }) => `${host}/${name}`),
            plan.deletions.map(({ snapshot }) => `${snapshot.host}/${snapshot.id}`)
          )
        })
      )
  )

  it.effect("is left where the host has its access, or has it again", () =>
    two((model) =>
      Effect.gen(function* () {
        unfinished(model, 10 * GB)
        yield* prune({})
        yield* removeClient({ host: "b" })
        yield* addClient({ host: "b", key: key(7) })
        yield* prune({})
        // A journal that lost its end does not say so; its key does.
        yield* (yield* Journal).append("b", { _tag: "removed", at: 0, backups: "kept" })
        yield* prune({})
        assert.strictEqual(model.pending.get("b"), 10 * GB)
      })
    )
  )

  it.effect("is left where it is all that there is of the host, and status says how to have it back", () =>
    two((model) =>
      Effect.gen(function* () {
        model.hosts.set("b", [])
        unfinished(model, 10 * GB)
        model.live = 79.5 * GB
        yield* removeClient({ host: "b" })
        yield* prune({})
        assert.strictEqual(model.pending.get("b"), 10 * GB)
        const { attention, hosts } = yield* status()
        assert.match(attention.join("\n"), /^b: may no longer back up, .*byteback remove-client b --delete-backups$/m)
        assert.isFalse(hosts.find(({ host }) => host === "b")!.enrolled)
      })
    )
  )

  it.effect("no longer has a reserve defended for it", () =>
    two((model) =>
      Effect.gen(function* () {
        model.live = 0
        const before = (yield* status()).store.reserve
        yield* removeClient({ host: "b" })
        assert.isBelow((yield* status()).store.reserve, before)
      })
    )
  )
})

describe("a removal with all backups", () => {
  for (const step of ages(21)) {
    it.effect(`that is killed at its deletion ${step + 1} is finished by the next prune`, () =>
      two((model) =>
        Effect.gen(function* () {
          let left = step
          model.onRemove = () => (left-- === 0 ? Effect.die(new Error("killed")) : Effect.void)
          assert.isTrue(Exit.isFailure(yield* Effect.exit(removeClient({ host: "b", deleteBackups: true }))))
          model.onRemove = () => Effect.void
          assert.match((yield* status()).attention.join("\n"), /^b: its removal was cut short/m)
          const { deleted } = yield* prune({})
          assert.isEmpty(deleted)
          assert.isFalse(model.hosts.has("b"))
          assert.deepStrictEqual(
            (yield* (yield* Registry).list).map(({ host }) => host),
            ["a"]
          )
          assert.lengthOf(model.names("a"), 20)
          assert.isEmpty((yield* prune({})).swept)
        })
      )
    )
  }

  it.effect("is not gone on with where the host was enrolled again meanwhile", () =>
    two((model) =>
      Effect.gen(function* () {
        let left = 3
        model.onRemove = () => (left-- === 0 ? Effect.die(new Error("killed")) : Effect.void)
        yield* Effect.exit(removeClient({ host: "b", deleteBackups: true }))
        yield* addClient({ host: "b", key: key(7) })
        model.onRemove = () => Effect.void
        assert.isEmpty((yield* prune({})).swept)
        assert.lengthOf(model.names("b"), 17)
      })
    )
  )
})
