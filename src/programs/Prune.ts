// Deletes what is missed least until the store has its reserve again, one at a time, measuring as it goes.
import { Effect, Result, Schedule, Schema } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { approves } from "../domain/prune/admission.ts"
import { isFutile, LOOKS } from "../domain/prune/futile.ts"
import { metadataDebt } from "../domain/prune/metadataDebt.ts"
import { type Method, methodOf } from "../domain/prune/method.ts"
import { type Deletion, digestOf, MIN_AGE, type Plan, plan } from "../domain/prune/plan.ts"
import {
  earningSizes,
  heldBy,
  type HostRecord,
  hostRecord,
  markAt,
  onDisk,
  unmeasured
} from "../domain/prune/record.ts"
import { hostReserve, storeReserve } from "../domain/prune/reserve.ts"
import { mayTake, type Share, shares } from "../domain/prune/share.ts"
import type { Stored } from "../domain/prune/snapshot.ts"
import { joinSnapshots, lastSealed, type ListedSnapshot, type StoredSnapshot } from "../domain/snapshotList.ts"
import {
  balanceHelps,
  dataFloor,
  isShortOfMetadata,
  metadataFloor,
  metadataFree,
  nearlyFull,
  type StoreUsage
} from "../domain/storeUsage.ts"
import { Journal } from "../services/Journal.ts"
import { Layout } from "../services/Layout.ts"
import { Lock, type Locked } from "../services/Lock.ts"
import { Registry } from "../services/Registry.ts"
import { ServerConfig } from "../services/ServerConfig.ts"
import { Store } from "../services/Store.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { believeClock, clockTrouble } from "./believeClock.ts"
import { defended, tellDefended } from "./defended.ts"
import { foreseenLeftovers, type HostLeftovers, type Leftover, leftovers } from "./leftovers.ts"
import { measureBacklog } from "./MeasureBacklog.ts"
import { serverTime } from "./serverTime.ts"

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
  /** it may back up; what a host that is gone has left counts all the same */
  readonly enrolled: boolean
  /** of the store, by which it has its share */
  readonly weight: number
  readonly reserve: number
  /** in its `current` and in no snapshot yet, as it takes of the disk */
  readonly pending: number
  readonly snapshots: ReadonlyArray<ListedSnapshot>
  /** the last of those that is whole, by which what is pending is told */
  readonly last: string | null
  /** what each of those holds of metadata beyond the one before it, by name, and `current`; only where the store is short of it, bytes */
  readonly metadata: ReadonlyMap<string, number>
  readonly record: HostRecord
  /** numbers of the journal's lines that cannot be read */
  readonly damaged: ReadonlyArray<number>
}

/** The store and its hosts. `free`: what can still be written; `reserve`: what is to be; bytes. */
export interface StoreSpace {
  readonly now: number
  readonly usage: StoreUsage
  /** backups at once that the reserve is for */
  readonly parallel: number
  readonly shortOfMetadata: boolean
  readonly reserve: number
  readonly free: number
  readonly hosts: ReadonlyArray<HostSpace>
}

/** What is looked up of them; the rest follows. */
type Looked = Pick<StoreSpace, "now" | "parallel" | "usage"> & {
  readonly hosts: ReadonlyArray<Omit<HostSpace, "reserve" | "share" | "used">>
}

/** What all hosts hold or could: metadata has it in chunks, of which what is empty is nobody's. */
const capacityOf = ({ data, metadata, metadataRatio, unallocated }: StoreUsage) =>
  data.size + unallocated + (metadata === data ? 0 : metadata.used * metadataRatio)

/** As in `Queue`: what it holds over its share is owed. */
const isNew = ({ first }: HostRecord, now: number): boolean => now - (first ?? Infinity) < MIN_AGE

const metadataOf = Effect.fnUntraced(function* (host: string, stored: ReadonlyArray<StoredSnapshot>) {
  const names = stored.filter(({ foreign }) => !foreign).map(({ name }) => name)
  const bytes = yield* (yield* Store).metadata(host, names).pipe(
    Effect.tapError((error) => Effect.logWarning(error.message)),
    Effect.orElseSucceed(() => [])
  )
  return new Map([...names, "current"].map((name, index) => [name, bytes[index] ?? 0]))
})

