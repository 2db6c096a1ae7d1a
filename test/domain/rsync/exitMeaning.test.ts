// What each end of rsync means for a run.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { exitCode } from "../../../src/domain/exitCode.ts"
import { refusalLine } from "../../../src/domain/refusalLine.ts"
import { exitMeaning, type RsyncReason } from "../../../src/domain/rsync/exitMeaning.ts"

const failed = (reason: RsyncReason, retryable: boolean) => ({ _tag: "failed" as const, reason, retryable })
const closed = "rsync: connection unexpectedly closed (0 bytes received so far) [sender]\n"

describe("a transfer counts", () => {
  it("when all came, when files vanished meanwhile, and in part when some could not be read", () => {
    assert.deepStrictEqual(exitMeaning(0, ""), { _tag: "ended", outcome: "complete", exitCode: 0 })
    assert.deepStrictEqual(exitMeaning(24, "file has vanished"), { _tag: "ended", outcome: "vanished", exitCode: 24 })
    assert.deepStrictEqual(exitMeaning(23, "Permission denied (13)"), {
      _tag: "ended",
      outcome: "partial",
      exitCode: 23
    })
  })
})

describe("what may pass is tried again", () => {
  const passing = new Set([10, 11, 12, 20, 30, 35, 255])
  it("and nothing else", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 255 }), (code) => {
        const meaning = exitMeaning(code, closed)
        if (meaning._tag === "failed") assert.strictEqual(meaning.retryable, passing.has(code))
        else assert.include([23, 24], code)
      })
    )
  })
})

describe("a full disk", () => {
  const full =
    'rsync: [receiver] write failed on "a": No space left on device (28)\nrsync error: error in file IO (code 11)\n'
  it("is told from other trouble, whatever the code, and is final", () => {
    assert.deepStrictEqual(exitMeaning(11, full), failed("no-space", false))
    assert.deepStrictEqual(
      exitMeaning(23, 'rsync: [generator] recv_generator: mkdir "a" failed: No space left on device (28)\n'),
      failed("no-space", false)
    )
    assert.deepStrictEqual(
      exitMeaning(11, 'rsync: write failed on "a": Disk quota exceeded (122)\n'),
      failed("no-space", false)
    )
    assert.deepStrictEqual(
      exitMeaning(11, 'rsync: read errors mapping "a": Input/output error (5)\n'),
      failed("io", true)
    )
  })
  it("is not an xattr that is too large for the store", () => {
    const xattr = "rsync: [receiver] rsync_xal_set: lsetxattr(a, user.big) failed: No space left on device (28)\n"
    assert.deepStrictEqual(exitMeaning(23, xattr), { _tag: "ended", outcome: "partial", exitCode: 23 })
  })
})

describe("a refusal by our server", () => {
  const refused = (code: number) => exitMeaning(12, `${refusalLine({ code, message: "because" })}\n${closed}`)
  it("is final unless the server is busy", () => {
    assert.deepStrictEqual(refused(exitCode.busy), failed("busy", true))
    assert.deepStrictEqual(refused(exitCode.refused), failed("refused", false))
    assert.deepStrictEqual(refused(exitCode.notEnrolled), failed("not-enrolled", false))
    assert.deepStrictEqual(refused(exitCode.noSpace), failed("no-space", false))
    assert.deepStrictEqual(refused(exitCode.tooSoon), failed("too-soon", false))
    assert.deepStrictEqual(refused(exitCode.failed), failed("refused", false))
  })
})

describe("other ends", () => {
  const table: ReadonlyArray<readonly [number, RsyncReason]> = [
    [1, "usage"],
    [2, "protocol"],
    [4, "usage"],
    [10, "network"],
    [12, "network"],
    [20, "interrupted"],
    [30, "timeout"],
    [35, "timeout"],
    [127, "not-installed"],
    [255, "network"],
    [99, "failed"]
  ]
  for (const [code, reason] of table) {
    it(`${code} is ${reason}`, () => assert.propertyVal(exitMeaning(code, closed), "reason", reason))
  }
})

describe("a server that cannot be trusted", () => {
  it("is told from other trouble, and never tried again", () => {
    for (const [code, line] of [
      [4, "ERROR: rejecting unrequested file-list name: etc"],
      [4, "ERROR: rejecting excluded file-list name: etc"],
      [4, "ABORTING due to unsafe pathname from sender: ../x"],
      [2, "ABORTING due to invalid path from sender: door/x"]
    ] as const)
      assert.deepStrictEqual(exitMeaning(code, `${line}\nrsync error: x\n`), failed("untrustworthy", false))
  })
})
