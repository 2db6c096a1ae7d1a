// What byteback prune --dry-run says is what byteback prune then does: the same deletions, words and exit code in every state of a store.
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { Command } from "effect/cli"
import { TestClock, TestConsole } from "effect/testing"
import * as fc from "fast-check"
import { describeFailure } from "../../src/cli/outcome.ts"
import { pruneCommand } from "../../src/cli/prune.ts"
import { version } from "../../src/domain/version.ts"
import { addClient } from "../../src/programs/AddClient.ts"
import { hold } from "../../src/programs/Hold.ts"
import type { PruneResult } from "../../src/programs/Prune.ts"
import { removeClient } from "../../src/programs/RemoveClient.ts"
import { Journal } from "../../src/services/Journal.ts"
import { numberedKey } from "../domain/publicKeys.ts"
import { at, start } from "../programs/serverFakes.ts"
import { day, GB, onModel, StoreModel } from "../programs/storeModel.ts"

/** Runs a command line in this process: what it printed, and its exit code. */
const prune = Effect.fn("prune")(function* (...words: ReadonlyArray<string>) {
  const [out, err] = [(yield* TestConsole.logLines).length, (yield* TestConsole.errorLines).length]
  const exit = yield* Effect.exit(Command.runWith(pruneCommand, { version })(words)).pipe(
    Effect.provide(NodeServices.layer)
  )
  const failure = Exit.isFailure(exit) ? describeFailure(exit.cause) : { code: 0, line: null }
  return {
    code: failure.code,
    line: failure.line,
    stdout: (yield* TestConsole.logLines).slice(out).map(String),
    stderr: (yield* TestConsole.errorLines).slice(err).map(String)
  }
})

type Services = Parameters<typeof onModel>[1] extends Effect.Effect<unknown, unknown, infer R> ? R : never

const dailies = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)
const mayBackUp = (host: "a" | "b") => {
  const { blob, type } = numberedKey(host === "a" ? 1 : 2)
  return addClient({ host, key: `${type} ${blob}` })
}

/** What a run says in the end, and each snapshot that it names, in order. */
const ending = (lines: ReadonlyArray<string>) => lines.flatMap((line) => /wanted.*?; (.*)$/.exec(line)?.slice(1) ?? [])
const named = (lines: ReadonlyArray<string>, how: RegExp) => lines.flatMap((line) => how.exec(line)?.slice(1) ?? [])

interface State {
  readonly name: string
  /** of 100 GB, what no deletion returns */
  readonly live: number
  readonly fill: (model: StoreModel) => Effect.Effect<unknown, unknown, Services>
  readonly ends: RegExp
  readonly code: number
  readonly deletes: number
}

