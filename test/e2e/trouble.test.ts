// Bad input and trouble: each ends in one line that says what is wrong and what to do, with its exit code, and loses nothing.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab, type Machine, type RunResult } from "../lab/Lab.ts"
import { makePast } from "./makePast.ts"
import { backupWords, clientMachine, root, serverMachine, snapshotNames } from "./pair.ts"

/** One line on stderr that matches, nothing like a stack trace, and the exit code. */
const endsWith = (ended: RunResult, code: number, line: RegExp) => {
  assert.strictEqual(ended.code, code, ended.stderr + ended.stdout)
  const lines = ended.stderr.trim().split("\n")
  assert.strictEqual(lines.length, 1, ended.stderr)
  assert.match(lines[0]!, line)
  assert.notMatch(ended.stderr + ended.stdout, /\n {4}at /)
}

/** A backup of /data that tries again so often, so many seconds apart. */
const withRetries = (times: number, seconds: number) => [
  ...["byteback", "backup", "--source", "/data"],
  ...["--retry-number", String(times), "--retry-delay", String(seconds)]
]

/** Without what a run that is refused has no right to change: the snapshots are what they were. */
const keepsSnapshots = <A, E, R>(server: Machine, host: string, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* snapshotNames(server, host)
    const result = yield* work
    assert.deepStrictEqual(yield* snapshotNames(server, host), before)
    return result
  })

