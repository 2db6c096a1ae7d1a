// The program's entry: platform layers and the command tree.
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { CliConfig, CliError, Command, GlobalFlag } from "effect/cli"
import { configDirectory } from "./cli/configDirectory.ts"
import { legacyArgv } from "./cli/legacyArgv.ts"
import { logger } from "./cli/logger.ts"
import { Ended } from "./cli/outcome.ts"
import { presenter } from "./cli/presenter.ts"
import { root } from "./cli/root.ts"
import { runToExit } from "./cli/runToExit.ts"
import { joinSignedValues } from "./cli/signedValue.ts"
import { ConfigError } from "./domain/clientSettings.ts"
import { exitCode } from "./domain/exitCode.ts"
import { version } from "./domain/version.ts"
import { layer } from "./layer.ts"
import { Layout } from "./services/Layout.ts"

const builtIns = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] as const

/** `byteback VERB ...`, or one of the old names with its old flags. */
export const main = (name: string, args: ReadonlyArray<string>): void => {
  const said = configDirectory(joinSignedValues(legacyArgv(name, args)), process.env)
  if (said instanceof ConfigError) return runToExit(Effect.fail(said))
  const { directory, words } = said
  // Where systemd, or --unprivileged, gives another user than root a directory of its own.
  const run = process.getuid!() === 0 ? undefined : process.env["RUNTIME_DIRECTORY"]
  const places = Layer.effect(
    Layout,
    Effect.map(Layout, (layout) => ({
      ...layout,
      ...(directory === null ? {} : { config: directory }),
      ...(run === undefined ? {} : { run })
    }))
  )
  const program = Effect.flatMap(
    Effect.promise(() => root(words)),
    (tree) => Command.runWith(tree, { version })(words.length === 0 ? ["--help"] : words)
  )
  const platform = Layer.mergeAll(Layer.provideMerge(layer, places), NodeServices.layer)
  runToExit(
    program.pipe(
      // What was wrong with the words has been printed.
      Effect.catchIf(CliError.isCliError, () => new Ended({ code: exitCode.usage })),
      Effect.provide(Layer.mergeAll(platform, logger, presenter, CliConfig.layer({ builtIns: [...builtIns] })))
    )
  )
}
