// Deletes what is missed least until the store has its reserve again, one at a time, measuring as it goes.
import { Effect, Schedule, Schema } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { admission, type AdmissionRequest, refusalWords } from "../domain/prune/admission.ts"
import { ageText, bytesText } from "../domain/prune/amount.ts"
import { clockJump, formatClock, parseClock } from "../domain/prune/clock.ts"
import type { Method } from "../domain/prune/method.ts"
import { type Deletion, type Plan, plan } from "../domain/prune/plan.ts"
import { type HostRecord, hostRecord, timesOf } from "../domain/prune/record.ts"
import { hostReserve, storeReserve } from "../domain/prune/reserve.ts"
import { mayTake, type Share, shares } from "../domain/prune/share.ts"
import type { Stored } from "../domain/prune/snapshot.ts"
import { joinSnapshots, type ListedSnapshot } from "../domain/snapshotList.ts"
import {
  balanceHelps,
  dataFloor,
  isShortOfMetadata,
  metadataFree,
  nearlyFull,
  type StoreUsage
} from "../domain/storeUsage.ts"
import { Journal } from "../services/Journal.ts"
import { Layout } from "../services/Layout.ts"
import { Lock, type Locked } from "../services/Lock.ts"
import { Registry } from "../services/Registry.ts"
import { Runs } from "../services/Runs.ts"
import { ServerConfig } from "../services/ServerConfig.ts"
import { Store } from "../services/Store.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { measureBacklog } from "./MeasureBacklog.ts"
import { serverTime } from "./serverTime.ts"

/** The clock cannot be believed, and ages decide what is deleted. Nothing was deleted. Epoch seconds. */
export class ClockJumped extends Schema.TaggedError<ClockJumped>()("ClockJumped", {
  direction: Schema.Literals(["back", "ahead"]),
  now: Schema.Int,
  last: Schema.Int
}) {
  get exit(): ExitName {
    return "failed"
  }
  override get message() {
    const day = (at: number) => new Date(at * 1000).toISOString().slice(0, 10)
    return `the clock says ${day(this.now)} and the journals' last time is ${day(this.last)}, ${ageText(Math.abs(this.now - this.last))} ${this.direction === "back" ? "later" : "earlier"}; nothing was deleted. Set the clock, or say that it is right: byteback prune --trust-clock`
  }
}

/** What would be done now is not what was shown. Nothing was deleted. */
export class PlanChanged extends Schema.TaggedError<PlanChanged>()("PlanChanged", {
  wanted: Schema.String,
  found: Schema.String
}) {
  get exit(): ExitName {
    return "refused"
  }
  override get message() {
    return `the plan is ${this.found} now, not ${this.wanted}; nothing was deleted. Look at it again: byteback prune --dry-run`
  }
}

/** How a host stands with the store; bytes. */
export interface HostSpace extends Share {
  readonly host: string
  /** enrolled here; what a host that is gone has left counts all the same */
  readonly enrolled: boolean
  readonly reserve: number
  /** in its `current` and in no snapshot yet */
  readonly pending: number
  readonly snapshots: ReadonlyArray<ListedSnapshot>
  readonly record: HostRecord
  /** numbers of the journal's lines that cannot be read */
  readonly damaged: ReadonlyArray<number>
}

/** The store and its hosts. `free`: what can still be written; `reserve`: what is to be; bytes. */
export interface StoreSpace {
  readonly now: number
  readonly usage: StoreUsage
  readonly shortOfMetadata: boolean
  readonly reserve: number
  readonly free: number
  readonly hosts: ReadonlyArray<HostSpace>
  /** times that the journals give, epoch seconds */
  readonly times: ReadonlyArray<number>
}

const capacityOf = ({ data, unallocated }: StoreUsage) => data.size + unallocated

