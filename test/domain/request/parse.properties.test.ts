// Laws of the grammar at the forced command, over requests and lines drawn at random.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { spawnSync } from "node:child_process"
import { escapeWord } from "../../../src/domain/request/lexer.ts"
import { parse, parseSecluded } from "../../../src/domain/request/parse.ts"
import { print } from "../../../src/domain/request/print.ts"
import type { Request } from "../../../src/domain/request/request.ts"
import { rsyncArgv } from "../../../src/domain/request/rsyncArgv.ts"
import { plainReading, shellWords } from "./plainReading.ts"
import { recordings } from "./recorded.ts"
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
  const said = value.options.map(({ name, value: given }) => (given === undefined ? name : `${name}=${given}`))
  const letters = `-${value.letters}${value.client === "" ? "" : `e${value.client}`}`
  assert.deepStrictEqual(words, letters === "-" ? said : [letters, ...said])
  for (const [index, word] of words.entries()) {
    const own = value._tag === "Push" ? pushOption : pullOption
    assert.isTrue((index === 0 && cluster.test(word)) || option.test(word) || own.test(word), word)
    if (word.startsWith("--")) continue
    assert.isFalse(value._tag === "Push" && value.letters.includes("d"), word)
    assert.isTrue(value.letters.split("v").length <= 4 && value.letters.split("X").length <= 2, word)
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

/** Other lines for the same request: what else a client may call the far end, and where it wants a backup to go. */
const spelled = (line: string): ReadonlyArray<string> =>
  line.startsWith("rsync --server --sender")
    ? [line, line.replace("rsync", "rsync --fake-super")]
    : line.startsWith("rsync --server")
      ? [
          line,
          line.replace("rsync", "rsync --fake-super"),
          line.replace("rsync", "byteback-push --protocol=1"),
          line.replace(/ \.$/, " /store/back\\ ups")
        ]
      : [line, line.replace("byteback-restore", "byteback-restore --fake-super")]

/** A line that is accepted: of any request, or as a real client sent it. */
const acceptedLine = fc.oneof(
  { weight: 4, arbitrary: request.map(print).chain((line) => fc.constantFrom(...spelled(line))) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...recordings.filter(({ means }) => typeof means !== "string").map(({ line }) => line))
  }
)
const lineOf = (program: RegExp) => acceptedLine.filter((line) => program.test(line))
const rsyncLine = lineOf(/^(?:rsync|byteback-(?:push|restore)) /)

const place = fc.nat()
const strange = fc.oneof(
  fc.constantFrom(..."-e. =/\\*;$'\"sKLkdbqNC0", "..", " --", "\n", "\0", "\x1b", "\uFFFD", "é"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 })
)
const foreignWord = fc.constantFrom(
  ..."--server --sender --daemon --fake-super --super --config=/x --log-file=/x -s -XX --confine-root=/ -@-1 -@-2".split(
    " "
  ),
  ..."--insecure-links --files-from=/etc/shadow --rsh=sh -e -M--super -- . * ../other/current /etc x/../../y".split(
    " "
  ),
  ..."--snapshot --all --timeout=0 --delete=x --inplace --stats 2026-11-23T17:52+0000/x --fsync --verbose".split(" ")
)

/** A blank that divides two words. */
const gap = /(?<=[^\\](?:\\\\)*) /g

type Mutation = (line: string, at: number, char: string, word: string) => string

const words = (
  line: string,
  at: number,
  change: (words: ReadonlyArray<string>, at: number) => ReadonlyArray<string>
) => {
  const split = line.split(gap)
  return change(split, at % split.length).join(" ")
}

