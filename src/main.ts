// The program's entry: platform layers, signals, error report and exit code.
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import { legacyArgv } from "./cli/legacyArgv.ts"
import { report } from "./cli/outcome.ts"
import { presenter } from "./cli/presenter.ts"
import { root } from "./cli/root.ts"
import { signalExit } from "./domain/exitCode.ts"
import { version } from "./domain/version.ts"
import { layer } from "./layer.ts"

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/** Runs an effect to its end and leaves with its exit code; a signal interrupts it, waits for its finalizers and exits 128+N. */
const runToExit = <A, E>(effect: Effect.Effect<A, E>): void => {
  const fiber = Effect.runFork(effect)
  let died = 0
  for (const [name, number] of Object.entries(signals)) {
    process.on(name, () => {
      died = number
      fiber.interruptUnsafe()
    })
  }
  fiber.addObserver((exit) => {
    const code = report(exit)
    process.exit(died === 0 ? code : signalExit(died))
  })
}

/** `byteback VERB ...`, or one of the old names with its old flags. */
export const main = (name: string, args: ReadonlyArray<string>): void =>
  runToExit(
    Command.runWith(root, { version })(legacyArgv(name, args)).pipe(
      Effect.provide(
        Layer.mergeAll(
          layer,
          NodeServices.layer,
          presenter,
          CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })
        )
      )
    )
  )

/** What `byteback-priv` does for a typed request: one line of JSON on stdout. */
export const answerRequest = async (host: string | null, line: string): Promise<void> => {
  const { answer } = await import("./cli/answer.ts")
  runToExit(answer(host, line).pipe(Effect.provide(layer)))
}
