// A snapshot, or all of them as directories, read-only, for as long as the program runs: sshfs here, a read-only sftp server there.
import { Effect, FileSystem, Schema } from "effect"
import { bytesOfText, fromUint8Array } from "../domain/byteString.ts"
import { escapeName, escapeText } from "../domain/escape.ts"
import { findRefusal } from "../domain/refusalLine.ts"
import { findMount } from "../domain/storeMount.ts"
import { sftpLine } from "../domain/request/sftp.ts"
import { Exec } from "../services/Exec.ts"
import { openSession, type SessionOptions } from "./connectToServer.ts"
import { askedFor } from "./readableSnapshot.ts"

export interface MountOptions extends SessionOptions {
  /** absolute; an empty directory */
  readonly directory: string
  /** one snapshot (a name, or epoch seconds for the newest not after that), which is not pruned meanwhile; default: all, which may be */
  readonly from?: string | number
  /** called once they can be seen, with the name of the one */
  readonly ready?: (snapshot: string | null) => Effect.Effect<void>
}

/** The snapshots cannot be mounted there, or the mount came to an end by itself. Nothing was changed. */
export class MountFailed extends Schema.TaggedError<MountFailed>()("MountFailed", {
  directory: Schema.String,
  problem: Schema.Literals(["missing", "not-a-directory", "not-empty", "no-sshfs", "failed", "lost"]),
  detail: Schema.String
}) {
  override get message() {
    const directory = escapeName(this.directory)
    switch (this.problem) {
      case "missing":
        return `${directory} is not there; make it first: mkdir ${directory}`
      case "not-a-directory":
        return `${directory} is not a directory that can be read; name an empty one`
      case "not-empty":
        return `${directory} is not empty; name an empty directory`
      case "no-sshfs":
        return "sshfs is not installed here; run apt-get install sshfs"
      case "failed":
        return `the snapshots could not be mounted on ${directory}${this.#why}`
      case "lost":
        return `the connection ended, and ${directory} shows nothing any more${this.#why}. Mount it again`
    }
  }
  get #why() {
    return this.detail === "" ? "" : `: ${escapeText(this.detail, 300)}`
  }
}

const access = "ro,nosuid,nodev"

/**
 * Of each name that is looked at sshfs and its library remember something for as long as the kernel does, which with enough memory is
 * for ever: half a gigabyte for a million. A remount makes the kernel let go of what nobody uses.
 */
const forgets = "5 seconds"
const remembers = "dcache_timeout=1,dcache_clean_interval=1,dcache_min_clean_interval=0,dcache_max_size=1000"

/** Returns when somebody unmounts the directory. Interruption unmounts it. */
export const mount = Effect.fn("mount")(function* (options: MountOptions) {
  const fs = yield* FileSystem.FileSystem
  const exec = yield* Exec
  const failed = (problem: MountFailed["problem"], detail = "") =>
    new MountFailed({ directory: options.directory, problem, detail })
  if (!(yield* Effect.orElseSucceed(fs.exists(options.directory), () => false))) return yield* failed("missing")
  const entries = yield* Effect.mapError(fs.readDirectory(options.directory), () => failed("not-a-directory"))
  if (entries.length > 0) return yield* failed("not-empty")
  // sshfs would take a link's target and a path through links by another name than we would look for
  const directory = yield* Effect.mapError(fs.realPath(options.directory), () => failed("not-a-directory"))

  const { session } = yield* openSession(options)
  const chosen = options.from === undefined ? null : (yield* askedFor(session, options.from)).name
  if (chosen === null) yield* session.hello
  const scratch = yield* fs.makeTempDirectoryScoped({ prefix: "byteback-mount-" })
  const script = `${scratch}/sftp`
  // what sshfs adds to an ssh command line (a subsystem, options) is not for our session, so nothing of it is passed on
  // The shell stays: sshfs leaves what it starts to init, and on the server itself that looks like a client that is gone.
  yield* fs.writeFileString(script, `#!/bin/sh\n${session.rsh} ${session.alias} '${sftpLine(chosen)}'\n`, {
    mode: 0o700
  })

  const isMounted = Effect.map(
    Effect.orElseSucceed(fs.readFile("/proc/self/mountinfo"), () => new Uint8Array()),
    (text) => findMount(fromUint8Array(text), bytesOfText(directory))?.type === "fuse.sshfs"
  )
  // What else may have been mounted over it stays as it is.
  const forgetting = isMounted.pipe(
    Effect.delay(forgets),
    Effect.flatMap((is) =>
      is ? Effect.ignore(exec.run("mount", ["-i", "-o", `remount,${access}`, directory])) : Effect.void
    ),
    Effect.forever
  )
  // sshfs mounts before it knows whether the server lets it in
  const seen = Effect.flatMap(isMounted, (there) =>
    there ? Effect.isSuccess(fs.readDirectory(directory)) : Effect.succeed(false)
  )
  let shown = false
  const watching = seen.pipe(
    Effect.delay("50 millis"),
    Effect.repeat({ until: (is) => is }),
    Effect.tap(() => Effect.sync(() => (shown = true))),
    Effect.andThen(options.ready?.(chosen) ?? Effect.void),
    Effect.andThen(forgetting)
  )
  const ended = yield* exec
    .run("sshfs", [
      "-f",
      "-o",
      `${access},${remembers},fsname=byteback,ssh_command=sh ${script}`,
      `${session.alias}:`,
      directory
    ])
    .pipe(
      Effect.raceFirst(watching),
      Effect.mapError((error) => failed(error.reason === "not-found" ? "no-sshfs" : "failed", error.detail))
    )
  if (ended.code === 0) return
  const refusal = findRefusal(ended.stderr)
  const detail =
    refusal === null ? (ended.stderr.trim().split("\n").at(-1) ?? "") : `the server says: ${refusal.message}`
  return yield* failed(shown ? "lost" : "failed", detail)
}, Effect.scoped)
