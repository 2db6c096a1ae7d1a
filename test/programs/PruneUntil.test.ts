// The store as a scenario, and when each of its snapshots will go.
import { totalmem } from "node:os"
import { Effect, Layer, Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import { type Departure, pruneUntil } from "../../src/programs/PruneUntil.ts"
import { memoryAllowed, memoryOfMachine, simulate } from "../../src/programs/Simulate.ts"
import { storeScenario } from "../../src/programs/StoreScenario.ts"
import { scenarioOf, usual } from "../../src/domain/simulation/scenario.ts"
import { tomorrow } from "../../src/programs/StoreScenario.ts"
import { hold } from "../../src/programs/Hold.ts"
import { prune, storeSpace } from "../../src/programs/Prune.ts"
import { Attempts, birthsOf } from "../../src/domain/simulation/arrivals.ts"
import { replay } from "../../src/domain/simulation/replay.ts"
import { hostReserve } from "../../src/domain/prune/reserve.ts"
import { whatIf } from "../../src/domain/simulation/whatIf.ts"
import { Kind } from "../../src/domain/simulation/trace.ts"
import { HostSpace } from "../../src/domain/simulation/space.ts"
import { at, start } from "./serverFakes.ts"
import { SpaceModel } from "./spaceModel.ts"
import { GB, onModel, StoreModel } from "./storeModel.ts"
import { Registry } from "../../src/services/Registry.ts"
import { ServerConfig } from "../../src/services/ServerConfig.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Store } from "../../src/services/Store.ts"

const DAY = 86_400
const now = 1_790_000_000
const services = Layer.mergeAll(Store.layerFake, Journal.layerFake, Registry.layerFake, ServerConfig.layerFake())

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
      const newest = start - Math.round(hosts[0]!.past.at(-1)!.age * DAY)
      assert.isBelow(Math.abs(newest - (now - DAY)), 60)
    }).pipe(Effect.provide(services))
  )

  it.effect(
    "earns its hosts the reserves that they have on the server: with metadata, and not by what is suspect",
    () => {
      const model = new StoreModel()
      return onModel(
        model,
        Effect.gen(function* () {
          const journal = yield* Journal
          yield* model.filled("a", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], GB)
          for (const name of model.names("a"))
            yield* journal.append("a", { _tag: "counted", at: start, name, metadata: GB / 10 })
          const odd = model.names("a").at(-3)!
          yield* journal.append("a", { _tag: "counted", at: start, name: odd, bytes: 30 * GB, anomaly: "grew" })
          const { hosts } = yield* storeScenario({ now: start })
          assert.strictEqual(hostReserve(hosts[0]!.sizes), 1.8 * GB)
          assert.strictEqual((yield* storeSpace()).hosts[0]!.reserve, 1.8 * GB)
        }),
        ["a"]
      )
    }
  )

  it.effect(
    "has hosts that are no longer enrolled as gone: they fail at nothing, earn nothing and never come again",
    () => {
      const model = new StoreModel()
      return onModel(
        model,
        Effect.gen(function* () {
          for (const host of ["a", "b"]) yield* model.filled(host, [1, 2, 3, 4, 5], host === "a" ? GB / 10 : GB)
          const scenario = yield* storeScenario({ now: start, days: 30 })
          for (const change of ["days=30", "failure=0.1"]) {
            const changed = Result.getOrThrow(whatIf(scenario, change))
            const trace = replay(changed, changed.policies[0]!, 0)
            assert.isTrue(
              trace.taken.every((taken, row) => trace.host[row] === 0 || taken < 0),
              change
            )
          }
          const { metrics, traces } = yield* simulate({ scenario, traces: true })
          assert.strictEqual(metrics[0]!.attempts, 30)
          assert.isBelow(metrics[0]!.worstHostMre!, 0.5)
          assert.strictEqual(traces[0]!.reserve[0]!, (yield* storeSpace()).reserve)
          const more = Result.getOrThrow(whatIf(scenario, "host=+2"))
          assert.deepStrictEqual(
            more.hosts.map(({ name }) => name),
            ["a", "a-more-1", "a-more-2", "b"]
          )
        }),
        ["a"]
      )
    }
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

  it.effect("goes by the server's own order unless told another, as prune does", () => {
    const model = new StoreModel()
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled(
          "a",
          Array.from({ length: 97 }, (_, age) => age),
          GB
        )
        const until = start + 30 * DAY
        const byAge = yield* pruneUntil({ now: start, until, method: "age" })
        const unsaid = yield* pruneUntil({ now: start, until }).pipe(
          Effect.updateService(ServerConfig, (config) =>
            ServerConfig.of({ ...config, pruneOrder: Effect.succeed("age" as const) })
          )
        )
        assert.deepStrictEqual(unsaid, byAge)
        assert.notDeepEqual(yield* pruneUntil({ now: start, until, method: "spread" }), byAge)
      })
    )
  })

  it.effect("lets nothing go that a damaged journal may have said is held", () => {
    const model = new StoreModel()
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled(
          "a",
          Array.from({ length: 97 }, (_, age) => age),
          GB
        )
        const asked = pruneUntil({ now: start, until: start + 60 * DAY, method: "age" })
        assert.isTrue((yield* asked).some(({ goes }) => goes !== null))
        const departures = yield* asked.pipe(
          Effect.updateService(Journal, (journal) =>
            Journal.of({
              ...journal,
              read: (host) =>
                Effect.map(journal.read(host), (read) => ({ ...read, damaged: [read.entries.length + 1] }))
            })
          )
        )
        assert.isTrue(departures.every(({ goes }) => goes === null))
      })
    )
  })

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

