// What a hostile server may try against a client that restores from it or backs up to it.
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { backupWords } from "../e2e/pair.ts"
import type { RunResult } from "../lab/Lab.ts"
import type { Deed } from "./deed.ts"
import { greeting, sent, type SentEntry, sentFiles, sentList } from "./rawSend.ts"
import { Siege } from "./siege.ts"

const area = "Server"

/** Runs a command of the client while a script of the server's stands in for one of byteback's own programs, by its path. */
const against = Effect.fnUntraced(function* (path: string, script: string, argv: ReadonlyArray<string>) {
  const { attacker, server } = yield* Siege
  yield* server.ok(["sh", "-c", 'mv "$1" "$1.good" && cat >"$1" && chmod 755 "$1"', "sh", path], { stdin: script })
  const result = yield* attacker
    .run(argv, { timeout: 60_000 })
    .pipe(Effect.ensuring(Effect.ignore(server.ok(["mv", `${path}.good`, path]))))
  return result
})

const restoreWords = (...more: ReadonlyArray<string>) => ["byteback", "restore", "/data", "--to", "/restored", ...more]

/** What changed on the client beside what it restores to. */
const changedElsewhere =
  "find /etc /root /home /data /srv /elsewhere /tmp -xdev -cnewer /stamp -not -type d; find / /tmp -maxdepth 1 -name 'escaped*'"

/** A restore from such a server: what came of it, and that nothing outside of its directory was touched. */
const restoreFrom = Effect.fnUntraced(function* (script: string, ...more: ReadonlyArray<string>) {
  const { attacker } = yield* Siege
  yield* attacker.ok(["sh", "-c", "rm -rf /restored; mkdir -p /elsewhere; touch /stamp; sleep 0.02"])
  const result = yield* against("/usr/lib/byteback/run-pull", script, restoreWords(...more))
  assert.strictEqual(yield* attacker.ok(["sh", "-c", changedElsewhere]), "", result.stderr)
  assert.strictEqual(yield* attacker.ok(["ls", "-A", "/elsewhere"]), "")
  assert.match(result.stdout + result.stderr, /^[\x20-\x7e\n\r]*$/, "no control byte reaches the terminal")
  return result
})

/** What is said is a line of ours, and not a stack trace. */
const assertOurs = ({ stderr }: RunResult, says: RegExp) => {
  assert.match(stderr.trim().split("\n").at(-1)!, /^byteback: /)
  assert.match(stderr, says)
  assert.notMatch(stderr, /\n {4}at /)
}

/** What came, beside the mark that a restore leaves of its own until it has ended well. */
const inRestored = Effect.gen(function* () {
  const { attacker } = yield* Siege
  const found = yield* attacker.ok([
    "sh",
    "-c",
    "cd /restored && find . ! -name .byteback-unfinished -printf '%P %y %#m\\n' | sort"
  ])
  return found.trim().split("\n").slice(1)
})

/**
 * rsync's sender as it never was: says its list, waits a little for directories to be made, and sends what nobody asked
 * for. One that is `eager` does not wait to hear what is wanted.
 */
const rawSender = Effect.fnUntraced(function* (entries: ReadonlyArray<SentEntry>, eager = false) {
  const { server } = yield* Siege
  const list = sentList(entries)
  yield* server.write("/evil/greeting", eager ? Buffer.concat([greeting, list]) : greeting)
  yield* server.write("/evil/list", eager ? "" : list)
  yield* server.write("/evil/files", sentFiles(entries))
  return `#!/bin/sh
exec 3<&0
cat <&3 >/dev/null &
cat /evil/greeting
sleep 0.2
cat /evil/list
sleep 0.2
cat /evil/files
sleep 0.2
kill $!
`
})

const { device, directory, file, link } = sent

const refusal = /the server sent names that it was not asked for or that lead elsewhere.*nothing was written outside/

const lists: ReadonlyArray<
  readonly [name: string, entries: ReadonlyArray<SentEntry>, eager?: boolean, ...words: ReadonlyArray<string>]
