// What belongs in a machine's backup, as rules. (What rsync makes of the rules: test/contract/filters.test.ts.)
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { filterRules, type FilterSources, isWholeMachine, rulesText } from "../../src/domain/filters.ts"

const mount = (point: string, type: string, tags = "shared:1 ") =>
  `36 35 98:0 / ${point} rw,noatime ${tags}- ${type} /dev/x rw\n`
const rules = (given: Partial<FilterSources>) =>
  filterRules({ mountinfo: mount("/", "ext4"), sources: ["/"], excludes: [], rsyncFilter: [], ...given })

const guard = ["-xs user.rsync.*", "-xs system.*", "-xr user.rsync.%*"]

describe("without any configuration", () => {
  it("a backup leaves out what the kernel makes and what no restore needs, and guards the restoring machine", () => {
    assert.deepStrictEqual(rules({}), [
      ...guard,
      "- /dev/*",
      "- /proc/*",
      "- /run/*",
      "- /sys/*",
      "- /tmp/*",
      "- /var/tmp/*",
      "- /var/cache/apt/archives/*",
      "- /var/backups/localhost/*",
      "- /swap.file",
      "- .byteback-partial/"
    ])
  })

  it("mounts on local disks are in, others are emptied, and those that may not answer are left out whole", () => {
    const mountinfo =
      mount("/", "ext4") +
      mount("/home", "btrfs", "") +
      mount("/boot/efi", "vfat", "shared:1 master:2 ") +
      mount("/dev/shm", "tmpfs") +
      mount("/srv/ram", "tmpfs") +
      mount("/mnt/nfs", "nfs4") +
      mount("/mnt/ssh", "fuse.sshfs") +
      mount("/cdrom", "iso9660")
    assert.deepStrictEqual(rules({ mountinfo }).slice(13), ["- /srv/ram/*", "- /mnt/nfs", "- /mnt/ssh", "- /cdrom/*"])
  })

  it("the root is in whatever it lies on, and so is a source", () => {
    const mountinfo = mount("/", "overlay") + mount("/mnt/nfs", "nfs4") + mount("/srv/ram", "tmpfs")
    assert.deepStrictEqual(rules({ mountinfo, sources: ["/", "/mnt/nfs/data", "/srv/ram", "/var/tmp"] }).slice(7), [
      "- /tmp/*",
      "- /var/cache/apt/archives/*",
      "- /var/backups/localhost/*",
      "- /swap.file",
      "- .byteback-partial/"
    ])
  })

  it("what is mounted last at a place is what lies there", () => {
    assert.include(rules({ mountinfo: mount("/home", "ext4") + mount("/home", "nfs") }), "- /home")
    assert.notInclude(rules({ mountinfo: mount("/home", "autofs") + mount("/home", "ext4") }).join("\n"), "/home")
  })

  it("a local disk below something else is reached, and nothing beside the way to it", () => {
    const mountinfo = mount("/media", "tmpfs") + mount("/media/a/disk", "xfs") + mount("/media/a/other", "tmpfs")
    assert.deepStrictEqual(rules({ mountinfo }).slice(13), [
      "+ /media/a/disk/",
      "+ /media/a/",
      "- /media/*",
      "- /media/a/other/*",
      "- /media/a/*"
    ])
  })

  it("a mount point's name is no pattern, whatever bytes it has", () => {
    const mountinfo =
      mount("/a\\040b*[x]\\134", "tmpfs") +
      mount("/c\\012d", "nfs") +
      mount("/e\\134f", "nfs") +
      mount("/g\u00e9", "nfs")
    assert.deepStrictEqual(rules({ mountinfo }).slice(13), ["- /a b\\*\\[x]\\\\/*", "- /c?d", "- /e\\f", "- /g\u00e9"])
  })
})

describe("configuration", () => {
  it("adds excludes before what is left out anyway, and the filter after everything", () => {
    const all = rules({ excludes: ["*.iso", "+ /tmp/keep"], rsyncFilter: ["# mine", "", "+ /a", "- /b"] })
    assert.deepStrictEqual(all.slice(7, 9), ["- *.iso", "+ /tmp/keep"])
    assert.deepStrictEqual(all.slice(-2), ["+ /a", "- /b"])
  })

  it("a filter that starts with ! resets everything but the guard", () => {
    const given = { excludes: ["*.iso"], rsyncFilter: ["# mine", "!", "- /proc/*", "+ /**"] }
    assert.deepStrictEqual(rules(given), [...guard, "- /proc/*", "+ /**"])
  })
})

describe("whatever the mount table and the configuration hold", () => {
  it("each rule is one line, and the guard comes first", () => {
    const point = fc
      .array(fc.constantFrom("/", "a", "b", "\\040", "\\012", "\\134", "*", "\u00ff"), { minLength: 1, maxLength: 6 })
      .map((parts) => `/${parts.join("")}`)
    const lines = fc.array(fc.tuple(point, fc.constantFrom("ext4", "tmpfs", "nfs")), { maxLength: 8 })
    fc.assert(
      fc.property(lines, fc.string(), (table, junk) => {
        const mountinfo = table.map(([at, type]) => mount(at, type)).join("") + junk
        const all = rules({ mountinfo })
        assert.deepStrictEqual(all.slice(0, 3), guard)
        assert.strictEqual(rulesText(all).split("\n").length, all.length + 1)
        assert.notInclude(rulesText(all), "\r")
      })
    )
  })
})

describe("a snapshot's root", () => {
  it("is a whole machine's where it has what every machine's kernel makes, and of some sources else", () => {
    const whole = ["bin", "dev/", "etc/", "proc/", "run/", "sys/"]
    assert.isTrue(isWholeMachine(whole))
    for (const missing of ["dev/", "proc/", "run/", "sys/"])
      assert.isFalse(isWholeMachine(whole.filter((name) => name !== missing)), missing)
    assert.isFalse(isWholeMachine(["dev", "proc", "run", "sys"]), "files of those names")
    assert.isFalse(isWholeMachine([]))
  })
})
