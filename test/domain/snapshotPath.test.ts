// [SNAPSHOT:]PATH: the colon of a snapshot's time is not the one that ends it.
import { posix } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { InvalidPath, parseSnapshotPath, throughLink } from "../../src/domain/snapshotPath.ts"

const parts = fc.array(fc.constantFrom("a", "b", ".", "..", "", "c:d", "latest"), { maxLength: 8 })

describe("a path of a snapshot", () => {
  it.each([
    ["/etc/fstab", undefined, "etc/fstab"],
    ["fstab", undefined, "home/me/fstab"],
    ["..", undefined, "home"],
    ["latest:/etc", "latest", "etc"],
    ["latest:etc/", "latest", "etc"],
    ["current:", "current", ""],
    ["2026-11-23T17:52+0000:/etc", "2026-11-23T17:52+0000", "etc"],
    ["2026-11-23T17:52+0000:a:b", "2026-11-23T17:52+0000", "a:b"],
    ["2026-11-23T17:52+0000", undefined, "home/me/2026-11-23T17:52+0000"],
    ["2026-13-23T17:52+0000:x", undefined, "home/me/2026-13-23T17:52+0000:x"],
    ["./latest:x", undefined, "home/me/latest:x"],
    ["latest:../../../x", "latest", "x"],
    ["saved-do-not-delete:/etc", "saved-do-not-delete", "etc"],
    ["saved-do-not-delete:etc", undefined, "home/me/saved-do-not-delete:etc"],
    ["a b:/etc", undefined, "home/me/a b:/etc"]
  ])("%s", (given, snapshot, path) => {
    const found = parseSnapshotPath(given, "/home/me")
    assert.deepStrictEqual<object>({ ...found }, { snapshot, path })
  })

  it("goes where the kernel would go, and never above the root", () => {
    fc.assert(
      fc.property(parts, (words) => {
        const given = `/${words.join("/")}`
        const found = parseSnapshotPath(given, "/")
        assert.isFalse(found instanceof InvalidPath)
        if (found instanceof InvalidPath) return
        assert.strictEqual(`/${found.path}`, posix.normalize(given).replace(/(.)\/$/, "$1"))
      })
    )
  })

  it.each([
    ["bin/tool", "bin", "usr/bin", "usr/bin/tool"],
    ["var/run/x/y", "var/run", "/run", "run/x/y"],
    ["a/b/c", "a/b", "../d", "d/c"]
  ])("%s through %s to %s is %s", (path, link, target, ask) => {
    assert.strictEqual(throughLink(path, link, target).ask, ask)
  })

  it("holds no NUL, and has an end", () => {
    assert.instanceOf(parseSnapshotPath("a\0b", "/"), InvalidPath)
    assert.instanceOf(parseSnapshotPath("x".repeat(4097), "/"), InvalidPath)
  })
})
