// The btrfs tool itself, on a loopback filesystem, keeps Btrfs's promises.
import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { Btrfs } from "../../src/services/Btrfs.ts"
import { Exec } from "../../src/services/Exec.ts"
import { suite } from "../services/Btrfs.contract.ts"
import { btrfsImage, isRoot, needsRoot } from "./btrfsImage.ts"

const layer = Btrfs.layer.pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))

describe.skipIf(!isRoot)(`on loopback btrfs${needsRoot}`, () => {
  suite("the tool", layer, btrfsImage())

  describe("Btrfs, beyond the stand-in", () => {
    const fact = (title: string, body: (btrfs: Btrfs["Service"], top: string) => Effect.Effect<unknown, unknown>) =>
      it.live(title, () =>
        Effect.gen(function* () {
          yield* body(yield* Btrfs, yield* btrfsImage())
        }).pipe(Effect.scoped, Effect.provide(layer))
      )

    fact("counts the bytes that were written since a snapshot, and no others", (btrfs, top) =>
      Effect.gen(function* () {
        const MiB = 1024 * 1024
        yield* btrfs.subvolumeCreate(`${top}/a`)
        writeFileSync(`${top}/a/old`, Buffer.alloc(4 * MiB, "x"))
        yield* btrfs.snapshot(`${top}/a`, `${top}/s1`)
        writeFileSync(`${top}/a/a name\nof two lines`, Buffer.alloc(2 * MiB, "y"))
        yield* btrfs.snapshot(`${top}/a`, `${top}/s2`)
        assert.strictEqual((yield* btrfs.newBytes(`${top}/s2`, `${top}/s1`)).bytes, 2 * MiB)
        assert.strictEqual((yield* btrfs.newBytes(`${top}/s2`, null)).bytes, 6 * MiB)
      })
    )

    fact(
      "tells the metadata of each snapshot beyond the one before it, of files without a byte and of attributes",
      (btrfs, top) =>
        Effect.gen(function* () {
          yield* btrfs.subvolumeCreate(`${top}/a`)
          for (let file = 0; file < 2000; file++) writeFileSync(`${top}/a/${"n".repeat(200)}${file}`, "")
          yield* btrfs.snapshot(`${top}/a`, `${top}/s1`)
          yield* btrfs.snapshot(`${top}/a`, `${top}/s2`)
          writeFileSync(`${top}/a/one`, "a small one lies in metadata")
          execFileSync("setfattr", ["-n", "user.large", "-v", "x".repeat(12_000), `${top}/a/one`])
          yield* btrfs.snapshot(`${top}/a`, `${top}/s3`)
          const [first, second, third] = yield* btrfs.metadata([`${top}/s1`, `${top}/s2`, `${top}/s3`])
          assert.isAbove(first!, 2000 * 3 * 200)
          assert.isBelow(first!, 2000 * 2000)
          assert.isBelow(second!, 32_000)
          assert.isAbove(third!, 12_000)
          assert.isBelow(third!, 200_000)
          const error = yield* Effect.flip(btrfs.metadata([`${top}/none`]))
          assert.strictEqual(error._tag === "BtrfsError" && error.reason, "not-found")
        })
    )

    it.live("counts what compression leaves of what was written, as that is what it takes of the disk", () =>
      Effect.gen(function* () {
        const btrfs = yield* Btrfs
        const top = yield* btrfsImage(undefined, "compress-force=zstd")
        const MiB = 1024 * 1024
        yield* btrfs.subvolumeCreate(`${top}/a`)
        yield* btrfs.snapshot(`${top}/a`, `${top}/s1`)
        const { data } = yield* btrfs.usage(top)
        const line = (n: number) =>
          `Nov 25 18:00:01 server app[${(n * 7919) % 10007}]: request served in ${n % 97} ms\n`
        const log = Array.from({ length: 200_000 }, (_, n) => line(n)).join("")
        writeFileSync(`${top}/a/log`, log)
        yield* btrfs.snapshot(`${top}/a`, `${top}/s2`)
        yield* btrfs.sync(top)
        const { bytes } = yield* btrfs.changes(`${top}/s2`, `${top}/s1`)
        const took = (yield* btrfs.usage(top)).data.used - data.used
        assert.isBelow(bytes, log.length / 3)
        assert.approximately(bytes, took, MiB)
      }).pipe(Effect.scoped, Effect.provide(layer))
    )

    /** What is changed between two snapshots of a subvolume. */
    const changed = Effect.fnUntraced(function* (
      btrfs: Btrfs["Service"],
      at: string,
      before: () => void,
      after: () => void
    ) {
      yield* btrfs.subvolumeCreate(at)
      before()
      for (const name of ["s1", "s2"]) {
        if (name === "s2") after()
        yield* btrfs.snapshot(at, `${at}-${name}`)
        yield* btrfs.setReadOnly(`${at}-${name}`, true)
      }
      return yield* btrfs.changes(`${at}-s2`, `${at}-s1`)
    })

    fact("counts a file as rewritten where one of its name was there before, however it was written", (btrfs, top) =>
      Effect.gen(function* () {
        const a = `${top}/a`
        const large = Buffer.alloc(100_000, "x")
        const found = yield* changed(
          btrfs,
          a,
          () => {
            mkdirSync(`${a}/d/e`, { recursive: true })
            for (const name of ["grown", "replaced", "touched", "same", "d/e/deep"])
              writeFileSync(`${a}/${name}`, large)
          },
          () => {
            writeFileSync(`${a}/grown`, large, { flag: "a" })
            writeFileSync(`${a}/.replaced`, large)
            renameSync(`${a}/.replaced`, `${a}/replaced`)
            utimesSync(`${a}/touched`, 0, 0)
            writeFileSync(`${a}/d/e/deep`, "a small one lies in metadata")
            for (const name of ["new", "d/new"]) writeFileSync(`${a}/${name}`, large)
            writeFileSync(`${a}/empty`, "")
          }
        )
        assert.deepInclude(found, { rewritten: 3, created: 2 })
      })
    )

    fact("counts a file as new where what stood in its way before was none, and looks behind no link", (btrfs, top) =>
      Effect.gen(function* () {
        mkdirSync(`${top}/outside/d`, { recursive: true })
        for (const name of ["f", "d/f"]) writeFileSync(`${top}/outside/${name}`, "not the host's")
        const links = {
          "another directory of it": "d",
          "a directory outside": "../outside",
          "a directory outside, by its whole path": `${top}/outside`,
          itself: "x",
          nothing: "none"
        }
        const stood: Record<string, (path: string) => void> = {
          "a file": (path) => writeFileSync(path, "a file"),
          "a directory": (path) => mkdirSync(`${path}/f`, { recursive: true }),
          "a fifo": (path) => execFileSync("mkfifo", [path])
        }
        for (const [name, target] of Object.entries(links))
          stood[`a link to ${name}`] = (path) => symlinkSync(target, path)
        for (const [n, [what, make]] of Object.entries(stood).entries()) {
          const a = `${top}/${n}`
          const found = yield* changed(
            btrfs,
            a,
            () => {
              mkdirSync(`${a}/d/d`, { recursive: true })
              for (const name of ["d/f", "d/d/f"]) writeFileSync(`${a}/${name}`, "it was there")
              make(`${a}/x`)
            },
            () => {
              rmSync(`${a}/x`, { recursive: true })
              mkdirSync(`${a}/x/d`, { recursive: true })
              for (const name of ["x/f", "x/d/f"]) writeFileSync(`${a}/${name}`, "it is new")
            }
          )
          assert.deepInclude(found, { rewritten: 0, created: 2 }, what)
        }
      })
    )

    fact("counts a file that took the place of a directory or of a link to a file as new", (btrfs, top) =>
      Effect.gen(function* () {
        const a = `${top}/a`
        const found = yield* changed(
          btrfs,
          a,
          () => {
            writeFileSync(`${a}/f`, "a file")
            mkdirSync(`${a}/was a directory/d`, { recursive: true })
            symlinkSync("f", `${a}/was a link`)
          },
          () => {
            for (const name of ["was a directory", "was a link"]) {
              rmSync(`${a}/${name}`, { recursive: true })
              writeFileSync(`${a}/${name}`, "a file")
            }
          }
        )
        assert.deepInclude(found, { rewritten: 0, created: 2 })
      })
    )

    fact("counts files whose names are of many lines, are no text, or lie too deep for any path", (btrfs, top) =>
      Effect.gen(function* () {
        const a = `${top}/a`
        const forged = "x\ninode 9 file offset 0 len 1 disk start 0 offset 0 gen 99 flags NONE old"
        const odd = [forged, "two\n", "\u001b[2J", " "].map((name) => Buffer.from(name))
        odd.push(Buffer.from([0x66, 0xff, 0xfe, 0xe9]))
        const write = (text: string) => {
          for (const name of odd) writeFileSync(Buffer.concat([Buffer.from(`${a}/`), name]), text)
        }
        // No path may be longer than 4095 bytes, and btrfs's own tools end before that.
        const deep = (part: string, text: string) => {
          const script =
            'my ($at, $part, $text) = @ARGV; chdir $at or die; for (1..40) { mkdir $part; chdir $part or die; next if $_ % 10; open(my $f, ">", "f") or die; print $f $text; close $f }'
          execFileSync("perl", ["-e", script, a, part, text])
        }
        const found = yield* changed(
          btrfs,
          a,
          () => {
            for (const name of ["old", "f"]) writeFileSync(`${a}/${name}`, "old")
            write("before")
            deep("d".repeat(200), "before")
          },
          () => {
            write("after")
            deep("d".repeat(200), "after")
            deep("e".repeat(200), "after")
          }
        )
        // Those at 2,000 and, with 4,000, just within; what no path leads to is taken for new.
        assert.deepInclude(found, { rewritten: odd.length + 2, created: 6 })
      })
    )

    fact("counts what a snapshot holds and a newer one does not: nothing where data was only added", (btrfs, top) =>
      Effect.gen(function* () {
        const MiB = 1024 * 1024
        yield* btrfs.subvolumeCreate(`${top}/a`)
        const picture = (name: string) =>
          Effect.andThen(btrfs.snapshot(`${top}/a`, `${top}/${name}`), btrfs.setReadOnly(`${top}/${name}`, true))
        for (const name of ["x", "y"]) writeFileSync(`${top}/a/${name}`, Buffer.alloc(2 * MiB, name))
        yield* picture("s1")
        writeFileSync(`${top}/a/x`, Buffer.alloc(MiB, "more"), { flag: "a" })
        writeFileSync(`${top}/a/new`, Buffer.alloc(MiB, "z"))
        renameSync(`${top}/a/y`, `${top}/a/elsewhere`)
        yield* picture("s2")
        assert.strictEqual(yield* btrfs.outlived(`${top}/s1`, `${top}/s2`), 0)
        rmSync(`${top}/a/elsewhere`)
        yield* picture("s3")
        assert.strictEqual(yield* btrfs.outlived(`${top}/s1`, `${top}/s3`), 2 * MiB)
      })
    )

    fact("takes only the root of a subvolume for one: no directory, file, link or other filesystem", (btrfs, top) =>
      Effect.gen(function* () {
        mkdirSync(`${top}/directory`)
        writeFileSync(`${top}/file`, "")
        yield* btrfs.subvolumeCreate(`${top}/a`)
        symlinkSync(`${top}/a`, `${top}/link`)
        for (const path of [`${top}/directory`, `${top}/file`, `${top}/link`, `${top}/file/x`, "/proc"]) {
          assert.isFalse(yield* btrfs.isSubvolume(path), path)
        }
        const error = yield* Effect.flip(btrfs.deleteSubvolume(`${top}/directory`))
        assert.include(error.message, "not a subvolume")
      })
    )

    fact("deletes what lies deep within, under names with newlines, and where only a part is mounted", (btrfs, top) =>
      Effect.gen(function* () {
        yield* btrfs.subvolumeCreate(`${top}/a`)
        mkdirSync(`${top}/a/deep\ndown/below`, { recursive: true })
        yield* btrfs.subvolumeCreate(`${top}/a/deep\ndown/below/inner`)
        yield* btrfs.subvolumeCreate(`${top}/a/part`)
        yield* btrfs.subvolumeCreate(`${top}/a/part/x`)
        yield* btrfs.subvolumeCreate(`${top}/a/part/x/y`)
        const other = `${top}-part`
        mkdirSync(other)
        yield* Effect.acquireUseRelease(
          Effect.sync(() => execFileSync("mount", ["--bind", `${top}/a/part`, other])),
          () => btrfs.deleteSubvolume(`${other}/x`),
          () =>
            Effect.sync(() => {
              execFileSync("umount", [other])
              rmSync(other, { recursive: true })
            })
        )
        assert.isFalse(yield* btrfs.isSubvolume(`${top}/a/part/x`))
        yield* btrfs.deleteSubvolume(`${top}/a`)
        assert.isFalse(yield* btrfs.isSubvolume(`${top}/a`))
      })
    )

    fact("deletes nothing of another host when names within forge the tool's lines", (btrfs, top) =>
      Effect.gen(function* () {
        yield* btrfs.subvolumeCreate(`${top}/victim`)
        yield* btrfs.subvolumeCreate(`${top}/a`)
        for (const path of ["victim", "a/../victim"]) {
          mkdirSync(`${top}/a/x\nID 256 gen 7 top level 5 path ${path}`, { recursive: true })
          yield* btrfs.subvolumeCreate(`${top}/a/x\nID 256 gen 7 top level 5 path ${path}/inner`)
        }
        // It may refuse; what counts is what is left alone.
        yield* Effect.exit(btrfs.deleteSubvolume(`${top}/a`))
        assert.isTrue(yield* btrfs.isSubvolume(`${top}/victim`))
      })
    )

    fact("gives badly filled chunks of data back by a balance, and keeps what is in them", (btrfs, top) =>
      Effect.gen(function* () {
        const MiB = 1024 * 1024
        for (let n = 0; n < 300; n++) writeFileSync(`${top}/${n}`, Buffer.alloc(MiB, n))
        execFileSync("sync", ["-f", top])
        for (let n = 0; n < 300; n++) if (n % 10 !== 0) rmSync(`${top}/${n}`)
        yield* btrfs.sync(top)
        const before = yield* btrfs.usage(top)
        assert.isAbove(before.data.size - before.data.used, 150 * MiB)
        yield* btrfs.balance(top, "data")
        const after = yield* btrfs.usage(top)
        assert.isAbove(after.unallocated, before.unallocated + 100 * MiB)
        for (let n = 0; n < 300; n += 10) {
          assert.isTrue(readFileSync(`${top}/${n}`).equals(Buffer.alloc(MiB, n)), String(n))
        }
        yield* btrfs.balance(top, "metadata")
      })
    )

    fact("says so where there is no btrfs", (btrfs, top) =>
      Effect.gen(function* () {
        const reasons = yield* Effect.forEach(
          [
            btrfs.subvolumeCreate("/run/byteback-none"),
            btrfs.usage("/proc"),
            btrfs.snapshot(top, "/run/byteback-none")
          ],
          (work) => Effect.map(Effect.flip(work), (error) => (error._tag === "BtrfsError" ? error.reason : error._tag))
        )
        assert.deepStrictEqual(reasons, ["not-btrfs", "not-btrfs", "not-btrfs"])
      })
    )
  })
})
