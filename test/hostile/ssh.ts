// What a client may try with ssh itself: doors other than the forced command, and keys that are not what they seem.
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { findRefusal } from "../../src/domain/refusalLine.ts"
import type { Machine } from "../lab/Lab.ts"
import type { Deed } from "./deed.ts"
import { twins } from "./lines.ts"
import { Siege } from "./siege.ts"

const area = "Ssh"
const alone = ["ssh", "alone"] as const

/** ssh with these words of its own is refused, by sshd or by us; without them it works. */
const door = (
  name: string,
  words: ReadonlyArray<string>,
  expected: { readonly code: number; readonly says: RegExp; readonly outcome: string }
): Deed => ({
  area,
  name,
  run: Effect.gen(function* () {
    const { attacker } = yield* Siege
    yield* attacker.ok([...alone, twins.ping])
    const { code, stderr, stdout } = yield* attacker.run(words, { timeout: 30_000 })
    assert.match(stderr, expected.says)
    assert.strictEqual(code, expected.code, stderr)
    assert.strictEqual(stdout, "")
    return { outcome: expected.outcome, saw: [stdout, stderr] }
  })
})

/** A tunnel is opened on the client, but what goes in comes to no end. */
const tunnel = (name: string, words: ReadonlyArray<string>, hello: string): Deed => ({
  area,
  name,
  run: Effect.gen(function* () {
    const { attacker } = yield* Siege
    const ssh = yield* attacker.start(["ssh", "-v", "-N", ...words, "alone"])
    yield* ssh.saw(/Entering interactive session|pledge: /)
    const through = ["bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/9999; printf "${hello}" >&3; timeout 5 head -c 8 <&3`]
    const { stdout } = yield* attacker.run(through)
    const said = yield* ssh.saw(/administratively prohibited|open failed/)
    yield* ssh.kill()
    assert.notInclude(stdout, "SSH-")
    return { outcome: `sshd: ${said}`, saw: [stdout, ssh.stderr()] }
  })
})

const keyLine = /key options: command(?! .*(?:forwarding|pty))/

/** A session that asks for a right which the key's line takes away: the request itself is served, without it. */
const without = (name: string, words: ReadonlyArray<string>, says: RegExp, outcome: string): Deed => ({
  area,
  name,
  run: Effect.gen(function* () {
    const { attacker } = yield* Siege
    const { code, stderr, stdout } = yield* attacker.run([...words, twins.ping], {
      env: { DISPLAY: ":0" }
    })
    assert.strictEqual(code, 0, stderr)
    assert.match(stderr, says)
    return { outcome, saw: [stdout, stderr] }
  })
})

const addClient = (server: Machine, host: string, key: string, ...more: ReadonlyArray<string>) =>
  server.run(["byteback", "add-client", ...more, "--", host, key])

const freshKey = Effect.fnUntraced(function* (machine: Machine, file: string) {
  yield* machine.ok(["rm", "-f", file, `${file}.pub`])
  yield* machine.ok(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file])
  return (yield* machine.read(`${file}.pub`)).trim()
})

/** add-client refuses with usage or refused, and authorized_keys is byte for byte what it was. */
const badKey = (
  name: string,
  key: (good: string) => string,
  says: string,
  more: ReadonlyArray<string> = [],
  host: (name: string) => string = (one) => one
): Deed => ({
  area,
  name,
  run: Effect.gen(function* () {
    const { server } = yield* Siege
    const good = yield* freshKey(server, "/root/bad-key")
    const before = yield* server.read("/etc/byteback/authorized_keys")
    const { code, stderr } = yield* addClient(server, host("newcomer"), key(good), ...more)
    assert.include(stderr, says)
    assert.include([exitCode.usage, exitCode.refused] as ReadonlyArray<number>, code, stderr)
    assert.strictEqual(yield* server.read("/etc/byteback/authorized_keys"), before)
    yield* server.ok(["byteback", "add-client", "--", "newcomer", good])
    yield* server.ok(["byteback", "remove-client", "--delete-backups", "newcomer"])
    return { outcome: `${code}: ${says}`, saw: [] }
  })
})

