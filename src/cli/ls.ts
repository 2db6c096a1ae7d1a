// byteback ls: what lies in a snapshot.
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { shownPath } from "../domain/namedPath.ts"
import type { Row } from "../domain/ReadingAnswer.ts"
import type { ReadingPath } from "../domain/request/reading.ts"
import type { SnapshotRef } from "../domain/snapshotName.ts"
import { readRows } from "../programs/ReadSnapshots.ts"
import { host, json, serverFlags, settingsOf } from "./clientFlags.ts"
import { snapshotPath } from "./pathArgument.ts"
import { arrow, limit, longColumns, printRows } from "./rows.ts"

const flags = {
  ...serverFlags,
  path: Argument.String("path").pipe(
    Argument.withDefault("."),
    Argument.withDescription("[SNAPSHOT:]PATH; without a snapshot the latest, and the path as it is named here")
  ),
  long: Flag.Boolean("long").pipe(
    Flag.withAlias("l"),
    Flag.withDefault(false),
    Flag.withDescription("rights, links, owner, size and time too, as they were on the machine")
  ),
  recursive: Flag.Boolean("recursive").pipe(
    Flag.withAlias("R"),
    Flag.withDefault(false),
    Flag.withDescription("everything below too, by its whole path")
  ),
  limit,
  host,
  json
}

/** A directory's rows by their names alone, since all lie in it. */
const line =
  (recursive: boolean, long: boolean) =>
  (row: Row): string => {
    if (row._tag !== "entry") return ""
    const path = shownPath(row)
    const name = `${recursive ? path : path.slice(path.lastIndexOf("/") + 1)}${row.type === "d" ? "/" : ""}`
    return long ? `${longColumns(row)} ${name}${arrow(row)}` : name
  }

export const lsCommand = Command.make(
  "ls",
  flags,
  Effect.fnUntraced(function* (given) {
    const { path, snapshot } = yield* snapshotPath(given.path, given.host)
    const request = {
      _tag: "ls",
      snapshot: snapshot ?? ("latest" as SnapshotRef),
      path: path satisfies ReadingPath,
      details: given.long || given.json,
      recursive: given.recursive,
      most: given.limit
    } as const
    const rows = readRows({ settings: settingsOf(given), host: Option.getOrUndefined(given.host), request })
    yield* printRows(rows, given.json, line(given.recursive, given.long))
  })
).pipe(
  Command.withDescription("List what lies in a snapshot"),
  Command.withShortDescription("list what lies in a snapshot"),
  Command.withExamples([
    { command: "byteback ls -l /etc", description: "A directory, as it was in the latest snapshot" },
    { command: "byteback ls 2026-11-23T17:52+0000:/etc", description: "The same of another snapshot" }
  ])
)
