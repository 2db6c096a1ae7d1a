// What setting a server up takes, and when it is refused.
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import { describeChange } from "../../../src/domain/setup/Change.ts"
import {
  type DeviceState,
  dropIns,
  type MountedStore,
  type ObservedServer,
  planSetup,
  type SetupPaths,
  type SetupWishes,
  unready
} from "../../../src/domain/setup/plan.ts"
import { storeOptions } from "../../../src/domain/setup/fstab.ts"
import { numberedKey } from "../publicKeys.ts"

const paths: SetupPaths = {
  config: "/etc/byteback",
  store: "/byteback",
  state: "/var/lib/byteback",
  run: "/run/byteback",
  lib: "/usr/lib/byteback",
  etc: "/etc",
  shell: "/usr/bin/byteback-receive"
}

const bare: ObservedServer = {
  user: null,
  directories: {},
  mounted: null,
  storeHasFiles: false,
  device: null,
  fstab: "# nothing\n",
  sshdConfig: "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n",
  sshdDropIn: null,
  sudoers: null,
  address: null,
  room: 2 ** 40,
  timer: "none",
  keys: null
}

const empty: DeviceState = { kind: "block", bytes: 2 ** 33, signatures: [], mountedAt: [] }
const full: DeviceState = { ...empty, signatures: [{ type: "ext4", label: "home", uuid: "e" }] }
const ours: DeviceState = { ...empty, kind: "file", signatures: [{ type: "btrfs", label: "byteback", uuid: "u-1" }] }

const mounted: MountedStore = {
  source: "/dev/vdb",
  type: "btrfs",
  options: ["rw", ...storeOptions, "space_cache=v2"],
  subvolume: "/",
  uuid: "u-1"
}

const device: SetupWishes = {
  store: { _tag: "device", device: "/dev/vdb", force: false },
  passwordEnrolment: false,
  administratorKey: null,
  address: "backup.example.org"
}
const image: SetupWishes = { ...device, store: { _tag: "image", file: "/var/byteback.img", size: 2 ** 30 } }
const existing: SetupWishes = { ...device, store: { _tag: "mounted" } }

const plan = (observed: Partial<ObservedServer>, wishes: SetupWishes) =>
  planSetup({ ...bare, ...observed }, wishes, paths, "new-uuid")

const lines = (observed: Partial<ObservedServer>, wishes: SetupWishes) =>
  Result.getOrThrow(plan(observed, wishes)).changes.map(describeChange)

const reason = (observed: Partial<ObservedServer>, wishes: SetupWishes) => {
  const planned = plan(observed, wishes)
  return Result.isFailure(planned) ? planned.failure.reason : null
}

describe("on a bare machine", () => {
  it("an empty device is formatted, mounted and kept in fstab by its UUID", () => {
    assert.deepStrictEqual(lines({ device: empty }, device), [
      "create the user byteback, whose login shell is /usr/bin/byteback-receive",
      "make a btrfs filesystem on /dev/vdb",
      "make the directory /byteback (root, 0700)",
      "mount /dev/vdb on /byteback (noatime,nosuid,nodev,noexec,compress=zstd)",
      "give /byteback to root alone to write (0700)",
      "add to /etc/fstab: UUID=new-uuid /byteback btrfs noatime,nosuid,nodev,noexec,compress=zstd 0 0",
      "make the directory /etc/byteback (root, 0755)",
      "make the directory /var/lib/byteback (root, 0700)",
      "make the directory /run/byteback (root, 0700)",
      "write /etc/byteback/address (0644)",
      "write /etc/byteback/authorized_keys (0644)",
      "write /etc/sudoers.d/byteback, checked with visudo -c",
      "write /etc/ssh/sshd_config.d/byteback.conf and check it with sshd -t",
      "have sshd read its configuration again (sessions go on)"
    ])
  })

  it("an image is made, and mounted as a loop by its name", () => {
    const steps = lines({}, image)
    assert.include(steps, "create the image /var/byteback.img of 1073741824 bytes (it takes space only as it fills)")
    assert.include(
      steps,
      "add to /etc/fstab: /var/byteback.img /byteback btrfs loop,noatime,nosuid,nodev,noexec,compress=zstd 0 0"
    )
  })

  it("a btrfs that is mounted is used as it is, with the options that it lacks", () => {
    const steps = lines({ mounted: { ...mounted, options: ["rw", "noatime", "compress-force=zstd:3"] } }, existing)
    assert.include(steps, "mount /byteback again with nosuid,nodev,noexec")
    assert.include(steps, "add to /etc/fstab: UUID=u-1 /byteback btrfs noatime,nosuid,nodev,noexec,compress=zstd 0 0")
    assert.isFalse(steps.some((step) => step.includes("btrfs filesystem on")))
  })

  it("an sshd_config without an Include line gets one, and the plan says so", () => {
    const steps = lines({ device: empty, sshdConfig: "Match User x\nInclude /etc/ssh/sshd_config.d/*.conf\n" }, device)
    assert.isTrue(steps.some((step) => step.includes("add the Include line that reads it to /etc/ssh/sshd_config")))
  })

  it("nothing that is force-made is hidden: the line says that it destroys", () => {
    const steps = lines({ device: full }, { ...device, store: { _tag: "device", device: "/dev/vdb", force: true } })
    assert.include(steps, "make a btrfs filesystem on /dev/vdb, DESTROYING what is there")
  })
})

