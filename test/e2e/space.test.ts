// Space that manages itself, on real btrfs: it fills, prunes itself and goes on; nobody pays for another; a kill loses nothing.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { execFileSync, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { join } from "node:path"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import { addClient } from "../../src/programs/AddClient.ts"
import { completeRun } from "../../src/programs/CompleteRun.ts"
import { hold, release } from "../../src/programs/Hold.ts"
import { makeRoom } from "../../src/programs/MakeRoom.ts"
import { prune, storeSpace } from "../../src/programs/Prune.ts"
import { removeClient } from "../../src/programs/RemoveClient.ts"
import { status } from "../../src/programs/Status.ts"
import { Btrfs } from "../../src/services/Btrfs.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Registry } from "../../src/services/Registry.ts"
import { Store } from "../../src/services/Store.ts"
import { numberedKey } from "../domain/publicKeys.ts"
import { Lab } from "../lab/Lab.ts"
import { makePast } from "./makePast.ts"
import { backupWords, clientMachine, nextSnapshotMayCome, root, serverMachine, snapshotNames } from "./pair.ts"
import { enrolled, firstDay, pushEnded, realServer, toDay } from "./realServer.ts"
import { booted } from "./systemd.ts"

const MB = 1_000_000
const day = 86_400
const limit = { timeout: 480_000 }

/** A backup of the simulated day: room is made, the data comes, the run completes, and prunes as it would. */
const backup = Effect.fn("backup")(function* (host: string, number: number, write: () => void) {
  yield* toDay(number)
  yield* makeRoom(host)
  write()
  yield* pushEnded(host)
  const result = yield* completeRun({ host, transfer: 0 })
  yield* prune({})
  return result
})

/** A snapshot with its entry, without any measuring: to make a past quickly. */
const past = Effect.fn("past")(function* (host: string, number: number, bytes: number) {
  const at = firstDay + number * day
  const name = formatSnapshotName(at)
  yield* (yield* Store).take(host, name)
  yield* (yield* Journal).append(host, {
    _tag: "snapshot",
    at,
    name,
    state: "complete",
    by: "host",
    transfer: 0,
    bytes,
    files: 10
  })
  return name
})

const shortly = Effect.promise(() => new Promise<void>((done) => void setTimeout(done, 20)))

/** A public key that nobody has the other half of. */
const someKey = `${numberedKey(9).type} ${numberedKey(9).blob}`

/** Writes a file until there is no room for more of it. */
const toFull = (path: string) =>
  Effect.sync(() => {
    const file = openSync(path, "w")
    try {
      for (;;) writeSync(file, randomBytes(MB))
    } catch {
      // full: that was the intention
    } finally {
      closeSync(file)
    }
  })

/** Files of 1 MB, `part-N`, until there is no room for more; how many. */
const partsToFull = (directory: string): number => {
  for (let n = 0; ; n++) {
    try {
      writeFileSync(`${directory}/part-${n}`, randomBytes(MB))
    } catch {
      return n
    }
  }
}

/** The device that is mounted there. */
const sourceOf = (store: string) => [execFileSync("findmnt", ["-no", "SOURCE", store], { encoding: "utf8" }).trim()]

