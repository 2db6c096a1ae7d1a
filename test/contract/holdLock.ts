// Takes a lock and holds it until it is killed: `node holdLock.ts FILE`.
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Exec } from "../../src/services/Exec.ts"
import { Lock } from "../../src/services/Lock.ts"

const layer = Lock.layer.pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))

const hold = Effect.gen(function* () {
  yield* (yield* Lock).take(process.argv[2] ?? "", "a test")
  process.stdout.write("held\n")
  return yield* Effect.never
}).pipe(Effect.scoped)
await Effect.runPromise(Effect.provide(hold, layer))
