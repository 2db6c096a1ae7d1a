// What the runner beside a push decides of a store that is nearly full: its shell script, held to the domain's own figures.
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as fc from "fast-check"
import { metadataFree, parseUsage } from "../src/domain/storeUsage.ts"

const script = join(import.meta.dirname, "../packaging/run-share")
const MiB = 2 ** 20

/** What `btrfs filesystem usage -b` prints. */
const usage = (figures: {
  readonly unallocated: number
  readonly used: number
  readonly free: number
  readonly metadata: readonly [size: number, used: number]
  readonly reserve: number
  readonly copies: 1 | 2
}) => `Overall:
    Device size:\t\t      1073741824
    Device allocated:\t\t       570425344
    Device unallocated:\t\t       ${figures.unallocated}
    Device missing:\t\t               0
    Used:\t\t\t          ${figures.used}
    Free (estimated):\t\t       ${figures.free}\t(min: 260046848)
    Free (statfs, df):\t\t       510656512
    Data ratio:\t\t\t            ${figures.copies}.00
    Metadata ratio:\t\t            2.00
    Global reserve:\t\t         ${figures.reserve}\t(used: 0)
    Multiple profiles:\t\t              no

Data,single: Size:8388608, Used:0 (0.00%)
   /dev/loop0\t   8388608

Metadata,DUP: Size:${figures.metadata[0]}, Used:${figures.metadata[1]} (0.06%)
   /dev/loop0\t 107347968
`

/** Runs lines of shell after the script. */
const sh = (lines: string, env: Readonly<Record<string, string>> = {}) => {
  const { status, stdout } = spawnSync("sh", ["-uc", `. ${script}\n${lines}`], {
    env: { PATH: "/usr/bin:/bin", ...env },
    encoding: "utf8",
    timeout: 20_000
  })
  return { status, stdout }
}

const bytes = fc.integer({ min: 0, max: 2 ** 46 })

describe("run-share", () => {
  it("reads of a store what the domain reads", () => {
    fc.assert(
      fc.property(
        fc.record({
          unallocated: bytes,
          used: bytes,
          free: bytes,
          metadata: fc.tuple(bytes, bytes).map(([a, b]) => [Math.max(a, b), Math.min(a, b)] as const),
          reserve: bytes,
          copies: fc.constantFrom(1, 2)
        }),
        (figures) => {
          const text = usage(figures)
          const { stdout } = sh('measure <<EOF\n$TEXT\nEOF\necho "$free $metadata $used"', { TEXT: text })
          const known = parseUsage(text)!
          const expected = [known.free, metadataFree(known), figures.used / figures.copies].map(Math.floor)
          assert.strictEqual(stdout, `${expected.join(" ")}\n`)
        }
      ),
      { numRuns: 50 }
    )
    assert.notStrictEqual(sh("measure </dev/null").status, 0, "nothing is known where btrfs says nothing")
  })

  it("counts what a process and its children wrote, as the kernel does, and goes on where one is gone", () => {
    const file = join(mkdtempSync(join(tmpdir(), "byteback-share-")), "file")
    const { stdout } = sh(
      `sh -c 'head -c 3000000 /dev/zero >${file}; sync ${file}; exec sleep 20' >/dev/null 2>&1 & child=$!
       until [ "$(readlink /proc/$child/exe)" = /usr/bin/sleep ]; do :; done
       written=0; count_written $child; echo $written
       written=0; count_written $$; echo $written
       sed -n 's/^write_bytes: //p' /proc/$child/io /proc/$$/io
       count_written 4999999 2>/dev/null || :
       echo on; kill $child`
    )
    rmSync(dirname(file), { recursive: true })
    const [child, both, ...lines] = stdout.trim().split("\n")
    const [ofChild, ofShell, on] = lines
    assert.strictEqual(child, ofChild)
    assert.strictEqual(Number(both), Number(ofChild) + Number(ofShell))
    assert.strictEqual(on, "on")
  })

  /** What is decided after a push began with 500 MiB used and 300 MiB free, by MiB. */
  const decide = (now: {
    readonly room: number
    readonly free: number
    readonly metadata: number
    readonly used: number
    readonly written: number
  }) => {
    const run = mkdtempSync(join(tmpdir(), "byteback-share-"))
    try {
      const at = (used: number, free: number, metadata: number) =>
        usage({
          unallocated: 0,
          used: used * MiB,
          free: free * MiB,
          metadata: [metadata * MiB, 0],
          reserve: 0,
          copies: 1
        })
      writeFileSync(`${run}/room`, "1\n")
      const { stdout } = sh(
        `btrfs() { echo "$TEXT"; }
         count_written() { written=${now.written * MiB}; }
         run=${run} room=${now.room * MiB} least_free=${128 * MiB} least_metadata=${80 * MiB} child=1 TEXT=$BEFORE
         takes_the_last || :
         TEXT=$AFTER
         if takes_the_last; then echo ended; else echo goes on; fi`,
        { BEFORE: at(500, 300, 300), AFTER: at(now.used, now.free, now.metadata) }
      )
      return { ended: stdout === "ended\n", room: readFileSync(`${run}/room`, "utf8") }
    } finally {
      rmSync(run, { recursive: true })
    }
  }

  const flood = { room: 100, free: 100, metadata: 300, used: 700, written: 200 }

  it("ends a push that takes more than its host's share of a store that is nearly full", () => {
    assert.isTrue(decide(flood).ended)
    assert.isTrue(decide({ ...flood, free: 300, metadata: 79 }).ended, "metadata runs out like data")
    assert.isTrue(
      decide({ ...flood, room: -1, used: 500, written: 0 }).ended,
      "its host has more than its share already"
    )
  })

  it("lets a push go on that is within the share, or while there is plenty", () => {
    assert.isFalse(decide({ ...flood, room: 200 }).ended)
    assert.isFalse(decide({ ...flood, free: 128, metadata: 80 }).ended)
    assert.isFalse(decide({ ...flood, written: 10 }).ended, "others took it")
  })

  it("looks at a store with plenty every tenth time", () => {
    const plenty = usage({ unallocated: 0, used: 0, free: 513 * MiB, metadata: [321 * MiB, 0], reserve: 0, copies: 1 })
    const { stdout } = sh(
      `btrfs() { echo looked >&2; echo "$TEXT"; }
       run=/nowhere room=0 least_free=${128 * MiB} least_metadata=${80 * MiB} child=1
       { for time in $(seq 21); do takes_the_last && echo ended; done; } 2>&1 | sort | uniq -c`,
      { TEXT: plenty }
    )
    assert.strictEqual(stdout.trim(), "3 looked")
  })

  it("has what the host holds measured before its next push, once the store is nearly full", () => {
    assert.strictEqual(decide({ ...flood, room: 200 }).room, "measure\n")
    assert.strictEqual(decide({ ...flood, free: 128 }).room, "1\n")
  })
})
