// Makes this machine a backup server: looks, plans, and carries the plan out step by step.
import { Effect, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { join } from "node:path"
import { parseKeyFile, parsePublicKey } from "../domain/authorizedKey.ts"
import { rsyncFinding } from "../domain/doctor.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { type Change, describeChange } from "../domain/setup/Change.ts"
import {
  backupUser,
  type ObservedServer,
  neededPrograms,
  planSetup,
  SetupRefused,
  type SetupPaths,
  type SetupWishes,
  type StoreSource,
  unready
} from "../domain/setup/plan.ts"
import { overruled, sshdWarnings } from "../domain/setup/sshdDropIn.ts"
import { Accounts } from "../services/Accounts.ts"
import { AuthorizedKeys } from "../services/AuthorizedKeys.ts"
import { Layout } from "../services/Layout.ts"
import { Mounts } from "../services/Mounts.ts"
import { Programs } from "../services/Programs.ts"
import { PruneTimer } from "../services/PruneTimer.ts"
import { Rsync } from "../services/Rsync.ts"
import { Sshd } from "../services/Sshd.ts"
import { Sudoers } from "../services/Sudoers.ts"
import { SystemFile } from "../services/SystemFile.ts"

/** The login shell of the backup user: the forced command itself, so that no shell is ever run. */
const receiveShell = "/usr/bin/byteback-receive"

export interface SetupServerOptions {
  readonly store: StoreSource
  /** a session that logged in with byteback's password may enrol a host; off unless said */
  readonly passwordEnrolment?: boolean
  /** a .pub file whose key may enrol new hosts, and do nothing else */
  readonly administratorKeyFile?: string
  /** by what clients reach this server: `host`, `host:port`, `[v6]:port` */
  readonly address?: string
  /** only say what would be done */
  readonly dryRun?: boolean
  /** called with the line of each change before it is made */
  readonly onChange?: (line: string) => Effect.Effect<void>
}

export interface SetupServerResult {
  readonly dryRun: boolean
  /** a line for each change that was made (or would be); none: there was nothing to do */
  readonly changes: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
}

/** A step failed. Those before it are done and stay; those after it are not. */
export class SetupFailed extends Schema.TaggedError<SetupFailed>()("SetupFailed", {
  step: Schema.String,
  done: Schema.Int,
  steps: Schema.Int,
  why: Schema.String,
  exitName: Schema.Literals(["failed", "noSpace", "busy"])
}) {
  get exit(): ExitName {
    return this.exitName
  }
  override get message() {
    return `could not ${this.step}: ${this.why} (${this.done} of ${this.steps} steps are done; when that is mended, run the same again)`
  }
}

/**
 * Sets this machine up, or says what it would take. It can be run again at any time: what is there already is left
 * alone, and after a failure the same command goes on where it stopped.
 */
export const setupServer = Effect.fn("setupServer")(function* (options: SetupServerOptions) {
  const layout = yield* Layout
  const paths: SetupPaths = { ...layout, shell: receiveShell }
  yield* checkPrerequisites()
  const wishes: SetupWishes = {
    store: options.store,
    passwordEnrolment: options.passwordEnrolment ?? false,
    administratorKey:
      options.administratorKeyFile === undefined ? null : yield* administratorKey(options.administratorKeyFile),
    address: options.address ?? null
  }
  const observed = yield* observe(options.store, paths)
  const { changes, warnings } = yield* Effect.fromResult(planSetup(observed, wishes, paths, randomUUID()))
  const notes: Array<string> = []
  if (options.dryRun !== true) {
    for (const [done, change] of changes.entries()) {
      const step = describeChange(change)
      if (options.onChange !== undefined) yield* options.onChange(step)
      notes.push(
        ...(yield* Effect.mapError(
          makeChange(change, wishes),
          (error) => new SetupFailed({ step, done, steps: changes.length, why: error.message, exitName: exitOf(error) })
        ))
      )
    }
  }
  const sshd = yield* Sshd
  const effective = yield* sshd.effective(backupUser)
  const version = yield* Effect.match((yield* Rsync).version, { onFailure: () => null, onSuccess: (of) => of.version })
  const allowed = yield* (yield* SystemFile).read(join(layout.config, "allow_old_rsync"))
  const rsync = rsyncFinding(version, allowed?.trim() ?? null)
  if (rsync !== null) notes.push(`${rsync.problem}; ${rsync.remedy}`)
  const result: SetupServerResult = {
    dryRun: options.dryRun ?? false,
    changes: changes.map(describeChange),
    warnings: [...warnings, ...notes, ...sshdWarnings(effective)]
  }
  return result
})

const exitOf = (error: object): "failed" | "noSpace" | "busy" =>
  "exit" in error && (error.exit === "noSpace" || error.exit === "busy") ? error.exit : "failed"

const checkPrerequisites = Effect.fnUntraced(function* () {
  const accounts = yield* Accounts
  const programs = yield* Programs
  const sudoers = yield* Sudoers
  const missing = yield* Effect.filter(Object.keys(neededPrograms), (name) =>
    Effect.map(programs.find(name), (path) => path === null)
  )
  const sudoVersion = missing.includes("sudo") ? "" : yield* sudoers.version
  const refusal = unready({ root: (yield* accounts.acting) === 0, missing, sudoVersion })
  if (refusal !== null) return yield* refusal
})

const administratorKey = Effect.fnUntraced(function* (file: string) {
  const files = yield* SystemFile
  const text = yield* files.read(file)
  if (text === null) {
    return yield* new SetupRefused({ reason: "bad-option", detail: `there is no key file ${file}` })
  }
  return yield* Effect.fromResult(parsePublicKey(text))
})

const observe = Effect.fnUntraced(function* (store: StoreSource, paths: SetupPaths) {
  const accounts = yield* Accounts
  const files = yield* SystemFile
  const mounts = yield* Mounts
  const sshd = yield* Sshd
  const sudoers = yield* Sudoers
  const directories: Record<string, { readonly uid: number; readonly mode: number } | null> = {}
  for (const path of [paths.config, paths.state, paths.run, paths.store]) {
    const state = yield* files.state(path)
    directories[path] = state?.kind === "directory" ? state : null
  }
  const mounted = yield* mounts.at(paths.store)
  const { config, dropIn } = yield* sshd.files
  const keys = yield* files.read(join(paths.config, "authorized_keys"))
  const place = store._tag === "device" ? store.device : store._tag === "image" ? store.file : null
  const observed: ObservedServer = {
    user: yield* accounts.find(backupUser),
    directories,
    mounted,
    storeHasFiles: mounted === null && (yield* mounts.hasFiles(paths.store)),
    device: place === null ? null : yield* mounts.device(place),
    room: store._tag === "image" ? yield* mounts.room(store.file) : null,
    fstab: (yield* files.read(join(paths.etc, "fstab"))) ?? "",
    sshdConfig: config ?? "",
    sshdDropIn: dropIn,
    sudoers: yield* sudoers.dropIn,
    address: yield* files.read(join(paths.config, "address")),
    timer: yield* (yield* PruneTimer).state,
    keys: keys === null ? null : parseKeyFile(keys)
  }
  return observed
})

/** Makes one change; answers with what an administrator should know about it. */
const makeChange = Effect.fnUntraced(function* (change: Change, wishes: SetupWishes) {
  const layout = yield* Layout
  const accounts = yield* Accounts
  const files = yield* SystemFile
  const keys = yield* AuthorizedKeys
  const mounts = yield* Mounts
  const sshd = yield* Sshd
  const sudoers = yield* Sudoers
  const nothing: ReadonlyArray<string> = []
  switch (change._tag) {
    case "create-user":
      yield* accounts.create(change.name, change.shell)
      return nothing
    case "mend-user":
      yield* accounts.mend(change.name, change.shell)
      return nothing
    case "make-directory":
    case "own-directory":
      yield* files.directory(change.path, change.mode)
      return nothing
    case "create-image":
      yield* mounts.createImage(change.path, change.bytes)
      return nothing
    case "make-btrfs":
      yield* mounts.makeBtrfs(change)
      return nothing
    case "mount":
      yield* mounts.mount(change.source, change.target, change.options)
      return nothing
    case "remount":
      yield* mounts.remount(change.target, change.options)
      return nothing
    case "write-file":
      yield* files.write(change.path, change.text, change.mode)
      return nothing
    case "add-to-fstab":
      yield* files.write(change.path, change.text, (yield* files.state(change.path))?.mode ?? 0o644)
      return nothing
    case "install-sudoers":
      yield* sudoers.install(change.text)
      return nothing
    case "install-sshd": {
      const intended = { keys: join(layout.config, "authorized_keys"), passwordEnrolment: wishes.passwordEnrolment }
      yield* sshd.install({
        text: change.text,
        addInclude: change.includeIn !== null,
        user: backupUser,
        flaws: (effective) => overruled(effective, intended)
      })
      return nothing
    }
    case "reload-sshd":
      return (yield* sshd.reload) === "stopped"
        ? ["sshd is not running on this machine: start it (systemctl start ssh, or /usr/sbin/sshd), and at every boot"]
        : nothing
    case "enable-timer":
      yield* (yield* PruneTimer).enable
      return nothing
    case "add-administrator-key": {
      const key = wishes.administratorKey
      if (key !== null) {
        yield* keys.update((file) =>
          Effect.succeed([{ ...file, entries: [...file.entries, { _tag: "administrator" as const, key }] }, undefined])
        )
      }
      return nothing
    }
  }
})