/** Looks at everything, and changes nothing. */
export const storeSpace = Effect.fn("storeSpace")(function* () {
  const store = yield* Store
  const journal = yield* Journal
  const config = yield* ServerConfig
  const now = yield* serverTime
  const enrolled = new Set((yield* (yield* Registry).list).map(({ host }) => host))
  const names = [...new Set([...(yield* store.hosts), ...enrolled])].toSorted()
  const usage = yield* store.free
  const look = Effect.fnUntraced(function* (host: string) {
    const { damaged, entries } = yield* journal.read(host)
    const stored = yield* store.snapshots(host)
    const last = lastSealed(stored, now)?.name ?? null
    // A host whose `current` cannot be measured has no part in what is owed.
    const pending = yield* store.pending(host, last).pipe(
      Effect.map(onDisk),
      Effect.orElseSucceed(() => 0)
    )
    const record = hostRecord(entries)
    const metadata = isShortOfMetadata(usage) ? yield* metadataOf(host, stored) : new Map<string, number>()
    const snapshots = joinSnapshots(stored, entries, now, damaged)
    const weight = yield* config.weight(host)
    const mayBackUp = enrolled.has(host) && record.gone === undefined
    return { host, damaged, enrolled: mayBackUp, last, metadata, pending, record, snapshots, weight }
  })
  // For each of them btrfs is run twice, which is more waiting than work.
  const hosts = yield* Effect.forEach(names, look, { concurrency: 8 })
  return spaceOf({ now, usage, parallel: yield* config.parallel, hosts })
})

const spaceOf = ({ hosts: found, now, parallel, usage }: Looked): StoreSpace => {
  const parts = shares(capacityOf(usage), new Map(found.map(({ host, weight }) => [host, weight])))
  const hosts = found.map((one): HostSpace => {
    const share = parts.get(one.host) ?? 0
    const kept = one.snapshots.reduce((sum, { name }) => sum + heldBy(one.record, name), 0)
    // A new host cannot make what it has written any less by having its snapshots deleted: it is still in its current.
    const left = isNew(one.record, now) ? one.record.left : 0
    const used = kept + one.pending + left + (one.snapshots.length === 0 ? 0 : one.record.base)
    // More than its share is nobody's reserve: a host cannot have others pruned by growing.
    const reserve = Math.min(share, hostReserve(earningSizes(one.record, now)))
    return { ...one, share, used, reserve }
  })
  const reserves = hosts.filter(({ enrolled }) => enrolled).map(({ reserve }) => reserve)
  return {
    now,
    usage,
    parallel,
    shortOfMetadata: isShortOfMetadata(usage),
    reserve: Math.max(dataFloor(usage), storeReserve(reserves, parallel)),
    free: usage.free,
    hosts
  }
}

interface Freed {
  readonly host: string
  readonly id: string
  readonly freed: number
}

/** The same with the store measured anew, and without the snapshots that are gone. */
const remeasured = (space: StoreSpace, usage: StoreUsage, gone: ReadonlyArray<Freed> = []): StoreSpace => {
  const byHost = Map.groupBy(gone, ({ host }) => host)
  return {
    ...space,
    usage,
    free: usage.free,
    shortOfMetadata: isShortOfMetadata(usage),
    hosts: space.hosts.map((one) => {
      const its = byHost.get(one.host)
      if (its === undefined) return one
      const ids = new Set(its.map(({ id }) => id))
      const held = isNew(one.record, space.now)
        ? its.map(({ freed }) => Math.max(0, freed))
        : its.map(({ id }) => heldBy(one.record, id))
      return {
        ...one,
        used: one.used - held.reduce((sum, bytes) => sum + bytes, 0),
        metadata: new Map([...one.metadata].filter(([name]) => !ids.has(name))),
        snapshots: one.snapshots.filter(({ name }) => !ids.has(name))
      }
    })
  }
}

const withFreed = (usage: StoreUsage, bytes: number): StoreUsage => {
  const data = { ...usage.data, used: usage.data.used - bytes }
  return { ...usage, free: usage.free + bytes, data, metadata: usage.metadata === usage.data ? data : usage.metadata }
}

