// The lines that real clients send are understood, and each attack on the grammar is refused in words of our own.
import { assert, describe, it } from "@effect/vitest"
import { encodeBase64url } from "../../../src/domain/request/base64url.ts"
import { maxTyped, parse, parseSecluded } from "../../../src/domain/request/parse.ts"
import { print } from "../../../src/domain/request/print.ts"
import type { Request, Secluded } from "../../../src/domain/request/request.ts"
import { snapshotOf } from "../../../src/domain/request/request.ts"
import { rsyncArgv } from "../../../src/domain/request/rsyncArgv.ts"
import { recordings } from "./recorded.ts"

const accepted = (line: string): Request => {
  const parsed = parse(line)
  if (!parsed.ok) assert.fail(parsed.refusal.message)
  return parsed.value
}

const refusal = (parsed: ReturnType<typeof parse>): string => {
  if (parsed.ok) assert.fail(`accepted as ${print(parsed.value)}`)
  return parsed.refusal.message
}

const argvOf = (line: string): string => {
  const request = accepted(line)
  if (request._tag !== "Push" && request._tag !== "Pull" && request._tag !== "Restore") assert.fail(request._tag)
  return rsyncArgv(request, "3.5.0").join(" ")
}

const bytes = (...args: ReadonlyArray<string>): Uint8Array => new TextEncoder().encode(`${args.join("\0")}\0\0`)

const secluded = (line: string): Secluded => {
  const request = accepted(line)
  if (request._tag !== "Secluded") assert.fail(request._tag)
  return request
}

describe("what clients in the field send", () => {
  for (const [line, request] of [
    ["byteback-receive --ping", { _tag: "Ping", verbose: false }],
    ["byteback-receive --ping ", { _tag: "Ping", verbose: false }],
    ["byteback-receive --ping --verbose", { _tag: "Ping", verbose: true }],
    ["byteback-receive --ping --verbose ", { _tag: "Ping", verbose: true }],
    ["byteback-receive --complete", { _tag: "Complete", verbose: false }],
    ["byteback-receive --complete ", { _tag: "Complete", verbose: false }],
    [
      "byteback-receive --snapshot * --list --all --verbose /etc/my=20file h*s",
      { _tag: "List", snapshot: "*", all: true, verbose: true, paths: ["etc/my file", "h*s"] }
    ],
    ["byteback-receive --list /", { _tag: "List", snapshot: "*", all: false, verbose: false, paths: ["."] }],
    [
      "byteback-receive --snapshot 2014-03-01T01:02+0100 --list {a,b}[c]?",
      { _tag: "List", snapshot: "2014-03-01T01:02+0100", all: false, verbose: false, paths: ["{a,b}[c]?"] }
    ],
    [
      "rsync --fake-super --server -vlogDtpXrRe.iLsfxCIvu --timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace . /store/backups",
      {
        _tag: "Push",
        letters: "vlogDtpXrR",
        client: ".iLsfxCIvu",
        options: ["--delete-during", "--delete-excluded", "--numeric-ids", "--inplace"].map((name) => ({ name })),
        timeout: 10_800
      }
    ],
    [
      "byteback-restore --fake-super --snapshot * --all --server --sender -logDtprRze.iLsfxCIvu --timeout=300 --numeric-ids --inplace . /etc/a=20b srv",
      {
        _tag: "Restore",
        snapshot: "*",
        all: true,
        letters: "logDtprRz",
        client: ".iLsfxCIvu",
        options: ["--numeric-ids", "--inplace"].map((name) => ({ name })),
        timeout: 300,
        paths: ["etc/a b", "srv"]
      }
    ],
    [
      "rsync --fake-super --server --sender -logDtpre.iLsfxCIvu . path/to/my\\ file",
      { _tag: "Pull", letters: "logDtpr", client: ".iLsfxCIvu", options: [], paths: [{ path: "path/to/my file" }] }
    ],
    [
      "rsync --fake-super --server --sender -slogDtpre.iLsfxCIvu",
      { _tag: "Secluded", of: { _tag: "Pull" }, letters: "logDtpr", client: ".iLsfxCIvu" }
    ]
  ] as const)
    it(line, () => {
      assert.deepStrictEqual(accepted(line), request as unknown as Request)
    })
})

