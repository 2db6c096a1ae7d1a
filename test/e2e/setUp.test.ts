// Setting servers and clients up for real: sshd, sudo, mkfs, mount, passwords on a terminal, and every way in.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab, type Machine } from "../lab/Lab.ts"
import { backupWords, invitation, root, serverMachine } from "./pair.ts"

const fact = <E>(title: string, body: Effect.Effect<void, E, Lab | import("effect").Scope.Scope>) =>
  it.live(title, () => body.pipe(Effect.scoped, Effect.provide(Lab.layer())))

const image = ["byteback", "setup-server", "--image", "/srv/byteback.img", "--size", "512M"]
const oneLine = (text: string): ReadonlyArray<string> => text.trim().split("\n")

/** May the user byteback run this as root, by sudo's own word? */
const maySudo = (machine: Machine, ...words: ReadonlyArray<string>) =>
  Effect.map(
    machine.run(["sudo", "-n", "-l", "-U", "byteback", "/usr/lib/byteback/byteback-priv", ...words]),
    ({ code }) => code === 0
  )

describe.skipIf(!root)("setup-server", () => {
  fact(
    "sets a machine up by an image, does nothing the second time, and the store is there after a crash",
    Effect.gen(function* () {
      const lab = yield* Lab
      const server = yield* lab.machine("server", { install: true })
      const before = yield* server.ok(["sh", "-c", "find /etc /srv /var/lib | sort"])
      const planned = oneLine(yield* server.ok([...image, "--dry-run"]))
      assert.strictEqual(yield* server.ok(["sh", "-c", "find /etc /srv /var/lib | sort"]), before)
      const made = oneLine(yield* server.ok(image))
      assert.deepStrictEqual(
        made.slice(0, -1),
        planned.slice(0, -1).map((line) => line.replace(/^would /, ""))
      )
      assert.deepStrictEqual(oneLine(yield* server.ok(image)), ["nothing to do: this server is set up"])
      assert.deepStrictEqual(oneLine(yield* server.ok(["byteback", "setup-server"])), [
        "nothing to do: this server is set up"
      ])

      const options = yield* server.ok(["findmnt", "--noheadings", "--output", "OPTIONS", "/byteback"])
      for (const option of ["noatime", "nosuid", "nodev", "noexec", "compress=zstd"]) assert.include(options, option)
      assert.strictEqual((yield* server.ok(["stat", "-c", "%U %a", "/byteback"])).trim(), "root 700")

      assert.isTrue(yield* maySudo(server, "push", "web1"))
      assert.isTrue(yield* maySudo(server, "complete", "web1.example.org"))
      assert.isTrue(yield* maySudo(server, "enrol"))
      for (const words of [
        ["push"],
        ["push", "A"],
        ["push", "-x"],
        ["push", "a", "b"],
        ["sh", "a"],
        ["push", "a\nb"]
      ]) {
        assert.isFalse(yield* maySudo(server, ...words), words.join(" "))
      }

      yield* server.crash
      yield* server.boot
      assert.include(yield* server.ok(["findmnt", "--noheadings", "/byteback"]), "btrfs")
      assert.deepStrictEqual(
        oneLine(yield* server.ok(image)).at(-1),
        "this server is set up; invite a client with: byteback invite HOST"
      )
    })
  )

  fact(
    "uses an empty device, and no other unless it is forced",
    Effect.gen(function* () {
      const lab = yield* Lab
      const server = yield* lab.machine("server", { install: true })
      const device = yield* server.emptyDevice(512 * 2 ** 20)
      yield* server.ok(["mkfs.ext4", "-q", "-L", "precious", device])
      const setUp = ["byteback", "setup-server", "--device", device]
      const refused = yield* server.run(setUp)
      assert.strictEqual(refused.code, 1)
      assert.match(
        refused.stderr,
        /^byteback: \/dev\/loop\d+ is not empty \(ext4 "precious"\); say --force .*nothing was changed\n$/
      )
      yield* server.ok(["mkdir", "/mnt/used"])
      yield* server.ok(["mount", device, "/mnt/used"])
      assert.include((yield* server.run([...setUp, "--force"])).stderr, "is in use at /mnt/used")
      yield* server.ok(["umount", "/mnt/used"])
      yield* server.ok([...setUp, "--force"])
      assert.deepStrictEqual(oneLine(yield* server.ok(setUp)), ["nothing to do: this server is set up"])
      assert.match(yield* server.read("/etc/fstab"), /^UUID=[0-9a-f-]{36} \/byteback btrfs noatime,/m)
    })
  )

  fact(
    "says in one line what is wrong, with its exit code, and changes nothing",
    Effect.gen(function* () {
      const lab = yield* Lab
      const server = yield* lab.machine("server", { install: true })
      const before = yield* server.ok(["sh", "-c", "find /etc /srv /var/lib | sort"])
      yield* server.write("/tmp/image", "mine\n")
      const cases: ReadonlyArray<readonly [number, RegExp, ReadonlyArray<string>, string?]> = [
        [1, /no btrfs is mounted at \/byteback; mount one there, or say --device/, []],
        [1, /there is no \/dev\/none/, ["--device", "/dev/none"]],
        [1, /\/tmp\/image is there already and is no store of byteback's/, ["--image", "/tmp/image", "--size", "1G"]],
        [1, /--size must be 256 MiB or more/, ["--image", "/srv/i", "--size", "1M"]],
        [2, /is not an address of this server/, ["--image", "/srv/i", "--size", "1G", "--address=a b"]],
        [1, /needs root; run it with sudo/, ["--image", "/srv/i", "--size", "1G"], "nobody"]
      ]
      for (const [code, message, words, user] of cases) {
        const ended = yield* server.run(["byteback", "setup-server", ...words], user === undefined ? {} : { user })
        assert.strictEqual(ended.code, code, ended.stderr)
        assert.match(ended.stderr, message)
        assert.lengthOf(oneLine(ended.stderr), 1)
      }
      assert.strictEqual(yield* server.ok(["sh", "-c", "find /etc /srv /var/lib | sort"]), before)
    })
  )

  fact(
    "refuses a store that hosts could delete from, and mends one with lax options",
    Effect.gen(function* () {
      const lab = yield* Lab
      const server = yield* lab.machine("server", { install: true })
      const device = yield* server.emptyDevice(512 * 2 ** 20)
      yield* server.ok(["mkfs.btrfs", "-q", device])
      yield* server.ok(["mkdir", "/byteback"])
      yield* server.ok(["mount", "-o", "user_subvol_rm_allowed", device, "/byteback"])
      assert.match((yield* server.run(["byteback", "setup-server"])).stderr, /user_subvol_rm_allowed/)
      yield* server.ok(["umount", "/byteback"])
      yield* server.ok(["mount", device, "/byteback"])
      yield* server.ok(["byteback", "setup-server"])
      const options = yield* server.ok(["findmnt", "--noheadings", "--output", "OPTIONS", "/byteback"])
      for (const option of ["noatime", "nosuid", "nodev", "noexec", "compress=zstd"]) assert.include(options, option)
    })
  )

  fact(
    "takes its drop-in back when sshd's configuration overrules it",
    Effect.gen(function* () {
      const lab = yield* Lab
      const server = yield* lab.machine("server", { install: true })
      yield* server.write("/etc/ssh/sshd_config.d/a.conf", "Match User byteback\n  PermitTTY yes\nMatch all\n")
      const ended = yield* server.run(image)
      assert.strictEqual(ended.code, 1)
      assert.match(ended.stderr, /another Match block of sshd's configuration overrules byteback's for permittty/)
      assert.isFalse(yield* server.exists("/etc/ssh/sshd_config.d/byteback.conf"))
      yield* server.ok(["rm", "/etc/ssh/sshd_config.d/a.conf"])
      yield* server.ok(image)
      assert.isTrue(yield* server.exists("/etc/ssh/sshd_config.d/byteback.conf"))
    })
  )
})

const backsUp = (machine: Machine) => machine.ok(backupWords())

describe.skipIf(!root)("setup-client", () => {
  const client = Effect.fn("client")(function* (name: string) {
    const lab = yield* Lab
    const machine = yield* lab.machine(name, { install: true })
    yield* machine.write("/data/hello", "hello\n")
    return machine
  })

  fact(
    "by an invitation: once, and harmless a second time; another machine's attempt is one clear line",
    Effect.gen(function* () {
      const server = yield* serverMachine()
      const [web1, web2] = [yield* client("web1"), yield* client("web2")]
      const words = yield* invitation(server, "web1")
      yield* web1.ok(words)
      yield* web1.ok(words)
      yield* backsUp(web1)
      const refused = yield* web2.run(words)
      assert.strictEqual(refused.code, 12)
      assert.match(refused.stderr, /^byteback: the server refused the invitation for web1: it was used already.*\n$/)
      assert.isFalse(yield* web2.exists("/etc/byteback/destination"))
      assert.strictEqual((yield* web1.ok(["stat", "-c", "%a", "/etc/byteback/key"])).trim(), "600")

      const early = yield* invitation(server, "web2")
      yield* server.ok([
        "sed",
        "-i",
        's/expiry-time="[0-9]*Z"/expiry-time="20200101000000Z"/',
        "/etc/byteback/authorized_keys"
      ])
      assert.strictEqual((yield* web2.run(early)).code, 12)
      yield* web2.ok(yield* invitation(server, "web2"))
      yield* backsUp(web2)
      const anew = yield* invitation(server, "web1")
      yield* web1.ok(["rm", "/etc/byteback/key", "/etc/byteback/key.pub"])
      yield* web1.ok(anew)
      yield* server.ok(["byteback", "remove-client", "web1"])
      assert.strictEqual((yield* web1.run(backupWords())).code, 12)
      assert.isTrue(yield* server.exists("/byteback/web1/current/data/hello"))
    })
  )

  fact(
    "by an administrator's key: it enrols a host that is new, and can do nothing else",
    Effect.gen(function* () {
      const server = yield* serverMachine()
      const web1 = yield* client("web1")
      yield* web1.ok(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519"])
      yield* server.write("/root/admin.pub", yield* web1.read("/root/.ssh/id_ed25519.pub"))
      yield* server.ok(["byteback", "setup-server", "--administrator-key", "/root/admin.pub"])
      const hostKey =
        oneLine(yield* server.ok(["ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub"]))[0]?.split(" ")[1] ?? ""
      const words = ["byteback", "setup-client", "--destination", "byteback@server:", "--hostname", "web1"]
      const wrong = yield* web1.run([...words, "--host-key", "SHA256:AAAA"])
      assert.match(wrong.stderr, /does not show the host key that --host-key names/)
      yield* web1.ok([...words, "--host-key", hostKey])
      yield* web1.ok(words)
      yield* backsUp(web1)
      const second = yield* client("web2")
      yield* second.write("/root/.ssh/id_ed25519", yield* web1.read("/root/.ssh/id_ed25519"), { mode: "0600" })
      const taken = yield* second.run([...words, "--host-key", hostKey])
      assert.strictEqual(taken.code, 12, taken.stderr)
      assert.match(taken.stderr, /there is a host web1 on the server already/)
      for (const command of ["byteback-receive --ping", "rsync --server -logDtpre.iLsfxCIvu . .", "sh"]) {
        const tried = yield* web1.run(["ssh", "-oStrictHostKeyChecking=accept-new", "byteback@server", command])
        assert.strictEqual(tried.code, 12, command)
      }
    })
  )

  fact(
    "by a password where that was allowed: asked for on the terminal, and good for nothing else",
    Effect.gen(function* () {
      const server = yield* serverMachine()
      const web1 = yield* client("web1")
      yield* server.ok(["chpasswd"], { stdin: "byteback:correct horse\n" })
      const words = ["byteback", "setup-client", "--destination", "byteback@server:", "--hostname", "web1"]
      const closed = yield* web1.tty(words)
      yield* closed.saw(/continue connecting/)
      yield* closed.writeStdin("yes\n")
      assert.notStrictEqual((yield* closed.wait).code, 0)
      assert.notInclude(closed.stdout(), "password:")

      yield* server.ok(["byteback", "setup-server", "--password-enrolment"])
      const asked = yield* web1.tty(words)
      yield* asked.saw(/continue connecting/)
      yield* asked.writeStdin("yes\n")
      yield* asked.saw(/password:/)
      yield* asked.writeStdin("correct horse\n")
      const ended = yield* asked.wait
      assert.strictEqual(ended.code, 0, ended.stdout)
      yield* backsUp(web1)
      const pinned = (yield* web1.read("/etc/byteback/known_hosts")).split(" ").slice(1, 3).join(" ").trim()
      const shown = yield* server.ok(["sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub"])
      assert.include(shown, pinned)

      for (const command of ["sh", "byteback-receive web1", "byteback-receive --ping"]) {
        const tried = yield* web1.tty([
          "ssh",
          "-oStrictHostKeyChecking=no",
          "-oPubkeyAuthentication=no",
          "byteback@server",
          command
        ])
        yield* tried.saw(/password:/)
        yield* tried.writeStdin("correct horse\n")
        assert.strictEqual((yield* tried.wait).code, 12, tried.stdout())
      }
    })
  )

  fact(
    "by an account that may sudo on the server, whose password sudo asks for",
    Effect.gen(function* () {
      const server = yield* serverMachine()
      const web1 = yield* client("web1")
      yield* server.ok(["useradd", "--create-home", "--shell", "/bin/sh", "--groups", "sudo", "admin"])
      yield* server.ok(["chpasswd"], { stdin: "admin:secret\n" })
      yield* server.ok(["byteback", "setup-server", "--address", "server"])
      const asked = yield* web1.tty(["byteback", "setup-client", "--via", "admin@server", "--hostname", "web1"])
      yield* asked.saw(/continue connecting/)
      yield* asked.writeStdin("yes\n")
      yield* asked.saw(/admin@server's password:/)
      yield* asked.writeStdin("secret\n")
      yield* asked.saw(/\[sudo\] password for admin:/)
      yield* asked.writeStdin("secret\n")
      const ended = yield* asked.wait
      assert.strictEqual(ended.code, 0, ended.stdout)
      assert.notInclude(ended.stdout, '"token"')
      yield* backsUp(web1)
    })
  )

  fact(
    "by hand: the key is printed on one side and added on the other",
    Effect.gen(function* () {
      const server = yield* serverMachine()
      const web1 = yield* client("web1")
      const key = (yield* web1.ok(["byteback", "setup-client", "--print-key", "--hostname", "web1"])).trim()
      assert.match(key, /^ssh-ed25519 [A-Za-z0-9+/]+$/)
      yield* server.ok(["byteback", "add-client", "web1", key])
      yield* server.ok(["byteback", "add-client", "web1", key])
      const hostKey = (yield* server.read("/etc/ssh/ssh_host_ed25519_key.pub")).trim()
      const words = ["byteback", "setup-client", "--destination", "byteback@server:", "--hostname", "web1"]
      yield* web1.ok([...words, "--host-key", hostKey])
      yield* backsUp(web1)
    })
  )
})
