// What a server says of its own future, on real btrfs: the forecast names what goes, and then it goes.
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { TestConsole } from "effect/testing"
import { randomBytes } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root as commands } from "../../src/cli/root.ts"
import { version } from "../../src/domain/version.ts"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import { completeRun } from "../../src/programs/CompleteRun.ts"
import { makeRoom } from "../../src/programs/MakeRoom.ts"
import { prune } from "../../src/programs/Prune.ts"
import type { Departure } from "../../src/programs/PruneUntil.ts"
import { Layout } from "../../src/services/Layout.ts"
import { root } from "./pair.ts"
import { enrolled, firstDay, pushEnded, realServer, toDay } from "./realServer.ts"

const MB = 1_000_000
const past = 55
const coming = 12
const dayText = (day: number) => new Date((firstDay + day * 86_400) * 1000).toISOString().slice(0, 10)

/** Runs a command line of byteback's in this process, under the test's clock. */
const byteback = (...words: ReadonlyArray<string>) =>
  Effect.flatMap(
    Effect.promise(() => commands(words)),
    (tree) => Command.runWith(tree, { version })(words)
  ).pipe(Effect.provide(NodeServices.layer))

describe.skipIf(!root)("the forecast of a real store", () => {
  it.effect(
    "names what prune then deletes, in its order, within days; and the model begins with it",
    () =>
      Effect.gen(function* () {
        const current = yield* enrolled("a")
        const backup = Effect.fn(function* (day: number) {
          yield* toDay(day)
          yield* makeRoom("a")
          // One file lives for a day, and each of four others for four.
          writeFileSync(`${current}/daily`, randomBytes(4 * MB))
          writeFileSync(`${current}/${day % 4}`, randomBytes(8 * MB))
          yield* pushEnded("a")
          yield* completeRun({ host: "a", transfer: 0 })
          return (yield* prune({})).deleted.map(({ name }) => name)
        })
        const before: Array<string> = []
        for (let day = 0; day < past; day++) before.push(...(yield* backup(day)))
        assert.isAbove(before.length, 3)

        yield* byteback("prune", "--until", dayText(past + coming), "--json")
        const departures = JSON.parse((yield* TestConsole.logLines).join("")) as ReadonlyArray<Departure>
        const told = departures.filter(({ goes }) => goes !== null).toSorted((a, b) => a.goes! - b.goes! || a.at - b.at)
        const dayOf = new Map(told.map(({ at, goes }) => [formatSnapshotName(at), (goes! - firstDay) / 86_400]))
        assert.isAbove(told.length, 5)

        const out = join((yield* Layout).store, "../out")
        yield* byteback(
          "simulate",
          "--from-store",
          "--days",
          "30",
          "--policy",
          "importance",
          "--format",
          "json",
          "--out",
          out
        )
        const { metrics } = JSON.parse(readFileSync(join(out, "metrics.json"), "utf8")) as {
          readonly metrics: ReadonlyArray<{
            readonly policy: string
            readonly attempts: number
            readonly oldestKept: number
          }>
        }
        assert.strictEqual(metrics[0]!.policy, "importance")
        assert.strictEqual(metrics[0]!.attempts, 30)
        assert.isAbove(metrics[0]!.oldestKept, 30, "what the store held before")

        const gone: Array<readonly [name: string, day: number]> = []
        for (let day = past; day < past + coming; day++) for (const name of yield* backup(day)) gone.push([name, day])
        const both = gone.filter(([name]) => dayOf.has(name))
        assert.isAtLeast(both.length, Math.min(gone.length, told.length) - 3)
        for (const [name, day] of both) assert.approximately(dayOf.get(name)!, day, 3, name)
        const order = told.map(({ at }) => formatSnapshotName(at)).filter((name) => both.some(([one]) => one === name))
        assert.deepStrictEqual(
          both.map(([name]) => name),
          order
        )
      }).pipe(Effect.provide(realServer(768 * 2 ** 20))),
    240_000
  )
})