/** The store once the leftovers are given back, as far as anyone knows. */
const withoutLeftovers = (space: StoreSpace, found: ReadonlyArray<HostLeftovers>): StoreSpace => {
  let bytes = found.reduce((sum, one) => sum + one.bytes, 0)
  const hosts = space.hosts.flatMap((one) => {
    const { also } = found.find(({ host }) => host === one.host) ?? {}
    if (also === undefined) return [one]
    bytes += also === "reset" ? one.pending : one.used
    return also === "reset" ? [{ ...one, pending: 0 }] : []
  })
  return spaceOf({ ...space, usage: withFreed(space.usage, bytes), hosts })
}

/** What a host has written beyond its reserve and nobody approved: older snapshots are not deleted for it. Bytes. */
const unearned = ({ pending, record, reserve }: HostSpace): number =>
  approves(record.approval, pending) ? 0 : Math.max(0, pending - reserve)

const keyOf = (host: string, id: string) => `${host}/${id}`

/** Snapshots as the plan sees them: what is foreign is not among them. `scale`: of metadata; null: it is made in bytes of data. */
const storedOf = (
  space: StoreSpace,
  inUse: ReadonlySet<string>,
  futile: ReadonlySet<string>,
  scale: number | null
): ReadonlyArray<Stored> =>
  space.hosts.flatMap(({ host, metadata, record, snapshots }) => {
    const isSuspect = (name: string | undefined) =>
      name !== undefined && markAt(record.suspects, name, space.now) !== undefined
    return snapshots.flatMap((one, index): ReadonlyArray<Stored> => {
      if (one.state === "foreign" || one.at === null) return []
      const bytes = record.bytes.get(one.name)
      const size = scale === null ? bytes : (metadata.get(one.name) ?? 0) * scale
      const doubted = isSuspect(one.name) || (one.held && isSuspect(snapshots[index + 1]?.name))
      return [
        {
          host,
          t: one.at,
          id: one.name,
          state: one.state,
          held: one.held,
          inUse: inUse.has(keyOf(host, one.name)),
          futile: scale === null && futile.has(keyOf(host, one.name)),
          ...(scale !== null || bytes === undefined ? {} : { bytes }),
          ...(doubted ? { doubted: size ?? 0 } : {})
        }
      ]
    })
  })

/** How the hosts stand with the metadata of a store that is short of it; see `metadataDebt`. */
export const metadataStanding = ({ hosts, usage }: StoreSpace) =>
  metadataDebt(
    usage,
    hosts.map(({ host, metadata, pending, record, share, snapshots, used }) => ({
      host,
      share,
      used,
      snapshots: snapshots.flatMap(({ name }) => metadata.get(name) ?? []),
      pending: metadata.get("current") ?? 0,
      approved: approves(record.approval, pending)
    }))
  )

/**
 * The plan for a store as it is, without what is `inUse` and what would free nothing (both as HOST/SNAPSHOT). Short of metadata, it is
 * made in bytes of that, before anything else. Nobody can say how much of it a deletion returns: then it goes one at a time, each to be
 * measured. `reserve` where another than the store's own is to be reached; all of it (Infinity): delete until nothing may go. `least`: see
 * `PlanRequest`.
 */
export const planFor = (
  space: StoreSpace,
  method: Method,
  inUse: ReadonlySet<string> = new Set(),
  reserve: number = space.reserve,
  futile: ReadonlySet<string> = new Set(),
  least: number = 0
): Plan => {
  const { hosts, now, usage } = space
  const common = {
    method,
    now,
    firsts: new Map(hosts.flatMap(({ host, record }) => (record.first === undefined ? [] : [[host, record.first]])))
  }
  if (space.shortOfMetadata) {
    const { scale, shares, unearned } = metadataStanding(space)
    const free = metadataFree(usage) + unearned
    return plan({
      ...common,
      free,
      reserve: reserve === Infinity ? Infinity : metadataFloor(usage),
      snapshots: storedOf(space, inUse, futile, scale),
      shares
    })
  }
  const written = hosts.reduce((sum, host) => sum + unearned(host), 0)
  // What was approved is nobody's debt.
  const usedOf = ({ pending, record, used }: HostSpace) => (approves(record.approval, pending) ? used - pending : used)
  return plan({
    ...common,
    free: space.free + written,
    reserve,
    // A run that waits does so for what is there.
    least: least === 0 ? 0 : least + written,
    snapshots: storedOf(space, inUse, futile, null),
    shares: new Map(hosts.map((one) => [one.host, { share: one.share, used: usedOf(one) }]))
  })
}

