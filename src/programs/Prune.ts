// Deletes what is missed least until the store has its reserve again, one at a time, measuring as it goes.
import { Effect, Result, Schedule, Schema } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { approves } from "../domain/prune/admission.ts"
import { isFutile, LOOKS } from "../domain/prune/futile.ts"
import { metadataDebt } from "../domain/prune/metadataDebt.ts"
import { type Method, methodOf } from "../domain/prune/method.ts"
import { type Deletion, MIN_AGE, type Plan, plan } from "../domain/prune/plan.ts"
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
  shortReserve,
  type StoreUsage
} from "../domain/storeUsage.ts"
import { Journal } from "../services/Journal.ts"
import { Layout } from "../services/Layout.ts"
import { Lock, type Locked } from "../services/Lock.ts"
import { Registry } from "../services/Registry.ts"
import { ServerConfig } from "../services/ServerConfig.ts"
import { Store } from "../services/Store.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { believeClock } from "./believeClock.ts"
import { type Leftover, leftovers } from "./leftovers.ts"
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
  readonly reserve: number
  /** in its `current` and in no snapshot yet, as it takes of the disk */
  readonly pending: number
  readonly snapshots: ReadonlyArray<ListedSnapshot>
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
  readonly shortOfMetadata: boolean
  readonly reserve: number
  readonly free: number
  readonly hosts: ReadonlyArray<HostSpace>
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
    return { host, damaged, metadata, pending, record, snapshots, weight: yield* config.weight(host) }
  })
  // For each of them btrfs is run twice, which is more waiting than work.
  const found = yield* Effect.forEach(names, look, { concurrency: 8 })
  const parts = shares(capacityOf(usage), new Map(found.map(({ host, weight }) => [host, weight])))
  const hosts = found.map((one): HostSpace => {
    const share = parts.get(one.host) ?? 0
    const kept = one.snapshots.reduce((sum, { name }) => sum + heldBy(one.record, name), 0)
    // A new host cannot make what it has written any less by having its snapshots deleted: it is still in its current.
    const left = isNew(one.record, now) ? one.record.left : 0
    const used = kept + one.pending + left + (one.snapshots.length === 0 ? 0 : one.record.base)
    // More than its share is nobody's reserve: a host cannot have others pruned by growing.
    const reserve = Math.min(share, hostReserve(earningSizes(one.record, now)))
    return { ...one, enrolled: enrolled.has(one.host) && one.record.gone === undefined, share, used, reserve }
  })
  const reserves = hosts.filter(({ enrolled }) => enrolled).map(({ reserve }) => reserve)
  const reserve = Math.max(dataFloor(usage), storeReserve(reserves, yield* config.parallel))
  const result: StoreSpace = {
    now,
    usage,
    shortOfMetadata: isShortOfMetadata(usage),
    reserve,
    free: usage.free,
    hosts
  }
  return result
})

/** The same with the store measured anew, and without a snapshot that is gone. */
const remeasured = (
  space: StoreSpace,
  usage: StoreUsage,
  gone?: { readonly host: string; readonly id: string; readonly freed: number }
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
          used: one.used - (isNew(one.record, space.now) ? Math.max(0, gone.freed) : heldBy(one.record, gone.id)),
          metadata: new Map([...one.metadata].filter(([name]) => name !== gone.id)),
          snapshots: one.snapshots.filter(({ name }) => name !== gone.id)
        }
  )
})

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
 * measured. `reserve` where another than the store's own is to be reached; all of it (Infinity): delete until nothing may go.
 */
