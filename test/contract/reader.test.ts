// The server's reader on real directories, run as its own program: what it says when there is much, or when something cannot be read.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import type { Reading } from "../../src/domain/request/reading.ts"
import { printReading } from "../../src/domain/request/reading.ts"
import { formatSnapshotName, type SnapshotRef } from "../../src/domain/snapshotName.ts"

const root = process.getuid?.() === 0
if (!root) console.warn("test/contract/reader: skipped, snapshots are told by root's owning them")

const reader = join(import.meta.dirname, "../../bin/reader.ts")
const latest = "latest" as SnapshotRef
const firstDay = Date.UTC(2026, 0, 1) / 1000

const made: Array<string> = []
afterAll(() => {
  for (const directory of made) fs.rmSync(directory, { recursive: true, force: true })
})

const fresh = (): string => {
  const directory = fs.mkdtempSync(join(tmpdir(), "byteback-reader-"))
  fs.chmodSync(directory, 0o755)
  made.push(directory)
  return directory
}

interface Given {
  /** MiB; default: as much as Node takes */
  readonly heap?: number
  readonly names?: ReadonlyArray<string>
  readonly input?: Uint8Array
  readonly uid?: number
}

/** Runs a request in a directory. */
const run = (directory: string, request: Reading, { heap, input, names = [], uid }: Given = {}) => {
  const limits = heap === undefined ? [] : [`--max-old-space-size=${heap}`, "--max-semi-space-size=1"]
  const { status, stderr, stdout } = spawnSync(process.execPath, [...limits, reader, printReading(request), ...names], {
    cwd: directory,
    maxBuffer: 1 << 30,
    ...(input === undefined ? {} : { input }),
    ...(uid === undefined ? {} : { uid, gid: uid })
  })
  return { code: status, stdout, stderr: stderr.toString() }
}

type Row = { readonly _tag: string; readonly path: string; readonly [field: string]: unknown }

/** The same, as its rows and its trailer. */
const rowsOf = (directory: string, request: Reading, given: Given = {}) => {
  const { code, stderr, stdout } = run(directory, request, given)
  assert.strictEqual(code, 0, stderr)
  const rows = stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Row)
  return { rows: rows.slice(0, -1), end: rows.at(-1)! }
}

const find = { _tag: "find", path: "", pattern: "*", details: false, most: 10_000_000 } as const
const ls = { _tag: "ls", snapshot: latest, path: "", details: false, recursive: false, most: 10_000_000 } as const

