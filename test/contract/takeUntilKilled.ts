// Takes snapshots of a host, a minute apart by name, until it is killed: `node takeUntilKilled.ts STORE HOST EPOCH`.
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import { Btrfs } from "../../src/services/Btrfs.ts"
import { Exec } from "../../src/services/Exec.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Store } from "../../src/services/Store.ts"

const [store = "", host = "", first = ""] = process.argv.slice(2)
const layout = { config: "/none", state: "/none", run: "/none", lib: "/none", etc: "/none", store }
const layer = Store.layer.pipe(
  Layer.provide(Btrfs.layer),
  Layer.provide(Exec.layer),
  Layer.provide([NodeServices.layer, Layer.succeed(Layout, layout)])
)

let at = Number(first)
const loop = Effect.gen(function* () {
  const store = yield* Store
  yield* store.sweep(host)
  process.stdout.write("ready\n")
  return yield* Effect.forever(Effect.suspend(() => store.take(host, formatSnapshotName((at += 60)))))
})
await Effect.runPromise(Effect.provide(loop, layer))
