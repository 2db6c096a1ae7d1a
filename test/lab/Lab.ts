// Machines made of namespaces, for the demo and all tests on real parts: each has its own files, users, processes, network and sshd.
import { Context, Effect, Layer, Schema } from "effect"
import type { Scope } from "effect"
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"
import { constants } from "node:os"
import { join } from "node:path"

/** The lab could not do what was asked; the message says what, with the stderr of the tool that refused. */
export class LabError extends Schema.TaggedError<LabError>()("LabError", { message: Schema.String }) {}

/** How a program in a machine is run. */
export interface RunOptions {
  /** Whose uid, gid and groups, by name; root if absent. No PAM session: `ssh` or `su` makes one. */
  readonly user?: string
  /** What stdin holds; empty if absent. */
  readonly stdin?: string | Uint8Array
  /** Added to PATH, HOME, USER, LOGNAME, SHELL and LANG of the user. */
  readonly env?: Readonly<Record<string, string>>
  /** Nothing in the environment but `env`. */
  readonly clearEnv?: boolean
  /** `/` if absent. */
  readonly cwd?: string
  /** Milliseconds after which the program is killed and the effect fails; 120,000 if absent. */
  readonly timeout?: number
}

/** How a program ended and what it said. `code` is 128 + N when signal N ended it. */
export interface RunResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly stdoutBytes: Uint8Array
}

/** A program that runs on; killed with its session when the scope closes. */
export interface Running {
  /** Its pid as the real machine sees it, for /proc; 0 if it had ended before it was seen. */
  readonly pid: number
  /** What it has said so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  readonly wait: Effect.Effect<RunResult, LabError>
  /** Waits until stdout and stderr together match; fails when it ends without, or after `timeout` ms (60,000). */
  readonly saw: (pattern: RegExp, timeout?: number) => Effect.Effect<string, LabError>
  /** Signals the program alone; nothing happens when it has ended. */
  readonly kill: (signal?: NodeJS.Signals) => Effect.Effect<void>
  readonly writeStdin: (text: string | Uint8Array) => Effect.Effect<void>
  readonly closeStdin: Effect.Effect<void>
}

