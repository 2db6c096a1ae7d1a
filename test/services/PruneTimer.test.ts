// The in-memory PruneTimer keeps the contract.
import { Effect, Layer } from "effect"
import { PruneTimer } from "../../src/services/PruneTimer.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { PruneTimerSite, type Situation, suite } from "./PruneTimer.contract.ts"

const on = Effect.fn("on")(
  function* (situation: Situation) {
    const files = yield* SystemFile
    const write = Effect.fnUntraced(function* (directory: string, text: string) {
      yield* files.directory(directory, 0o755)
      yield* files.write(`${directory}/byteback-prune.timer`, text, 0o644)
    })
    if (situation !== "without systemd") yield* files.directory("/run/systemd/system", 0o755)
    if (situation !== "without the timer") yield* write("/usr/lib/systemd/system", "[Timer]\n")
    if (situation === "masked") yield* write("/etc/systemd/system", "")
    return yield* PruneTimer.pipe(Effect.provide(PruneTimer.layerFake))
  },
  // files of its own for each machine
  (self) => Effect.provide(self, Layer.fresh(SystemFile.layerFake))
)

suite("stand-in", Layer.succeed(PruneTimerSite, { on }))
