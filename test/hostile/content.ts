// What a client can put into a backup or into rsync's protocol, and what the sandbox keeps from it. Each probe also runs without the sandbox, where it succeeds: else the test would not be testing. The attacks by content have that in layers.ts.
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { sandboxArgv, unconfinedArgv } from "../../src/domain/sandbox.ts"
import { exitCode } from "../../src/domain/exitCode.ts"
import { findRefusal } from "../../src/domain/refusalLine.ts"
import { backupWords } from "../e2e/pair.ts"
import type { Machine, RunResult } from "../lab/Lab.ts"
import type { Deed } from "./deed.ts"
import { fileList, rawFilter, rawPush } from "./rawPush.ts"
import { Siege } from "./siege.ts"
import { nothingRuns } from "./snapshots.ts"

const area = "Content"
const current = "/byteback/attacker/current"

const attackersUid = Effect.gen(function* () {
  const { server } = yield* Siege
  return Number((yield* server.ok(["stat", "-c", "%u", current])).trim())
})

/** A command as whoever took rsync over would run it: as the host's uid in current, with the sandbox and without. */
const insideArgv = (uid: number, command: ReadonlyArray<string>) => {
  const argv = sandboxArgv({ directory: current, access: "read-write", uid }, command)
  const filter = 'exec "$@" 7<"/usr/lib/byteback/seccomp-$(/usr/lib/byteback/node -p process.arch).bpf"'
  return ["sh", "-c", filter, "sh", ...argv]
}
const inside = Effect.fnUntraced(function* (command: ReadonlyArray<string>) {
  const { server } = yield* Siege
  return yield* server.run(insideArgv(yield* attackersUid, command))
})
const outside = Effect.fnUntraced(function* (command: ReadonlyArray<string>) {
  const { server } = yield* Siege
  return yield* server.run(unconfinedArgv(yield* attackersUid, command), { cwd: current })
})

/** Something that only the sandbox stops: it works without, and does not with. */
const probe = (
  name: string,
  command: ReadonlyArray<string>,
  succeeded: (result: RunResult) => boolean = ({ code }) => code === 0
): Deed => ({
  area: "Sandbox",
  name,
  run: Effect.gen(function* () {
    assert.isTrue(succeeded(yield* outside(command)), "without the sandbox it succeeds")
    const result = yield* inside(command)
    assert.isFalse(succeeded(result), result.stdout + result.stderr)
    return { outcome: "stopped; succeeds without the sandbox", saw: [result.stdout, result.stderr] }
  })
})

