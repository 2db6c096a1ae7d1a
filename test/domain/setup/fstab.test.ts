// Facts about fstab's line for the store, and about the address of a server.
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import { entryAt, missingOptions, storeOptions, withEntry } from "../../../src/domain/setup/fstab.ts"
import { formatServerAddress, parseServerAddress } from "../../../src/domain/setup/serverAddress.ts"

describe("fstab", () => {
  it("gives an entry back as it was added, whatever stood there before and whatever its names hold", () => {
    const word = fc.stringMatching(/^\/[a-z \\\t]{1,12}$/)
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), word, word, (before, source, target) => {
        const entry = { source, target, type: "btrfs", options: ["loop", ...storeOptions] }
        const after = withEntry(before.includes("\n") ? before : `${before}\n`, entry)
        assert.deepStrictEqual(entryAt(after, target), entry)
        assert.isTrue(after.startsWith(before))
      })
    )
  })

  it("counts the last entry of a place, and no comment", () => {
    const text = "/dev/a /byteback ext4 defaults 0 0\n#/dev/c /byteback btrfs x 0 0\n/dev/b  /byteback/\tbtrfs\n"
    assert.deepStrictEqual(entryAt(text, "/byteback"), {
      source: "/dev/b",
      target: "/byteback",
      type: "btrfs",
      options: ["defaults"]
    })
    assert.isNull(entryAt(text, "/other"))
  })

  it("takes any zstd for compression", () => {
    assert.deepStrictEqual(missingOptions(["noatime", "nosuid", "nodev", "noexec", "compress-force=zstd:9"]), [])
    assert.deepStrictEqual(missingOptions(["relatime", "compress=lzo"]), [...storeOptions])
  })
})

describe("the address of a server", () => {
  it("is read back as it is written", () => {
    const port = fc.option(fc.integer({ min: 1, max: 65535 }))
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().filter((text) => text.length <= 45)
    )
    fc.assert(
      fc.property(host, port, (name, number) => {
        const address = { host: name, port: number }
        assert.deepStrictEqual(Result.getOrThrow(parseServerAddress(formatServerAddress(address))), address)
      })
    )
  })

  it.each(["", "-x", "a b", "a:0", "a:65536", "a:b", "[a]", "[::1", "a;b", "$(x)", "a'b", "..", "a..b", "a\n"])(
    "is not %j",
    (text) => assert.isTrue(Result.isFailure(parseServerAddress(text)))
  )
})
