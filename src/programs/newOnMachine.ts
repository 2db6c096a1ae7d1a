// How a comparison with the machine's files also finds what the snapshot lacks: as what a restore that deletes would take away.
import { Effect, FileSystem } from "effect"
import { bytesOfText, fromUint8Array, toUint8Array } from "../domain/byteString.ts"
import type { ClientSettings } from "../domain/clientSettings.ts"
import { filterRules, isWholeMachine, protectingRules, rulesText } from "../domain/filters.ts"
import type { PullPlan } from "../domain/rsync/pullArgv.ts"
import { Layout } from "../services/Layout.ts"
import { type readableSnapshot, topmost } from "./readableSnapshot.ts"

type Readable = Effect.Success<ReturnType<typeof readableSnapshot>>

/**
 * The part of a dry run's plan that makes it tell what is new below `paths` as deleted, but for what a backup leaves out. What is
 * new in the machine's root itself is told where all of the machine was backed up: else it only was not asked for.
 */
export const newOnMachine = Effect.fnUntraced(function* (
  { pull }: Readable,
  { excludes, rsyncFilter }: Pick<ClientSettings, "excludes" | "rsyncFilter">,
  paths: ReadonlyArray<string>
) {
  const fs = yield* FileSystem.FileSystem
  const layout = yield* Layout
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "byteback-filter-" })
  const rules = filterRules({
    mountinfo: fromUint8Array(yield* fs.readFile("/proc/self/mountinfo")),
    sources: ["/"],
    excludes: [...excludes, bytesOfText(`${layout.store}/*`)],
    rsyncFilter
  })
  const filterFile = `${directory}/rules`
  yield* fs.writeFile(filterFile, toUint8Array(rulesText(protectingRules(rules))))
  const names = paths.includes("/") ? yield* topmost(pull) : paths
  const plan = { paths: isWholeMachine(names) ? ["/"] : names, dryRun: true, deletes: true, filterFile }
  return plan satisfies Partial<PullPlan>
})