/** Looks at everything, and changes nothing. */
export const storeSpace = Effect.fn("storeSpace")(function* () {
  const store = yield* Store
  const journal = yield* Journal
  const config = yield* ServerConfig
  const now = yield* serverTime
  const enrolled = new Set((yield* (yield* Registry).list).map(({ host }) => host))
  const names = [...new Set([...(yield* store.hosts), ...enrolled])].toSorted()
  const usage = yield* store.free
  const times: Array<number> = []
  const weights = new Map<string, number>()
  const found = yield* Effect.forEach(names, (host) =>
    Effect.gen(function* () {
      const { damaged, entries } = yield* journal.read(host)
      const stored = yield* store.snapshots(host)
      times.push(...timesOf(entries))
      weights.set(host, yield* config.weight(host))
      const last = stored.findLast((one) => one.sealed && one.at !== null && one.at <= now)?.name ?? null
      // A host whose `current` cannot be measured has no part in what is owed.
      const pending = yield* store.pending(host, last).pipe(Effect.orElseSucceed(() => 0))
      const record = hostRecord(entries)
      return { host, damaged, pending, record, snapshots: joinSnapshots(stored, entries, now) }
    })
  )
  const parts = shares(capacityOf(usage), weights)
  const hosts = found.map((one): HostSpace => {
    const share = parts.get(one.host) ?? 0
    const kept = one.snapshots.reduce((sum, { name }) => sum + (one.record.bytes.get(name) ?? 0), 0)
    const used = kept + one.pending + (one.snapshots.length === 0 ? 0 : one.record.base)
    // More than its share is nobody's reserve: a host cannot have others pruned by growing.
    const reserve = Math.min(share, hostReserve(one.record.sizes))
    return { ...one, enrolled: enrolled.has(one.host), share, used, reserve }
  })
  const reserves = hosts.filter(({ enrolled }) => enrolled).map(({ reserve }) => reserve)
  const reserve = Math.max(dataFloor(usage), storeReserve(reserves, yield* config.parallel))
  const result: StoreSpace = {
    now,
    usage,
    shortOfMetadata: isShortOfMetadata(usage),
    reserve,
    free: usage.free,
    hosts,
    times
  }
  return result
})

/** The same with the store measured anew, and without a snapshot that is gone. */
const remeasured = (
  space: StoreSpace,
  usage: StoreUsage,
  gone?: { readonly host: string; readonly id: string }
): StoreSpace => ({
  ...space,
  usage,
  free: usage.free,
  shortOfMetadata: isShortOfMetadata(usage),
  hosts: space.hosts.map((one) =>
    one.host !== gone?.host
      ? one
      : {
          ...one,
          used: one.used - (one.record.bytes.get(gone.id) ?? 0),
          snapshots: one.snapshots.filter(({ name }) => name !== gone.id)
        }
  )
})

/** What a host has written beyond its reserve and nobody approved: older snapshots are not deleted for it. Bytes. */
const unearned = ({ pending, record, reserve }: HostSpace): number => {
  const over = pending - reserve
  const { approval } = record
  return over <= 0 || (approval !== undefined && pending <= (approval.bytes ?? Infinity)) ? 0 : over
}

const keyOf = (host: string, id: string) => `${host}/${id}`

/** Snapshots as the plan sees them: what is foreign is not among them. */
const storedOf = (space: StoreSpace, inUse: ReadonlySet<string>, known: boolean): ReadonlyArray<Stored> =>
  space.hosts.flatMap(({ host, record, snapshots }) =>
    snapshots.flatMap((one): ReadonlyArray<Stored> => {
      if (one.state === "foreign" || one.at === null) return []
      const bytes = known ? record.bytes.get(one.name) : undefined
      return [
        {
          host,
          t: one.at,
          id: one.name,
          state: one.state,
          held: one.held,
          inUse: inUse.has(keyOf(host, one.name)),
          ...(bytes === undefined ? {} : { bytes })
        }
      ]
    })
  )

/**
 * The plan for a store as it is. Short of metadata, nobody can say what a deletion returns: then it goes one at a time, each to be
 * measured. `reserve` where another than the store's own is to be reached; `all`: delete until nothing may go.
 */
export const planFor = (
  space: StoreSpace,
  method: Method,
  inUse: ReadonlySet<string> = new Set(),
  reserve: number = space.reserve
): Plan => {
  const { hosts, now, shortOfMetadata } = space
  const written = hosts.reduce((sum, host) => sum + unearned(host), 0)
  const blocked = shortOfMetadata && space.free >= reserve
  return plan({
    method,
    now,
    free: blocked ? 0 : space.free + written,
    reserve: blocked ? 1 : reserve,
    snapshots: storedOf(space, inUse, !blocked),
    shares: new Map(hosts.map(({ host, share, used }) => [host, { share, used }])),
    firsts: new Map(hosts.flatMap(({ host, record }) => (record.first === undefined ? [] : [[host, record.first]])))
  })
}

/** Does the store have what it is to have? */
const isMet = ({ free, reserve, shortOfMetadata }: StoreSpace, wanted: number = reserve): boolean =>
  free >= wanted && !shortOfMetadata

