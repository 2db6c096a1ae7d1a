// The privileged helper: checks its caller's words again, derives every path itself and starts the work in the sandbox.
import { spawn, spawnSync } from "node:child_process"
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  statfsSync,
  writeFileSync
} from "node:fs"
import { basename } from "node:path"
import { escapeText } from "../src/domain/escape.ts"
import { exitCode } from "../src/domain/exitCode.ts"
import { isHostName } from "../src/domain/hostName.ts"
import { wantedBefore } from "../src/domain/prune/defended.ts"
import { hasKnownHoles, oldestRsync } from "../src/domain/rsyncHoles.ts"
import { refusalLine } from "../src/domain/refusalLine.ts"
import { parse } from "../src/domain/request/parse.ts"
import { print } from "../src/domain/request/print.ts"
import { parseReading, printReading, type Reading } from "../src/domain/request/reading.ts"
import { type List, type Pull, type Push, type Restore, snapshotOf } from "../src/domain/request/request.ts"
import { dataDirectory, rsyncArgv } from "../src/domain/request/rsyncArgv.ts"
import { parseSandboxChoice, type Sandbox, sandboxArgv, unconfinedArgv } from "../src/domain/sandbox.ts"
import { dataFloor, nearlyFull } from "../src/domain/storeUsage.ts"
import type { JournalEntry } from "../src/domain/JournalEntry.ts"
import { allSuspect, latestOf, noteLine, passedOver } from "../src/domain/latest.ts"
import { nearestSnapshots } from "../src/domain/nearestSnapshots.ts"
import { readSftp } from "../src/domain/request/sftp.ts"
import { joinSnapshots } from "../src/domain/snapshotList.ts"
import { type SnapshotRef, snapshotTime } from "../src/domain/snapshotName.ts"

const store = "/byteback"
const state = "/var/lib/byteback"
const runs = "/run/byteback"
const config = "/etc/byteback"
const lib = "/usr/lib/byteback"

/** Where distributions put OpenSSH's sftp server. */
const sftpServers = ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"]

/** Uids of hosts begin here; nothing below is ever taken on. */
const firstUid = 1_200_000_000

/** Backups at once in the whole server, where /etc/byteback/parallel says nothing else; readers, and answers, at once of one host. */
const parallel = 4
const readers = 4
const answers = 4

/** Seconds that a transfer, a listing, a search and making room may take in all; silence is bounded by rsync's own --timeout. */
const longest = { transfer: 7 * 24 * 3600, listing: 30, search: 300, room: 600 }

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
    : refuse(
        `${host} is not a host of this server; its administrator can add it: byteback invite ${host}`,
        exitCode.notEnrolled
      )
}

/** The store must be a mounted btrfs: else a push would fill the disk below the mount point. */
const checkStore = (): void => {
  const line = (textOf("/proc/self/mountinfo") ?? "").split("\n").findLast((one) => one.split(" ")[4] === store)
  const [, after = ""] = (line ?? "").split(" - ")
  if (!after.startsWith("btrfs ")) {
    refuse(`the server's store ${store} is not mounted; nothing was changed. Tell its administrator`, exitCode.failed)
  }
}

const storeSize = (): number => {
  const { blocks, bsize } = statfsSync(store)
  return blocks * bsize
}

/**
 * Bytes that a host may take of a store that is nearly full (see run-share), as the last prune found; a host that none has seen yet has
 * its share, where all hosts weigh the same. `stale`: a push of its ran on such a store since, and was ended for it ("over") or not.
 */
const roomOf = (host: string): { readonly bytes: number; readonly stale: boolean } => {
  const known = textOf(`${runs}/${host}/room`) ?? ""
  const stale = known === "measure" || known === "over"
  if (known === "over") return { bytes: -1, stale }
  if (/^-?\d{1,18}$/.test(known)) return { bytes: Number(known), stale }
  const hosts = readdirSync(`${state}/hosts`).filter((name) => name.endsWith(".json")).length
  return { bytes: Math.floor(storeSize() / Math.max(1, hosts)), stale }
}

/**
 * Runs a program for at most `longest.room` seconds, and no longer than the client is there: our parent is sshd's process of this
 * session. A prune may be killed at any moment, and the next one goes on.
 */