describe("on a server that is set up", () => {
  const drop = dropIns(paths, false)
  const done: Partial<ObservedServer> = {
    user: { uid: 998, shell: paths.shell, locked: false },
    directories: {
      [paths.config]: { uid: 0, mode: 0o755 },
      [paths.state]: { uid: 0, mode: 0o700 },
      [paths.run]: { uid: 0, mode: 0o700 },
      [paths.store]: { uid: 0, mode: 0o700 }
    },
    mounted,
    fstab: `UUID=u-1 /byteback btrfs ${storeOptions.join()} 0 0\n`,
    sshdDropIn: drop.sshd.text,
    sudoers: drop.sudoers.text,
    address: "backup.example.org\n",
    keys: { entries: [], foreign: [] }
  }

  it("there is nothing to do, whether the store is named again or not", () => {
    assert.deepStrictEqual(lines(done, existing), [])
    assert.deepStrictEqual(lines({ ...done, device: { ...ours, kind: "block", mountedAt: ["/byteback"] } }, device), [])
    assert.deepStrictEqual(lines({ ...done, device: ours }, image), [])
  })

  it("what was lost or changed is mended, and only that", () => {
    assert.deepStrictEqual(lines({ ...done, sudoers: "ALL" }, existing), [
      "write /etc/sudoers.d/byteback, checked with visudo -c"
    ])
    assert.deepStrictEqual(lines({ ...done, user: { uid: 998, shell: "/bin/bash", locked: true } }, existing), [
      "give the user byteback the login shell /usr/bin/byteback-receive, and let it log in with keys"
    ])
    assert.deepStrictEqual(
      lines({ ...done, directories: { ...done.directories, [paths.store]: { uid: 0, mode: 0o755 } } }, existing),
      ["give /byteback to root alone to write (0700)"]
    )
  })

  it("a store that is not mounted is mounted as fstab says, and never made anew", () => {
    const after = { ...done, mounted: null }
    assert.deepStrictEqual(lines(after, existing), [
      `mount UUID=u-1 on /byteback (${storeOptions.join()})`,
      "give /byteback to root alone to write (0700)"
    ])
    const named = lines({ ...after, device: { ...ours, kind: "block" } }, device)
    assert.deepStrictEqual(named, [
      `mount /dev/vdb on /byteback (${storeOptions.join()})`,
      "give /byteback to root alone to write (0700)"
    ])
  })

  it("an administrator's key is added once", () => {
    const key = numberedKey(3)
    const wishes = { ...existing, administratorKey: key }
    assert.lengthOf(lines(done, wishes), 1)
    assert.deepStrictEqual(
      lines({ ...done, keys: { entries: [{ _tag: "administrator", key }], foreign: [] } }, wishes),
      []
    )
  })

  it("turning password enrolment on and off is a change of the drop-in alone", () => {
    assert.lengthOf(lines(done, { ...existing, passwordEnrolment: true }), 2)
  })
})

describe("set-up is refused", () => {
  const key = numberedKey(1)
  it.each<[string, Partial<ObservedServer>, SetupWishes]>([
    ["no-store", {}, existing],
    ["not-btrfs", { mounted: { ...mounted, type: "ext4" } }, existing],
    ["not-btrfs", { fstab: "/dev/vdb /byteback ext4 defaults 0 0\n" }, existing],
    ["unsafe-mount", { mounted: { ...mounted, options: ["rw", "user_subvol_rm_allowed"] } }, existing],
    ["unsafe-mount", { fstab: "UUID=u /byteback/ btrfs defaults,user_subvol_rm_allowed 0 0" }, existing],
    ["store-in-use", { storeHasFiles: true, device: empty }, device],
    ["store-in-use", { mounted, device: empty }, device],
    ["store-in-use", { fstab: "UUID=other /byteback btrfs defaults 0 0", device: empty }, device],
    ["no-device", {}, device],
    ["no-device", { device: { ...empty, kind: "file" } }, device],
    ["device-in-use", { device: { ...full, mountedAt: ["/home"] } }, device],
    ["device-not-empty", { device: full }, device],
    ["device-not-empty", { device: { ...ours, kind: "block" } }, device],
    ["image-not-ours", { device: { ...full, kind: "file" } }, image],
    ["image-not-ours", { device: { ...empty, kind: "file" } }, image],
    ["image-too-small", {}, { ...image, store: { _tag: "image", file: "/i", size: 1024 } }],
    ["image-too-large", { room: 2 ** 30 - 1 }, image],
    ["bad-option", {}, { ...image, store: { _tag: "image", file: "i", size: 2 ** 30 } }],
    ["bad-option", { device: empty }, { ...device, address: "-oProxyCommand=x" }],
    ["wrong-user", { user: { uid: 0, shell: "/bin/sh", locked: false }, device: empty }, device],
    [
      "key-in-use",
      { device: empty, keys: { entries: [{ _tag: "host", host: "a", from: [], key }], foreign: [] } },
      { ...device, administratorKey: key }
    ]
  ])("as %s (%#)", (expected, observed, wishes) => {
    assert.strictEqual(reason(observed, wishes), expected)
  })

  it("without root, without its programs, with an old sudo", () => {
    const ready = { root: true, missing: [], sudoVersion: "1.9.13p3" }
    assert.isNull(unready(ready))
    assert.strictEqual(unready({ ...ready, root: false })?.reason, "not-root")
    assert.strictEqual(unready({ ...ready, sudoVersion: "1.9.9" })?.reason, "sudo-too-old")
    assert.include(
      unready({ ...ready, missing: ["sshd", "btrfs", "mkfs.btrfs"] })?.message,
      "apt-get install openssh-server btrfs-progs;"
    )
  })
})

