// Prunes a store by age until so much is free, and kills itself before one of its steps: `node pruneOnce.ts STORE BYTES EPOCH STEP`, or
// `... 0 NAMES`: before the first that is not among them (JSON). Names each step that it comes to.
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { promises } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { basename } from "node:path"
import { snapshotTime } from "../../src/domain/snapshotName.ts"
import { layer } from "../../src/layer.ts"
import { prune } from "../../src/programs/Prune.ts"
import { Btrfs } from "../../src/services/Btrfs.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Registry } from "../../src/services/Registry.ts"
import { Runs } from "../../src/services/Runs.ts"
import { Store } from "../../src/services/Store.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { killBefore, steps } from "../lab/killBefore.ts"
import { layoutBeside } from "./realServer.ts"

const [store = "", bytes = "0", epoch = "0", step = "0", survived] = process.argv.slice(2)
const known: ReadonlySet<string> | null = survived === undefined ? null : new Set(JSON.parse(survived) as Array<string>)

const before = killBefore((nth, name) => nth === Number(step) || known?.has(name) === false)
const stepped = steps(before)

/** One snapshot is as another. */
const of = (path: string) => {
  const name = basename(path)
  const isTemporary = name.startsWith(".new-")
  const meant = isTemporary ? name.slice(".new-".length) : name
  return `${isTemporary ? "temporary " : ""}${snapshotTime(meant) === undefined ? meant : "snapshot"}`
}

// What the store does to subvolumes itself.
const { chown, rename, rmdir } = promises
promises.rename = async (from, to) => {
  if (String(from).startsWith(`${store}/`)) before(`rename ${of(String(from))} to ${of(String(to))}`)
  return rename(from, to)
}
promises.chown = async (path, uid, gid) => {
  if (String(path).startsWith(`${store}/`)) before(`chown ${of(String(path))}`)
  return chown(path, uid, gid)
}
promises.rmdir = async (path) => {
  before("remove a host's directory")
  return rmdir(path)
}
syncBuiltinESMExports()

const tool = Layer.effect(
  Btrfs,
  Effect.map(Btrfs, (real) =>
    Btrfs.of({
      ...real,
      snapshot: stepped(real.snapshot, (_, to) => `take ${of(to)}`),
      deleteSubvolume: stepped(real.deleteSubvolume, (path) => `delete ${of(path)}`),
      sync: stepped(real.sync, () => "sync"),
      usage: stepped(real.usage, () => "usage"),
      changes: stepped(real.changes, () => "measure what changed"),
      names: stepped(real.names, () => "measure names"),
      files: stepped(real.files, () => "count files"),
      balance: stepped(real.balance, (_, kind) => `balance ${kind}`)
    })
  )
)
const work = prune({ method: { name: "age" }, reserve: Number(bytes) }).pipe(
  Effect.updateService(Journal, (real) =>
    Journal.of({ ...real, append: stepped(real.append, (_, entry) => `journal ${entry._tag}`) })
  ),
  Effect.updateService(Registry, (real) =>
    Registry.of({ ...real, remove: stepped(real.remove, () => "forget a host") })
  ),
  Effect.updateService(Runs, (real) =>
    Runs.of({
      ...real,
      newToken: stepped(real.newToken, () => "new token"),
      forget: stepped(real.forget, () => "forget a push")
    })
  ),
  Effect.updateService(Lock, (real) =>
    Lock.of({ ...real, take: stepped(real.take, (path) => `lock ${path.split("/").slice(-2).map(of).join("/")}`) })
  ),
  Effect.updateService(SystemFile, (real) =>
    SystemFile.of({
      ...real,
      write: stepped(real.write, (path) => `write ${of(path)}`),
      remove: stepped(real.remove, (path) => `remove ${of(path)}`)
    })
  ),
  // The same store on a tool that counts.
  Effect.provide(Layer.fresh(Store.layer).pipe(Layer.provide(tool)))
)
const services = Layer.merge(Layer.provideMerge(layer, Layer.succeed(Layout, layoutBeside(store))), TestClock.layer())
await Effect.runPromise(
  Effect.andThen(TestClock.setTime(Number(epoch) * 1000), work).pipe(Effect.asVoid, Effect.provide(services))
)
process.exit(0)