const whileClientWaits = (
  program: string,
  args: ReadonlyArray<string>
): Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null; readonly stderr: string }> =>
  new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: longest.room * 1000,
      killSignal: "SIGKILL"
    })
    let stderr = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-8192)))
    const parent = process.ppid
    const watch = setInterval(() => {
      if (process.ppid === parent) return
      child.kill("SIGKILL")
      process.exit(exitCode.failed)
    }, 1000)
    const ended = (status: number | null, signal: NodeJS.Signals | null) => {
      clearInterval(watch)
      resolve({ status, signal, stderr })
    }
    child.on("error", () => ended(null, null)).on("close", ended)
  })

/**
 * Less than what pruning last defended, or than an administrator has approved for this host, or short of metadata by its word, which
 * statfs does not tell: a prune is run before the push, and says where nothing could be freed for this host. There is one such at a
 * time, however many push at once: the others start where there is the least, or come back.
 */
const checkRoom = async (host: string): Promise<void> => {
  const free = (): number => {
    const { bavail, bsize } = statfsSync(store)
    return bavail * bsize
  }
  const size = storeSize()
  const least = dataFloor({ size })
  const enough = free() >= Math.max(least, wantedBefore(textOf(`${runs}/reserve`) ?? "", host))
  if (enough && !roomOf(host).stale) return
  makeDirectories(runs)
  const made = await whileClientWaits("/usr/bin/flock", [
    ...["--nonblock", "--no-fork", "--conflict-exit-code", String(exitCode.busy), `${runs}/room.lock`],
    ...[`${lib}/byteback.cjs`, "prune", "--for", host]
  ])
  const said = made.stderr
    .trim()
    .split("\n")
    .at(-1)
    ?.replace(/^byteback: /, "")
  if (made.status === exitCode.noSpace || made.status === exitCode.anomaly) {
    refuse(said ?? "the server's store is full", made.status)
  }
  // Out of time it was waiting for space to come back.
  const coming = (made.status === exitCode.busy && said !== "") || made.signal !== null
  if (coming || (made.status === exitCode.busy && free() < least)) {
    refuse("the server is making room; nothing was changed, try again in 10 minutes", exitCode.busy)
  }
  if (free() < least) {
    refuse(
      "the server's store is full; no backup was lost. Its administrator can free space or enlarge it",
      exitCode.noSpace
    )
  }
}

/**
 * Takes one of a host's places for what this program answers itself, for as long as the process lives: the lock is the open file's,
 * and nobody else has that open. Those who want to be let in share a few.
 */
const takePlace = (host: string): void => {
  makeDirectories(runs, `${runs}/${host}`)
  for (let place = 1; place <= answers; place += 1) {
    const file = openSync(`${runs}/${host}/answer-${place}`, "w", 0o600)
    const { status } = spawnSync("/usr/bin/flock", ["--nonblock", "3"], { stdio: ["ignore", "ignore", "ignore", file] })
    if (status === 0) return
    closeSync(file)
  }
  refuse(
    `the server is answering ${answers} requests of this host; nothing was changed, try again when it has`,
    exitCode.busy
  )
}

const makeDirectories = (...directories: ReadonlyArray<string>): void => {
  for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o700 })
}

/** Asked of rsync itself once; the answer is kept for as long as it is the same file. */
const installedRsync = (): string => {
  const rsync = "/usr/bin/rsync"
  const kept = `${runs}/rsync-version`
  const file = statSync(rsync, { bigint: true, throwIfNoEntry: false })
  const same = `${file?.dev} ${file?.ino} ${file?.size} ${file?.mtimeNs} ${file?.ctimeNs} `
  const known = textOf(kept)
  if (known?.startsWith(same) === true) return known.slice(same.length)
  const { stdout } = spawnSync(rsync, ["--version"], { stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" })
  const version =
    /version (\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1] ?? refuse("rsync is not installed on the server", exitCode.failed)
  try {
    makeDirectories(runs)
    writeFileSync(`${kept}.${process.pid}`, same + version)
    renameSync(`${kept}.${process.pid}`, kept)
  } catch {
    // then it is asked again next time
  }
  return version
}

const rsyncVersion = (): string => {
  const version = installedRsync()
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

/** What the host's journal says; a line that was cut off is left out. */
const journalOf = (host: string): ReadonlyArray<JournalEntry> =>
  (textOf(`${state}/journal/${host}.ndjson`) ?? "").split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as JournalEntry]
    } catch {
      return []
    }
  })

/** Not even root may write there: a snapshot's `ro`, which only btrfs tells otherwise. */
const isReadOnly = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK)
    return false
  } catch {
    return true
  }
}

