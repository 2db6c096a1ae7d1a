// Resets a host's `current` and kills itself before one of the steps: `node resetOnce.ts STORE HOST SNAPSHOT STEP`. Names each that it comes to.
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import files from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { basename } from "node:path"
import { Btrfs } from "../../src/services/Btrfs.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Store } from "../../src/services/Store.ts"
import { killBefore, steps } from "../lab/killBefore.ts"

const [store = "", host = "", snapshot = "", step = "0"] = process.argv.slice(2)

const before = killBefore((nth) => nth === Number(step))
const stepped = steps(before)
// Two renames follow each other, and no service is asked in between.
const { chown, rename } = files
files.rename = (from, to) => {
  before(`rename ${basename(String(from))}`)
  return rename(from, to)
}
files.chown = (path, uid, gid) => {
  before("give")
  return chown(path, uid, gid)
}
syncBuiltinESMExports()

const tool = Layer.effect(
  Btrfs,
  Effect.map(Btrfs, (real) =>
    Btrfs.of({
      ...real,
      snapshot: stepped(real.snapshot, () => "snapshot"),
      deleteSubvolume: stepped(real.deleteSubvolume, (path) => `delete ${basename(path)}`)
    })
  )
).pipe(Layer.provide(Btrfs.layer), Layer.provide(Exec.layer))
const layout = { config: "/none", state: "/none", run: "/none", lib: "/none", etc: "/none", store }
const layer = Store.layer.pipe(Layer.provide(tool), Layer.provide([NodeServices.layer, Layer.succeed(Layout, layout)]))

await Effect.runPromise(
  Effect.provide(
    Effect.flatMap(Store, (store) => store.reset(host, snapshot)),
    layer
  )
)
process.exit(0)
