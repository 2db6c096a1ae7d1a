// Laws of the grammar at the forced command, over requests and lines drawn at random.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { parse, parseSecluded } from "../../../src/domain/request/parse.ts"
import { print } from "../../../src/domain/request/print.ts"
import type { Request } from "../../../src/domain/request/request.ts"
import { rsyncArgv } from "../../../src/domain/request/rsyncArgv.ts"
import { request } from "./requests.ts"

const accepted = (line: string): Request => {
  const parsed = parse(line)
  if (!parsed.ok) assert.fail(`${parsed.refusal.message}\n${line}`)
  return parsed.value
}

/** The grammar of a rebuilt argv, written a second time, from the rules and not from the code. */
const cluster = /^-(?!-)[vlHogDtpAXrRSxzWcIJOUuEnmd]*(e(\.|\d{1,3}\.\d{1,3}\.?)[A-Za-z]{0,16})?$/
const option =
  /^--(numeric-ids|inplace|partial|stats|new-compress|old-compress|from0|specials|no-specials|files-from=-|bwlimit=\d{1,9}|compress-choice=(zstd|lz4|zlib|zlibx|none)|compress-level=-?\d{1,3}|checksum-choice=(xxh128|xxh3|xxh64|md5|sha1|auto)|log-format=(%i|X|%o)|modify-window=-1)$/
const pushOption =
  /^--(delete(-before|-during|-delay|-after|-excluded|-missing-args)?|force|ignore-errors|fsync|existing|ignore-existing|size-only|no-implied-dirs|no-W|max-delete=\d{1,9})$/
const pullOption = /^--(ignore-missing-args|list-only)$/

const checkArgv = (value: Request): void => {
  if (value._tag !== "Push" && value._tag !== "Pull" && value._tag !== "Restore") return
  const argv = rsyncArgv(value, "3.5.0")
  const guard = argv.indexOf("--")
  const words = argv.slice(0, guard)
  assert.deepStrictEqual(words.slice(0, 2), ["rsync", "--server"])
  assert.strictEqual(words[2] === "--sender", value._tag !== "Push")
  const forced = words.splice(-3)
  const seconds = Number(/^--timeout=(\d+)$/.exec(forced[0] ?? "")?.[1])
  assert.isTrue(seconds >= 600 && seconds <= 3600, forced[0])
  assert.deepStrictEqual(forced.slice(1), ["--fake-super", "--confine-root=/data"])
  words.splice(0, value._tag === "Push" ? 2 : 3)
  for (const [index, word] of words.entries()) {
    const own = value._tag === "Push" ? pushOption : pullOption
    assert.isTrue((index === 0 && cluster.test(word)) || option.test(word) || own.test(word), word)
    if (word.startsWith("--")) continue
    const letters = word.split("e")[0] ?? ""
    assert.isFalse(value._tag === "Push" && letters.includes("d"), word)
    assert.isTrue(letters.split("v").length <= 4 && letters.split("X").length <= 2, word)
  }
  assert.strictEqual(new Set(words.map((word) => word.split("=")[0])).size, words.length)
  assert.strictEqual(argv[guard + 1], ".")
  const paths = argv.slice(guard + 2)
  assert.isTrue(paths.length > 0)
  if (value._tag === "Push") assert.deepStrictEqual(paths, ["."])
  for (const path of paths) {
    assert.isFalse(path === "" || path.startsWith("/") || path.startsWith("-") || path.includes("\0"), path)
    assert.isFalse(path.split("/").includes(".."), path)
  }
}

/** What may be done with a line that was accepted: its canonical line is a fixed point, and what would run is allowed. */
const checkMeaning = (value: Request): void => {
  const line = print(value)
  const again = accepted(line)
  assert.deepStrictEqual(again, value)
  assert.strictEqual(print(again), line)
  checkArgv(value)
}

const mutation = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom("delete", "insert", "replace", "word", "double", "swap", "cut"),
  char: fc.oneof(
    fc.constantFrom(..."-e. =/\\*;$'\"sKLkdbqNC0", "..", " --", "\n", "\0", "\x1b", "\uFFFD", "é"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 })
  ),
  word: fc.constantFrom(
    ..."--server --sender --daemon --fake-super --super --config=/x --log-file=/x -s -XX --confine-root=/ -@-1 -@-2".split(
      " "
    ),
    ..."--insecure-links --files-from=/etc/shadow --rsh=sh -e -M--super -- . * ../other/current /etc".split(" "),
    ..."--snapshot --all --timeout=0 --delete=x 2026-11-23T17:52+0000/x".split(" ")
  )
})

const mutate = (line: string, { at, char, kind, word }: typeof mutation extends fc.Arbitrary<infer M> ? M : never) => {
  const index = at % (line.length + 1)
  const words = line.split(" ")
  const place = at % words.length
  switch (kind) {
    case "delete":
      return line.slice(0, index) + line.slice(index + 1)
    case "insert":
      return line.slice(0, index) + char + line.slice(index)
    case "replace":
      return line.slice(0, index) + char + line.slice(index + 1)
    case "word":
      return words.toSpliced(place, 0, word).join(" ")
    case "double":
      return words.toSpliced(place, 0, words[place] ?? "").join(" ")
    case "swap":
      return [...words.slice(place), ...words.slice(0, place)].join(" ")
    case "cut":
      return line.slice(0, index)
  }
}

