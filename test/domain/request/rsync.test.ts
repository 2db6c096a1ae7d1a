// The real rsync: its client's own lines pass the grammar, and the server that is run in their place serves it.
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const version = /version (\S+)/.exec(spawnSync("rsync", ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1]

const request = (file: string): string =>
  JSON.stringify(new URL(`../../../src/domain/request/${file}`, import.meta.url))

/** Stands in for ssh, sshd and the helper: parses the line, twice, and runs what comes of it in $SERVED. */
const remoteShell = `
import { readSync, appendFileSync } from "node:fs"
const { parse, parseSecluded } = await import(${request("parse.ts")})
const { print } = await import(${request("print.ts")})
const { rsyncArgv } = await import(${request("rsyncArgv.ts")})
const line = process.argv.slice(3).join(" ")
appendFileSync(process.env.LINES, line + "\\n")
const get = (parsed) => {
  if (parsed.ok) return parsed.value
  process.stderr.write("byteback: " + parsed.refusal.message + "\\n")
  process.exit(12)
}
let request = get(parse(line))
if (request._tag === "Secluded") {
  const bytes = []
  const byte = Buffer.alloc(1)
  while (bytes.length < 16384 && readSync(0, byte) === 1) {
    bytes.push(byte[0])
    if (byte[0] === 0 && (bytes.length === 1 || bytes.at(-2) === 0)) break
  }
  request = get(parseSecluded(request, Uint8Array.from(bytes)))
}
const argv = rsyncArgv(get(parse(print(request))), ${JSON.stringify(version ?? "")})
process.chdir(process.env.SERVED)
process.execve("/usr/bin/rsync", argv, { PATH: "/usr/bin:/bin" })
`

describe.skipIf(version === undefined)(`rsync ${version}`, () => {
  let root = ""
  const at = (...path: ReadonlyArray<string>) => join(root, ...path)
  const rsync = (served: string, ...args: ReadonlyArray<string>) => {
    writeFileSync(at("lines"), "")
    const { status, stderr, stdout } = spawnSync("rsync", [`--rsh=${process.execPath} ${at("rsh.mjs")}`, ...args], {
      cwd: root,
      encoding: "utf8",
      env: {
        PATH: "/usr/bin:/bin",
        SERVED: at(served),
        LINES: at("lines"),
        NODE_OPTIONS: "--disable-warning=ExperimentalWarning"
      }
    })
    return { status, stderr, stdout, line: readFileSync(at("lines"), "utf8").trim() }
  }
  const fresh = (name: string): string => {
    rmSync(at(name), { recursive: true, force: true })
    mkdirSync(at(name))
    return `${at(name)}/`
  }

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "byteback-request-"))
    writeFileSync(at("rsh.mjs"), remoteShell)
    mkdirSync(at("source/etc"), { recursive: true })
    for (const name of ["file", "a b", "a*b", "a\\b", "-x", "é", "a~^`"]) writeFileSync(at("source/etc", name), name)
    symlinkSync("file", at("source/etc/link"))
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const backup = "--archive --hard-links --numeric-ids --relative --delete-during --delete-excluded --inplace --stats"
  for (const [name, extra, says] of [
    ["a backup", [], /^rsync --fake-super --server -lHogDtprRe\.\S* /],
    ["a verbose one with progress", ["-vv", "--info=progress2"], /^rsync --fake-super --server -vvl/],
    ["one without devices", ["--no-devices"], /^rsync --fake-super --server -lHogt\S* --specials /],
    ["one without sockets", ["--no-specials"], /^rsync --fake-super --server -lHogDt\S* --no-specials /],
    ["a secluded one", ["--secluded-args"], /^rsync --fake-super --server -sl\S*$/]
  ] as const)
    it(`${name} goes to where the server is, with --fake-super, whatever its destination`, () => {
      fresh("current")
      const options = [...backup.split(" "), "--timeout=60", "--rsync-path=rsync --fake-super", ...extra]
      const { line, status, stderr } = rsync("current", ...options, "source/./etc", "host:/store/else where")
      assert.strictEqual(status, 0, stderr)
      assert.match(line, says)
      assert.deepStrictEqual(readdirSync(at("current/etc")).toSorted(), readdirSync(at("source/etc")).toSorted())
      // A symlink became a plain file: that is what fake-super makes of it.
      assert.isTrue(readdirSync(at("current/etc"), { withFileTypes: true }).every((entry) => entry.isFile()))
      assert.deepStrictEqual(readdirSync(root).includes("store"), false)
    })

  for (const [name, args, got] of [
    ["the seed's line", ["-Prat", "--rsync-path=rsync --fake-super", "host:etc/file"], ["file"]],
    ["a snapshot in the path", ["-a", "host:latest/etc/file"], ["file"]],
    ["a blank", ["-a", "host:latest/etc/a b"], ["a b"]],
    ["a hyphen", ["-a", "host:latest/etc/-x"], ["-x"]],
    ["a literal star", ["-a", "host:latest/etc/a\\*b"], ["a*b"]],
    ["a backslash", ["-a", "host:latest/etc/a\\b"], ["a\\b"]],
    ["beyond ASCII", ["-a", "host:latest/etc/é"], ["é"]],
    ["two", ["-a", "host:latest/etc/file", "host:latest/etc/-x"], ["-x", "file"]],
    ["what is in a directory", ["-a", "host:latest/etc/"], ["-x", "a b", "a*b", "a\\b", "a~^`", "file", "link", "é"]],
    ["a directory", ["-a", "host:/latest/etc"], ["etc"]],
    ["all", ["-a", "host:latest/"], ["etc"]],
    ["--relative after /./", ["-aR", "host:latest/./etc/file"], ["etc"]],
    ["secluded: blanks", ["-as", "host:latest/etc/a b"], ["a b"]],
    ["secluded: a literal star", ["-as", "host:latest/etc/a\\*b"], ["a*b"]],
    ["secluded: a backslash", ["-as", "host:latest/etc/a\\b"], ["a\\b"]],
    ["secluded: what a client leaves to a shell", ["-as", "host:latest/etc/a~^`"], ["a~^`"]]
  ] as const)
    it(`a restore of ${name}`, () => {
      const { status, stderr } = rsync("source", ...args, fresh("target"))
      assert.strictEqual(status, 0, stderr)
      assert.deepStrictEqual(readdirSync(at("target")).toSorted(), [...got])
    })

  for (const [name, path, listed] of [
    ["a directory", "latest/etc/", [".", "-x", "a b", "a*b", "a\\b", "a~^`", "file", "link", "\\#303\\#251"]],
    ["a file", "latest/etc/file", ["file"]],
    ["a path of latest", "etc/file", ["file"]]
  ] as const)
    it(`a listing of ${name}`, () => {
      const { status, stderr, stdout } = rsync("source", "--list-only", `host:${path}`)
      assert.strictEqual(status, 0, stderr)
      const names = stdout.trimEnd().split("\n")
      assert.deepStrictEqual(names.map((row) => row.slice(46)).toSorted(), [...listed].toSorted())
    })

  it("our refusal is what its user reads", () => {
    for (const [args, message] of [
      [["-a", "host:latest/../x"], 'byteback: a path may not hold ".."'],
      [["-as", "host:latest/../x"], 'byteback: a path may not hold ".."'],
      [["-a", "--copy-links", "host:latest/etc"], 'byteback: the option is not allowed: "-L"']
    ] as const) {
      const { status, stderr } = rsync("source", ...args, fresh("target"))
      assert.strictEqual(status, 12, stderr)
      assert.include(stderr, message)
    }
  })
})