/** Does the store have what it is to have? */
const isMet = ({ free, shortOfMetadata }: StoreSpace, wanted: number): boolean => free >= wanted && !shortOfMetadata

/** How a run ends that left the store so; `why`, where nothing more may be deleted. */
const endOf = (space: StoreSpace, wanted: number, stopped: boolean, why: Plan["outcome"]): PruneResult["outcome"] =>
  isMet(space, wanted) ? "met" : stopped ? "stopped" : why === "short" ? "short" : "owed"

/** How a run of at most so many deletions would end that carries this plan out, if each frees what is thought. */
const foreseenEnd = (space: StoreSpace, { deletions, frees, outcome }: Plan, wanted: number, most: number) => {
  if (outcome === "measure" || deletions.length > most) return "stopped"
  return endOf(remeasured(space, withFreed(space.usage, frees)), wanted, false, outcome)
}

export interface PruneOptions {
  readonly method?: Method
  /**
   * Delete nothing: only say what would be. Its `outcome` is the run's own, where deletions free what they are thought to; what a
   * balance would give nobody can say.
   */
  readonly dryRun?: boolean
  /** Go on only if the plan has this digest, and then no further than it. */
  readonly plan?: string
  /** At most so many deletions in this run; 100 unless given. */
  readonly most?: number
  /** Bytes to be free in the end, where not the store's own reserve. */
  readonly reserve?: number
  /** Bytes that a run of a host within its share is waiting for; 0 unless given. */
  readonly least?: number
  /** Measure the snapshots that are not measured yet first, which may take long. Unless they are, the ones before them are passed over. */
  readonly measure?: boolean
  /** The clock is right, whatever the journals say; remembered. */
  readonly trustClock?: boolean
  /** Called before each deletion. */
  readonly onDelete?: (deletion: Deletion) => Effect.Effect<void>
}

export interface PruneResult {
  /** what was planned when the run began; of a dry run, and of one that is held to such, all that would go, and a digest of what is given back too */
  readonly plan: Plan
  readonly deleted: ReadonlyArray<{
    readonly host: string
    readonly name: string
    readonly freed: number
    readonly why: string
  }>
  /** passed over: a restore or a listing reads it, it was held meanwhile, or it could not be deleted */
  readonly skipped: ReadonlyArray<{ readonly host: string; readonly name: string; readonly why: string }>
  /** what was given back first; of a dry run: what would be */
  readonly swept: ReadonlyArray<Leftover>
  /** of a dry run: the badly filled chunks that would be given back first, which may spare deletions */
  readonly balance: "data" | "metadata" | null
  /** Bytes. */
  readonly free: number
  readonly reserve: number
  readonly metadataFree: number
  readonly shortOfMetadata: boolean
  /** `met`; `short`, nothing more may be deleted; `owed`, what is missing is held by hosts over their share; `stopped`, at this run's limit */
  readonly outcome: "met" | "short" | "owed" | "stopped"
}

/** So long a deletion waits for a listing, which reads all of a host's snapshots, to end. */
const listingEnds = Schedule.max([Schedule.spaced("1 second"), Schedule.recurs(30)])
const isListing = (error: Locked): boolean => error.path.endsWith("/*")

/** What the journal says by now against deleting a snapshot, or null: it may have been held since the plan was made. */
const objection = Effect.fnUntraced(function* ({ host, id }: Stored) {
  const { damaged, entries } = yield* (yield* Journal).read(host)
  const stored = (yield* (yield* Store).snapshots(host)).filter(({ name }) => name === id)
  const [found] = joinSnapshots(stored, entries, yield* serverTime, damaged)
  return found?.held === true || found?.state === "suspect" ? `${found.hold?.why ?? found.note ?? ""}` : null
})