/** The name of the newest snapshot that is not suspect, which is what a client means by `latest`; a newer one is told of. */
const latestName = (host: string, dated: ReadonlyArray<{ readonly name: string; readonly time: number }>): string => {
  const stored = dated.map(({ name, time }) => ({
    name,
    at: time,
    foreign: false,
    sealed: isReadOnly(`${store}/${host}/${name}`)
  }))
  const listed = joinSnapshots(stored, journalOf(host), Math.floor(Date.now() / 1000))
  const { chosen, passed } = latestOf(listed)
  if (chosen === undefined) {
    return refuse(
      passed === undefined ? "this host has no snapshot yet" : escapeText(allSuspect(passed)),
      exitCode.failed
    )
  }
  if (passed !== undefined) process.stderr.write(`${noteLine(escapeText(passedOver(passed, chosen.name)))}\n`)
  return chosen.name
}

/** The directory of a snapshot that is whole, in root's hands; one with a name that is not ours may be the host's own too. */
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
  if (wanted === "latest") return `${at}/${latestName(host, dated)}`
  const found = dated.find(({ name }) => name === wanted)
  if (found !== undefined) return `${at}/${found.name}`
  if (snapshotTime(wanted) === undefined && [0, uidOf(host)].includes(owner(wanted))) return `${at}/${wanted}`
  if (dated.length === 0) return refuse("this host has no snapshot yet", exitCode.failed)
  const near = nearestSnapshots(
    dated.map(({ name }) => name),
    wanted
  )
  return refuse(`this host has no snapshot ${wanted}; the nearest are ${near.join(", ")}`, exitCode.failed)
}

