// The privileged helper: checks its caller's words again, derives every path itself and starts the work in the sandbox.
import { spawnSync } from "node:child_process"
import { accessSync, constants, lstatSync, mkdirSync, readdirSync, readFileSync, statfsSync } from "node:fs"
import { basename } from "node:path"
import { exitCode } from "../src/domain/exitCode.ts"
import { isHostName } from "../src/domain/hostName.ts"
import { hasKnownHoles, oldestRsync } from "../src/domain/rsyncHoles.ts"
import { refusalLine } from "../src/domain/refusalLine.ts"
import { parse } from "../src/domain/request/parse.ts"
import { type Pull, type Push, type Restore, snapshotOf } from "../src/domain/request/request.ts"
import { dataDirectory, rsyncArgv } from "../src/domain/request/rsyncArgv.ts"
import { parseSandboxChoice, type Sandbox, sandboxArgv, unconfinedArgv } from "../src/domain/sandbox.ts"
import { type SnapshotRef, snapshotTime } from "../src/domain/snapshotName.ts"

const store = "/byteback"
const state = "/var/lib/byteback"
const runs = "/run/byteback"
const config = "/etc/byteback"
const lib = "/usr/lib/byteback"

/** Uids of hosts begin here; nothing below is ever taken on. */
const firstUid = 1_200_000_000

/** A push is not begun with less than this much free: one percent, or 64 MiB where that is more. */
const leastFree = { part: 0.01, bytes: 64 * 1024 * 1024 }

/** Backups at once in the whole server, where /etc/byteback/parallel says nothing else; readers at once of one host. */
const parallel = 4
const readers = 4

/** Seconds that a transfer, a listing and making room may take in all; silence is bounded by rsync's own --timeout. */
const longest = { transfer: 7 * 24 * 3600, listing: 30, room: 600 }

const refuse = (message: string, code: number = exitCode.refused): never => {
  process.stderr.write(`${refusalLine({ code, message })}\n`)
  process.exit(code)
}

const textOf = (file: string): string | null => {
  try {
    return readFileSync(file, "utf8").trim()
  } catch {
    return null
  }
}

const uidOf = (host: string): number => {
  const text = textOf(`${state}/hosts/${host}.json`)
  let uid: unknown
  try {
    uid = text === null ? null : (JSON.parse(text) as { uid?: unknown }).uid
  } catch {
    uid = null
  }
  return typeof uid === "number" && Number.isInteger(uid) && uid >= firstUid
    ? uid
    : refuse(`no host ${host} is enrolled on this server`, exitCode.notEnrolled)
}

/** The store must be a mounted btrfs: else a push would fill the disk below the mount point. */
const checkStore = (): void => {
  const line = (textOf("/proc/self/mountinfo") ?? "").split("\n").findLast((one) => one.split(" ")[4] === store)
  const [, after = ""] = (line ?? "").split(" - ")
  if (!after.startsWith("btrfs ")) {
    refuse(`the server's store ${store} is not mounted; nothing was changed. Tell its administrator`, exitCode.failed)
  }
}

/**
 * Less than what pruning last defended: a prune is run before the push, and says where nothing could be freed for this
 * host. There is one such at a time, however many push at once: the others start where there is the least, or come back.
 */
