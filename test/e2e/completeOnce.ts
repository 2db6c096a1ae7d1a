// Completes a run of a host and kills itself before one of its steps: `node completeOnce.ts STORE HOST RUN EPOCH STEP`. Names each step that it comes to.
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { writeSync } from "node:fs"
import { layer } from "../../src/layer.ts"
import { completeRun } from "../../src/programs/CompleteRun.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Layout } from "../../src/services/Layout.ts"
import { Runs } from "../../src/services/Runs.ts"
import { Store } from "../../src/services/Store.ts"
import { layoutBeside } from "./realServer.ts"

const [store = "", host = "", run = "", epoch = "0", step = "0"] = process.argv.slice(2)

let left = Number(step)
const before = <A, E, R>(name: string, work: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    writeSync(1, `${name}\n`)
    if (--left === 0) process.kill(process.pid, "SIGKILL")
    return work
  })

const work = completeRun({ host, run, transfer: 0 }).pipe(
  Effect.updateService(Store, (real) =>
    Store.of({
      ...real,
      sweep: (host) => before("sweep", real.sweep(host)),
      take: (host, name) => before("take", real.take(host, name)),
      growth: (host, name, previous) => before("measure", real.growth(host, name, previous))
    })
  ),
  Effect.updateService(Journal, (real) =>
    Journal.of({ ...real, append: (host, entry) => before(`journal ${entry._tag}`, real.append(host, entry)) })
  ),
  Effect.updateService(Runs, (real) =>
    Runs.of({
      ...real,
      intend: (host, entry) => before(entry === null ? "intend nothing" : "intend", real.intend(host, entry)),
      newToken: (host) => before("token", real.newToken(host)),
      forget: (host) => before("forget", real.forget(host))
    })
  )
)
const services = Layer.merge(Layer.provideMerge(layer, Layer.succeed(Layout, layoutBeside(store))), TestClock.layer())
await Effect.runPromise(
  Effect.andThen(TestClock.setTime(Number(epoch) * 1000), work).pipe(Effect.asVoid, Effect.provide(services))
)
process.exit(0)
