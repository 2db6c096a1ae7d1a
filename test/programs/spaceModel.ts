// A store whose bytes are those of the simulation's hosts: what they wrote, and what deletions free.
import { Effect } from "effect"
import { HostSpace } from "../../src/domain/simulation/space.ts"
import { GB, StoreModel } from "./storeModel.ts"

interface SpaceOfHost {
  readonly space: HostSpace
  /** the space's record of each snapshot, by name */
  readonly numbers: Map<string, number>
}

export class SpaceModel extends StoreModel {
  readonly #capacity: number
  readonly spaces = new Map<string, SpaceOfHost>()

  constructor(capacity = 100 * GB) {
    super()
    this.#capacity = capacity
    this.onRemove = (host, name, when) =>
      Effect.sync(() => {
        const { numbers, space } = this.spaces.get(host)!
        if (when === "after") space.remove(numbers.get(name)!)
      })
  }

  override get size(): number {
    return this.#capacity
  }

  override get free(): number {
    if (this.spaces.size === 0) return super.free
    let free = this.size
    for (const { space } of this.spaces.values()) free -= space.used
    for (const bytes of this.pending.values()) free -= bytes
    return free
  }

  override outlived(host: string, name: string, newest: string): number {
    const { numbers, space } = this.spaces.get(host)!
    return space.outlived(numbers.get(name)!, numbers.get(newest)!)
  }
}