describe.skipIf(!root)("trouble", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 180_000 })((it) => {
    it.effect("on a client", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server1")
        const client = yield* clientMachine(server, "troubled")
        // A hook after the first backup: the backup was made, and says so.
        yield* client.write("/etc/byteback/post-backup.d/after", "#!/bin/sh\necho the pager is off >&2\nexit 3\n", {
          mode: "755"
        })
        // A source is found from where one stands.
        const words = ["byteback", "backup", "--source", "data", "--retry-number", "0"]
        const hooked = yield* client.run(words, { cwd: "/" })
        assert.strictEqual(hooked.code, 1, hooked.stderr)
        assert.match(
          hooked.stderr,
          /^byteback: backup of troubled complete: snapshot 20.*\nbyteback: the backup was made, but hook .*post-backup\.d\/after failed.*the pager is off\n$/
        )
        const [made] = yield* snapshotNames(server, "troubled")
        assert.strictEqual(yield* server.read(`/byteback/troubled/${made}/data/hello`), "hello\n")
        yield* client.ok(["rm", "/etc/byteback/post-backup.d/after"])
        const run = (...argv: ReadonlyArray<string>) => keepsSnapshots(server, "troubled", client.run(argv))
        const backup = (...more: ReadonlyArray<string>) => run(...backupWords(...more))

        // The destination
        yield* client.ok(["mv", "/etc/byteback/destination", "/root/destination"])
        endsWith(yield* backup(), 2, /no destination is set; run byteback setup-client/)
        yield* client.ok(["mv", "/root/destination", "/etc/byteback/destination"])
        for (const malformed of [
          "server1",
          "a b:",
          "-oProxyCommand=sh:",
          "http://server1/",
          "@server1:",
          "ssh://server1:99999/"
        ]) {
          endsWith(
            yield* backup(`--destination=${malformed}`),
            2,
            /destination .*; write byteback@backup\.example\.org:/
          )
        }
        endsWith(
          yield* backup("--destination", "byteback@10.77.0.250:"),
          1,
          /10\.77\.0\.250.*(no route|not reach|unreachable|cannot be reached)/i
        )
        endsWith(yield* backup("--destination", "byteback@nowhere.invalid:"), 1, /nowhere\.invalid/)

        // Who is who
        yield* client.ok(["sh", "-c", "cp -a /etc/byteback /root/good; ssh-keygen -q -t ed25519 -N '' -f /root/other"])
        yield* client.ok([
          "sh",
          "-c",
          "printf 'server1 %s\\n' \"$(cut -d' ' -f1,2 /root/other.pub)\" > /etc/byteback/known_hosts"
        ])
        endsWith(yield* backup(), 1, /shows another host key than the one pinned at set-up/)
        yield* client.ok(["sh", "-c", ": > /etc/byteback/known_hosts"])
        endsWith(yield* backup(), 1, /host key.*(not known|unknown|not pinned)/i)
        yield* client.ok(["sh", "-c", "cp -a /root/good/* /etc/byteback/; cp /root/other /etc/byteback/key"])
        endsWith(yield* backup(), 12, /does not accept this machine.s key; run byteback setup-client/)
        yield* client.ok(["sh", "-c", "cp -a /root/good/* /etc/byteback/; chmod 644 /etc/byteback/key"])
        endsWith(yield* backup(), 2, /\/etc\/byteback\/key.*chmod/)
        yield* client.ok(["sh", "-c", "cp -a /root/good/* /etc/byteback/"])

        // Somebody else's account that takes this machine's key: nothing that lies there is deleted
        const key = yield* client.read("/etc/byteback/key.pub")
        yield* server.ok(
          [
            "sh",
            "-c",
            "useradd -m joe && cd ~joe && mkdir -m 700 .ssh && cat >.ssh/authorized_keys && chown -R joe: .ssh"
          ],
          { stdin: key }
        )
        yield* server.write("/home/joe/precious", "kept\n")
        endsWith(yield* backup("--destination", "joe@server1:"), 1, /did not answer as a byteback server does/)
        assert.strictEqual(
          yield* server.ok(["sh", "-c", "cd ~joe && find . -type f -newer .bashrc | sort"]),
          "./.ssh/authorized_keys\n./precious\n"
        )

        // Sources and settings
        endsWith(
          yield* run("byteback", "backup", "--source", "/not/there"),
          1,
          /\/not\/there is not there or cannot be read; nothing was sent/
        )
        endsWith(yield* backup("--io-timeout", "soon"), 2, /--io-timeout: write a whole number of seconds/)
        endsWith(yield* backup("--retry-delay", "soon"), 2, /retry-delay/)
        endsWith(yield* run("byteback", "backupp"), 2, /backupp/)
        endsWith(yield* run("byteback", "restore"), 2, /path/)

        // Restores
        endsWith(
          yield* run("byteback", "restore", "/data/never", "--to", "/r1"),
          1,
          /\/data\/never is not in snapshot 20/
        )
        endsWith(
          yield* run("byteback", "restore", "/data", "--snapshot", "2001-01-01T00:00+0000", "--to", "/r2"),
          1,
          /no snapshot 2001-01-01T00:00\+0000; the nearest are 20/
        )
        endsWith(
          yield* run("byteback", "restore", "/data", "--to", "/etc"),
          1,
          /\/etc is not empty; nothing was written/
        )
        endsWith(
          yield* run("byteback", "restore", "/data", "--to", "/proc/r"),
          1,
          /\/proc\/r cannot be made or written/
        )
        assert.isFalse(yield* client.exists("/r2"))

        // Hooks
        yield* client.write(
          "/etc/byteback/pre-backup.d/database",
          "#!/bin/sh\necho the database is down >&2\nexit 3\n",
          { mode: "755" }
        )
        yield* client.write(
          "/etc/byteback/post-backup.d/after",
          '#!/bin/sh\necho "$BYTEBACK_OUTCOME" >> /root/outcomes\n',
          { mode: "755" }
        )
        endsWith(yield* backup(), 1, /pre-backup\.d\/database.*the database is down/)
        assert.strictEqual(yield* client.read("/root/outcomes"), "failed\n")
        yield* client.ok(["rm", "-r", "/etc/byteback/pre-backup.d", "/etc/byteback/post-backup.d"])

        // And after all that it works, as far as a snapshot is due.
        endsWith(yield* backup(), 15, /too soon for another snapshot/)
      }).pipe(Effect.scoped)
    )

    it.effect("with files that nobody can read: incomplete, and said so", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server2")
        const client = yield* clientMachine(server, "partly")
        // root reads everything, so the run is an ordinary user's.
        yield* client.ok(["useradd", "--create-home", "ann"])
        yield* client.ok([
          "sh",
          "-c",
          "echo secret > /data/secret; chmod 600 /data/secret; cp -a /etc/byteback /home/ann/config; chown -R ann: /home/ann/config; mkdir -p /run/byteback; chown ann /run/byteback"
        ])
        const run = (...more: ReadonlyArray<string>) =>
          client.run(["byteback", "backup", "--config-dir", "/home/ann/config", "--source", "/data", ...more], {
            user: "ann"
          })
        const ended = yield* run("--retry-number", "0")
        assert.strictEqual(ended.code, 3, ended.stderr)
        assert.match(
          ended.stderr,
          /backup of partly incomplete: snapshot 20.*\n.*1 files? could not be read.*\n.*\/data\/secret/
        )
        assert.match(yield* client.ok(["byteback", "snapshots"]), /incomplete/)
        // Where there are attempts left one of them goes into having another look.
        const again = yield* run("--retry-delay", "0")
        assert.strictEqual(again.stderr.match(/some files could not be read; trying again/g)?.length, 1, again.stderr)
        assert.strictEqual(again.code, 15, again.stderr)
      }).pipe(Effect.scoped)
    )

    it.effect("of two backups at once: the second is told that one is running", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server3")
        const client = yield* clientMachine(server, "busy")
        yield* client.ok(["sh", "-c", "head -c 20000000 /dev/urandom > /data/big"])
        yield* client.start(backupWords(), { env: { BYTEBACK_RSYNC_FLAGS: "--bwlimit=1000" } })
        yield* server.until(["pgrep", "-f", "^rsync --server"])
        endsWith(
          yield* client.run(backupWords()),
          11,
          /a backup of this machine is already running.*nothing was changed/
        )
        // The same host from elsewhere gets past the client's lock, and is stopped by the server's.
        yield* client.ok(["sh", "-c", "mkdir /root/elsewhere"])
        const second = yield* client.run([
          "unshare",
          "--mount",
          "sh",
          "-c",
          'mount -t tmpfs -o mode=700 none /run/byteback; exec "$@"',
          "sh",
          ...backupWords()
        ])
        endsWith(second, 11, /gave up after 1 attempts: the server says: another run of this host is in progress/)
      }).pipe(Effect.scoped)
    )

    it.effect("of ^C in the middle: children end, the lock is free, exit 130", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server4")
        const client = yield* clientMachine(server, "stopped")
        yield* client.ok(["sh", "-c", "head -c 20000000 /dev/urandom > /data/big"])
        const running = yield* client.tty(backupWords(), { env: { BYTEBACK_RSYNC_FLAGS: "--bwlimit=1000" } })
        yield* server.until(["pgrep", "-f", "^rsync --server"])
        yield* running.writeStdin("\u0003")
        const ended = yield* running.wait
        assert.strictEqual(ended.code, 130, ended.stdout)
        assert.deepStrictEqual(ended.stdout.match(/byteback: .*/g), [
          "byteback: stopped; nothing that was backed up is lost"
        ])
        yield* client.until(["sh", "-c", "! pgrep -x rsync && ! pgrep -x ssh && ! pgrep -x flock"])
        yield* server.until(["sh", "-c", "! pgrep -x rsync"])

        // Between two attempts, and in a hook
        const waiting = yield* client.tty(["byteback", "backup", "--destination", "byteback@nowhere.invalid:"])
        yield* waiting.saw(/trying again in/)
        yield* waiting.writeStdin("\u0003")
        assert.strictEqual((yield* waiting.wait).code, 130)
        yield* client.write("/etc/byteback/pre-backup.d/long", "#!/bin/sh\nexec sleep 1234\n", { mode: "755" })
        const hooked = yield* client.tty(backupWords())
        yield* client.until(["pgrep", "-f", "sleep 1234"])
        yield* hooked.writeStdin("\u0003")
        assert.strictEqual((yield* hooked.wait).code, 130)
        yield* client.until(["sh", "-c", "! pgrep -x sleep"])
        yield* client.ok(["rm", "/etc/byteback/pre-backup.d/long"])
        yield* client.ok(backupWords())
      }).pipe(Effect.scoped)
    )

    it.effect("of a cut cable: the run ends, and the next one carries on", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server5")
        const client = yield* clientMachine(server, "cut")
        yield* client.ok(["sh", "-c", "head -c 30000000 /dev/urandom > /data/big"])
        const running = yield* client.start([...backupWords(), "--io-timeout", "5"], {
          env: { BYTEBACK_RSYNC_FLAGS: "--bwlimit=2000" }
        })
        yield* server.until(["sh", "-c", 'test "$(du -sm /byteback/cut/current | cut -f1)" -ge 3'])
        yield* client.cut
        const ended = yield* running.wait
        assert.strictEqual(ended.code, 1, ended.stderr)
        assert.match(ended.stderr, /gave up after 1 attempts.*What arrived is kept/)
        yield* client.plug
        yield* client.until(["sh", "-c", 'byteback backup --source /data --retry-number 0; test "$?" = 0'], {
          timeout: 90_000
        })
      }).pipe(Effect.scoped)
    )

    it.effect("of a cut cable that is mended: the same run carries on, and sends nothing twice", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server12")
        const client = yield* clientMachine(server, "mended")
        yield* client.ok(["sh", "-c", "head -c 16000000 /dev/urandom > /data/big"])
        const running = yield* client.start([...withRetries(40, 2), "--io-timeout", "5", "--json"], {
          env: { BYTEBACK_RSYNC_FLAGS: "--bwlimit=2000" }
        })
        yield* server.until(["sh", "-c", 'test "$(du -sm /byteback/mended/current | cut -f1)" -ge 6'])
        yield* client.cut
        yield* running.saw(/what had arrived is kept.*trying again in 2s/)
        yield* client.plug
        const ended = yield* running.wait
        assert.strictEqual(ended.code, 0, ended.stderr)
        const result = JSON.parse(ended.stdout.trim().split("\n").at(-1)!) as {
          readonly attempts: number
          readonly stats: { readonly literal: number }
        }
        assert.isAtLeast(result.attempts, 2)
        assert.isBelow(result.stats.literal, 11_000_000)
        assert.lengthOf(yield* snapshotNames(server, "mended"), 1)
      }).pipe(Effect.scoped)
    )

    it.effect("of a file that goes while it is sent: that is no trouble", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server13")
        const client = yield* clientMachine(server, "vanishing")
        yield* client.ok(["sh", "-c", "head -c 6000000 /dev/urandom > /data/big; echo soon gone > /data/last"])
        const running = yield* client.start(backupWords(), { env: { BYTEBACK_RSYNC_FLAGS: "--bwlimit=2000" } })
        yield* server.until(["sh", "-c", 'test "$(du -sm /byteback/vanishing/current | cut -f1)" -ge 1'])
        yield* client.ok(["rm", "/data/last"])
        const ended = yield* running.wait
        assert.strictEqual(ended.code, 0, ended.stderr)
        assert.match(ended.stderr, /backup of vanishing complete: snapshot/)
        assert.include(yield* server.read("/var/lib/byteback/journal/vanishing.ndjson"), '"transfer":24')
      }).pipe(Effect.scoped)
    )

    it.effect("of an answer that is lost after the snapshot: the run asks again, and has that one", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server10")
        const client = yield* clientMachine(server, "unheard")
        const complete = Buffer.from('{"_tag":"complete"').toString("base64url").slice(0, -1)
        yield* server.ok(["sh", "-c", "mkdir /opt/real && cp -P /usr/bin/byteback-receive /opt/real/"])
        // The first complete is answered by the real server, and the connection goes before the answer does.
        yield* server.write(
          "/usr/bin/other",
          `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
"byteback request ${complete}"*)
  if mkdir /tmp/heard; then
    /opt/real/byteback-receive "$@" >/tmp/heard/answer
    kill -9 "$PPID"
  fi ;;
esac
exec /opt/real/byteback-receive "$@"
`,
          { mode: "755" }
        )
        yield* server.ok(["mv", "/usr/bin/other", "/usr/bin/byteback-receive"])
        const ended = yield* client.run(withRetries(1, 0))
        assert.strictEqual(ended.code, 0, ended.stderr)
        assert.match(ended.stderr, /trying again/)
        const [name, ...more] = yield* snapshotNames(server, "unheard")
        assert.deepStrictEqual(more, [])
        assert.include(yield* server.read("/tmp/heard/answer"), `"name":"${name}"`)
        assert.include(ended.stderr, `snapshot ${name}`)
      }).pipe(Effect.scoped)
    )

    it.effect("on a server: each request that cannot be is one line, and changes nothing", () =>
      Effect.gen(function* () {
        const lab = yield* Lab
        const server = yield* lab.machine("server6", { install: true })
        yield* server.sshd
        const run = (...argv: ReadonlyArray<string>) => server.run(["byteback", ...argv])
        endsWith(yield* run("setup-server"), 1, /no btrfs.*--device|--image/)
        const used = yield* server.emptyDevice(300 * 1024 ** 2)
        yield* server.ok(["mkfs.ext4", "-q", used])
        endsWith(yield* run("setup-server", "--device", used), 1, /ext4.*--force/)
        assert.match(yield* server.ok(["blkid", used]), /ext4/)
        endsWith(yield* run("setup-server", "--device", "/dev/nothing"), 1, /\/dev\/nothing/)
        endsWith(yield* run("setup-server", "--image", "/srv/b.img"), 2, /--size/)
        endsWith(yield* run("setup-server", "--image", "/srv/b.img", "--size", "many"), 2, /size/)
        endsWith(yield* run("add-client", "web", "ssh-ed25519 AAAA"), 12, /public key cannot be used/)
        endsWith(yield* run("invite", "web"), 1, /byteback setup-server/)
        assert.isFalse(yield* server.exists("/srv/b.img"))
        assert.isFalse(yield* server.exists("/etc/sudoers.d/byteback"))
        yield* server.ok(["byteback", "setup-server", "--device", used, "--force", "--address", "server6"])
        for (const name of ["..", "Web", "-x", "a/b", "web.", "x".repeat(64)]) {
          const { code, stderr } = yield* run("invite", "--", name)
          assert.deepStrictEqual([code, stderr.trim().split("\n").length], [2, 1], `${name}: ${stderr}`)
        }
        endsWith(yield* run("snapshot", "unknown"), 10, /unknown/)
        endsWith(yield* run("remove-client", "unknown"), 10, /unknown/)
      }).pipe(Effect.scoped)
    )

    it.effect("of an image that its disk cannot hold: not made, and told of where the disk fills later", () =>
      Effect.gen(function* () {
        const lab = yield* Lab
        const server = yield* lab.machine("server11", { install: true })
        yield* server.sshd
        yield* server.ok(["mount", "-t", "tmpfs", "-o", "size=400m", "disk", "/srv"])
        const setUp = (size: string) => ["byteback", "setup-server", "--image", "/srv/b.img", "--size", size]
        endsWith(yield* server.run(setUp("1G")), 1, /--size 1073741824 is more than the \d+ bytes that are free where/)
        assert.isFalse(yield* server.exists("/srv/b.img"))
        yield* server.ok(setUp("300M"))
        const healthy = yield* server.run(["byteback", "doctor"])
        assert.notMatch(healthy.stdout, /b\.img/)
        yield* server.ok(["sh", "-c", "head -c 200000000 /dev/zero > /srv/other"])
        assert.match((yield* server.run(["byteback", "doctor"])).stdout, /\/srv\/b\.img may grow to 314572800 bytes/)
      }).pipe(Effect.scoped)
    )

    it.effect("of a full store: refused as no space, older snapshots untouched", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server7", "400M")
        const client = yield* clientMachine(server, "large")
        yield* client.ok(backupWords())
        const before = yield* snapshotNames(server, "large")
        yield* client.ok(["sh", "-c", "head -c 600000000 /dev/urandom > /data/big"])
        // What filled it is more than its last backups earn it: nothing older goes for that, and the way out is named.
        endsWith(yield* client.run(backupWords()), 14, /suddenly larger: .*byteback approve large/)
        assert.deepStrictEqual(yield* snapshotNames(server, "large"), before)
        assert.strictEqual(yield* server.read(`/byteback/large/${before[0]}/data/hello`), "hello\n")
      }).pipe(Effect.scoped)
    )

    it.effect("of a backup that is suddenly larger: 14 at once, and in once it is approved as told", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server9", "800M")
        const client = yield* clientMachine(server, "grown")
        yield* makePast(server, "grown", 6, 60_000_000)
        const before = yield* snapshotNames(server, "grown")
        yield* client.ok(["sh", "-c", "head -c 450000000 /dev/urandom > /data/big"])
        endsWith(yield* client.run(backupWords()), 14, /suddenly larger: .*To let it in: byteback approve grown/)
        assert.deepStrictEqual(yield* snapshotNames(server, "grown"), before)
        const status = yield* server.run(["byteback", "status"])
        const told = /To let it in: (byteback approve grown)$/m.exec(status.stdout)?.[1]?.split(" ")
        assert.isDefined(told, status.stdout)
        yield* server.ok(told!)
        yield* client.ok(backupWords())
        const after = yield* snapshotNames(server, "grown")
        const taken = after.filter((name) => !before.includes(name))
        assert.lengthOf(taken, 1)
        assert.strictEqual(
          (yield* server.ok(["stat", "-c", "%s", `/byteback/grown/${taken[0]}/data/big`])).trim(),
          "450000000"
        )
        assert.notMatch((yield* server.run(["byteback", "status"])).stdout, /refused/)
      }).pipe(Effect.scoped)
    )

    it.effect("of a larger backup that was approved before it came: room is made before the first attempt", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server10", "800M")
        const client = yield* clientMachine(server, "announced")
        yield* makePast(server, "announced", 8, 60_000_000)
        const before = yield* snapshotNames(server, "announced")
        // There is more than the reserve, and less than what was announced.
        yield* server.ok(["byteback", "prune"])
        assert.deepStrictEqual(yield* snapshotNames(server, "announced"), before)
        yield* server.ok(["byteback", "approve", "announced", "--bytes", "500M"])
        yield* client.ok(["sh", "-c", "head -c 450000000 /dev/urandom > /data/big"])
        // All of it at once: it met no full store.
        assert.match((yield* client.run(backupWords())).stderr, /backup of announced complete: .* 450 MB sent/)
        const taken = (yield* snapshotNames(server, "announced")).filter((name) => !before.includes(name))
        assert.lengthOf(taken, 1)
        assert.strictEqual(
          (yield* server.ok(["stat", "-c", "%s", `/byteback/announced/${taken[0]}/data/big`])).trim(),
          "450000000"
        )
      }).pipe(Effect.scoped)
    )

    it.effect("of two versions: a server that is too old or too new is named", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server8")
        const client = yield* clientMachine(server, "versions")
        const answer = (protocol: number) =>
          `{"_tag":"hello","protocol":${protocol},"oldest":${protocol},"version":"9.9","host":"versions","now":0}`
        for (const [protocol, line] of [
          [0, /server's byteback \(9\.9\) is too old.*Upgrade the server/],
          [99, /server's byteback \(9\.9\) is too new.*Upgrade this machine/]
        ] as const) {
          yield* server.write("/usr/bin/other", `#!/bin/sh\necho '${answer(protocol)}'\n`, { mode: "755" })
          yield* server.ok(["mv", "/usr/bin/other", "/usr/bin/byteback-receive"])
          endsWith(yield* client.run(backupWords()), 1, line)
        }
        yield* server.write(
          "/usr/bin/byteback-receive",
          "#!/bin/sh\necho 'byteback-receive: unknown option' >&2\nexit 1\n",
          { mode: "755" }
        )
        endsWith(yield* client.run(backupWords()), 1, /did not answer as a byteback server does/)
      }).pipe(Effect.scoped)
    )
  })
})
