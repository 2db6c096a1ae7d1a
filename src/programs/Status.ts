// How the store stands: what is free, whose it is, and what an administrator should look at.
import { Effect } from "effect"
import { sandboxSetting } from "../domain/doctor.ts"
import { bytesText } from "../domain/prune/amount.ts"
import { methodOf } from "../domain/prune/method.ts"
import { SKEW } from "../domain/prune/snapshot.ts"
import { metadataFloor, metadataFree } from "../domain/storeUsage.ts"
import { Layout } from "../services/Layout.ts"
import { ServerConfig } from "../services/ServerConfig.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { clockTrouble } from "./believeClock.ts"
import { metadataStanding, planFor, storeSpace } from "./Prune.ts"

export interface HostStatus {
  readonly host: string
  /** false: it may no longer back up, and what it left is kept */
  readonly enrolled: boolean
  readonly snapshots: number
  readonly held: number
  /** bytes, as far as they are known */
  readonly used: number
  readonly share: number
  readonly reserve: number
  /** epoch seconds */
  readonly last: number | null
}

export interface StatusResult {
  /** all in bytes */
  readonly store: {
    readonly size: number
    readonly free: number
    readonly reserve: number
    readonly unallocated: number
    readonly metadataFree: number
    readonly metadataNeeded: number
  }
  readonly hosts: ReadonlyArray<HostStatus>
  /** what is wrong, a line each, with what to do */
  readonly attention: ReadonlyArray<string>
  /** the reserve is not met, and nothing may be deleted for it */
  readonly stuck: boolean
}

export const status = Effect.fn("status")(function* () {
  const space = yield* storeSpace()
  const { free, hosts, now, reserve, shortOfMetadata, usage } = space
  const made = planFor(space, methodOf(yield* (yield* ServerConfig).pruneOrder))
  const isShort = free < reserve || shortOfMetadata
  const inVain = new Set(hosts.flatMap(({ host, record }) => (record.futile ? [host] : [])))
  const stuck = isShort && made.deletions.every(({ snapshot }) => inVain.has(snapshot.host))
  const attention: Array<string> = []
  const chosen = yield* (yield* SystemFile).read(`${(yield* Layout).config}/sandbox`)
  const sandbox = sandboxSetting(chosen?.trim() ?? null)
  if (sandbox !== null) attention.push(`${sandbox.problem}; ${sandbox.remedy}`)
  const clock = yield* clockTrouble()
  if (clock !== null) attention.push(clock.message)
  if (stuck) {
    const what = shortOfMetadata
      ? `short of metadata: ${bytesText(metadataFree(usage))} can still be written and ${bytesText(metadataFloor(usage))} should be`
      : `short of space: ${bytesText(free)} is free and ${bytesText(reserve)} should be`
    const larger = hosts.filter(({ pending, reserve }) => pending > reserve).map(({ host }) => host)
    const why =
      made.deletions.length > 0
        ? "deleting snapshots frees nothing, as what they hold is in the newest too"
        : {
            owed: "what is missing is held by hosts over their share",
            met: `what is missing was written by ${larger.join(", ")} beyond what the last backups there earn, and nothing older is deleted for that (byteback approve HOST lets it in)`,
            short: "no snapshot may be deleted, as they are held, suspect or the newest of their hosts",
            measure: ""
          }[made.outcome]
    attention.push(`${what}; ${why}. Enlarge the store, release snapshots, or remove a host that is gone`)
  }
  for (const { damaged, host, pending, record, share, snapshots, used } of hosts) {
    if (record.refusal !== undefined)
      attention.push(`${host}: refused, ${record.refusal.verdict}: ${record.refusal.why}`)
    for (const { at, name, note, state } of snapshots) {
      if (note !== null && (state === "suspect" || state === "foreign")) attention.push(`${host} ${name}: ${note}`)
      // What is dated in the future cannot be looked at for that.
      if (state === "suspect" && at !== null && at <= now + SKEW) {
        attention.push(`${host} ${name}: once you have looked at it: byteback release ${host} ${name}`)
      }
    }
    if (used > share)
      attention.push(
        `${host}: holds ${bytesText(used)}, more than its share of ${bytesText(share)}; its history goes first`
      )
    if (record.gone === "removing")
      attention.push(`${host}: its removal was cut short; the next prune finishes it: byteback prune`)
    if (record.gone === "removed" && pending > 0 && snapshots.length === 0)
      attention.push(
        `${host}: may no longer back up, and left ${bytesText(pending)} of a first backup that never ended; to have that space back: byteback remove-client ${host} --delete-backups`
      )
    if (damaged.length > 0)
      attention.push(
        `${host}: ${damaged.length} lines of its journal cannot be read; what they may have held is kept for 30 days, or until it is released`
      )
  }
  if (shortOfMetadata) {
    for (const [host, { share, used }] of metadataStanding(space).shares)
      if (used > share)
        attention.push(
          `${host}: holds ${bytesText(used)} of metadata, as of many or tiny files, more than its share of ${bytesText(share)}`
        )
  }
  const result: StatusResult = {
    store: {
      size: usage.size,
      free,
      reserve,
      unallocated: usage.unallocated,
      metadataFree: metadataFree(usage),
      metadataNeeded: metadataFloor(usage)
    },
    hosts: hosts.map(({ enrolled, host, reserve, share, snapshots, used }) => ({
      host,
      enrolled,
      snapshots: snapshots.length,
      held: snapshots.filter(({ held }) => held).length,
      used,
      share,
      reserve,
      last: snapshots.reduce<number | null>((last, { at }) => (at !== null && at > (last ?? 0) ? at : last), null)
    })),
    attention,
    stuck
  }
  return result
})
