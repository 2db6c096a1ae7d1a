// byteback status: how the store stands, host by host, and what an administrator should look at.
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { escapeText } from "../domain/escape.ts"
import { exitCode } from "../domain/exitCode.ts"
import { bytesText } from "../domain/prune/amount.ts"
import { status } from "../programs/Status.ts"
import { json } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"
import { localTime } from "./units.ts"

export const statusCommand = Command.make(
  "status",
  { json },
  Effect.fnUntraced(function* (given) {
    const result = yield* status()
    const { attention, hosts, store } = result
    if (given.json) yield* Console.log(JSON.stringify(result))
    else {
      yield* Console.log(
        `store: ${bytesText(store.free)} of ${bytesText(store.size)} free, ${bytesText(store.reserve)} wanted; metadata may grow by ${bytesText(store.metadataFree)}`
      )
      const width = Math.max(0, ...hosts.map(({ host }) => host.length))
      for (const one of hosts) {
        const last = one.last === null ? "no snapshot yet" : `last ${localTime(one.last)}`
        const held = one.held === 0 ? "" : `, ${one.held} held`
        const gone = one.enrolled ? "" : ", may no longer back up"
        yield* Console.log(
          `${one.host.padEnd(width)}  ${one.snapshots} snapshots${held}, ${last}; holds ${bytesText(one.used)} of its ${bytesText(one.share)}${gone}`
        )
      }
      for (const line of attention) yield* Console.log(`! ${escapeText(line)}`)
    }
    if (result.stuck) return yield* new Ended({ code: exitCode.noSpace })
  })
).pipe(
  Command.withDescription("How the store stands: what is free, whose it is, and what needs an administrator"),
  Command.withShortDescription("how the store stands, and what needs you")
)
