// getfattr's output, in bytes: every name comes back whatever is in it.
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { parseGetfattr } from "../../src/domain/getfattr.ts"

/** As getfattr of Debian's attr prints it. */
const quote = (name: string): string =>
  name.replaceAll(/[\\\n\r]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`)
const hex = (value: string): string => Buffer.from(value, "latin1").toString("hex")

const bytes = (least: number) =>
  fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: least, maxLength: 12 })
    .map((codes) => String.fromCharCode(...codes))
const name = bytes(1)
const attribute = fc.constantFrom("user.rsync.%stat", "user.note", "security.capability", "user.with blank")

describe("getfattr's output", () => {
  it("gives back every file's attributes", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, attribute, bytes(0)), { selector: ([path]) => path }), (files) => {
        const printed = files.map(([path, key, value]) => `# file: ${quote(path)}\n${key}=0x${hex(value)}\n\n`).join("")
        const parsed = parseGetfattr(printed)
        assert.strictEqual(parsed.size, files.length)
        for (const [path, key, value] of files) assert.deepStrictEqual([...(parsed.get(path) ?? [])], [[key, value]])
      })
    )
  })

  it("never throws", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseGetfattr(text)))
  })
})
