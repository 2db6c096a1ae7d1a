// byteback verify: compare a snapshot with the files.
import { resolve } from "node:path"
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { escapedJson, escapeText } from "../domain/escape.ts"
import { exitCode } from "../domain/exitCode.ts"
import { shownPath } from "../domain/namedPath.ts"
import { verify } from "../programs/Verify.ts"
import { host, json, quiet, serverFlags, settingsOf } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"
import { progressReport, progressStyle } from "./progressReport.ts"
import { atFlag, chosenPaths, snapshotFlag } from "./snapshotChoice.ts"

const percentOf = (text: string) => {
  const value = Number(/^(\d{1,3}(?:\.\d{1,6})?)%?$/.exec(text)?.[1])
  return value > 0 && value <= 100 ? Option.some(value) : Option.none()
}

const flags = {
  ...serverFlags,
  host,
  paths: Argument.String("path").pipe(
    Argument.atLeast(0),
    Argument.withDescription(
      "[SNAPSHOT:]PATH: what to compare, as it is named on this machine; default: all of the snapshot"
    )
  ),
  snapshot: snapshotFlag,
  at: atFlag,
  sample: Flag.String("sample").pipe(
    Flag.filterMap(percentOf, (text) => `Expected a percentage such as 5%, got ${JSON.stringify(text)}`),
    Flag.optional,
    Flag.withDescription("compare so many percent of the files, chosen at random: 5%")
  ),
  seed: Flag.Int("seed").pipe(Flag.optional, Flag.withDescription("draw the sample that this number drew before")),
  against: Flag.String("against").pipe(
    Flag.optional,
    Flag.withDescription("the directory that the files lie below; default: /")
  ),
  json,
  quiet
}

export const verifyCommand = Command.make(
  "verify",
  flags,
  Effect.fnUntraced(function* (given) {
    const { clear, ...shown } = yield* progressReport(progressStyle(given))
    const { from, paths } = yield* chosenPaths(given)
    const result = yield* verify({
      settings: settingsOf(given),
      host: Option.getOrUndefined(given.host),
      from,
      ...shown,
      ...(given.paths.length === 0 ? {} : { paths }),
      ...(Option.isSome(given.sample) ? { percent: given.sample.value } : {}),
      ...(Option.isSome(given.seed) ? { seed: given.seed.value } : {}),
      ...(Option.isSome(given.against) ? { against: resolve(given.against.value) } : {})
    }).pipe(Effect.ensuring(clear))
    const { counts, seed, snapshot, unexplained, unreadable } = result
    if (given.json) yield* Console.log(escapedJson({ type: "result", ...result }))
    else {
      const sample = seed === null ? "" : ` (a sample; --seed ${seed} draws it again)`
      const added = result.added === null ? "" : `${result.added} added since, `
      const since = `${counts.changed} changed since, ${counts.gone} gone since, ${added}${counts.attributes} with other owner, mode or time`
      if (!given.quiet) {
        yield* Console.error(`byteback: snapshot ${snapshot.name}: ${result.compared} compared${sample}: ${since}`)
      }
      if (counts.unexplained > 0) {
        yield* Console.error(
          `byteback: ${counts.unexplained} of the same size and time have other content: a disk loses data, or somebody changed the file or its backup`
        )
      } else if (!given.quiet && unreadable === 0) yield* Console.error("byteback: nothing differs without a reason")
      yield* Effect.forEach(unexplained, (one) => Console.log(shownPath(one)), { discard: true })
      yield* Effect.forEach(result.problems, (line) => Console.error(`byteback: ${escapeText(line, 500)}`), {
        discard: true
      })
    }
    if (counts.unexplained + unreadable > 0) return yield* new Ended({ code: exitCode.failed })
  })
).pipe(
  Command.withDescription(
    "Compare a snapshot with this machine's files by content. What differs in size or time was changed since; what\n" +
      "  differs in content alone is named, and the exit code is 1. byteback status shows the last result."
  ),
  Command.withShortDescription("compare a snapshot with the files"),
  Command.withExamples([
    { command: "byteback verify --sample 5%", description: "A random twentieth of the latest snapshot" },
    { command: "byteback verify /etc /home --snapshot 2026-11-23T17:52+0000", description: "Two trees of one snapshot" }
  ])
)