const states: ReadonlyArray<State> = [
  {
    name: "with plenty",
    live: 10 * GB,
    fill: (model) => model.filled("a", dailies(40), GB),
    ends: /^the reserve is met$/,
    code: 0,
    deletes: 0
  },
  {
    name: "that two deletions bring back to its reserve",
    live: 60 * GB,
    fill: (model) => model.filled("a", dailies(40), GB),
    ends: /^the reserve is met$/,
    code: 0,
    deletes: 2
  },
  {
    name: "in which all that could go is held",
    live: 97 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(3), GB)
        for (const snapshot of model.names("a")) yield* hold({ host: "a", snapshot })
      }),
    ends: /nothing more may be deleted/,
    code: 13,
    deletes: 0
  },
  {
    name: "that has nothing left to lose before it is met",
    live: 98.8 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(3), 0.4 * GB)
        model.live += 5 * GB
      }),
    ends: /nothing more may be deleted/,
    code: 13,
    deletes: 2
  },
  {
    name: "with more to delete than one run may",
    live: 97 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(300), 0.01 * GB)
        model.live += GB
      }),
    ends: /the next run goes on$/,
    code: 0,
    deletes: 100
  },
  {
    name: "to which a host has written more than it earns",
    live: 60 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(30), GB)
        model.live = 70 * GB
        model.pending.set("a", 10 * GB)
      }),
    ends: /held by hosts over their share/,
    code: 13,
    deletes: 0
  },
  {
    name: "to which a host has written more than it earns, and that was short before",
    live: 60 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(35), GB)
        yield* model.filled("b", dailies(1), GB)
        model.live = 67 * GB
        model.pending.set("a", 3 * GB)
      }),
    ends: /held by hosts over their share/,
    code: 13,
    deletes: 3
  },
  {
    name: "that a new host has flooded",
    live: 0,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(365), 0.1 * GB)
        yield* model.filled("b", [0], GB)
        model.live = 63 * GB
        model.pending.set("b", 60 * GB)
      }),
    ends: /held by hosts over their share/,
    code: 13,
    deletes: 0
  },
  {
    name: "short of metadata that a host has written beyond what it earns",
    live: 10 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        model.metadataUsed = 9.5 * GB
        model.metadata.set("a", { current: 0, each: 0.005 * GB })
        model.metadata.set("b", { current: 8 * GB, each: 0.01 * GB })
        yield* model.filled("a", dailies(60), 0.1 * GB)
        yield* model.filled("b", dailies(10), 0.1 * GB)
      }),
    ends: /held by hosts over their share/,
    code: 13,
    deletes: 0
  },
  {
    name: "short of metadata that nobody's deletion returns",
    live: 10 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        model.metadataUsed = 9.5 * GB
        model.metadata.set("a", { current: 0, each: 0.2 * GB })
        yield* model.filled("a", dailies(3), 0.1 * GB)
        for (const snapshot of model.names("a")) yield* hold({ host: "a", snapshot })
      }),
    ends: /nothing more may be deleted/,
    code: 13,
    deletes: 0
  },
  {
    name: "whose only host but adds to what it has",
    live: 60 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.grows("a")
        yield* prune()
        model.removed.length = 0
      }),
    ends: /nothing more may be deleted/,
    code: 13,
    deletes: 0
  },
  {
    name: "in which one host but adds, and another has what may go",
    live: 60 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.grows("a")
        yield* prune()
        model.live -= 20 * GB
        yield* model.filled("b", dailies(20), GB)
        model.removed.length = 0
      }),
    ends: /^the reserve is met$/,
    code: 0,
    deletes: 3
  },
  {
    name: "that what a killed run left has filled",
    live: 57 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.temporary.set("a", [{ name: ".new-2026-11-23T17:52+0000", bytes: 3 * GB }])
      }),
    ends: /^the reserve is met$/,
    code: 0,
    deletes: 0
  },
  {
    name: "that the unfinished run of a host without access has filled",
    live: 70 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(20), GB)
        yield* model.filled("b", dailies(10, 100), GB)
        yield* mayBackUp("a")
        yield* mayBackUp("b")
        yield* removeClient({ host: "b" })
        model.pending.set("b", GB)
      }),
    ends: /^the reserve is met$/,
    code: 0,
    deletes: 1
  },
  {
    name: "with a removal that was cut short",
    live: 59.5 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(20), GB)
        yield* model.filled("b", dailies(20, 100), GB)
        yield* (yield* Journal).append("b", { _tag: "removing", at: start })
      }),
    ends: /^the reserve is met$/,
    code: 0,
    deletes: 0
  },
  {
    name: "some of whose space is still on its way back",
    live: 50 * GB,
    fill: (model) =>
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        model.settling = 10 * GB
      }),
    ends: /^the reserve is met$/,
    code: 0,
    deletes: 0
  }
]

