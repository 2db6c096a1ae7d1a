// What a send stream is read as, against the two trees themselves: random changes on a real btrfs.
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { type SendChange, SendChanges } from "../../src/domain/sendChanges.ts"
import { SendStream } from "../../src/domain/sendStream.ts"
import { Btrfs } from "../../src/services/Btrfs.ts"
import { Exec } from "../../src/services/Exec.ts"
import { btrfsImage } from "./btrfsImage.ts"

const root = process.getuid?.() === 0
if (!root) console.warn("test/contract: skipped, a btrfs image can only be mounted by root")

const btrfs = (...args: ReadonlyArray<string>) =>
  execFileSync("btrfs", args, { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] })

const service = Btrfs.layer.pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))

interface Seen {
  readonly directory: boolean
  readonly state: string
  readonly ino: number
}

/** Every path below a directory, with what it is. */
const tree = (top: string): Map<string, Seen> => {
  const found = new Map<string, Seen>()
  for (const path of fs.readdirSync(top, { recursive: true }) as ReadonlyArray<string>) {
    const stats = fs.statSync(join(top, path))
    const content = stats.isDirectory() ? "" : fs.readFileSync(join(top, path), "utf8")
    found.set(path, { directory: stats.isDirectory(), state: `${stats.mode} ${content}`, ino: stats.ino })
  }
  return found
}

const files = (seen: Map<string, Seen>): number => [...seen.values()].filter(({ directory }) => !directory).length

/** A small generator that is the same in every run. */
const randomFrom = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % below
  }
}

const change = (top: string, random: (below: number) => number, step: number): void => {
  const all = [...tree(top).keys()]
  const any = (): string => all[random(all.length)] ?? ""
  const directories = ["", ...all.filter((path) => fs.statSync(join(top, path)).isDirectory())]
  const fresh = join(top, directories[random(directories.length)]!, `n${step}`)
  const one = join(top, any())
  const isDirectory = fs.statSync(one).isDirectory()
  switch (random(11)) {
    case 0:
    case 10:
      return void fs.mkdirSync(fresh)
    case 1:
    case 2:
    case 8:
    case 9:
      return fs.writeFileSync(fresh, String(step))
    case 3:
      return isDirectory ? undefined : fs.appendFileSync(one, `+${step}`)
    case 4:
      return one === top ? undefined : fs.rmSync(one, { recursive: true })
    case 5:
      return one === top || fresh.startsWith(`${one}/`) ? undefined : fs.renameSync(one, fresh)
    case 6:
      return isDirectory ? undefined : fs.linkSync(one, fresh)
    default:
      return one === top ? undefined : fs.chmodSync(one, 0o700 + random(0o77))
  }
}

/** Where a path of the old tree is now: the longest renamed directory above it has moved it. */
const moved = (path: string, renames: ReadonlyMap<string, string>): string => {
  for (let at = path; at !== "";) {
    const to = renames.get(at)
    if (to !== undefined) return to + path.slice(at.length)
    at = at.slice(0, Math.max(0, at.lastIndexOf("/")))
  }
  return path
}

const check = (old: Map<string, Seen>, now: Map<string, Seen>, changes: ReadonlyArray<SendChange>): void => {
  const of = (kind: SendChange["change"]) => changes.filter((one) => one.change === kind)
  const renames = new Map(of("renamed").map(({ from, path }) => [from!, path]))
  const removed = new Set(of("removed").map(({ path }) => path))
  const stayed = [...old.keys()].filter((path) => !removed.has(path))
  const predicted = [...stayed.map((path) => moved(path, renames)), ...of("added").map(({ path }) => path)]
  assert.deepStrictEqual(predicted.toSorted(), [...now.keys()].toSorted())
  // of a file with several names, one is told
  const told = new Set(changes.filter((one) => one.change !== "removed").map(({ path }) => now.get(path)?.ino))
  for (const path of stayed) {
    const to = now.get(moved(path, renames))!
    if (old.get(path)?.state !== to.state) assert.isTrue(told.has(to.ino), `${path} is other than it was`)
  }
}

describe.skipIf(!root)("changes read from btrfs send", () => {
  it.live("lead from the old tree to the new one, whatever was renamed, linked and removed", () =>
    Effect.gen(function* () {
      const store = yield* btrfsImage(512 * 1024 * 1024)
      const current = join(store, "current")
      btrfs("subvolume", "create", current)
      const random = randomFrom(20_261_123)
      let old = new Map<string, Seen>()
      let before: string | null = null
      for (let round = 0; round < 40; round += 1) {
        for (let step = 0; step < 12; step += 1) change(current, random, round * 100 + step)
        const snapshot = join(store, `s${round}`)
        btrfs("subvolume", "snapshot", "-r", current, snapshot)
        const now = tree(snapshot)
        if (before !== null) {
          const changes = new SendChanges()
          const sent = btrfs("send", "--quiet", "--no-data", "-p", before, snapshot)
          for (const command of new SendStream().take(sent)) changes.apply(command)
          check(old, now, [...changes.changes()])
          const { added, removed } = yield* (yield* Btrfs).names(snapshot, before)
          assert.strictEqual(files(old) + added - removed, files(now))
        }
        old = now
        before = snapshot
      }
      assert.isAbove(old.size, 20)
    }).pipe(Effect.scoped, Effect.provide(service))
  )

  it.live("tell how many names of files came and went, where a new name for an old file is both", () =>
    Effect.gen(function* () {
      const store = yield* btrfsImage()
      const current = join(store, "current")
      btrfs("subvolume", "create", current)
      fs.mkdirSync(join(current, "old"))
      for (const name of ["a", "b", "c", "old/d"]) fs.writeFileSync(join(current, name), name)
      btrfs("subvolume", "snapshot", "-r", current, join(store, "one"))
      fs.rmSync(join(current, "a"))
      fs.rmSync(join(current, "old"), { recursive: true })
      fs.renameSync(join(current, "b"), join(current, "moved"))
      fs.appendFileSync(join(current, "c"), "more")
      for (const name of ["x", "y", "z"]) fs.writeFileSync(join(current, name), "")
      fs.mkdirSync(join(current, "new"))
      btrfs("subvolume", "snapshot", "-r", current, join(store, "two"))
      const names = yield* (yield* Btrfs).names(join(store, "two"), join(store, "one"))
      assert.deepStrictEqual(names, { added: 4, removed: 3 })
    }).pipe(Effect.scoped, Effect.provide(service))
  )
})
