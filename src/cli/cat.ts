// byteback cat: one file's content, as it was.
import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import type { SnapshotRef } from "../domain/snapshotName.ts"
import { host, serverFlags, settingsOf } from "./clientFlags.ts"
import { snapshotPath } from "./pathArgument.ts"
import { printRaw, rawJson } from "./rawOutput.ts"

export const catCommand = Command.make(
  "cat",
  {
    ...serverFlags,
    path: Argument.String("path").pipe(
      Argument.withDescription("[SNAPSHOT:]PATH; without a snapshot the latest, and the path as it is named here")
    ),
    host,
    json: rawJson
  },
  Effect.fnUntraced(function* (given) {
    const { path, snapshot } = yield* snapshotPath(given.path, given.host)
    const request = { _tag: "cat", snapshot: snapshot ?? ("latest" as SnapshotRef), path } as const
    yield* printRaw({ settings: settingsOf(given), host: Option.getOrUndefined(given.host), request }, given.json)
  })
).pipe(
  Command.withDescription("Print the content of one file of a snapshot"),
  Command.withShortDescription("print a file of a snapshot"),
  Command.withExamples([
    { command: "byteback cat /etc/fstab | diff - /etc/fstab", description: "What has changed since the last backup" }
  ])
)