export const planFor = (
  space: StoreSpace,
  method: Method,
  inUse: ReadonlySet<string> = new Set(),
  reserve: number = space.reserve,
  futile: ReadonlySet<string> = new Set()
): Plan => {
  const { hosts, now, usage } = space
  const common = {
    method,
    now,
    firsts: new Map(hosts.flatMap(({ host, record }) => (record.first === undefined ? [] : [[host, record.first]])))
  }
  if (space.shortOfMetadata && reserve < Infinity) {
    const { scale, shares, unearned } = metadataStanding(space)
    const free = metadataFree(usage) + unearned
    return plan({
      ...common,
      free,
      reserve: metadataFloor(usage),
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
    snapshots: storedOf(space, inUse, futile, null),
    shares: new Map(hosts.map((one) => [one.host, { share: one.share, used: usedOf(one) }]))
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
  /** Measure the snapshots that are not measured yet first, which may take long. Unless they are, the ones before them are passed over. */
  readonly measure?: boolean
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
  /** passed over: a restore or a listing reads it, it was held meanwhile, or it could not be deleted */
  readonly skipped: ReadonlyArray<{ readonly host: string; readonly name: string; readonly why: string }>
  /** what was given back first */
  readonly swept: ReadonlyArray<Leftover>
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
  if (!dryRun) {
    yield* files.directory(run, 0o700)
    yield* believeClock(options.trustClock === true)
  }
  // First: it may hold snapshots that this prune would choose. Nobody's run waits for it.
  const measured = dryRun || (options.measure !== false && (yield* measureAlone()))
  if (!dryRun) yield* (yield* Lock).take(`${run}/prune.lock`, "a prune")
  let space = yield* storeSpace()
  const wanted = () => options.reserve ?? space.reserve
  let swept: ReadonlyArray<Leftover> = []
  let balances = 0
  const balanced = Effect.gen(function* () {
    if (balances >= mostBalances || !(yield* balanceIfUseful(space))) return
    balances++
    space = remeasured(space, yield* store.free)
  })
  if (!dryRun) {
    // A plan that was shown is carried out and nothing else.
    if (options.plan === undefined) swept = yield* leftovers(space.hosts, !isMet(space, wanted()))
    // What has been deleted already, and not yet given back, is not to be made up for by others.
    if (swept.length > 0 || !isMet(space, wanted())) {
      yield* store.settled
      space = swept.length > 0 ? yield* storeSpace() : remeasured(space, yield* store.free)
    }
    yield* balanced
  }
  // Whose the metadata is was not looked at while there was enough.
  const lookAgain = Effect.gen(function* () {
    if (space.shortOfMetadata && space.hosts.every(({ metadata }) => metadata.size === 0)) space = yield* storeSpace()
  })
  yield* lookAgain
  const inUse = new Set(measured ? [] : beforeUnmeasured(space))
  const deleted: Array<PruneResult["deleted"][number]> = []
  const futile = new Set<string>()
  const looks = new Map<string, number>()
  /** Would its deletion free nothing? Asked only where the host's last deletion did not. */
  const isInVain = Effect.fnUntraced(function* ({ host, id }: Stored) {
    const own = space.hosts.find((one) => one.host === host)!
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
  /** A plan whose next deletion frees something, as far as anyone can know. */
  const planned = Effect.gen(function* () {
    for (;;) {
      const found = planFor(space, method, inUse, wanted(), futile)
      const next = found.deletions[0]?.snapshot
      if (next === undefined || space.shortOfMetadata || !(yield* isInVain(next))) return found
      futile.add(keyOf(next.host, next.id))
      const looked = (looks.get(next.host) ?? 0) + 1
      looks.set(next.host, looked)
      if (looked < LOOKS) continue
      const snapshots = space.hosts.find((one) => one.host === next.host)?.snapshots ?? []
      for (const { name } of snapshots) futile.add(keyOf(next.host, name))
    }
  })
  const first = yield* planned
  if (options.plan !== undefined && options.plan !== first.digest) {
    return yield* new PlanChanged({ wanted: options.plan, found: first.digest })
  }
  const allowed =
    options.plan === undefined
      ? null
      : new Set(first.deletions.map(({ snapshot }) => keyOf(snapshot.host, snapshot.id)))
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
            space = remeasured(space, usage, { host, id, freed })
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
    current = yield* planned
  }
  if (!dryRun) {
    const defended = space.shortOfMetadata ? shortReserve : Math.ceil(space.reserve)
    yield* files.write(`${run}/reserve`, `${defended}\n`, 0o600)
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
