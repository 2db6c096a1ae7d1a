// Filesystems and where they are mounted: looks at devices, makes btrfs on empty ones, mounts them.
import { Context, Effect, Layer, Schema } from "effect"
import { constants } from "node:fs"
import * as fs from "node:fs/promises"
import { dirname } from "node:path"
import type { ExitName } from "../domain/exitCode.ts"
import { type DeviceState, type MountedStore, storeLabel } from "../domain/setup/plan.ts"
import { Exec, type ExecError } from "./Exec.ts"

/** A filesystem could not be made or mounted. `not-empty` and `exists`: what is there was not touched. */
export class MountsError extends Schema.TaggedError<MountsError>()("MountsError", {
  reason: Schema.Literals(["not-empty", "in-use", "exists", "not-permitted", "no-btrfs", "no-space", "failed"]),
  program: Schema.String,
  argumentCount: Schema.Int,
  exitCode: Schema.Int,
  stderr: Schema.String
}) {
  get exit(): ExitName {
    return this.reason === "no-space" ? "noSpace" : "failed"
  }
  override get message() {
    const said = this.stderr.trim().split("\n").at(-1) ?? ""
    switch (this.reason) {
      case "not-empty":
        return `there is something on it already (${said}); it was not touched`
      case "in-use":
        return `it is in use (${said}); nothing was changed`
      case "exists":
        return `it is there already; it was not touched`
      case "not-permitted":
        return `${this.program} may not do this (${said}); run this as root, on a machine that may mount filesystems`
      case "no-btrfs":
        return `the kernel does not know btrfs (${said}); load it with modprobe btrfs`
      case "no-space":
        return `there is no room for it (${said}); make room or choose another place`
      case "failed":
        return `${this.program} ended with ${this.exitCode}: ${said}`
    }
  }
}

export class Mounts extends Context.Service<
  Mounts,
  {
    /** What is mounted exactly at this place (the last of several), `null` where nothing is. */
    readonly at: (path: string) => Effect.Effect<MountedStore | null, MountsError | ExecError>
    /** What a device or an image file holds, `null` where there is nothing of that name. */
    readonly device: (path: string) => Effect.Effect<DeviceState | null, MountsError | ExecError>
    /** How many bytes a file can come to hold where it lies, or would: what it holds on its disk, and what is free there. */
    readonly room: (path: string) => Effect.Effect<number, MountsError>
    /** The file that a loop device stands for, `null` for any other device. */
    readonly imageOf: (device: string) => Effect.Effect<string | null, MountsError | ExecError>
    /** Is there anything in a directory? One that is not there is empty. */
    readonly hasFiles: (path: string) => Effect.Effect<boolean, MountsError>
    /** Makes a sparse file (0600) of so many bytes, where nothing is yet. */
    readonly createImage: (path: string, bytes: number) => Effect.Effect<void, MountsError>
    /** Makes a btrfs with this UUID; on something that is not empty only with `force`. */
    readonly makeBtrfs: (options: {
      readonly path: string
      readonly uuid: string
      readonly force: boolean
    }) => Effect.Effect<void, MountsError | ExecError>
    /** Mounts a btrfs; an image needs `loop` among the options. */
    readonly mount: (
      source: string,
      target: string,
      options: ReadonlyArray<string>
    ) => Effect.Effect<void, MountsError | ExecError>
    /** Adds options to a mount that is there. */
    readonly remount: (target: string, options: ReadonlyArray<string>) => Effect.Effect<void, MountsError | ExecError>
    readonly unmount: (target: string) => Effect.Effect<void, MountsError | ExecError>
  }