describe("the preview of a store", () => {
  for (const { code, deletes, ends, fill, live, name } of states) {
    for (const how of ["plainly", "held to what was shown"] as const) {
      it.effect(`${name} ends as the run does, which is carried out ${how}`, () => {
        const model = new StoreModel()
        model.live = live
        return onModel(
          model,
          Effect.gen(function* () {
            yield* fill(model)
            const before = JSON.stringify([[...model.hosts], [...model.pending], model.live])
            const shown = yield* prune("--dry-run")
            assert.strictEqual(JSON.stringify([[...model.hosts], [...model.pending], model.live]), before)
            assert.isEmpty(model.removed)
            const [told = ""] = ending(shown.stderr)
            assert.match(told, ends)
            assert.strictEqual(shown.code, code)
            const command = /nothing else: byteback prune (.*)$/.exec(shown.stderr.at(-1)!)![1]!.split(" ")
            const done = yield* prune(...(how === "plainly" ? [] : command))
            assert.deepStrictEqual(ending(done.stderr), [told])
            assert.strictEqual(done.code, code)
            const goes = named(shown.stdout, /^(\S+) {2}goes/)
            const gone = named(done.stderr, /^byteback: deleting (\S+)/)
            assert.deepStrictEqual(gone, goes.slice(0, 100))
            assert.lengthOf(gone, deletes)
            assert.deepStrictEqual(
              named(done.stderr, /^byteback: gave back (\S+),/),
              named(shown.stderr, /^byteback: would give back (\S+),/)
            )
          })
        )
      })
    }
  }

  it.effect("ends as the run does in whatever state it is, where deletions free what is thought", () =>
    Effect.promise(async () => {
      const seen = new Set<PruneResult["outcome"]>()
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            a: fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 12 }),
            b: fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 12 }),
            size: fc.constantFrom(0.2, 1, 4),
            missing: fc.integer({ min: -4, max: 12 }),
            pending: fc.constantFrom(0, 0, 1, 7),
            held: fc.nat({ max: 3 }),
            temporary: fc.constantFrom(0, 0, 2),
            removing: fc.boolean(),
            gone: fc.boolean()
          }),
          (given) => {
            const model = new StoreModel()
            return onModel(
              model,
              Effect.gen(function* () {
                yield* model.filled("a", given.a, given.size * GB)
                yield* model.filled("b", given.b, GB)
                for (const host of given.gone || given.removing ? (["a"] as const) : (["a", "b"] as const))
                  yield* mayBackUp(host)
                if (given.pending > 0) model.pending.set(given.gone ? "b" : "a", given.pending * GB)
                if (given.temporary > 0) model.temporary.set("a", [{ name: ".new-x", bytes: given.temporary * GB }])
                for (const snapshot of model.names("a").slice(0, given.held)) yield* hold({ host: "a", snapshot })
                const now = start
                if (given.removing) yield* (yield* Journal).append("b", { _tag: "removing", at: now })
                else if (given.gone) yield* (yield* Journal).append("b", { _tag: "removed", at: now, backups: "kept" })
                // So much is missing to the least that is defended, or there.
                model.live = model.free + given.missing * GB
                const shown = JSON.parse((yield* prune("--dry-run", "--json")).stdout.join("")) as PruneResult
                const again = yield* prune("--dry-run")
                const done = yield* prune("--json", "--plan", shown.plan.digest)
                const result = JSON.parse(done.stdout.join("")) as PruneResult
                assert.strictEqual(done.code, again.code)
                assert.strictEqual(result.outcome, shown.outcome)
                seen.add(result.outcome)
                assert.deepStrictEqual(result.swept, shown.swept)
                assert.deepStrictEqual(
                  result.deleted.map(({ host, name }) => `${host}/${name}`),
                  shown.plan.deletions.map(({ snapshot }) => `${snapshot.host}/${snapshot.id}`)
                )
              })
            ).pipe(Effect.provide([TestConsole.layer, TestClock.layer()]), Effect.scoped, Effect.runPromise)
          }
        ),
        { numRuns: 150 }
      )
      assert.sameMembers([...seen], ["met", "short", "owed"])
    })
  )

  it.effect("that is not mounted, or whose clock has jumped, is not shown: the run would do nothing", () => {
    const model = new StoreModel()
    model.live = 60 * GB
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        const same = Effect.gen(function* () {
          const shown = yield* prune("--dry-run")
          assert.deepStrictEqual(yield* prune(), shown)
          assert.strictEqual(shown.code, 1)
          return shown.line!
        })
        model.mounted = false
        assert.match(yield* same, /no filesystem is mounted/)
        model.mounted = true
        yield* at(start + 3650 * day)
        assert.match(yield* same, /nothing is deleted.*--trust-clock$/)
        // Whoever trusts it looks by it, and nobody remembers that: the command that is shown does.
        const shown = yield* prune("--dry-run", "--trust-clock")
        assert.match(shown.stderr.at(-1)!, /byteback prune --trust-clock --plan \w+$/)
        assert.match(yield* same, /--trust-clock$/)
        yield* prune(...shown.stderr.at(-1)!.split("byteback prune ")[1]!.split(" "))
        assert.lengthOf(model.removed, named(shown.stdout, /^(\S+) {2}goes/).length)
        assert.isNotEmpty(model.removed)
      })
    )
  })

  it.effect("of sizes that nobody knows says that the run measures, and of chunks that they are balanced first", () => {
    const model = new StoreModel()
    model.live = 62 * GB
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(38), GB, false)
        const measures = /nobody knows yet what the last of these frees/
        assert.match(ending((yield* prune("--dry-run")).stderr)[0]!, measures)
        // Nobody knows what a deletion returns of metadata.
        model.live -= 20 * GB
        model.metadataUsed = 9.2 * GB
        assert.match(ending((yield* prune("--dry-run")).stderr)[0]!, measures)
        model.metadataUsed = 9.2 * GB
        model.balanceGives = GB
        const shown = yield* prune("--dry-run")
        assert.isEmpty(model.balanced)
        assert.match(shown.stderr.join("\n"), /badly filled chunks of data are balanced first/)
        assert.isEmpty(named((yield* prune()).stderr, /deleting (\S+)/))
        assert.deepStrictEqual(model.balanced, ["data"])
      })
    )
  })

  it.effect("is not carried out where something else was left behind meanwhile", () => {
    const model = new StoreModel()
    model.live = 60 * GB
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(40), GB)
        const shown = yield* prune("--dry-run")
        model.temporary.set("a", [{ name: ".new-x", bytes: 0 }])
        const [digest] = /\w+$/.exec(shown.stderr.at(-1)!)!
        const refused = yield* prune("--plan", digest)
        assert.strictEqual(refused.code, 12)
        assert.isTrue(model.temporary.has("a"))
        assert.isEmpty(model.removed)
      })
    )
  })
})