describe.skipIf(!root)("a real store", () => {
  it.effect(
    "of 2 GB takes 200 daily backups without ever failing for want of space",
    () =>
      Effect.gen(function* () {
        const current = yield* enrolled("a")
        const { store } = yield* Layout
        for (let number = 0; number < 200; number++) {
          const { snapshot } = yield* backup("a", number, () => {
            for (let file = 0; file < 6; file++) writeFileSync(`${current}/churn-${file}`, randomBytes(2.2 * MB))
            writeFileSync(`${current}/day`, String(number))
          })
          assert.strictEqual(snapshot.state, "complete")
        }
        const space = yield* storeSpace()
        assert.isAtLeast(space.free, space.reserve)
        const kept = space.hosts[0]!.snapshots
        // It has pruned, and not more than it needed to: most of the store is in use.
        assert.isBelow(kept.length, 190)
        assert.isAbove(kept.length, 60)
        assert.isBelow(space.free, 400 * MB)
        for (const { name, at } of kept) {
          assert.strictEqual(
            readFileSync(`${store}/a/${name}/day`, "utf8"),
            String(Math.round((at! - firstDay) / day)),
            name
          )
        }
        // What btrfs says was new is what was written.
        const { entries } = yield* (yield* Journal).read("a")
        const last = entries.findLast((entry) => entry._tag === "snapshot")!
        assert.approximately(last.bytes!, 6 * 2.2 * MB, MB)
      }).pipe(Effect.provide(realServer(2 * 2 ** 30))),
    limit
  )

  it.effect(
    "that is short of metadata from tiny files deletes until metadata can grow again, whatever df says",
    () =>
      Effect.gen(function* () {
        const current = yield* enrolled("a")
        let number = 0
        const files = 4000
        // Small enough to lie in metadata; each day rewrites them all, so that each snapshot holds a set of its own.
        const rewrite = () => {
          for (let file = 0; file < files; file++) writeFileSync(`${current}/${file}`, Buffer.alloc(1900, number))
        }
        for (; number < 40 && !(yield* storeSpace()).shortOfMetadata; number++) {
          rewrite()
          yield* (yield* Btrfs).sync(current)
          yield* past("a", number, 1900 * files)
        }
        yield* toDay(number + 20)
        const before = yield* storeSpace()
        assert.isTrue(before.shortOfMetadata)
        const result = yield* prune({})
        assert.isFalse(result.shortOfMetadata)
        assert.strictEqual(result.outcome, "met")
        assert.isAbove(result.deleted.length, 0)
        assert.isAbove((yield* storeSpace()).hosts[0]!.snapshots.length, 0)
      }).pipe(Effect.provide(realServer(320 * 2 ** 20))),
    limit
  )

  it.effect(
    "that a new host fills with empty files keeps all of its neighbour's history",
    () =>
      Effect.gen(function* () {
        const victim = yield* enrolled("victim")
        for (let number = 0; number < 40; number++) {
          writeFileSync(`${victim}/churn`, randomBytes(MB / 5))
          yield* past("victim", number, MB / 5)
        }
        const hostile = yield* enrolled("hostile")
        yield* toDay(41)
        const names = (yield* (yield* Store).snapshots("victim")).map(({ name }) => name)
        // First data runs short, as its metadata takes the disk; then metadata itself. What its deleted snapshots held is still in others.
        for (let part = 0; !(yield* storeSpace()).shortOfMetadata; part++) {
          yield* toDay(41 + part / 4)
          mkdirSync(`${hostile}/${part}`)
          for (let file = 0; file < 10_000; file++) {
            closeSync(openSync(`${hostile}/${part}/${"n".repeat(200)}${file}`, "w"))
          }
          yield* (yield* Btrfs).sync(hostile)
          if (part % 2 === 1) {
            yield* pushEnded("hostile")
            yield* completeRun({ host: "hostile", transfer: 0 })
          }
          yield* prune({})
        }
        assert.strictEqual((yield* prune({})).outcome, "owed")
        assert.deepStrictEqual(
          (yield* (yield* Store).snapshots("victim")).map(({ name }) => name),
          names
        )
        assert.match((yield* status()).attention.join("\n"), /hostile: holds .* of metadata.*more than its share/)
      }).pipe(Effect.provide(realServer(320 * 2 ** 20))),
    limit
  )

  it.effect(
    "with a year of snapshots loses none of them to a new host that floods it",
    () =>
      Effect.gen(function* () {
        const victim = yield* enrolled("victim")
        const { config, store } = yield* Layout
        for (let number = 0; number < 365; number++) {
          writeFileSync(`${victim}/churn`, randomBytes(MB / 2))
          yield* past("victim", number, MB / 2)
        }
        yield* toDay(365)
        const names = (yield* (yield* Store).snapshots("victim")).map(({ name }) => name)
        assert.lengthOf(names, 365)
        const hostile = yield* enrolled("hostile")
        mkdirSync(`${config}/hosts/hostile`, { recursive: true })
        const flood = (file: string) => {
          try {
            for (let part = 0; part < 200; part++) writeFileSync(`${hostile}/${file}-${part}`, randomBytes(5 * MB))
          } catch {
            // full: that was the intention
          }
        }
        for (let round = 0; round < 3; round++) {
          yield* toDay(365 + round)
          yield* Effect.exit(makeRoom("hostile"))
          flood(`round-${round}`)
          yield* pushEnded("hostile")
          yield* Effect.exit(completeRun({ host: "hostile", transfer: 0 }))
          const result = yield* prune({})
          assert.notStrictEqual(result.outcome, "met")
        }
        assert.deepStrictEqual(
          readdirSync(`${store}/victim`).filter((name) => name !== "current"),
          names
        )
        // The hostile host is told why, and that is shown until somebody looks.
        const refused = yield* Effect.exit(makeRoom("hostile"))
        assert.isTrue(Exit.isFailure(refused))
        assert.isDefined((yield* storeSpace()).hosts.find(({ host }) => host === "hostile")!.record.refusal)
      }).pipe(Effect.provide(realServer(800 * 2 ** 20))),
    limit
  )

  it.effect(
    "is divided by the weights that its administrator gave, and who holds more than that pays",
    () =>
      Effect.gen(function* () {
        const { config, store } = yield* Layout
        for (const host of ["a", "b"]) {
          const current = yield* enrolled(host)
          for (let number = 0; number < 12; number++) {
            writeFileSync(`${current}/churn`, randomBytes(4 * MB))
            yield* past(host, number, 4 * MB)
          }
        }
        yield* toDay(40)
        mkdirSync(`${config}/hosts/b`, { recursive: true })
        writeFileSync(`${config}/hosts/b/weight`, "0.1\n")
        writeFileSync(`${config}/prune_order`, "age\n")
        const before = readdirSync(`${store}/a`)
        const result = yield* prune({ reserve: (yield* storeSpace()).free + 10 * MB })
        assert.strictEqual(result.plan.method, "age")
        assert.isAtLeast(result.deleted.length, 2)
        assert.deepStrictEqual(readdirSync(`${store}/a`), before)
        assert.match(result.deleted[0]!.why, /b holds more than its share/)
      }).pipe(Effect.provide(realServer(400 * 2 ** 20))),
    limit
  )

  it.effect(
    "takes back what a failed run of a removed host holds, before any snapshot goes for it",
    () =>
      Effect.gen(function* () {
        const { store } = yield* Layout
        for (const [n, host] of ["a", "b"].entries()) {
          const { blob, type } = numberedKey(n)
          yield* addClient({ host, key: `${type} ${blob}` })
          for (let number = 0; number < 8; number++) {
            writeFileSync(`${store}/${host}/current/churn`, randomBytes(3 * MB))
            yield* past(host, number, 3 * MB)
          }
        }
        const names = (host: string) => readdirSync(`${store}/${host}`).toSorted()
        const before = [names("a"), names("b")]
        yield* toDay(20)
        yield* toFull(`${store}/b/current/part`)
        yield* removeClient({ host: "b" })
        assert.isTrue((yield* status()).stuck)
        const shown = yield* prune({ dryRun: true })
        assert.deepStrictEqual([shown.outcome, shown.plan.deletions], ["met", []])
        assert.strictEqual((yield* Effect.flip(prune({ plan: "0123456789abcd" })))._tag, "PlanChanged")
        assert.include(readdirSync(`${store}/b/current`), "part")
        const { deleted, outcome, swept } = yield* prune({ plan: shown.plan.digest })
        assert.deepStrictEqual([outcome, deleted, swept], ["met", [], [{ host: "b", name: "current" }]])
        assert.deepStrictEqual(swept, shown.swept)
        assert.deepStrictEqual([names("a"), names("b")], before)
        assert.deepStrictEqual(readdirSync(`${store}/b/current`), ["churn"])
        assert.isFalse((yield* status()).hosts.find(({ host }) => host === "b")!.enrolled)

        // A removal that was killed is finished without a word from anybody.
        yield* (yield* Journal).append("b", { _tag: "removing", at: firstDay + 20 * day })
        execFileSync("btrfs", ["-q", "subvolume", "delete", `${store}/b/${before[1]![0]}`])
        yield* prune({})
        assert.isFalse(existsSync(`${store}/b`))
        assert.deepStrictEqual(names("a"), before[0])
      }).pipe(Effect.provide(realServer(400 * 2 ** 20))),
    limit
  )

  it.effect(
    "is pruned as planned though prune is killed at each step",
    () =>
      Effect.gen(function* () {
        const current = yield* enrolled("a")
        const { store } = yield* Layout
        for (let number = 0; number < 30; number++) {
          writeFileSync(`${current}/churn`, randomBytes(5 * MB))
          yield* past("a", number, 5 * MB)
        }
        mkdirSync(`${store}/a/2026-01-01T00:00+0000`)
        writeFileSync(`${store}/a/2026-01-02T00:00+0000`, "a file")
        symlinkSync("/etc", `${store}/a/2026-01-03T00:00+0000`)
        mkdirSync(`${store}/a/$(rm -rf x); y`)
        yield* toDay(40)
        const { free } = yield* storeSpace()
        const reserve = free + 120 * MB
        const shown = yield* prune({ dryRun: true, method: { name: "age" }, reserve })
        const planned = shown.plan.deletions.map(({ snapshot }) => snapshot.id)
        assert.isAtLeast(planned.length, 10)
        // What is freed is measured, so one more than planned may go; never another.
        const ours = (yield* (yield* Store).snapshots("a")).filter(({ foreign }) => !foreign).map(({ name }) => name)
        assert.deepStrictEqual(ours.slice(0, planned.length), planned)
        const program = join(import.meta.dirname, "pruneOnce.ts")
        const journal = yield* Journal
        const deletedNow = Effect.gen(function* () {
          const left = new Set((yield* (yield* Store).snapshots("a")).map(({ name }) => name))
          return ours.filter((name) => !left.has(name))
        })
        // A run is killed before its first step, the next before its second, until one has come through a deletion and begun another.
        const killedBefore: Array<string> = []
        for (let step = 1; killedBefore.filter((name) => name === "journal deleting").length < 2; step++) {
          const args = [program, store, String(reserve), String(firstDay + 40 * day), String(step)]
          const { signal, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
          assert.strictEqual(signal, "SIGKILL", `step ${step}: ${stdout}`)
          killedBefore.push(stdout.trim().split("\n").at(-1)!)
          const deleted = yield* deletedNow
          assert.deepStrictEqual(deleted, ours.slice(0, deleted.length), killedBefore.at(-1))
          const { damaged, entries } = yield* journal.read("a")
          assert.isEmpty(damaged)
          const announced = new Set(entries.flatMap((entry) => (entry._tag === "deleting" ? [entry.name] : [])))
          assert.isTrue(
            deleted.every((name) => announced.has(name)),
            "nothing goes unannounced"
          )
        }
        const first = killedBefore.indexOf("journal deleting")
        assert.deepStrictEqual(
          killedBefore.slice(first).filter((name) => !/^(lock|remove|usage)/.test(name)),
          ["journal deleting", "delete snapshot", "sync", "journal deleted", "journal deleting"]
        )
        assert.isAtLeast((yield* deletedNow).length, 4)
        // A lock that a killed holder had is free again, and what it began is finished.
        const result = yield* prune({ method: { name: "age" }, reserve })
        assert.isAtLeast(result.free, reserve)
        const left = new Set(readdirSync(`${store}/a`))
        const deleted = yield* deletedNow
        assert.deepStrictEqual(deleted, ours.slice(0, deleted.length))
        assert.isAtMost(deleted.length, planned.length + 2)
        assert.isTrue(statSync(`${store}/a/2026-01-02T00:00+0000`).isFile())
        assert.isTrue(
          left.has("2026-01-01T00:00+0000") && left.has("2026-01-03T00:00+0000") && left.has("$(rm -rf x); y")
        )
      }).pipe(Effect.provide(realServer(512 * 2 ** 20))),
    limit
  )

  it.effect(
    "is measured, swept, balanced and pruned in the end though prune is killed before each of its steps",
    () =>
      Effect.gen(function* () {
        const { store } = yield* Layout
        const journal = yield* Journal
        const sealed = yield* Store
        const names = (host: string) => Effect.map(sealed.snapshots(host), (found) => found.map(({ name }) => name))
        // Three hosts whose access was taken away in the middle of a run, and two whose removal was cut short.
        const removed = ["c", "d", "e"]
        const removing = ["f", "g"]
        for (const [n, host] of ["a", ...removed, ...removing].entries()) {
          const { blob, type } = numberedKey(n)
          yield* addClient({ host, key: `${type} ${blob}` })
          for (let number = 0; number < (host === "a" ? 6 : 1); number++) {
            writeFileSync(`${store}/${host}/current/churn`, randomBytes(4 * MB))
            yield* past(host, number, 4 * MB)
          }
        }
        // Two of a's that nobody has measured, and what killed runs of it left.
        const at = firstDay + 6 * day
        for (const time of [at, at + day]) {
          writeFileSync(`${store}/a/current/new-${time}`, randomBytes(2 * MB))
          const name = formatSnapshotName(time)
          yield* sealed.take("a", name)
          yield* journal.append("a", { _tag: "snapshot", at: time, name, state: "complete", by: "host", transfer: 0 })
        }
        for (const name of [formatSnapshotName(at + 2 * day), "aside"]) {
          execFileSync("btrfs", ["-q", "subvolume", "snapshot", `${store}/a/current`, `${store}/a/.new-${name}`])
        }
        // Data has all of the disk in chunks that are half empty, so metadata cannot grow; small files have nearly all of that.
        const filler = `${store}/.filler`
        mkdirSync(filler)
        for (let n = 0; n < 7000; n++) writeFileSync(`${filler}/small-${n}`, Buffer.alloc(1900, n))
        const parts = partsToFull(filler)
        yield* (yield* Btrfs).sync(store)
        for (let n = 0; n < parts; n++) if (n % 8 > 1) rmSync(`${filler}/part-${n}`)
        for (const host of removed) {
          writeFileSync(`${store}/${host}/current/part`, randomBytes(3 * MB))
          yield* removeClient({ host })
        }
        for (const host of removing) {
          yield* removeClient({ host })
          yield* journal.append(host, { _tag: "removing", at })
        }
        execFileSync("sync", ["-f", store])
        yield* toDay(40)
        const began = yield* storeSpace()
        assert.isTrue(began.shortOfMetadata)
        const before = yield* names("a")
        const reserve = began.free + 30 * MB
        const program = join(import.meta.dirname, "pruneOnce.ts")
        const killedBefore: Array<string> = []
        for (;;) {
          const args = [program, store, String(reserve), String(firstDay + 40 * day), "0", JSON.stringify(killedBefore)]
          const { signal, status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
          const left = yield* names("a")
          assert.deepStrictEqual(left, before.slice(before.length - left.length), killedBefore.at(-1))
          for (const host of ["a", ...removed]) assert.isEmpty((yield* journal.read(host)).damaged)
          for (const host of removed) assert.lengthOf(yield* names(host), 1)
          if (signal === null) {
            assert.strictEqual(status, 0, stderr)
            break
          }
          killedBefore.push(stdout.trim().split("\n").at(-1)!)
        }
        assert.includeMembers(killedBefore, [
          ...["measure what changed", "measure names", "journal counted"],
          ...["delete temporary snapshot", "delete temporary aside"],
          ...["new token", "forget a push", "take temporary current", "chown temporary current"],
          ...["rename current to temporary aside", "rename temporary current to current", "journal reset"],
          ...["journal removing", "delete current", "remove a host's directory", "forget a host", "journal removed"],
          ...["balance data", "journal deleting", "delete snapshot", "sync", "journal deleted", "write reserve"]
        ])
        const left = yield* names("a")
        assert.isBelow(left.length, before.length)
        assert.isAbove(left.length, 1)
        const { record } = (yield* storeSpace()).hosts.find(({ host }) => host === "a")!
        for (const name of before.slice(-2)) assert.approximately(record.bytes.get(name)!, 2 * MB, MB / 10)
        assert.sameMembers(readdirSync(`${store}/a`), [...left, "current"])
        const after = yield* storeSpace()
        assert.isFalse(after.shortOfMetadata)
        assert.isAtLeast(after.free, reserve)
        // Only the one that was killed between the two renames has no `current`, which is made when it comes back.
        const without = removed.filter((host) => !existsSync(`${store}/${host}/current`))
        assert.isAtMost(without.length, 1)
        for (const [n, host] of removed.entries()) {
          const { blob, type } = numberedKey(n + 10)
          yield* addClient({ host, key: `${type} ${blob}` })
          const held = readdirSync(`${store}/${host}/current`)
          assert.deepStrictEqual(held, without.includes(host) ? [] : ["churn"])
          const [last] = yield* names(host)
          assert.strictEqual(statSync(`${store}/${host}/${last}/churn`).size, 4 * MB)
        }
        for (const host of removing) assert.isFalse(existsSync(`${store}/${host}`))
        assert.sameMembers(
          (yield* (yield* Registry).list).map(({ host }) => host),
          ["a", ...removed]
        )
      }).pipe(Effect.provide(realServer(320 * 2 ** 20))),
    limit
  )

  it.effect(
    "of which one snapshot cannot be deleted passes over it; one that is still open is deleted, and no other for it",
    () =>
      Effect.gen(function* () {
        const current = yield* enrolled("a")
        const { store } = yield* Layout
        const names: Array<string> = []
        for (let number = 0; number < 6; number++) {
          writeFileSync(`${current}/churn`, randomBytes(5 * MB))
          names.push(yield* past("a", number, 5 * MB))
        }
        yield* toDay(40)
        const [first, second, third, fourth] = names
        execFileSync("btrfs", ["subvolume", "set-default", `${store}/a/${first}`])
        const age = { name: "age" } as const
        const one = yield* prune({ method: age, reserve: (yield* storeSpace()).free + MB })
        assert.deepStrictEqual(
          [one.skipped.map(({ name }) => name), one.deleted.map(({ name }) => name)],
          [[first], [second]]
        )
        assert.strictEqual(statSync(`${store}/a/${first}/churn`).size, 5 * MB)

        execFileSync("btrfs", ["subvolume", "set-default", "5", store])
        const open = openSync(`${store}/a/${third}/churn`, "r")
        const reserve = (yield* storeSpace()).free + 12 * MB
        const running = yield* Effect.forkChild(prune({ method: age, reserve }))
        while (existsSync(`${store}/a/${third}`)) yield* shortly
        for (; running.pollUnsafe() === undefined; yield* shortly) yield* TestClock.adjust("11 minutes")
        closeSync(open)
        const two = yield* Fiber.join(running)
        assert.deepStrictEqual([two.outcome, two.deleted.map(({ name }) => name)], ["stopped", [first, third]])
        assert.isTrue(existsSync(`${store}/a/${fourth}`))
        assert.strictEqual((yield* prune({ method: age, reserve })).outcome, "met")
      }).pipe(Effect.provide(realServer(512 * 2 ** 20))),
    limit
  )

  it.effect(
    "keeps what a journal that lost its end may have held, until somebody has looked",
    () =>
      Effect.gen(function* () {
        const current = yield* enrolled("a")
        const names: Array<string> = []
        for (let number = 0; number < 5; number++) {
          writeFileSync(`${current}/churn`, randomBytes(5 * MB))
          names.push(yield* past("a", number, 5 * MB))
        }
        yield* toDay(40)
        yield* hold({ host: "a", snapshot: names[0]! })
        const path = `${(yield* Layout).state}/journal/a.ndjson`
        truncateSync(path, statSync(path).size - 20)
        const wanted = { method: { name: "age" }, reserve: (yield* storeSpace()).free + MB } as const
        const one = yield* prune(wanted)
        assert.deepStrictEqual([one.deleted, one.outcome], [[], "short"])
        assert.match((yield* status()).attention.join("\n"), /a: 1 lines of its journal cannot be read/)
        yield* release({ host: "a", snapshot: names[1]! })
        assert.deepStrictEqual(
          (yield* prune(wanted)).deleted.map(({ name }) => name),
          [names[1]]
        )
      }).pipe(Effect.provide(realServer(512 * 2 ** 20))),
    limit
  )

  it.effect(
    "that is unmounted under a prune loses nothing more, and what lies under the mount is not touched",
    () =>
      Effect.gen(function* () {
        const current = yield* enrolled("a")
        const { store } = yield* Layout
        for (let number = 0; number < 6; number++) {
          writeFileSync(`${current}/churn`, randomBytes(5 * MB))
          yield* past("a", number, 5 * MB)
        }
        yield* toDay(40)
        const before = (yield* (yield* Store).snapshots("a")).map(({ name }) => name)
        const source = sourceOf(store)
        // The loop device would go with its last mount.
        const other = join(store, "../other")
        mkdirSync(other)
        execFileSync("mount", [...source, other])
        const reserve = (yield* storeSpace()).free + 60 * MB
        let deletions = 0
        const unmounted = prune({
          method: { name: "age" },
          reserve,
          onDelete: () =>
            Effect.sync(() => {
              if (deletions++ === 2) execFileSync("umount", ["--lazy", store])
            })
        })
        assert.strictEqual((yield* Effect.flip(unmounted))._tag, "StoreUnavailable")
        assert.strictEqual((yield* Effect.flip(prune({})))._tag, "StoreUnavailable")
        assert.isEmpty(readdirSync(store))
        execFileSync("mount", [...source, store])
        execFileSync("umount", [other])
        const after = (yield* (yield* Store).snapshots("a")).map(({ name }) => name)
        assert.deepStrictEqual(after, before.slice(2))
        assert.isAbove((yield* prune({ method: { name: "age" }, reserve })).deleted.length, 0)
      }).pipe(Effect.provide(realServer(512 * 2 ** 20))),
    limit
  )
})

describe.skipIf(!root)("an administrator and space", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 180_000 })((it) => {
    it.effect("previews, holds, prunes, and is shown what looks wrong", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server", "600M")
        const client = yield* clientMachine(server, "web")
        yield* client.ok(["sh", "-c", 'for n in $(seq 300); do echo "$n" > /data/file-$n; done'])
        yield* client.ok(backupWords())
        // The prune that follows a backup leaves the reserve for the next run's check; nobody waited for it.
        yield* server.until(["test", "-s", "/run/byteback/reserve"])
        assert.match(yield* server.ok(["byteback", "status"]), /web +1 snapshots/)
        const [first] = yield* snapshotNames(server, "web")

        // Everything is rewritten: a snapshot all the same, marked, and the one before it held.
        yield* client.ok(["sh", "-c", 'for n in $(seq 300); do echo "encrypted $n" > /data/file-$n; done'])
        yield* nextSnapshotMayCome(server, "web")
        const struck = yield* client.run(backupWords())
        assert.strictEqual(struck.code, 14, struck.stderr)
        assert.match(struck.stderr, /looks wrong/)
        const status = yield* server.ok(["byteback", "status"])
        assert.match(status, /web +2 snapshots, 1 held/)
        assert.match(status, /100 % of what was there was rewritten/)
        const second = (yield* snapshotNames(server, "web")).find((name) => name !== first)!
        assert.match(
          yield* server.ok(["byteback", "prune", "--explain", `web/${first}`]),
          /kept: (held|the newest complete)/
        )
        yield* server.ok(["byteback", "release", "web", second])
        yield* server.ok(["byteback", "release", "web", first!])
        assert.notMatch(yield* server.ok(["byteback", "status"]), /^!/m)

        // Preview and execution; a full store by the old flags.
        const shown = JSON.parse(yield* server.ok(["byteback", "prune", "--dry-run", "--json", "--order", "age"])) as {
          plan: { digest: string; deletions: ReadonlyArray<unknown> }
        }
        assert.isEmpty(shown.plan.deletions)
        yield* server.ok(["byteback", "prune", "--order", "age", "--plan", shown.plan.digest])
        assert.strictEqual((yield* server.run(["byteback", "prune", "--plan", "0123456789abcd"])).code, 12)
        assert.include(yield* server.ok(["byteback-prune", "--list", "--order", "age"]), first!)
        yield* server.ok(["byteback", "hold", "web", first!])
        const unable = yield* server.run(["byteback-prune", "--prune-force", "--maxpercent", "100"])
        assert.strictEqual(unable.code, 13, unable.stderr)
        assert.match(unable.stderr, /nothing more may be deleted/)
        assert.lengthOf(yield* snapshotNames(server, "web"), 2)
        yield* server.ok(["byteback", "release", "web", first!])

        // A journal that lost its end, and an approval.
        yield* server.ok(["truncate", "-s", "-20", "/var/lib/byteback/journal/web.ndjson"])
        yield* server.ok(["byteback", "prune", "--dry-run"])
        yield* server.ok(["byteback", "release", "web", first!])
        yield* server.ok(["byteback", "approve", "web", "--bytes", "10M", "--runs", "2"])
        assert.strictEqual((yield* server.run(["byteback", "approve", "nobody"])).code, 10)

        // A snapshot that a restore reads is passed over.
        yield* server.ok(["mkdir", "-p", "/run/byteback/web/reading"])
        yield* server.start(["flock", "--shared", `/run/byteback/web/reading/${first}`, "sleep", "60"])
        yield* server.until([
          "sh",
          "-c",
          '! flock --exclusive --nonblock "$1" true',
          "sh",
          `/run/byteback/web/reading/${first}`
        ])
        const busy = yield* server.run(["byteback-prune", "--prune-force", "--maxpercent", "100"])
        assert.match(busy.stderr, /passed over .*a restore reads it/)
        assert.include(yield* snapshotNames(server, "web"), first!)
        yield* server.ok(["pkill", "sleep"])
        const done = yield* server.run(["byteback-prune", "--prune-force", "--maxpercent", "100"])
        assert.strictEqual(done.code, 13)
        assert.deepStrictEqual(yield* snapshotNames(server, "web"), [second])
      }).pipe(Effect.scoped)
    )

    it.effect(
      "carries out what was shown, once, however many prunes are started, and believes the clock when told",
      () =>
        Effect.gen(function* () {
          const server = yield* serverMachine("shown", "600M")
          yield* server.ok(["byteback", "add-client", "old", someKey])
          yield* makePast(server, "old", 30, 3 * MB)
          const before = yield* snapshotNames(server, "old")
          assert.lengthOf(before, 30)
          const { store } = JSON.parse(yield* server.ok(["byteback", "status", "--json"])) as {
            store: { free: number; size: number }
          }
          const percent = String(Math.ceil((100 * (store.free + 30 * MB)) / store.size))

          // Below that much nothing is to be done.
          const idle = yield* server.run(["byteback-prune", "--prune", "--minpercent", "1", "--maxpercent", percent])
          assert.strictEqual(idle.code, 0, idle.stderr)
          assert.match(idle.stderr, /^byteback: 0 deleted;/m)
          const until = yield* server.ok(["byteback", "prune", "--until", "2060-01-01"])
          assert.lengthOf(until.trim().split("\n"), 30)
          assert.match(until, /^old\/\S+ {2}(?:stays|goes about \d{4}-\d\d-\d\d)$/m)

          // What the preview prints is a command: it does that, and no more.
          const shown = yield* server.run([
            ...["byteback", "prune", "--dry-run", "--order", "spread"],
            ...["--minpercent", percent, "--maxpercent", percent]
          ])
          const planned = shown.stdout
            .trim()
            .split("\n")
            .map((line) => line.split(" ")[0]!)
          assert.isAtLeast(planned.length, 8)
          assert.match(planned[0]!, /^old\//)
          const command = /nothing else: (byteback prune .*--plan [0-9a-f]{14})$/m.exec(shown.stderr)?.[1]
          assert.isDefined(command, shown.stderr)

          // Held up by a listing, it lets no other prune delete meanwhile.
          const listed = "/run/byteback/old/reading/*"
          yield* server.ok(["mkdir", "-p", "/run/byteback/old/reading"])
          const listing = yield* server.start(["flock", "--shared", listed, "sleep", "25"])
          yield* server.until(["sh", "-c", '! flock --exclusive --nonblock "$1" true', "sh", listed])
          const first = yield* server.start(command!.split(" "))
          // Looked up, since whoever tries it takes it from the prune that is to have it.
          const held = ["sh", "-c", 'grep -q "FLOCK.*:$(stat -c %i /run/byteback/prune.lock) " /proc/locks']
          yield* server.until(held)
          const second = yield* server.run(["byteback", "prune", "--maxpercent", percent])
          assert.strictEqual(second.code, 11, second.stderr)
          assert.match(second.stderr, /a prune is already running/)
          assert.deepStrictEqual(yield* snapshotNames(server, "old"), before)
          yield* listing.kill("SIGKILL")
          yield* server.ok(["pkill", "-x", "sleep"])
          const done = yield* first.wait
          const deleted = [...done.stderr.matchAll(/^byteback: deleting (\S+)/gm)].map(([, name]) => name!)
          // It measures, so the last of them may not have been needed.
          assert.isAtLeast(deleted.length, planned.length - 1)
          assert.deepStrictEqual(deleted, planned.slice(0, deleted.length))
          const left = new Set(yield* snapshotNames(server, "old"))
          assert.deepStrictEqual(
            before.filter((name) => !left.has(name)).toSorted(),
            deleted.map((name) => name.slice("old/".length)).toSorted()
          )
          const list = JSON.parse(yield* server.ok(["byteback", "prune", "--list", "--json"])) as ReadonlyArray<unknown>
          assert.lengthOf(list, left.size)

          // A journal with a time to come, and no memory of the clock: it may be the clock that is wrong.
          const line = '{"_tag":"released","at":4000000000,"name":"none"}'
          yield* server.ok([
            "sh",
            "-c",
            'rm /var/lib/byteback/clock; echo "$1" >>/var/lib/byteback/journal/old.ndjson',
            "sh",
            line
          ])
          const jumped = yield* server.run(["byteback", "prune", "--maxpercent", "99"])
          assert.strictEqual(jumped.code, 1)
          assert.match(jumped.stderr, /nothing is deleted.*byteback prune --trust-clock$/m)
          assert.lengthOf(yield* snapshotNames(server, "old"), left.size)
          yield* server.ok(["byteback", "prune", "--trust-clock"])
          yield* server.ok(["byteback", "prune"])
        }).pipe(Effect.scoped)
    )

    it.effect(
      "has nothing deleted by a server whose clock is two years back or ten ahead, until it is right again",
      () =>
        Effect.gen(function* () {
          const server = yield* serverMachine("wrong", "600M")
          yield* server.ok(["byteback", "add-client", "old", someKey])
          yield* makePast(server, "old", 20, 3 * MB)
          const before = yield* snapshotNames(server, "old")
          // A machine's clock is the host's too, so it is the installed program that is told another time.
          yield* server.write(
            "/root/clock.cjs",
            "const { now } = Date\nDate.now = () => now() + process.env.AWAY * 864e5\n"
          )
          const wrongly = (days: number, ...words: ReadonlyArray<string>) =>
            server.run(["byteback", ...words], {
              env: { NODE_OPTIONS: "--require=/root/clock.cjs", AWAY: String(days) }
            })
          const all = ["prune", "--prune-force", "--maxpercent", "100"]
          const nothing = Effect.fnUntraced(function* (days: number, last: string) {
            for (const words of [all, [...all, "--dry-run"], ["prune", "--list"]]) {
              const { code, stderr, stdout } = yield* wrongly(days, ...words)
              assert.deepStrictEqual([code, stdout], [1, ""], words.join(" "))
              assert.match(
                stderr,
                new RegExp(`the clock says 20\\S+ and was last believed or written down on ${last}.*nothing is deleted`)
              )
            }
            assert.match((yield* wrongly(days, "status")).stdout, /the clock says .*byteback prune --trust-clock/)
            // Nor before a push that needs room.
            assert.strictEqual((yield* wrongly(days, "prune", "--for", "old")).code, 1)
            assert.deepStrictEqual(yield* snapshotNames(server, "old"), before)
          })
          const today = (yield* server.ok(["date", "-u", "+%Y-%m-%d"])).trim()
          // First by the journals alone, then by the memory of when it was last right.
          for (const away of [-730, 3650]) yield* nothing(away, ".*")
          yield* server.ok(["byteback", "prune"])
          const remembered = yield* server.ok(["cat", "/var/lib/byteback/clock"])
          for (const away of [-730, 3650]) yield* nothing(away, today)
          assert.strictEqual(yield* server.ok(["cat", "/var/lib/byteback/clock"]), remembered)
          yield* server.run(["byteback", ...all])
          assert.deepStrictEqual(yield* snapshotNames(server, "old"), before.slice(-1))
        }).pipe(Effect.scoped)
    )

    it.effect("is pruned by the timer's unit, within what systemd lets it touch", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("timed", "400M")
        yield* server.ok(["byteback", "add-client", "old", someKey])
        yield* makePast(server, "old", 12, 3 * MB)
        const before = yield* snapshotNames(server, "old")
        // Less than the floor of 64 MiB is left.
        yield* server.ok([
          "sh",
          "-c",
          "fallocate -l $(($(df --output=avail -B1 /byteback | tail -1) - 50000000)) /byteback/fill && sync -f /byteback"
        ])
        const within = yield* booted(server)
        yield* server.ok(within("systemctl", "start", "byteback-prune.service"))
        const left = yield* snapshotNames(server, "old")
        assert.isBelow(left.length, before.length)
        assert.isAtLeast(left.length, before.length - 8)
        yield* server.ok(within("systemctl", "start", "byteback-prune.timer"))
        const timers = yield* server.ok(within("systemctl", "list-timers", "--no-legend", "byteback-prune.timer"))
        assert.match(timers, /byteback-prune\.service/)
      }).pipe(Effect.scoped)
    )
  })
})
