// The definitions, written down as they are read: slow, and the oracle for the fast ones.
import { TARGETS } from "../../../src/domain/prune/importance.ts"
import type { Method } from "../../../src/domain/prune/method.ts"
import type { PlanRequest } from "../../../src/domain/prune/plan.ts"
import { DAY, isFuture, newestFirst, type Snapshot, type Stored } from "../../../src/domain/prune/snapshot.ts"

const hostsOf = (snapshots: ReadonlyArray<Snapshot>) => [...new Set(snapshots.map((s) => s.host))].toSorted()

/** Global order by (rank asc, t desc, host asc, id asc), with the ranks. */
export const naiveImportance = (snapshots: ReadonlyArray<Snapshot>, now: number, targets: ReadonlyArray<number>) => {
  const ranked: Array<{ snapshot: Snapshot; rank: number }> = []
  for (const host of hostsOf(snapshots)) {
    const list = snapshots.filter((s) => s.host === host && !isFuture(s, now)).toSorted(newestFirst)
    let rank = 0
    while (list.length > 0) {
      for (const d of targets) {
        if (list.length === 0) break
        let best = 0
        for (let i = 1; i < list.length; i++) {
          const distance = (s: Snapshot) => Math.abs(s.t - (now - d * DAY))
          if (distance(list[i]!) < distance(list[best]!)) best = i
        }
        ranked.push({ snapshot: list.splice(best, 1)[0]!, rank: rank++ })
      }
    }
  }
  return ranked.toSorted((a, b) => a.rank - b.rank || newestFirst(a.snapshot, b.snapshot))
}

/** What a deletion costs, given its list (newest first) and its index. Compared with `<`; `pinned` never go. */
export type Loss = (list: ReadonlyArray<Snapshot>, index: number) => number

/** Deletion order: the least loss first, a tie: the newer, then host asc, id asc; every loss anew at every step. */
export const naiveSpread = (snapshots: ReadonlyArray<Snapshot>, now: number, loss: Loss) => {
  const lists = hostsOf(snapshots).map((host) =>
    snapshots.filter((s) => s.host === host && !isFuture(s, now)).toSorted(newestFirst)
  )
  const out: Array<{ snapshot: Snapshot; loss: number }> = []
  for (;;) {
    let best: { list: Array<Snapshot>; index: number; loss: number } | undefined
    for (const list of lists) {
      for (let index = 0; index < list.length; index++) {
        const its = loss(list, index)
        const before =
          best === undefined ||
          its < best.loss ||
          (its === best.loss && newestFirst(list[index]!, best.list[best.index]!) < 0)
        if (before) best = { list, index, loss: its }
      }
    }
    if (best === undefined) return out
    out.push({ snapshot: best.list.splice(best.index, 1)[0]!, loss: best.loss })
  }
}

/** The loss of `spread` as defined: harm - 1, or ln(harm) a byte. */
export const lossAt =
  (
    now: number,
    options: {
      readonly c?: number
      readonly regretBelow?: number
      readonly firsts?: ReadonlyMap<string, number>
      readonly bytes?: (snapshot: Snapshot) => number
    } = {}
  ): Loss =>
  (list, index) => {
    const c = options.c ?? DAY
    const age = (t: number) => Math.max(0, now - t) + c
    if (index === 0) return Infinity
    const x = age(list[index - 1]!.t)
    const y = age(list[index]!.t)
    let over: number
    if (index + 1 < list.length) {
      const z = age(list[index + 1]!.t)
      over = ((y - x) * (z - y)) / ((x + y) * (y + z))
    } else {
      if (list.length >= (options.regretBelow ?? 8)) return Number.MAX_VALUE
      const first = options.firsts!.get(list[index]!.host)!
      over = ((2 * y) / (x + y)) * Math.exp((x - y) / (2 * age(first))) - 1
    }
    if (options.bytes === undefined) return over
    return Math.log1p(Math.max(0, over)) / Math.max(1, options.bytes(list[index]!))
  }

/** When each host's first backup ever was made: the oldest there is, unless given. */
export const firstsOf = (snapshots: ReadonlyArray<Snapshot>, given?: ReadonlyMap<string, number>) =>
  new Map(
    hostsOf(snapshots).map((host) => [
      host,
      Math.min(given?.get(host) ?? Infinity, ...snapshots.filter((s) => s.host === host).map((s) => s.t))
    ])
  )