const sh = (script: string) => ["/bin/sh", "-c", script]
const tcp = (port: number) => ["/usr/bin/bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${port}`]

export const sandboxDeeds: ReadonlyArray<Deed> = [
  probe("read the server's /etc", ["/usr/bin/cat", "/etc/canary"]),
  probe("see the server's processes", sh("ls -d /proc/1")),
  probe("write to the server's /tmp", sh("echo x >/tmp/probe && rm /tmp/probe")),
  probe(
    "set a subvolume's ro flag by an ioctl",
    sh("btrfs property set . ro true; btrfs property get . ro"),
    (result) => result.stdout.includes("ro=true")
  ),
  probe("turn it off again", sh("btrfs property set . ro false")),
  probe("make a subvolume", sh("btrfs subvolume create ./nested && rmdir ./nested")),
  probe("make a symbolic link", sh("ln -s /etc/canary ./link && rm ./link")),
  probe("make a fifo", sh("mkfifo ./fifo && rm ./fifo")),
  probe("reach the network", tcp(22)),
  probe("make a user namespace", sh("unshare --user true")),
  probe("trace a process", sh("strace -o /dev/null true")),
  probe("see the server's name", sh('test "$(uname -n)" = server')),
  {
    area: "Sandbox",
    name: "type on the administrator's terminal",
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const uid = yield* attackersUid
      const type = ["/usr/bin/perl", "-e", 'print ioctl(STDIN, 0x5412, my $x = "x") ? "typed" : "not: $!"']
      const on = (argv: ReadonlyArray<string>) => Effect.flatMap(server.tty(argv, { cwd: current }), ({ wait }) => wait)
      // a kernel may let nobody do it, which is not our doing
      const legacy = (yield* server.run(["cat", "/proc/sys/dev/tty/legacy_tiocsti"])).stdout !== "0\n"
      assert.strictEqual((yield* on(unconfinedArgv(uid, type))).stdout.includes("typed"), legacy)
      const { stdout } = yield* on(insideArgv(uid, type))
      assert.include(stdout, "not: Operation not permitted")
      return { outcome: "stopped; succeeds without the sandbox, where the kernel lets anybody", saw: [stdout] }
    }).pipe(Effect.scoped)
  },
  {
    area: "Sandbox",
    name: "run a program that was pushed, setuid or not",
    run: Effect.gen(function* () {
      const script =
        "cp /usr/bin/true ./pushed && chmod 6755 ./pushed && ls ./pushed && ./pushed; code=$?; rm -f ./pushed; exit $code"
      const results = [yield* outside(sh(script)), yield* inside(sh(script))]
      for (const { code, stdout } of results) assert.deepStrictEqual([code, stdout], [126, "./pushed\n"])
      return {
        outcome: "denied by the store's mount, with the sandbox and without",
        saw: results.map((one) => one.stdout)
      }
    })
  },
  {
    area: "Sandbox",
    name: "rights, descriptors and variables of a push",
    run: Effect.gen(function* () {
      const { stdout } = yield* inside(["/usr/bin/env"])
      assert.deepStrictEqual(
        stdout
          .trim()
          .split("\n")
          .filter((line) => !line.startsWith("PWD="))
          .toSorted(),
        ["LC_ALL=C", "PATH=/usr/bin"]
      )
      const { attacker, server } = yield* Siege
      yield* attacker.ok(["sh", "-c", "head -c 30000000 /dev/urandom >/data/slow"])
      const push = yield* attacker.start(backupWords(), { env: { BYTEBACK_RSYNC_FLAGS: "--bwlimit=3000" } })
      const pid = (yield* server.until(["pgrep", "-o", "-f", "^rsync --server"])).trim()
      const status = yield* server.read(`/proc/${pid}/status`)
      assert.lengthOf([...status.matchAll(/^Cap(?:Inh|Prm|Eff|Bnd|Amb):\t0{16}$/gm)], 5, status)
      assert.match(status, /^NoNewPrivs:\t1$/m)
      assert.match(status, /^Seccomp:\t2$/m)
      assert.match(status, /^Groups:\t *$/m)
      const uid = yield* attackersUid
      assert.match(status, new RegExp(`^Uid:(\\t${uid}){4}$`, "m"))
      const descriptors = yield* server.ok(["sh", "-c", 'ls -l "/proc/$1/fd" | sed -n "s/.* -> //p"', "sh", pid])
      for (const one of descriptors.trim().split("\n"))
        assert.match(one, /^(?:pipe:|socket:|\/data(?:\/|$)|\/dev\/null)/)
      const limits = yield* server.read(`/proc/${pid}/limits`)
      assert.match(limits, /^Max core file size +0 /m)
      assert.match(limits, /^Max open files +512 /m)
      assert.strictEqual(yield* server.read(`/proc/${pid}/oom_score_adj`), "1000\n", "goes first where memory is short")
      yield* push.wait
      return { outcome: "no capability, no group, no descriptor but its pipes, one directory", saw: [stdout] }
    })
  },
  {
    area: "Sandbox",
    name: "filter rules inside the protocol that name a file of the server",
    run: Effect.gen(function* () {
      const { send, server } = yield* Siege
      const uid = yield* attackersUid
      const stdin = rawFilter(". /etc/canary")
      // As the scripts in the field ran it: the host's uid, and nothing else.
      yield* server.ok(["install", "-d", "-o", String(uid), "/srv/open"])
      const command = ["rsync", "--server", "--sender", "-re.LsfxCIvu", ".", "."]
      const open = yield* server.run(unconfinedArgv(uid, command), { cwd: "/srv/open", stdin })
      assert.include(
        open.stdout + open.stderr,
        "rule from /etc/canary line 1",
        "without the sandbox rsync reads the file"
      )
      const { stderr, stdout } = yield* send("rsync --server --sender -re.LsfxCIvu . latest", { stdin }, "alone")
      assert.notInclude(stdout + stderr, "rule from /etc/canary")
      assert.include(stdout + stderr, "failed to open")
      yield* server.write("/etc/byteback/sandbox", "none\n")
      const unconfined = yield* send("rsync --server --sender -re.LsfxCIvu . latest", { stdin }, "alone")
      yield* server.ok(["rm", "/etc/byteback/sandbox"])
      assert.include(
        unconfined.stdout + unconfined.stderr,
        "failed to open",
        "with `none` there is still --confine-root"
      )
      return {
        outcome: "there is no such file; with `none` --confine-root stops it, without both rsync opens it",
        saw: [stdout, stderr]
      }
    })
  }
]