const checkRoom = (host: string): void => {
  const free = (): number => {
    const { bavail, bsize } = statfsSync(store)
    return bavail * bsize
  }
  const { blocks, bsize } = statfsSync(store)
  const least = Math.max(leastFree.bytes, blocks * bsize * leastFree.part)
  if (free() >= Math.max(least, Number(textOf(`${runs}/reserve`) ?? 0) || 0)) return
  makeDirectories(runs)
  const alone = ["--nonblock", "--conflict-exit-code", String(exitCode.busy), `${runs}/room.lock`]
  const made = spawnSync("/usr/bin/flock", [...alone, `${lib}/byteback.mjs`, "prune", "--for", host], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: longest.room * 1000
  })
  const said = (made.stderr ?? "")
    .trim()
    .split("\n")
    .at(-1)
    ?.replace(/^byteback: /, "")
  if (made.status === exitCode.noSpace || made.status === exitCode.anomaly) {
    refuse(said ?? "the server's store is full", made.status)
  }
  if (made.status === exitCode.busy && (said !== "" || free() < least)) {
    refuse("the server is making room; nothing was changed, try again in 10 minutes", exitCode.busy)
  }
  if (free() < least) {
    refuse(
      "the server's store is full; no backup was lost. Its administrator can free space or enlarge it",
      exitCode.noSpace
    )
  }
}

const rsyncVersion = (): string => {
  const { stdout } = spawnSync("/usr/bin/rsync", ["--version"], {
    stdio: ["ignore", "pipe", "ignore"],
    encoding: "utf8"
  })
  const version =
    /version (\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1] ?? refuse("rsync is not installed on the server", exitCode.failed)
  if (!hasKnownHoles(version) || textOf(`${config}/allow_old_rsync`) === version) return version
  return refuse(
    `the server's rsync ${version} may have known holes, so nothing was changed. Its administrator can install ${oldestRsync} or newer, or, where the distribution has patched it, write ${version} into ${config}/allow_old_rsync`
  )
}

/** A confined command, ready for run-push or run-pull: the filter, how long it may take, and its argv. */
const confined = (
  sandbox: Sandbox,
  seconds: number,
  command: (root: string) => ReadonlyArray<string>
): ReadonlyArray<string> => {
  const choice =
    parseSandboxChoice(textOf(`${config}/sandbox`)) ??
    refuse(
      `the server's ${config}/sandbox says neither bubblewrap nor none; nothing was changed. Tell its administrator`,
      exitCode.failed
    )
  if (choice === "none") {
    process.chdir(sandbox.directory)
    return ["none", String(seconds), ...unconfinedArgv(sandbox.uid, command(sandbox.directory))]
  }
  const argv = sandboxArgv(sandbox, command(dataDirectory))
  const filter = `${lib}/seccomp-${process.arch}.bpf`
  for (const [path, mode] of [[argv[0]!, constants.X_OK] as const, [filter, constants.R_OK] as const]) {
    try {
      accessSync(path, mode)
    } catch {
      return refuse(
        `the server has no sandbox (${path} is missing), and without one it serves nobody; nothing was changed. Tell its administrator`,
        exitCode.failed
      )
    }
  }
  return [filter, String(seconds), ...argv]
}

/** The directory of a snapshot that is whole: in root's hands, with a name of ours or one that an administrator gave. */
const snapshotDirectory = (host: string, wanted: SnapshotRef): string => {
  const at = `${store}/${host}`
  const owner = (name: string): number => {
    const entry = lstatSync(`${at}/${name}`, { throwIfNoEntry: false })
    return entry?.isDirectory() === true ? entry.uid : -1
  }
  if (wanted === "current") return `${at}/current`
  const dated = readdirSync(at).flatMap((name) => {
    const time = snapshotTime(name)
    return time === undefined || owner(name) !== 0 ? [] : [{ name, time }]
  })
  const found =
    wanted === "latest"
      ? dated.reduce<{ name: string; time: number } | null>((a, b) => (a === null || b.time > a.time ? b : a), null)
          ?.name
      : dated.find(({ name }) => name === wanted)?.name
  if (found !== undefined) return `${at}/${found}`
  return refuse(
    wanted === "latest" ? "this host has no snapshot yet" : `this host has no snapshot ${wanted}`,
    exitCode.failed
  )
}

