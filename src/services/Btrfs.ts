// The btrfs tool: subvolumes, snapshots, space. Its exit codes and stderr become typed errors here.
import { Context, Effect, Layer, Schema } from "effect"
import { accessSync, constants, lstatSync, statfsSync } from "node:fs"
import * as fs from "node:fs/promises"
import { dirname } from "node:path"
import type { ExitName } from "../domain/exitCode.ts"
import { type SendCommand, SendStream } from "../domain/sendStream.ts"
import { type StoreUsage, parseUsage } from "../domain/storeUsage.ts"
import { Exec, type ExecError, type ExecOptions } from "./Exec.ts"
import { filesBelow } from "./filesBelow.ts"
import { treeBytes } from "./treeBytes.ts"

const Reason = Schema.Literals([
  "no-space",
  "not-btrfs",
  "not-found",
  "exists",
  "read-only",
  "not-permitted",
  "unknown"
])
type Reason = typeof Reason.Type

const said: Record<Reason, string> = {
  "no-space": "the filesystem has no space left for it; prune or add a disk",
  "not-btrfs": "it is not a subvolume of a btrfs filesystem; is the store mounted?",
  "not-found": "there is no such subvolume",
  exists: "something of that name is already there",
  "read-only": "it is read-only, and so is what lies in it; see `dmesg` if the whole filesystem is",
  "not-permitted": "this needs root",
  unknown: "btrfs failed"
}

/** btrfs said no. What was there before is still there. */
export class BtrfsError extends Schema.TaggedError<BtrfsError>()("BtrfsError", {
  reason: Reason,
  /** what was to be done, in words: `snapshot` */
  action: Schema.String,
  path: Schema.String,
  exitCode: Schema.Int,
  /** the last 8 KiB */
  stderr: Schema.String,
  argumentCount: Schema.Int
}) {
  readonly program = "btrfs"
  get exit(): ExitName {
    return this.reason === "no-space" ? "noSpace" : "failed"
  }
  override get message() {
    const detail = this.stderr.trim()
    return `could not ${this.action} ${this.path}: ${said[this.reason]}${detail === "" ? "" : ` (${detail})`}`
  }
}

type Failure = BtrfsError | ExecError

/** What was written: `bytes` on the disk of file data, and of metadata (inodes, names, attributes, small files), a copy of it. */
export interface Written {
  readonly bytes: number
  readonly metadata: number
}

/** Files whose data was written: `rewritten` were there before by the same name, `created` were not. */
export interface Changes extends Written {
  readonly rewritten: number
  readonly created: number
}

/** How many names of files came and went; a renamed file counts as both, a directory not at all. */
export interface Names {
  readonly added: number
  readonly removed: number
}

/** The kernel's words for each errno, as btrfs-progs print them, and the tool's own checks before it asks the kernel. */
const reasonOf = (stderr: string): Reason => {
  if (/No space left on device|Disk quota exceeded/.test(stderr)) return "no-space"
  if (/not a btrfs (?:filesystem|subvolume)|Not a Btrfs subvolume|Inappropriate ioctl/i.test(stderr)) return "not-btrfs"
  if (/already exists|File exists/.test(stderr)) return "exists"
  if (/Read-only file system/.test(stderr)) return "read-only"
  if (/Operation not permitted|Permission denied/.test(stderr)) return "not-permitted"
  if (/No such file or directory|cannot find|unable to resolve/.test(stderr)) return "not-found"
  return "unknown"
}

/** How btrfs marks the root of a subvolume, and its filesystem. */
const rootInode = 256
const btrfsMagic = 0x9123683e

