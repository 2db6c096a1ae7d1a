// Prunes a store by age until so much is free, telling of each deletion: `node pruneOnce.ts STORE BYTES EPOCH`. Made to be killed.
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { layer } from "../../src/layer.ts"
import { prune } from "../../src/programs/Prune.ts"
import { Layout } from "../../src/services/Layout.ts"
import { layoutBeside } from "./realServer.ts"

const [store = "", bytes = "0", epoch = "0"] = process.argv.slice(2)
const work = Effect.gen(function* () {
  yield* TestClock.setTime(Number(epoch) * 1000)
  yield* prune({
    method: { name: "age" },
    reserve: Number(bytes),
    onDelete: ({ snapshot }) => Effect.sync(() => void process.stdout.write(`${snapshot.id}\n`))
  })
})
const services = Layer.merge(Layer.provideMerge(layer, Layer.succeed(Layout, layoutBeside(store))), TestClock.layer())
await Effect.runPromise(Effect.provide(work, services))
process.exit(0)