export interface Machine {
  readonly name: string
  /** Its IPv4 address. All machines of the lab are in /etc/hosts of each. */
  readonly address: string
  /** The pid of its PID 1 as the real machine sees it. */
  readonly pid: Effect.Effect<number, LabError>
  /** Runs a program to its end. A non-zero exit is a result, not a failure. */
  readonly run: (argv: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<RunResult, LabError>
  /** Runs a program that has to exit with 0, and gives its stdout. */
  readonly ok: (argv: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<string, LabError>
  /** Runs a program again and again, 20 ms apart, until it exits with 0; fails after `timeout` ms (20,000). */
  readonly until: (argv: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<string, LabError>
  /** Starts a program and goes on. `stdin` is typed and left open; `timeout` does not apply. */
  readonly start: (argv: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<Running, LabError, Scope.Scope>
  /** Like `start`, on a terminal of 24 lines and 100 columns: all it shows is in `stdout`, and "\x03" typed is ^C. */
  readonly tty: (argv: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<Running, LabError, Scope.Scope>
  readonly read: (path: string) => Effect.Effect<string, LabError>
  /** Writes a file, with the directories above it. */
  readonly write: (
    path: string,
    content: string | Uint8Array,
    options?: { readonly mode?: string; readonly owner?: string }
  ) => Effect.Effect<void, LabError>
  readonly exists: (path: string) => Effect.Effect<boolean, LabError>
  /** Pulls the network cable out: no packet passes, connections are not told. */
  readonly cut: Effect.Effect<void, LabError>
  readonly plug: Effect.Effect<void, LabError>
  /**
   * The machine stops at once: the cable goes first, so that nobody is told, then kill -9 of all its processes. Mounts,
   * /run, /tmp and the network go with it. Files stay as the last write left them, also what was never synced: this
   * is a kill of everything, not a loss of power in the middle of a disk's write.
   */
  readonly crash: Effect.Effect<void, LabError>
  /** Starts it again after a crash, with the same files, disks and address; mounts what /etc/fstab names. No daemon is started. */
  readonly boot: Effect.Effect<void, LabError>
  /** (Re)starts sshd as Debian configures it, on port 22, and waits until it answers. It logs to /var/log/syslog. */
  readonly sshd: Effect.Effect<void, LabError>
  /** Plugs an empty disk of `size` bytes in and gives its path. It stays over a crash, and goes with the scope. */
  readonly emptyDevice: (size: number) => Effect.Effect<string, LabError, Scope.Scope>
}

export interface MachineOptions {
  /** byteback is installed in it, by packaging/install.mjs. */
  readonly install?: boolean
  /** A directory on a real disk that gives the room for the machine's files (an ext4) and disks; memory if absent. */
  readonly scratch?: string
}

export interface LabOptions {
  /** The built bundle that `install` installs; the project's dist if absent. */
  readonly dist?: string
}

const project = join(import.meta.dirname, "../..")
const script = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8")
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
const rootEnv = { PATH: path, LANG: "C.UTF-8", HOME: "/root", USER: "root", LOGNAME: "root", SHELL: "/bin/bash" }
const namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc"]
const mortal = ["--fork", "--kill-child=KILL", "--"]

/** A process of the real machine, nearly always an nsenter, and what it has said. */
class Child {
  readonly proc: ChildProcess
  readonly ended: Promise<RunResult>
  private readonly out: Array<Buffer> = []
  private readonly err: Array<Buffer> = []

  constructor(
    program: string,
    args: ReadonlyArray<string>,
    env: Readonly<Record<string, string>>,
    stdin: "pipe" | "ignore"
  ) {
    // Detached: a ^C on the terminal of the test run is for the test run, which then closes the lab in order.
    this.proc = spawn(program, args, { cwd: "/", env, stdio: [stdin, "pipe", "pipe"], detached: true })
    this.proc.stdin?.on("error", () => {}) // a reader that has gone shows in its exit code
    this.proc.stdout!.on("data", (chunk: Buffer) => this.out.push(chunk))
    this.proc.stderr!.on("data", (chunk: Buffer) => this.err.push(chunk))
    this.ended = new Promise((resolve, reject) => {
      this.proc.once("error", (cause) => reject(new LabError({ message: `${program}: ${cause.message}` })))
      this.proc.once("close", (code, signal) =>
        resolve({
          code: code ?? 128 + constants.signals[signal!],
          stdout: this.stdout(),
          stderr: this.stderr(),
          stdoutBytes: Buffer.concat(this.out)
        })
      )
    })
    this.ended.catch(() => {}) // reported to whoever waits
  }

  stdout = () => Buffer.concat(this.out).toString()
  stderr = () => Buffer.concat(this.err).toString()

  /** The first word after "ready" on stdout: how the lab's own programs say that they are up. */
  ready(what: string): Promise<string> {
    return this.saw(/^ready (\S+)\n/, 30_000).then(
      (match) => match[1]!,
      () => {
        this.proc.stdin?.end()
        return Promise.reject(new LabError({ message: `${what} did not come up: ${this.stderr().trim()}` }))
      }
    )
  }

  saw(pattern: RegExp, timeout: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        stop()
        reject(new LabError({ message: `${why} before ${pattern} was seen in:\n${this.stdout()}${this.stderr()}` }))
      }
      const timer = setTimeout(() => fail(`${timeout} ms passed`), timeout)
      const look = () => {
        const match = pattern.exec(this.stdout() + this.stderr())
        if (match === null) return
        stop()
        resolve(match)
      }
      const stop = () => {
        clearTimeout(timer)
        this.proc.stdout!.off("data", look)
        this.proc.stderr!.off("data", look)
      }
      this.proc.stdout!.on("data", look)
      this.proc.stderr!.on("data", look)
      this.ended.then(
        () => {
          look()
          fail("the program ended")
        },
        (cause: LabError) => fail(cause.message)
      )
      look()
    })
  }

  /** The program that nsenter forked into the machine, by its pid outside; 0 if it is not there (yet, or any more). */
  inner(): number {
    const pid = this.proc.pid
    if (pid === undefined) return 0
    try {
      return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ")[0])
    } catch {
      return 0
    }
  }

  async innerSeen(): Promise<number> {
    while (this.proc.exitCode === null && this.proc.signalCode === null && this.proc.pid !== undefined) {
      const pid = this.inner()
      if (pid !== 0) return pid
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return 0
  }

  /** Ends the program in the machine with everything in its session's first process group. */
  async destroy(): Promise<void> {
    const pid = await this.innerSeen()
    if (pid !== 0) signalQuietly(-pid, "SIGKILL")
    if (pid !== 0) signalQuietly(pid, "SIGKILL") // before its setsid it leads no group
    this.proc.stdin?.destroy()
  }
}

const signalQuietly = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // it has ended
  }
}

const labEffect = <A>(run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, LabError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => (cause instanceof LabError ? cause : new LabError({ message: `lab: ${String(cause)}` }))
  })

