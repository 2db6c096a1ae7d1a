// The store: a btrfs filesystem with a directory a host, in it `current` and the host's snapshots.
import { Context, Effect, Layer, Schema } from "effect"
import { lstatSync } from "node:fs"
import * as fs from "node:fs/promises"
import type { ExitName } from "../domain/exitCode.ts"
import { isHostName } from "../domain/hostName.ts"
import { snapshotTime } from "../domain/snapshotName.ts"
import { type StoredSnapshot, oldestFirst } from "../domain/snapshotList.ts"
import { type StoreTrouble, findMount, storeTrouble } from "../domain/storeMount.ts"
import type { StoreUsage } from "../domain/storeUsage.ts"
import { Btrfs, BtrfsError, type Changes, type Names, type Written } from "./Btrfs.ts"
import type { ExecError } from "./Exec.ts"
import { Layout } from "./Layout.ts"
import { hostWord } from "./hostWord.ts"
import { SystemFileError } from "./SystemFile.ts"

/** The store is not as it must be, so nothing was read or written there. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  reason: Schema.Literals(["not-mounted", "not-btrfs", "read-only", "hosts-may-delete"]),
  path: Schema.String
}) {
  get exit(): ExitName {
    return "failed"
  }
  override get message() {
    const { path } = this
    const trouble: Record<StoreTrouble, string> = {
      "not-mounted": `no filesystem is mounted at ${path}; \`mount ${path}\`, or \`byteback setup-server\` if there never was one`,
      "not-btrfs": `what is mounted at ${path} is not btrfs; mount the store there, or run \`byteback setup-server\``,
      "read-only": `the store ${path} is mounted read-only, which btrfs does by itself when it finds damage; see \`dmesg\``,
      "hosts-may-delete": `the store ${path} is mounted with user_subvol_rm_allowed, which lets a host delete its own history; remove that from /etc/fstab and mount it again`
    }
    return `${trouble[this.reason]}; nothing was changed`
  }
}

/** There is already a `current` of another owner: another host's data, or this host's from before it got another uid. */
export class OwnerMismatch extends Schema.TaggedError<OwnerMismatch>()("OwnerMismatch", {
  path: Schema.String,
  expected: Schema.Int,
  found: Schema.Int
}) {
  get exit(): ExitName {
    return "refused"
  }
  override get message() {
    return `${this.path} is there already and belongs to uid ${this.found}, not ${this.expected}; it was left as it is: move it aside, or add the host under another name`
  }
}

/** In bytes on the disk and files that were written: `rewritten` were there before by the same name, `created` were not. */
export type Growth = Changes

export type StoreError = StoreUnavailable | SystemFileError | BtrfsError | ExecError