/** `a` is over its share, `b` within its own and older; nobody knows the size of the one of a's that goes first. */
const unequal = (model: StoreModel) =>
  Effect.gen(function* () {
    model.live = 0
    const all = []
    for (const [ages, known] of [
      [[7, 6], true],
      [[5], false],
      [[4, 3, 2, 1, 0], true]
    ] as const) {
      yield* model.filled("a", ages, 12 * GB, known)
      all.push(...model.hosts.get("a")!)
    }
    model.hosts.set("a", all)
    for (const snapshot of model.names("a").slice(0, 2)) yield* hold({ host: "a", snapshot })
    yield* model.filled("b", [30, 20, 10, 0], GB)
  })

describe("byteback prune --list", () => {
  it.effect("has the snapshots in the order in which runs delete them, past one of unknown size too", () => {
    const model = new StoreModel()
    return onModel(
      model,
      Effect.gen(function* () {
        yield* unequal(model)
        const listed = named((yield* prune("--list", "--order", "age")).stdout, /^(\S+) {2}/)
        assert.sameMembers(
          listed,
          ["a", "b"].flatMap((host) => model.names(host).map((name) => `${host}/${name}`))
        )
        for (let run = 0; model.names("a").length + model.names("b").length > 4 && run < 20; run++) {
          yield* prune("--order", "age", "--prune-force", "--maxpercent", "100")
        }
        assert.deepStrictEqual(model.removed, listed.slice(0, model.removed.length))
        assert.lengthOf(model.removed, listed.length - 4)
      })
    )
  })
})

