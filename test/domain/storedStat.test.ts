// What --fake-super keeps of a file, read strictly: garbage is told as garbage, and never as something else.
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { natureOf, parseStoredStat } from "../../src/domain/storedStat.ts"

const types = { f: 0o100000, d: 0o040000, l: 0o120000, c: 0o020000, b: 0o060000, p: 0o010000, s: 0o140000 } as const
const id = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const type = fc.constantFrom(...(Object.keys(types) as ReadonlyArray<keyof typeof types>))

describe("a stored stat", () => {
  it("is read as rsync writes it", () => {
    fc.assert(
      fc.property(type, fc.integer({ min: 0, max: 0o7777 }), id, id, id, id, (kind, mode, major, minor, uid, gid) => {
        const text = `${(types[kind] | mode).toString(8)} ${major},${minor} ${uid}:${gid}`
        assert.deepStrictEqual(parseStoredStat(text), { type: kind, mode, device: [major, minor], uid, gid })
      })
    )
  })

  it("is garbage where a byte of it is not as rsync writes it", () => {
    const good = "100644 0,0 1000:100"
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 3 }), (at, text) => {
        const bent = good.slice(0, at) + text + good.slice(at + 1)
        const parsed = parseStoredStat(bent)
        if (parsed === null) return
        const { device, gid, mode, type: kind, uid } = parsed
        assert.match(bent, /^[0-7]+ \d+,\d+ \d+:\d+$/)
        assert.deepStrictEqual(bent.split(/[ ,:]/).map(Number).slice(1), [...device, uid, gid])
        assert.strictEqual(types[kind] | mode, Number.parseInt(bent, 8))
      })
    )
    for (const bad of [
      "",
      "100644",
      "0 0,0 0:0",
      "100644 0,0 0:0\n",
      " 100644 0,0 0:0",
      "100644 0,0 4294967296:0",
      "170644 0,0 0:0"
    ])
      assert.isNull(parseStoredStat(bad), JSON.stringify(bad))
  })

  it("counts only where it does not contradict what lies there", () => {
    const file = { mode: 0o100600, uid: 7, gid: 8 }
    assert.deepStrictEqual(natureOf(file, undefined), { type: "f", mode: 0o600, device: [0, 0], uid: 7, gid: 8 })
    assert.strictEqual(natureOf(file, "120777 0,0 1:2")?.type, "l")
    assert.isNull(natureOf(file, "40755 0,0 1:2"))
    assert.isNull(natureOf({ ...file, mode: 0o040700 }, "100644 0,0 1:2"))
    assert.isNull(natureOf(file, "garbage"))
  })
})
