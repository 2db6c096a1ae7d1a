// What a client can cost: places, connections and processes of the server, and what a push runs there at all.
import { assert } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { findRefusal } from "../../src/domain/refusalLine.ts"
import { readingLine } from "../../src/domain/request/reading.ts"
import type { SnapshotRef } from "../../src/domain/snapshotName.ts"
import { sftpLine } from "../../src/domain/request/sftp.ts"
import { backupWords } from "../e2e/pair.ts"
import type { Deed } from "./deed.ts"
import { twins } from "./lines.ts"
import { fileList, rawFilter, rawPush } from "./rawPush.ts"
import { Siege } from "./siege.ts"
import { nothingRuns } from "./snapshots.ts"

const area = "Cost"

/** A backup that ends well, also where a snapshot is not due yet. */
const victimBacksUp = Effect.gen(function* () {
  const { victim } = yield* Siege
  const { code, stderr } = yield* victim.run(backupWords())
  assert.include([exitCode.ok, exitCode.tooSoon] as ReadonlyArray<number>, code, stderr)
})

const isolated = ["-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=/etc/byteback/known_hosts"]

/** A push that has begun and says nothing more. */
const stalled = Effect.gen(function* () {
  const { attacker, server } = yield* Siege
  const push = yield* attacker.start(["ssh", "alone", twins.push])
  yield* server.until(["pgrep", "-f", "^rsync --server"])
  return push
})

