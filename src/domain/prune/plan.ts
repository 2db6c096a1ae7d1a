// What pruning would do and why. Preview and execution are the same plan.
import { ageText, bytesText } from "./amount.ts"
import { digest } from "./digest.ts"
import { type Eligibility, eligibility, isSuspect } from "./eligibility.ts"
import { type History, Tier } from "./history.ts"
import { historyFor, type Method } from "./method.ts"
import { OWED, Queue } from "./queue.ts"
import { keptWords, type Reason, reasons } from "./reasons.ts"
import type { Share } from "./share.ts"
import { byHost, DAY, type Stored } from "./snapshot.ts"
import { TYPICAL_BYTES } from "./spread.ts"

/** A snapshot younger than this (seconds) goes only when nothing older can: of hosts over their share, or of the others. */
export const MIN_AGE = 7 * DAY

/** `free` and `reserve` in bytes, `now` in epoch seconds. */
export interface PlanRequest {
  readonly method: Method
  readonly now: number
  readonly free: number
  readonly reserve: number
  readonly snapshots: ReadonlyArray<Stored>
  /** Bytes that a run of a host within its share is waiting for, which others' doubt is no reason to refuse; 0 unless given. */
  readonly least?: number
  /** Seconds; MIN_AGE unless given. */
  readonly minAge?: number
  /** By host; a host that is not named is within its share. */
  readonly shares?: ReadonlyMap<string, Share>
  /** When each host's first backup ever was made, epoch seconds; its oldest snapshot unless given. */
  readonly firsts?: ReadonlyMap<string, number>
}

export interface Deletion {
  readonly snapshot: Stored
  /** What will be free then, as far as is known. */
  readonly free: number
  readonly why: string
}

export interface Kept {
  readonly snapshot: Stored
  /** Absent from what is kept whatever the order says. */
  readonly reason?: Reason
  readonly why: string
}

/**
 * `outcome`: `met`, free >= reserve after the last deletion; `short`, nothing deletable is left and `shortfall` bytes are missing;
 * `owed`, what is missing is held by hosts over their share that are new or whose snapshots are in doubt, and that have nothing left to
 * delete: hosts within theirs do not pay for it; `measure`, nobody knows what the last deletion frees: carry it out, measure, and plan
 * again. Where all is to go (a reserve of Infinity) that does not matter, and what nobody knows counts as nothing.
 */
export interface Plan {
  readonly method: Method["name"]
  readonly now: number
  readonly free: number
  readonly reserve: number
  /** In the order in which they go. */
  readonly deletions: ReadonlyArray<Deletion>
  /** Most important first, those that never go in front. */
  readonly kept: ReadonlyArray<Kept>
  readonly outcome: "met" | "short" | "owed" | "measure"
  /** Bytes that the deletions free, as far as is known. */
  readonly frees: number
  /** Bytes missing to the reserve after the deletions, as far as is known; 0 when met. */
  readonly shortfall: number
  /** The same for the same deletions in the same order by the same method, whatever the time and the free space. */
  readonly digest: string
}

/**
 * Deletes the next victim until free >= reserve and `least`, or nothing deletable is left. The next is, among what may go at all:
 *
 * 1. what is incomplete and replaced by something complete;
 * 2. what belongs to hosts over their share, by the method among them; older than `minAge` before younger;
 * 3. what belongs to the others, likewise, but only for what is missing beyond the bytes that are owed (see `Queue`), and up to `least`
 *    for what is owed by new hosts alone.
 *
 * A deletion counts against its host's share at once. Each choice depends on nothing but what is still there, so a plan that was
 * carried out in part and made again is the rest of itself, provided that `firsts` is given and that deletions free what
 * they promised. What may not go still has its rank in `importance` and still stands between its neighbours in `spread`.
 */
export const plan = (request: PlanRequest): Plan => {
  const { least = 0, method, now, reserve } = request
  const hosts = hostsOf(request)
  const queue = new Queue(hosts.map((host) => host.history))
  hosts.forEach(({ doubted, share, used }, index) => {
    queue.doubted[index] = doubted
    queue.share[index] = share
    queue.used[index] = used
  })
  queue.start(now)

  const deletions: Array<Deletion> = []
  const gone = new Set<Stored>()
  let free = request.free
  let outcome: Plan["outcome"] = "met"
  const goal = Math.max(reserve, least)
  while (free < goal && outcome === "met") {
    const index = queue.next(goal - free, free < least)
    if (index < 0) {
      if (free < reserve) outcome = index === OWED ? "owed" : "short"
      break
    }
    const host = hosts[index]!
    const slot = host.history.victim(now)
    const snapshot = host.ranked[slot]!
    const bytes = snapshot.bytes ?? 0
    const why = goesWords(host, slot, now, deletions.length, queue.isOver(index))
    free += bytes
    queue.take(bytes)
    gone.add(snapshot)
    deletions.push({ snapshot, free, why })
    if (snapshot.bytes === undefined && free < goal && reserve < Infinity) outcome = "measure"
  }
  return {
    method: method.name,
    now,
    free: request.free,
    reserve,
    deletions,
    kept: keptOf(request, hosts, gone),
    outcome,
    frees: free - request.free,
    shortfall: Math.max(0, reserve - free),
    digest: digestOf(method.name, deletions)
  }
}

