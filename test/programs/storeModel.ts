// A store whose bytes are counted: each snapshot alone holds some, the rest is free. Its failures are in the test's hand.
import { Effect, Layer } from "effect"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import type { StoredSnapshot } from "../../src/domain/snapshotList.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Registry } from "../../src/services/Registry.ts"
import { Runs } from "../../src/services/Runs.ts"
import { ServerConfig } from "../../src/services/ServerConfig.ts"
import { BtrfsError } from "../../src/services/Btrfs.ts"
import { Store, StoreUnavailable } from "../../src/services/Store.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { at, start } from "./serverFakes.ts"

export const GB = 10 ** 9
export const day = 86_400

export const brokenDisk = (path: string) =>
  new BtrfsError({
    reason: "unknown",
    action: "delete",
    path,
    exitCode: 1,
    stderr: "input/output error",
    argumentCount: 3
  })

interface Held extends StoredSnapshot {
  /** what its deletion returns */
  readonly bytes: number
}

export class StoreModel {
  readonly size = 100 * GB
  /** bytes that no snapshot's deletion returns */
  live = 0
  metadataUsed = 0
  /** metadata that each deletion returns */
  metadataEach = 0
  readonly hosts = new Map<string, Array<Held>>()
  readonly pending = new Map<string, number>()
  /** of metadata: what a host's `current` alone holds, and each of its snapshots */
  readonly metadata = new Map<string, { readonly current: number; readonly each: number }>()
  /** names whose deletion fails */
  readonly failing = new Set<string>()
  /** called as a deletion is about to happen, and when it has */
  onRemove: (host: string, name: string, when: "before" | "after") => Effect.Effect<void, BtrfsError> = () =>
    Effect.void
  mounted = true
  /** bytes of what was deleted and is not free yet */
  settling = 0
  /** whether the space of what is deleted comes back in time */
  settles = true
  readonly removed: Array<string> = []

  get free(): number {
    const held = [...this.hosts.values()].flat().reduce((sum, { bytes }) => sum + bytes, 0)
    return this.size - this.live - held - this.settling
  }

  names(host: string): ReadonlyArray<string> {
    return (this.hosts.get(host) ?? []).map(({ name }) => name)
  }

  get layer(): Layer.Layer<Store> {
    const checked = <A>(value: () => A) =>
      Effect.suspend(() =>
        this.mounted
          ? Effect.sync(value)
          : Effect.fail(new StoreUnavailable({ reason: "not-mounted", path: "/byteback" }))
      )
    return Layer.effect(
      Store,
      Effect.map(Store, (fake) =>
        Store.of({
          ...fake,
          mounted: checked(() => undefined),
          hosts: checked(() => [...this.hosts.keys()].toSorted()),
          snapshots: (host) => checked(() => this.hosts.get(host) ?? []),
          pending: (host) => checked(() => ({ bytes: this.pending.get(host) ?? 0, metadata: 0 })),
          metadata: (host, names) =>
            checked(() => {
              const { current, each } = this.metadata.get(host) ?? { current: 0, each: 0 }
              return [...names.map(() => each), current]
            }),
          settled: checked(() => void (this.settling = 0)),
          free: checked(() => ({
            size: this.size,
            unallocated: 0,
            free: this.free,
            freeAtLeast: this.free,
            data: { size: this.size, used: this.size - this.free },
            metadata: { size: 10 * GB, used: this.metadataUsed },
            metadataRatio: 2,
            globalReserve: 0
          })),
          remove: (host, name) =>
            Effect.gen({ self: this }, function* () {
              yield* checked(() => undefined)
              yield* this.onRemove(host, name, "before")
              if (this.failing.has(name)) {
                return yield* brokenDisk(`/byteback/${host}/${name}`)
              }
              const list = this.hosts.get(host) ?? []
              if (list.some((one) => one.name === name)) {
                this.removed.push(`${host}/${name}`)
                this.metadataUsed -= this.metadataEach
              }
              this.hosts.set(
                host,
                list.filter((one) => one.name !== name)
              )
              yield* this.onRemove(host, name, "after")
              return this.settles
            })
        })
      )
    ).pipe(Layer.provide(Store.layerFake))
  }

  /** Snapshots of a host by their ages in days, and the journal's entries for them: each backup has `bytes` new ones. */
  readonly filled = Effect.fn("filled")(
    { self: this },
    function* (host: string, ages: ReadonlyArray<number>, bytes: number, known: boolean = true) {
      const journal = yield* Journal
      const taken = ages.toSorted((a, b) => b - a).map((age) => start - Math.round(age * day))
      this.hosts.set(
        host,
        taken.map((time) => {
          const minute = time - (time % 60)
          return { name: formatSnapshotName(time), at: minute, foreign: false, sealed: true, bytes }
        })
      )
      for (const time of taken) {
        yield* journal.append(host, {
          _tag: "snapshot",
          at: time,
          name: formatSnapshotName(time),
          state: "complete",
          by: "host",
          transfer: 0,
          ...(known ? { bytes, files: 1000 } : {})
        })
      }
    }
  )
}

/** A server with a store of this model, at `start`, its hosts enrolled. */
export const onModel = <A, E>(
  model: StoreModel,
  body: Effect.Effect<A, E, Store | Journal | Registry | Runs | Lock | SystemFile | ServerConfig>,
  hosts: ReadonlyArray<string> = ["a", "b"]
) =>
  Effect.gen(function* () {
    yield* at(start)
    for (const host of hosts) yield* (yield* Registry).add(host)
    return yield* body
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        model.layer,
        Journal.layerFake,
        Registry.layerFake,
        Runs.layerFake,
        Lock.layerFake,
        SystemFile.layerFake,
        ServerConfig.layerFake()
      )
    )
  )
