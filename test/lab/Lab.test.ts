// The lab's own promises: machines that are apart from each other and from the real one, and of which nothing stays.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Lab, LabError } from "./Lab.ts"
import type { Machine } from "./Lab.ts"

const root = process.getuid?.() === 0
if (!root) console.warn("test/lab: skipped, machines can only be made by root")

const MiB = 1024 ** 2

/** Every pid whose chain of parents leads to `ancestor`. */
const descendants = (ancestor: number): ReadonlyArray<number> => {
  const parents = new Map<number, number>()
  for (const entry of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, "utf8")
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]))
    } catch {
      // it has ended since
    }
  }
  const leads = (pid: number): boolean => {
    const parent = parents.get(pid)
    return parent !== undefined && (parent === ancestor || leads(parent))
  }
  return [...parents.keys()].filter(leads)
}

/** What a lab could leave on the real machine apart from processes. */
const traces = (scratch: string): ReadonlyArray<string> => [
  ...execFileSync("losetup", ["--list", "--noheadings", "--output", "BACK-FILE"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => file.includes(scratch)),
  ...fs
    .readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => /^lab|^udev \/boot| \/boot\b/.test(line)),
  ...fs.readdirSync("/sys/class/net").filter((name) => /^switch$|^p\d+$/.test(name)),
  ...fs.readdirSync("/boot").filter((name) => name === "base"),
  ...fs.readdirSync(scratch)
]

const eventually = (what: string, holds: () => boolean) =>
  Effect.gen(function* () {
    for (let waited = 0; waited < 10_000; waited += 20) {
      if (holds()) return
      yield* Effect.sleep(20)
    }
    assert.fail(`not within 10 s: ${what}`)
  })

const ended = (pid: number) => !fs.existsSync(`/proc/${pid}`)

const scratchDirectory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "lab-test-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
)

