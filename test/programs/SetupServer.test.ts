// Setting a server up, on a machine in memory: what is done, that it is done once, and that nothing is done by halves.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { DeviceState, StoreSource } from "../../src/domain/setup/plan.ts"
import { setupServer, type SetupServerOptions } from "../../src/programs/SetupServer.ts"
import { Accounts } from "../../src/services/Accounts.ts"
import { AuthorizedKeys } from "../../src/services/AuthorizedKeys.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Mounts } from "../../src/services/Mounts.ts"
import { Programs } from "../../src/services/Programs.ts"
import { PruneTimer } from "../../src/services/PruneTimer.ts"
import { Rsync } from "../../src/services/Rsync.ts"
import { Sshd } from "../../src/services/Sshd.ts"
import { Sudoers } from "../../src/services/Sudoers.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { numberedKey } from "../domain/publicKeys.ts"

const machine = (devices: Readonly<Record<string, DeviceState>> = {}, missing: ReadonlyArray<string> = []) =>
  Layer.mergeAll(
    Accounts.layerFake,
    AuthorizedKeys.layer.pipe(Layer.provide(Lock.layerFake)),
    Mounts.layerFake(devices),
    Programs.layerFake(missing),
    PruneTimer.layerFake,
    Rsync.layerFake({ machine: new Map(), current: new Map(), snapshots: new Map(), trouble: [] }),
    Sshd.layerFake,
    Sudoers.layerFake
  ).pipe(Layer.provideMerge(SystemFile.layerFake))

const image: SetupServerOptions = {
  store: { _tag: "image", file: "/var/byteback.img", size: 2 ** 30 },
  address: "backup.example.org"
}
const used: DeviceState = {
  kind: "block",
  bytes: 2 ** 33,
  signatures: [{ type: "ext4", label: "home", uuid: "x" }],
  mountedAt: []
}

const onDevice = (force: boolean): SetupServerOptions => ({ store: { _tag: "device", device: "/dev/vdb", force } })