/** Becomes one of the small runners, which watch over the sandbox and need no Node. */
const exec = (runner: "run-push" | "run-pull", args: ReadonlyArray<string>): void => {
  const program = `${lib}/${runner}`
  try {
    accessSync(program, constants.X_OK)
  } catch {
    refuse(`${program} is missing on the server; nothing was changed. Tell its administrator`, exitCode.failed)
  }
  process.execve!(program, [program, ...args], { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" })
}

const makeDirectories = (...directories: ReadonlyArray<string>): void => {
  for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o700 })
}

const push = (host: string, request: Push): void => {
  const uid = uidOf(host)
  checkStore()
  checkRoom(host)
  makeDirectories(runs, `${runs}/${host}`, `${runs}/slots`)
  const most = Number(/^[1-9]\d{0,3}$/.exec(textOf(`${config}/parallel`) ?? "")?.[0] ?? parallel)
  const version = rsyncVersion()
  const sandbox = { directory: `${store}/${host}/current`, access: "read-write", uid } as const
  exec("run-push", [
    `${runs}/${host}`,
    `${runs}/slots`,
    String(most),
    `${state}/token/${host}`,
    ...confined(sandbox, longest.transfer, (root) => rsyncArgv(request, version, root))
  ])
}

const read = (
  host: string,
  directory: string,
  name: string,
  seconds: number,
  command: (root: string) => ReadonlyArray<string>
): void => {
  const sandbox = { directory, access: "read-only", uid: uidOf(host) } as const
  makeDirectories(runs, `${runs}/${host}`, `${runs}/${host}/reading`)
  exec("run-pull", [`${runs}/${host}`, String(readers), name, ...confined(sandbox, seconds, command)])
}

const pull = (host: string, request: Pull | Restore): void => {
  uidOf(host)
  checkStore()
  const directory = snapshotDirectory(host, snapshotOf(request))
  const version = rsyncVersion()
  read(host, directory, basename(directory), longest.transfer, (root) => rsyncArgv(request, version, root))
}

/** An old client's listing is made in the sandbox too, over all of the host's snapshots. */
const list = (host: string, line: string): void => {
  uidOf(host)
  checkStore()
  read(host, `${store}/${host}`, "*", longest.listing, () => [
    `${lib}/node`,
    "--max-old-space-size=64",
    `${lib}/lister.mjs`,
    line
  ])
}

const ping = (host: string): void => {
  uidOf(host)
  checkStore()
  process.exit(exitCode.ok)
}

/** Runs as `byteback-priv VERB [HOST]` with the request's canonical line in BYTEBACK_REQUEST; never returns. */
export const priv = async (args: ReadonlyArray<string>): Promise<void> => {
  const [verb = "", host = null, ...more] = args
  if (process.getuid!() !== 0) return refuse("byteback-priv is for root; the server's sshd starts it")
  if (more.length > 0 || (host !== null && !isHostName(host))) return refuse("byteback-priv: not a host's name")
  const line = process.env["BYTEBACK_REQUEST"] ?? ""
  const parsed = parse(line)
  if (!parsed.ok) return refuse(parsed.refusal.message)
  const request = parsed.value
  if (verb === "enrol" && request._tag === "Typed") {
    const { answerEnrolment } = await import("../src/answer.ts")
    return answerEnrolment(host, request.json)
  }
  if (host === null) return refuse("byteback-priv: no host named")
  if (verb === "ping" && request._tag === "Ping") return ping(host)
  if (verb === "push" && request._tag === "Push") return push(host, request)
  if (verb === "pull" && request._tag === "Pull") return pull(host, request)
  if (verb === "restore" && request._tag === "Restore") return pull(host, request)
  if (verb === "list" && request._tag === "List") return list(host, line)
  if (verb === "typed" && request._tag === "Typed") {
    const { answerRequest } = await import("../src/answer.ts")
    return answerRequest(host, request.json)
  }
  if (verb === "complete" && request._tag === "Complete") {
    const { answerOldComplete } = await import("../src/answer.ts")
    return answerOldComplete(host)
  }
  return refuse(`byteback-priv: the request does not fit the verb`)
}
