// byteback history: the versions of one file.
import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { escapeName } from "../domain/escape.ts"
import type { Row } from "../domain/ReadingAnswer.ts"
import { readRows } from "../programs/ReadSnapshots.ts"
import { host, json, serverFlags, settingsOf } from "./clientFlags.ts"
import { pathAlone } from "./pathArgument.ts"
import { arrow, longColumns, printRows } from "./rows.ts"

const line = (row: Row): string => {
  if (row._tag !== "version" && row._tag !== "absent") return ""
  const others = row.snapshots === 1 ? "" : ` to ${row.last} (${row.snapshots})`
  const span = escapeName(`${row.first}${others}`).padEnd(54)
  if (row._tag === "absent") return `${span} not there`
  const before = row.as === undefined ? "" : ` (as in ${escapeName(row.as)})`
  return `${span} ${longColumns(row)}${arrow(row)}${before}`.trimEnd()
}

export const historyCommand = Command.make(
  "history",
  {
    ...serverFlags,
    path: Argument.String("path").pipe(Argument.withDescription("a file or a directory, as it is named here")),
    host,
    json
  },
  Effect.fnUntraced(function* (given) {
    const path = yield* pathAlone(given.path, given.host)
    const request = { _tag: "history", path } as const
    const rows = readRows({ settings: settingsOf(given), host: Option.getOrUndefined(given.host), request })
    yield* printRows(rows, given.json, line)
  })
).pipe(
  Command.withDescription("Each version of one file over all snapshots, oldest first, with the snapshots that have it"),
  Command.withShortDescription("the versions of one file"),
  Command.withExamples([{ command: "byteback history /etc/fstab", description: "When it was changed, and how" }])
)