export interface PruneOptions {
  readonly method?: Method
  /** Delete nothing: only say what would be. */
  readonly dryRun?: boolean
  /** Go on only if the plan has this digest, and then no further than it. */
  readonly plan?: string
  /** At most so many deletions in this run; 100 unless given. */
  readonly most?: number
  /** Bytes to be free in the end, where not the store's own reserve. */
  readonly reserve?: number
  /** The clock is right, whatever the journals say; remembered. */
  readonly trustClock?: boolean
  /** Called before each deletion. */
  readonly onDelete?: (deletion: Deletion) => Effect.Effect<void>
}

export interface PruneResult {
  /** what was planned when the run began */
  readonly plan: Plan
  readonly deleted: ReadonlyArray<{
    readonly host: string
    readonly name: string
    readonly freed: number
    readonly why: string
  }>
  /** passed over: a restore or a listing reads it, or it could not be deleted */
  readonly skipped: ReadonlyArray<{ readonly host: string; readonly name: string; readonly why: string }>
  /** what interrupted runs had left, and was given back */
  readonly swept: ReadonlyArray<{ readonly host: string; readonly name: string }>
  /** Bytes. */
  readonly free: number
  readonly reserve: number
  readonly metadataFree: number
  readonly shortOfMetadata: boolean
  /** `met`; `short`, nothing more may be deleted; `owed`, what is missing is held by hosts over their share; `stopped`, at this run's limit */
  readonly outcome: "met" | "short" | "owed" | "stopped"
}

/** Remembers that the clock was believed, and refuses to go on where it cannot be. */
const believeClock = Effect.fnUntraced(function* (space: StoreSpace, trust: boolean) {
  const files = yield* SystemFile
  const { state } = yield* Layout
  const { now, times } = space
  const path = `${state}/clock`
  const memory = parseClock((yield* files.read(path)) ?? "")
  const jump = clockJump(now, times, memory)
  if (jump !== null && !trust) return yield* new ClockJumped({ direction: jump.direction, now, last: jump.last })
  const wrong = jump?.direction === "back" ? { from: now + 1, to: jump.last } : memory.wrong
  yield* files.directory(state, 0o700)
  yield* files.write(path, formatClock({ seen: now, wrong }), 0o600)
})

/** Gives back what killed runs left under temporary names; hosts that are busy are left for the next time. */
const sweepAll = Effect.fnUntraced(function* (hosts: ReadonlyArray<string>) {
  const store = yield* Store
  const runs = yield* Runs
  const swept: Array<{ host: string; name: string }> = []
  for (const host of hosts) {
    const names = yield* runs.lock(host).pipe(
      Effect.andThen(store.sweep(host)),
      Effect.scoped,
      Effect.catchTag("Locked", () => Effect.succeed<ReadonlyArray<string>>([]))
    )
    for (const name of names) swept.push({ host, name })
  }
  return swept
})

/** So long a deletion waits for a listing, which reads all of a host's snapshots, to end. */
const listingEnds = Schedule.max([Schedule.spaced("1 second"), Schedule.recurs(30)])
const isListing = (error: Locked): boolean => error.path.endsWith("/*")

/**
 * Deletes one snapshot, and waits until its space is free; nothing else is done while somebody reads it (`Locked`). The journal has it
 * before and after: a run that is killed between the two is done again, as what is gone already is no error.
 */
const deleteOne = Effect.fnUntraced(function* ({ snapshot, why }: Deletion) {
  const store = yield* Store
  const journal = yield* Journal
  const files = yield* SystemFile
  const { run } = yield* Layout
  const { host, id } = snapshot
  const reading = `${run}/${host}/reading`
  for (const directory of [run, `${run}/${host}`, reading]) yield* files.directory(directory, 0o700)
  const lock = yield* Lock
  yield* lock.take(`${reading}/${id}`, `a restore from ${id} of ${host}`)
  yield* lock
    .take(`${reading}/*`, `a listing of the snapshots of ${host}`)
    .pipe(Effect.retry({ while: ({ _tag }) => _tag === "Locked", schedule: listingEnds }))
  const before = yield* store.free
  yield* journal.append(host, { _tag: "deleting", at: yield* serverTime, name: id, why })
  const settled = yield* store.remove(host, id)
  if (!settled) {
    yield* Effect.logWarning(
      `${host}/${id} is deleted and its space is not back yet: something has a file in it open, or there is much to clean; the next run goes on`
    )
  }
  const after = yield* store.free
  const freed = Math.round(after.free - before.free)
  yield* journal.append(host, { _tag: "deleted", at: yield* serverTime, name: id, freed })
  yield* files.remove(`${reading}/${id}`)
  return { freed, settled, usage: after }
}, Effect.scoped)