describe("what rsync sends, as recorded, is what its user asked for", () => {
  for (const { asked, line, means, only, secluded: sent } of recordings)
    it(`${asked}${only === undefined ? "" : `, of rsync ${only}`}`, () => {
      const parsed = sent === undefined ? parse(line) : parseSecluded(secluded(line), bytes(...sent))
      if (typeof means === "string") return assert.strictEqual(refusal(parsed), means)
      assert.deepStrictEqual(parsed, { ok: true, value: means })
      assert.deepStrictEqual(accepted(print(means)), means)
    })
})

describe("what is run", () => {
  it("is canonical: our options last, paths after --", () => {
    assert.strictEqual(
      argvOf("rsync --server -lHogDtpAXrRe.iLsfxCIvu --timeout=10800 --delete-during --inplace . /store/x"),
      "rsync --server -lHogDtpAXrRe.iLsfxCIvu --delete-during --inplace --timeout=3600 --fake-super --confine-root=/data -- . ."
    )
    assert.strictEqual(
      argvOf("rsync --server --sender -logDtpre.iLsfxCIvu . latest/etc/./x /latest//srv/ ./latest"),
      "rsync --server --sender -logDtpre.iLsfxCIvu --timeout=3600 --fake-super --confine-root=/data -- . etc/./x srv/ ."
    )
    assert.strictEqual(
      argvOf("byteback-restore --snapshot current --server --sender -l --timeout=5 . /"),
      "rsync --server --sender -l --timeout=600 --fake-super --confine-root=/data -- . ."
    )
    assert.strictEqual(
      argvOf("rsync --server --sender . ./-rf"),
      "rsync --server --sender --timeout=3600 --fake-super --confine-root=/data -- . ./-rf"
    )
  })

  it("names --confine-root only to an rsync that knows it", () => {
    const request = accepted("rsync --server -l . .")
    if (request._tag !== "Push") assert.fail(request._tag)
    for (const [version, knows] of [
      ["3.2.7", false],
      ["3.4.4", false],
      ["3.5.0", true],
      ["3.10.1", true],
      ["4.0.0pre1", true],
      ["", false]
    ] as const)
      assert.strictEqual(rsyncArgv(request, version).includes("--confine-root=/data"), knows, version)
  })

  it("reads one snapshot: the one named, else latest", () => {
    for (const [line, snapshot] of [
      ["rsync --server --sender . etc", "latest"],
      ["rsync --server --sender . etc latest/srv", "latest"],
      ["rsync --server --sender . current/etc", "current"],
      ["rsync --server --sender . /2026-11-23T17:52+0000/etc", "2026-11-23T17:52+0000"],
      ["rsync --server --sender . 2026-02-30T17:52+0000/etc", "latest"],
      ["byteback-restore --snapshot * --server --sender . etc", "latest"],
      ["byteback-restore --snapshot current --server --sender . latest", "current"],
      ["byteback-restore --snapshot saved-do-not-delete --server --sender . latest", "saved-do-not-delete"],
      ["rsync --server --sender . saved-do-not-delete/x", "latest"]
    ] as const) {
      const request = accepted(line)
      if (request._tag !== "Pull" && request._tag !== "Restore") assert.fail(request._tag)
      assert.strictEqual<string>(snapshotOf(request), snapshot, line)
    }
  })
})

const typed = (bytesOfJson: Uint8Array): string => `byteback request ${encodeBase64url(bytesOfJson)}`

/** A push and a pull that would be accepted but for these words. */
const push = (word: string) => `rsync --server -logDtpre.iLsfxCIvu ${word} . .`
const pull = (word: string) => `rsync --server --sender -logDtpre.iLsfxCIvu ${word} . latest/etc`