const refusalIsPlain = (message: string): void => assert.match(message, /^[\x20-\x7e]{1,400}$/)

/** A path as a client with -s sends it: as it is, but for backslashes where a pattern would be read. */
const seclude = (path: string): string =>
  path.replaceAll(/[^/]+/g, (part) => (/[*?[]/.test(part) ? part.replaceAll(/[\\*?[]/g, "\\$&") : part))

describe("the grammar", () => {
  it("reads back what it printed", () => {
    fc.assert(
      fc.property(request, (value) => {
        assert.deepStrictEqual(accepted(print(value)), value)
        checkArgv(value)
      }),
      { numRuns: 2000 }
    )
  })

  it("never throws, refuses in one plain line, and gives nothing but what is allowed, whatever the line", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
      fc
        .array(
          fc.oneof(
            fc.constantFrom("rsync", "--server", "--sender", ".", "-logDtpre.iLsfxCIvu", "byteback-receive", "--list"),
            fc.constantFrom("byteback-restore", "--snapshot", "*", "latest", "byteback", "request", "--fake-super"),
            fc.string()
          )
        )
        .map((words) => words.join(" "))
    )
    fc.assert(
      fc.property(anything, (line) => {
        const parsed = parse(line)
        if (parsed.ok) checkMeaning(parsed.value)
        else refusalIsPlain(parsed.refusal.message)
      }),
      { numRuns: 2000 }
    )
  })

  it("refuses a mutation of an accepted line, or it means what its canonical line says and runs nothing else", () => {
    let both = { refused: 0, accepted: 0 }
    fc.assert(
      fc.property(request, fc.array(mutation, { minLength: 1, maxLength: 3 }), (value, mutations) => {
        const parsed = parse(mutations.reduce(mutate, print(value)))
        if (parsed.ok) checkMeaning(parsed.value)
        else refusalIsPlain(parsed.refusal.message)
        both = parsed.ok ? { ...both, accepted: both.accepted + 1 } : { ...both, refused: both.refused + 1 }
      }),
      { numRuns: 4000 }
    )
    assert.isTrue(both.refused > 100 && both.accepted > 100, JSON.stringify(both))
  })

  it("reads rsync's short form of --modify-window=-1 as that, wherever it stands, and no other window", () => {
    const line = (words: ReadonlyArray<string>) => ["rsync", "--server", "-l", ...words, ".", "."].join(" ")
    const rest = fc.subarray(["--inplace", "--numeric-ids", "--stats", "--delete-during"])
    fc.assert(
      fc.property(rest, fc.nat(4), fc.integer({ min: -99, max: 99 }), (words, at, window) => {
        const short = words.toSpliced(at, 0, `-@${window}`)
        if (window !== -1) return assert.isFalse(parse(line(short)).ok)
        const long = words.toSpliced(at, 0, "--modify-window=-1")
        assert.deepStrictEqual(accepted(line(short)), accepted(line(long)))
      })
    )
  })

  it("reads the same from the command line as from secluded arguments", () => {
    fc.assert(
      fc.property(request, (value) => {
        if (value._tag !== "Push" && value._tag !== "Pull") return
        const { client, letters } = value
        const words = print(value).split(" ")
        const dot = words.indexOf(".")
        const options = words.slice(0, dot).filter((word) => word.startsWith("--") && !/^--(server|sender)$/.test(word))
        const paths =
          value._tag === "Push"
            ? ["a b"]
            : value.paths.map(({ path, snapshot }) => (snapshot === undefined ? `./${path}` : `${snapshot}/${path}`))
        const bytes = new TextEncoder().encode(`${["rsync", ...options, ".", ...paths.map(seclude), ""].join("\0")}\0`)
        const head = { _tag: "Secluded" as const, of: { _tag: value._tag }, letters, client }
        assert.deepStrictEqual(parseSecluded(head, bytes), { ok: true, value })
      }),
      { numRuns: 2000 }
    )
  })

  it("never throws on secluded arguments, and gives nothing but what is allowed", () => {
    const words = fc.oneof(fc.string(), fc.constantFrom("rsync", ".", "--timeout=5", "--server", "../x", "-e", "a*"))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(words).map((list) => new TextEncoder().encode(["rsync", ...list, "", ""].join("\0")))
    )
    fc.assert(
      fc.property(fc.constantFrom("Push" as const, "Pull" as const), bytes, (_tag, sent) => {
        const parsed = parseSecluded({ _tag: "Secluded", of: { _tag }, letters: "a", client: "" }, sent)
        if (!parsed.ok) return refusalIsPlain(parsed.refusal.message)
        checkMeaning({ ...parsed.value, letters: "" })
      }),
      { numRuns: 2000 }
    )
  })
})