> = [
  ["a name that was not asked for", [directory("data"), file("escaped")]],
  ["a name that was not asked for, before it has heard what was", [directory("data"), file("escaped")], true],
  ["a directory that was not asked for", [directory("data"), directory("etc"), file("etc/escaped")]],
  [
    "a directory that was not asked for, before it has heard what was",
    [directory("data"), directory("etc"), link("etc/escaped", "/elsewhere")],
    true
  ],
  [
    "a name that was not asked for, which the user's own rules would let in",
    [directory("data"), file("escaped")],
    ...([true, "--include", "*"] as const)
  ],
  [
    "a name beside those of several that were asked for, which the user's own rules would let in",
    [directory("data"), directory("etc"), file("etc/escaped")],
    ...([true, "/data/hello", "--include", "*"] as const)
  ],
  ["`..` in a name", [file("../escaped"), directory("data")]],
  ["`data/../../x`", [directory("data"), file("data/../../escaped")]],
  ["an absolute name", [file("/escaped"), directory("data")]],
  ["an empty name", [file(""), directory("data")]],
  ["a link, and a file through it", [directory("data"), link("data/door", "/elsewhere"), file("data/door/escaped")]],
  ["a link in place of what was asked for", [link("data", "/elsewhere"), file("data/escaped")]]
]

/** The words that a runner gets for rsync, once those for the sandbox are dropped. */
const rsyncWords =
  'while [ "$1" != rsync ]; do shift; done; for word; do shift; case $word in --confine-root=*) ;; *) set -- "$@" "$word" ;; esac; done'

/** Streams that are no rsync's. */
const streams: ReadonlyArray<readonly [name: string, script: string]> = [
  ["random bytes in place of rsync's protocol", "cat /dev/urandom"],
  ["endless zeros in place of rsync's protocol", "cat /dev/zero"],
  ["an endless text in place of rsync's protocol", "yes evil"],
  ["rsync's greeting, and then an endless text", "cat /evil/greeting; yes evil"],
  ["rsync of the year 1998", "printf '\\021\\0\\0\\0\\0\\0\\0\\0'; sleep 1"]
]

/** A stand-in for the forced command: answers of its own to typed requests, everything else as it should be. */
const answering = (answers: Readonly<Record<string, string>>) => String.raw`#!/usr/bin/perl
use MIME::Base64 "decode_base64url";
my ($json) = map { decode_base64url($_) } $ENV{SSH_ORIGINAL_COMMAND} =~ /^byteback request (\S+)$/;
my ($tag) = $json =~ /"_tag":"(\w+)"/;
${Object.entries(answers)
  .map(([tag, script]) => `if ($tag eq "${tag}") { ${script}; exit }`)
  .join("\n")}
exec "/evil/byteback-receive", @ARGV;
`

const esc = String.raw`\u001b[2J\u009b\u202eevil`
const says = (json: string) => `print q(${json})`
const hello = (fields: string) =>
  says(
    `{"_tag":"hello","protocol":1,"oldest":1,"version":"1","host":"attacker","now":0,"due":null,"token":null${fields}}`
  )
const backup = backupWords()
const snapshots = ["byteback", "snapshots"]

const answers: ReadonlyArray<
  readonly [
    name: string,
    answers: Readonly<Record<string, string>>,
    argv: ReadonlyArray<string>,
    code: number,
    says: RegExp
  ]