/** Runs a child to its end; kills it when time is up or the caller gave up. */
const finish = async (child: Child, what: string, timeout: number, signal?: AbortSignal): Promise<RunResult> => {
  let late = false
  const timer = setTimeout(() => {
    late = true
    void child.destroy()
  }, timeout)
  const abort = () => void child.destroy()
  signal?.addEventListener("abort", abort)
  try {
    const result = await child.ended
    if (late) throw new LabError({ message: `${what} was killed after ${timeout} ms; it had said: ${result.stderr}` })
    return result
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener("abort", abort)
  }
}

/** Runs one of the lab's own commands in some of the lab's namespaces. */
const inside = async (
  pid: number,
  into: ReadonlyArray<string>,
  argv: ReadonlyArray<string>,
  stdin = ""
): Promise<string> => {
  const child = new Child("nsenter", ["-t", String(pid), ...into, "--", ...argv], { ...rootEnv, LC_ALL: "C" }, "pipe")
  child.proc.stdin!.end(stdin)
  const result = await finish(child, argv.join(" "), 60_000)
  if (result.code !== 0) throw new LabError({ message: `lab: ${argv.join(" ")}: ${result.stderr.trim()}` })
  return result.stdout
}

const powerOff = async (child: Child): Promise<void> => {
  child.proc.stdin!.end()
  await child.ended
}

// Takes the user's ids and home from the machine's own passwd, goes to the directory, and becomes the program.
const enter = `
user=$1 dir=$2 clear=$3; shift 3
cd -- "$dir" || exit 127
[ -z "$clear" ] || unset PWD OLDPWD
[ -n "$user" ] || exec "$@"
entry=$(getent passwd -- "$user") || { echo "lab: no user $user" >&2; exit 127; }
IFS=: read -r name _ uid gid _ home shell <<END
$entry
END
[ -n "$clear" ] || export HOME="\${HOME:-$home}" USER="$name" LOGNAME="$name" SHELL="$shell"
exec setpriv --reuid "$uid" --regid "$gid" --init-groups -- "$@"
`

const launch = (pid: number, argv: ReadonlyArray<string>, options: RunOptions, stdin: "pipe" | "ignore"): Child => {
  const { HOME: _home, ...userEnv } = rootEnv
  const base = options.clearEnv ? {} : options.user === undefined ? rootEnv : userEnv
  const plain = options.user === undefined && options.cwd === undefined
  const wrapped = plain
    ? argv
    : ["/bin/sh", "-c", enter, "sh", options.user ?? "", options.cwd ?? "/", options.clearEnv ? "clear" : "", ...argv]
  return new Child(
    "/usr/bin/nsenter",
    ["-t", String(pid), ...namespaces, "--", "/usr/bin/setsid", ...wrapped],
    { ...base, ...options.env },
    stdin
  )
}

interface Shared {
  /** PID 1 of the lab, as the real machine sees it. */
  readonly pid: number
  readonly machines: Map<string, Booted>
  readonly installed: () => Promise<void>
  ports: number
}

/** One machine's state: what stays over a boot, and what a boot makes. */
class Booted {
  readonly lab: Shared
  readonly name: string
  readonly number: number
  readonly lower: string
  port = ""
  init: { readonly pid: number; readonly child: Child } | undefined

  constructor(lab: Shared, name: string, number: number, lower: string) {
    this.lab = lab
    this.name = name
    this.number = number
    this.lower = lower
  }