/** What may befall a line, by what it does. Some of these change what it says, and some do not. */
const mutations: Readonly<Record<string, Mutation>> = {
  "a character is gone": (line, at) => line.slice(0, at % line.length) + line.slice((at % line.length) + 1),
  "a character more": (line, at, char) => line.slice(0, at % line.length) + char + line.slice(at % line.length),
  "another character": (line, at, char) => line.slice(0, at % line.length) + char + line.slice((at % line.length) + 1),
  "another case": (line, at) => {
    const char = line[at % line.length]!
    const other = char === char.toUpperCase() ? char.toLowerCase() : char.toUpperCase()
    return line.slice(0, at % line.length) + other + line.slice((at % line.length) + 1)
  },
  "two characters change places": (line, at) => {
    const [first = "", second = ""] = line.slice(at % line.length)
    return line.slice(0, at % line.length) + second + first + line.slice((at % line.length) + 2)
  },
  "the end is cut off": (line, at) => line.slice(0, at % line.length),
  "a word is gone": (line, at) => words(line, at, (all, i) => all.toSpliced(i, 1)),
  "a word more": (line, at, _, word) => words(line, at, (all, i) => all.toSpliced(i, 0, word)),
  "a word in place of another": (line, at, _, word) => words(line, at, (all, i) => all.toSpliced(i, 1, word)),
  "a word twice": (line, at) => words(line, at, (all, i) => all.toSpliced(i, 0, all[i]!)),
  "two words change places": (line, at) =>
    words(line, at, (all, i) => all.toSpliced(i, 2, ...all.slice(i, i + 2).toReversed())),
  "two words become one": (line, at) => words(line, at, (all, i) => all.toSpliced(i, 2, all.slice(i, i + 2).join(""))),
  "an option's value is longer": (line, at, char) =>
    words(line, at, (all, i) => {
      const valued = all.filter((word) => /^--.*=/.test(word))
      return all.map((word) => (word === valued[i % valued.length] ? word + char : word))
    }),
  "the words turn": (line, at) => words(line, at, (all, i) => [...all.slice(i), ...all.slice(0, i)]),
  "a backslash more": (line, at) => line.slice(0, at % line.length) + "\\" + line.slice(at % line.length),
  "quotes around a word": (line, at) => words(line, at, (all, i) => all.toSpliced(i, 1, `'${all[i]}'`))
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

describe("a mutation of an accepted line", () => {
  /** Is it accepted? If so it says what its words say, and if not the refusal is fit to be read. */
  const agrees = (line: string): boolean => {
    const parsed = parse(line)
    if (!parsed.ok) {
      refusalIsPlain(parsed.refusal.message)
      return false
    }
    assert.deepStrictEqual(parsed.value, plainReading(line), line)
    checkMeaning(parsed.value)
    return true
  }

  it("has not happened yet: the line is read as it says", () => {
    fc.assert(
      fc.property(acceptedLine, (line) => assert.isTrue(agrees(line), line)),
      { numRuns: 2000 }
    )
  })

  for (const [what, mutate] of Object.entries(mutations))
    it(`${what}: it is refused, or means what its words say and nothing else`, () => {
      const seen = { accepted: 0, refused: 0 }
      fc.assert(
        fc.property(acceptedLine, place, strange, foreignWord, (line, ...how) => {
          seen[agrees(mutate(line, ...how)) ? "accepted" : "refused"] += 1
        }),
        { numRuns: 1500 }
      )
      assert.isAbove(seen.refused, 50)
      if (what !== "quotes around a word") assert.isAbove(seen.accepted, 10)
    })

  it("several at once: the same", () => {
    const names = fc.array(fc.tuple(fc.constantFrom(...Object.keys(mutations)), place, strange, foreignWord), {
      minLength: 2,
      maxLength: 4
    })
    fc.assert(
      fc.property(acceptedLine, names, (line, all) => {
        agrees(all.reduce((now, [what, ...how]) => (now === "" ? now : mutations[what]!(now, ...how)), line))
      }),
      { numRuns: 4000 }
    )
  })

  /** Where a word more may come. */
  const gaps = (line: string): ReadonlyArray<number> => [
    ...[...line.matchAll(gap)].map(({ index }) => index),
    line.length
  ]
  const insert = (line: string, at: number, text: string) => line.slice(0, at) + text + line.slice(at)
  const nth = <A>(all: ReadonlyArray<A>, at: number): A => all[at % all.length]!
  const untyped = acceptedLine.filter((line) => !line.startsWith("byteback request"))

  it("that leaves a shell the same words leaves the request: more blanks, backslashes before what needs none", () => {
    fc.assert(
      fc.property(untyped, place, place, fc.nat(3), (line, after, at, more) => {
        const wide = insert(line, nth(gaps(line), after), " ".repeat(more))
        // Whether patterns may come is told by how the line begins, so the first word has to be as it is.
        const plain = [...wide.matchAll(/(?<!^\S*)(?<=^|[^\\](?:\\\\)*)[A-Za-z0-9./=-]/g)]
        const marked = insert(wide, nth(plain, at).index, "\\")
        assert.deepStrictEqual(shellWords(marked), shellWords(line))
        assert.deepStrictEqual(accepted(marked), accepted(line))
      }),
      { numRuns: 2000 }
    )
  })

  it("that needs a shell to leave the same words is refused: tabs, quotes, a line's end", () => {
    fc.assert(
      fc.property(
        acceptedLine,
        place,
        fc.constantFrom("\t", " \t ", " ''", ' ""', "\n", "\\\n", " #x", ";", " 2>&1", "$x", "`x`", "&&x"),
        (line, after, text) => assert.isFalse(parse(insert(line, nth(gaps(line), after), text)).ok)
      ),
      { numRuns: 1000 }
    )
  })

  it("by a control character, or by what was not UTF-8, is refused wherever it stands", () => {
    const control = fc.oneof(fc.integer({ min: 0, max: 31 }), fc.constantFrom(127, 0xfffd, 0xd800, 0xdc00))
    fc.assert(
      fc.property(acceptedLine, place, control, (line, at, code) => {
        const char = String.fromCharCode(code)
        const index = at % (line.length + 1)
        assert.isFalse(parse(insert(line, index, char)).ok)
        assert.isFalse(parse(insert(line, index, `\\${char}`)).ok)
      }),
      { numRuns: 1000 }
    )
  })

  it("by an option given twice, or one that has lost its value, is refused", () => {
    fc.assert(
      fc.property(lineOf(/ --/), place, place, (line, at, to) => {
        const split = line.split(" ")
        const option = nth(
          split.filter((word) => word.startsWith("--")),
          at
        )
        const dot = split.indexOf(".")
        const twice = split.toSpliced(to % ((dot < 0 ? split.length : dot) + 1), 0, option)
        assert.isFalse(parse(twice.join(" ")).ok, twice.join(" "))
        if (!option.includes("=")) return
        const bare = split.map((word) => (word === option ? option.slice(0, option.indexOf("=")) : word))
        assert.isFalse(parse(bare.join(" ")).ok, bare.join(" "))
      }),
      { numRuns: 1000 }
    )
  })

  it("by an option that is not in the grammar is refused, wherever it stands among the options", () => {
    const outside = fc.constantFrom(
      ..."--daemon --super --no-fake-super --log-file=/x --backup-dir=/x --partial-dir=/x --temp-dir=/x --rsh=sh".split(
        " "
      ),
      ..."--link-dest=/x --copy-dest=/x --write-devices --copy-devices --chmod=a+s --usermap=0:1 --iconv=x -K -L".split(
        " "
      ),
      ..."--confine-root=/ --insecure-links --filter=x --exclude-from=/x --remove-source-files --files-from=x -T/x".split(
        " "
      ),
      ..."--config=/x -M--super --debug=ALL --info=ALL --stderr=all -b -y -q -N --preallocate --max-alloc=0 -B9".split(
        " "
      ),
      ..."--append --read-batch=x --write-batch=x --copy-as=root --secluded-args --old-args --timeout=0 -- -".split(" ")
    )
    fc.assert(
      fc.property(rsyncLine, place, outside, (line, at, option) => {
        const split = line.split(" ")
        const dot = split.indexOf(".")
        const more = split.toSpliced(1 + (at % (dot < 0 ? split.length : dot)), 0, option).join(" ")
        assert.isFalse(parse(more).ok, more)
      }),
      { numRuns: 2000 }
    )
  })

  it("by a path that goes upwards anywhere is refused", () => {
    const reading = acceptedLine.filter((line) => ["Pull", "Restore", "List"].includes(accepted(line)._tag))
    fc.assert(
      fc.property(reading, place, place, fc.constantFrom("..", "\\..", "=2E.", "=2E=2E"), (line, at, to, up) => {
        const split = line.split(gap)
        const paths = split.indexOf(split[0] === "byteback-receive" ? "--list" : ".") + 1
        const encoded = line.startsWith("byteback-re")
        const index = paths + (at % (split.length - paths))
        if (split[index]!.startsWith("--") || (up.startsWith("=") && !encoded)) return
        const parts = split[index]!.split("/")
        const word = parts.toSpliced(to % (parts.length + 1), 0, up).join("/")
        const upwards = split.with(index, word).join(" ")
        assert.isFalse(parse(upwards).ok, upwards)
      }),
      { numRuns: 2000 }
    )
  })

  it("by options or letters in another order means the same options and letters in that order", () => {
    const sorted = (value: Request) => {
      if (value._tag !== "Push" && value._tag !== "Pull" && value._tag !== "Restore") assert.fail(value._tag)
      const options = value.options.toSorted((one, other) => (one.name < other.name ? -1 : 1))
      return { ...value, letters: [...value.letters].toSorted().join(""), options }
    }
    const transferring = rsyncLine.filter((line) => line.split(" ").includes("."))
    fc.assert(
      fc.property(
        transferring.chain((line) => {
          const split = line.split(" ")
          const start = split.indexOf("--server") + (split.includes("--sender") ? 2 : 1)
          const dot = split.indexOf(".", start)
          const [cluster = [], long = []] = [/^-[^-@]/, /^-[-@]/].map((kind) =>
            split.slice(start, dot).filter((word) => kind.test(word))
          )
          const [, letters = "", rest = ""] = /^-([^e]*)(.*)$/.exec(cluster[0] ?? "") ?? []
          const shuffled = <A>(all: ReadonlyArray<A>) =>
            fc.shuffledSubarray([...all], { minLength: all.length, maxLength: all.length })
          return fc.tuple(shuffled([...letters]), shuffled(long)).map(([ones, others]) => {
            const options = [...cluster.map(() => `-${ones.join("")}${rest}`), ...others]
            return [line, [...split.slice(0, start), ...options, ...split.slice(dot)].join(" ")] as const
          })
        }),
        ([line, turned]) => {
          assert.isTrue(agrees(turned))
          assert.deepStrictEqual(sorted(accepted(turned)), sorted(accepted(line)))
        }
      ),
      { numRuns: 1000 }
    )
  })

  it("in secluded arguments is refused, or means what its words say and nothing else", () => {
    /** What rsync's server makes of a path that a client with -s sent: a backslash counts only beside a pattern. */
    const literal = (path: string) =>
      path.replaceAll(/[^/]+/g, (part) => (/[*?[]/.test(part) ? part.replaceAll(/\\([^])/g, "$1") : part))
    const seen = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(
        rsyncLine.filter((line) => accepted(line)._tag !== "Secluded"),
        fc.tuple(fc.constantFrom(...Object.keys(mutations)), place, strange, foreignWord),
        (line, [what, ...how]) => {
          const split = shellWords(line)!
          const start = split.indexOf("--server") + (split.includes("--sender") ? 2 : 1)
          const cluster = /^-[^-@]/.test(split[start]!) ? split[start]! : "-"
          const dot = split.indexOf(".", start)
          const options = split.slice(cluster === "-" ? start : start + 1, dot)
          const head = parse([...split.slice(0, start), `-s${cluster.slice(1)}`].map(escapeWord).join(" "))
          if (!head.ok || head.value._tag !== "Secluded") return assert.fail(line)
          const paths = head.value.of._tag === "Push" ? ["."] : split.slice(dot + 1).map(seclude)
          const args = mutations[what]!([...options, ".", ...paths].map(escapeWord).join(" "), ...how)
          // On stdin nothing but a NUL divides them.
          const sent = shellWords(args)?.flatMap((word) => word.split("\0"))
          if (sent === undefined) return
          const parsed = parseSecluded(head.value, new TextEncoder().encode(`${["rsync", ...sent, ""].join("\0")}\0`))
          seen[parsed.ok ? "accepted" : "refused"] += 1
          if (!parsed.ok) return refusalIsPlain(parsed.refusal.message)
          const end = sent.indexOf(".") + 1
          const read = [...sent.slice(0, end), ...sent.slice(end).map(literal)]
          const own = cluster === "-" ? [] : [cluster]
          const whole = [...split.slice(0, start), ...own, ...read].map(escapeWord).join(" ")
          assert.deepStrictEqual(parsed.value, plainReading(whole), args)
          checkMeaning(parsed.value)
        }
      ),
      { numRuns: 3000 }
    )
    assert.isTrue(seen.accepted > 100 && seen.refused > 100, JSON.stringify(seen))
  })

  it("in a push's destination means the same push, or is refused", () => {
    const destination = fc.oneof(fc.string(), fc.constantFrom("/", "../other/current", "/etc", "x y", "-", "--server"))
    fc.assert(
      fc.property(
        acceptedLine.filter((line) => accepted(line)._tag === "Push"),
        destination,
        (line, word) => {
          const parsed = parse(line.replace(/(?<= \. ).*$/, () => escapeWord(word)))
          if (parsed.ok) assert.deepStrictEqual(parsed.value, accepted(line))
          const text = /^[^\0-\x1f\x7f\uFFFD]+$/.test(word) && word.isWellFormed()
          assert.strictEqual(parsed.ok, text && !word.startsWith("-"), word)
        }
      ),
      { numRuns: 1000 }
    )
  })
})

describe("the plain reading", () => {
  it("splits a line as sh does", () => {
    const unit = fc.constantFrom(..."ab-./=%+@:\\'\"*?[]{}!^~# \t\n$`;é".split(""))
    const lines = fc.sample(fc.string({ unit, maxLength: 14 }), { numRuns: 3000, seed: 1 })
    const split = lines.map((line) => [line, shellWords(line)] as const).filter(([, known]) => known !== null)
    assert.isAbove(split.length, 300)
    const script = split.map(([line]) => `printf '%s\\0' x ${line}\nprintf '\\1'\n`).join("")
    const { status, stderr, stdout } = spawnSync("sh", ["-f", "-s"], { input: script, encoding: "utf8" })
    assert.strictEqual(status, 0, stderr)
    assert.deepStrictEqual(
      stdout.split("\x01").slice(0, -1),
      split.map(([, known]) => ["x", ...known!].map((word) => `${word}\0`).join(""))
    )
  })
})
