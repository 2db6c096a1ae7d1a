// The method `age`: "simply deletes the oldest".
import { History, Tier } from "./history.ts"
import { isFuture, newestFirst, type Snapshot } from "./snapshot.ts"

/** Most important first: (t desc, host asc, id asc) over all hosts. Deletions take from the end. Future dates are left out. */
export const age = <S extends Snapshot>(snapshots: ReadonlyArray<S>, now: number): Array<S> =>
  snapshots.filter((snapshot) => !isFuture(snapshot, now)).toSorted(newestFirst)

export class AgeHistory extends History {
  override readonly newerFirst = false

  protected override begin(now: number): number {
    // Towards the newer the tiers only rise, but for what is first to go.
    const last = this.replaced > 0 ? Tier.first : Tier.young
    for (let slot = this.oldest; slot >= 0; slot = this.newer[slot]!) {
      const tier = this.tierAt(slot, now)
      if (tier <= last) return this.#found(slot, tier)
    }
    return this.#found(-1, Tier.never)
  }

  /** What is older than the last victim was passed over before: it belongs to a later tier, or to none. */
  protected override after(now: number, _gone: number, newer: number, _older: number): number {
    for (let slot = newer; slot >= 0; slot = this.newer[slot]!) {
      if (this.tierAt(slot, now) === this.tier) return this.#found(slot, this.tier)
    }
    return this.begin(now)
  }

  #found(slot: number, tier: number): number {
    this.tier = tier
    if (slot >= 0) this.key = this.t[slot]!
    return slot
  }
}
