// byteback drill: restore a sample for a trial.
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { escapedJson, escapeText } from "../domain/escape.ts"
import { exitCode } from "../domain/exitCode.ts"
import { shownPath } from "../domain/namedPath.ts"
import { drill } from "../programs/Drill.ts"
import { json, quiet, serverFlags, settingsOf } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"
import { atFlag, chosenFrom, snapshotFlag } from "./snapshotChoice.ts"
import { bytes } from "./units.ts"

const flags = {
  ...serverFlags,
  snapshot: snapshotFlag,
  at: atFlag,
  files: Flag.Int("files").pipe(Flag.withDefault(100), Flag.withDescription("bring back so many files at most")),
  megabytes: Flag.Int("megabytes").pipe(
    Flag.withDefault(256),
    Flag.withDescription("and so many megabytes in all; a file that is larger is passed over")
  ),
  seed: Flag.Int("seed").pipe(Flag.optional, Flag.withDescription("draw the sample that this number drew before")),
  json,
  quiet
}

export const drillCommand = Command.make(
  "drill",
  flags,
  Effect.fnUntraced(function* (given) {
    const result = yield* drill({
      settings: settingsOf(given),
      from: yield* chosenFrom(given),
      files: given.files,
      bytes: given.megabytes * 1_000_000,
      ...(Option.isSome(given.seed) ? { seed: given.seed.value } : {})
    })
    const { counts, seed, snapshot, unexplained, unreadable } = result
    const failed = result.compared === 0 || counts.unexplained + unreadable > 0
    if (given.json) yield* Console.log(escapedJson({ type: "result", ...result }))
    else {
      const what = `${result.compared} files, ${bytes(result.bytes)} of snapshot ${snapshot.name} (--seed ${seed} draws them again)`
      const since = `${counts.changed + counts.attributes} changed since, ${counts.gone} gone since`
      const verdict =
        result.compared === 0
          ? "so that nothing is proven"
          : failed
            ? `${counts.unexplained} came back other than they are and ${unreadable} did not come back`
            : "all others came back as they are"
      if (failed || !given.quiet) yield* Console.error(`byteback: restored ${what}: ${since}, ${verdict}`)
      yield* Effect.forEach(unexplained, (one) => Console.log(shownPath(one)), { discard: true })
      yield* Effect.forEach(result.problems, (line) => Console.error(`byteback: ${escapeText(line, 500)}`), {
        discard: true
      })
    }
    if (failed) return yield* new Ended({ code: exitCode.failed })
  })
).pipe(
  Command.withDescription(
    "Restore a random sample into a temporary directory, compare it with this machine's files by content, owner, mode,\n" +
      "  times, xattrs and ACLs, and remove it. byteback status shows when files were last proven restorable."
  ),
  Command.withShortDescription("restore a sample for a trial")
)
