// The store as a scenario, and when each of its snapshots will go.
import { Effect, Layer, Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import { pruneUntil } from "../../src/programs/PruneUntil.ts"
import { simulate } from "../../src/programs/Simulate.ts"
import { storeScenario } from "../../src/programs/StoreScenario.ts"
import { scenarioOf, usual } from "../../src/domain/simulation/scenario.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Store } from "../../src/services/Store.ts"

const DAY = 86_400
const now = 1_790_000_000
const services = Layer.mergeAll(Store.layerFake, Journal.layerFake)

/** Thirty nightly snapshots of one host, ten of another that ended long ago. */
const filled = Effect.gen(function* () {
  const store = yield* Store
  yield* store.createHost("alpha", 1000)
  yield* store.createHost("beta", 1001)
  yield* store.createHost("empty", 1002)
  for (let day = 30; day >= 1; day--) yield* store.take("alpha", formatSnapshotName(now - day * DAY))
  for (let day = 210; day >= 201; day--) yield* store.take("beta", formatSnapshotName(now - day * DAY))
})

describe("the store as a scenario", () => {
  it.effect("has its hosts that have snapshots, at their pace, with their past", () =>
    Effect.gen(function* () {
      yield* filled
      const { hosts, start } = yield* storeScenario({ now })
      assert.deepStrictEqual(
        hosts.map((host) => [host.name, host.every, host.past.length]),
        [
          ["alpha", DAY, 30],
          ["beta", DAY, 10]
        ]
      )
      assert.isAbove(start, now)
      const newest = start - Math.round(hosts[0]!.past.at(-1)! * DAY)
      assert.isBelow(Math.abs(newest - (now - DAY)), 60)
    }).pipe(Effect.provide(services))
  )

  it.effect("without a snapshot is refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(storeScenario({ now }))
      assert.match(error.message, /^--from-store: the store holds no snapshot/)
    }).pipe(Effect.provide(services))
  )
})

describe("pruneUntil", () => {
  it.effect("names every snapshot that there is, and never lets a host's newest go", () =>
    Effect.gen(function* () {
      yield* filled
      const departures = yield* pruneUntil({ now, until: now + 2000 * DAY, method: "age" })
      assert.strictEqual(departures.length, 40)
      for (const { at, goes } of departures) {
        assert.isBelow(at, now)
        if (goes !== null) assert.isAtLeast(goes, now)
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("refuses a date that has passed, or is more than a century ahead", () =>
    Effect.gen(function* () {
      yield* filled
      for (const until of [now, now - DAY, now + 40_000 * DAY]) {
        const error = yield* Effect.flip(pruneUntil({ now, until }))
        assert.match(error.message, /^--until: expected a date in the future/)
      }
    }).pipe(Effect.provide(services))
  )
})

describe("simulate", () => {
  it.effect("comes to the same on threads as without, and tells how far it is", () =>
    Effect.gen(function* () {
      const scenario = { ...Result.getOrThrow(scenarioOf(usual)), days: 900, replicates: 12 }
      const said: Array<number> = []
      const threaded = yield* simulate({ scenario, onProgress: (part) => void said.push(part) })
      const alone = yield* simulate({ scenario: { ...scenario, replicates: 1 } })
      assert.deepStrictEqual(
        threaded.replicates.map((runs) => runs[0]),
        alone.metrics
      )
      assert.strictEqual(said.at(-1), 1)
      assert.isTrue(said.every((part, i) => i === 0 || part >= said[i - 1]!))
    })
  )

  it.effect("refuses what does not fit into memory before it begins", () =>
    Effect.gen(function* () {
      const scenario = Result.getOrThrow(scenarioOf(usual))
      const error = yield* Effect.flip(simulate({ scenario, memory: 1000 }))
      assert.match(error.message, /^hosts: 1 hosts over 1095 days need about/)
    })
  )
})
