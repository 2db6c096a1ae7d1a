// btrfs send's stream: pieces of any size give the same commands, and nothing that is no stream is taken for one.
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { SendChanges } from "../../src/domain/sendChanges.ts"
import { NotASendStream, SendStream } from "../../src/domain/sendStream.ts"

const path = { from: 15, to: 16, link: 17 }

const command = (number: number, ...attributes: ReadonlyArray<readonly [number, string]>): Buffer => {
  const body = Buffer.concat(
    attributes.map(([type, text]) => {
      const head = Buffer.alloc(4)
      head.writeUInt16LE(type, 0)
      head.writeUInt16LE(text.length, 2)
      return Buffer.concat([head, Buffer.from(text, "latin1")])
    })
  )
  const head = Buffer.alloc(10)
  head.writeUInt32LE(body.length, 0)
  head.writeUInt16LE(number, 4)
  return Buffer.concat([head, body])
}

const stream = (...commands: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat([Buffer.from("btrfs-stream\0\x01\0\0\0", "latin1"), ...commands])

const mkfile = (at: string) => command(3, [path.from, at])
const mkdir = (at: string) => command(4, [path.from, at])
const rename = (at: string, to: string) => command(9, [path.from, at], [path.to, to])
const link = (at: string, to: string) => command(10, [path.from, at], [path.link, to])
const unlink = (at: string) => command(11, [path.from, at])
const write = (at: string) => command(22, [path.from, at])
const chmod = (at: string) => command(18, [path.from, at])
const utimes = (at: string) => command(20, [path.from, at])
const end = command(21)

const changesOf = (...commands: ReadonlyArray<Buffer>) => {
  const changes = new SendChanges()
  for (const one of new SendStream().take(stream(...commands))) changes.apply(one)
  return [...changes.changes()]
    .map(({ change, from, path: at }) => `${change} ${at}${from === null || from === at ? "" : ` from ${from}`}`)
    .toSorted()
}

describe("a send stream", () => {
  const whole = stream(mkfile("o1-2-0"), rename("o1-2-0", "a/b\xff"), write("a/b\xff"), utimes("a"), end)

  it("gives the same commands in pieces of any size", () => {
    const all = new SendStream().take(whole)
    assert.deepStrictEqual(
      all.map(({ _tag }) => _tag),
      ["make", "rename", "content", "times", "end"]
    )
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sizes) => {
        const reader = new SendStream()
        const found = []
        for (let at = 0, turn = 0; at < whole.length; turn += 1) {
          const size = sizes[turn % sizes.length]!
          found.push(...reader.take(whole.subarray(at, at + size)))
          at += size
        }
        assert.deepStrictEqual(found, [...all])
      })
    )
  })

  it("is refused as soon as it cannot be one, and no bytes make it fail in another way", () => {
    assert.throws(() => new SendStream().take(Buffer.from("ERROR: cannot find parent")), NotASendStream)
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, noise) => {
        const bent = Buffer.concat([whole.subarray(0, at), noise, whole.subarray(at)])
        try {
          new SendStream().take(bent)
        } catch (error) {
          assert.instanceOf(error, NotASendStream)
        }
      }),
      { numRuns: 500 }
    )
  })
})

describe("the changes that a stream comes to", () => {
  it("folds temporary names away, in new files and in directories that are emptied", () => {
    assert.deepStrictEqual(changesOf(mkfile("o5-1-0"), rename("o5-1-0", "d/new"), write("d/new"), utimes("d")), [
      "added d/new",
      "times d"
    ])
    assert.deepStrictEqual(changesOf(rename("old", "o7-1-0"), unlink("o7-1-0/in"), unlink("o7-1-0")), [
      "removed old",
      "removed old/in"
    ])
  })

  it("tells a renamed directory once, and what changed in it by its new name", () => {
    assert.deepStrictEqual(changesOf(rename("a", "b"), write("b/x"), unlink("b/y")), [
      "content b/x from a/x",
      "removed a/y",
      "renamed b from a"
    ])
  })

  it("knows a moved file although it is linked anew before the old name goes", () => {
    assert.deepStrictEqual(changesOf(link("b/x", "a/x"), unlink("a/x")), ["renamed b/x from a/x"])
    assert.deepStrictEqual(changesOf(link("b/x", "a/x")), ["added b/x"])
  })

  it("tells a file that took another's place as changed", () => {
    assert.deepStrictEqual(changesOf(unlink("x"), mkfile("o9-1-0"), rename("o9-1-0", "x"), write("x")), ["content x"])
    assert.deepStrictEqual(changesOf(unlink("x"), mkdir("o9-1-0"), rename("o9-1-0", "x")), ["content x"])
  })

  it("tells rights as metadata unless content was written too", () => {
    assert.deepStrictEqual(changesOf(chmod("m"), utimes("m"), write("c"), chmod("c")), ["content c", "metadata m"])
  })
})