describe("what is refused, and how", () => {
  for (const [line, message] of [
    // the lexer
    ["", "no command was given"],
    [". .;id", 'only a shell would understand, without a backslash before it: ";"'],
    ["rsync --server -l . .\n", 'control characters are not allowed: "rsync --server -l . .\\x0a"'],
    ["rsync --server -l . \x7f", "control characters"],
    ["rsync\t--server -l . .", "control characters"],
    ["rsync --server -l . \x1b[2J", "control characters"],
    ["byteback-receive --list a\0b", "control characters"],
    ["rsync --server --sender . $(id)", 'only a shell would understand, without a backslash before it: "$"'],
    ["rsync --server --sender . `id`", 'before it: "`"'],
    ["rsync --server --sender . 'x", 'before it: "\'"'],
    ['rsync --server --sender . "x', 'before it: """'],
    ["rsync --server --sender . x\\", "the command ends in a backslash"],
    ["rsync --server --sender . ~/x", 'before it: "~"'],
    ["rsync --server --sender . a*", 'before it: "*"'],
    ["rsync --server --sender . {a,b}", 'before it: "{"'],
    ["byteback-receive --ping; id", 'before it: ";"'],
    ["byteback-receive --list $(id)", 'before it: "$"'],
    [`rsync --server --sender . ${"x".repeat(1 << 20)}`, "longer than 16384 bytes"],
    [`rsync --server --sender . ${"é".repeat(8192)}`, "longer than 16384 bytes"],
    [
      "rsync --server --sender . a\uFFFDb",
      'not UTF-8; names of other bytes are restored with byteback restore: "rsync'
    ],
    ["rsync --server --sender . \uD800", "not UTF-8"],
    [" rsync --server -l . .", "begins with a blank"],
    ["./rsync --server -l . .", 'not one that this server knows: "./rsync"'],
    ["/usr/bin/rsync --server -l . .", 'not one that this server knows: "/usr/bin/rsync"'],
    ["RSYNC --server -l . .", 'not one that this server knows: "RSYNC"'],
    ["scp -t .", 'not one that this server knows: "scp"'],
    ["byteback-setup-client-receive h ssh-rsa AAAA c", "not one that this server knows"],
    // requests of our own
    ["byteback request", "not one that this server knows"],
    ["byteback request ", "not base64url"],
    ["byteback request e30=", "not base64url"],
    ["byteback request e30 e30", "not base64url"],
    ["byteback request e31", "not base64url"],
    [typed(Uint8Array.of(0xff)), "not UTF-8"],
    [typed(new Uint8Array(maxTyped + 1).fill(0x20)), "longer than 65536 bytes"],
    // receive
    ["byteback-receive", "expected one of --ping, --complete and --list"],
    ["byteback-receive --ping --complete", 'a word too many: "--complete"'],
    ["byteback-receive --complete --list x", 'a word too many: "--list"'],
    ["byteback-receive --list --ping x", 'the option is not allowed here: "--ping"'],
    ["byteback-receive --list", "no path was given"],
    ["byteback-receive --snapshot ../other/current --list x", 'not the name of a snapshot: "../other/current"'],
    ["byteback-receive --snapshot 2026-02-30T00:00+0000 --list x", "not the name of a snapshot"],
    ["byteback-receive --list ../x", 'a path may not hold ".."'],
    ["byteback-receive --list =2E=2E/x", 'a path may not hold ".."'],
    ["byteback-receive --list a=00b", 'a path may not hold a NUL: "a\\x00b"'],
    ["byteback-receive --list a=2fb", 'the path is not quoted-printable: "a=2fb"'],
    ["byteback-receive --list a=", "not quoted-printable"],
    ["byteback-receive --list =FF", "not quoted-printable"],
    ["byteback-receive --list é", 'the path is not quoted-printable: "\\xc3\\xa9"'],
    // a push
    ["rsync", "expected --server"],
    ["rsync --daemon --config=/x", 'expected --server: "--daemon"'],
    ["rsync -a src /dst", 'expected --server: "-a"'],
    ["rsync --server --daemon .", 'the option is not allowed: "--daemon"'],
    ["rsync --server -slogDtpr --timeout=5 . .", 'a word too many before secluded arguments: "--timeout=5"'],
    ["rsync --server -ssl", 'the option is not allowed: "-s"'],
    [push("--secluded-args"), 'not allowed: "--secluded-args"'],
    ["rsync --server -e/bin/sh . .", 'the option -e may only tell what the client can do: "e/bin/sh"'],
    ["rsync --server -vesh . .", 'the option -e may only tell what the client can do: "esh"'],
    ["rsync --server -logDtpre --fake-super . .", 'the option -e may only tell what the client can do: "e"'],
    ["rsync --server -le3 . .", "the option -e may only tell"],
    ["rsync --server -le.i -e.i . .", 'not allowed: "-e.i"'],
    [`rsync --server -l${"v".repeat(70)} . .`, "longer than 64 characters"],
    ["rsync --server - . .", "a hyphen alone"],
    ["rsync --server --server -l . .", 'not allowed: "--server"'],
    [push("--server"), 'not allowed: "--server"'],
    [push("--sender"), 'not allowed: "--sender"'],
    [push("--log-file=/x"), 'not allowed: "--log-file"'],
    [push("--backup-dir ../x"), 'not allowed: "--backup-dir"'],
    [push("--partial-dir=/x"), 'not allowed: "--partial-dir"'],
    [push("--temp-dir=/x"), 'not allowed: "--temp-dir"'],
    [push("--copy-dest=/x"), 'not allowed: "--copy-dest"'],
    [push("--link-dest=/x"), 'not allowed: "--link-dest"'],
    [push("--compare-dest=/x"), 'not allowed: "--compare-dest"'],
    ["rsync --server -lKr . .", 'not allowed: "-K"'],
    ["rsync --server -lLr . .", 'not allowed: "-L"'],
    ["rsync --server -lkr . .", 'not allowed: "-k"'],
    ["rsync --server -lXX . .", 'may be given once: "-X"'],
    ["rsync --server -vvvv . .", 'three times at most: "-v"'],
    ["rsync --server -lB1000 . .", 'not allowed: "-B"'],
    ["rsync --server -lT/x . .", 'not allowed: "-T"'],
    ["rsync --server -M--super . .", 'not allowed: "-M"'],
    [push("--super"), 'not allowed: "--super"'],
    ["rsync --fake-super --super --server -l . .", 'expected --server: "--super"'],
    ["byteback-push --server -l . .", 'expected --protocol=N: "--server"'],
    ["byteback-push --protocol=1 --fake-super --server -l . .", 'expected --server: "--fake-super"'],
    ["byteback-push --protocol=1 --server --sender -l . .", 'not allowed: "--sender"'],
    ["byteback-push --protocol=0 --server -l . .", "too far apart"],
    ["byteback-push --protocol=01 --server -l . .", "expected --protocol=N"],
    ["byteback-push --protocol=99 --server -l . .", "too far apart"],
    ["byteback-push --protocol=1\\;id --server -l . .", "expected --protocol=N"],
    ["byteback-push --protocol=1 --server -l . *", "a character that only a shell would understand"],
    [push("--fake-super"), 'not allowed: "--fake-super"'],
    [push("--no-fake-super"), 'not allowed: "--no-fake-super"'],
    [push("--chmod=a+s"), 'not allowed: "--chmod"'],
    [push("--usermap=\\*:root"), 'not allowed: "--usermap"'],
    [push("--groupmap=0:1"), 'not allowed: "--groupmap"'],
    [push("--copy-as=root"), 'not allowed: "--copy-as"'],
    [push("--preallocate"), 'not allowed: "--preallocate"'],
    [push("--max-alloc=0"), 'not allowed: "--max-alloc"'],
    [push("--timeout=0"), 'the value of the option is not allowed: "--timeout=0"'],
    [push("--timeout=9999999999"), "the value of the option is not allowed"],
    [push("--timeout 600"), 'the option needs a value after =: "--timeout"'],
    [push("--timeout=007"), "the value of the option is not allowed"],
    [push("--max-delete=-1"), "the value of the option is not allowed"],
    [push("--write-devices"), 'not allowed: "--write-devices"'],
    [push("--write-batch=x"), 'not allowed: "--write-batch"'],
    [push("--read-batch=x"), 'not allowed: "--read-batch"'],
    [push("--only-write-batch=X"), 'not allowed: "--only-write-batch"'],
    [push("--files-from=/etc/shadow"), 'the value of the option is not allowed: "--files-from=/etc/shadow"'],
    [push("--files-from list"), "needs a value after ="],
    [push("--exclude-from=/etc/shadow"), 'not allowed: "--exclude-from"'],
    [push("--filter=x"), 'not allowed: "--filter"'],
    [push("--iconv=latin1"), 'not allowed: "--iconv"'],
    [push("--rsh=sh"), 'not allowed: "--rsh"'],
    ["rsync --server -l . a b", 'more than one destination: "b"'],
    ["rsync --server -l .", "no destination was given"],
    ["rsync --server -l", 'expected "." after the options'],
    ["rsync --server -l . -x", 'a path may not begin with a hyphen: "-x"'],
    [push("--insecure-links"), 'not allowed: "--insecure-links"'],
    [push("--confine-root=/"), 'not allowed: "--confine-root"'],
    [push("--stderr=all"), 'not allowed: "--stderr"'],
    [push("--debug=ALL"), 'not allowed: "--debug"'],
    [push("--info=ALL"), 'not allowed: "--info"'],
    [push("--log-format=%i\x1b"), "control characters"],
    [push("--log-format=%n"), "the value of the option is not allowed"],
    [push("--compress-choice=../x"), "the value of the option is not allowed"],
    [push("--inplace --inplace"), 'the option is given twice: "--inplace"'],
    [push("--inpl"), 'not allowed: "--inpl"'],
    [push("--delete=x"), 'the option takes no value: "--delete=x"'],
    [push("--ignore-missing-args"), 'not allowed: "--ignore-missing-args"'],
    [push("--"), 'not allowed: "--"'],
    [push("--constructor"), 'not allowed: "--constructor"'],
    // a restore
    ["byteback-restore --fake-super --snapshot latest --server -l . x", "expected --server --sender"],
    ["byteback-restore --snapshot latest . x", 'expected --server --sender: "."'],
    ["byteback-restore --snapshot ../other/current --server --sender -l . x", "not the name of a snapshot"],
    ["byteback-restore --snapshot .new-2026-11-23T17:52+0000 --server --sender -l . x", "not the name of a snapshot"],
    ["byteback-restore --snapshot latest/.. --server --sender -l . x", "not the name of a snapshot"],
    ["byteback-restore --snapshot latest\n --server --sender -l . x", "control characters"],
    ["byteback-restore --snapshot", 'not the name of a snapshot: ""'],
    ["byteback-restore --snapshot * --snapshot latest --server --sender -l . x", "given twice"],
    ["byteback-restore --server --sender -l . x*", 'patterns are not expanded in a restore: "x*"'],
    ["byteback-restore --server --sender -l .", "no path was given"],
    ["byteback-restore --server --sender -l . =2E./x", 'a path may not hold ".."'],
    [pull("--remove-source-files"), 'not allowed: "--remove-source-files"'],
    [pull("--delete"), 'not allowed: "--delete"'],
    [pull("--log-file=/x"), 'not allowed: "--log-file"'],
    ["rsync --server --sender -l .", "no path was given"],
    ["rsync --server --sender -l . latest/../../other", 'a path may not hold ".."'],
    ["rsync --server --sender -l . x --server", 'a path may not begin with a hyphen: "--server"'],
    [
      "rsync --server --sender -l . latest/a current/a",
      'one session restores from one snapshot; this is another: "current"'
    ],
    ["rsync --server --sender -l . current/a b", 'this is another: "latest"'],
    [`rsync --server --sender -l .${" a".repeat(10_000)}`, "longer than 16384 bytes"]
  ] as const)
    it(JSON.stringify(line.length > 90 ? `${line.slice(0, 90)}...` : line), () => {
      const said = refusal(parse(line))
      assert.include(said, message)
      assert.match(said, /^[\x20-\x7e]{1,400}$/)
    })

  const pullHead = "rsync --server --sender -slogDtpre.iLsfxCIvu"
  const pushHead = "rsync --server -slogDtpre.iLsfxCIvu"
  for (const [head, sent, message] of [
    [pullHead, bytes("rsync", ".", "../other/current"), 'a path may not hold ".."'],
    [pushHead, bytes("rsync", "--fake-super", "--super", ".", "../other/current"), 'not allowed: "--fake-super"'],
    [pushHead, bytes("rsync", "-K", ".", "."), 'not allowed: "-K"'],
    [pushHead, bytes("rsync", "--backup-dir", "../other", ".", "."), 'not allowed: "--backup-dir"'],
    [pullHead, bytes("rsync", "--files-from", "/etc/shadow", ".", "."), "needs a value"],
    [pullHead, bytes("rsync", ".", "a*"), 'patterns are not expanded in a restore: "a*"'],
    [pullHead, bytes("rsync", ".", "a\\\\*"), "patterns are not expanded"],
    [pullHead, bytes("rsync", ".", "a\nb"), 'control characters are not allowed: "a\\x0ab"'],
    [pullHead, bytes("rsync", ".", "a\uFFFD"), "not UTF-8"],
    [pullHead, Uint8Array.of(0x72, 0xff, 0, 0), "not UTF-8"],
    [pullHead, bytes("sh", "-c", "id"), 'do not begin with "rsync"'],
    [pullHead, bytes("rsync", ".", "", "x"), "an argument is empty"],
    [pullHead, new TextEncoder().encode("rsync\0.\0x\0"), "do not end in an empty one"],
    [pullHead, new Uint8Array(0), "do not end in an empty one"],
    [pullHead, Uint8Array.of(0), 'do not begin with "rsync"'],
    [pullHead, bytes("rsync", ".", "x".repeat(20_000)), "longer than 16384 bytes"],
    [pullHead, bytes("rsync", ".", " ".repeat(10_000)), "in its plainest form, is longer than 16384 bytes"]
  ] as const)
    it(`secluded: ${JSON.stringify(new TextDecoder().decode(sent.slice(0, 60)))}`, () => {
      assert.include(refusal(parseSecluded(secluded(head), sent)), message)
    })
})

describe("names that need care", () => {
  it("a part with a pattern in secluded arguments loses its backslashes, as in rsync; another keeps them", () => {
    const parsed = parseSecluded(secluded("rsync --server --sender -sl"), bytes("rsync", ".", "a\\b/c\\*\\d/{e}~"))
    if (!parsed.ok || parsed.value._tag !== "Pull") assert.fail("refused")
    assert.deepStrictEqual(parsed.value.paths, [{ path: "a\\b/c*d/{e}~" }])
  })

  it("a typed request may be 64 KiB, more than any other line", () => {
    const json = " ".repeat(maxTyped)
    assert.deepStrictEqual(accepted(typed(new TextEncoder().encode(json))), { _tag: "Typed", json })
  })

  it("an escaped character is itself, everywhere", () => {
    assert.deepStrictEqual(accepted("rs\\ync \\-\\-server -l . \\."), accepted("rsync --server -l . ."))
  })
})
