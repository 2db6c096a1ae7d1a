// A store whose bytes are counted: each snapshot alone holds some, the rest is free. Its failures are in the test's hand.
import { Effect, Layer } from "effect"
import { formatSnapshotName } from "../../src/domain/snapshotName.ts"
import type { StoredSnapshot } from "../../src/domain/snapshotList.ts"
import { AuthorizedKeys } from "../../src/services/AuthorizedKeys.ts"
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

const toolError = (action: string, path: string) =>
  new BtrfsError({ reason: "unknown", action, path, exitCode: 1, stderr: "input/output error", argumentCount: 3 })
export const brokenDisk = (path: string) => toolError("delete", path)

interface Held extends StoredSnapshot {
  /** what its deletion returns */
  readonly bytes: number
}

export class StoreModel {
  /** bytes that no snapshot's deletion returns */
  live = 0
  metadataUsed = 0
  /** metadata that each deletion returns */
  metadataEach = 0
  readonly hosts = new Map<string, Array<Held>>()
  readonly pending = new Map<string, number>()
  /** of metadata: what a host's `current` alone holds, and each of its snapshots */
  readonly metadata = new Map<string, { readonly current: number; readonly each: number }>()
  /** what killed runs left under temporary names, by host */
  readonly temporary = new Map<string, ReadonlyArray<{ readonly name: string; readonly bytes: number }>>()
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
  /** metadata that a balance makes room for; null: it fails */
  balanceGives: number | null = 0
  readonly balanced: Array<"data" | "metadata"> = []
  /** how often a snapshot was compared with the newest */
  looks = 0

  get size(): number {
    return 100 * GB
  }

  get free(): number {
    const held = [...this.hosts.values(), ...this.temporary.values()].flat().reduce((sum, { bytes }) => sum + bytes, 0)
    return this.size - this.live - held - this.settling
  }

  /** A host that only ever adds: the newest holds all that the older ones do. */
  grows(host: string): void {
    const list = this.hosts.get(host)!
    for (const { bytes } of list) this.live += bytes
    this.hosts.set(
      host,
      list.map((one) => ({ ...one, bytes: 0 }))
    )
  }

  /** What a snapshot holds and the newest does not. */
  outlived(host: string, name: string, _newest: string): number {
    return this.hosts.get(host)?.find((one) => one.name === name)?.bytes ?? 0
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
          growth: () => checked(() => ({ bytes: 0, metadata: 0, rewritten: 0, created: 0 })),
          names: () => checked(() => ({ added: 0, removed: 0 })),
          files: () => checked(() => 0),
          pending: (host) => checked(() => ({ bytes: this.pending.get(host) ?? 0, metadata: 0 })),
          metadata: (host, names) =>
            checked(() => {
              const { current, each } = this.metadata.get(host) ?? { current: 0, each: 0 }
              return [...names.map(() => each), current]
            }),
          balance: (kind) =>
            Effect.suspend(() => {
              this.balanced.push(kind)
              if (this.balanceGives === null) return Effect.fail(toolError("balance", "/byteback"))
              this.metadataUsed -= this.balanceGives
              return Effect.void
            }),
          outlived: (host, name, newest) =>
            checked(() => {
              this.looks++
              return this.outlived(host, name, newest)
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
          seal: (host, name) =>
            checked(() => {
              const list = this.hosts.get(host) ?? []
              this.hosts.set(
                host,
                list.map((one) => (one.name === name ? { ...one, sealed: true } : one))
              )
            }),
          temporary: (host) =>
            checked(() => (this.temporary.get(host) ?? []).map(({ bytes, name }) => ({ bytes, name, metadata: 0 }))),
          sweep: (host) =>
            checked(() => {
              const found = this.temporary.get(host) ?? []
              this.temporary.delete(host)
              return found.map(({ name }) => name)
            }),
          // What is pending lies in `live`.
          reset: (host, name) =>
            checked(() => {
              this.live -= this.pending.get(host) ?? 0
              this.pending.delete(host)
              this.removed.push(`${host}/current, which is ${name} again`)
            }),
          removeHost: (host) =>
            Effect.gen({ self: this }, function* () {
              const deleted = [...this.names(host)]
              for (const name of deleted) {
                yield* this.onRemove(host, name, "before")
                this.hosts.set(host, this.hosts.get(host)!.slice(1))
                this.removed.push(`${host}/${name}`)
              }
              yield* this.onRemove(host, "current", "before")
              this.hosts.delete(host)
              this.live -= this.pending.get(host) ?? 0
              this.pending.delete(host)
              return { deleted: [...deleted, "current"], left: [] }
            }),
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
  body: Effect.Effect<A, E, AuthorizedKeys | Store | Journal | Registry | Runs | Lock | SystemFile | ServerConfig>,
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
        AuthorizedKeys.layerFake,
        Journal.layerFake,
        Registry.layerFake,
        Runs.layerFake,
        Lock.layerFake,
        SystemFile.layerFake,
        ServerConfig.layerFake()
      )
    )
  )