/** Becomes one of the small runners, which watch over the sandbox and need no Node. */
const exec = (runner: "run-push" | "run-pull" | "run-diff", args: ReadonlyArray<string>): void => {
  const program = `${lib}/${runner}`
  try {
    accessSync(program, constants.X_OK)
  } catch {
    refuse(`${program} is missing on the server; nothing was changed. Tell its administrator`, exitCode.failed)
  }
  process.execve!(program, [program, ...args], { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" })
}

const push = async (host: string, request: Push): Promise<void> => {
  const uid = uidOf(host)
  checkStore()
  await checkRoom(host)
  makeDirectories(runs, `${runs}/${host}`, `${runs}/slots`)
  const most = Number(/^[1-9]\d{0,3}$/.exec(textOf(`${config}/parallel`) ?? "")?.[0] ?? parallel)
  const least = nearlyFull({ size: storeSize() })
  const version = rsyncVersion()
  const sandbox = { directory: `${store}/${host}/current`, access: "read-write", uid } as const
  exec("run-push", [
    `${runs}/${host}`,
    `${runs}/slots`,
    String(most),
    // A dry run changes nothing that the last complete run knew.
    request.letters.includes("n") ? "dry-run" : `${state}/token/${host}`,
    ...[roomOf(host).bytes, least.free, least.metadata].map((bytes) => String(Math.floor(bytes))),
    ...confined(sandbox, longest.transfer, (root) => rsyncArgv(request, version, root))
  ])
}

interface Read {
  /** what the sandbox sees */
  readonly directory: string
  /** the snapshot that nobody deletes meanwhile; `*` for a look at all of them, and another word for none */
  readonly name: string
  readonly seconds: number
  readonly command: (root: string) => ReadonlyArray<string>
  /** see Sandbox */
  readonly passwd?: string
  /** two snapshots, whose difference is on the command's stdin */
  readonly compared?: readonly [string, string]
}

const read = (host: string, { command, compared, directory, name, passwd, seconds }: Read): void => {
  const inside = passwd === undefined ? {} : { passwd }
  const sandbox = { directory, access: "read-only", uid: uidOf(host), ...inside } as const
  makeDirectories(runs, `${runs}/${host}`, `${runs}/${host}/reading`)
  const args = [`${runs}/${host}`, String(readers), name, ...confined(sandbox, seconds, command)]
  if (compared === undefined) exec("run-pull", args)
  else exec("run-diff", [...compared, ...args])
}

const pull = (host: string, request: Pull | Restore): void => {
  uidOf(host)
  // One session reads one snapshot, and less than what was asked for may not pass for all of it.
  if (request._tag === "Restore" && request.all) {
    refuse(
      "--all is not served to this old client; nothing was sent. Name one --snapshot, or use byteback 0.5: byteback restore --all"
    )
  }
  checkStore()
  const directory = snapshotDirectory(host, snapshotOf(request))
  const version = rsyncVersion()
  const command = (root: string) => rsyncArgv(request, version, root)
  read(host, { directory, name: basename(directory), seconds: longest.transfer, command })
}

/** An old client's listing is made in the sandbox too, over all of the host's snapshots. */
const list = (host: string, request: List): void => {
  uidOf(host)
  checkStore()
  const { snapshot } = request
  const named = snapshot === "latest" ? (basename(snapshotDirectory(host, snapshot)) as SnapshotRef) : snapshot
  const line = print({ ...request, snapshot: named })
  const command = () => [`${lib}/node`, "--max-old-space-size=64", `${lib}/lister.cjs`, line]
  read(host, { directory: `${store}/${host}`, name: "*", seconds: longest.listing, command })
}

/** Snapshots of a host that are listed, found and compared in the sandbox; a search cuts itself short before its time is up. */
const search = (host: string, request: Reading): void => {
  uidOf(host)
  checkStore()
  const reader = (...names: ReadonlyArray<string>) => [
    ...[`${lib}/node`, "--max-old-space-size=128", "--max-semi-space-size=2", `${lib}/reader.cjs`],
    ...[printReading(request), ...names]
  ]
  const all = { directory: `${store}/${host}`, name: "*", seconds: longest.search } as const
  if (request._tag === "diff") {
    const compared = [snapshotDirectory(host, request.from), snapshotDirectory(host, request.to)] as const
    const names = compared.map((directory) => basename(directory))
    return read(host, { ...all, compared, command: () => reader(...names) })
  }
  if (request._tag === "history" || request.snapshot === "*") return read(host, { ...all, command: () => reader() })
  const directory = snapshotDirectory(host, request.snapshot)
  const seconds = request._tag === "cat" || request._tag === "dump" ? longest.transfer : longest.search
  read(host, { directory, name: basename(directory), seconds, command: () => reader(basename(directory)) })
}

/**
 * One of a host's snapshots by sftp, read-only, until the client goes; or (null) all of them. Who mounts all may forget it for weeks, so
 * that keeps none from being pruned, as one alone and a restore do.
 */
const browse = (host: string, snapshot: SnapshotRef | null): void => {
  const uid = uidOf(host)
  checkStore()
  if (parseSandboxChoice(textOf(`${config}/sandbox`)) === "none") {
    refuse("the server's administrator runs it without a sandbox, and outside of one snapshots cannot be mounted")
  }
  const program = sftpServers.find((path) => existsSync(path))
  if (program === undefined) {
    return refuse("the server has no sftp-server; nothing was changed. Tell its administrator", exitCode.failed)
  }
  makeDirectories(runs, `${runs}/${host}`)
  const passwd = `${runs}/${host}/passwd`
  writeFileSync(passwd, `byteback:x:${uid}:${uid}::/data:/bin/false\n`, { mode: 0o644 })
  const command = () => [program, "-R"]
  const directory = snapshot === null ? `${store}/${host}` : snapshotDirectory(host, snapshot)
  const name = snapshot === null ? "mount" : basename(directory)
  read(host, { directory, name, seconds: longest.transfer, command, passwd })
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
    // Who reads takes whatever is on stdout for what was read.
    if (parseReading(request.json) !== null) return refuse("this session may only enrol a machine")
    const { answerEnrolment } = await import("../src/answer.ts")
    takePlace("enrolling")
    return answerEnrolment(host, request.json)
  }
  if (host === null) return refuse("byteback-priv: no host named")
  if (verb === "ping" && request._tag === "Ping") return ping(host)
  if (verb === "push" && request._tag === "Push") return push(host, request)
  if (verb === "pull" && request._tag === "Pull") return pull(host, request)
  if (verb === "restore" && request._tag === "Restore") return pull(host, request)
  if (verb === "list" && request._tag === "List") return list(host, request)
  if (verb === "typed" && request._tag === "Typed") {
    const browsed = readSftp(request.json)
    if (browsed !== undefined) return browse(host, browsed)
    const reading = parseReading(request.json)
    if (reading !== null) return reading.ok ? search(host, reading.value) : refuse(reading.refusal.message)
    const { answerRequest } = await import("../src/answer.ts")
    uidOf(host)
    takePlace(host)
    return answerRequest(host, request.json)
  }
  if (verb === "complete" && request._tag === "Complete") {
    const { answerOldComplete } = await import("../src/answer.ts")
    uidOf(host)
    takePlace(host)
    return answerOldComplete(host)
  }
  return refuse(`byteback-priv: the request does not fit the verb`)
}