/** What a script makes in an empty directory of the client is pushed by a client that means harm, without fake-super or our filters. */
const nasty: ReadonlyArray<readonly [name: string, script: string, came: string]> = [
  ["devices", "mknod null c 1 3; mknod disk b 7 0", "disk f; null f"],
  ["sockets", `perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("socket"))'`, "socket f"],
  ["fifos", "mkfifo fifo", "fifo f"],
  [
    "setuid files",
    "cp /bin/true setuid; chmod 6755 setuid; cp /bin/true sticky; chmod 1777 sticky",
    "setuid f; sticky f"
  ],
  [
    "links out",
    "ln -s /etc/canary link; ln -s ../../victim/current other; ln -s /byteback hole",
    "hole f; link f; other f"
  ],
  [
    "directories named like what byteback makes",
    "mkdir current '2099-01-01T00:00+0000'",
    "2099-01-01T00:00+0000 d; current d"
  ],
  [
    "options for names",
    "mkdir -- -rf; touch -- -rf/x --delete '*' %n 'trailing '",
    "%n f; * f; --delete f; -rf d; trailing  f; x f"
  ],
  [
    "a newline, ESC, C1 and bidi in names",
    String.raw`touch "$(printf 'new\nline')" "$(printf '\033[2Jesc')" "$(printf '\302\233c1')" "$(printf '\342\200\256bidi')"`,
    ""
  ],
  [
    "names that are not UTF-8, and of 255 letters",
    String.raw`touch "$(printf 'bad\377utf8')" "$(printf '%0255d' 1)"`,
    ""
  ],
  ["times before 1970 and after 5000", "touch -d @-99999999999 old; touch -d @99999999999 future", "future f; old f"],
  ["2,000 hard links", `echo x >0; perl -e 'link("0", $_) for 1..1999'`, ""]
]

const nastyPush = ["rsync", "-aHX", "--numeric-ids", "--inplace", "-e", "ssh", "/nasty", "alone:."]

