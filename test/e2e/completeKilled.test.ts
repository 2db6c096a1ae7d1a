// The end of a run on real btrfs, killed before each of its steps: a snapshot that nobody was told of passes for nothing that it is not.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { completeRun } from "../../src/programs/CompleteRun.ts"
import { listSnapshots } from "../../src/programs/ListSnapshots.ts"
import { measureBacklog } from "../../src/programs/MeasureBacklog.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Layout } from "../../src/services/Layout.ts"
import { root } from "./pair.ts"
import { enrolled, firstDay, pushEnded, realServer, toDay } from "./realServer.ts"

const day = 86_400

describe.skipIf(!root)("a run that ends", () => {
  it.effect(
    "and whose server is killed at each step has its one snapshot when it asks again, as incomplete as it was, measured and judged",
    () =>
      Effect.gen(function* () {
        const current = yield* enrolled("a")
        const { store } = yield* Layout
        const journal = yield* Journal
        const program = join(import.meta.dirname, "completeOnce.ts")
        /** So many files, of which each push rewrites few. */
        const pushed = Effect.fnUntraced(function* (number: number) {
          yield* toDay(number)
          for (let file = 0; file < 200; file++)
            if (number === 0 || file < 10) writeFileSync(`${current}/${file}`, `written on day ${number}`)
          yield* pushEnded("a", 23)
        })
        yield* pushed(0)
        yield* completeRun({ host: "a", transfer: 0, run: "first" })
        yield* measureBacklog()
        const killedBefore: Array<string> = []
        for (let step = 1; ; step++) {
          yield* pushed(step)
          const run = `run ${step}`
          const args = [program, store, "a", run, String(firstDay + step * day), String(step)]
          const { signal, status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
          if (signal === null) {
            assert.strictEqual(status, 0, stderr)
            break
          }
          const at = stdout.trim().split("\n").at(-1)!
          killedBefore.push(at)
          const before = (yield* listSnapshots({ host: "a" })).snapshots
          assert.isTrue(before.length === step || before.length === step + 1, at)
          for (const { state } of before) assert.notStrictEqual(state, "complete", at)
          yield* TestClock.adjust("1 minute")
          const { snapshot } = yield* completeRun({ host: "a", transfer: 0, run })
          assert.strictEqual(snapshot.state, "incomplete", at)
          const after = (yield* listSnapshots({ host: "a" })).snapshots
          assert.deepStrictEqual(
            after.slice(0, before.length).map(({ name }) => name),
            before.map(({ name }) => name),
            at
          )
          assert.deepStrictEqual([after.length, after.at(-1)!.name], [step + 1, snapshot.name], at)
          yield* measureBacklog()
          const { damaged, entries } = yield* journal.read("a")
          assert.isEmpty(damaged)
          const its = entries.filter((entry) => entry._tag === "snapshot" && entry.run === run)
          assert.lengthOf(its, 1, at)
          const measured = (yield* listSnapshots({ host: "a" })).snapshots.at(-1)!
          assert.deepInclude(measured, { name: snapshot.name, state: "incomplete", held: false, files: 200 }, at)
          assert.isDefined(measured.bytes, at)
        }
        assert.deepStrictEqual(killedBefore, [
          "sweep",
          "intend",
          "take",
          "measure",
          "journal snapshot",
          "intend nothing",
          "token",
          "forget"
        ])
      }).pipe(Effect.provide(realServer(512 * 2 ** 20))),
    { timeout: 120_000 }
  )
})