describe("whatever the machine looks like", () => {
  const state = fc.option(fc.record({ uid: fc.constantFrom(0, 1000), mode: fc.constantFrom(0o700, 0o755, 0o777) }))
  const uuid = fc.constantFrom("u-1", "u-2")
  const found: fc.Arbitrary<DeviceState> = fc.record({
    kind: fc.constantFrom("block", "file", "other"),
    bytes: fc.constantFrom(0, 2 ** 20, 2 ** 33),
    signatures: fc.array(
      fc.record({ type: fc.constantFrom("btrfs", "ext4", "dos"), label: fc.constantFrom(null, "byteback", "x"), uuid }),
      { maxLength: 2 }
    ),
    mountedAt: fc.constantFrom([], ["/byteback"], ["/home"])
  })
  const observed: fc.Arbitrary<ObservedServer> = fc.record({
    user: fc.option(fc.record({ uid: fc.constantFrom(0, 998), shell: fc.constant("/bin/sh"), locked: fc.boolean() })),
    directories: fc.dictionary(fc.constantFrom(paths.config, paths.state, paths.run, paths.store), state),
    mounted: fc.option(
      fc.record({
        source: fc.constantFrom("/dev/vdb", "/dev/loop0"),
        type: fc.constantFrom("btrfs", "ext4"),
        options: fc.subarray(["rw", "user_subvol_rm_allowed", ...storeOptions]),
        subvolume: fc.constantFrom("/", "/@store"),
        uuid: fc.option(uuid)
      })
    ),
    storeHasFiles: fc.boolean(),
    device: fc.option(found),
    fstab: fc.constantFrom("", "UUID=u-1 /byteback btrfs noatime 0 0", "/dev/vda / ext4 defaults 0 1\n"),
    sshdConfig: fc.constantFrom("", "Include /etc/ssh/sshd_config.d/*.conf\n"),
    sshdDropIn: fc.option(fc.constant("old")),
    sudoers: fc.option(fc.constant("old")),
    address: fc.option(fc.constant("a\n")),
    room: fc.option(fc.constantFrom(0, 2 ** 30 - 1, 2 ** 30)),
    timer: fc.constantFrom("none" as const, "enabled" as const, "disabled" as const),
    keys: fc.option(fc.constant({ entries: [], foreign: [] }))
  })

  it("a filesystem is made only on an empty thing, or on an unmounted device that may be forced", () => {
    fc.assert(
      fc.property(observed, fc.constantFrom("device", "image", "mounted"), fc.boolean(), (machine, tag, force) => {
        const store =
          tag === "device"
            ? ({ _tag: tag, device: "/dev/vdb", force } as const)
            : tag === "image"
              ? ({ _tag: tag, file: "/i", size: 2 ** 30 } as const)
              : ({ _tag: "mounted" } as const)
        const planned = planSetup(machine, { ...device, store }, paths, "new")
        if (Result.isFailure(planned)) return
        const made = planned.success.changes.find((change) => change._tag === "make-btrfs")
        if (made === undefined) return
        assert.notStrictEqual(tag, "mounted")
        assert.isNull(machine.mounted)
        assert.strictEqual(made.force, (machine.device?.signatures.length ?? 0) > 0)
        assert.isTrue(tag !== "image" || machine.room === null || machine.room >= 2 ** 30)
        assert.isTrue(!made.force || (force && tag === "device" && machine.device?.mountedAt.length === 0))
      }),
      { numRuns: 1000 }
    )
  })

  it("a store that hosts could delete from, or that is no btrfs, is never accepted", () => {
    fc.assert(
      fc.property(observed, (machine) => {
        const planned = planSetup(machine, existing, paths, "new")
        if (Result.isFailure(planned)) return
        assert.isTrue(machine.mounted === null || machine.mounted.type === "btrfs")
        assert.isFalse(machine.mounted?.options.includes("user_subvol_rm_allowed") ?? false)
      }),
      { numRuns: 1000 }
    )
  })
})
