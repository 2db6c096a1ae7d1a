// What rsync says while it works and when it has ended.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { noProblems, readProblems } from "../../../src/domain/rsync/problems.ts"
import { type Progress, readOutput } from "../../../src/domain/rsync/progress.ts"
import { parseStats } from "../../../src/domain/rsync/stats.ts"
import { parseVersion } from "../../../src/domain/rsync/version.ts"

/** stdout of rsync 3.5.0 with --info=progress2 --no-human-readable --stats, as seen. */
const stdout =
  "\r              0   0%    0.00kB/s    0:00:00 (xfr#0, ir-chk=1000/2006)\r" +
  "     1234567890  12%  117.21MB/s    0:01:12  \r" +
  "     1234600658  99%   99.00kB/s    1:00:02 (xfr#7, to-chk=3/4711)\n" +
  ">f+++++++++ etc/passwd\n" +
  "\nNumber of files: 4,711 (reg: 4,000, dir: 711)\nNumber of created files: 7 (reg: 7)\n" +
  "Number of deleted files: 2 (reg: 2)\nNumber of regular files transferred: 7\nTotal file size: 9,876,543,210 bytes\n" +
  "Total transferred file size: 1,234,600,658 bytes\nLiteral data: 1,000 bytes\nMatched data: 1,234,599,658 bytes\n" +
  "File list size: 104\nTotal bytes sent: 2,048\nTotal bytes received: 512\n\nsent 2048 bytes  received 512 bytes\n"

const cut = (text: string, at: ReadonlyArray<number>) => {
  const places = [0, ...at.map((place) => place % text.length).toSorted((a, b) => a - b), text.length]
  return places.slice(1).map((end, index) => text.slice(places[index], end))
}

const whole = (pieces: ReadonlyArray<string>) => {
  let rest = ""
  let last: Progress | null = null
  const lines: Array<string> = []
  for (const piece of pieces) {
    const read = readOutput(rest, piece)
    rest = read.rest
    last = read.progress ?? last
    lines.push(...read.lines)
  }
  return { rest, last, lines }
}

const versionText = (abilities: string) =>
  `rsync  version 3.2.7  protocol version 31\nCapabilities:\n    ${abilities}\n`

describe("rsync's stdout", () => {
  it("says the same wherever the pieces end", () => {
    const expected = whole([stdout])
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (at) => {
        assert.deepStrictEqual(whole(cut(stdout, at)), expected)
      })
    )
  })

  it("tells the progress", () => {
    assert.deepStrictEqual(whole([stdout]).last, {
      bytes: 1_234_600_658,
      percent: 99,
      rate: 99 * 1024,
      etaSeconds: 3602,
      files: 7,
      toCheck: 3,
      known: 4711,
      scanning: false
    })
    const first = readOutput("", stdout.slice(0, 75)).progress
    assert.isTrue(first?.scanning)
    assert.strictEqual(first?.known, 2006)
    const middle = readOutput("", "     1234567890  12%  117.21MB/s    0:01:12  \r").progress
    assert.strictEqual(middle?.etaSeconds, 72)
    assert.isNull(readOutput("", "  5   0%    0.00kB/s  ??:??:??\r").progress?.etaSeconds)
  })

  it("ends in numbers", () => {
    assert.deepStrictEqual(parseStats(stdout), {
      files: 4711,
      created: 7,
      deleted: 2,
      transferred: 7,
      totalSize: 9_876_543_210,
      transferredSize: 1_234_600_658,
      literal: 1000,
      matched: 1_234_599_658,
      sent: 2048,
      received: 512
    })
  })

  it("never throws, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (rest, piece) => {
        readOutput(rest, piece)
        readProblems({ ...noProblems, rest }, piece)
        parseStats(piece)
        parseVersion(piece)
      })
    )
  })
})

describe("rsync's stderr", () => {
  const stderr =
    'rsync: [sender] send_files failed to open "/etc/shadow": Permission denied (13)\n' +
    'rsync: [sender] opendir "/root" failed: Permission denied (13)\n' +
    'file has vanished: "/tmp/x"\n' +
    "rsync: [Receiver] write error: Broken pipe (32)\n" +
    'rsync: [sender] link_stat "/data/nothere" failed: No such file or directory (2)\n' +
    "rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1956) [sender=3.5.0]\n"

  it("is counted by file, wherever the pieces end", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (at) => {
        const read = cut(stderr, at).reduce(readProblems, noProblems)
        assert.strictEqual(read.count, 3)
        assert.strictEqual(read.missing, 1)
        assert.match(read.first[0] ?? "", /shadow/)
      })
    )
  })

  it("tells what could not be put in its place", () => {
    const lines = [
      'rsync: [receiver] rename "/data/etc/.hosts.Xyz123" -> "hosts": Device or resource busy (16)',
      "could not make way for new regular file: dir/c"
    ]
    const read = readProblems(noProblems, lines.map((line) => `${line}\n`).join(""))
    assert.deepStrictEqual([read.count, read.missing, read.first], [2, 0, lines])
  })

  it("is counted to the end, and kept only at first", () => {
    const many = 'rsync: [sender] read errors mapping "/x": Input/output error (5)\n'.repeat(1000)
    const read = readProblems(noProblems, many)
    assert.strictEqual(read.count, 1000)
    assert.strictEqual(read.first.length, 20)
  })
})

describe("rsync's version", () => {
  it("says what it was built with", () => {
    assert.deepStrictEqual(parseVersion(versionText("append, ACLs, xattrs, optional protect-args")), {
      version: "3.2.7",
      acls: true,
      xattrs: true
    })
    assert.deepStrictEqual(parseVersion(versionText("append, no ACLs, no xattrs, ACL-at")), {
      version: "3.2.7",
      acls: false,
      xattrs: false
    })
    assert.isNull(parseVersion("BusyBox"))
  })
})
