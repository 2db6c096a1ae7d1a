// byteback find: where a file is, in one snapshot or in all of them.
import { Clock, Console, Effect, Option, Result } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { ConfigError } from "../domain/clientSettings.ts"
import { escapeName } from "../domain/escape.ts"
import { shownPath } from "../domain/namedPath.ts"
import type { Row } from "../domain/ReadingAnswer.ts"
import { fileTypes } from "../domain/request/reading.ts"
import { restoreTime } from "../domain/restoreTime.ts"
import { parseSpan } from "../domain/span.ts"
import { readRows } from "../programs/ReadSnapshots.ts"
import { host, json, serverFlags, settingsOf } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"
import { bytesOfWord, pathAlone } from "./pathArgument.ts"
import { arrow, limit, longColumns, printRows } from "./rows.ts"
import { parseSize } from "./size.ts"
import { zone } from "./snapshotChoice.ts"
import { snapshotNamed } from "./snapshotArgument.ts"

const flags = {
  ...serverFlags,
  pattern: Argument.String("pattern").pipe(
    Argument.withDescription("a name, or a glob such as '*.conf'; one with a slash is matched against the whole path")
  ),
  below: Flag.String("below").pipe(Flag.withDefault("/"), Flag.withDescription("look in this directory only")),
  snapshot: Flag.String("snapshot").pipe(
    Flag.withAlias("s"),
    Flag.withDefault("latest"),
    Flag.withDescription("a snapshot's name, latest, current, or all")
  ),
  newer: Flag.String("newer").pipe(
    Flag.optional,
    Flag.withDescription("changed later than that: 7d (ago), or a time such as 'yesterday 18:00'")
  ),
  older: Flag.String("older").pipe(Flag.optional, Flag.withDescription("changed before that")),
  size: Flag.String("size").pipe(Flag.optional, Flag.withDescription("+10M: at least so large; -10M: at most")),
  type: Flag.Literals("type", fileTypes).pipe(
    Flag.optional,
    Flag.withDescription("file, directory, link, character or block device, pipe, socket")
  ),
  long: Flag.Boolean("long").pipe(
    Flag.withAlias("l"),
    Flag.withDefault(false),
    Flag.withDescription("rights, links, owner, size and time too")
  ),
  limit,
  host,
  json
}

/** Epoch seconds of `7d` (ago) or of a time in words. */
const timeOf = Effect.fnUntraced(function* (flag: string, given: Option.Option<string>) {
  if (Option.isNone(given)) return {}
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const span = parseSpan(given.value)
  const time = span === null ? restoreTime(given.value, now, zone) : Result.succeed(now - span)
  if (Result.isSuccess(time)) return { [flag]: time.success }
  const problem =
    "write how long ago, as in 7d or '1 month ago', or when, as in 'yesterday noon', 'last monday' or 2026-11-01"
  return yield* new ConfigError({ where: `--${flag} ${escapeName(given.value, 80)}`, problem })
})

const sizeOf = Effect.fnUntraced(function* (given: Option.Option<string>) {
  if (Option.isNone(given)) return {}
  const size = parseSize(given.value.slice(1))
  if (Option.isSome(size) && given.value.startsWith("+")) return { atLeast: size.value }
  if (Option.isSome(size) && given.value.startsWith("-")) return { atMost: size.value }
  return yield* new ConfigError({ where: "--size", problem: "write +10M for at least so large, -10M for at most" })
})

const line =
  (long: boolean) =>
  (row: Row): string => {
    if (row._tag !== "entry" && row._tag !== "found") return ""
    const name = `${long ? `${longColumns(row)} ` : ""}${shownPath(row)}${row.type === "d" ? "/" : ""}${arrow(row)}`
    if (row._tag === "entry") return name
    const span = row.first === row.last ? row.first : `${row.first} to ${row.last}`
    return `${name}  (${escapeName(span)}, ${row.snapshots} snapshot${row.snapshots === 1 ? "" : "s"})`
  }

export const findCommand = Command.make(
  "find",
  flags,
  Effect.fnUntraced(function* (given) {
    const wanted = given.snapshot === "all" ? "*" : yield* snapshotNamed(given.snapshot)
    const path = yield* pathAlone(given.below, given.host)
    const request = {
      _tag: "find",
      snapshot: wanted,
      path,
      pattern: bytesOfWord(given.pattern),
      details: given.long || given.json,
      most: given.limit,
      ...(yield* timeOf("newer", given.newer)),
      ...(yield* timeOf("older", given.older)),
      ...(yield* sizeOf(given.size)),
      ...(Option.isSome(given.type) ? { type: given.type.value } : {})
    } as const
    const rows = readRows({ settings: settingsOf(given), host: Option.getOrUndefined(given.host), request })
    const end = yield* printRows(rows, given.json, line(given.long))
    if (end.rows > 0) return
    // an answer that was cut says so itself, and not that there is nothing
    if (end.cut !== null) return yield* new Ended({ code: 1 })
    const where = wanted === "*" ? "any snapshot" : wanted
    yield* Console.error(`byteback: nothing in ${where} is called ${escapeName(given.pattern, 200)}`)
    return yield* new Ended({ code: 1 })
  })
).pipe(
  Command.withDescription("Find files by name in a snapshot, or in all of them"),
  Command.withShortDescription("find files by name"),
  Command.withExamples([
    { command: "byteback find sshd_config", description: "In the latest snapshot" },
    { command: "byteback find '*.odt' --snapshot all --below /home", description: "And in which snapshots each is" }
  ])
)