/** The newest first, found one by one. */
export const naiveAge = (snapshots: ReadonlyArray<Snapshot>, now: number): Array<Snapshot> => {
  const list = snapshots.filter((s) => !isFuture(s, now))
  const out: Array<Snapshot> = []
  while (list.length > 0) {
    let best = 0
    for (let i = 1; i < list.length; i++) if (newestFirst(list[i]!, list[best]!) < 0) best = i
    out.push(list.splice(best, 1)[0]!)
  }
  return out
}

/** What the least important of a host's list has least of, compared with `<`. */
const worth = (method: Method, list: ReadonlyArray<Stored>, now: number, firsts: ReadonlyMap<string, number>) => {
  switch (method.name) {
    case "age":
      return list.map(({ t }) => t)
    case "importance": {
      const order = naiveImportance(list, now, method.targets ?? TARGETS).map((ranked) => ranked.snapshot)
      return list.map((s) => -order.indexOf(s))
    }
    case "spread": {
      const { regretBelow = 8, weigh } = method
      const bytes = (s: Snapshot) => (s as Stored).bytes ?? 0
      const loss = lossAt(now, { firsts, regretBelow, ...(weigh === true ? { bytes } : {}) })
      return list.map((_, index) => loss(list, index))
    }
  }
}

/**
 * What a plan deletes, in order: every choice anew from all that is left. In groups: what is incomplete and replaced; the hosts over
 * their share, old before young; the others, old before young, as long as hosts over their share do not owe what is missing: all of it
 * where they are new, and else as much as is in doubt.
 */
export const naivePlan = (request: PlanRequest & Required<Pick<PlanRequest, "firsts" | "minAge" | "shares">>) => {
  const { firsts, method, minAge, now, reserve, shares } = request
  const good = (s: Stored) => s.state !== "suspect" && !isFuture(s, now)
  const left = [...request.snapshots].toSorted(newestFirst)
  const hosts = hostsOf(left)
  const floors = hosts.map((host) => {
    const its = left.filter((s) => s.host === host && good(s))
    return its.find((s) => s.state === "complete") ?? its[0]
  })
  const replaced = left.filter(
    (s) =>
      s.state === "incomplete" &&
      floors.some((f) => f?.host === s.host && f.state === "complete" && newestFirst(f, s) < 0)
  )
  const used = new Map([...shares].map(([host, its]) => [host, its.used]))
  const over = (host: string) => Math.max(0, (used.get(host) ?? 0) - (shares.get(host)?.share ?? Infinity))
  const out: Array<Stored> = []
  let { free } = request
  const goal = Math.max(reserve, request.least ?? 0)
  while (free < goal) {
    const choices = hosts.flatMap((host) => {
      const list = left.filter((s) => s.host === host && good(s))
      const worths = worth(method, list, now, firsts)
      return list.flatMap((snapshot, index) => {
        if (snapshot.held || snapshot.inUse || snapshot.futile === true || floors.includes(snapshot)) return []
        const late = (over(host) > 0 ? 0 : 2) + (now - snapshot.t < minAge ? 1 : 0)
        return [{ snapshot, worth: worths[index]!, group: replaced.includes(snapshot) ? 0 : 1 + late }]
      })
    })
    const first = method.name === "spread" ? 1 : -1
    const [next] = choices.toSorted(
      (a, b) =>
        a.group - b.group ||
        (a.worth < b.worth ? -1 : a.worth > b.worth ? 1 : first * newestFirst(a.snapshot, b.snapshot))
    )
    const doubted = (host: string) => left.filter((s) => s.host === host).reduce((sum, s) => sum + (s.doubted ?? 0), 0)
    const urgent = free < (request.least ?? 0)
    const owes = (host: string) =>
      now - firsts.get(host)! < minAge ? over(host) : urgent ? 0 : Math.min(over(host), doubted(host))
    const owed = hosts.reduce((sum, host) => sum + owes(host), 0)
    if (next === undefined || (next.group > 2 && owed >= goal - free)) break
    const { snapshot } = next
    left.splice(left.indexOf(snapshot), 1)
    free += snapshot.bytes ?? 0
    if (used.has(snapshot.host)) used.set(snapshot.host, used.get(snapshot.host)! - (snapshot.bytes ?? 0))
    out.push(snapshot)
  }
  return out
}