describe("the forecast of prune --until", () => {
  for (const method of ["age", "importance", "spread"] as const) {
    it.effect(`is what prune then does, by ${method}: with weights, holds and what is suspect or incomplete`, () => {
      const model = new SpaceModel()
      return onModel(
        model,
        Effect.gen(function* () {
          const journal = yield* Journal
          const ages = Array.from({ length: 40 }, (_, day) => day + 0.5)
          for (const host of ["a", "b"]) yield* model.filled(host, ages, GB)
          const [oldest, , , held, odd, partial] = model.names("b")
          yield* hold({ host: "b", snapshot: held! })
          yield* journal.append("b", {
            _tag: "held",
            at: start,
            name: oldest!,
            until: start + 30 * DAY,
            why: "for a month"
          })
          yield* journal.append("b", { _tag: "counted", at: start, name: odd!, files: 1000, anomaly: "odd" })
          const { entries } = yield* journal.read("b")
          const its = entries.find((entry) => entry._tag === "snapshot" && entry.name === partial)!
          if (its._tag === "snapshot") yield* journal.append("b", { ...its, state: "incomplete" })

          const days = 40
          const until = tomorrow(start) + days * DAY
          const departures = yield* pruneUntil({ now: start, until, method })
          const scenario = yield* storeScenario({ now: start, days, policies: [method] })
          const arrivals = scenario.hosts.map((host) => {
            const births = birthsOf(host, days, `${scenario.seed}/0`, (Math.floor(scenario.start / DAY) + 3) % 7, null)
            const space = new HostSpace(host, births, -host.past[0]!.age)
            const numbers = new Map<string, number>()
            for (const { age } of host.past) {
              const time = Math.round(-age * DAY)
              space.advance(time / DAY)
              numbers.set(formatSnapshotName(scenario.start + time), space.take())
            }
            model.spaces.set(host.name, { space, numbers })
            return { host, numbers, space, attempts: new Attempts(host, `${scenario.seed}/0`, null) }
          })
          const went = new Map<string, number>()
          let day = 0
          const remove = model.onRemove
          model.onRemove = (host, name, when) => {
            if (when === "after") went.set(`${host}/${name}`, day)
            return remove(host, name, when)
          }
          // Until a run comes that does not fit: admission is not followed here.
          let fits = true
          for (; day < days && fits; day++) {
            yield* at(scenario.start + (day + 1) * DAY)
            for (const { attempts, host, numbers, space } of arrivals) {
              const time = attempts.next
              attempts.advance()
              space.advance(time / DAY)
              const bytes = Math.ceil(space.incoming())
              fits = bytes <= model.free
              if (!fits) break
              const taken = scenario.start + time
              const name = formatSnapshotName(taken)
              numbers.set(name, space.take())
              model.hosts.get(host.name)!.push({ name, at: taken, foreign: false, sealed: true, bytes })
              yield* journal.append(host.name, {
                _tag: "snapshot",
                at: taken,
                name,
                state: "complete",
                by: "host",
                transfer: 0,
                bytes,
                files: 1000
              })
              yield* prune({ method: { name: method } })
            }
          }
          const compared = fits ? days : day - 1
          const within = (found: number | undefined) => (found === undefined || found >= compared ? null : found)
          const dayOf = ({ goes }: Departure) => (goes === null ? undefined : Math.floor((goes - scenario.start) / DAY))
          assert.deepStrictEqual(
            departures.map((one) => within(dayOf(one))),
            departures.map((one) => within(went.get(`${one.host}/${formatSnapshotName(one.at)}`)))
          )
          const gone = departures.filter((one) => within(dayOf(one)) !== null)
          assert.isAbove(gone.length, 10)
          assert.isTrue(gone.every(({ host }) => host === "b"))
          const when = (name: string) =>
            departures.find((one) => formatSnapshotName(one.at) === name && one.host === "b")!.goes
          assert.isNull(when(held!))
          for (const name of [oldest!, odd!]) assert.isAbove(when(name) ?? Infinity, start + 29 * DAY)
          assert.strictEqual(when(partial!), Math.min(...gone.map(({ goes }) => goes!)))
        }).pipe(
          // All that b holds is over its share.
          Effect.updateService(ServerConfig, (config) =>
            ServerConfig.of({ ...config, weight: (host) => Effect.succeed(host === "b" ? 0 : 1) })
          )
        )
      )
    })
  }
})

