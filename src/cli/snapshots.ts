// byteback snapshots: the restore points that the server keeps of this machine.
import { Clock, Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { escapeName } from "../domain/escape.ts"
import { snapshots } from "../programs/Snapshots.ts"
import { host, json, serverFlags, settingsOf } from "./clientFlags.ts"
import { snapshotAge } from "./units.ts"

export const snapshotsCommand = Command.make(
  "snapshots",
  { ...serverFlags, host, json },
  Effect.fnUntraced(function* (given) {
    const list = yield* snapshots({ settings: settingsOf(given), host: Option.getOrUndefined(given.host) })
    if (given.json) return yield* Console.log(JSON.stringify(list))
    if (list.length === 0) return yield* Console.error("byteback: no snapshots yet; run byteback backup")
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const width = Math.max(...list.map((one) => escapeName(one.name).length))
    yield* Effect.forEach(
      list,
      (one) =>
        Console.log(
          `${escapeName(one.name).padEnd(width)}  ${snapshotAge(one.name, now).padEnd(14)}  ${one.state}${one.held ? ", held" : ""}`
        ),
      { discard: true }
    )
  })
).pipe(
  Command.withDescription("List the restore points of this machine, oldest first: name, age, state"),
  Command.withShortDescription("list the restore points of this machine")
)
