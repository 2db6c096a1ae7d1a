// Whether a run may start, whether its end is worth a snapshot, and whether what it did looks wrong.
import { bytesText } from "./amount.ts"
import { HOUR } from "./snapshot.ts"

/** Snapshots of a host are no closer than this (seconds). */
export const INTERVAL = 6 * HOUR

/** When the next snapshot is due (epoch seconds), or undefined: now. `last` is when the server recorded the last one; a future date never blocks. */
export const nextDue = (now: number, last: number | undefined, interval: number = INTERVAL): number | undefined =>
  last === undefined || last > now || now - last >= interval ? undefined : last + interval

/** An administrator's leave for backups larger than a host's reserve: up to `bytes` each (any size where absent), for `runs` more runs. */
export interface Approval {
  readonly bytes?: number
  readonly runs: number
}

export const approves = (approval: Approval | undefined, bytes: number): boolean =>
  approval !== undefined && approval.runs > 0 && bytes <= (approval.bytes ?? Infinity)

/** What is left of an approval after a run that ended with a snapshot, whether it needed the approval or not. */
export const spend = (approval: Approval): Approval | undefined =>
  approval.runs > 1 ? { ...approval, runs: approval.runs - 1 } : undefined

/**
 * What a run will still write, as far as anyone can know before it: what is usual or was approved, less what has arrived already. An
 * approval of any size lets as much again come as has arrived: a run that takes several attempts has room made faster than it grows.
 * Bytes.
 */
export const expected = (usual: number, arrived: number, approval: Approval | undefined): number =>
  Math.max(
    0,
    usual - arrived,
    approval === undefined ? 0 : approval.bytes === undefined ? arrived : approval.bytes - arrived
  )

/** In bytes. `needs`: what the run will add, as far as anyone knows beforehand; 0 where nobody does. */
export interface AdmissionRequest {
  readonly host: string
  readonly needs: number
  /** What an attempt before has added already; 0 unless given. */
  readonly arrived?: number
  /** What no run starts below; 0 unless given. */
  readonly least?: number
  readonly free: number
  /** What a plan could free at most. */
  readonly freeable: number
  readonly hostReserve: number
  readonly storeReserve: number
  readonly approval?: Approval
}

/** `defend` is the reserve that a plan made for this run is to reach. `room`: prune to it before the run starts. `short` in bytes. */
export type Admission =
  | { readonly verdict: "go" | "room"; readonly defend: number }
  | { readonly verdict: "suddenly larger" | "no space"; readonly defend: number; readonly short: number }

/**
 * A run that fits goes. One that does not, and is within its host's reserve or approved, has room made for it. One larger than its
 * host's reserve takes nothing from older snapshots: it never enlarges a plan, it is refused, and the way out is an approval, as a
 * refused backup comes back larger and its average never moves. For a host without any reserve yet nothing is deleted either. A
 * refusal is recorded by the caller, and shown until it is resolved.
 */
export const admission = (request: AdmissionRequest): Admission => {
  const { approval, arrived = 0, free, freeable, hostReserve, least = 0, needs, storeReserve } = request
  const larger = arrived + needs > hostReserve
  const approved = larger && approves(approval, arrived + needs)
  const defend = approved ? Math.max(storeReserve, needs) : storeReserve
  const short = Math.max(needs, least) - free
  if (short <= 0) return { verdict: "go", defend }
  if (larger && !approved) return { verdict: "suddenly larger", defend, short }
  if (short > freeable) return { verdict: "no space", defend, short: short - freeable }
  return { verdict: "room", defend: Math.max(defend, needs) }
}