/** A run balances no more often than this: each moves gigabytes at most. */
const mostBalances = 4

/** Where badly filled chunks are why the store is short, they are given back. It may find no room for that itself. */
const balanceIfUseful = Effect.fnUntraced(function* ({ reserve, usage }: StoreSpace) {
  const kind = balanceHelps(usage, reserve)
  if (kind === null) return false
  const store = yield* Store
  return yield* store.balance(kind).pipe(
    Effect.as(true),
    Effect.catchTag("BtrfsError", (error) => Effect.as(Effect.logWarning(error.message), false))
  )
})

/**
 * For pushes while they run: what each host may take of a store that is nearly full. That one was ended for it is written down, and a
 * host that has no older snapshot to make room with then waits until there is plenty.
 */
const tellRooms = Effect.fnUntraced(function* ({ free, hosts, now, usage }: StoreSpace) {
  const files = yield* SystemFile
  const journal = yield* Journal
  const { run } = yield* Layout
  const near = nearlyFull(usage)
  const plenty = free >= near.free && metadataFree(usage) >= near.metadata
  for (const one of hosts.filter(({ enrolled }) => enrolled)) {
    const { host, pending, record, snapshots } = one
    const file = `${run}/${host}/room`
    const ended = (yield* files.read(file)) === "over\n"
    if (ended && record.refusal === undefined) {
      const why = `its last push was ended, as the store was nearly full and ${host} has more than its share of it. Nothing was deleted for it. To let it in: byteback approve ${host}`
      yield* journal.append(host, { _tag: "refused", at: now, verdict: "no space", needs: Math.round(pending), why })
    }
    if (ended && snapshots.length === 0 && !plenty && record.approval === undefined) continue
    const approved = record.approval === undefined ? 0 : (record.approval.bytes ?? usage.size)
    yield* files.directory(`${run}/${host}`, 0o700)
    yield* files.write(file, `${mayTake({ ...one, approved })}\n`, 0o600)
  }
})

/**
 * Prunes to the reserve. One run at a time (`Locked`). Nothing is decided before the run looks, and each deletion is measured before
 * the next is chosen, so a run may be killed at any moment and started again.
 */
