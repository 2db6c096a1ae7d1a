// byteback diff: what is different between two snapshots.
import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { shownPath } from "../domain/namedPath.ts"
import { renamedFrom, type Row } from "../domain/ReadingAnswer.ts"
import { compareLive } from "../programs/CompareLive.ts"
import { readRows } from "../programs/ReadSnapshots.ts"
import { host, json, serverFlags, settingsOf } from "./clientFlags.ts"
import { pathAlone } from "./pathArgument.ts"
import { snapshotNamed } from "./snapshotArgument.ts"
import { limit, printRows } from "./rows.ts"

const signs = { added: "+", removed: "-", renamed: ">", content: "M", metadata: "m" } as const

const line = (row: Row): string => {
  if (row._tag !== "change") return ""
  const from = renamedFrom(row)
  const old = from === null ? "" : `${shownPath(from)} -> `
  return `${signs[row.change]} ${old}${shownPath(row)}${row.type === "d" ? "/" : ""}`
}

export const diffCommand = Command.make(
  "diff",
  {
    ...serverFlags,
    from: Argument.String("a").pipe(Argument.withDescription("the older snapshot")),
    to: Argument.String("b").pipe(
      Argument.withDefault("latest"),
      Argument.withDescription("the newer one, or live: this machine's files as they are now, by size and time")
    ),
    path: Argument.String("path").pipe(
      Argument.withDefault("/"),
      Argument.withDescription("only what is at this path and below")
    ),
    limit,
    host,
    json
  },
  Effect.fnUntraced(function* (given) {
    const path = yield* pathAlone(given.path, given.host)
    const most = given.limit
    const session = { settings: settingsOf(given), host: Option.getOrUndefined(given.host) }
    const from = yield* snapshotNamed(given.from)
    if (given.to === "live") {
      yield* printRows(compareLive({ ...session, from, path, most }), given.json, line)
      return
    }
    const request = { _tag: "diff", from, to: yield* snapshotNamed(given.to), path, most } as const
    yield* printRows(readRows({ ...session, request }), given.json, line)
  })
).pipe(
  Command.withDescription(
    "What is different in snapshot B from snapshot A: + added, - removed, > renamed, M content written, m only metadata. " +
      "Of a file with several names one is told. With live, what is new directly in / is told only where the backup is of all of the machine"
  ),
  Command.withShortDescription("what is different between two snapshots"),
  Command.withExamples([
    { command: "byteback diff 2026-11-22T18:00+0000 latest /etc", description: "What has happened to /etc since" },
    { command: "byteback diff latest live /etc", description: "What has changed after the last backup" }
  ])
)