export const sshDeeds: ReadonlyArray<Deed> = [
  door("no command", [...alone], {
    code: exitCode.refused,
    says: /has no shell; use the byteback command/,
    outcome: "12: has no shell"
  }),
  door("-tt", ["ssh", "-tt", "alone", twins.ping], {
    code: 255,
    says: /PTY allocation request failed/,
    outcome: "sshd: no terminal"
  }),
  door("-W", ["ssh", "-W", "server:22", "alone"], {
    code: 255,
    says: /administratively prohibited|open failed|forwarding failed/,
    outcome: "sshd: prohibited"
  }),
  door("-R", ["ssh", "-o", "ExitOnForwardFailure=yes", "-N", "-R", "9998:localhost:22", "alone"], {
    code: 255,
    says: /remote port forwarding failed/,
    outcome: "sshd: remote port forwarding failed"
  }),
  tunnel("-L", ["-L", "9999:localhost:22"], "x\\r\\n"),
  tunnel("-D", ["-D", "9999"], "\\\\x04\\\\x01\\\\x00\\\\x16\\\\x7f\\\\x00\\\\x00\\\\x01\\\\x00"),
  without(
    "agent forwarding",
    ["ssh-agent", "ssh", "-v", "-A", "alone"],
    /^(?=[^]*Requesting authentication agent forwarding)(?=[^]*key options: command(?! .*(?:forwarding|pty)))/,
    "the key's line has no such right"
  ),
  without("X11 forwarding", ["ssh", "-v", "-X", "alone"], keyLine, "the key's line has no such right"),
  // a subsystem's stderr does not come through, so that only the code tells
  door("sftp", ["ssh", "-s", "alone", "sftp"], {
    code: exitCode.refused,
    says: /^$/,
    outcome: "12"
  }),
  {
    area,
    name: "scp -O",
    run: Effect.gen(function* () {
      const { attacker } = yield* Siege
      const { code, stderr, stdout } = yield* attacker.run(["scp", "-O", "/data/hello", "alone:/tmp/x"])
      // ours, by way of scp, which has a code of its own
      assert.deepStrictEqual([code, findRefusal(stderr)?.code], [1, exitCode.refused])
      assert.include(stderr, 'the command is not one that this server knows: "scp"')
      return { outcome: "12: the command is not one that this server knows", saw: [stdout, stderr] }
    })
  },
  door("unknown subsystem", ["ssh", "-s", "alone", "nosuch"], {
    code: 255,
    says: /subsystem request failed/,
    outcome: "sshd: subsystem request failed"
  }),
  {
    area,
    name: "SetEnv BYTEBACK_HOST, LD_PRELOAD and NODE_OPTIONS with AcceptEnv *",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      const drop = "/etc/ssh/sshd_config.d/00-lax.conf"
      yield* server.write(drop, "AcceptEnv *\n")
      yield* server.sshd
      const request = Buffer.from(JSON.stringify({ _tag: "hello", protocol: 1, oldest: 1, version: "0.5.0" })).toString(
        "base64url"
      )
      const env =
        "BYTEBACK_HOST=victim BYTEBACK_REQUEST=x LD_PRELOAD=/nonexistent.so NODE_OPTIONS=--no-such SSH_ORIGINAL_COMMAND=x SSH_USER_AUTH=x"
      // To another user than byteback they come.
      const key = yield* freshKey(attacker, "/root/admin")
      yield* server.ok(["sh", "-c", 'mkdir -p /root/.ssh && echo "$1" >/root/.ssh/authorized_keys', "sh", key])
      const known = ["-F", "none", "-i", "/root/admin", "-o", "UserKnownHostsFile=/etc/byteback/known_hosts"]
      const arrived = yield* attacker.run(["ssh", ...known, "-o", "SetEnv=BYTEBACK_HOST=victim", "root@server", "env"])
      assert.include(arrived.stdout, "BYTEBACK_HOST=victim", `its twin: ${arrived.stderr}`)
      yield* server.ok(["rm", "-r", "/root/.ssh"])
      const { stderr, stdout } = yield* attacker.run([
        "ssh",
        "-o",
        `SetEnv=${env}`,
        "alone",
        `byteback request ${request}`
      ])
      yield* server.ok(["rm", drop])
      yield* server.sshd
      assert.notInclude(stderr, "ld.so")
      assert.notInclude(stdout, "victim")
      assert.include(stdout, '"host":"attacker"')
      return { outcome: "no variable arrived: the host is the key's", saw: [stdout, stderr] }
    })
  },
  {
    area,
    name: "a key line without options",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      const key = yield* freshKey(attacker, "/root/bare")
      const keys = yield* server.read("/etc/byteback/authorized_keys")
      yield* server.ok(["sh", "-c", 'printf "%s\\n" "$1" >>/etc/byteback/authorized_keys', "sh", key])
      const seen: Array<string> = []
      for (const words of [[twins.ping], ["sh -c id"], ["byteback-receive victim"], []]) {
        const known = "UserKnownHostsFile=/etc/byteback/known_hosts"
        const ssh = ["ssh", "-F", "none", "-i", "/root/bare", "-o", known, "byteback@server"]
        const { code, stderr, stdout } = yield* attacker.run([...ssh, ...words])
        assert.deepStrictEqual([code, findRefusal(stderr)?.code], [12, 12])
        assert.include(stderr, "has no shell; use the byteback command")
        assert.notInclude(stdout, "uid=", "no more than sshd's message of the day")
        seen.push(stdout, stderr)
      }
      yield* server.write("/etc/byteback/authorized_keys", keys)
      return { outcome: "12: has no shell", saw: seen }
    })
  },
  {
    area,
    name: "one key for two hosts",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      const key = (yield* attacker.ok(["ssh-keygen", "-y", "-f", "/etc/byteback/key"])).trim()
      const { code, stderr } = yield* addClient(server, "second", key)
      assert.strictEqual(code, exitCode.refused)
      assert.include(stderr, "each host needs a key of its own; nothing was changed")
      assert.isFalse(yield* server.exists("/byteback/second"))
      return { outcome: "12: each host needs a key of its own", saw: [stderr] }
    })
  },
  ...(
    [
      ["..", ".."],
      [".", "."],
      ["-x", "-x"],
      ["A", "A"],
      ["64 characters", "a".repeat(64)],
      ["trailing dot", "web."],
      ["a/b", "a/b"],
      ["newline", "web\nx"],
      ["quote", 'web"x'],
      ["homoglyph", "wеb"],
      ["a..b", "a..b"]
    ] as const
  ).map(([name, host]) =>
    badKey(
      `host name: ${name}`,
      (good) => good,
      "cannot be a host's name",
      [],
      () => host
    )
  ),
  badKey("a key of two lines", (good) => `${good}\n${good.replace("AAAA", "AAAB")}`, "it has a line break"),
  badKey("options before the key", (good) => `command="sh" ${good}`, "its first word must be one of"),
  {
    area,
    name: 'a comment `",command="sh`',
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const good = yield* freshKey(server, "/root/commented")
      const { code } = yield* addClient(server, "commented", `${good} ",command="sh`)
      const keys = yield* server.read("/etc/byteback/authorized_keys")
      assert.notInclude(keys, 'command="sh')
      if (code === 0) {
        assert.include(keys, `${good} byteback:commented\n`)
        yield* server.ok(["byteback", "remove-client", "--delete-backups", "commented"])
      }
      return { outcome: code === 0 ? "the comment was replaced" : `${code}: refused`, saw: [] }
    })
  },
  badKey(
    "type and blob differing",
    (good) => good.replace("ssh-ed25519", "ssh-rsa"),
    "not of the type that its first word says"
  ),
  badKey("from= `*`", (good) => good, "neither an address, a network", ["--from", "*"]),
  {
    area: "Lexer",
    name: "120 KiB, 200 KiB and 1 MiB in one command",
    run: Effect.gen(function* () {
      const { attacker } = yield* Siege
      // ssh joins its words with blanks; none of them may be longer than the kernel lets it be
      const script =
        'x=$(head -c "$1" /dev/zero | tr "\\0" x); shift; for n; do set -- "$@" "$x"; shift; done; exec ssh alone byteback-receive --ping "$@"'
      const sent = (kib: number) => {
        const words = Array.from({ length: Math.ceil(kib / 100) }, String)
        const size = String(Math.floor((kib * 1024) / words.length))
        return attacker.run(["sh", "-c", script, "sh", size, ...words])
      }
      const lexer = yield* sent(120)
      assert.deepStrictEqual([lexer.code, findRefusal(lexer.stderr)?.code, lexer.stdout], [12, 12, ""])
      assert.include(lexer.stderr, "longer than 16384 bytes")
      const kernel = yield* sent(200)
      assert.deepStrictEqual([kernel.code, kernel.stdout], [1, ""])
      assert.include(kernel.stderr, "Argument list too long")
      const sshd = yield* sent(1024)
      assert.deepStrictEqual([sshd.code, sshd.stdout], [255, ""])
      return {
        outcome: "12: longer than 16384 bytes; sshd cannot start ours with 200 KiB, and hangs up at 1 MiB",
        saw: [lexer, kernel, sshd].map(({ stderr }) => stderr)
      }
    })
  },
  {
    area: "Restore",
    name: "restore of an empty path, and of `//`",
    run: Effect.gen(function* () {
      const { attacker, send } = yield* Siege
      const empty = yield* send("rsync --server --sender -slogDtpre.iLsfxCIvu", { stdin: "rsync\0.\0\0\0" })
      assert.deepStrictEqual([empty.code, findRefusal(empty.stderr)?.code, empty.stdout], [12, 12, ""])
      assert.include(empty.stderr, "no path was given")
      const none = yield* attacker.run(["byteback", "restore", "", "--to", "/none"])
      assert.deepStrictEqual([none.code, none.stderr], [2, "byteback: path: is empty; write / for everything\n"])
      for (const argv of [
        ["byteback", "restore", "//", "--to", "/all"],
        ["rsync", "-a", "-e", "ssh", "alone://", "/all"]
      ]) {
        assert.strictEqual((yield* attacker.run(argv)).code, 0)
        assert.strictEqual(yield* attacker.ok(["ls", "-A", "/all"]), "data\n", "its own tree, and nothing above it")
        yield* attacker.ok(["rm", "-rf", "/all"])
      }
      return { outcome: "12: no path was given; `//` is the host's own tree", saw: [empty.stderr, none.stderr] }
    })
  }
]
