// The program's entry: platform layers, and the command tree.
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import { legacyArgv } from "./cli/legacyArgv.ts"
import { presenter } from "./cli/presenter.ts"
import { root } from "./cli/root.ts"
import { runToExit } from "./cli/runToExit.ts"
import { version } from "./domain/version.ts"
import { layer } from "./layer.ts"

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