/** Why a run is refused once nothing more may be deleted for it, and what would help. */
export const refusalWords = (request: AdmissionRequest, verdict: "suddenly larger" | "no space"): string => {
  const { arrived = 0, free, host, hostReserve, least = 0, needs } = request
  return verdict === "suddenly larger"
    ? `${host} needs at least ${bytesText(arrived + needs)}, more than the ${bytesText(hostReserve)} that its last backups earn it, and ` +
        `${bytesText(free)} is free. Nothing older was deleted for it. To let it in: byteback approve ${host}`
    : `${host} needs ${bytesText(Math.max(needs, least))}, ${bytesText(free)} is free, and nothing more may be deleted for it. What is ` +
        `kept was not touched. What would help: a larger disk, releasing held snapshots, or removing a host that is gone`
}

/** Growth below this (bytes) is no anomaly, whatever the median: a host that hardly changes would cry wolf. */
export const NOISE = 1_000_000

/** With fewer past backups than this there is no median worth comparing with. */
export const ENOUGH = 3

/** So many of a host's last backups tell what is usual. */
export const PAST = 30

/** `before`, `rewritten` and `deleted` share a unit: bytes or files of what was there before the run. */
export interface Change {
  readonly before: number
  readonly rewritten: number
  readonly deleted: number
  /** Bytes new in this backup. */
  readonly growth: number
  /** Bytes new in those before it, without the host's first full one. */
  readonly past: ReadonlyArray<number>
  readonly approval?: Approval
}

/**
 * Why a run looks wrong, or undefined: more than half of what was there rewritten or deleted (together), or growth of at least five
 * times the median that nobody approved. Its snapshot is then marked suspect and the one before it held.
 */
export const anomaly = ({ approval, before, deleted, growth, past, rewritten }: Change): string | undefined => {
  if (2 * (rewritten + deleted) > before) {
    return `${percent(rewritten, before)} of what was there was rewritten and ${percent(deleted, before)} deleted`
  }
  if (past.length < ENOUGH || growth < NOISE || approves(approval, growth)) return undefined
  // Whether it is five times the median is told without sorting.
  const middle = (past.length - 1) >> 1
  if (count(past, growth) <= middle) return undefined
  const median = past.toSorted((a, b) => a - b)[middle]!
  return `grew by ${bytesText(growth)}, where ${bytesText(median)} is usual`
}

/** Fewer changed files than this are no mass change: a host with a handful of files would cry wolf. */
const FEW_FILES = 100

/**
 * What a run rewrote and deleted of the files that were there before it (`before`; undefined where nobody knows how many). Too few to
 * matter are none.
 */
export const massChange = (
  before: number | undefined,
  rewritten: number,
  deleted: number
): Pick<Change, "before" | "deleted" | "rewritten"> =>
  before === undefined || rewritten + deleted < FEW_FILES
    ? { before: 0, rewritten: 0, deleted: 0 }
    : { before, rewritten, deleted }

/** btrfs stores in blocks of so many bytes, so a changed byte of a file may cost as much. */
const BLOCK = 4096

/**
 * May a run look wrong, going by what its client says it did? Errs to yes: what is written is at most every file that was sent, whole.
 * Without a claim nobody knows. Decides only whether anybody waits for the measure (see `anomaly`), so that a lie gains nothing.
 */
export const mayLookWrong = (
  claim: { readonly transferred: number; readonly deleted: number; readonly bytes: number } | undefined,
  known: Pick<Change, "past"> & { readonly before: number | undefined; readonly approval: Approval | undefined }
): boolean =>
  claim === undefined ||
  anomaly({
    ...massChange(known.before, claim.transferred, claim.deleted),
    growth: claim.bytes + BLOCK * claim.transferred,
    past: known.past,
    ...(known.approval === undefined ? {} : { approval: known.approval })
  }) !== undefined

/** How long the snapshot before an anomaly is held, in seconds. */
export const HOLD = 30 * 24 * HOUR

const percent = (part: number, whole: number): string => (whole === 0 ? "all" : `${Math.round((100 * part) / whole)} %`)

/** How many of the values a growth is at least five times of. */
const count = (values: ReadonlyArray<number>, growth: number): number => {
  let count = 0
  for (const value of values) if (5 * value <= growth) count++
  return count
}