/** As it lies in current: plain files and directories of the host's own uid; and it can be listed and fetched. */
const nastyDeed = ([name, script, came]: (typeof nasty)[number]): Deed => ({
  area,
  name,
  run: Effect.gen(function* () {
    const { attacker, send, server } = yield* Siege
    yield* attacker.ok(["sh", "-ec", `rm -rf /nasty /back; mkdir -p /nasty; cd /nasty; ${script}`])
    const pushed = yield* attacker.run(nastyPush)
    assert.include([0, 23], pushed.code, pushed.stderr)
    const kinds = yield* server.ok(["sh", "-c", `find ${current} -printf '%y %m %U\\n' | sort -u`])
    const uid = yield* attackersUid
    for (const line of kinds.trim().split("\n")) assert.match(line, new RegExp(`^[fd] [0-7]{1,3} ${uid}$`))
    const count = (machine: Machine, at: string) => machine.ok(["sh", "-c", `find ${at} -mindepth 1 -printf x | wc -c`])
    assert.strictEqual(yield* count(server, `${current}/nasty`), yield* count(attacker, "/nasty"), "all of it came")
    if (came !== "") {
      const names = yield* server.ok(["sh", "-c", `find ${current}/nasty -mindepth 1 -printf '%f %y; ' `])
      assert.sameMembers(names.split("; ").slice(0, -1), came.split("; "))
    }
    const listed = yield* send("byteback-receive --snapshot current --list --all /nasty /nasty/*")
    assert.strictEqual(listed.code, 0, listed.stderr)
    assert.match(listed.stdout, /^[\x20-\x7e\n]*$/, "no byte of a name reaches a terminal")
    const back = yield* attacker.run(["rsync", "-aHX", "-e", "ssh", "alone:current/nasty", "/back"])
    assert.include([0, 23], back.code, back.stderr)
    const saw = [listed.stdout, (yield* attacker.run(["grep", "-rha", "canary-of", "/back"])).stdout]
    yield* server.ok(["rm", "-rf", `${current}/nasty`])
    return { outcome: "plain files and directories of the host's uid; listed without a stop or an escape", saw }
  })
})