export class Btrfs extends Context.Service<
  Btrfs,
  {
    /** Makes an empty subvolume; its parent directory must be there. */
    readonly subvolumeCreate: (path: string) => Effect.Effect<void, Failure>
    /** A writable picture of `source` at `target`, which must not be there. Subvolumes within `source` are empty directories in it. */
    readonly snapshot: (source: string, target: string) => Effect.Effect<void, Failure>
    /** Makes a subvolume read-only, or writable again. */
    readonly setReadOnly: (path: string, readOnly: boolean) => Effect.Effect<void, Failure>
    /** Does the kernel refuse to write there? Asks it, without writing; true as well on a filesystem that is read-only as a whole. */
    readonly isReadOnly: (path: string) => Effect.Effect<boolean, BtrfsError>
    /** Is this the root of a subvolume? False for anything else, also for nothing at all and for a link to one. */
    readonly isSubvolume: (path: string) => Effect.Effect<boolean, BtrfsError>
    /** Deletes a subvolume, read-only or not, and those that lie within it first. Its space comes back later: see `sync`. Gives its id. */
    readonly deleteSubvolume: (path: string) => Effect.Effect<number, Failure>
    /**
     * Waits until the space of a deleted subvolume, or of everything deleted so far, is free again: ten minutes at most, as that never
     * comes while something has a file in it open. False where it has not.
     */
    readonly sync: (path: string, id?: number) => Effect.Effect<boolean, Failure>
    /** How full the filesystem is that holds this path. */
    readonly usage: (path: string) => Effect.Effect<StoreUsage, Failure>
    /** What was written to this subvolume since a snapshot of it or of its original was made (null: all). Reads only what changed. */
    readonly newBytes: (path: string, before: string | null) => Effect.Effect<Written, Failure>
    /**
     * What was written to `path` since its snapshot `before` was made: reads only the leaves that changed, and looks each file up there by
     * its path. Whatever a host calls its files, and makes of them, is no reason to fail.
     */
    readonly changes: (path: string, before: string) => Effect.Effect<Changes, Failure>
    /** Names of files that a snapshot has beyond those of the one `before` it, and those that it lacks. Reads only what changed. */
    readonly names: (path: string, before: string) => Effect.Effect<Names, Failure>
    /**
     * Bytes of file data that a snapshot holds and a `newer` one of the same subvolume does not (holes count as data). Reads only what
     * differs.
     */
    readonly outlived: (path: string, newer: string) => Effect.Effect<number, Failure>
    /** How many files a subvolume holds. Walks all of it: a second for each few hundred thousand. */
    readonly files: (path: string) => Effect.Effect<number, Failure>
    /**
     * Bytes of metadata (inodes, names, attributes, small files) of each of these subvolumes, of one filesystem, that were written since
     * the one before it in the list was made; of the first, all. Reads only what changed: half a second for 100,000 new files.
     */
    readonly metadata: (paths: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<number>, Failure>
    /** Empties chunks that are filled to at most half, so that they are unallocated again; a few at most. */
    readonly balance: (path: string, kind: "data" | "metadata") => Effect.Effect<void, Failure>
  }
>()("byteback/services/Btrfs") {
  static readonly layer = Layer.effect(
    Btrfs,
    Effect.gen(function* () {
      const exec = yield* Exec

      /** A tool that dies or never stops talking has failed at this one thing: what it was given may be why. */
      const start = (
        program: string,
        action: string,
        path: string,
        args: ReadonlyArray<string>,
        options?: ExecOptions
      ) =>
        exec.run(program, args, options).pipe(
          Effect.catchIf(
            ({ reason }) => reason !== "not-found" && reason !== "timeout",
            (error) => Effect.fail(failed(action, path, "unknown", error.message))
          )
        )

      const run = Effect.fnUntraced(function* (
        action: string,
        path: string,
        args: ReadonlyArray<string>,
        options?: ExecOptions
      ) {
        const ended = yield* start("btrfs", action, path, args, options)
        if (ended.code === 0) return ended
        const { code: exitCode, stderr } = ended
        const reason = reasonOf(stderr)
        return yield* new BtrfsError({ reason, action, path, exitCode, stderr, argumentCount: args.length })
      })

      const failed = (action: string, path: string, reason: Reason, stderr = "") =>
        new BtrfsError({ reason, action, path, exitCode: 0, stderr, argumentCount: 0 })

      const isSubvolume = Effect.fn("Btrfs.isSubvolume")((path: string) =>
        // All of a host's snapshots are looked at for each of its backups, and a promise for each look costs more than the look.
        Effect.try({
          try: () => {
            const found = lstatSync(path)
            return found.isDirectory() && found.ino === rootInode && statfsSync(path).type === btrfsMagic
          },
          catch: codeOf
        }).pipe(
          Effect.catch((code) =>
            code === "ENOENT" || code === "ENOTDIR"
              ? Effect.succeed(false)
              : Effect.fail(failed("look at", path, code === "EACCES" ? "not-permitted" : "unknown", code))
          )
        )
      )

      const children = Effect.fnUntraced(function* (path: string, name: string) {
        const { text } = yield* run("list", path, ["subvolume", "list", "-o", path])
        return parseList(text)
          .filter((child) => child.startsWith(`${name}/`))
          .map((child) => child.slice(name.length + 1))
      })

      /** `name` is where the subvolume lies in its filesystem, which need not be where it is mounted. */
      const deleteNamed = (path: string, name: string): Effect.Effect<void, Failure> =>
        Effect.gen(function* () {
          for (const below of yield* children(path, name)) {
            const child = `${path}/${below}`
            // Names within are the host's choice: nothing is deleted through a link or a `..`.
            const real = yield* Effect.tryPromise({
              try: () => fs.realpath(child),
              catch: (cause) => failed("delete", child, "not-found", codeOf(cause))
            })
            if (real !== child) return yield* failed("delete", child, "unknown", "its path leads elsewhere")
            yield* deleteNamed(child, `${name}/${below}`)
          }
          yield* run("delete", path, ["subvolume", "delete", path])
        })

      /**
       * What was written to each of these since a snapshot was made (null: ever), and then since the one before it: bytes on the disk.
       * Calls back with the path of each file whose data was, latin1; "" where the kernel cannot tell it.
       */
      const tree = Effect.fnUntraced(function* (
        before: string | null,
        paths: ReadonlyArray<string>,
        each?: (path: string) => void
      ) {
        let rest = ""
        // A path for each file: too many to keep.
        const onStdout = (chunk: Uint8Array) =>
          Effect.sync(() => {
            const files = (rest + Buffer.from(chunk).toString("latin1")).split("\0")
            rest = files.pop() ?? ""
            for (const file of files) each?.(file)
          })
        const words = [each === undefined ? "totals" : "names", before ?? "", ...paths]
        const { code, stderr } = yield* start("perl", "measure", paths[0] ?? "", ["-e", treeBytes, ...words], {
          onStdout,
          drain: true
        })
        const found = [...rest.matchAll(/^(\d+) (\d+)$/gm)]
        if (code !== 0 || found.length !== paths.length) {
          return yield* failed("measure", paths[0] ?? "", reasonOf(stderr), stderr)
        }
        return found.map(([, metadata, bytes]): Written => ({ metadata: Number(metadata), bytes: Number(bytes) }))
      })
      const newBytes = Effect.fn("Btrfs.newBytes")(function* (path: string, before: string | null) {
        return (yield* tree(before, [path]))[0]!
      })

      /** What makes `path` out of another snapshot, command by command. */
      const compare = Effect.fnUntraced(function* (path: string, other: string, each: (command: SendCommand) => void) {
        const stream = new SendStream()
        let damage = ""
        const onStdout = (chunk: Uint8Array) =>
          Effect.sync(() => {
            if (damage !== "") return
            try {
              for (const command of stream.take(chunk)) each(command)
            } catch (cause) {
              damage = cause instanceof Error ? cause.message : "its changes cannot be read"
            }
          })
        yield* run("compare", path, ["send", "--quiet", "--no-data", "-p", other, path], { onStdout })
        if (damage !== "") return yield* failed("compare", path, "unknown", damage)
      })

      return Btrfs.of({
        isSubvolume,
        changes: Effect.fn("Btrfs.changes")(function* (path, before) {
          let rewritten = 0
          let created = 0
          const wasFile = filesBelow(before)
          const [written] = yield* tree(before, [path], (file) => void (wasFile(file) ? rewritten++ : created++))
          return { ...written!, rewritten, created }
        }),
        names: Effect.fn("Btrfs.names")(function* (path, before) {
          let added = 0
          let removed = 0
          yield* compare(path, before, (command) => {
            if (command._tag === "link" || (command._tag === "make" && !command.directory)) added++
            if (command._tag === "remove" && !command.directory) removed++
          })
          return { added, removed }
        }),
        outlived: Effect.fn("Btrfs.outlived")(function* (path, newer) {
          let bytes = 0
          yield* compare(path, newer, (command) => {
            if (command._tag === "content") bytes += command.bytes
          })
          return bytes
        }),
        files: Effect.fn("Btrfs.files")(function* (path) {
          let count = 0
          const onStdout = (chunk: Uint8Array) => Effect.sync(() => void (count += chunk.length))
          const ended = yield* start(
            "find",
            "count the files of",
            path,
            [path, "-xdev", "-type", "f", "-printf", "."],
            { onStdout }
          )
          return ended.code === 0
            ? count
            : yield* failed("count the files of", path, reasonOf(ended.stderr), ended.stderr)
        }),
        metadata: Effect.fn("Btrfs.metadata")(function* (paths) {
          return (yield* tree(null, paths)).map(({ metadata }) => metadata)
        }),
        balance: Effect.fn("Btrfs.balance")((path, kind) =>
          Effect.asVoid(run("balance", path, ["balance", "start", `-${kind[0]}usage=50,limit=8`, path]))
        ),
        subvolumeCreate: Effect.fn("Btrfs.subvolumeCreate")((path) =>
          Effect.asVoid(run("create", path, ["subvolume", "create", path]))
        ),
        snapshot: Effect.fn("Btrfs.snapshot")(function* (source, target) {
          // The tool would put the snapshot INTO a directory that is there.
          if (yield* isThere(target)) return yield* failed("snapshot to", target, "exists")
          yield* run("snapshot", source, ["subvolume", "snapshot", source, target])
        }),
        setReadOnly: Effect.fn("Btrfs.setReadOnly")((path, readOnly) =>
          Effect.asVoid(
            run(readOnly ? "seal" : "unseal", path, ["property", "set", "-t", "subvol", path, "ro", String(readOnly)])
          )
        ),
        isReadOnly: Effect.fn("Btrfs.isReadOnly")(function* (path) {
          if (!(yield* isSubvolume(path))) return yield* failed("look at", path, "not-btrfs")
          return yield* Effect.try({
            try: () => {
              accessSync(path, constants.W_OK)
              return false
            },
            catch: codeOf
          }).pipe(
            Effect.catch((code) =>
              code === "EROFS"
                ? Effect.succeed(true)
                : Effect.fail(failed("look at", path, code === "EACCES" ? "not-permitted" : "unknown", code))
            )
          )
        }),
        deleteSubvolume: Effect.fn("Btrfs.deleteSubvolume")(function* (path) {
          if (!(yield* isSubvolume(path))) {
            return yield* failed("delete", path, (yield* isThere(path)) ? "not-btrfs" : "not-found")
          }
          const { text } = yield* run("look at", path, ["subvolume", "show", path])
          yield* deleteNamed(path, text.slice(0, text.indexOf("\n\tName:")))
          return Number(/^\tSubvolume ID:\s*(\d+)$/m.exec(text)?.[1])
        }),
        sync: Effect.fn("Btrfs.sync")(function* (path, id) {
          // Cleaning begins with the next commit, which the kernel would let wait for 30 s.
          yield* run("wait for", path, ["filesystem", "sync", path])
          const which = id === undefined || Number.isNaN(id) ? [] : [String(id)]
          const gone = yield* run("wait for", path, ["subvolume", "sync", path, ...which], {
            timeout: "10 minutes"
          }).pipe(
            Effect.as(true),
            Effect.catchIf(
              (error) => error._tag === "ExecError" && error.reason === "timeout",
              () => Effect.succeed(false)
            )
          )
          // What was cleaned is pinned until the next commit, and does not count as free before.
          yield* run("wait for", path, ["filesystem", "sync", path])
          return gone
        }),
        usage: Effect.fn("Btrfs.usage")(function* (path) {
          const { text } = yield* run("measure", path, ["filesystem", "usage", "-b", path])
          return parseUsage(text) ?? (yield* failed("measure", path, "unknown", "its figures cannot be read"))
        }),
        newBytes
      })
    })
  )

  /** Subvolumes in memory; every directory is one, and the root is `/`. Files are not known: nothing is ever new. */
  static readonly layerFake = Layer.sync(Btrfs, () => {
    const tree = new Map([["/", { readOnly: false }]])
    const fail = (action: string, path: string, reason: Reason) =>
      Effect.fail(new BtrfsError({ reason, action, path, exitCode: 1, stderr: "", argumentCount: 3 }))
    const make = (action: string, path: string) =>
      Effect.suspend(() => {
        const parent = tree.get(dirname(path))
        if (parent === undefined) return fail(action, path, "not-found")
        if (tree.has(path)) return fail(action, path, "exists")
        if (parent.readOnly) return fail(action, path, "read-only")
        tree.set(path, { readOnly: false })
        return Effect.void
      })
    const at = <A>(
      action: string,
      path: string,
      use: (found: { readOnly: boolean }) => A,
      absent: Reason = "not-found"
    ) =>
      Effect.suspend(() => {
        const found = tree.get(path)
        return found === undefined ? fail(action, path, absent) : Effect.sync(() => use(found))
      })
    /** What is found where both are there. */
    const since = <A>(action: string, path: string, other: string | null, found: A) =>
      Effect.as(
        Effect.andThen(
          at(action, path, () => {}),
          other === null ? Effect.void : at(action, other, () => {})
        ),
        found
      )
    const size = 1024 ** 4
    return Btrfs.of({
      isSubvolume: (path) => Effect.sync(() => tree.has(path)),
      subvolumeCreate: (path) => make("create", path),
      snapshot: (source, target) =>
        Effect.suspend(() => (tree.has(source) ? make("snapshot", target) : fail("snapshot", source, "not-found"))),
      setReadOnly: (path, readOnly) =>
        at(readOnly ? "seal" : "unseal", path, (found) => void (found.readOnly = readOnly)),
      isReadOnly: (path) => at("look at", path, (found) => found.readOnly, "not-btrfs"),
      deleteSubvolume: (path) =>
        at("delete", path, () => {
          for (const name of tree.keys()) if (name === path || name.startsWith(`${path}/`)) tree.delete(name)
          return 256
        }),
      sync: (path) => at("wait for", path, () => true),
      usage: (path) =>
        at("measure", path, () => ({
          size,
          unallocated: size,
          free: size,
          freeAtLeast: size / 2,
          data: { size: 2 ** 30, used: 0 },
          metadata: { size: 2 ** 30, used: 2 ** 20 },
          metadataRatio: 2,
          globalReserve: 2 ** 24
        })),
      newBytes: (path, before) => since("measure", path, before, { bytes: 0, metadata: 0 }),
      changes: (path, before) => since("measure", path, before, { bytes: 0, metadata: 0, rewritten: 0, created: 0 }),
      names: (path, before) => since("compare", path, before, { added: 0, removed: 0 }),
      outlived: (path, newer) => since("compare", path, newer, 0),
      files: (path) => at("measure", path, () => 0),
      metadata: (paths) => Effect.forEach(paths, (path) => at("measure the metadata of", path, () => 0)),
      balance: (path) => at("balance", path, () => {})
    })
  })
}

const isThere = (path: string) =>
  Effect.promise(() =>
    fs.lstat(path).then(
      () => true,
      () => false
    )
  )

/** Paths in `btrfs subvolume list`; a name may hold newlines, so an entry ends where the next one begins. */
const parseList = (text: string): ReadonlyArray<string> =>
  text
    .split(/^ID \d+ gen \d+ top level \d+ path /m)
    .slice(1)
    .map((path) => path.slice(0, -1))

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""