export class Store extends Context.Service<
  Store,
  {
    /** Is a usable btrfs mounted at the store's place? All other methods check this first. */
    readonly mounted: Effect.Effect<void, StoreUnavailable | SystemFileError>
    /** Hosts that have a directory in the store, by name; some of them may no longer be enrolled. */
    readonly hosts: Effect.Effect<ReadonlyArray<string>, StoreError>
    /** Makes the host's directory and its empty `current`, owned by `uid` (gid the same). What is there and right is left as it is. */
    readonly createHost: (host: string, uid: number) => Effect.Effect<void, StoreError | OwnerMismatch>
    /**
     * Deletes `current` and all snapshots of the host for ever. What byteback did not make is left (`left`, names), and
     * then so is the directory.
     */
    readonly removeHost: (
      host: string
    ) => Effect.Effect<{ readonly deleted: ReadonlyArray<string>; readonly left: ReadonlyArray<string> }, StoreError>
    /** The host's restore points, oldest first, those of unknown time before all others. Files, links and what is half-made do not count. */
    readonly snapshots: (host: string) => Effect.Effect<ReadonlyArray<StoredSnapshot>, StoreError>
    /**
     * Takes a snapshot of `current`, whole or not at all: made under a temporary name, given to root, sealed, read back,
     * and only then renamed to its name and synced. Whoever calls holds the host's lock.
     */
    readonly take: (host: string, name: string) => Effect.Effect<StoredSnapshot, StoreError>
    /** Gives a snapshot to root and makes it read-only, as `take` would have; one that is sealed stays as it is. */
    readonly seal: (host: string, name: string) => Effect.Effect<void, StoreError>
    /** Makes `current` what the snapshot is, and forgets what else it held. Whoever calls holds the host's lock. */
    readonly reset: (host: string, name: string) => Effect.Effect<void, StoreError>
    /**
     * What `sweep` would delete, each with about what it holds and nothing else does; `previous` is the host's last snapshot. Whoever
     * calls holds the host's lock, or it may be what a run is making.
     */
    readonly temporary: (
      host: string,
      previous: string | null
    ) => Effect.Effect<ReadonlyArray<Written & { readonly name: string }>, StoreError>
    /** Deletes what killed runs left under temporary names, and says what. Whoever calls holds the host's lock. */
    readonly sweep: (host: string) => Effect.Effect<ReadonlyArray<string>, StoreError>
    /**
     * What the host's `name` (`current` or a snapshot) holds that its snapshot `previous` did not; null: all bytes of it, and no word of
     * files. Reads only what changed, so it cannot tell what was deleted.
     */
    readonly growth: (host: string, name: string, previous: string | null) => Effect.Effect<Growth, StoreError>
    /** Names of files that came and went between two snapshots of a host. Reads only what changed. */
    readonly names: (host: string, name: string, previous: string) => Effect.Effect<Names, StoreError>
    /** Bytes of a host's snapshot that a `newer` one of it does not hold: no deletion of the first frees more, while the second stays. */
    readonly outlived: (host: string, name: string, newer: string) => Effect.Effect<number, StoreError>
    /** How many files the host's `name` (`current` or a snapshot) holds. Walks all of it. */
    readonly files: (host: string, name: string) => Effect.Effect<number, StoreError>
    /** What the host's `current` holds and no snapshot yet; `previous` is its last. */
    readonly pending: (host: string, previous: string | null) => Effect.Effect<Written, StoreError>
    /** Bytes of metadata that each of the host's snapshots (oldest first), and in the end its `current`, holds beyond the one before it. */
    readonly metadata: (
      host: string,
      snapshots: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<number>, StoreError>
    /**
     * Deletes a snapshot of ours, and returns when its space is free; false where it is not after ten minutes, as something still has it
     * open. Refuses what is not one: another name, a file, a link, what is not root's and read-only. One that is gone already is no error.
     */
    readonly remove: (host: string, name: string) => Effect.Effect<boolean, StoreError>
    /** Gives badly filled chunks of one kind back, so that the other can grow. */
    readonly balance: (kind: "data" | "metadata") => Effect.Effect<void, StoreError>
    /** Returns when the space of all that was deleted is free. */
    readonly settled: Effect.Effect<void, StoreError>
    /** How full the store is. */
    readonly free: Effect.Effect<StoreUsage, StoreError>
  }
>()("byteback/services/Store") {
  static readonly layer = Layer.effect(
    Store,
    Effect.gen(function* () {
      const layout = yield* Layout
      const btrfs = yield* Btrfs
      const root = layout.store
      const directory = (host: string) => `${root}/${hostWord(host)}`

      const attempt = <A>(path: string, action: SystemFileError["action"], work: () => Promise<A>) =>
        Effect.tryPromise({ try: work, catch: (cause) => failure(path, action, cause) })

      const mounted = Effect.gen(function* () {
        const table = yield* attempt("/proc/self/mountinfo", "read", () =>
          fs.readFile("/proc/self/mountinfo", "latin1")
        )
        const reason = storeTrouble(findMount(table, root))
        if (reason !== null) return yield* new StoreUnavailable({ reason, path: root })
      })

      /** Names in a host's directory; none where there is no directory. */
      const names = (host: string) =>
        attempt(directory(host), "read", () => fs.readdir(directory(host)).catch(ifMissing([])))

      const look = Effect.fnUntraced(function* (host: string, name: string) {
        const path = `${directory(host)}/${name}`
        // A promise for each look would cost more than the look, see `Btrfs.isSubvolume`.
        const found = yield* Effect.try({
          try: () => lstatSync(path, { throwIfNoEntry: false }),
          catch: (cause) => failure(path, "read", cause)
        })
        if (found?.isDirectory() !== true) return null
        const at = (yield* btrfs.isSubvolume(path)) ? snapshotTime(name) : undefined
        if (at === undefined) return { name, at: null, foreign: true, sealed: false }
        const sealed = isRoots(found) && (yield* btrfs.isReadOnly(path))
        return { name, at, foreign: false, sealed }
      })

      const snapshots = Effect.fnUntraced(function* (host: string) {
        const candidates = (yield* names(host)).filter((name) => name !== "current" && !name.startsWith("."))
        const found = yield* Effect.forEach(candidates, (name) => look(host, name))
        return found.filter((snapshot) => snapshot !== null).toSorted(oldestFirst)
      })

      /** Gives a subvolume of a host to root, makes it read-only, and reads that back. */
      const sealAt = Effect.fnUntraced(function* (host: string, path: string) {
        yield* attempt(path, "make", async () => {
          // The root inode came with the host as its owner, who could turn `ro` off again. The group may enter: a restore
          // reads with the host's uid.
          const { uid } = await fs.lstat(`${directory(host)}/current`)
          await fs.chown(path, 0, uid)
          await fs.chmod(path, 0o750)
        })
        yield* btrfs.setReadOnly(path, true)
        const owner = yield* attempt(path, "read", () => fs.lstat(path))
        if (!isRoots(owner) || !(yield* btrfs.isReadOnly(path))) {
          const stderr = "it does not read back as root's and read-only"
          return yield* new BtrfsError({ ...refused, reason: "unknown", action: "seal", path, stderr })
        }
      })

      const temporary = Effect.fnUntraced(function* (host: string) {
        const found = (yield* names(host)).filter(isTemporary)
        return yield* Effect.filter(found, (name) => btrfs.isSubvolume(`${directory(host)}/${name}`))
      })

      const sweep = Effect.fnUntraced(function* (host: string) {
        const swept = yield* temporary(host)
        for (const name of swept) yield* btrfs.deleteSubvolume(`${directory(host)}/${name}`)
        return swept
      })

      /** Makes a subvolume appear under its name finished or not at all. */
      const finished = <E>(
        host: string,
        name: string,
        make: (temporary: string) => Effect.Effect<void, E>
      ): Effect.Effect<void, E | StoreError> => {
        const temporary = `${directory(host)}/${temporaryName(name)}`
        const path = `${directory(host)}/${name}`
        return make(temporary).pipe(
          // Directories can be renamed over empty ones; the host's lock keeps others from making one meanwhile.
          Effect.andThen(attempt(path, "make", () => fs.rename(temporary, path))),
          Effect.onError(() =>
            Effect.ignore(
              Effect.flatMap(btrfs.isSubvolume(temporary), (there) =>
                there ? Effect.asVoid(btrfs.deleteSubvolume(temporary)) : Effect.void
              )
            )
          ),
          Effect.andThen(attempt(directory(host), "write", () => sync(directory(host)))),
          Effect.uninterruptible
        )
      }

      const readable = (host: string, name: string) => {
        if (name !== "current") snapshotWord(name)
        return `${directory(host)}/${name}`
      }

      const guarded = <A, E>(work: Effect.Effect<A, E>) => Effect.andThen(mounted, work)

      return Store.of({
        mounted,
        hosts: guarded(
          attempt(root, "read", () => fs.readdir(root, { withFileTypes: true })).pipe(
            Effect.map((entries) =>
              entries
                .filter((entry) => entry.isDirectory() && isHostName(entry.name))
                .map((entry) => entry.name)
                .toSorted()
            )
          )
        ),
        createHost: Effect.fn("Store.createHost")(function* (host, uid) {
          const place = directory(host)
          const current = `${place}/current`
          yield* mounted
          yield* attempt(place, "make", async () => {
            await fs.mkdir(place, { mode: 0o755 }).catch(ifExists)
            if (!(await fs.lstat(place)).isDirectory())
              throw new Error("something that is no directory is in its place")
            await fs.chown(place, 0, 0)
            await fs.chmod(place, 0o755)
          })
          if (yield* btrfs.isSubvolume(current)) {
            const found = yield* attempt(current, "read", () => fs.lstat(current))
            if (found.uid !== uid) return yield* new OwnerMismatch({ path: current, expected: uid, found: found.uid })
            return
          }
          const there = yield* attempt(current, "read", () => fs.lstat(current).catch(ifMissing(null)))
          if (there !== null) return yield* taken("make", current)
          yield* sweep(host)
          yield* finished(host, "current", (temporary) =>
            Effect.gen(function* () {
              yield* btrfs.subvolumeCreate(temporary)
              yield* attempt(temporary, "make", async () => {
                await fs.chown(temporary, uid, uid)
                await fs.chmod(temporary, 0o700)
              })
            })
          )
        }),
        removeHost: Effect.fn("Store.removeHost")(function* (host) {
          yield* mounted
          const place = directory(host)
          const deleted: Array<string> = []
          const ours = (yield* snapshots(host)).filter(({ foreign }) => !foreign).map(({ name }) => name)
          yield* sweep(host)
          for (const name of [...ours, "current"]) {
            const path = `${place}/${name}`
            if (!(yield* btrfs.isSubvolume(path))) continue
            yield* btrfs.deleteSubvolume(path)
            deleted.push(name)
          }
          const left = yield* names(host)
          if (left.length === 0) yield* attempt(place, "remove", () => fs.rmdir(place).catch(ifMissing(undefined)))
          return { deleted, left }
        }),
        snapshots: Effect.fn("Store.snapshots")((host) => guarded(snapshots(host))),
        take: Effect.fn("Store.take")(function* (host, name) {
          const at = snapshotWord(name)
          yield* mounted
          const current = `${directory(host)}/current`
          const path = `${directory(host)}/${name}`
          if ((yield* attempt(path, "read", () => fs.lstat(path).catch(ifMissing(null)))) !== null) {
            return yield* taken("snapshot to", path)
          }
          yield* finished(host, name, (temporary) =>
            Effect.andThen(btrfs.snapshot(current, temporary), sealAt(host, temporary))
          )
          return { name, at, foreign: false, sealed: true }
        }),
        seal: Effect.fn("Store.seal")(function* (host, name) {
          snapshotWord(name)
          yield* mounted
          const path = `${directory(host)}/${name}`
          const found = yield* look(host, name)
          if (found === null || found.foreign) return yield* notOurs("seal", path, "it is not a snapshot")
          if (found.sealed) return
          // A root inode that is read-only already can be given to nobody.
          yield* btrfs.setReadOnly(path, false)
          yield* sealAt(host, path)
        }),
        reset: Effect.fn("Store.reset")(function* (host, name) {
          snapshotWord(name)
          yield* mounted
          const current = `${directory(host)}/current`
          const aside = `${directory(host)}/${temporaryName("aside")}`
          const found = yield* look(host, name)
          if (found === null || !found.sealed)
            return yield* notOurs("reset to", `${directory(host)}/${name}`, "it is not a sealed snapshot")
          yield* sweep(host)
          // A kill between the two renames leaves a host without `current`, and everything that it had: enrolling it makes one.
          yield* finished(host, "current", (temporary) =>
            Effect.gen(function* () {
              yield* btrfs.snapshot(`${directory(host)}/${name}`, temporary)
              yield* attempt(temporary, "make", async () => {
                const { uid } = await fs.lstat(current)
                await fs.chown(temporary, uid, uid)
                await fs.chmod(temporary, 0o700)
                await fs.rename(current, aside)
              })
            })
          )
          yield* sweep(host)
        }),
        temporary: Effect.fn("Store.temporary")(function* (host, previous) {
          yield* mounted
          const there = yield* btrfs.isSubvolume(`${directory(host)}/current`)
          return yield* Effect.forEach(yield* temporary(host), (name) =>
            // What was to be a snapshot holds what `current` does.
            there && snapshotTime(name.slice(temporaryName("").length)) !== undefined
              ? Effect.succeed({ name, bytes: 0, metadata: 0 })
              : Effect.map(
                  btrfs.newBytes(`${directory(host)}/${name}`, previous === null ? null : readable(host, previous)),
                  (written) => ({ name, ...written })
                )
          )
        }),
        sweep: Effect.fn("Store.sweep")((host) => guarded(sweep(host))),
        growth: Effect.fn("Store.growth")(function* (host, name, previous) {
          const path = readable(host, name)
          yield* mounted
          return previous === null
            ? { ...(yield* btrfs.newBytes(path, null)), rewritten: 0, created: 0 }
            : yield* btrfs.changes(path, readable(host, previous))
        }),
        names: Effect.fn("Store.names")((host, name, previous) =>
          guarded(btrfs.names(readable(host, name), readable(host, previous)))
        ),
        outlived: Effect.fn("Store.outlived")((host, name, newer) =>
          guarded(btrfs.outlived(readable(host, name), readable(host, newer)))
        ),
        files: Effect.fn("Store.files")((host, name) => guarded(btrfs.files(readable(host, name)))),
        pending: Effect.fn("Store.pending")(function* (host, previous) {
          yield* mounted
          const current = `${directory(host)}/current`
          if (!(yield* btrfs.isSubvolume(current))) return { bytes: 0, metadata: 0 }
          return yield* btrfs.newBytes(current, previous === null ? null : `${directory(host)}/${previous}`)
        }),
        metadata: Effect.fn("Store.metadata")(function* (host, snapshots) {
          yield* mounted
          const current = readable(host, "current")
          const paths = snapshots.map((name) => readable(host, name))
          return (yield* btrfs.isSubvolume(current))
            ? yield* btrfs.metadata([...paths, current])
            : [...(paths.length === 0 ? [] : yield* btrfs.metadata(paths)), 0]
        }),
        remove: Effect.fn("Store.remove")(function* (host, name) {
          snapshotWord(name)
          yield* mounted
          const path = `${directory(host)}/${name}`
          const found = yield* look(host, name)
          let id: number | undefined
          if (found === null) {
            const there = yield* attempt(path, "read", () => fs.lstat(path).catch(ifMissing(null)))
            if (there !== null) return yield* notOurs("delete", path, "it is no directory")
          } else {
            if (found.foreign || !found.sealed)
              return yield* notOurs("delete", path, "it is not a snapshot that byteback sealed")
            id = yield* btrfs.deleteSubvolume(path)
          }
          return yield* btrfs.sync(root, id)
        }),
        balance: Effect.fn("Store.balance")((kind) => guarded(btrfs.balance(root, kind))),
        settled: guarded(btrfs.sync(root)),
        free: guarded(btrfs.usage(root))
      })
    })
  )

  /** A store in memory, mounted and never full. */
  static readonly layerFake = Layer.sync(Store, () => {
    const hosts = new Map<string, { readonly uid: number; readonly snapshots: Map<string, StoredSnapshot> }>()
    /** What is found in a host's `current` or snapshots, where all of them are there. */
    const having = <A>(host: string, names: ReadonlyArray<string>, found: A) =>
      Effect.suspend(() => {
        const its = hosts.get(hostWord(host))
        const missing = names.find((name) => (name === "current" ? its === undefined : !its?.snapshots.has(name)))
        if (missing === undefined) return Effect.succeed(found)
        const path = fakePath(host, missing)
        return Effect.fail(new BtrfsError({ ...refused, reason: "not-found", action: "measure", path, stderr: "" }))
      })
    return Store.of({
      mounted: Effect.void,
      hosts: Effect.sync(() => [...hosts.keys()].toSorted()),
      createHost: (host, uid) =>
        Effect.suspend(() => {
          const found = hosts.get(hostWord(host))?.uid ?? uid
          if (found !== uid) {
            return Effect.fail(new OwnerMismatch({ path: fakePath(host, "current"), expected: uid, found }))
          }
          if (!hosts.has(host)) hosts.set(host, { uid, snapshots: new Map() })
          return Effect.void
        }),
      removeHost: (host) =>
        Effect.sync(() => {
          const found = hosts.get(hostWord(host))
          hosts.delete(host)
          const deleted = found === undefined ? [] : [...found.snapshots.keys(), "current"]
          return { deleted, left: [] }
        }),
      snapshots: (host) =>
        Effect.sync(() => [...(hosts.get(hostWord(host))?.snapshots.values() ?? [])].toSorted(oldestFirst)),
      take: (host, name) =>
        Effect.suspend(() => {
          const found = hosts.get(hostWord(host))
          const snapshot = { name, at: snapshotWord(name), foreign: false, sealed: true }
          if (found === undefined) {
            const missing = fakePath(host, "current")
            return Effect.fail(
              new BtrfsError({ ...refused, reason: "not-found", action: "snapshot", path: missing, stderr: "" })
            )
          }
          if (found.snapshots.has(name)) return Effect.fail(taken("snapshot to", fakePath(host, name)))
          found.snapshots.set(name, snapshot)
          return Effect.succeed(snapshot)
        }),
      seal: (host, name) =>
        Effect.suspend(() => {
          const its = hosts.get(hostWord(host))?.snapshots
          const found = its?.get(name)
          if (its === undefined || found === undefined) {
            return Effect.fail(notOurs("seal", fakePath(host, name), "it is not a snapshot"))
          }
          its.set(name, { ...found, sealed: true })
          return Effect.void
        }),
      reset: (host, name) =>
        hosts.get(hostWord(host))?.snapshots.get(name)?.sealed === true
          ? Effect.void
          : Effect.fail(notOurs("reset to", fakePath(host, name), "it is not a sealed snapshot")),
      temporary: () => Effect.succeed([]),
      sweep: () => Effect.succeed([]),
      growth: (host, name, previous) =>
        having(host, [name, ...(previous === null ? [] : [previous])], {
          bytes: 0,
          metadata: 0,
          rewritten: 0,
          created: 0
        }),
      names: (host, name, previous) => having(host, [name, previous], { added: 0, removed: 0 }),
      outlived: (host, name, newer) => having(host, [name, newer], 0),
      files: (host, name) => having(host, [name], 0),
      pending: (host, previous) =>
        Effect.suspend(() =>
          having(host, hosts.has(host) && previous !== null ? [previous] : [], { bytes: 0, metadata: 0 })
        ),
      metadata: (host, snapshots) => having(host, snapshots, [...snapshots.map(() => 0), 0]),
      remove: (host, name) =>
        Effect.sync(() => {
          snapshotWord(name)
          hosts.get(hostWord(host))?.snapshots.delete(name)
          return true
        }),
      balance: () => Effect.void,
      settled: Effect.void,
      free: Effect.flatMap(Btrfs, (btrfs) => btrfs.usage("/")).pipe(Effect.provide(Btrfs.layerFake))
    })
  })
}

/** What is not yet whole is called so; nothing else may begin like it. */
const temporaryName = (name: string): string => `.new-${name}`
const isTemporary = (name: string): boolean => name.startsWith(".new-")

/** Nobody but root can change it, or its flags. */
const isRoots = (found: { readonly uid: number; readonly mode: number }): boolean =>
  found.uid === 0 && (found.mode & 0o022) === 0

const fakePath = (host: string, name: string): string => `/byteback/${hostWord(host)}/${name}`

const refused = { exitCode: 0, argumentCount: 0 }

const notOurs = (action: string, path: string, why: string) =>
  new BtrfsError({ ...refused, reason: "unknown", action, path, stderr: `${why}; it was left alone` })

const taken = (action: string, path: string) =>
  new BtrfsError({ ...refused, reason: "exists", action, path, stderr: "" })

/** The time of a snapshot's name. Throws (a defect) for any other word: no path is made of it. */
const snapshotWord = (name: string): number => {
  const at = snapshotTime(name)
  if (at === undefined) throw new Error(`not a snapshot's name: ${JSON.stringify(name.slice(0, 80))}`)
  return at
}

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""

const ifMissing =
  <A>(value: A) =>
  (cause: unknown): A => {
    if (codeOf(cause) === "ENOENT") return value
    throw cause
  }

const ifExists = (cause: unknown): void => {
  if (codeOf(cause) !== "EEXIST") throw cause
}

const sync = async (path: string): Promise<void> => {
  const directory = await fs.open(path, "r")
  await directory.sync().finally(() => directory.close())
}

const failure = (path: string, action: SystemFileError["action"], cause: unknown) =>
  new SystemFileError({
    path,
    action,
    code: codeOf(cause),
    detail: cause instanceof Error ? cause.message : String(cause)
  })
