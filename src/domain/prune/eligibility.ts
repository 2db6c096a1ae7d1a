// Which of a host's snapshots may be deleted automatically, and which of them before all others.
import { Tier } from "./history.ts"
import { isFuture, type Stored } from "./snapshot.ts"

export interface Eligibility {
  readonly tier: typeof Tier.first | typeof Tier.ordinary | typeof Tier.never
  /** Why it never goes, where it does not. */
  readonly why?: string
}

/** Unranked: it takes no rank, is no neighbour and never counts as the newest. */
export const isSuspect = (snapshot: Stored, now: number): boolean =>
  snapshot.state === "suspect" || isFuture(snapshot, now)

/**
 * For one host's snapshots, newest first, what each may suffer, in the same order. Never: the newest complete one (of dead hosts too;
 * the newest of all where none is complete, as it is all that the host has), held, suspect, in use, futile. First of all: what is incomplete,
 * unless it is newer than the last complete one.
 */
export const eligibility = (list: ReadonlyArray<Stored>, now: number): Array<Eligibility> => {
  let complete = list.findIndex((snapshot) => snapshot.state === "complete" && !isSuspect(snapshot, now))
  const some = complete >= 0
  if (!some) complete = list.findIndex((snapshot) => !isSuspect(snapshot, now))
  return list.map((snapshot, index): Eligibility => {
    if (isFuture(snapshot, now)) return never("dated in the future")
    if (snapshot.state === "suspect") return never("suspect, until someone has looked at it")
    if (snapshot.held) return never("held")
    if (snapshot.inUse) return never("in use")
    if (index === complete) {
      return never(`the newest ${some ? "complete " : ""}snapshot of ${snapshot.host}`)
    }
    if (snapshot.futile === true) return never("its deletion would free nothing, as the newest holds the same")
    return { tier: some && snapshot.state === "incomplete" && index > complete ? Tier.first : Tier.ordinary }
  })
}

const never = (why: string): Eligibility => ({ tier: Tier.never, why })
