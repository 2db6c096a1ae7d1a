// The three methods as values, for configuration and for what is written down.
import { AgeHistory } from "./age.ts"
import type { History } from "./history.ts"
import { ImportanceHistory } from "./importance.ts"
import { SpreadHistory, type SpreadOptions } from "./spread.ts"

/** `targets` in days. `weigh`: the least ln(harm) a byte goes first, rather than the least harm. */
export type Method =
  | { readonly name: "age" }
  | { readonly name: "importance"; readonly targets?: ReadonlyArray<number> }
  | ({ readonly name: "spread"; readonly weigh?: boolean } & SpreadOptions)

/** What a server may be told to prune by: the methods by their names, and spread where it weighs. */
export const pruneOrders = ["age", "importance", "spread", "spread-by-bytes"] as const
export type PruneOrder = (typeof pruneOrders)[number]

export const methodOf = (order: PruneOrder): Method =>
  order === "spread-by-bytes" ? { name: "spread", weigh: true } : { name: order }

/**
 * An empty history of one host for a method. `bytes` (what a deletion would free, from the slots of a snapshot and its neighbours) is
 * used by a spread that weighs, and by it alone.
 */
export const historyFor = (
  method: Method,
  capacity?: number,
  bytes?: (slot: number, newer: number, older: number) => number
): History => {
  switch (method.name) {
    case "age":
      return new AgeHistory(capacity)
    case "importance":
      return new ImportanceHistory(method.targets, capacity)
    case "spread":
      return new SpreadHistory(method, capacity, method.weigh === true ? bytes : undefined)
  }
}