  get address(): string {
    return `10.77.0.${this.number}`
  }

  get pid(): number {
    if (this.init === undefined) throw new LabError({ message: `lab: ${this.name} is down; boot it first` })
    return this.init.pid
  }

  async boot(): Promise<void> {
    if (this.init !== undefined) throw new LabError({ message: `lab: ${this.name} is up already` })
    const machine = ["bash", "-c", script("machine.sh"), "machine", this.name, `/boot/${this.name}`, this.lower]
    const child = new Child(
      "nsenter",
      ["-t", String(this.lab.pid), "--mount", "--net", "--pid", "--", "unshare", ...namespaces, ...mortal, ...machine],
      { PATH: path, LC_ALL: "C", INIT: script("init.pl") },
      "pipe"
    )
    const pid = Number(await child.ready(`lab: ${this.name}`))
    this.init = { pid, child }
    this.port = `p${++this.lab.ports}`
    // A machine keeps its network card over a boot, or its neighbours would go on asking for the old one.
    const mac = `02:00:0a:4d:00:${this.number.toString(16).padStart(2, "0")}`
    await inside(
      this.lab.pid,
      ["--net"],
      ["ip", "-batch", "-"],
      `link add ${this.port} type veth peer name eth0 address ${mac} netns ${pid}\nlink set ${this.port} master switch up\n`
    )
    await inside(
      pid,
      ["--net"],
      ["ip", "-batch", "-"],
      `link set lo up\naddr add ${this.address}/24 dev eth0\nlink set eth0 up\n`
    )
    await Promise.all([...this.lab.machines.values()].filter((one) => one.init !== undefined).map((one) => one.hosts()))
    await inside(pid, namespaces, ["mount", "-a"])
  }

  async hosts(): Promise<void> {
    const all = [...this.lab.machines.values()].map((one) => `${one.address} ${one.name}\n`).join("")
    await inside(this.pid, ["--mount"], ["sh", "-c", "cat >/etc/hosts"], `127.0.0.1 localhost\n::1 localhost\n${all}`)
  }

  async crash(): Promise<void> {
    const { child, pid } = this.init ?? { child: undefined, pid: this.pid }
    await inside(this.lab.pid, ["--net"], ["ip", "link", "del", this.port])
    this.init = undefined
    signalQuietly(pid, "SIGKILL")
    await child?.ended
  }

  /** The machine and its files go. */
  async remove(): Promise<void> {
    this.lab.machines.delete(this.name)
    if (this.init !== undefined) await powerOff(this.init.child)
    const disk = `/boot/${this.name}`
    await inside(
      this.lab.pid,
      ["--mount"],
      ["sh", "-c", 'if mountpoint -q "$1"; then umount "$1"; fi; rm -rf --one-file-system -- "$1"', "sh", disk]
    )
  }
}

const plugDisk = (lab: Shared, room: string, size: number): Effect.Effect<string, LabError, Scope.Scope> =>
  Effect.acquireRelease(
    labEffect(async () => {
      const child = new Child(
        "nsenter",
        ["-t", String(lab.pid), "--mount", "--pid", "--", "perl", "-e", script("disk.pl"), room, String(size)],
        { PATH: path, LC_ALL: "C" },
        "pipe"
      )
      return { child, device: `/dev/${await child.ready("lab: a disk")}` }
    }),
    ({ child }) => Effect.promise(() => powerOff(child))
  ).pipe(Effect.map(({ device }) => device))

const running = (child: Child): Effect.Effect<Running, LabError, Scope.Scope> =>
  Effect.acquireRelease(
    labEffect(async () => {
      const pid = await child.innerSeen()
      return {
        pid,
        stdout: child.stdout,
        stderr: child.stderr,
        wait: labEffect(() => child.ended),
        saw: (pattern, timeout = 60_000) => labEffect(() => child.saw(pattern, timeout).then((match) => match[0])),
        kill: (signal = "SIGTERM") =>
          Effect.sync(() => {
            if (pid !== 0 && child.inner() === pid) signalQuietly(pid, signal)
          }),
        writeStdin: (text) =>
          Effect.promise(() => new Promise<void>((done) => child.proc.stdin!.write(text, () => done()))),
        closeStdin: Effect.sync(() => void child.proc.stdin!.end())
      } satisfies Running
    }),
    () =>
      Effect.promise(async () => {
        await child.destroy()
        await child.ended.catch(() => {})
      })
  )