/** A store that has been used for 500 days by a host whose bytes live so long, and what became of its snapshots in the 60 days after. */
const lived = (method: "age" | "importance" | "spread", every: string, lifetimes: Lifetimes, bytes: number) => {
  const truth = (days: number) => {
    const churn = { daily: "1G", spread: 0.3, ...(lifetimes !== undefined && { lifetimes }) }
    const hosts = [{ name: "a", every, churn }]
    const scenario = Result.getOrThrow(
      scenarioOf({ start: 0, days, capacity: { bytes }, reserve: bytes / 100, policies: [method], hosts })
    )
    return { scenario, trace: replay(scenario, scenario.policies[0]!, 0) }
  }
  const { scenario, trace } = truth(500)
  const later = truth(560).trace
  const when = new Map(Array.from(later.taken, (taken, row) => [taken, later.gone[row]!]))
  const rows = [...trace.host.keys()]
  return {
    capacity: scenario.capacity.kind === "bytes" ? scenario.capacity.bytes : 0,
    used: trace.used.at(-1)!,
    backups: rows.map((row) => ({ taken: trace.taken[row]!, bytes: trace.bytes[row]! })),
    kept: rows.filter((row) => trace.gone[row] === Infinity).map((row) => trace.taken[row]!),
    deletions: [...trace.kinds.keys()].flatMap((i) =>
      trace.kinds[i] === Kind.deleted ? [{ taken: trace.taken[trace.subjects[i]!]!, freed: trace.amounts[i]! }] : []
    ),
    gone: (taken: number) => when.get(taken)!
  }
}
type Lifetimes = ReadonlyArray<{ readonly part: number; readonly days?: number }> | undefined

