// Why each snapshot stands where it does in the order.
import { ageText } from "./amount.ts"
import { age } from "./age.ts"
import { importance, TARGETS } from "./importance.ts"
import { type Method, historyFor } from "./method.ts"
import { Queue } from "./queue.ts"
import { byHost, DAY, type Snapshot } from "./snapshot.ts"
import { TYPICAL_BYTES } from "./spread.ts"

/**
 * - `age`: its age in seconds.
 * - `importance`: its `rank` in its host, so in which `pass` over the targets (from 0) it was chosen for which `target` (days), at what
 *   `distance` (seconds).
 * - `spread`: in its host the `turn` (from 1) at which it would go, and between which `newer` and `older` (ages in seconds) it would
 *   stand then. `loss` is harm - 1, or ln(harm) a byte where the method weighs; absent from the newest and from a pinned oldest.
 */
export type Reason =
  | { readonly method: "age"; readonly age: number }
  | {
      readonly method: "importance"
      readonly rank: number
      readonly pass: number
      readonly target: number
      readonly distance: number
    }
  | {
      readonly method: "spread"
      readonly turn: number
      readonly loss?: number
      readonly newer?: number
      readonly older?: number
    }

export interface Reasoned<S extends Snapshot> {
  readonly snapshot: S
  readonly reason: Reason
}

/** Every snapshot that is not dated in the future with its one reason, most important first. */
export const reasons = <S extends Snapshot & { readonly bytes?: number }>(
  method: Method,
  snapshots: ReadonlyArray<S>,
  now: number,
  firsts?: ReadonlyMap<string, number>
): Array<Reasoned<S>> => {
  switch (method.name) {
    case "age":
      return age(snapshots, now).map((snapshot) => ({ snapshot, reason: { method: "age", age: now - snapshot.t } }))
    case "importance": {
      const targets = method.targets ?? TARGETS
      const ranks = new Map<string, number>()
      return importance(snapshots, now, targets).map((snapshot) => {
        const rank = ranks.get(snapshot.host) ?? 0
        ranks.set(snapshot.host, rank + 1)
        const target = targets[rank % targets.length]!
        return {
          snapshot,
          reason: {
            method: "importance",
            rank,
            pass: Math.floor(rank / targets.length),
            target,
            distance: Math.abs(snapshot.t - (now - target * DAY))
          }
        }
      })
    }
    case "spread":
      return spreadReasons(method, snapshots, now, firsts)
  }
}

const spreadReasons = <S extends Snapshot & { readonly bytes?: number }>(
  method: Method,
  snapshots: ReadonlyArray<S>,
  now: number,
  firsts?: ReadonlyMap<string, number>
): Array<Reasoned<S>> => {
  const lists = byHost(snapshots, now)
  const histories = lists.map(([host, list]) => {
    const history = historyFor(method, list.length, (slot) => list[slot]!.bytes ?? TYPICAL_BYTES)
    history.first = firsts?.get(host) ?? Infinity
    for (const snapshot of list) history.insert(snapshot.t)
    return history
  })
  const queue = new Queue(histories)
  const turns = new Int32Array(lists.length)
  const found: Array<Reasoned<S>> = []
  queue.start(now)
  for (let host = queue.next(Infinity); host >= 0; host = queue.next(Infinity)) {
    const history = histories[host]!
    const slot = history.victim(now)
    const newer = history.newer[slot]!
    const older = history.older[slot]!
    found.push({
      snapshot: lists[host]![1][slot]!,
      reason: {
        method: "spread",
        turn: ++turns[host]!,
        ...(history.key < Number.MAX_VALUE && { loss: history.key }),
        ...(newer >= 0 && { newer: now - history.t[newer]! }),
        ...(older >= 0 && { older: now - history.t[older]! })
      }
    })
    queue.take(0)
  }
  return found.toReversed()
}

/** What a kept snapshot is kept for. */
export const keptWords = (reason: Reason): string => {
  switch (reason.method) {
    case "age":
      return `kept: ${ageText(reason.age)} old, and the older go first`
    case "importance":
      return reason.target === 0
        ? `kept: nearest to now${again(reason.pass)}`
        : `kept: nearest to ${reason.target} ${reason.target === 1 ? "day" : "days"} ago${again(reason.pass)}`
    case "spread":
      if (reason.newer === undefined) return "kept: the newest"
      if (reason.older === undefined) return `kept: the oldest, the next is ${ageText(reason.newer)} old`
      return `kept: without it nothing between ${ageText(reason.newer)} and ${ageText(reason.older)} ago`
  }
}

const again = (pass: number): string => (pass === 0 ? "" : `, in pass ${pass + 1}`)