const sshdScript = `
if [ -s /run/sshd.pid ] && kill "$(cat /run/sshd.pid)" 2>/dev/null; then
  while kill -0 "$(cat /run/sshd.pid 2>/dev/null)" 2>/dev/null; do :; done
fi
/usr/sbin/sshd -t && exec /usr/sbin/sshd
`

const machineApi = (booted: Booted, options: MachineOptions): Machine => {
  const { lab, name, address } = booted
  const run: Machine["run"] = (argv, opts = {}) =>
    labEffect((signal) => {
      const child = launch(booted.pid, argv, opts, opts.stdin === undefined ? "ignore" : "pipe")
      child.proc.stdin?.end(opts.stdin)
      return finish(child, `${name}: ${argv.join(" ")}`, opts.timeout ?? 120_000, signal)
    })
  const failed = (argv: ReadonlyArray<string>, result: RunResult) =>
    new LabError({
      message: `${name}: ${argv.map((word) => JSON.stringify(word)).join(" ")} ended with ${result.code}: ${result.stderr.trim() || result.stdout.trim()}`
    })
  const ok: Machine["ok"] = (argv, opts) =>
    Effect.flatMap(run(argv, opts), (result) =>
      result.code === 0 ? Effect.succeed(result.stdout) : Effect.fail(failed(argv, result))
    )
  const until: Machine["until"] = (argv, opts = {}) =>
    labEffect(async (signal) => {
      const deadline = performance.now() + (opts.timeout ?? 60_000)
      while (true) {
        const child = launch(booted.pid, argv, opts, opts.stdin === undefined ? "ignore" : "pipe")
        child.proc.stdin?.end(opts.stdin)
        const result = await finish(
          child,
          `${name}: ${argv.join(" ")}`,
          Math.max(1, deadline - performance.now()),
          signal
        )
        if (result.code === 0) return result.stdout
        if (performance.now() > deadline || signal.aborted) throw failed(argv, result)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })
  const start: Machine["start"] = (argv, opts = {}) =>
    Effect.suspend(() => {
      const child = launch(booted.pid, argv, opts, "pipe")
      if (opts.stdin !== undefined) child.proc.stdin!.write(opts.stdin)
      return running(child)
    })
  const link = (state: "up" | "down") =>
    labEffect(() => inside(lab.pid, ["--net"], ["ip", "link", "set", booted.port, state])).pipe(Effect.asVoid)
  return {
    name,
    address,
    pid: labEffect(async () => booted.pid),
    run,
    ok,
    until,
    start,
    tty: (argv, opts = {}) =>
      start(["perl", "-e", script("tty.pl"), "24", "100", ...argv], { ...opts, env: { TERM: "xterm", ...opts.env } }),
    read: (file) => ok(["cat", "--", file]),
    write: (file, content, { mode = "0644", owner = "root:root" } = {}) =>
      Effect.asVoid(
        ok(
          ["sh", "-ec", 'mkdir -p -- "${1%/*}/"; cat >"$1"; chown "$2" "$1"; chmod "$3" "$1"', "sh", file, owner, mode],
          {
            stdin: content
          }
        )
      ),
    exists: (file) => Effect.map(run(["test", "-e", file]), ({ code }) => code === 0),
    cut: link("down"),
    plug: link("up"),
    crash: labEffect(() => booted.crash()),
    boot: labEffect(() => booted.boot()),
    sshd: Effect.suspend(() =>
      Effect.andThen(
        ok(["sh", "-c", sshdScript]),
        until(["bash", "-c", 'exec 3<>"/dev/tcp/$0/22" && read -r -t 2 line <&3 && [[ $line == SSH-* ]]', address])
      )
    ).pipe(Effect.asVoid),
    emptyDevice: (size) =>
      Effect.tap(plugDisk(lab, options.scratch ?? `/boot/${name}`, size), (device) =>
        // more disks than the nodes that a machine starts with
        ok(["sh", "-c", '[ -e "$1" ] || mknod -m 660 "$1" b 7 "${1#/dev/loop}"', "sh", device])
      )
  }
}

const addMachine = (
  lab: Shared,
  name: string,
  options: MachineOptions
): Effect.Effect<Machine, LabError, Scope.Scope> =>
  Effect.gen(function* () {
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(name) || ["base", "tree", "dev", "installed"].includes(name)) {
      return yield* new LabError({ message: `lab: a machine cannot be called ${JSON.stringify(name)}` })
    }
    if (lab.machines.has(name)) return yield* new LabError({ message: `lab: there is a ${name} already` })
    if (options.install) yield* labEffect(lab.installed)
    if (options.scratch !== undefined) {
      const device = yield* plugDisk(lab, options.scratch, 256 * 1024 ** 3)
      const makeDisk = 'mkfs.ext4 -q -m 0 -O ^has_journal "$1" && mkdir "$2" && mount "$1" "$2"'
      yield* labEffect(() => inside(lab.pid, ["--mount"], ["sh", "-c", makeDisk, "sh", device, `/boot/${name}`]))
    }
    const booted = yield* Effect.acquireRelease(
      labEffect(async () => {
        const taken = new Set([...lab.machines.values()].map((one) => one.number))
        const number = Array.from({ length: 254 }, (_, i) => i + 1).find((n) => !taken.has(n))
        if (number === undefined) throw new LabError({ message: "lab: 254 machines are enough" })
        const one = new Booted(lab, name, number, `${options.install ? "/boot/installed:" : ""}/boot/base:/`)
        lab.machines.set(name, one)
        return one
      }),
      (one) => Effect.promise(() => one.remove())
    )
    yield* labEffect(() => booted.boot())
    return machineApi(booted, options)
  })