describe("setup-server", () => {
  it.effect("sets a bare machine up, and has nothing to do the second time", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const first = yield* setupServer({ ...image, onChange: (line) => Effect.sync(() => void said.push(line)) })
      assert.deepStrictEqual(said, first.changes)
      assert.include(first.warnings.join(), "sshd is not running")
      const files = yield* SystemFile
      assert.match((yield* files.read("/etc/fstab")) ?? "", /^\/var\/byteback\.img \/byteback btrfs loop,noatime,/)
      assert.strictEqual(yield* files.read("/etc/byteback/address"), "backup.example.org\n")
      assert.strictEqual((yield* files.state("/etc/sudoers.d/byteback"))?.mode, 0o440)
      assert.deepStrictEqual(yield* setupServer(image), { dryRun: false, changes: [], warnings: [] })
      const mounted: StoreSource = { _tag: "mounted" }
      assert.deepStrictEqual((yield* setupServer({ store: mounted })).changes, [])
    }).pipe(Effect.provide(machine()))
  )

  it.effect("enables the timer that prunes where systemd runs, once, and says so in a dry run", () =>
    Effect.gen(function* () {
      const files = yield* SystemFile
      const timer = yield* PruneTimer
      assert.notInclude((yield* setupServer({ ...image, dryRun: true })).changes.join(), "timer")
      yield* files.directory("/run/systemd/system", 0o755)
      yield* files.directory("/usr/lib/systemd/system", 0o755)
      yield* files.write("/usr/lib/systemd/system/byteback-prune.timer", "[Timer]\n", 0o644)
      const line = "prune the store every hour (systemctl enable --now byteback-prune.timer)"
      assert.strictEqual((yield* setupServer({ ...image, dryRun: true })).changes.at(-1), line)
      assert.strictEqual(yield* timer.state, "disabled")
      assert.strictEqual((yield* setupServer(image)).changes.at(-1), line)
      assert.strictEqual(yield* timer.state, "enabled")
      assert.deepStrictEqual((yield* setupServer(image)).changes, [])
    }).pipe(Effect.provide(machine()))
  )

  it.effect("says of an rsync with known holes that nobody would be served, unless it is allowed", () =>
    Effect.gen(function* () {
      const rsync = yield* Rsync
      const version = Effect.succeed({ version: "3.2.7", acls: true, xattrs: true })
      const again = Effect.provideService(setupServer(image), Rsync, { ...rsync, version })
      assert.match((yield* again).warnings.join(), /rsync 3\.2\.7 .*nobody is served; install 3\.4\.3 or newer/)
      yield* (yield* SystemFile).write("/etc/byteback/allow_old_rsync", "3.2.7\n", 0o644)
      assert.notMatch((yield* again).warnings.join(), /nobody is served/)
    }).pipe(Effect.provide(machine()))
  )

  it.effect("changes nothing in a dry run, and says all that it would do", () =>
    Effect.gen(function* () {
      const dry = yield* setupServer({ ...image, dryRun: true })
      assert.isNull(yield* (yield* Accounts).find("byteback"))
      assert.deepStrictEqual(yield* (yield* SystemFile).names("/etc"), [])
      assert.isNull(yield* (yield* Mounts).device("/var/byteback.img"))
      assert.deepStrictEqual((yield* setupServer(image)).changes, dry.changes)
    }).pipe(Effect.provide(machine()))
  )

  it.effect("leaves a device that is not empty alone, until it is forced", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(setupServer(onDevice(false)))
      assert.include(error.message, `/dev/vdb is not empty (ext4 "home")`)
      assert.isNull(yield* (yield* Accounts).find("byteback"))
      yield* setupServer(onDevice(true))
      const uuid = (yield* (yield* Mounts).at("/byteback"))?.uuid
      assert.include((yield* (yield* SystemFile).read("/etc/fstab")) ?? "", `UUID=${uuid} /byteback btrfs noatime,`)
      assert.deepStrictEqual((yield* setupServer(onDevice(true))).changes, [])
    }).pipe(Effect.provide(machine({ "/dev/vdb": used })))
  )

  it.effect("says which packages are missing before it looks at anything", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(setupServer(image))
      assert.include(error.message, "sudo, visudo, bwrap missing; run apt-get install sudo bubblewrap")
    }).pipe(Effect.provide(machine({}, ["sudo", "visudo", "bwrap"])))
  )

  it.effect("goes on where it stopped, when what was in the way is gone", () =>
    Effect.gen(function* () {
      const files = yield* SystemFile
      yield* files.write("/etc/sudoers.d", "in the way", 0o644)
      const error = yield* Effect.flip(setupServer(image))
      assert.strictEqual(error._tag, "SetupFailed")
      assert.match(
        error.message,
        /could not write \/etc\/sudoers\.d\/byteback.*12 of 15 steps are done.*run the same again/
      )
      yield* files.remove("/etc/sudoers.d")
      assert.lengthOf((yield* setupServer(image)).changes, 3)
      assert.deepStrictEqual((yield* setupServer(image)).changes, [])
    }).pipe(Effect.provide(machine()))
  )

  it.effect("takes an administrator's key that may only enrol, once", () =>
    Effect.gen(function* () {
      const files = yield* SystemFile
      const { type, blob } = numberedKey(4)
      yield* files.write("/root/admin.pub", `${type} ${blob} admin\n`, 0o644)
      const options = { ...image, administratorKeyFile: "/root/admin.pub" }
      yield* setupServer(options)
      assert.deepStrictEqual((yield* setupServer(options)).changes, [])
      assert.strictEqual(
        yield* files.read("/etc/byteback/authorized_keys"),
        `restrict,command="byteback-receive --enrol" ${type} ${blob} byteback-administrator\n`
      )
      const none = yield* Effect.flip(setupServer({ ...image, administratorKeyFile: "/root/none.pub" }))
      assert.include(none.message, "no key file /root/none.pub")
    }).pipe(Effect.provide(machine()))
  )
})
