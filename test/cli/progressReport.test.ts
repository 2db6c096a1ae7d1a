// What a reader sees of a backup on its way and at its end: a line that moves, a line a minute, an object a line, the summary.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { summary } from "../../src/cli/backup.ts"
import { progressReport, type ProgressStyle, progressText } from "../../src/cli/progressReport.ts"
import type { Progress } from "../../src/domain/rsync/progress.ts"
import type { BackupResult } from "../../src/programs/Backup.ts"

const half: Progress = {
  bytes: 1_200_000_000,
  percent: 7,
  rate: 88_000_000,
  etaSeconds: null,
  files: 3,
  toCheck: 500,
  known: 1000,
  scanning: false
}

/** What goes to stderr while `work` is done. */
const onStderr = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const written: Array<string> = []
      const write = process.stderr.write
      process.stderr.write = ((text: string) => written.push(text) > 0) as typeof write
      return { written, restore: () => (process.stderr.write = write) }
    }),
    ({ written }) => Effect.as(work, written),
    ({ restore }) => Effect.sync(restore)
  )

/** Two minutes with a step of progress each second, and the end. */
const twoMinutes = (style: ProgressStyle) =>
  Effect.gen(function* () {
    const { clear, progress } = yield* progressReport(style)
    for (let second = 0; second < 120; second++) {
      yield* TestClock.adjust("1 second")
      if (progress !== undefined) yield* progress({ ...half, toCheck: 1000 - second })
    }
    yield* clear
  })

describe("progress", () => {
  it("counts files looked at, and tells the time that is left once rsync has found all", () => {
    assert.strictEqual(progressText(half, 60), "50 %  500 of 1000 files  1.2 GB sent  88.0 MB/s  ETA 1 min 0 s")
    assert.strictEqual(
      progressText({ ...half, scanning: true }, 60),
      "50 %  500 of 1000+ files  1.2 GB sent  88.0 MB/s"
    )
    assert.notInclude(progressText({ ...half, toCheck: 1000 }, 60), "ETA")
  })

  it.effect("on a terminal is one line that moves and leaves nothing behind", () =>
    Effect.gen(function* () {
      const written = yield* onStderr(twoMinutes("terminal"))
      assert.lengthOf(written, 121)
      assert.isTrue(written.every((text) => text.startsWith("\r\x1b[K") && !text.includes("\n")))
      assert.strictEqual(written.at(-1), "\r\x1b[K")
    })
  )

  it.effect("in a log is a line a minute", () =>
    Effect.gen(function* () {
      const written = yield* onStderr(twoMinutes("log"))
      assert.deepStrictEqual(
        written.map((text) => /^byteback: (\d+ %) .*\n$/.exec(text)?.[1]),
        ["5 %", "11 %"]
      )
    })
  )

  it.effect("as JSON is an object a line on stdout", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* onStderr(twoMinutes("json")), [])
      const lines = yield* TestConsole.logLines
      assert.lengthOf(lines, 120)
      assert.deepStrictEqual(JSON.parse(String(lines[0])), { type: "progress", ...half, toCheck: 1000 })
    })
  )

  it.effect("is nothing where nobody wants to know, nor before the first file is found", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* onStderr(twoMinutes("none")), [])
      const { progress } = yield* progressReport("terminal")
      assert.deepStrictEqual(yield* onStderr(progress!({ ...half, known: 0 })), [])
    })
  )
})

describe("the summary", () => {
  const result: BackupResult = {
    host: "web",
    outcome: "complete",
    snapshot: { name: "2026-11-23T17:52+0000", at: 1_795_456_320, state: "complete", held: false },
    stats: {
      files: 1000,
      created: 1,
      deleted: 2,
      transferred: 3,
      totalSize: 0,
      transferredSize: 0,
      literal: 0,
      matched: 0,
      sent: 1_200_000,
      received: 0
    },
    unreadable: 0,
    problems: [],
    postHookFailed: null,
    attempts: 1,
    startedAt: 0,
    seconds: 61
  }
  const sent = "3 of 1000 files changed, 1.2 MB sent, 2 deleted, in 1 min 1 s"

  it("is one line for a good run", () => {
    assert.deepStrictEqual(summary(result), [`backup of web complete: snapshot 2026-11-23T17:52+0000; ${sent}`])
    const dry = { ...result, outcome: "dry-run", snapshot: null } as const
    assert.deepStrictEqual(summary(dry), [`dry run of web: ${sent}; nothing was changed`])
  })

  it("names what could not be read, without its control bytes", () => {
    const problems = ['rsync: [sender] send_files failed to open "/a\x1b[2J": Permission denied (13)']
    const lines = summary({ ...result, outcome: "incomplete", unreadable: 1, problems })
    assert.match(lines[0]!, /^backup of web incomplete: /)
    assert.match(lines[1]!, /^1 files? could not be read and (is|are) missing/)
    assert.notInclude(lines[2], "\x1b")
    assert.lengthOf(lines, 3)
  })

  it("says of a snapshot that looks wrong that it does", () => {
    const suspect = { ...result.snapshot!, state: "suspect" } as const
    assert.include(summary({ ...result, snapshot: suspect })[0], "snapshot 2026-11-23T17:52+0000 (suspect); ")
  })
})