> = [
  ["garbage for an answer", { hello: "system('head -c 100000 /dev/urandom')" }, backup, 1, /did not answer as/],
  [
    "an endless line for an answer",
    { hello: "print 'x' x 65536 while 1" },
    snapshots,
    1,
    /said more than is reasonable/
  ],
  ["endless lines for an answer", { snapshots: "exec 'yes'" }, snapshots, 1, /said more than is reasonable/],
  [
    "rows without end that nobody asked for",
    { ls: String.raw`print qq({"_tag":"entry","path":"/etc/x"}\n) while 1` },
    ["byteback", "ls", "/data"],
    1,
    /answered with something that was not asked for/
  ],
  ["an answer to another question", { hello: says('{"_tag":"enrol","host":"x"}') }, snapshots, 1, /an answer to enrol/],
  ["a protocol of the future", { hello: hello(',"protocol":99,"oldest":99') }, backup, 1, /too new for this client/],
  ["no number for a protocol", { hello: hello(',"protocol":"x"') }, backup, 1, /did not answer as/],
  [
    "escapes in a refusal",
    { hello: says(`{"_tag":"refusal","code":12,"message":"${esc}","due":null}`) },
    backup,
    12,
    /\\x1b\[2J/
  ],
  [
    "escapes in the host's name and in a snapshot's",
    {
      hello: hello(`,"host":"${esc}"`),
      complete: says(
        `{"_tag":"complete","snapshot":{"name":"${esc}","at":0,"state":"complete","held":false},"due":null,"token":"${esc}"}`
      )
    },
    backup,
    0,
    /backup of \\x1b\[2J.*: snapshot \\x1b\[2J/
  ],
  [
    "escapes in a list of snapshots",
    {
      snapshots: says(`{"_tag":"snapshots","snapshots":[{"name":"${esc}","at":null,"state":"foreign","held":false}]}`)
    },
    snapshots,
    0,
    /^/
  ],
  [
    "the way out of the directory for a snapshot's name",
    {
      snapshots: says('{"_tag":"snapshots","snapshots":[{"name":"../../etc","at":1,"state":"complete","held":false}]}')
    },
    ["byteback", "restore", "/data", "--snapshot", "../../etc", "--to", "/restored"],
    1,
    /was not made by byteback|no snapshot/
  ]
]

export const serverDeeds: ReadonlyArray<Deed> = [
  {
    area,
    name: "a raw sender that is honest: the twin of those that are not",
    run: Effect.gen(function* () {
      const entries = [directory("data"), device("data/device"), file("data/setuid", 0o104755), file("data/well")]
      const result = yield* restoreFrom(yield* rawSender(entries))
      assert.strictEqual(result.code, 0, result.stderr)
      assert.deepStrictEqual(yield* inRestored, ["data d 0755", "data/setuid f 04755", "data/well f 0644"])
      assert.include(result.stderr, "1 setuid or setgid files")
      return { outcome: "restored; no device was made, the setuid file is reported", saw: [result.stderr] }
    })
  },
  ...lists.map(([name, entries, eager, ...words]): Deed => ({
    area,
    name,
    run: Effect.gen(function* () {
      const result = yield* restoreFrom(yield* rawSender(entries, eager), ...words)
      assert.strictEqual(result.code, 1, result.stderr)
      assertOurs(result, refusal)
      for (const one of yield* inRestored) assert.match(one, /^data(?:\/door)? [dl] /, "nothing but what was asked for")
      return { outcome: "1: the server cannot be trusted; nothing outside", saw: [result.stderr] }
    })
  })),
  ...streams.map(([name, script]): Deed => ({
    area,
    name,
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      yield* server.write("/evil/greeting", greeting)
      const result = yield* restoreFrom(`#!/bin/sh\n${script}\n`)
      assert.strictEqual(result.code, 1, result.stderr)
      assertOurs(result, /do not understand each other|broke off|could not read/)
      assert.isBelow(result.stderr.length, 2000)
      assert.deepStrictEqual(yield* inRestored, [])
      const pushed = yield* against("/usr/lib/byteback/run-push", `#!/bin/sh\n${script}\n`, backup)
      assert.strictEqual(pushed.code, 1, pushed.stderr)
      assertOurs(pushed, /do not understand each other|broke off|could not read/)
      assert.match(pushed.stderr, /^[\x20-\x7e\n]*$/)
      return { outcome: "1: a line, of a restore and of a backup", saw: [result.stderr, pushed.stderr] }
    })
  })),
  {
    area,
    name: "escapes in what rsync says of a file",
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      yield* server.ok([
        "sh",
        "-c",
        "mkdir -p /evil/data; cd /evil/data; echo x >plain; echo x >secret; chmod 600 secret"
      ])
      const script = `#!/bin/sh
${rsyncWords}
printf 'rsync: [sender] send_files \\033[2J\\2332J failed: evil\\n' >&2
cd /evil
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
`
      const result = yield* restoreFrom(script)
      assert.strictEqual(result.code, 3, result.stderr)
      assert.include(result.stderr, "\\x1b[2J")
      assert.deepStrictEqual(yield* inRestored, ["data d 0755", "data/plain f 0644"])
      return { outcome: "3: printed as \\x1b, what came is there", saw: [result.stderr] }
    })
  },
  ...answers.map(([name, stand, argv, code, pattern]): Deed => ({
    area,
    name,
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      yield* attacker.ok(["rm", "-rf", "/restored"])
      yield* server.ok(["sh", "-c", "mkdir -p /evil && ln -sf /usr/lib/byteback/byteback.cjs /evil/byteback-receive"])
      const { stderr, stdout, ...result } = yield* against("/usr/bin/byteback-receive", answering(stand), argv)
      assert.strictEqual(result.code, code, stderr)
      assert.match(stdout + stderr, /^[\x20-\x7e\n]*$/)
      assert.match(stderr, pattern)
      assert.isBelow(stderr.length, 2000)
      assert.notMatch(stderr, /\n {4}at /)
      return { outcome: `${code}: printable, and short`, saw: [stdout, stderr] }
    })
  }))
]