export const prune = Effect.fn("prune")(function* (options: PruneOptions) {
  const store = yield* Store
  const files = yield* SystemFile
  const { run } = yield* Layout
  const dryRun = options.dryRun === true
  const most = options.most ?? 100
  const method: Method = options.method ?? { name: yield* (yield* ServerConfig).pruneOrder }
  yield* store.mounted
  if (!dryRun) {
    yield* files.directory(run, 0o700)
    yield* (yield* Lock).take(`${run}/prune.lock`, "a prune")
  }
  // First: it may hold snapshots that this prune would choose.
  if (!dryRun) yield* measureBacklog()
  let space = yield* storeSpace()
  const wanted = () => options.reserve ?? space.reserve
  const swept = dryRun ? [] : yield* sweepAll(space.hosts.map(({ host }) => host))
  let balances = 0
  const balanced = Effect.gen(function* () {
    if (balances >= mostBalances || !(yield* balanceIfUseful(space))) return
    balances++
    space = remeasured(space, yield* store.free)
  })
  if (!dryRun) {
    yield* believeClock(space, options.trustClock === true)
    // What has been deleted already, and not yet given back, is not to be made up for by others.
    if (swept.length > 0 || !isMet(space, wanted())) {
      yield* store.settled
      space = remeasured(space, yield* store.free)
    }
    yield* balanced
  }
  const inUse = new Set<string>()
  const first = planFor(space, method, inUse, wanted())
  if (options.plan !== undefined && options.plan !== first.digest) {
    return yield* new PlanChanged({ wanted: options.plan, found: first.digest })
  }
  const allowed =
    options.plan === undefined
      ? null
      : new Set(first.deletions.map(({ snapshot }) => keyOf(snapshot.host, snapshot.id)))
  const deleted: Array<PruneResult["deleted"][number]> = []
  const skipped: Array<PruneResult["skipped"][number]> = []
  let current = first
  let stopped = false
  for (let next = dryRun ? undefined : current.deletions[0]; next !== undefined; next = current.deletions[0]) {
    const { why } = next
    const { host, id } = next.snapshot
    if (deleted.length >= most || (allowed !== null && !allowed.has(keyOf(host, id)))) {
      stopped = true
      break
    }
    if (options.onDelete !== undefined) yield* options.onDelete(next)
    yield* deleteOne(next).pipe(
      Effect.matchEffect({
        onSuccess: ({ freed, settled, usage }) =>
          Effect.sync(() => {
            // More is deleted only when what this one freed can be measured.
            if (!settled) stopped = true
            deleted.push({ host, name: id, freed, why })
            space = remeasured(space, usage, { host, id })
          }),
        onFailure: (error) =>
          error._tag === "Locked" || error._tag === "BtrfsError"
            ? Effect.sync(() => {
                const listed = error._tag === "Locked" && isListing(error)
                const read = listed ? "a listing reads it" : "a restore reads it"
                skipped.push({ host, name: id, why: error._tag === "Locked" ? read : error.message })
                // Waited for once: none of the host's is tried again in this run.
                const snapshots = space.hosts.find((one) => one.host === host)?.snapshots ?? []
                const all = snapshots.map(({ name }) => name)
                for (const name of listed ? all : [id]) inUse.add(keyOf(host, name))
              })
            : Effect.fail(error)
      })
    )
    if (stopped) break
    yield* balanced
    current = planFor(space, method, inUse, wanted())
  }
  if (!dryRun) {
    yield* files.write(`${run}/reserve`, `${Math.ceil(space.reserve)}\n`, 0o600)
    yield* tellRooms(space)
  }
  const result: PruneResult = {
    plan: first,
    deleted,
    skipped,
    swept,
    free: space.free,
    reserve: wanted(),
    metadataFree: metadataFree(space.usage),
    shortOfMetadata: space.shortOfMetadata,
    outcome: isMet(space, wanted())
      ? "met"
      : stopped || (dryRun && first.outcome === "measure")
        ? "stopped"
        : dryRun && first.outcome === "met"
          ? "met"
          : first.outcome === "owed" || current.outcome === "owed" || current.outcome === "met"
            ? "owed"
            : "short"
  }
  return result
}, Effect.scoped)

/** A run may not start: the store has no room for it. Older snapshots were not deleted for it. */
export class NoRoom extends Schema.TaggedError<NoRoom>()("NoRoom", {
  host: Schema.String,
  verdict: Schema.Literals(["suddenly larger", "no space"]),
  why: Schema.String
}) {
  get exit(): ExitName {
    return this.verdict === "no space" ? "noSpace" : "anomaly"
  }
  override get message() {
    return `${this.verdict}: ${this.why}`
  }
}

/**
 * Makes room before a run of a host that would start on a store short of its reserve. Fails with `NoRoom` where there is less than the
 * least that a run needs, and writes that down; with `Locked` where a prune under way may yet make that room.
 */
export const makeRoom = Effect.fn("makeRoom")(function* (host: string) {
  const journal = yield* Journal
  const busy = yield* prune({}).pipe(
    Effect.as(null),
    Effect.catchTag("Locked", (locked) => Effect.succeed(locked))
  )
  const space = yield* storeSpace()
  const least = dataFloor(space.usage)
  if (space.free >= least && !space.shortOfMetadata) return
  if (busy !== null) return yield* busy
  const own = space.hosts.find((one) => one.host === host)
  const approval = own?.record.approval
  const request: AdmissionRequest = {
    host,
    needs: Math.max(least, own?.pending ?? 0),
    free: space.shortOfMetadata ? 0 : Math.min(space.free, least - 1),
    freeable: 0,
    hostReserve: own === undefined || unearned(own) === 0 ? Infinity : own.reserve,
    storeReserve: space.reserve,
    ...(approval === undefined ? {} : { approval })
  }
  const verdict = admission(request).verdict === "suddenly larger" ? "suddenly larger" : "no space"
  const words = refusalWords(request, verdict)
  const why = space.shortOfMetadata
    ? `the store is short of metadata (${bytesText(metadataFree(space.usage))} left), whatever df says. ${words}`
    : words
  const needs = Math.round(Math.max(least, own?.pending ?? 0))
  const stands = own?.record.refusal
  // A client that tries again and again is refused each time, and written down once.
  if (stands?.verdict !== verdict || stands.needs < needs) {
    yield* journal.append(host, { _tag: "refused", at: space.now, verdict, needs, why })
  }
  return yield* new NoRoom({ host, verdict, why })
})
