// Prunes a store by age until so much is free, and kills itself before one of its steps: `node pruneOnce.ts STORE BYTES EPOCH STEP`. Names each step that it comes to.
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { writeSync } from "node:fs"
import { layer } from "../../src/layer.ts"
import { prune } from "../../src/programs/Prune.ts"
import { Btrfs } from "../../src/services/Btrfs.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Store } from "../../src/services/Store.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { layoutBeside } from "./realServer.ts"

const [store = "", bytes = "0", epoch = "0", step = "0"] = process.argv.slice(2)

let left = Number(step)
const before = (name: string) => {
  writeSync(1, `${name}\n`)
  if (--left === 0) process.kill(process.pid, "SIGKILL")
}
const stepped =
  <Args extends ReadonlyArray<unknown>, A, E, R>(
    work: (...args: Args) => Effect.Effect<A, E, R>,
    name: (...args: Args) => string
  ) =>
  (...args: Args): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      before(name(...args))
      return work(...args)
    })

const tool = Layer.effect(
  Btrfs,
  Effect.map(Btrfs, (real) =>
    Btrfs.of({
      ...real,
      deleteSubvolume: stepped(real.deleteSubvolume, () => "delete"),
      sync: stepped(real.sync, () => "sync"),
      usage: stepped(real.usage, () => "usage")
    })
  )
)
const work = prune({ method: { name: "age" }, reserve: Number(bytes) }).pipe(
  Effect.updateService(Journal, (real) =>
    Journal.of({ ...real, append: stepped(real.append, (_, entry) => `journal ${entry._tag}`) })
  ),
  Effect.updateService(Lock, (real) =>
    Lock.of({ ...real, take: stepped(real.take, (path) => `lock ${path.split("/").slice(-2).join("/")}`) })
  ),
  Effect.updateService(SystemFile, (real) =>
    SystemFile.of({
      ...real,
      write: stepped(real.write, (path) => `write ${path.split("/").at(-1)}`),
      remove: stepped(real.remove, (path) => `remove ${path.split("/").at(-1)}`)
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