/**
 * Deletes one snapshot, and waits until its space is free; nothing else is done while somebody reads it (`Locked`). Gives why it is
 * passed over instead, where it is. The journal has it before and after: a run that is killed between the two is done again, as what is
 * gone already is no error. `settled`: whether what it held is free, so that the next may be chosen.
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
  // Whoever holds it keeps us out meanwhile.
  const held = yield* objection(snapshot)
  if (held !== null) return { passed: held }
  const before = yield* store.free
  yield* journal.append(host, { _tag: "deleting", at: yield* serverTime, name: id, why })
  const removed = yield* Effect.result(store.remove(host, id))
  if (Result.isFailure(removed)) {
    const { failure } = removed
    if (failure._tag !== "BtrfsError") return yield* failure
    if ((yield* store.snapshots(host)).some(({ name }) => name === id)) return { passed: failure.message }
    yield* Effect.logWarning(failure.message)
  }
  const settled = Result.isSuccess(removed) && removed.success
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

/** False where another prune is at it. */
const measureAlone = Effect.fnUntraced(
  function* () {
    const { run } = yield* Layout
    yield* (yield* Lock).take(`${run}/measure.lock`, "a measure of new snapshots")
    yield* measureBacklog()
    return true
  },
  Effect.scoped,
  Effect.catchTag("Locked", () => Effect.succeed(false))
)

/** The deletion that would be a host's next, of each host. */
const firstOfEach = (deletions: ReadonlyArray<Deletion>): ReadonlyArray<Deletion> => {
  const seen = new Set<string>()
  return deletions.filter(({ snapshot: { host } }) => !seen.has(host) && seen.add(host))
}