>()("byteback/services/Mounts") {
  static readonly layer = Layer.effect(
    Mounts,
    Effect.gen(function* () {
      const exec = yield* Exec

      const run = Effect.fnUntraced(function* (program: string, args: ReadonlyArray<string>) {
        const { code, text, stderr } = yield* exec.run(program, args)
        if (code === 0) return text
        return yield* new MountsError({
          reason: reasonOf(stderr),
          program,
          argumentCount: args.length,
          exitCode: code,
          stderr
        })
      })

      const signatures = Effect.fnUntraced(function* (path: string) {
        const text = yield* run("wipefs", ["--no-act", "--json", "--", path])
        const { signatures: found } = yield* Effect.orDie(decodeSignatures(text))
        return found.map(({ type, label, uuid }) => ({ type, label: label ?? null, uuid: uuid ?? null }))
      })

      const mountTable = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
        const form = ["--json", "--list", "--nofsroot", "--output", "SOURCE,TARGET,FSTYPE,OPTIONS,FSROOT"]
        const { code, text, stderr } = yield* exec.run("findmnt", [...form, ...args])
        if (code === 1 && text.trim() === "") return []
        if (code !== 0) {
          return yield* new MountsError({
            reason: "failed",
            program: "findmnt",
            argumentCount: args.length,
            exitCode: code,
            stderr
          })
        }
        return (yield* Effect.orDie(decodeMounts(text))).filesystems
      })

      const at = Effect.fn("Mounts.at")(function* (path: string) {
        const found = (yield* mountTable(["--mountpoint", path])).at(-1)
        if (found === undefined) return null
        const inside = found.fstype === "btrfs" ? yield* signatures(found.source) : []
        return {
          source: found.source,
          type: found.fstype,
          options: found.options.split(","),
          subvolume: found.fsroot,
          uuid: inside.find(({ type }) => type === "btrfs")?.uuid ?? null
        }
      })

      const device = Effect.fn("Mounts.device")(function* (path: string) {
        const found = yield* attempt("stat", () => orMissing(fs.stat(path), null))
        if (found === null) return null
        if (!found.isFile() && !found.isBlockDevice()) {
          return { kind: "other" as const, bytes: 0, signatures: [], mountedAt: [] }
        }
        const kind = found.isFile() ? ("file" as const) : ("block" as const)
        const bytes = found.isFile() ? found.size : Number((yield* run("blockdev", ["--getsize64", path])).trim())
        // of an image, the loop devices that it backs are what is mounted
        const sources =
          kind === "block"
            ? [path]
            : (yield* run("losetup", ["--noheadings", "--output", "NAME", "--associated", path]))
                .split("\n")
                .map((line) => line.trim())
                .filter((line) => line !== "")
        const mounts = yield* Effect.forEach(sources, (source) => mountTable(["--source", source]))
        return {
          kind,
          bytes,
          signatures: yield* signatures(path),
          mountedAt: mounts.flat().map(({ target }) => target)
        }
      })

      const room = Effect.fn("Mounts.room")((path: string) =>
        attempt("statfs", async () => {
          const held = await orMissing(fs.stat(path), null)
          let there = path
          while (there !== "/" && (await orMissing(fs.stat(there), null)) === null) there = dirname(there)
          const { bavail, bsize } = await fs.statfs(there)
          return (held?.blocks ?? 0) * 512 + bavail * bsize
        })
      )

      const createImage = Effect.fn("Mounts.createImage")((path: string, bytes: number) =>
        attempt("open", async () => {
          const file = await fs.open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
          try {
            await file.truncate(bytes)
          } catch (cause) {
            await fs.rm(path, { force: true })
            throw cause
          } finally {
            await file.close()
          }
        })
      )

      const makeBtrfs: Mounts["Service"]["makeBtrfs"] = Effect.fn("Mounts.makeBtrfs")((options) =>
        Effect.asVoid(
          run("mkfs.btrfs", [
            "--quiet",
            "--label",
            storeLabel,
            "--uuid",
            options.uuid,
            ...(options.force ? ["--force"] : []),
            "--",
            options.path
          ])
        )
      )

      return Mounts.of({
        at,
        device,
        room,
        imageOf: Effect.fn("Mounts.imageOf")(function* (path: string) {
          if (!path.startsWith("/dev/loop")) return null
          const file = (yield* run("losetup", ["--noheadings", "--output", "BACK-FILE", path])).trim()
          return file === "" ? null : file
        }),
        hasFiles: Effect.fn("Mounts.hasFiles")((path: string) =>
          attempt("readdir", async () => (await orMissing(fs.readdir(path), [])).length > 0)
        ),
        createImage,
        makeBtrfs,
        mount: Effect.fn("Mounts.mount")((source, target, options) =>
          Effect.asVoid(run("mount", ["-t", "btrfs", "-o", options.join(","), "--", source, target]))
        ),
        remount: Effect.fn("Mounts.remount")((target, options) =>
          Effect.asVoid(run("mount", ["-o", ["remount", ...options].join(","), "--", target]))
        ),
        unmount: Effect.fn("Mounts.unmount")((target) => Effect.asVoid(run("umount", ["--", target])))
      })
    })
  )

  /** A stand-in: devices and mounts in memory, and a terabyte of room for images. `devices` are there at the start, empty or with a signature. */
  static readonly layerFake = (devices: Readonly<Record<string, DeviceState>> = {}) =>
    Layer.sync(Mounts, () => {
      const found = new Map(Object.entries(devices))
      const mounted = new Map<string, MountedStore>()
      const fail = (reason: MountsError["reason"], program: string) =>
        Effect.fail(new MountsError({ reason, program, argumentCount: 0, exitCode: 1, stderr: reason }))
      const mountedAt = (uuid: string | null) =>
        [...mounted].filter(([, one]) => uuid !== null && one.uuid === uuid).map(([place]) => place)
      const uuidOf = (path: string) => found.get(path)?.signatures.find(({ type }) => type === "btrfs")?.uuid ?? null
      return Mounts.of({
        at: (path) => Effect.sync(() => mounted.get(path) ?? null),
        device: (path) =>
          Effect.sync(() => {
            const one = found.get(path)
            return one === undefined ? null : { ...one, mountedAt: mountedAt(uuidOf(path)) }
          }),
        room: () => Effect.succeed(2 ** 40),
        imageOf: (path) => Effect.sync(() => (found.get(path)?.kind === "file" ? path : null)),
        hasFiles: () => Effect.succeed(false),
        createImage: (path, bytes) =>
          Effect.suspend(() => {
            if (found.has(path)) return fail("exists", "open")
            found.set(path, { kind: "file", bytes, signatures: [], mountedAt: [] })
            return Effect.void
          }),
        makeBtrfs: ({ path, uuid, force }) =>
          Effect.suspend(() => {
            const one = found.get(path)
            if (one === undefined) return fail("failed", "mkfs.btrfs")
            if (mountedAt(uuidOf(path)).length > 0) return fail("in-use", "mkfs.btrfs")
            if (one.signatures.length > 0 && !force) return fail("not-empty", "mkfs.btrfs")
            found.set(path, { ...one, signatures: [{ type: "btrfs", label: storeLabel, uuid }] })
            return Effect.void
          }),
        mount: (source, target, options) =>
          Effect.suspend(() => {
            const path = source.startsWith("UUID=")
              ? [...found.keys()].find((one) => uuidOf(one) === source.slice("UUID=".length))
              : source
            if (path === undefined || uuidOf(path) === null) return fail("failed", "mount")
            mounted.set(target, {
              source: path,
              type: "btrfs",
              options: ["rw", ...options.filter((option) => option !== "loop")],
              subvolume: "/",
              uuid: uuidOf(path)
            })
            return Effect.void
          }),
        remount: (target, options) =>
          Effect.suspend(() => {
            const one = mounted.get(target)
            if (one === undefined) return fail("failed", "mount")
            mounted.set(target, { ...one, options: [...new Set([...one.options, ...options])] })
            return Effect.void
          }),
        unmount: (target) => Effect.suspend(() => (mounted.delete(target) ? Effect.void : fail("failed", "umount")))
      })
    })
}