describe("the forecast for a store whose bytes live as nobody knows", () => {
  const worlds: ReadonlyArray<readonly [words: string, every: string, lifetimes: Lifetimes, disk: number]> = [
    ["as the model takes for usual", "1d", undefined, 270 * GB],
    ["for two days", "1d", [{ part: 1, days: 2 }], 270 * GB],
    ["for ten days, backed up every six hours", "6h", [{ part: 1, days: 10 }], 270 * GB],
    ["for two months", "1d", [{ part: 1, days: 60 }], 270 * GB],
    ["for ever", "1d", [{ part: 1 }], 540 * GB]
  ]
  for (const [words, every, lifetimes, disk] of worlds) {
    it.effect(`begins as full as it is, and is off by days: ${words}`, () =>
      Effect.gen(function* () {
        const model = new FullStore()
        for (const method of ["age", "importance", "spread"] as const) {
          const world = lived(method, every, lifetimes, disk)
          const end = 500 * DAY
          yield* onModel(
            model,
            Effect.gen(function* () {
              const journal = yield* Journal
              for (const { bytes, taken } of world.backups) {
                const name = formatSnapshotName(taken)
                const entry = { at: taken, name, state: "complete", by: "host", transfer: 0, files: 9 } as const
                yield* journal.append("a", { _tag: "snapshot", ...entry, bytes: Math.round(bytes) })
              }
              for (const { freed, taken } of world.deletions)
                yield* journal.append("a", { _tag: "deleted", at: end, name: formatSnapshotName(taken), freed })
              const held = { foreign: false, sealed: true, bytes: 0 }
              model.hosts.set(
                "a",
                world.kept.map((at) => ({ ...held, at, name: formatSnapshotName(at) }))
              )
              model.fill(world.capacity, world.used)

              const scenario = yield* storeScenario({ now: end - 1, days: 60, policies: [method] })
              const trace = replay(scenario, scenario.policies[0]!, 0)
              const onFirstDay = [...trace.kinds.keys()].filter(
                (i) => trace.kinds[i] === Kind.deleted && trace.times[i]! < DAY
              )
              const freed = onFirstDay.reduce((sum, i) => sum + trace.amounts[i]!, 0)
              const came = trace.bytes[world.kept.length] ?? 0
              assert.approximately((trace.used[0]! + freed - came) / world.used, 1, 0.03, method)

              const departures = yield* pruneUntil({ now: end - 1, until: end + 60 * DAY, method })
              const daysLeft = (goes: number | null) => Math.min(60, ((goes ?? Infinity) - end) / DAY)
              const off = departures.map(({ at, goes }) => Math.abs(daysLeft(goes) - daysLeft(world.gone(at))))
              assert.isBelow(off.reduce((sum, days) => sum + days, 0) / off.length, 12, method)
              const told = departures.filter(({ goes }) => goes !== null).length
              const went = departures.filter(({ at }) => world.gone(at) < end + 60 * DAY).length
              assert.approximately(told, went, 2 + 0.15 * went, method)
            }),
            ["a"]
          )
        }
      })
    )
  }
})

/** A store that is as full as it is said to be. */
class FullStore extends StoreModel {
  #free = 0
  #size = 0
  fill(size: number, used: number): void {
    this.#size = size
    this.#free = size - used
  }
  override get size(): number {
    return this.#size
  }
  override get free(): number {
    return this.#free
  }
}

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

  it("stays within its service's limit of memory, where it has one that is less than the machine's", () => {
    assert.strictEqual(memoryOfMachine(8 * GB, GB), 0.75 * GB)
    for (const none of [0, 2 ** 64]) assert.strictEqual(memoryOfMachine(8 * GB, none), 6 * GB)
    assert.isAtMost(memoryAllowed, 0.75 * totalmem())
  })

  it.effect("refuses what does not fit into memory before it begins", () =>
    Effect.gen(function* () {
      const scenario = Result.getOrThrow(scenarioOf(usual))
      const error = yield* Effect.flip(simulate({ scenario, memory: 1000 }))
      assert.match(error.message, /^hosts: 1 host over 1095 days would take about/)
    })
  )
})
