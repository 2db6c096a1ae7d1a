// Small text files of the machine's configuration: read whole, replaced atomically, never written through a link.
import { Context, Effect, Layer, Schema } from "effect"
import { constants } from "node:fs"
import * as fs from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import type { ExitName } from "../domain/exitCode.ts"

/** A file could not be read or written. What was there before is still there. */
export class SystemFileError extends Schema.TaggedError<SystemFileError>()("SystemFileError", {
  path: Schema.String,
  action: Schema.Literals(["read", "write", "remove", "make"]),
  code: Schema.String,
  detail: Schema.String
}) {
  get exit(): ExitName {
    return "failed"
  }
  override get message() {
    const todo =
      this.code === "EACCES" || this.code === "EPERM"
        ? "; run this as root"
        : this.code === "ENOSPC"
          ? "; make room on that filesystem and run this again"
          : ""
    return `could not ${this.action} ${this.path}: ${this.detail}${todo}`
  }
}

export interface FileState {
  readonly kind: "file" | "directory" | "other"
  readonly uid: number
  /** permission bits, at most 0o7777 */
  readonly mode: number
}

/** A configuration file is small; more than this is not one. Bytes. */
const largest = 4 * 1024 * 1024

export class SystemFile extends Context.Service<
  SystemFile,
  {
    /** The text of a file, `null` where there is none. */
    readonly read: (path: string) => Effect.Effect<string | null, SystemFileError>
    /** Kind, owner and mode of what lies there (a link is `other`), `null` where nothing is. */
    readonly state: (path: string) => Effect.Effect<FileState | null, SystemFileError>
    /** Replaces a file in one step that survives a power cut; it belongs to the running user and has exactly this mode. */
    readonly write: (path: string, text: string, mode: number) => Effect.Effect<void, SystemFileError>
    /** Removes a file; one that is not there is no error. */
    readonly remove: (path: string) => Effect.Effect<void, SystemFileError>
    /** Sees to it that there is a directory of this mode, owned by the running user; parents are made with 0755. */
    readonly directory: (path: string, mode: number) => Effect.Effect<void, SystemFileError>
    /** Names in a directory, sorted; none where there is no directory. */
    readonly names: (path: string) => Effect.Effect<ReadonlyArray<string>, SystemFileError>
    /** A fresh directory of mode 0700 that is gone with everything in it when the scope closes. */
    readonly scratch: Effect.Effect<string, SystemFileError, import("effect").Scope.Scope>
  }