export const costDeeds: ReadonlyArray<Deed> = [
  {
    area,
    name: "a second push of the same host",
    run: Effect.gen(function* () {
      const { send, server } = yield* Siege
      const first = yield* stalled
      const { code, stderr, stdout } = yield* send(twins.push)
      assert.deepStrictEqual([code, findRefusal(stderr)?.code], [exitCode.busy, exitCode.busy])
      assert.include(stderr, "another run of this host is in progress; nothing was changed")
      yield* first.kill("SIGKILL")
      yield* server.until(nothingRuns, { timeout: 5000 })
      return { outcome: "11: another run of this host is in progress", saw: [stdout, stderr] }
    })
  },
  {
    area,
    name: "every place in the server taken",
    run: Effect.gen(function* () {
      const { attacker, server, victim } = yield* Siege
      const hosts = ["first", "second", "third", "fourth"]
      for (const host of hosts) {
        yield* attacker.ok(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `/root/${host}`])
        yield* server.ok(["byteback", "add-client", host, (yield* attacker.read(`/root/${host}.pub`)).trim()])
      }
      const pushes = yield* Effect.forEach(hosts, (host) =>
        attacker.start(["ssh", "-F", "none", "-i", `/root/${host}`, ...isolated, "byteback@server", twins.push])
      )
      const four = 'test "$(pgrep -fc "^rsync --server")" = 4'
      yield* server.until(["sh", "-c", four])
      const { code, stderr } = yield* victim.run(backupWords())
      assert.strictEqual(code, exitCode.busy, stderr)
      assert.include(stderr, "busy with 4 other backups; nothing was changed, try again in 10 minutes")
      yield* pushes[0]!.kill("SIGKILL")
      yield* server.until(["sh", "-c", `! ${four}`], { timeout: 5000 })
      yield* victimBacksUp
      yield* Effect.forEach(pushes, (one) => one.kill("SIGKILL"), { discard: true })
      yield* server.until(nothingRuns, { timeout: 5000 })
      for (const host of hosts) yield* server.ok(["byteback", "remove-client", host, "--delete-backups"])
      return {
        outcome: "four are served; 11 for a fifth, with a time to come back, until a place is free",
        saw: [stderr]
      }
    })
  },
  {
    area,
    name: "stalls: before the greeting, after it, in the file list, in a file's data, before the goodbye, in the filter list",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      const seen: Array<string> = []
      const whole = rawPush([fileList.file("stalled")])
      const push = "rsync --server -rlDte.LsfxCIvu --inplace . ."
      const pull = "rsync --server --sender -re.LsfxCIvu . latest"
      const stages: ReadonlyArray<readonly [line: string, said: Uint8Array]> = [
        [push, Buffer.alloc(0)],
        [push, Buffer.from([29, 0, 0, 0])],
        [push, Buffer.from([29, 0, 0, 0, 0x40, 9, 0])],
        // after the last of the data come its sum and five ends of phases, 4 bytes each
        [push, whole.subarray(0, -(4 + 16 + 20 + 8))],
        [push, whole.subarray(0, -4)],
        [pull, rawFilter("- x").subarray(0, 10)]
      ]
      for (const [line, said] of stages) {
        const stalls = yield* attacker.start(["ssh", "alone", line], { stdin: said })
        yield* server.until(["pgrep", "-f", "^rsync --server"])
        yield* victimBacksUp
        yield* stalls.kill("SIGKILL")
        yield* server.until(nothingRuns, { timeout: 5000 })
        seen.push(stalls.stdout(), stalls.stderr())
      }
      return { outcome: "the neighbour is served; nothing left after 5 s", saw: seen }
    })
  },
  {
    area,
    name: "a byte a second",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      const slow = yield* attacker.start(["ssh", "alone", "rsync --server -rlte.LsfxCIvu . ."], {
        stdin: Buffer.from([29, 0, 0, 0])
      })
      yield* server.until(["pgrep", "-f", "^rsync --server"])
      const trickle = yield* Effect.forkScoped(
        Effect.forever(Effect.andThen(slow.writeStdin(Buffer.from([0x40])), Effect.sleep("1 second")))
      )
      yield* victimBacksUp
      yield* server.ok(["pgrep", "-f", "^rsync --server"])
      yield* Fiber.interrupt(trickle)
      yield* slow.kill("SIGKILL")
      yield* server.until(nothingRuns, { timeout: 5000 })
      return { outcome: "holds the host's own place and no other", saw: [slow.stdout(), slow.stderr()] }
    })
  },
  {
    area,
    name: "a place held for a day, while others wait",
    run: Effect.gen(function* () {
      const { send, server, victim } = yield* Siege
      const runner = "/usr/lib/byteback/run-push"
      yield* server.ok(["sh", "-c", 'cp "$1" /root/run-push && sed -i s/86400/2/ "$1"', "sh", runner])
      yield* server.write("/etc/byteback/parallel", "1\n")
      const slow = yield* stalled
      const { code, stderr } = yield* victim.run(backupWords())
      assert.strictEqual(code, exitCode.busy, stderr)
      const ended = yield* slow.wait
      assert.deepStrictEqual([ended.code, findRefusal(ended.stderr)?.code], [exitCode.busy, exitCode.busy])
      assert.include(ended.stderr, "others wait for its place; what was sent is kept")
      yield* victimBacksUp
      const again = yield* send(twins.push)
      assert.strictEqual(findRefusal(again.stderr)?.code, exitCode.busy)
      assert.include(again.stderr, "try again in an hour")
      yield* server.ok(["sh", "-c", 'mv /root/run-push "$1"; rm /etc/byteback/parallel', "sh", runner])
      yield* server.ok(["touch", "-d", "61 minutes ago", "/run/byteback/attacker/gave-way"])
      assert.isNull(findRefusal((yield* send(twins.push)).stderr), "its twin")
      return { outcome: "11 for it, and for an hour; the neighbour has the place", saw: [ended.stderr, again.stderr] }
    })
  },
  {
    area,
    name: "rsync stopped, so that it does not end by itself",
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const push = yield* stalled
      yield* server.ok(["pkill", "-STOP", "-x", "rsync"])
      yield* push.kill("SIGKILL")
      yield* server.until(nothingRuns, { timeout: 5000 })
      return { outcome: "ended all the same, within 5 s", saw: [] }
    })
  },
  {
    area,
    name: "the client gone from a search, a comparison, a mount, and while room is made",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      // Whatever it is that works for the client is stopped as soon as it is there, so that it cannot be done before.
      const node = "^/usr/lib/byteback/node .*"
      const cases: ReadonlyArray<readonly [line: string, worker: string]> = [
        [
          readingLine({ _tag: "find", snapshot: "*", path: "", pattern: "*", details: false, most: 10 }),
          `${node}reader.cjs`
        ],
        [
          readingLine({
            _tag: "diff",
            from: "current" as SnapshotRef,
            to: "latest" as SnapshotRef,
            path: "",
            most: 10
          }),
          `${node}reader.cjs`
        ],
        [sftpLine(null), "^/usr/[^ ]*sftp-server"],
        [twins.push, `${node}prune --for`]
      ]
      for (const [line, worker] of cases) {
        if (line === twins.push) yield* server.write("/run/byteback/reserve", "1000000000000000\n")
        yield* server.start([
          "sh",
          "-c",
          'until pkill -STOP -f "$1"; do :; done; echo stopped >/tmp/stopped',
          "sh",
          worker
        ])
        const client = yield* attacker.start(["ssh", "alone", line])
        yield* server.until(["test", "-e", "/tmp/stopped"])
        yield* server.ok(["rm", "/tmp/stopped"])
        yield* client.kill("SIGKILL")
        yield* server.until(nothingRuns, { timeout: 5000 })
      }
      yield* server.ok(["rm", "-f", "/run/byteback/reserve"])
      return { outcome: "nothing left after 5 s", saw: [] }
    })
  },
  {
    area,
    name: "20 sessions at once",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      const sessions = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => attacker.start(["ssh", "alone", twins.pull]),
        {
          concurrency: 20
        }
      )
      yield* server.until(["pgrep", "-f", "^rsync --server"])
      yield* victimBacksUp
      const busy = sessions.filter((one) => findRefusal(one.stderr())?.code === exitCode.busy)
      assert.isAtLeast(busy.length, 10, "a host has four readers at once")
      for (const one of busy) assert.include(one.stderr(), "this host has 4 restores and listings under way")
      yield* Effect.forEach(sessions, (one) => one.kill("SIGKILL"), { discard: true })
      yield* server.until(nothingRuns, { timeout: 5000 })
      return {
        outcome: "four are served, the others told 11; the neighbour's backup goes through",
        saw: sessions.map((one) => one.stderr())
      }
    })
  },
  {
    area,
    name: "more requests at once than are answered",
    run: Effect.gen(function* () {
      const { send, server } = yield* Siege
      const place = (number: number) => `/run/byteback/attacker/answer-${number}`
      const lines = [
        `byteback request ${Buffer.from('{"_tag":"snapshots"}').toString("base64url")}`,
        "byteback-receive --complete"
      ]
      yield* server.ok(["rm", "-f", place(4)])
      // Requests that take their time hold a place each, as these do.
      const held = yield* Effect.forEach([1, 2, 3, 4], (number) => {
        const fourth =
          number === 4
            ? Effect.asVoid(Effect.flatMap(send(lines[0]!), () => server.ok(["test", "-e", place(4)])))
            : Effect.void
        return Effect.andThen(fourth, server.start(["flock", place(number), "cat"])).pipe(
          Effect.tap(() => server.until(["sh", "-c", '! flock --nonblock "$1" true', "sh", place(number)]))
        )
      })
      const saw: Array<string> = []
      for (const line of lines) {
        const { code, stderr } = yield* send(line)
        assert.deepStrictEqual([code, findRefusal(stderr)?.code], [exitCode.busy, exitCode.busy])
        assert.include(stderr, "is answering 4 requests of this host")
        saw.push(stderr)
      }
      yield* victimBacksUp
      yield* held[0]!.kill("SIGKILL")
      yield* server.until(["flock", "--nonblock", place(1), "true"])
      assert.strictEqual((yield* send(lines[0]!)).code, 0)
      return { outcome: "four are answered, others told 11; the neighbour's backup goes through", saw }
    })
  },
  {
    area,
    name: "silence, in a push and in a restore",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      yield* server.ok(["mv", "/usr/bin/rsync", "/usr/bin/rsync.good"])
      // The least that a client may have is 600 s. The rest is as it should be.
      const impatient = `#!/bin/sh
for word; do shift; case $word in --timeout=*) word=--timeout=3 ;; esac; set -- "$@" "$word"; done
exec /usr/bin/rsync.good "$@"
`
      yield* server.write("/usr/bin/rsync", impatient, { mode: "0755" })
      const push = yield* attacker.start(["ssh", "alone", "rsync --server -rlte.LsfxCIvu . ."], {
        stdin: Buffer.from([29, 0, 0, 0])
      })
      const pull = yield* attacker.start(["ssh", "alone", twins.pull])
      const ends = [yield* push.wait, yield* pull.wait]
      assert.deepStrictEqual(
        ends.map(({ code }) => code),
        [30, 30],
        ends[0]!.stderr
      )
      assert.strictEqual(yield* server.read("/run/byteback/attacker/push"), "ended 30\n")
      yield* server.until(nothingRuns, { timeout: 5000 })
      yield* server.ok(["mv", "/usr/bin/rsync.good", "/usr/bin/rsync"])
      return {
        outcome: "ended by the server, whose rsync's --timeout is never off",
        saw: ends.map((one) => one.stderr)
      }
    })
  },
  {
    area,
    name: "20 silent connections",
    run: Effect.gen(function* () {
      const { attacker } = yield* Siege
      const silent = yield* attacker.start([
        "perl",
        "-MIO::Socket::INET",
        "-e",
        "$|=1; my @s = map { IO::Socket::INET->new('server:22') } 1..20; print scalar(grep { $_ } @s), \" open\\n\"; sleep 100"
      ])
      yield* silent.saw(/20 open/)
      for (let time = 0; time < 2; time += 1) yield* victimBacksUp
      yield* silent.kill("SIGKILL")
      return { outcome: "the neighbour's backups go through", saw: [] }
    })
  },
  {
    area,
    name: "no sandbox on the server",
    run: Effect.gen(function* () {
      const { send, server } = yield* Siege
      const seen: Array<string> = []
      const refused = Effect.fnUntraced(function* (line: string, says: string) {
        const { code, stderr, stdout } = yield* send(line)
        assert.deepStrictEqual([code, findRefusal(stderr)?.code, stdout], [1, 1, ""])
        assert.include(stderr, says)
        seen.push(stderr)
      })
      const filter = (yield* server.ok(["sh", "-c", "echo /usr/lib/byteback/seccomp-*.bpf"])).trim().split(" ")
      for (const file of ["/usr/bin/bwrap", ...filter]) {
        yield* server.ok(["mv", file, `${file}.away`])
      }
      for (const line of [twins.push, twins.pull, twins.list]) yield* refused(line, "has no sandbox")
      yield* server.ok(["mv", "/usr/bin/bwrap.away", "/usr/bin/bwrap"])
      yield* refused(twins.push, ".bpf is missing")
      for (const file of filter) yield* server.ok(["mv", `${file}.away`, file])
      yield* server.write("/etc/byteback/sandbox", "off\n")
      yield* refused(twins.push, "neither bubblewrap nor none")
      yield* server.write("/etc/byteback/sandbox", "none\n")
      yield* victimBacksUp
      const status = yield* server.run(["byteback", "status"])
      assert.match(status.stdout, /^! the sandbox is off .*remove \/etc\/byteback\/sandbox$/m)
      yield* server.ok(["rm", "/etc/byteback/sandbox"])
      yield* victimBacksUp
      return { outcome: "1: nobody is served, until the administrator says `none`, and status says so", saw: seen }
    })
  },
  {
    area,
    name: "a server without unprivileged user namespaces",
    run: Effect.gen(function* () {
      const { server, victim } = yield* Siege
      const none = "/proc/sys/user/max_user_namespaces"
      const { stdout } = yield* server.run(["sh", "-c", `test -w ${none} && cat ${none}`])
      yield* victim.ok(["sh", "-c", "head -c 20000000 /dev/urandom >/data/slow"])
      const push = yield* victim.start(backupWords(), { env: { BYTEBACK_RSYNC_FLAGS: "--bwlimit=5000" } })
      const pid = (yield* server.until(["pgrep", "-o", "-f", "^rsync --server"])).trim()
      // Needs none: rsync is in the user namespace that the whole machine is in.
      const namespaces = yield* server.ok(["readlink", "/proc/1/ns/user", `/proc/${pid}/ns/user`])
      assert.lengthOf([...new Set(namespaces.trim().split("\n"))], 1)
      yield* push.wait
      return { outcome: "the sandbox uses none", saw: [stdout] }
    })
  },
  {
    area,
    name: "an rsync with known holes",
    run: Effect.gen(function* () {
      const { send, server } = yield* Siege
      yield* server.ok(["mv", "/usr/bin/rsync", "/usr/bin/rsync.good"])
      yield* server.write(
        "/usr/bin/rsync",
        '#!/bin/sh\n[ "$1" = --version ] && echo "rsync  version 3.2.7  protocol version 31" && exit\nexec /usr/bin/rsync.good "$@"\n',
        { mode: "0755" }
      )
      const { code, stderr, stdout } = yield* send(twins.push)
      assert.deepStrictEqual([code, findRefusal(stderr)?.code, stdout], [12, 12, ""])
      assert.include(stderr, "write 3.2.7 into /etc/byteback/allow_old_rsync")
      yield* server.write("/etc/byteback/allow_old_rsync", "3.2.7\n")
      const allowed = yield* send(twins.push)
      assert.isNull(findRefusal(allowed.stderr))
      yield* server.ok(["rm", "/etc/byteback/allow_old_rsync"])
      yield* server.ok(["mv", "/usr/bin/rsync.good", "/usr/bin/rsync"])
      return { outcome: "12: not served, until the administrator names that version", saw: [stderr, allowed.stderr] }
    })
  },
  {
    area,
    name: "strace of a push",
    run: Effect.gen(function* () {
      const { server, victim } = yield* Siege
      yield* victim.ok(["rm", "-f", "/data/slow"])
      const strace = yield* server.start([
        "sh",
        "-c",
        'exec strace -f -qq -s 4096 -e trace=execve,clone,clone3,unshare,setns -o /tmp/trace -p "$(cat /run/sshd.pid)"'
      ])
      yield* server.until(["sh", "-c", "grep -q 'TracerPid:\t[1-9]' /proc/$(cat /run/sshd.pid)/status"])
      const { code, stderr } = yield* victim.run(backupWords())
      assert.include([exitCode.ok, exitCode.tooSoon] as ReadonlyArray<number>, code, stderr)
      yield* strace.kill("SIGINT")
      yield* strace.wait
      const trace = yield* server.read("/tmp/trace")
      const rsyncs = [...trace.matchAll(/execve\("[^"]*\/rsync", \[(.*?)\], .* = 0$/gm)].map(([, argv]) => argv!)
      const servers = rsyncs.filter((argv) => argv.includes('"--server"'))
      assert.deepStrictEqual(servers, [
        '"rsync", "--server", "-lHogDtpAXrRe.iLsfxCIvu", "--delete-during", "--delete-excluded", "--stats", "--modify-window=-1", "--numeric-ids", "--inplace", "--timeout=3600", "--fake-super", "--confine-root=/data", "--", ".", "."'
      ])
      // Where unprivileged user namespaces are switched off there is nothing that would be missed.
      assert.include(trace, "CLONE_NEWPID")
      assert.notInclude(trace, "CLONE_NEWUSER")
      return {
        outcome: "one execve of rsync --server, as rebuilt from its type; no user namespace is asked for",
        saw: []
      }
    })
  }
]
