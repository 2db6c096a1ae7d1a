// byteback status: how the store stands, host by host, and what an administrator should look at; on a client, what is proven.
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { escapeText } from "../domain/escape.ts"
import { exitCode } from "../domain/exitCode.ts"
import { bytesText } from "../domain/prune/amount.ts"
import type { Proof } from "../domain/proof.ts"
import { clientStatus, type ClientStatusResult } from "../programs/ClientStatus.ts"
import { status } from "../programs/Status.ts"
import { json } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"
import { localTime } from "./units.ts"

const proofLine = (what: string, proof: Proof | undefined, advice: string): string => {
  if (proof === undefined) return `${what}: never; ${advice}`
  const { at, changed, compared, snapshot, unexplained } = proof
  const found =
    unexplained === 0
      ? "nothing differs without a reason"
      : `${unexplained} differ without a reason or could not be read`
  return `${what}: ${localTime(at)}, snapshot ${escapeText(snapshot)}, ${compared} compared, ${changed} changed since, ${found}`
}

const clientLines = ({ destination, proofs }: ClientStatusResult): ReadonlyArray<string> => {
  const { alarm, drill, part, restored, verify } = proofs
  return [
    `backs up to ${escapeText(destination)}`,
    proofLine("last compared with the files", verify, "byteback verify"),
    ...(part === undefined ? [] : [proofLine("a part of them", part, "")]),
    proofLine("last proven restorable", restored, "byteback drill"),
    ...(drill === undefined || drill.unexplained === 0 ? [] : [`! ${proofLine("last drill", drill, "")}`]),
    ...(alarm === undefined ? [] : [`! ${proofLine("byteback verify", alarm, "")}; look at what it names`])
  ]
}

export const statusCommand = Command.make(
  "status",
  { json },
  Effect.fnUntraced(function* (given) {
    const client = yield* clientStatus()
    if (client !== null) {
      return yield* given.json
        ? Console.log(JSON.stringify(client))
        : Effect.forEach(clientLines(client), (line) => Console.log(line), { discard: true })
    }
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
  Command.withDescription(
    "How the store stands: what is free, whose it is, and what needs an administrator.\n  On a client: when its backups were last compared with the files, and proven restorable"
  ),
  Command.withShortDescription("how the store stands, and what needs you")
)
