// The whole conversation on real parts: set up, back up, change, back up again, list, restore; and what a neighbour sees of it.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab } from "../lab/Lab.ts"
import { everyKind, fingerprint } from "./everyKind.ts"
import {
  backupWords,
  clientMachine,
  hostDirectory,
  nextSnapshotMayCome,
  root,
  serverMachine,
  snapshotNames
} from "./pair.ts"

describe.skipIf(!root)("a backup, end to end", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 180_000 })((it) => {
    it.effect("brings back everything as it was, in every kind of metadata", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server1")
        const client = yield* clientMachine(server, "kinds")
        yield* client.ok(["sh", "-c", everyKind])
        yield* client.ok(backupWords())
        const before = yield* fingerprint(client, "/data")
        yield* client.ok(["byteback", "restore", "/data", "--to", "/back", "--devices"])
        const after = yield* fingerprint(client, "/back/data")
        assert.deepStrictEqual(after, before)
        const blocks = yield* client.ok(["stat", "-c", "%b", "/back/data/dir/sparse"])
        assert.isBelow(Number(blocks), 1024, "a sparse file stays sparse")
        assert.include(before.xattrs.join("\n"), "security.capability")
        assert.include(before.links.join("\n"), "dir/file = dir/hard")
      }).pipe(Effect.scoped)
    )

    it.effect("keeps each run as a restore point, and brings back each as it was then", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server2")
        const client = yield* clientMachine(server, "twice")
        yield* client.write("/data/doomed", "here today\n")
        yield* client.ok(backupWords())
        yield* client.write("/data/hello", "changed\n")
        yield* client.ok(["rm", "/data/doomed"])
        const token = yield* server.read("/var/lib/byteback/token/twice")
        const planned = yield* client.ok(backupWords("--dry-run"))
        assert.match(planned, /hello/)
        assert.match(planned, /deleting +data\/doomed/)
        assert.strictEqual(yield* server.read("/var/lib/byteback/token/twice"), token)
        assert.isFalse(yield* server.exists("/run/byteback/twice/push"))
        assert.strictEqual(yield* server.read("/byteback/twice/current/data/doomed"), "here today\n")
        yield* nextSnapshotMayCome(server, "twice")
        yield* client.ok(backupWords())
        const names = yield* snapshotNames(server, "twice")
        assert.strictEqual(names.length, 2)
        const listed = JSON.parse(yield* client.ok(["byteback", "snapshots", "--json"])) as ReadonlyArray<{
          name: string
        }>
        assert.deepStrictEqual(
          listed.map((one) => one.name),
          names
        )
        yield* client.ok(["byteback", "restore", "/data", "--snapshot", names[0]!, "--to", "/first"])
        yield* client.ok(["byteback", "restore", "/data", "--to", "/latest"])
        assert.strictEqual(yield* client.read("/first/data/hello"), "hello\n")
        assert.strictEqual(yield* client.read("/first/data/doomed"), "here today\n")
        assert.strictEqual(yield* client.read("/latest/data/hello"), "changed\n")
        assert.isFalse(yield* client.exists("/latest/data/doomed"))
      }).pipe(Effect.scoped)
    )

    it.effect("makes snapshots that even the host's own uid cannot alter", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server3")
        const client = yield* clientMachine(server, "sealed")
        yield* client.ok(backupWords())
        const [name] = yield* snapshotNames(server, "sealed")
        const snapshot = `/byteback/sealed/${name}`
        const uid = (yield* server.ok(["stat", "-c", "%u", "/byteback/sealed/current"])).trim()
        // The store's own door is 0700 root; it is opened here so that only the snapshot itself stands in the way.
        yield* server.ok(["chmod", "755", "/byteback"])
        const as = (...argv: ReadonlyArray<string>) =>
          server.run(["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...argv])
        for (const argv of [
          ["btrfs", "property", "set", snapshot, "ro", "false"],
          ["sh", "-c", `echo x >> ${snapshot}/data/hello`],
          ["mv", `${snapshot}/data/hello`, `${snapshot}/data/gone`],
          ["rm", "-f", `${snapshot}/data/hello`],
          ["chmod", "777", snapshot],
          ["setfattr", "-n", "user.x", "-v", "y", `${snapshot}/data/hello`],
          ["mv", snapshot, `/byteback/sealed/elsewhere`],
          ["btrfs", "subvolume", "delete", snapshot]
        ]) {
          const { code } = yield* as(...argv)
          assert.notStrictEqual(code, 0, argv.join(" "))
        }
        const reads = yield* as("cat", `${snapshot}/data/hello`)
        assert.deepStrictEqual([reads.code, reads.stdout], [0, "hello\n"], "it can read its own backup")
        const { stdout } = yield* server.run(["btrfs", "property", "get", snapshot, "ro"])
        assert.strictEqual(stdout.trim(), "ro=true")
      }).pipe(Effect.scoped)
    )

    it.effect("keeps two hosts apart: neither sees the other's files or snapshots", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server4")
        const one = yield* clientMachine(server, "one")
        const two = yield* clientMachine(server, "two")
        yield* one.write("/data/canary", "canary of one\n")
        yield* one.ok(backupWords())
        yield* two.ok(backupWords())
        const uids = yield* Effect.forEach(["one", "two"], (host) =>
          server.ok(["stat", "-c", "%u", `${hostDirectory(host)}/current`])
        )
        assert.notStrictEqual(uids[0], uids[1])
        const ssh = ["ssh", "-i", "/etc/byteback/key", "-o", "UserKnownHostsFile=/etc/byteback/known_hosts"]
        const pull = (path: string, to: string) => [
          ...["rsync", "-a", "-e", ssh.join(" "), "--rsync-path=rsync --fake-super"],
          ...[`byteback@server4:${path}`, to]
        ]
        yield* two.ok(pull("latest/data/hello", "/own"))
        assert.strictEqual(yield* two.read("/own"), "hello\n", "by these very words a host has what is its own")
        for (const path of [
          "latest/data/canary",
          "../one/current/data/canary",
          "/byteback/one/current/data/canary",
          "latest/../../one/current"
        ]) {
          const pulled = yield* two.run(pull(path, "/stolen"))
          assert.notStrictEqual(pulled.code, 0, path)
        }
        assert.strictEqual((yield* two.run(["grep", "-r", "canary of one", "/stolen", "/data"])).stdout, "")
        const listed = yield* two.ok(["byteback", "snapshots", "--json"])
        assert.strictEqual((JSON.parse(listed) as ReadonlyArray<unknown>).length, 1)
      }).pipe(Effect.scoped)
    )

    it.effect("resumes an interrupted run without sending again what had arrived", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server5")
        const client = yield* clientMachine(server, "resumed")
        yield* client.ok([
          "sh",
          "-c",
          "mkdir /data/many; for i in $(seq 40); do head -c 1000000 /dev/urandom > /data/many/$i; done"
        ])
        const slow = yield* client.start([...backupWords(), "--config-dir", "/etc/byteback"], {
          env: { BYTEBACK_RSYNC_FLAGS: "--bwlimit=4000" }
        })
        yield* server.until(["sh", "-c", 'test "$(du -sm /byteback/resumed/current | cut -f1)" -ge 15'])
        yield* client.cut
        yield* slow.kill("SIGKILL")
        yield* client.plug
        yield* server.until(["sh", "-c", "! pgrep -x rsync"], { timeout: 30_000 })
        const again = yield* client.ok([...backupWords(), "--json"])
        const result = JSON.parse(again.trim().split("\n").at(-1)!) as { stats: { literal: number }; outcome: string }
        assert.strictEqual(result.outcome, "complete")
        assert.isBelow(result.stats.literal, 30_000_000, "what had arrived is not sent again")
        yield* client.ok(["byteback", "restore", "/data", "--to", "/back"])
        yield* client.ok(["diff", "-r", "/data", "/back/data"])
      }).pipe(Effect.scoped)
    )

    it.effect("lets an old client ping, push and complete with its very lines", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server6")
        const client = yield* clientMachine(server, "old")
        const ssh = [
          "ssh",
          "-i",
          "/etc/byteback/key",
          "-o",
          "UserKnownHostsFile=/etc/byteback/known_hosts",
          "byteback@server6"
        ]
        for (const line of [
          "byteback-receive --ping",
          "byteback-receive --ping --verbose",
          "byteback-receive --ping "
        ]) {
          yield* client.ok([...ssh, line])
        }
        const early = yield* client.run([...ssh, "byteback-receive --complete"])
        assert.strictEqual(early.code, 12, "nothing was pushed yet")
        // The line of the clients in the field, whatever this machine's rsync would write in its place.
        const line = [
          "rsync --fake-super --server -vlogDtpXrRe.iLsfxCIvu --timeout=10800",
          "--delete-during --delete-excluded --numeric-ids --inplace . /store/backups"
        ].join(" ")
        yield* client.write("/root/rsh", `#!/bin/sh\nexec ${ssh.join(" ")} '${line}'\n`, { mode: "755" })
        yield* client.ok([
          ...["rsync", "-vaXR", "--numeric-ids", "--delete-during", "--delete-excluded", "--inplace"],
          ...[
            "--timeout=10800",
            "-e",
            "/root/rsh",
            "--rsync-path=rsync --fake-super",
            "/data",
            "byteback@server6:/store/backups"
          ]
        ])
        yield* client.ok([...ssh, "byteback-receive --complete "])
        assert.strictEqual(yield* server.read("/byteback/old/current/data/hello"), "hello\n")
        assert.strictEqual((yield* snapshotNames(server, "old")).length, 1)
        const twice = yield* client.run([...ssh, "byteback-receive --complete"])
        assert.strictEqual(twice.code, 12)
      }).pipe(Effect.scoped)
    )
  })
})