describe.skipIf(!root)("the reader", () => {
  it("holds a piece of a directory at a time, however many names are in it", () => {
    const host = fresh()
    const snapshot = join(host, formatSnapshotName(firstDay))
    const mail = join(snapshot, "mail")
    fs.mkdirSync(mail, { recursive: true })
    const names = Array.from({ length: 130_000 }, (_, at) => `${at}.${"M".repeat(90)}`)
    // names are quicker made than files; one file takes so many on every filesystem
    for (const [at, name] of names.entries()) {
      const file = join(host, `file${Math.floor(at / 20_000)}`)
      if (at % 20_000 === 0) fs.writeFileSync(file, "")
      fs.linkSync(file, join(mail, name))
    }
    const little = { heap: 26 }
    const first = rowsOf(snapshot, { ...ls, path: "mail", most: 10 }, little)
    assert.deepStrictEqual([first.rows.length, first.end["cut"]], [10, "rows"])
    const told = rowsOf(snapshot, { ...ls, path: "mail" }, little)
    assert.deepStrictEqual(told.rows.map(({ path }) => path.slice("/mail/".length)).toSorted(), names.toSorted())
    for (const [directory, where] of [
      [snapshot, latest],
      [host, "*"]
    ] as const) {
      const nothing = rowsOf(directory, { ...find, snapshot: where, pattern: "no such name" }, little)
      assert.deepStrictEqual({ ...nothing.end }, { _tag: "end", rows: 0, cut: null } as unknown as Row)
    }
    const most = rowsOf(host, { ...find, snapshot: "*" }, { heap: 128 })
    assert.deepStrictEqual([most.rows.length, most.end["cut"]], [100_000, "memory"])
  })

  it("tells of each path in all snapshots the same, whether the answer is cut or not", () => {
    const part = fc.constantFrom("a", "b", "c")
    const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"))
    const trees = fc.array(fc.uniqueArray(path, { maxLength: 6 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        trees,
        fc.constantFrom(undefined, "f" as const, "d" as const),
        fc.boolean(),
        (snapshots, type, details) => {
          const host = fresh()
          const expected = new Map<string, { type: string; first: string; last: string; snapshots: number }>()
          for (const [day, paths] of snapshots.entries()) {
            const name = formatSnapshotName(firstDay + day * 86_400)
            fs.mkdirSync(join(host, name))
            for (const one of paths) {
              fs.mkdirSync(join(host, name, one), { recursive: true })
              fs.writeFileSync(join(host, name, one, "f"), "")
            }
            for (const one of fs.readdirSync(join(host, name), { recursive: true }) as Array<string>) {
              const is = one.endsWith("f") ? "f" : "d"
              if (type !== undefined && type !== is) continue
              const known = expected.get(`/${one}`)
              if (known === undefined) expected.set(`/${one}`, { type: is, first: name, last: name, snapshots: 1 })
              else Object.assign(known, { last: name, snapshots: known.snapshots + 1 })
            }
          }
          const request = { ...find, snapshot: "*", details, ...(type === undefined ? {} : { type }) } as const
          for (const most of [10_000, 3]) {
            const { end, rows } = rowsOf(host, { ...request, most })
            assert.strictEqual(rows.length, Math.min(most, expected.size))
            assert.strictEqual(end["cut"], expected.size > most ? "rows" : null)
            for (const row of rows) {
              const { first, last, snapshots: count } = row
              const { type: is, ...span } = expected.get(row.path)!
              assert.deepStrictEqual({ first, last, snapshots: count }, span as object)
              assert.include(details || is === "d" ? [is] : [is, null], row["type"])
            }
            assert.strictEqual(new Set(rows.map((row) => row.path)).size, rows.length)
          }
        }
      ),
      { numRuns: 12 }
    )
  })

  it("folds versions that are the same in all, and says of one that came back what it is", () => {
    const host = fresh()
    const contents = ["one", "one", "two", "one", null, "one", "ONE"]
    const names = contents.map((content, day) => {
      const name = formatSnapshotName(firstDay + day * 86_400)
      fs.mkdirSync(join(host, name))
      if (content === null) return name
      fs.writeFileSync(join(host, name, "file"), content)
      fs.utimesSync(join(host, name, "file"), 1e9, 1e9)
      return name
    })
    const { rows } = rowsOf(host, { _tag: "history", path: "file" })
    const [a, b, c, d, e, f, g] = names
    assert.deepStrictEqual(
      rows.map((row) => [row._tag, row["first"], row["last"], row["snapshots"], row["as"]]),
      [
        ["version", a, b, 2, undefined],
        ["version", c, c, 1, undefined],
        ["version", d, d, 1, a],
        ["absent", e, e, 1, undefined],
        ["version", f, f, 1, d],
        ["version", g, g, 1, undefined]
      ]
    )
  })

  it("names what cannot be read, and gives the rest", () => {
    const snapshot = fresh()
    fs.mkdirSync(join(snapshot, "closed"))
    fs.writeFileSync(join(snapshot, "closed/in"), "x")
    fs.writeFileSync(join(snapshot, "bad"), "secret")
    fs.writeFileSync(join(snapshot, "good"), "good")
    for (const name of ["bad", "closed"]) fs.chmodSync(join(snapshot, name), 0)
    const uid = 1_200_000_000
    const told = rowsOf(snapshot, { ...ls, recursive: true }, { uid })
    assert.deepStrictEqual(
      told.rows.map(({ path }) => path),
      ["/bad", "/closed", "/good"]
    )
    assert.deepStrictEqual(told.end["unread"], { count: 1, paths: ["/closed (EACCES)"] })
    const cat = run(snapshot, { _tag: "cat", snapshot: latest, path: "bad" }, { uid })
    assert.deepStrictEqual([cat.code, cat.stdout.length], [1, 0])
    assert.match(cat.stderr, /^byteback: the server cannot read it \(EACCES\)[^\n]* \(code 1\)\n$/)
    const below = run(snapshot, { ...ls, path: "closed/in" }, { uid })
    assert.deepStrictEqual([below.code, below.stdout.length], [1, 0])
    assert.match(below.stderr, /^byteback: the server cannot read \/closed\/in \(EACCES\) \(code 1\)\n$/)
    const dump = run(snapshot, { _tag: "dump", snapshot: latest, path: "" }, { uid })
    assert.strictEqual(dump.code, 1)
    assert.match(
      dump.stderr,
      /^byteback: the server cannot read \/closed \(EACCES\), \/bad \(EACCES\); zeros stand [^\n]* \(code 1\)\n$/
    )
    const out = fresh()
    const tar = spawnSync("tar", ["-xf", "-", "-C", out], { input: dump.stdout })
    assert.strictEqual(tar.status, 0, tar.stderr.toString())
    assert.strictEqual(fs.readFileSync(join(out, "good"), "utf8"), "good")
    assert.strictEqual(fs.readFileSync(join(out, "bad"), "utf8"), "\0".repeat("secret".length))
  })

  it("tells a file that was only touched from one that was written, where it walks both trees", () => {
    const host = fresh()
    const [from, to] = ["a", "b"]
    for (const name of [from, to]) {
      fs.mkdirSync(join(host, name))
      for (const file of ["touched", "written", "grown", "kept"]) fs.writeFileSync(join(host, name, file), "content")
    }
    fs.writeFileSync(join(host, to, "written"), "CONTENT")
    fs.writeFileSync(join(host, to, "grown"), "content and more")
    for (const file of ["touched", "written", "grown"]) fs.utimesSync(join(host, to, file), 1, 2)
    for (const name of [from, to]) fs.utimesSync(join(host, name, "kept"), 1, 2)
    const diff = { _tag: "diff", from: latest, to: latest, path: "", most: 10 } as const
    const { rows } = rowsOf(host, diff, { names: [from, to], input: Buffer.alloc(0) })
    assert.deepStrictEqual(
      rows.map((row) => [row["change"], row.path]),
      [
        ["content", "/grown"],
        ["metadata", "/touched"],
        ["content", "/written"]
      ]
    )
  })

  it("tells of a file that is called as btrfs send calls one for a while", () => {
    const host = fresh()
    const [from, to] = ["a", "b"]
    for (const name of [from, to]) fs.mkdirSync(join(host, name))
    fs.writeFileSync(join(host, to, "o1-2-3"), "x")
    const path = Buffer.from("\x0f\0\x06\0o1-2-3", "latin1")
    const command = (number: number, body: Uint8Array): Buffer =>
      Buffer.concat([Buffer.from([body.length, 0, 0, 0, number, 0, 0, 0, 0, 0]), body])
    const input = Buffer.concat([
      Buffer.from("btrfs-stream\0\x01\0\0\0", "latin1"),
      command(3, path),
      command(21, new Uint8Array())
    ])
    const diff = { _tag: "diff", from: latest, to: latest, path: "", most: 10 } as const
    const { rows } = rowsOf(host, diff, { names: [from, to], input })
    assert.deepStrictEqual(
      rows.map((row) => [row["change"], row.path]),
      [["added", "/o1-2-3"]]
    )
  })
})
