// Looks a server over and says what is wrong with it, and what to do.
import { Effect } from "effect"
import { dirname, join } from "node:path"
import { parseKeyFile } from "../domain/authorizedKey.ts"
import { diagnose, type Finding, type ObservedHealth } from "../domain/doctor.ts"
import { parseVersion } from "../domain/rsync/version.ts"
import { overruled } from "../domain/setup/sshdDropIn.ts"
import { backupUser } from "../domain/setup/plan.ts"
import { sudoersDropIn } from "../domain/setup/sudoersDropIn.ts"
import { Exec } from "../services/Exec.ts"
import { Layout } from "../services/Layout.ts"
import { Mounts } from "../services/Mounts.ts"
import { Programs } from "../services/Programs.ts"
import { Sshd } from "../services/Sshd.ts"
import { Sudoers } from "../services/Sudoers.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { clockTrouble } from "./believeClock.ts"

/** Dangers first; none: the server is as it should be. */
export interface DoctorResult {
  readonly findings: ReadonlyArray<Finding>
}

const ancestors = (path: string): ReadonlyArray<string> => (path === "/" ? ["/"] : [...ancestors(dirname(path)), path])

/** Looks and changes nothing. Needs root, to see all of it. */
export const doctor = Effect.fn("doctor")(function* () {
  const layout = yield* Layout
  const exec = yield* Exec
  const files = yield* SystemFile
  const mounts = yield* Mounts
  const programs = yield* Programs
  const sshd = yield* Sshd
  const sudoers = yield* Sudoers
  const { config, lib, state, store } = layout
  const keysFile = join(config, "authorized_keys")
  const keys = yield* files.read(keysFile)
  const trusted = [keysFile, lib, join(lib, "byteback.cjs"), join(lib, "node"), join(lib, "run-push"), state, store]
  const paths: Record<string, { readonly uid: number; readonly mode: number } | null> = {}
  for (const path of new Set(trusted.flatMap(ancestors))) {
    const found = yield* files.state(path)
    paths[path] = found === null || found.kind === "other" ? null : found
  }
  const setting = (name: string) => Effect.map(files.read(join(config, name)), (text) => text?.trim() ?? null)
  const rsync = (yield* programs.find("rsync")) === null ? null : yield* exec.run("rsync", ["--version"])
  const mounted = yield* mounts.at(store)
  const file = mounted === null ? null : yield* mounts.imageOf(mounted.source)
  const bytes = file === null ? 0 : ((yield* mounts.device(file))?.bytes ?? 0)
  const effective = yield* sshd.effective(backupUser)
  const passwordEnrolment = (effective.get("passwordauthentication") ?? []).join(" ") === "yes"
  const observed: ObservedHealth = {
    store: mounted === null ? null : { path: store, type: mounted.type, options: mounted.options },
    image: file === null ? null : { path: file, bytes, room: yield* mounts.room(file) },
    foreignKeyLines: keys === null ? [] : parseKeyFile(keys).foreign,
    paths,
    rsyncVersion: rsync === null ? null : (parseVersion(rsync.text)?.version ?? null),
    settings: { sandbox: yield* setting("sandbox"), allowOldRsync: yield* setting("allow_old_rsync") },
    bubblewrap: (yield* programs.find("bwrap")) !== null,
    seccompFilter: (yield* files.names(lib)).includes(`seccomp-${process.arch}.bpf`),
    sshd: effective,
    overruled: overruled(effective, { keys: keysFile, passwordEnrolment }),
    clock: (yield* clockTrouble())?.problem ?? null,
    sudoers: (yield* sudoers.dropIn) === sudoersDropIn(join(lib, "byteback-priv"))
  }
  const result: DoctorResult = { findings: diagnose(observed) }
  return result
})
