// What mount table makes a store usable, and what not.
import { assert, describe, it } from "@effect/vitest"
import { findMount, storeTrouble } from "../../src/domain/storeMount.ts"

const root = "21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw"
const line = (place: string, type = "btrfs", own = "rw,noatime", filesystem = "rw,subvol=/") =>
  `43 21 0:39 / ${place} ${own} shared:12 master:3 - ${type} /dev/sdb ${filesystem}`
const trouble = (...lines: ReadonlyArray<string>) => storeTrouble(findMount(`${lines.join("\n")}\n`, "/byteback"))

describe("the store's mount", () => {
  it("is a btrfs at exactly its place", () => {
    assert.isNull(trouble(root, line("/byteback")))
    assert.strictEqual(trouble(root), "not-mounted")
    assert.strictEqual(trouble(root, line("/byteback/below"), line("/byteback2"), line("/")), "not-mounted")
    assert.strictEqual(trouble(root, line("/byteback", "ext4")), "not-btrfs")
    assert.strictEqual(storeTrouble(findMount("", "/byteback")), "not-mounted")
  })

  it("is the one on top where several lie over each other", () => {
    assert.strictEqual(trouble(line("/byteback"), line("/byteback", "tmpfs")), "not-btrfs")
    assert.isNull(trouble(line("/byteback", "tmpfs"), line("/byteback")))
  })

  it("lets no host delete subvolumes, and is writable as a mount and as a filesystem", () => {
    assert.strictEqual(trouble(line("/byteback", "btrfs", "rw", "rw,user_subvol_rm_allowed")), "hosts-may-delete")
    assert.strictEqual(trouble(line("/byteback", "btrfs", "ro", "rw")), "read-only")
    assert.strictEqual(trouble(line("/byteback", "btrfs", "rw", "ro,subvol=/")), "read-only")
  })

  it("may have a blank in its place", () => {
    const found = findMount(line("/my\\040store"), "/my store")
    assert.deepStrictEqual(found, { type: "btrfs", options: ["rw", "noatime", "rw", "subvol=/"] })
    assert.isNull(findMount(line("/my\\040store"), "/my"))
  })
})