/** Lets root of one machine log in at another, whose sshd runs. */
const befriend = Effect.fn("befriend")(function* (client: Machine, server: Machine) {
  yield* client.ok(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519"])
  yield* server.write("/root/.ssh/authorized_keys", yield* client.read("/root/.ssh/id_ed25519.pub"), { mode: "0600" })
  const hostKey = yield* server.read("/etc/ssh/ssh_host_ed25519_key.pub")
  yield* client.write("/root/.ssh/known_hosts", `${server.name} ${hostKey}`)
  yield* server.sshd
})
const ssh = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=1", "server"]

describe.skipIf(!root)("Lab", () => {
  it.live("brings a machine up in about a second, with its own name, files and processes", () =>
    Effect.gen(function* () {
      const lab = yield* Lab.make()
      const begin = performance.now()
      const one = yield* lab.machine("one")
      assert.isBelow(performance.now() - begin, 2000)
      assert.strictEqual(yield* one.ok(["hostname"]), "one\n")
      assert.strictEqual((yield* one.ok(["ps", "-e", "-o", "pid="])).trim().split("\n").length, 2, "init and ps")
      assert.strictEqual(yield* one.ok(["find", "/home", "/opt", "/srv", "/tmp", "/var/tmp", "-mindepth", "1"]), "")
      assert.strictEqual(yield* one.ok(["stat", "-c", "%a %U", "/root", "/tmp"]), "700 root\n1777 root\n")
      assert.isFalse(yield* one.exists(import.meta.filename))
    }).pipe(Effect.scoped)
  )

  it.live("runs programs as they are: streams, exit codes, signals, users, environment", () =>
    Effect.gen(function* () {
      const lab = yield* Lab.make()
      const one = yield* lab.machine("one")
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
      assert.deepStrictEqual(new Uint8Array((yield* one.run(["cat"], { stdin: bytes })).stdoutBytes), bytes)
      assert.deepInclude(yield* one.run(["sh", "-c", "echo out; echo err >&2; exit 3"]), {
        code: 3,
        stdout: "out\n",
        stderr: "err\n"
      })
      assert.strictEqual((yield* one.run(["sh", "-c", "kill -TERM $$"])).code, 143)
      assert.strictEqual((yield* one.run(["no-such-program"])).code, 127)
      const refused = yield* Effect.flip(one.ok(["sh", "-c", "echo why >&2; exit 3"]))
      assert.match(refused.message, /one: "sh" .* ended with 3: why/)
      yield* one.ok(["useradd", "-m", "joe"])
      assert.strictEqual(
        yield* one.ok(["sh", "-c", "id -un; id -gn; pwd; echo $HOME $X"], {
          user: "joe",
          cwd: "/home/joe",
          env: { X: "y" }
        }),
        "joe\njoe\n/home/joe\n/home/joe y\n"
      )
      assert.strictEqual(yield* one.ok(["/usr/bin/env"], { user: "joe", clearEnv: true, env: { X: "y" } }), "X=y\n")
      const late = yield* Effect.flip(one.run(["sh", "-c", "sleep 1000 & wait"], { timeout: 100 }))
      assert.instanceOf(late, LabError)
      yield* one.until(["sh", "-c", "! pgrep -x sleep"])
    }).pipe(Effect.scoped)
  )

  it.live("keeps an eye on programs that run on, and gives them a terminal", () =>
    Effect.gen(function* () {
      const lab = yield* Lab.make()
      const one = yield* lab.machine("one")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const cat = yield* one.start(["cat"])
          yield* cat.writeStdin("hello\n")
          yield* cat.saw(/hello/)
          assert.strictEqual(fs.readFileSync(`/proc/${cat.pid}/comm`, "utf8"), "cat\n")
          yield* cat.kill("SIGINT")
          assert.strictEqual((yield* cat.wait).code, 130)
          yield* one.start(["sleep", "1000"])
        })
      )
      yield* one.until(["sh", "-c", "! pgrep -x sleep"])
      const asks = yield* one.tty(["sh", "-c", 'tty; printf "name? "; read name; echo "<$name>"; exec sleep 1000'])
      yield* asks.saw(/\/dev\/pts\/\d+[^]*name\? /)
      yield* asks.writeStdin("joe\n")
      yield* asks.saw(/<joe>/)
      yield* asks.writeStdin("\x03")
      assert.strictEqual((yield* asks.wait).code, 130)
    }).pipe(Effect.scoped)
  )

  it.live(
    "machines know each other by name and talk over ssh; a cut cable stops them, and a connection outlives it",
    () =>
      Effect.gen(function* () {
        const lab = yield* Lab.make()
        const server = yield* lab.machine("server")
        const client = yield* lab.machine("client")
        yield* befriend(client, server)
        assert.strictEqual(yield* client.ok([...ssh, "hostname"]), "server\n")
        assert.match(yield* server.read("/var/log/syslog"), /Accepted publickey for root from 10\.77\.0\.2/)
        const open = yield* client.start([...ssh, "cat"])
        yield* open.writeStdin("before\n")
        yield* open.saw(/before/)
        yield* server.cut
        assert.strictEqual((yield* client.run([...ssh, "true"])).code, 255)
        yield* open.writeStdin("during\n")
        yield* server.plug
        yield* open.saw(/during/)
        yield* client.until([...ssh, "true"])
      }).pipe(Effect.scoped)
  )

  it.live("sshd rereads its configuration on SIGHUP, and can be started again", () =>
    Effect.gen(function* () {
      const lab = yield* Lab.make()
      const server = yield* lab.machine("server")
      const client = yield* lab.machine("client")
      yield* befriend(client, server)
      const before = yield* server.read("/run/sshd.pid")
      yield* server.write("/etc/ssh/sshd_config.d/test.conf", "PermitRootLogin no\n")
      yield* server.ok(["sh", "-c", "kill -HUP $(cat /run/sshd.pid)"])
      yield* client.until(["sh", "-c", '! "$@"', "sh", ...ssh, "true"])
      assert.strictEqual(yield* server.read("/run/sshd.pid"), before)
      yield* server.ok(["rm", "/etc/ssh/sshd_config.d/test.conf"])
      yield* server.sshd
      assert.notStrictEqual(yield* server.read("/run/sshd.pid"), before)
      yield* client.ok([...ssh, "true"])
    }).pipe(Effect.scoped)
  )

  it.live("users and sudo rules of one machine are not those of another, nor of the real one", () =>
    Effect.gen(function* () {
      const lab = yield* Lab.make()
      const one = yield* lab.machine("one")
      const two = yield* lab.machine("two")
      yield* one.ok(["useradd", "-m", "lab-joe"])
      yield* one.ok(["chpasswd"], { stdin: "lab-joe:secret\n" })
      yield* one.write("/etc/sudoers.d/joe", "lab-joe ALL=(root) NOPASSWD: /usr/bin/id\n", { mode: "0440" })
      yield* one.ok(["visudo", "-c"])
      assert.match(yield* one.ok(["sudo", "-n", "/usr/bin/id"], { user: "lab-joe" }), /^uid=0\(root\)/)
      assert.notStrictEqual((yield* one.run(["sudo", "-n", "/bin/ls"], { user: "lab-joe" })).code, 0)
      assert.match(yield* one.read("/var/log/syslog"), /sudo: +lab-joe : .*COMMAND=\/usr\/bin\/id/)
      assert.strictEqual((yield* two.run(["id", "lab-joe"])).code, 1)
      assert.notInclude(fs.readFileSync("/etc/passwd", "utf8"), "lab-joe")
      assert.isFalse(fs.existsSync("/home/lab-joe"))
      assert.notStrictEqual(yield* one.read("/etc/machine-id"), yield* two.read("/etc/machine-id"))
      assert.notStrictEqual(
        yield* one.read("/etc/ssh/ssh_host_ed25519_key.pub"),
        yield* two.read("/etc/ssh/ssh_host_ed25519_key.pub")
      )
    }).pipe(Effect.scoped)
  )

  it.live("files keep every kind of metadata: links, xattrs, ACLs, devices, holes", () =>
    Effect.gen(function* () {
      const lab = yield* Lab.make()
      const one = yield* lab.machine("one")
      yield* one.write("/srv/file", "x")
      yield* one.ok(["ln", "/srv/file", "/srv/link"])
      yield* one.ok(["setfattr", "-n", "user.colour", "-v", "blue", "/srv/file"])
      yield* one.ok(["setfacl", "-m", "u:nobody:r", "/srv/file"])
      yield* one.ok(["mknod", "/srv/device", "b", "8", "1"])
      yield* one.ok(["truncate", "-s", "1G", "/srv/holes"])
      assert.match(yield* one.ok(["getfattr", "-d", "/srv/link"]), /user.colour="blue"/)
      assert.match(yield* one.ok(["getfacl", "/srv/link"]), /user:nobody:r--/)
      assert.strictEqual(
        yield* one.ok(["stat", "-c", "%F %b", "/srv/device", "/srv/holes"]),
        "block special file 0\nregular file 0\n"
      )
      // rsync and find must see one filesystem, though it is an overlay of several
      assert.strictEqual(
        (yield* one.ok(["stat", "-c", "%d", "/", "/etc", "/usr/bin/env", "/etc/hosts"]))
          .split("\n")
          .filter((line, i, all) => line !== "" && all.indexOf(line) === i).length,
        1
      )
    }).pipe(Effect.scoped)
  )

  it.live("btrfs works on a disk and on an image, and both survive a crash and a boot", () =>
    Effect.gen(function* () {
      const lab = yield* Lab.make()
      const server = yield* lab.machine("server")
      const disk = yield* server.emptyDevice(256 * MiB)
      yield* server.ok(["mkfs.btrfs", "-q", "-L", "store", disk])
      yield* server.ok(["truncate", "-s", "256M", "/var/image"])
      yield* server.ok(["mkfs.btrfs", "-q", "/var/image"])
      yield* server.ok(["mkdir", "/byteback", "/image"])
      yield* server.write("/etc/fstab", "LABEL=store /byteback btrfs noatime 0 0\n/var/image /image btrfs loop 0 0\n")
      yield* server.ok(["mount", "-a"])
      for (const store of ["/byteback", "/image"]) {
        yield* server.ok(["btrfs", "-q", "subvolume", "create", `${store}/current`])
        yield* server.write(`${store}/current/file`, "kept\n")
        yield* server.ok(["btrfs", "-q", "subvolume", "snapshot", "-r", `${store}/current`, `${store}/snapshot`])
        assert.strictEqual((yield* server.run(["touch", `${store}/snapshot/new`])).code, 1)
      }
      const client = yield* lab.machine("client")
      yield* befriend(client, server)
      const sleeps = yield* client.start([
        ...ssh,
        "-o",
        "ServerAliveInterval=1",
        "-o",
        "ServerAliveCountMax=1",
        "sleep 1000"
      ])
      yield* server.until(["pgrep", "-x", "sleep"])
      yield* server.write("/run/lost", "")
      const init = yield* server.pid

      yield* server.crash
      assert.isTrue(ended(init))
      assert.match((yield* Effect.flip(server.run(["true"]))).message, /server is down/)
      assert.strictEqual((yield* sleeps.wait).code, 255, "nobody told the client; it noticed")
      yield* server.boot
      assert.isFalse(yield* server.exists("/run/lost"))
      assert.strictEqual((yield* server.run(["pgrep", "-x", "sleep"])).code, 1)
      assert.strictEqual(yield* server.read("/byteback/snapshot/file"), "kept\n")
      assert.strictEqual(yield* server.read("/image/snapshot/file"), "kept\n")
      yield* server.sshd
      assert.strictEqual(yield* client.ok([...ssh, "hostname"]), "server\n")
    }).pipe(Effect.scoped)
  )

  it.layer(Lab.layer(), { excludeTestServices: true })("as a layer, one lab for many tests", (it) => {
    it.effect("a full disk is full", () =>
      Effect.gen(function* () {
        const lab = yield* Lab
        const one = yield* lab.machine("one")
        const disk = yield* one.emptyDevice(16 * MiB)
        yield* one.ok(["mkfs.ext4", "-q", disk])
        yield* one.ok(["mount", disk, "/mnt"])
        const full = yield* one.run(["dd", "if=/dev/zero", "of=/mnt/file", "bs=1M", "count=64"])
        assert.match(full.stderr, /No space left on device/)
      })
    )

    it.effect("a machine of the same name starts empty", () =>
      Effect.gen(function* () {
        const lab = yield* Lab
        yield* Effect.scoped(Effect.andThen(lab.machine("one"), (one) => one.write("/srv/file", "x")))
        const one = yield* lab.machine("one")
        assert.isFalse(yield* one.exists("/srv/file"))
      })
    )
  })

  it.live("byteback is installed as on a real machine, where that was asked", () =>
    Effect.gen(function* () {
      const dist = yield* scratchDirectory
      fs.mkdirSync(join(dist, "chunks"))
      fs.writeFileSync(join(dist, "byteback.cjs"), "#!/usr/lib/byteback/node\nrequire('./chunks/one.cjs')\n", {
        mode: 0o600
      })
      fs.writeFileSync(join(dist, "chunks/one.cjs"), "console.log(process.execPath, process.argv[1])\n", {
        mode: 0o600
      })
      const lab = yield* Lab.make({ dist })
      const bare = yield* lab.machine("bare")
      assert.strictEqual((yield* bare.run(["byteback"])).code, 127)
      const one = yield* lab.machine("one", { install: true })
      assert.strictEqual(
        yield* one.ok(["byteback-receive"], { user: "nobody" }),
        "/usr/lib/byteback/node /usr/bin/byteback-receive\n"
      )
      const files = ["byteback.cjs", "node", "chunks", "chunks/one.cjs"].map((name) => `/usr/lib/byteback/${name}`)
      assert.strictEqual(
        yield* one.ok(["stat", "-c", "%a %U:%G", ...files]),
        "755 root:root\n755 root:root\n755 root:root\n644 root:root\n"
      )
      assert.isFalse(fs.existsSync("/boot/installed"))
    }).pipe(Effect.scoped)
  )

  it.live("an install without a bundle is refused in one line", () =>
    Effect.gen(function* () {
      const dist = yield* scratchDirectory
      const lab = yield* Lab.make({ dist })
      const refused = yield* Effect.flip(lab.machine("one", { install: true }))
      assert.match(refused.message, /install: there is no byteback.cjs in .*; run npm run build first$/)
    }).pipe(Effect.scoped)
  )

  it.live("nothing is left when the scope closes", () =>
    Effect.gen(function* () {
      const scratch = yield* scratchDirectory
      const before = new Set(descendants(process.pid))
      const pids = yield* Effect.scoped(
        Effect.gen(function* () {
          const lab = yield* Lab.make()
          const one = yield* lab.machine("one", { scratch })
          const disk = yield* one.emptyDevice(256 * MiB)
          yield* one.ok(["mkfs.btrfs", "-q", disk])
          yield* one.ok(["mount", disk, "/mnt"])
          yield* one.sshd
          yield* one.start(["sleep", "1000"])
          assert.strictEqual(
            traces(scratch).length,
            2,
            "the machine's files and its disk are loop devices, without names"
          )
          return descendants(process.pid).filter((pid) => !before.has(pid))
        })
      )
      assert.isAtLeast(pids.length, 8)
      yield* eventually("all processes ended", () => pids.every(ended))
      yield* eventually("no trace", () => traces(scratch).length === 0)
    }).pipe(Effect.scoped)
  )

  it.live("nothing is left when the process that made it is killed", () =>
    Effect.gen(function* () {
      const scratch = yield* scratchDirectory
      const program = `
        import { Effect } from "effect"
        import { Lab } from ${JSON.stringify(join(import.meta.dirname, "Lab.ts"))}
        const scratch = ${JSON.stringify(scratch)}
        await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
          const lab = yield* Lab.make()
          const one = yield* lab.machine("one", { scratch })
          const disk = yield* one.emptyDevice(256 * 1024 ** 2)
          yield* one.ok(["mkfs.btrfs", "-q", disk])
          yield* one.ok(["mount", disk, "/mnt"])
          yield* one.sshd
          yield* one.start(["sh", "-c", "setsid sleep 1000 & exec sleep 1000"])
          yield* one.until(["sh", "-c", "test $(pgrep -cx sleep) = 2"])
          console.log("up")
          yield* Effect.never
        })))`
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
        cwd: import.meta.dirname,
        stdio: ["ignore", "pipe", "inherit"]
      })
      const said: Array<string> = []
      child.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()))
      yield* eventually("the other lab is up", () => said.join("") === "up\n")
      const pids = descendants(child.pid!)
      assert.isAtLeast(pids.length, 10)
      assert.strictEqual(traces(scratch).length, 2)
      child.kill("SIGKILL")
      yield* eventually("all processes ended", () => pids.every(ended))
      yield* eventually("no trace", () => traces(scratch).length === 0)
    }).pipe(Effect.scoped)
  )
})