const installer =
  "set -e; cd /boot; mkdir installed installed.work; " +
  "mount -t overlay -o lowerdir=base:/,upperdir=installed,workdir=installed.work,xino=on lab-installed tree; " +
  '"$@"; umount tree'

/**
 * A switch and any number of machines on it, in namespaces of their own: nothing of the real machine is written, no
 * interface or mount shows there, and all ends with the scope, or when the process that made it ends, however it ends.
 * Needs root, on a Debian with iproute2, util-linux and perl-base. Real time passes in it: use `it.live` in tests.
 */
export class Lab extends Context.Service<
  Lab,
  {
    /** Brings a machine up; it goes with the scope. Its name is its hostname. */
    readonly machine: (name: string, options?: MachineOptions) => Effect.Effect<Machine, LabError, Scope.Scope>
    /** PID 1 of the lab as the real machine sees it: the switch is in its network namespace. */
    readonly pid: number
  }
>()("byteback/test/Lab") {
  static readonly make = (options: LabOptions = {}): Effect.Effect<Lab["Service"], LabError, Scope.Scope> =>
    Effect.acquireRelease(
      labEffect(async () => {
        if (process.getuid?.() !== 0) throw new LabError({ message: "lab: it needs root to make machines" })
        const child = new Child(
          "unshare",
          ["--mount", "--net", "--pid", ...mortal, "bash", "-c", script("lab.sh"), "lab"],
          { PATH: path, LC_ALL: "C", INIT: script("init.pl") },
          "pipe"
        )
        const pid = Number(await child.ready("lab"))
        let installed: Promise<void> | undefined
        const dist = options.dist === undefined ? [] : ["--dist", options.dist]
        const install = [process.execPath, join(project, "packaging/install.mjs"), "--root", "/boot/tree", ...dist]
        const shared: Shared = {
          pid,
          machines: new Map(),
          ports: 0,
          installed: () =>
            (installed ??= inside(pid, ["--mount"], ["sh", "-c", installer, "sh", ...install]).then(() => undefined))
        }
        return { child, shared }
      }),
      ({ child }) => Effect.promise(() => powerOff(child))
    ).pipe(
      Effect.map(({ shared }) => ({
        pid: shared.pid,
        machine: (name, machineOptions = {}) => addMachine(shared, name, machineOptions)
      }))
    )

  static readonly layer = (options?: LabOptions): Layer.Layer<Lab, LabError> => Layer.effect(Lab, Lab.make(options))
}
