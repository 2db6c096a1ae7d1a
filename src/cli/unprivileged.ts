// byteback backup --unprivileged: the same command again, with the right to read and no other.
import { Effect } from "effect"
import { ConfigError } from "../domain/clientSettings.ts"
import { unprivilegedArgv, unprivilegedUser } from "../domain/unprivileged.ts"
import { Exec } from "../services/Exec.ts"
import { Layout } from "../services/Layout.ts"

const where = "--unprivileged"

/** Becomes that command, and does not return. Nothing was sent before. */
export const becomeUnprivileged = Effect.fn("becomeUnprivileged")(function* () {
  const exec = yield* Exec
  // What root's own backups have in their directory is not this user's.
  const directory = `${(yield* Layout).run}-push`
  if (process.getuid!() !== 0)
    return yield* new ConfigError({ where, problem: "only root can give its other rights up" })
  const mine = ["-d", "-m", "700", "-o", unprivilegedUser, "-g", unprivilegedUser, directory]
  if ((yield* exec.run("id", [unprivilegedUser])).code !== 0 || (yield* exec.run("install", mine)).code !== 0) {
    const problem = `there is no user ${unprivilegedUser} on this machine; make it once: useradd --system ${unprivilegedUser}`
    return yield* new ConfigError({ where, problem })
  }
  const words = process.argv.slice(1).filter((word) => word !== where)
  const argv = unprivilegedArgv([process.execPath, ...words])
  process.execve!(argv[0]!, [...argv], { ...process.env, RUNTIME_DIRECTORY: directory, TMPDIR: directory })
})
