// Completes a run of a host and kills itself before one of its steps: `node completeOnce.ts STORE HOST RUN EPOCH STEP`. Names each step that it comes to.
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { layer } from "../../src/layer.ts"
import { completeRun } from "../../src/programs/CompleteRun.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Runs } from "../../src/services/Runs.ts"
import { Store } from "../../src/services/Store.ts"
import { killBefore, steps } from "../lab/killBefore.ts"
import { layoutBeside } from "./realServer.ts"

const [store = "", host = "", run = "", epoch = "0", step = "0"] = process.argv.slice(2)

const stepped = steps(killBefore((nth) => nth === Number(step)))

const work = completeRun({ host, run, transfer: 0 }).pipe(
  Effect.updateService(Store, (real) =>
    Store.of({
      ...real,
      sweep: stepped(real.sweep, () => "sweep"),
      take: stepped(real.take, () => "take"),
      growth: stepped(real.growth, () => "measure")
    })
  ),
  Effect.updateService(Journal, (real) =>
    Journal.of({ ...real, append: stepped(real.append, (_, entry) => `journal ${entry._tag}`) })
  ),
  Effect.updateService(Runs, (real) =>
    Runs.of({
      ...real,
      intend: stepped(real.intend, (_, entry) => (entry === null ? "intend nothing" : "intend")),
      newToken: stepped(real.newToken, () => "token"),
      forget: stepped(real.forget, () => "forget")
    })
  )
)
const services = Layer.merge(Layer.provideMerge(layer, Layer.succeed(Layout, layoutBeside(store))), TestClock.layer())
await Effect.runPromise(
  Effect.andThen(TestClock.setTime(Number(epoch) * 1000), work).pipe(Effect.asVoid, Effect.provide(services))
)
process.exit(0)
