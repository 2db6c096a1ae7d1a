// byteback snapshots: the restore points that the server keeps of this machine.
import { Clock, Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import type { SnapshotInfo } from "../domain/Conversation.ts"
import { escapedJson, escapeName, escapeText } from "../domain/escape.ts"
import { snapshots } from "../programs/Snapshots.ts"
import { host, json, serverFlags, settingsOf } from "./clientFlags.ts"
import { bytes, localTime, snapshotAge } from "./units.ts"

/** Name, time here, age, what was new in it, how many files it holds, how it stands and what keeps it. */
const line = (one: SnapshotInfo, now: number, width: number): string => {
  const size = one.bytes === undefined ? "" : `+${bytes(one.bytes)}`
  const files = one.files === undefined ? "" : `${one.files} files`
  const until = one.hold === undefined || one.hold.until === null ? "" : ` until ${localTime(one.hold.until)}`
  const held = one.hold === undefined ? (one.held ? ", held" : "") : `, held${until}: ${escapeText(one.hold.why)}`
  const note = typeof one.note === "string" ? ` (${escapeText(one.note)})` : ""
  const columns = [
    escapeName(one.name).padEnd(width),
    (one.at === null ? "-" : localTime(one.at)).padEnd(16),
    snapshotAge(one.name, now).padEnd(14),
    size.padStart(9),
    files.padStart(13)
  ]
  return `${columns.join("  ")}  ${one.state}${note}${held}`
}

export const snapshotsCommand = Command.make(
  "snapshots",
  { ...serverFlags, host, json },
  Effect.fnUntraced(function* (given) {
    const list = yield* snapshots({ settings: settingsOf(given), host: Option.getOrUndefined(given.host) })
    if (given.json) return yield* Console.log(escapedJson(list))
    if (list.length === 0) return yield* Console.error("byteback: no snapshots yet; run byteback backup")
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const width = Math.max(...list.map((one) => escapeName(one.name).length))
    yield* Effect.forEach(list, (one) => Console.log(line(one, now, width)), { discard: true })
  })
).pipe(
  Command.withDescription(
    "List the restore points of this machine, oldest first: name (UTC), time in your zone, age, what was new in each, files, state and what holds it"
  ),
  Command.withShortDescription("list the restore points of this machine")
)
