// The replay against the server's own programs, which follow the same hosts on a store of the same bytes: each run's admission, each
// deletion in its turn, each mark and each refusal must be the same.
import { Effect, Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import { anomaly, nextDue, PAST } from "../../src/domain/prune/admission.ts"
import { type PruneOrder, pruneOrders } from "../../src/domain/prune/method.ts"
import { hostRecord } from "../../src/domain/prune/record.ts"
import { DAY } from "../../src/domain/prune/snapshot.ts"
import { Attempts, birthsOf } from "../../src/domain/simulation/arrivals.ts"
import { replay } from "../../src/domain/simulation/replay.ts"
import { type Scenario, type ScenarioFile, scenarioOf } from "../../src/domain/simulation/scenario.ts"
import { HostSpace } from "../../src/domain/simulation/space.ts"
import { isOfSnapshot, Kind } from "../../src/domain/simulation/trace.ts"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import { approve } from "../../src/programs/Approve.ts"
import { release } from "../../src/programs/Hold.ts"
import { makeRoom } from "../../src/programs/MakeRoom.ts"
import { holdBefore } from "../../src/programs/measureSnapshot.ts"
import { prune } from "../../src/programs/Prune.ts"
import { Journal } from "../../src/services/Journal.ts"
import { ServerConfig } from "../../src/services/ServerConfig.ts"
import { at } from "./serverFakes.ts"
import { SpaceModel } from "./spaceModel.ts"
import { GB, onModel } from "./storeModel.ts"

const words = Object.fromEntries(Object.entries(Kind).map(([word, kind]) => [kind, word]))

/** What the replay says happened: a line an event. */
const replayed = (scenario: Scenario): ReadonlyArray<string> => {
  const trace = replay(scenario, scenario.policies[0]!, 0)
  return [...trace.kinds.keys()].map((i) => {
    const subject = trace.subjects[i]!
    const snapshot = isOfSnapshot(trace.kinds[i]!)
    const { name } = scenario.hosts[snapshot ? trace.host[subject]! : subject]!
    return line(trace.times[i]!, words[trace.kinds[i]!]!, name, snapshot ? trace.dated[subject]! : null)
  })
}

const line = (time: number, word: string, host: string, dated: number | null): string =>
  `${Math.floor(time / DAY)} ${word} ${host}${dated === null ? "" : `/${formatSnapshotName(dated)}`}`

/** The same of a server, whose clock stands at each day's end. `met`: what its programs came to. */
const served = Effect.fn("served")(function* (scenario: Scenario, model: SpaceModel) {
  const journal = yield* Journal
  const said: Array<string> = []
  const met = { short: 0, owed: 0, arrived: 0 }
  const hosts = scenario.hosts.map((host) => {
    const space = new HostSpace(host, birthsOf(host, scenario.days, `${scenario.seed}/0`, 3, null), 0)
    const numbers = new Map<string, number>()
    model.spaces.set(host.name, { space, numbers })
    model.hosts.set(host.name, [])
    const attempts = new Attempts(host, `${scenario.seed}/0`, null)
    return { name: host.name, space, numbers, attempts, last: undefined as number | undefined, stuck: false }
  })
  let time = 0
  const remove = model.onRemove
  model.onRemove = (host, name, when) =>
    Effect.andThen(
      Effect.sync(() => {
        if (when === "after") said.push(`${Math.floor(time / DAY)} deleted ${host}/${name}`)
      }),
      remove(host, name, when)
    )
  const pruned = Effect.gen(function* () {
    const { outcome } = yield* prune({})
    if (outcome === "short" || outcome === "owed") met[outcome]++
  })
  /** Why it did not come to a snapshot, or null. */
  const pushed = Effect.fnUntraced(function* ({ name, space }: (typeof hosts)[number]) {
    const incoming = Math.ceil(space.incoming())
    for (const last of [false, true]) {
      const refused = yield* makeRoom(name).pipe(
        Effect.as(null),
        Effect.catchTag("NoRoom", ({ verdict }) => Effect.succeed(verdict))
      )
      if (refused !== null) return refused === "no space" ? Kind.noSpace : Kind.tooLarge
      const pending = model.pending.get(name) ?? 0
      const arrives = Math.min(incoming - pending, Math.floor(model.free))
      if (pending + arrives < incoming) {
        model.pending.set(name, pending + Math.max(0, arrives))
        if (arrives > 0) met.arrived++
      } else {
        model.pending.delete(name)
        return null
      }
      if (last) yield* pruned
    }
    return "full" as const
  })
  for (let day = 0; day < scenario.days; day++) {
    yield* at(scenario.start + (day + 1) * DAY)
    const today = hosts.flatMap((host, index) => {
      const times: Array<readonly [number, number, boolean]> = []
      for (const { attempts } = host; attempts.next < (day + 1) * DAY; attempts.advance())
        times.push([attempts.next, index, attempts.fails])
      return times
    })
    for (const [when, index, fails] of today.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
      const host = hosts[index]!
      time = when
      const event = (word: string, dated: number | null = null) => said.push(line(when, word, host.name, dated))
      if (fails || nextDue(when, host.last) !== undefined) {
        event(fails ? "missed" : "tooSoon")
        continue
      }
      host.space.advance(when / DAY)
      const bytes = Math.ceil(host.space.incoming())
      const why = yield* pushed(host)
      host.stuck = why !== null
      if (why !== null) {
        event(why === "full" ? "full" : words[why]!)
        continue
      }
      const name = formatSnapshotName(scenario.start + when)
      const record = hostRecord((yield* journal.read(host.name)).entries)
      const { approval } = record
      // Of the model's bytes, as it has no files.
      const whole = host.space.newestLive
      const rewritten = Math.max(0, whole - Math.max(0, host.space.live() - bytes))
      const looks =
        host.last === undefined
          ? undefined
          : anomaly({
              ...{ before: whole, rewritten, deleted: 0, growth: bytes, past: record.sizes.slice(-PAST) },
              ...(approval !== undefined && { approval })
            })
      const before = model.names(host.name).at(-1)
      host.numbers.set(name, host.space.take())
      const taken = scenario.start + when
      model.hosts.get(host.name)!.push({ name, at: taken, foreign: false, sealed: true, bytes })
      event("snapshot", when)
      if (looks !== undefined) {
        event("suspect", when)
        yield* at(taken)
        yield* holdBefore(host.name, before!, looks)
        yield* at(scenario.start + (day + 1) * DAY)
      }
      yield* journal.append(host.name, {
        ...{ _tag: "snapshot", at: taken, name, state: "complete", by: "host", transfer: 0, bytes, files: 1000 },
        ...(looks !== undefined && { anomaly: looks })
      })
      host.last = when
      yield* pruned
    }
    if ((day + 1) % scenario.looksAfterDays !== 0) continue
    time = (day + 1) * DAY
    for (const host of hosts) {
      const { suspects } = hostRecord((yield* journal.read(host.name)).entries)
      for (const snapshot of suspects.keys()) {
        if (suspects.get(snapshot)!.until <= scenario.start + time) continue
        yield* release({ host: host.name, snapshot })
        said.push(`${day + 1} cleared ${host.name}/${snapshot}`)
      }
      if (host.stuck) yield* approve({ host: host.name, runs: 3 })
    }
  }
  return { said, met }
})

/** Replays a scenario and serves it, and holds the one to the other. Gives how often each thing happened. */
const twins = (capacity: number, order: PruneOrder, file: ScenarioFile) => {
  const scenario = Result.getOrThrow(
    scenarioOf({
      ...{ start: 0, atOnce: 4, capacity: { bytes: capacity }, reserve: capacity / 100 },
      policies: [order === "spread-by-bytes" ? { method: "spread", weigh: true } : order],
      ...file
    })
  )
  const model = new SpaceModel(capacity)
  return onModel(
    model,
    Effect.gen(function* () {
      const wanted = replayed(scenario)
      const { met, said } = yield* served(scenario, model)
      const counts: Record<string, number> = { ...met }
      for (const [i, one] of said.entries()) {
        const word = one.split(" ")[1]!
        counts[word] = (counts[word] ?? 0) + 1
        // A server cannot tell why a backup was too much for what was free.
        const same = word === "full" ? wanted[i]?.replace(/ (?:noSpace|tooLarge) /, " full ") : wanted[i]
        if (same !== one)
          assert.deepStrictEqual(wanted.slice(Math.max(0, i - 5), i + 5), said.slice(Math.max(0, i - 5), i + 5))
      }
      assert.lengthOf(said, wanted.length)
      return counts
    }).pipe(
      Effect.updateService(ServerConfig, (config) =>
        ServerConfig.of({
          ...config,
          pruneOrder: Effect.succeed(order),
          weight: (name) => Effect.succeed(scenario.hosts.find((host) => host.name === name)!.weight)
        })
      )
    ),
    scenario.hosts.map(({ name }) => name)
  )
}

const spikes = (probability: number, bytes: string, alpha: number) => ({ spikes: { probability, bytes, alpha } })

interface World {
  /** GB */
  readonly disk: number
  readonly file: ScenarioFile
  /** what must have happened in it, or it proves nothing */
  readonly has: ReadonlyArray<string>
}

const worlds: Readonly<Record<string, World>> = {
  "outages, backups of all sizes, marks and an administrator who looks": {
    disk: 120,
    has: ["missed", "deleted", "suspect", "cleared", "tooLarge", "noSpace", "arrived"],
    file: {
      days: 80,
      looksAfterDays: 20,
      hosts: [
        { name: "a", weight: 2, base: "30G", failure: 0.1, churn: { daily: "1G", spread: 0.5 } },
        {
          name: "b",
          ...{ every: "12h", jitter: "1h", base: "30G" },
          churn: { daily: "1G", spread: 0.3, ...spikes(0.05, "6G", 4) }
        }
      ]
    }
  },
  "what has arrived of transfers that nobody approves": {
    disk: 150,
    has: ["deleted", "suspect", "tooLarge", "arrived"],
    file: {
      days: 90,
      looksAfterDays: 0,
      hosts: [
        { name: "a", base: "40G", churn: { daily: "1G", spread: 0.5 } },
        { name: "b", base: "40G", churn: { daily: "1G", spread: 0.3, ...spikes(0.03, "9G", 4) } }
      ]
    }
  },
  "a host that has no share": {
    disk: 130,
    has: ["deleted", "suspect", "arrived"],
    file: {
      days: 90,
      hosts: [
        { name: "a", base: "60G", churn: { daily: "500M", spread: 0.2 } },
        { name: "b", weight: 0, base: "20G", churn: { daily: "1G", spread: 0.5, ...spikes(0.03, "6G", 4) } }
      ]
    }
  },
  "a newcomer that owes": {
    disk: 200,
    has: ["deleted", "owed"],
    file: {
      days: 52,
      hosts: [
        { name: "a", weight: 2, churn: { daily: "1G", spread: 0.1 } },
        { name: "b", every: "12h", base: "50G", churn: { daily: "2G", spread: 0.1 } },
        {
          name: "new",
          ...{ firstDay: 36, base: "1G", weight: 0.01 },
          churn: { daily: "700M", spread: 0.1, lifetimes: [{ part: 1, days: 2 }] }
        }
      ]
    }
  }
}

describe("a replay does what the server's programs do, with", () => {
  for (const [name, { disk, file, has }] of Object.entries(worlds)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        for (const order of pruneOrders) {
          const counts = yield* twins(disk * GB, order, file)
          for (const word of has) assert.isAbove(counts[word] ?? 0, 0, `${order}: ${word}`)
        }
      })
    )
  }
})