>()("byteback/services/SystemFile") {
  static readonly layer = Layer.sync(SystemFile, () => {
    const attempt = <A>(path: string, action: SystemFileError["action"], work: () => Promise<A>) =>
      Effect.tryPromise({ try: work, catch: (cause) => failure(path, action, cause) })
    const orNull = <A>(path: string, action: SystemFileError["action"], work: () => Promise<A>) =>
      attempt(path, action, () =>
        work().catch((cause: unknown) => {
          if (isMissing(cause)) return null
          throw cause
        })
      )
    return SystemFile.of({
      read: Effect.fn("SystemFile.read")((path) =>
        orNull(path, "read", async () => {
          const file = await fs.open(path, "r")
          try {
            const { size } = await file.stat()
            if (size > largest) throw new Error("it is too large for a configuration file")
            return await file.readFile("utf8")
          } finally {
            await file.close()
          }
        })
      ),
      state: Effect.fn("SystemFile.state")((path) =>
        orNull(path, "read", async () => {
          const found = await fs.lstat(path)
          return {
            kind: found.isFile()
              ? ("file" as const)
              : found.isDirectory()
                ? ("directory" as const)
                : ("other" as const),
            uid: found.uid,
            mode: found.mode & 0o7777
          }
        })
      ),
      write: Effect.fn("SystemFile.write")((path, text, mode) =>
        attempt(path, "write", async () => {
          const temporary = join(dirname(path), `.${basename(path)}.byteback-new`)
          await fs.rm(temporary, { force: true })
          const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
          const file = await fs.open(temporary, flags, 0o600)
          try {
            await file.writeFile(text)
            await file.chmod(mode)
            await file.sync()
            await fs.rename(temporary, path)
          } catch (cause) {
            await fs.rm(temporary, { force: true })
            throw cause
          } finally {
            await file.close()
          }
          const directory = await fs.open(dirname(path), "r")
          await directory.sync().finally(() => directory.close())
          if ((await fs.readFile(path, "utf8")) !== text) throw new Error("it reads back other than it was written")
        })
      ),
      remove: Effect.fn("SystemFile.remove")((path) => orNull(path, "remove", () => fs.rm(path))),
      directory: Effect.fn("SystemFile.directory")((path, mode) =>
        attempt(path, "make", async () => {
          await fs.mkdir(path, { recursive: true, mode: 0o755 })
          const found = await fs.lstat(path)
          if (!found.isDirectory()) throw new Error("something that is no directory is in its place")
          const uid = process.geteuid?.() ?? found.uid
          if (found.uid !== uid) await fs.lchown(path, uid, process.getegid?.() ?? found.gid)
          if ((found.mode & 0o7777) !== mode) await fs.chmod(path, mode)
        })
      ),
      names: Effect.fn("SystemFile.names")((path) =>
        Effect.map(
          orNull(path, "read", () => fs.readdir(path)),
          (names) => (names ?? []).toSorted()
        )
      ),
      scratch: Effect.acquireRelease(
        attempt(scratchParent(), "make", () => fs.mkdtemp(join(scratchParent(), "byteback-"))),
        (path) => Effect.promise(() => fs.rm(path, { recursive: true, force: true }))
      )
    })
  })

  /** A stand-in: files in memory, all of them the running user's, in a machine that has nothing but /etc and /root. */
  static readonly layerFake = Layer.sync(SystemFile, () => {
    const files = new Map<string, { readonly text: string; readonly mode: number }>()
    const directories = new Map([
      ["/etc", 0o755],
      ["/root", 0o700]
    ])
    let scratches = 0
    const fail = (path: string, action: SystemFileError["action"], code: keyof typeof details) =>
      Effect.fail(new SystemFileError({ path, action, code, detail: details[code] }))
    const ancestors = (path: string): ReadonlyArray<string> =>
      dirname(path) === path ? [] : [dirname(path), ...ancestors(dirname(path))]
    const belowFile = (path: string) => ancestors(path).some((one) => files.has(one))
    return SystemFile.of({
      read: (path) =>
        Effect.suspend(() =>
          directories.has(path) ? fail(path, "read", "EISDIR") : Effect.succeed(files.get(path)?.text ?? null)
        ),
      state: (path) =>
        Effect.sync(() => {
          const file = files.get(path)
          if (file !== undefined) return { kind: "file", uid: 0, mode: file.mode }
          const mode = directories.get(path)
          return mode === undefined ? null : { kind: "directory", uid: 0, mode }
        }),
      write: (path, text, mode) =>
        Effect.suspend(() => {
          if (belowFile(path)) return fail(path, "write", "ENOTDIR")
          if (!directories.has(dirname(path)) && dirname(path) !== "/") return fail(path, "write", "ENOENT")
          if (directories.has(path)) return fail(path, "write", "EISDIR")
          files.set(path, { text, mode })
          return Effect.void
        }),
      remove: (path) =>
        Effect.suspend(() => {
          if (directories.has(path)) return fail(path, "remove", "EISDIR")
          files.delete(path)
          return Effect.void
        }),
      directory: (path, mode) =>
        Effect.suspend(() => {
          if (belowFile(path)) return fail(path, "make", "ENOTDIR")
          if (files.has(path)) return fail(path, "make", "EEXIST")
          for (const one of ancestors(path)) if (one !== "/" && !directories.has(one)) directories.set(one, 0o755)
          directories.set(path, mode)
          return Effect.void
        }),
      names: (path) =>
        Effect.sync(() =>
          [...files.keys(), ...directories.keys()]
            .filter((name) => dirname(name) === path && name !== "/")
            .map((name) => basename(name))
            .toSorted()
        ),
      scratch: Effect.acquireRelease(
        Effect.sync(() => {
          const path = `/scratch/${scratches++}`
          directories.set("/scratch", 0o755)
          directories.set(path, 0o700)
          return path
        }),
        (path) =>
          Effect.sync(() => {
            for (const all of [files, directories]) {
              for (const name of all.keys()) if (`${name}/`.startsWith(`${path}/`)) all.delete(name)
            }
          })
      )
    })
  })
}

/** What the stand-in says with a code. */
const details = {
  ENOENT: "no such file or directory",
  ENOTDIR: "something above it is no directory",
  EISDIR: "it is a directory",
  EEXIST: "something that is no directory is in its place"
}

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""

/** Nothing of the name is there, or could be. */
const isMissing = (cause: unknown): boolean => ["ENOENT", "ENOTDIR"].includes(codeOf(cause))

const failure = (path: string, action: SystemFileError["action"], cause: unknown) =>
  new SystemFileError({
    path,
    action,
    code: codeOf(cause),
    detail: cause instanceof Error ? cause.message : String(cause)
  })

/** /run lies in memory and only root writes there, which suits a key that must not outlive the program. */
const scratchParent = (): string => (process.geteuid?.() === 0 ? "/run" : (process.env["TMPDIR"] ?? "/tmp"))