describe("byteback prune --list and --explain", () => {
  it.effect("name what a removal that was cut short would have deleted, which goes before all", () => {
    const model = new StoreModel()
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(3), GB)
        yield* model.filled("b", dailies(2, 9), GB)
        yield* (yield* Journal).append("b", { _tag: "removing", at: start })
        // Not theirs: the store has plenty, so an unfinished run is left.
        model.pending.set("a", GB)
        const [first, second] = model.names("b")
        const listed = (yield* prune("--list", "--order", "age")).stdout
        assert.deepStrictEqual(named(listed, /^(\S+) {2}is given back first: /), [
          `b/${first}`,
          `b/${second}`,
          "b/current"
        ])
        assert.deepStrictEqual(
          named(listed.slice(3), /^(\S+) {2}/),
          model.names("a").map((name) => `a/${name}`)
        )
        assert.match((yield* prune("--explain", `b/${second}`)).stdout.join("\n"), /^b\/\S+ {2}is given back first: /)
      })
    )
  })
})

describe("byteback prune --explain", () => {
  it.effect("says of a snapshot why it goes, why it is kept, or that it is none of byteback's", () => {
    const model = new StoreModel()
    model.live = 60 * GB
    return onModel(
      model,
      Effect.gen(function* () {
        yield* model.filled("a", dailies(39), GB)
        yield* model.filled("b", [0], GB)
        const foreign = { name: "before the upgrade", at: null, foreign: true, sealed: false, bytes: 0 }
        model.hosts.set("b", [foreign, ...model.hosts.get("b")!])
        const explained = (name: string, ...more: ReadonlyArray<string>) =>
          Effect.map(prune("--explain", name, "--order", "age", ...more), ({ code, stderr, stdout }) => {
            assert.deepStrictEqual([code, stderr], [0, []])
            return stdout
          })
        const [oldest, second] = model.names("a")
        const newest = model.names("a").at(-1)!
        assert.deepStrictEqual(yield* explained(`a/${oldest}`), [`a/${oldest}  goes next: frees 1 GB, leaves 37 d`])
        assert.match(
          (yield* explained(`a/${second}`)).join("\n"),
          /^a\/\S+ {2}goes after 1 other: frees 1 GB, leaves 36 d$/
        )
        assert.match((yield* explained(`a/${model.names("a")[2]}`)).join("\n"), /^a\/\S+ {2}kept: /)
        // A bare name is of every host that has it.
        assert.deepStrictEqual(yield* explained(newest), [
          `a/${newest}  kept: the newest complete snapshot of a`,
          `b/${newest}  kept: the newest complete snapshot of b`
        ])
        assert.deepStrictEqual(yield* explained(`b/${foreign.name}`), [
          `b/${foreign.name}  kept: not made by byteback: left alone`
        ])
        for (const [name, id, why] of [
          [`a/${oldest}`, oldest, /^goes next: /],
          [`b/${foreign.name}`, foreign.name, /^kept: not made by byteback/]
        ] as const) {
          const [found, ...more] = JSON.parse((yield* explained(name, "--json")).join("")) as ReadonlyArray<{
            readonly snapshot: { readonly host: string; readonly id: string }
            readonly why: string
          }>
          assert.isEmpty(more)
          assert.deepStrictEqual([found!.snapshot.host, found!.snapshot.id], [name[0], id])
          assert.match(found!.why, why)
        }
        const none = yield* prune("--explain", "a/none")
        assert.strictEqual(none.code, 2)
        assert.match(none.line!, /no such snapshot; write HOST\/SNAPSHOT/)
        assert.isEmpty(model.removed)
      })
    )
  })
})
