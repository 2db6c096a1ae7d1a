// Tar headers: lengths, sums and records as every reader checks them. Whole trees go through GNU tar in the lab.
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { type TarEntry, tarHeader, tarPadding } from "../../src/domain/tar.ts"

const bytes = (least: number, most: number) =>
  fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: least, maxLength: most })
    .map((codes) => String.fromCharCode(...codes))
const big = fc.integer({ min: 0, max: 2 ** 32 - 1 })

const entry: fc.Arbitrary<TarEntry> = fc.record({
  name: bytes(1, 300),
  kind: fc.constantFrom("0", "1", "2", "3", "4", "5", "6"),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: big,
  gid: big,
  size: fc.integer({ min: 0, max: 2 ** 50 }),
  mtime: fc.bigInt({ min: -(10n ** 19n), max: 10n ** 20n }),
  target: bytes(0, 300),
  device: fc.tuple(big, big),
  xattrs: fc.array(fc.tuple(bytes(1, 20), bytes(0, 200))).map((pairs) => new Map(pairs)),
  acl: fc.record({ access: fc.constantFrom(null, "user::rw-"), default: fc.constant(null) })
})

const cString = (text: string) => text.slice(0, text.indexOf("\0") < 0 ? text.length : text.indexOf("\0"))

const number = (field: string): number => {
  if (field.charCodeAt(0) !== 0x80) return Number.parseInt(field, 8)
  return [...field.slice(1)].reduce((value, char) => value * 256 + char.charCodeAt(0), 0)
}

/** A naive reader of what stands before an entry's content. */
const read = (archive: string) => {
  let name: string | null = null
  let target: string | null = null
  const records: Array<readonly [string, string]> = []
  for (let at = 0; ;) {
    const header = archive.slice(at, at + 512)
    assert.strictEqual(header.length, 512)
    const sum = [...`${header.slice(0, 148)}        ${header.slice(156)}`].reduce(
      (all, one) => all + one.charCodeAt(0),
      0
    )
    assert.strictEqual(number(header.slice(148, 155)), sum)
    const kind = header[156]!
    const size = number(header.slice(124, 136))
    if (!/[LKx]/.test(kind)) {
      assert.strictEqual(at + 512, archive.length)
      return {
        kind,
        size,
        name: name ?? cString(header.slice(0, 100)),
        target: target ?? cString(header.slice(157, 257)),
        mode: number(header.slice(100, 107)),
        uid: number(header.slice(108, 116)),
        gid: number(header.slice(116, 124)),
        seconds: number(header.slice(136, 147)),
        device: [number(header.slice(329, 337)), number(header.slice(337, 345))],
        records: new Map(records)
      }
    }
    const content = archive.slice(at + 512, at + 512 + size)
    if (kind === "L") name = cString(content)
    else if (kind === "K") target = cString(content)
    else
      for (let from = 0; from < content.length;) {
        const length = Number(/^\d+/.exec(content.slice(from))?.[0])
        const one = content.slice(from, from + length)
        assert.strictEqual(one.at(-1), "\n")
        const [, key = "", value = ""] = /^\d+ ([^=]*)=([^]*)\n$/.exec(one) ?? []
        records.push([key, value])
        from += length
      }
    at += 512 + size + tarPadding(size).length
  }
}

describe("a tar header", () => {
  it("says all of an entry to a reader that knows nothing of how it was written", () => {
    fc.assert(
      fc.property(entry, (given) => {
        const found = read(tarHeader(given))
        const { kind, mode, uid, gid, size, target, device } = given
        const name = kind === "5" ? `${given.name}/` : given.name
        assert.deepInclude(found, { kind, name, mode, uid, gid, size, target })
        assert.deepStrictEqual(found.device, [...device])
        const exact = found.records.get("mtime")
        const [whole = "0", fraction = "0"] = (exact ?? String(found.seconds)).replace("-", "").split(".")
        const magnitude = BigInt(whole) * 10n ** 9n + BigInt(fraction.padEnd(9, "0"))
        assert.strictEqual(exact?.startsWith("-") === true ? -magnitude : magnitude, given.mtime)
        for (const [key, value] of given.xattrs) {
          const escaped = key.replaceAll("%", "%25").replaceAll("=", "%3D")
          assert.strictEqual(found.records.get(`SCHILY.xattr.${escaped}`), value)
        }
        assert.strictEqual(found.records.get("SCHILY.acl.access") ?? null, given.acl.access)
      })
    )
  })
})