const attempt = <A>(program: string, work: () => Promise<A>) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => {
      const code = codeOf(cause)
      return new MountsError({
        reason:
          code === "EEXIST"
            ? "exists"
            : code === "ENOSPC" || code === "EFBIG"
              ? "no-space"
              : code === "EACCES"
                ? "not-permitted"
                : "failed",
        program,
        argumentCount: 0,
        exitCode: 1,
        stderr: cause instanceof Error ? cause.message : String(cause)
      })
    }
  })

/** What was found, or `otherwise` where there is nothing of that name. */
const orMissing = <A, B>(found: Promise<A>, otherwise: B): Promise<A | B> =>
  found.catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return otherwise
    throw cause
  })

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""

/** What mount and mkfs.btrfs mean by their words. */
const reasonOf = (stderr: string): MountsError["reason"] => {
  if (/unknown filesystem type/.test(stderr)) return "no-btrfs"
  if (/is mounted|already mounted|busy|in use/i.test(stderr)) return "in-use"
  if (/appears to contain|partition table/.test(stderr)) return "not-empty"
  if (/permission denied|must be superuser|not permitted/i.test(stderr)) return "not-permitted"
  return /no space|too small/i.test(stderr) ? "no-space" : "failed"
}

const decodeSignatures = Schema.decodeUnknownEffect(
  Schema.fromJsonString(
    Schema.Struct({
      signatures: Schema.Array(
        Schema.Struct({
          type: Schema.String,
          label: Schema.optionalKey(Schema.NullOr(Schema.String)),
          uuid: Schema.optionalKey(Schema.NullOr(Schema.String))
        })
      )
    })
  )
)

const decodeMounts = Schema.decodeUnknownEffect(
  Schema.fromJsonString(
    Schema.Struct({
      filesystems: Schema.Array(
        Schema.Struct({
          source: Schema.String,
          target: Schema.String,
          fstype: Schema.String,
          options: Schema.String,
          fsroot: Schema.String
        })
      )
    })
  )
)
