// Findings about a server: each fault alone is found, and a server without faults has none.
import { assert, describe, it } from "@effect/vitest"
import { diagnose, type ObservedHealth } from "../../src/domain/doctor.ts"
import { parseEffective } from "../../src/domain/setup/sshdDropIn.ts"

const healthy: ObservedHealth = {
  store: { path: "/byteback", type: "btrfs", options: ["rw", "nosuid", "nodev", "noexec", "noatime"] },
  image: { path: "/srv/byteback.img", bytes: 2 ** 40, room: 2 ** 40 },
  foreignKeyLines: ["# added by hand in 2019"],
  paths: { "/": { uid: 0, mode: 0o755 }, "/tmp": { uid: 0, mode: 0o1777 }, "/etc/byteback": { uid: 0, mode: 0o755 } },
  rsyncVersion: "3.5.0",
  settings: { sandbox: null, allowOldRsync: null },
  bubblewrap: true,
  seccompFilter: true,
  sshd: parseEffective("permituserenvironment no\n"),
  overruled: [],
  clock: null,
  sudoers: true
}

const faults: ReadonlyArray<readonly [check: string, fault: Partial<ObservedHealth>]> = [
  ["store-mounted", { store: null }],
  ["store-btrfs", { store: { path: "/byteback", type: "ext4", options: [] } }],
  [
    "user-subvol-rm-allowed",
    { store: { ...healthy.store!, options: [...healthy.store!.options, "user_subvol_rm_allowed"] } }
  ],
  ["clock", { clock: "the clock says 2036" }],
  ["store-options", { store: { ...healthy.store!, options: ["rw", "nosuid", "nodev"] } }],
  ["image-outgrows-disk", { image: { ...healthy.image!, room: 2 ** 40 - 1 } }],
  ["key-line", { foreignKeyLines: ["ssh-ed25519 AAAA root@web"] }],
  ["permit-user-environment", { sshd: parseEffective("permituserenvironment BYTEBACK_*\n") }],
  ["sshd-overruled", { overruled: ["permittty"] }],
  ["sudoers", { sudoers: false }],
  ["writable-path", { paths: { "/usr/lib/byteback": { uid: 0, mode: 0o775 } } }],
  ["writable-path", { paths: { "/usr/lib/byteback": { uid: 1000, mode: 0o755 } } }],
  ["sandbox-setting", { settings: { sandbox: "off", allowOldRsync: null } }],
  ["sandbox-off", { settings: { sandbox: "none", allowOldRsync: null } }],
  ["sandbox-missing", { bubblewrap: false }],
  ["seccomp-missing", { seccompFilter: false }],
  ["rsync-missing", { rsyncVersion: null }],
  ["rsync-holes", { rsyncVersion: "3.2.7" }],
  ["rsync-holes", { rsyncVersion: "3.2.7", settings: { sandbox: null, allowOldRsync: "3.2.3" } }]
]

describe("the doctor", () => {
  it("finds nothing wrong where nothing is", () => {
    assert.deepStrictEqual(diagnose(healthy), [])
  })

  it.each(faults)("finds %s", (check, fault) => {
    const found = diagnose({ ...healthy, ...fault })
    assert.deepStrictEqual(
      found.map((one) => [one.check, one.severity]),
      [[check, "danger"]]
    )
    assert.isAbove(found[0]!.remedy.length, 10, "each says what to do")
  })

  it("takes an administrator's word for an rsync that the distribution patched", () => {
    const settings = { sandbox: null, allowOldRsync: "3.2.7" }
    const found = diagnose({ ...healthy, rsyncVersion: "3.2.7", settings })
    assert.deepStrictEqual(
      found.map((one) => one.severity),
      ["advice"]
    )
  })

  it("names dangers before advice", () => {
    const settings = { sandbox: "none", allowOldRsync: "3.2.7" }
    const found = diagnose({ ...healthy, rsyncVersion: "3.2.7", settings })
    assert.deepStrictEqual(
      found.map((one) => one.severity),
      ["danger", "advice"]
    )
  })
})
