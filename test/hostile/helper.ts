// The privileged helper and its line in sudoers: bad arguments are denied by sudo, and by the helper where sudo is not asked.
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { findRefusal } from "../../src/domain/refusalLine.ts"
import type { Deed } from "./deed.ts"
import { hostileLines, twins } from "./lines.ts"
import { Siege } from "./siege.ts"

const area = "Helper"
const helper = "/usr/lib/byteback/byteback-priv"

const noHost = "byteback-priv: no host named"
const noName = "byteback-priv: not a host's name"
const unfit = "byteback-priv: the request does not fit the verb"

const bad: ReadonlyArray<readonly [name: string, words: ReadonlyArray<string>, bySudo: boolean, says: string]> = [
  ["no arguments", [], true, noHost],
  ["a verb that is none", ["prune", "attacker"], true, unfit],
  ["an empty host", ["ping", ""], true, noName],
  ["no host", ["ping"], true, noHost],
  ["a host of dots", ["ping", ".."], true, noName],
  ["a host with a path", ["ping", "../victim"], true, noName],
  ["a host with a slash", ["ping", "attacker/current"], true, noName],
  ["a..b, which sudo's expression lets pass", ["ping", "a..b"], false, noName],
  ["a host in capitals", ["ping", "ATTACKER"], true, noName],
  ["an option in place of a host", ["ping", "--help"], true, noName],
  ["a host with a blank", ["ping", "attacker victim"], true, noName],
  ["two hosts", ["ping", "attacker", "victim"], true, noName],
  ["a host with a newline", ["ping", "attacker\nvictim"], true, noName],
  ["a host of 64 letters", ["ping", "a".repeat(64)], true, noName],
  ["verb and host in one word", ["ping attacker"], false, noHost],
  ["a host with a quote", ["push", "attacker'"], true, noName],
  ["a host with $()", ["push", "$(id)"], true, noName],
  [
    "a host that is not enrolled",
    ["ping", "nobody"],
    false,
    "nobody is not a host of this server; its administrator can add it: byteback invite nobody"
  ],
  ["a verb that the request does not fit", ["push", "attacker"], false, unfit],
  ["enrol with a ping", ["enrol", "attacker"], false, unfit]
]

export const helperDeeds: ReadonlyArray<Deed> = [
  ...bad.map(([name, words, bySudo, says]): Deed => ({
    area,
    name,
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const env = { BYTEBACK_REQUEST: twins.ping }
      const asUser = (argv: ReadonlyArray<string>) =>
        server.run(["sudo", "-n", "--", helper, ...argv], { user: "byteback", env, clearEnv: true })
      assert.strictEqual((yield* asUser(["ping", "attacker"])).code, 0, "its twin works")
      const denied = yield* asUser(words)
      if (bySudo) assert.deepStrictEqual([denied.code, denied.stderr], [1, "sudo: a password is required\n"])
      assert.strictEqual((yield* server.run([helper, "ping", "attacker"], { env })).code, 0, "so does its direct one")
      const direct = yield* server.run([helper, ...words], { env })
      const refusal = findRefusal(direct.stderr)
      const code = name === "a host that is not enrolled" ? exitCode.notEnrolled : exitCode.refused
      assert.deepStrictEqual([direct.code, refusal?.code, refusal?.message], [code, code, says])
      if (!bySudo) assert.deepStrictEqual([denied.code, denied.stderr], [direct.code, direct.stderr])
      const which = bySudo ? "sudo, and the helper" : "the helper"
      return { outcome: `denied by ${which}: ${code}, ${says}`, saw: [denied.stderr, direct.stderr, denied.stdout] }
    })
  })),
  {
    area,
    name: "a hostile request that has not come through the forced command",
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const direct = (line: string, verb: string) =>
        server.run([helper, verb, "attacker"], { env: { BYTEBACK_REQUEST: line } })
      assert.strictEqual((yield* direct(twins.ping, "ping")).code, 0, "its twin works")
      const seen: Array<string> = []
      // What is read from stdin is read before the helper; a variable holds no longer line than the kernel lets it.
      const lines = hostileLines.filter(
        ({ line, says, stdin }) => stdin === undefined && line.length < 100_000 && says !== "not UTF-8"
      )
      for (const { line, says } of lines) {
        const verb = line.startsWith("byteback-restore")
          ? "restore"
          : / --list/.test(line)
            ? "list"
            : / --sender/.test(line)
              ? "pull"
              : "push"
        const { code, stderr, stdout } = yield* direct(line, verb)
        const refusal = findRefusal(stderr)
        assert.deepStrictEqual([code, stdout], [refusal?.code, ""], `${line}: ${stderr}`)
        assert.include(refusal?.message, says, line)
        seen.push(stderr)
      }
      return { outcome: `${lines.length} lines, each refused in the same words`, saw: seen }
    })
  },
  {
    area,
    name: "another program, another user, a shell",
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const seen: Array<string> = []
      for (const argv of [
        ["sudo", "-n", "/bin/sh"],
        ["sudo", "-n", "-s"],
        ["sudo", "-n", "-u", "daemon", "--", helper, "ping", "attacker"],
        ["sudo", "-n", "--", "/usr/bin/byteback", "prune"],
        ["sudo", "-n", "-e", "/etc/shadow"],
        ["sudo", "-n", "LD_PRELOAD=/tmp/x", "--", helper, "ping", "attacker"]
      ]) {
        const { code, stderr, stdout } = yield* server.run(argv, { user: "byteback" })
        assert.strictEqual(code, 1, argv.join(" "))
        assert.match(stderr, /^sudo: (?:a password is required|sorry, you are not allowed to set .*: LD_PRELOAD)\n$/)
        seen.push(stdout, stderr)
      }
      return { outcome: "denied by sudo", saw: seen }
    })
  },
  {
    area,
    name: "the helper not as root",
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const { code, stderr } = yield* server.run([helper, "ping", "attacker"], { user: "byteback" })
      assert.deepStrictEqual([code, findRefusal(stderr)?.code], [12, 12])
      assert.include(stderr, "byteback-priv is for root; the server's sshd starts it")
      return { outcome: "12: byteback-priv is for root", saw: [stderr] }
    })
  },
  {
    area,
    name: "a hostile environment",
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const env = {
        BYTEBACK_REQUEST: twins.ping,
        NODE_OPTIONS: "--require=/tmp/evil.js",
        LD_PRELOAD: "/tmp/evil.so"
      }
      yield* server.write("/tmp/evil.js", 'require("fs").writeFileSync("/tmp/was-here", "x")\n', { mode: "0644" })
      const { code } = yield* server.run(
        ["/usr/bin/env", "PATH=/tmp", "/usr/bin/sudo", "-n", "--", helper, "ping", "attacker"],
        { user: "byteback", env, clearEnv: true }
      )
      assert.strictEqual(code, 0)
      assert.isFalse(yield* server.exists("/tmp/was-here"))
      return { outcome: "sudo gave the helper none of it", saw: [] }
    })
  }
]