/** What a measure may yet hold. */
const beforeUnmeasured = (space: StoreSpace): ReadonlyArray<string> =>
  space.hosts.flatMap(({ host, record, snapshots }) => {
    const names = snapshots.filter(({ state }) => state !== "foreign").map(({ name }) => name)
    return unmeasured(record, names).flatMap(({ previous }) => (previous === null ? [] : [keyOf(host, previous)]))
  })

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
  const method: Method = options.method ?? methodOf(yield* (yield* ServerConfig).pruneOrder)
  yield* store.mounted
  const trust = options.trustClock === true
  if (dryRun) {
    const trouble = yield* clockTrouble()
    if (trouble !== null && !trust) return yield* trouble
  } else {
    yield* files.directory(run, 0o700)
    yield* believeClock(trust)
  }
  // First: it may hold snapshots that this prune would choose. Nobody's run waits for it.
  const measured = dryRun || (options.measure !== false && (yield* measureAlone()))
  if (!dryRun) yield* (yield* Lock).take(`${run}/prune.lock`, "a prune")
  const seen = yield* defended()
  let space = yield* storeSpace()
  const wanted = () => options.reserve ?? space.reserve
  const deleted: Array<PruneResult["deleted"][number]> = []
  const futile = new Set<string>()
  const looks = new Map<string, number>()
  /** Would its deletion free nothing? Asked only where the host's last deletion did not. */
  const isInVain = Effect.fnUntraced(function* ({ hosts }: StoreSpace, { host, id }: Stored) {
    const own = hosts.find((one) => one.host === host)!
    const fresh = (name: string) => own.record.bytes.get(name) ?? 0
    const last = deleted.findLast((one) => one.host === host)
    if (!(last === undefined ? own.record.futile : isFutile(fresh(last.name), last.freed))) return false
    const newest = own.snapshots.findLast(({ state }) => state === "complete")
    if (newest === undefined || newest.name === id) return false
    return yield* store.outlived(host, id, newest.name).pipe(
      Effect.map((bytes) => isFutile(fresh(id), bytes)),
      // What cannot be looked up is deleted as planned.
      Effect.catchTag("BtrfsError", (error) => Effect.as(Effect.logWarning(error.message), false))
    )
  })
  let inUse = new Set<string>()
  /** A plan whose next deletion, or all hosts' first ones, free something, as far as anyone can know. */
  const planned = Effect.fnUntraced(function* (space: StoreSpace, reserve: number, each: boolean) {
    for (;;) {
      const found = planFor(space, method, inUse, reserve, futile, options.least)
      if (space.shortOfMetadata) return found
      const next = each ? firstOfEach(found.deletions) : found.deletions.slice(0, 1)
      let vain: Stored | undefined
      for (const { snapshot } of next) if (vain === undefined && (yield* isInVain(space, snapshot))) vain = snapshot
      if (vain === undefined) return found
      const { host, id } = vain
      futile.add(keyOf(host, id))
      const looked = (looks.get(host) ?? 0) + 1
      looks.set(host, looked)
      if (looked < LOOKS) continue
      const snapshots = space.hosts.find((one) => one.host === host)?.snapshots ?? []
      for (const { name } of snapshots) futile.add(keyOf(host, name))
    }
  })
  // What has been deleted already, and not yet given back, is not to be made up for by others.
  const settle = Effect.gen(function* () {
    yield* store.settled
    space = remeasured(space, yield* store.free)
  })
  // Who asks what all would go has not asked for it to go.
  const isShortNow = () => !isMet(space, options.reserve === Infinity ? space.reserve : wanted())
  if (isShortNow()) yield* settle
  const isShort = isShortNow()
  let first: Plan | undefined
  if (dryRun || options.plan !== undefined) {
    const found = yield* foreseenLeftovers(space.hosts, isShort)
    const swept = found.flatMap(({ host, names }) => names.map((name): Leftover => ({ host, name })))
    const after = withoutLeftovers(space, found)
    const reserve = options.reserve ?? after.reserve
    inUse = new Set(measured ? [] : beforeUnmeasured(after))
    const plan = yield* planned(after, reserve, true)
    first = { ...plan, digest: digestOf(plan.method, plan.deletions, swept) }
    if (options.plan !== undefined && options.plan !== first.digest) {
      return yield* new PlanChanged({ wanted: options.plan, found: first.digest })
    }
    if (dryRun) {
      const result: PruneResult = {
        plan: first,
        deleted,
        skipped: [],
        swept,
        balance: balanceHelps(after.usage, reserve),
        free: space.free,
        reserve,
        metadataFree: metadataFree(space.usage),
        shortOfMetadata: space.shortOfMetadata,
        outcome: foreseenEnd(after, plan, reserve, most)
      }
      return result
    }
  }
  let balances = 0
  const balanced = Effect.gen(function* () {
    if (balances >= mostBalances || !(yield* balanceIfUseful(space))) return
    balances++
    space = remeasured(space, yield* store.free)
  })
  const swept = yield* leftovers(space.hosts, isShort)
  if (swept.length > 0) {
    yield* store.settled
    space = yield* storeSpace()
  }
  yield* balanced
  // Whose the metadata is was not looked at while there was enough.
  const lookAgain = Effect.gen(function* () {
    if (space.shortOfMetadata && space.hosts.every(({ metadata }) => metadata.size === 0)) space = yield* storeSpace()
  })
  yield* lookAgain
  inUse = new Set(measured ? [] : beforeUnmeasured(space))
  let current = yield* planned(space, wanted(), false)
  first ??= current
  const allowed =
    options.plan === undefined
      ? null
      : new Set(first.deletions.map(({ snapshot }) => keyOf(snapshot.host, snapshot.id)))
  const skipped: Array<PruneResult["skipped"][number]> = []
  let stopped = false
  for (let next = current.deletions[0]; next !== undefined; next = current.deletions[0]) {
    const { why } = next
    const { host, id } = next.snapshot
    if (deleted.length >= most || (allowed !== null && !allowed.has(keyOf(host, id)))) {
      stopped = true
      break
    }
    if (options.onDelete !== undefined) yield* options.onDelete(next)
    yield* deleteOne(next).pipe(
      Effect.matchEffect({
        onSuccess: (done) =>
          Effect.sync(() => {
            if ("passed" in done) {
              skipped.push({ host, name: id, why: done.passed })
              inUse.add(keyOf(host, id))
              return
            }
            const { freed, settled, usage } = done
            // More is deleted only when what this one freed can be measured.
            if (!settled) stopped = true
            deleted.push({ host, name: id, freed, why })
            space = remeasured(space, usage, [{ host, id, freed }])
          }),
        onFailure: (error) =>
          error._tag === "Locked"
            ? Effect.sync(() => {
                const listed = isListing(error)
                skipped.push({ host, name: id, why: listed ? "a listing reads it" : "a restore reads it" })
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
    yield* lookAgain
    current = yield* planned(space, wanted(), false)
  }
  yield* tellDefended(space, seen)
  yield* tellRooms(space)
  const result: PruneResult = {
    plan: first,
    deleted,
    skipped,
    swept,
    balance: null,
    free: space.free,
    reserve: wanted(),
    metadataFree: metadataFree(space.usage),
    shortOfMetadata: space.shortOfMetadata,
    outcome: endOf(space, wanted(), stopped, current.outcome)
  }
  return result
}, Effect.scoped)
