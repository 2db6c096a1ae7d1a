// The privileged helper: checks its caller's words again, derives every path itself and starts the work in the sandbox.
import { spawnSync } from "node:child_process"
import { accessSync, constants, lstatSync, mkdirSync, readdirSync, readFileSync, statfsSync } from "node:fs"
import { exitCode } from "../src/domain/exitCode.ts"
import { isHostName } from "../src/domain/hostName.ts"
import { refusalLine } from "../src/domain/refusalLine.ts"
import { parse } from "../src/domain/request/parse.ts"
import { type Pull, type Push, type Restore, snapshotOf } from "../src/domain/request/request.ts"
import { rsyncArgv } from "../src/domain/request/rsyncArgv.ts"
import { sandboxArgv } from "../src/domain/sandbox.ts"
import { type SnapshotRef, snapshotTime } from "../src/domain/snapshotName.ts"

const store = "/byteback"
const state = "/var/lib/byteback"
const runs = "/run/byteback"
const config = "/etc/byteback"
const recorder = "/usr/lib/byteback/run-push"

/** Uids of hosts begin here; nothing below is ever taken on. */
const firstUid = 1_200_000_000

/** A push is not begun with less than this much free: one percent, or 64 MiB where that is more. */
const leastFree = { part: 0.01, bytes: 64 * 1024 * 1024 }

/** Backups at once in the whole server, where /etc/byteback/parallel says nothing else. */
const parallel = 4

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

const checkRoom = (): void => {
  const { bavail, blocks, bsize } = statfsSync(store)
  if (bavail * bsize < Math.max(leastFree.bytes, blocks * bsize * leastFree.part)) {
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
  return (
    /version (\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1] ?? refuse("rsync is not installed on the server", exitCode.failed)
  )
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

const exec = (argv: ReadonlyArray<string>): void => {
  const program = argv[0]!
  try {
    accessSync(program, constants.X_OK)
  } catch {
    refuse(`${program} is missing on the server; nothing was changed. Tell its administrator`, exitCode.failed)
  }
  process.execve!(program, [...argv], { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" })
}

const push = (host: string, request: Push): void => {
  const uid = uidOf(host)
  checkStore()
  checkRoom()
  for (const directory of [runs, `${runs}/${host}`, `${runs}/slots`])
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  const most = Number(/^[1-9]\d{0,3}$/.exec(textOf(`${config}/parallel`) ?? "")?.[0] ?? parallel)
  const command = rsyncArgv(request, rsyncVersion())
  exec([
    recorder,
    `${runs}/${host}`,
    `${runs}/slots`,
    String(most),
    `${state}/token/${host}`,
    ...sandboxArgv({ directory: `${store}/${host}/current`, access: "read-write", uid }, command)
  ])
}

const pull = (host: string, request: Pull | Restore): void => {
  const uid = uidOf(host)
  checkStore()
  const directory = snapshotDirectory(host, snapshotOf(request))
  exec(sandboxArgv({ directory, access: "read-only", uid }, rsyncArgv(request, rsyncVersion())))
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