/** What is given back without being chosen, as nobody needs it; `name` is of a subvolume. */
export interface GivenBack {
  readonly host: string
  readonly name: string
}

/**
 * The text that a plan's digest is taken of: the method, then host and name of each deletion, a JSON array a line; then the same of what
 * is given back before, with a word that says so.
 */
export const canonical = (
  method: Method["name"],
  deletions: ReadonlyArray<Deletion>,
  givenBack: ReadonlyArray<GivenBack> = []
): string =>
  [
    [method],
    ...deletions.map(({ snapshot }) => [snapshot.host, snapshot.id]),
    ...givenBack.map(({ host, name }) => [host, name, "given back"])
  ]
    .map((line) => JSON.stringify(line))
    .join("\n")

export const digestOf = (...parts: Parameters<typeof canonical>): string => digest(canonical(...parts))

interface Host {
  readonly used: number
  readonly share: number
  readonly doubted: number
  /** Newest first; a slot of the history is an index of this. */
  readonly ranked: ReadonlyArray<Stored>
  readonly history: History
  readonly never: ReadonlyArray<Kept>
}

const hostsOf = ({ firsts, method, minAge = MIN_AGE, now, shares, snapshots }: PlanRequest): Array<Host> => {
  // Future dates stay in: they are kept with a reason.
  return byHost(snapshots, Infinity).map(([name, list]) => {
    const eligible = eligibility(list, now)
    const ranked: Array<Stored> = []
    const never: Array<Kept> = []
    const history = historyFor(method, list.length, (slot) => ranked[slot]!.bytes ?? TYPICAL_BYTES)
    history.minAge = minAge
    history.first = firsts?.get(name) ?? Infinity
    list.forEach((snapshot, index) => {
      const { tier, why } = eligible[index] as Eligibility
      if (why !== undefined) never.push({ snapshot, why: `kept: ${why}` })
      if (isSuspect(snapshot, now)) return
      ranked.push(snapshot)
      history.insert(snapshot.t, tier)
    })
    const { share, used } = shares?.get(name) ?? { share: Infinity, used: 0 }
    const doubted = list.reduce((sum, one) => sum + (one.doubted ?? 0), 0)
    return { used, share, doubted, ranked, history, never }
  })
}

const goesWords = (host: Host, slot: number, now: number, before: number, over: boolean): string => {
  const { history, ranked } = host
  const bytes = ranked[slot]!.bytes
  const left = [history.newer[slot]!, history.older[slot]!].filter((slot) => slot >= 0)
  return [
    before === 0 ? "goes next" : `goes after ${before} ${before === 1 ? "other" : "others"}`,
    ": ",
    bytes === undefined ? "nobody knows what it frees" : `frees ${bytesText(bytes)}`,
    left.length === 0
      ? ", leaves nothing"
      : `, leaves ${left.map((slot) => ageText(now - history.t[slot]!)).join(" and ")}`,
    history.tier === Tier.first ? "; incomplete, and a complete one is newer" : "",
    history.tier === Tier.young ? `; young, but nothing older ${over ? "of hosts over their share " : ""}may go` : "",
    over ? `; ${ranked[slot]!.host} holds more than its share` : ""
  ].join("")
}

const keptOf = (request: PlanRequest, hosts: ReadonlyArray<Host>, gone: ReadonlySet<Stored>): Array<Kept> => {
  const never = hosts.flatMap((host) => host.never)
  const stays = new Set(never.map((kept) => kept.snapshot))
  const left = hosts.flatMap((host) => host.ranked.filter((snapshot) => !gone.has(snapshot)))
  const ordered = reasons(request.method, left, request.now, request.firsts)
    .filter(({ snapshot }) => !stays.has(snapshot))
    .map(({ reason, snapshot }): Kept => ({ snapshot, reason, why: keptWords(reason) }))
  return [...never, ...ordered]
}