export const contentDeeds: ReadonlyArray<Deed> = [
  ...nasty.map(nastyDeed),
  {
    area,
    name: "forged and garbage user.rsync.%stat, and a capability in user.rsync.*",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      const script = String.raw`
        rm -rf /nasty; mkdir /nasty; cd /nasty; for name in forged garbage capability; do echo x >$name; chmod 640 $name; done
        setfattr -n user.rsync.%stat -v '104777 0,0 0:0' forged
        setfattr -n user.rsync.%stat -v 'garbage' garbage
        setfattr -n user.rsync.security.capability -v 0x0100000202000000000000000000000000000000 capability`
      yield* attacker.ok(["sh", "-ec", script])
      // rsync's client leaves them out unless it is told -XX; the line is then made one that the server takes.
      const shell = "/root/one-x"
      yield* attacker.write(shell, '#!/bin/sh\nhost=$1; shift; exec ssh "$host" "$(echo "$*" | sed "s/XX/X/")"\n', {
        mode: "0755"
      })
      const pushed = yield* attacker.run(["rsync", "-aXX", "--numeric-ids", "-e", shell, "/nasty", "alone:."])
      assert.include([0, 23], pushed.code, pushed.stderr)
      const stats = yield* server.ok([
        "sh",
        "-c",
        `cd ${current}/nasty && for name in forged garbage; do stat -c '%a %U' $name >/dev/null; getfattr --only-values -n user.rsync.%stat $name 2>/dev/null; echo; done`
      ])
      // none at all, or what rsync's server itself found: an ordinary file of 0640
      for (const line of stats.split("\n").slice(0, 2)) assert.match(line, /^(?:100640 0,0 0:0)?$/)
      const restored = yield* attacker.run([
        "byteback",
        "restore",
        "/nasty",
        "--snapshot",
        "current",
        "--to",
        "/unforged"
      ])
      assert.strictEqual(restored.code, 0, restored.stderr)
      const modes = "stat -c %a forged garbage capability; getcap forged garbage"
      assert.strictEqual(yield* attacker.ok(["sh", "-c", `cd /unforged/nasty && ${modes}`]), "640\n640\n640\n")
      // Root on the client can back up what has a capability in earnest, so this one comes back, and is told of. What a user of an
      // honest client makes up is left out by its push (test/contract/Rsync).
      assert.match(restored.stderr, /capabilit.*\/unforged\/nasty\/capability/s)
      yield* attacker.ok(["rm", "-rf", "/nasty", "/unforged"])
      yield* server.ok(["rm", "-rf", `${current}/nasty`])
      return {
        outcome: "ordinary files of their own mode, not setuid; the restore tells of the capability",
        saw: [pushed.stderr, restored.stderr]
      }
    })
  },
  ...(
    [
      ["`..` in the file list", [fileList.file("../escaped")], [4, "unsafe pathname from sender: ../escaped"]],
      [
        "an absolute name in the file list",
        [fileList.file("/tmp/escaped")],
        [4, "unsafe pathname from sender: /tmp/escaped"]
      ],
      [
        "`a/../../b` in the file list",
        [fileList.file("a/../../escaped")],
        [4, "unsafe pathname from sender: a/../../escaped"]
      ],
      ["an empty name in the file list", [fileList.file("")], [2, "refusing transfer of cleared file index 0"]],
      ["a symbolic link, then a file through it", [fileList.link("door", "/tmp"), fileList.file("door/escaped")], null],
      [
        "a link to the neighbour, then a file through it",
        [fileList.link("side", "../../victim/current"), fileList.file("side/escaped")],
        null
      ],
      ["a device in the file list", [fileList.device("device", 8, 0)], null],
      ["a file of 8 EiB", [fileList.file("sparse", 0x7fffffffffffffffn)], null]
    ] as const
  ).map(([name, entries, refused]): Deed => ({
    area,
    name,
    run: Effect.gen(function* () {
      const { send, server } = yield* Siege
      const line = "rsync --server -rlDte.LsfxCIvu --inplace . ."
      const well = yield* send(line, { stdin: rawPush([fileList.file("well")]), timeout: 20_000 }, "alone")
      assert.strictEqual(yield* server.read(`${current}/well`), "written by a raw client\n", well.stderr)
      const { code, stderr, stdout } = yield* send(line, { stdin: rawPush(entries), timeout: 20_000 }, "alone")
      // What a list may not say rsync itself refuses, in its words; with what it may, the rest of the stream is out of step.
      if (refused !== null) {
        assert.include(stdout + stderr, refused[1])
        assert.strictEqual(code, refused[0])
      }
      const strays = yield* server.ok([
        "sh",
        "-c",
        "find / -xdev -name escaped -not -path '/proc/*'; find /byteback -name escaped -not -path '/byteback/attacker/current/*'"
      ])
      assert.strictEqual(strays, "")
      const kinds = yield* server.ok(["sh", "-c", `find ${current} -not -type f -not -type d`])
      assert.strictEqual(kinds, "")
      yield* server.ok(["sh", "-c", `cd ${current} && rm -rf well escaped door side device sparse`])
      const told = refused === null ? "" : `; rsync's ${refused[0]}: ${refused[1]}`
      return {
        outcome: `nothing outside of the host's current, no link or device in it${told}`,
        saw: [stdout, stderr]
      }
    })
  })),
  {
    area: "Push",
    name: "an absolute destination, another host's",
    run: Effect.gen(function* () {
      const { send, server } = yield* Siege
      const seen: Array<string> = []
      for (const destination of ["/byteback/victim/current", "../victim/current", "/etc"]) {
        const line = `rsync --server -rlDte.LsfxCIvu --inplace . ${destination}`
        const { stderr, stdout } = yield* send(
          line,
          { stdin: rawPush([fileList.file("escaped")]), timeout: 20_000 },
          "alone"
        )
        const found = yield* server.ok(["find", "/byteback", "/etc", "-name", "escaped"])
        assert.strictEqual(found, `${current}/escaped\n`, "its own current, whatever it says")
        yield* server.ok(["rm", `${current}/escaped`])
        seen.push(stderr, stdout)
      }
      return { outcome: "what it says is ignored: it goes to the host's own current", saw: seen }
    })
  },
  {
    area,
    name: "a million names of 240 letters, of which none is sent",
    run: Effect.gen(function* () {
      const { attacker, server, victim } = yield* Siege
      // protocol 29's greeting, then links without end of list, and then nothing more
      const names = String.raw`
        $| = 1; print pack("V", 29);
        for my $n (1 .. 1_000_000) { print pack("CVa240VVVVa1", 0x40, 240, sprintf("%0240d", $n), 0, 1_700_000_000, 0120777, 1, "x") }
        print STDERR "said\n"; sleep 600`
      const script = 'perl -e "$1" | ssh alone "rsync --server -rlDte.LsfxCIvu . ."'
      const push = yield* attacker.start(["sh", "-c", script, "sh", names])
      yield* push.saw(/said/, 120_000)
      const { code, stderr } = yield* victim.run(backupWords())
      assert.include([0, 15], code, stderr)
      const status = yield* server.ok(["sh", "-c", 'cat /proc/$(pgrep -o -f "^rsync --server")/status'])
      assert.isAbove(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]), 200_000, "it has them all in memory")
      yield* attacker.ok(["pkill", "-KILL", "-x", "perl|ssh"])
      yield* server.until(nothingRuns, { timeout: 5000 })
      return { outcome: "the neighbour is served; nothing left after 5 s", saw: [push.stderr()] }
    })
  },
  {
    area,
    name: "70,000 hard links of one file",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      yield* attacker.ok([
        "sh",
        "-c",
        "mkdir /links && cd /links && echo x >0 && perl -e 'link(q(0), $_) or die for 1..69999'"
      ])
      const { code, stderr } = yield* attacker.run(["rsync", "-aH", "-e", "ssh", "/links", "alone:."])
      assert.include([0, 23], code, stderr.slice(-300))
      const most = "find . -type f -printf '%n\\n' | sort -n | tail -1"
      const links = Number(yield* server.ok(["sh", "-c", most], { cwd: `${current}/links` }))
      assert.isTrue(links > 1000 && links <= 65_535, `${links} links`)
      yield* server.ok(["rm", "-rf", `${current}/links`])
      return { outcome: "as many as btrfs can; the rest is told to the client", saw: [stderr] }
    })
  },
  {
    area,
    name: "old protocol versions, and none at all",
    run: Effect.gen(function* () {
      const { send, server } = yield* Siege
      const line = "rsync --server -rlDte.LsfxCIvu --inplace . ."
      const push = (stdin: Uint8Array) => send(line, { stdin, timeout: 20_000 }, "alone")
      const mismatch = /^protocol version mismatch -- is your shell clean\?[^]*\(code 2\)/
      const version = (number: number) => Buffer.from([number, 0, 0, 0, 0, 0, 0, 0])
      const seen: Array<string> = []
      // Which protocol is spoken shows in the bytes that go from client to rsync, so that rsync is the one to say it; a complete
      // of ours is then refused for it.
      for (const [said, code, says] of [
        ...[0, 1, 19, 41, 255].map((number) => [version(number), 2, mismatch] as const),
        [version(20), 12, /^Client is very old version of rsync, upgrade recommended\.[^]*\(code 12\)/],
        // one that it speaks still, and in which it has no stderr
        [version(26), 12, /^$/],
        [Buffer.alloc(0), 12, /^rsync: connection unexpectedly closed \(0 bytes received so far\)[^]*\(code 12\)/],
        [Buffer.from("GET / HTTP/1.0\r\n\r\n"), 2, mismatch]
      ] as const) {
        const pushed = yield* push(said)
        assert.match(pushed.stderr, says)
        assert.strictEqual(pushed.code, code, pushed.stderr)
        const completed = yield* send("byteback-receive --complete")
        const refusal = findRefusal(completed.stderr)
        assert.deepStrictEqual([completed.code, refusal?.code], [exitCode.refused, exitCode.refused])
        assert.include(
          refusal?.message,
          `no snapshot of attacker was taken: its push failed (rsync ended with ${code})`
        )
        seen.push(pushed.stdout, pushed.stderr, completed.stderr)
      }
      const well = yield* push(rawPush([fileList.file("well")]))
      assert.strictEqual(yield* server.read(`${current}/well`), "written by a raw client\n", `its twin: ${well.stderr}`)
      yield* server.ok(["rm", `${current}/well`])
      return {
        outcome:
          "rsync: protocol version mismatch, 2; or 12 when nothing more comes; then 12 for a complete: its push failed",
        saw: seen
      }
    })
  },
  {
    area,
    name: "100,000 tiny files with xattrs, more than there is metadata for, while another host backs up",
    run: Effect.gen(function* () {
      const { attacker, otherServer, sealed, victim } = yield* Siege
      const server = yield* otherServer("small", "512M")
      const push = (machine: Machine) => machine.run(["rsync", "-a", "-e", "ssh", "/data", "small:."])
      const complete = (machine: Machine) => machine.run(["ssh", "small", "byteback-receive --complete"])
      // Random, so that it lies in the metadata as it is; the system call is setxattr.
      const make = String.raw`
        use strict; open(my $random, "<", "/dev/urandom"); mkdir "/tiny";
        for my $n (1 .. 100_000) {
          my $path = "/tiny/" . int(($n - 1) / 1000); mkdir $path if $n % 1000 == 1; $path .= "/$n";
          read $random, my $text, 1500; my $name = "user.tiny";
          open(my $file, ">", $path) or die "$path: $!"; close $file;
          syscall(${process.arch === "x64" ? 188 : 5}, $path, $name, $text, 1500, 0) == 0 or die "$path: $!";
        }`
      yield* attacker.ok(["perl", "-e", make])
      const flood = yield* attacker.start(["rsync", "-aX", "--inplace", "-e", "ssh", "/tiny", "small:."])
      yield* server.until(["test", "-d", "/byteback/attacker/current/tiny/1"])
      const beside = yield* push(victim)
      assert.strictEqual(beside.code, 0, beside.stderr)
      const ended = yield* flood.wait
      assert.strictEqual(findRefusal(ended.stderr)?.code, exitCode.noSpace, ended.stderr)
      assert.include(ended.stderr, "more than its share")
      assert.notInclude(ended.stderr, "No space left on device")
      const refused = yield* complete(attacker)
      assert.strictEqual(refused.code, exitCode.refused)
      assert.include(refused.stderr, "no snapshot of attacker was taken: its push failed (rsync ended with 13)")
      for (const run of [push, complete]) {
        const { code, stderr } = yield* run(victim)
        assert.strictEqual(code, 0, stderr)
      }
      const kept = yield* sealed(server)
      assert.lengthOf(kept, 1)
      // Told the same, without having got any further.
      const count = server.ok(["sh", "-c", "find /byteback/attacker/current | wc -l"])
      const before = yield* count
      const again = yield* attacker.run(["rsync", "-aX", "--inplace", "-e", "ssh", "/tiny", "small:."])
      assert.include([exitCode.anomaly, exitCode.noSpace] as Array<number | undefined>, findRefusal(again.stderr)?.code)
      assert.match(again.stderr, /What is kept was not touched|Nothing older was deleted for it|nothing was changed/)
      assert.strictEqual(yield* count, before)
      const later = yield* push(victim)
      assert.strictEqual(later.code, 0, later.stderr)
      assert.deepStrictEqual(yield* sealed(server), kept)
      yield* attacker.ok(["rm", "-rf", "/tiny"])
      return {
        outcome: "13 for it before the last is taken, and at once when it comes again; the neighbour has its backup",
        saw: [ended.stderr, refused.stderr, again.stderr]
      }
    }).pipe(Effect.scoped)
  }
]
