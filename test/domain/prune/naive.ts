// The definitions, written down as they are read: slow, and the oracle for the fast ones.
import { DAY, isFuture, newestFirst, type Snapshot } from "../../../src/domain/prune/snapshot.ts"

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
