// All snapshots as directories.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab } from "../lab/Lab.ts"
import {
  backupWords,
  clientMachine,
  nextSnapshotMayCome,
  pruneEnded,
  root,
  serverMachine,
  snapshotNames
} from "./pair.ts"

describe.skipIf(!root)("a mount", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 240_000 })((it) => {
    it.effect("shows each snapshot, lets nobody write, and goes with ^C", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server1")
        const client = yield* clientMachine(server, "mounted")
        yield* client.ok(["sh", "-c", "echo secret > /data/secret; chmod 600 /data/secret; ln -s hello /data/link"])
        yield* client.ok(backupWords())
        yield* client.write("/data/hello", "second\n")
        yield* nextSnapshotMayCome(server, "mounted")
        yield* client.ok(backupWords())
        const [first, second] = (yield* snapshotNames(server, "mounted")) as [string, string]
        const refused = Effect.fnUntraced(function* (directory: string, line: RegExp) {
          const { code, stderr } = yield* client.run(["byteback", "mount", directory])
          assert.strictEqual(code, 1)
          assert.match(stderr, line)
          assert.lengthOf(stderr.trim().split("\n"), 1, stderr)
        })
        yield* refused("/nowhere", /\/nowhere is not there; make it first/)
        yield* refused("/etc", /\/etc is not empty/)
        yield* refused("/etc/hostname", /is not a directory/)

        yield* client.ok(["mkdir", "-p", "/mnt/all"])
        const mounting = yield* client.tty(["byteback", "mount", "/mnt/all"])
        yield* mounting.saw(/all snapshots are in \/mnt\/all, read-only/)
        assert.deepStrictEqual((yield* client.ok(["ls", "/mnt/all"])).trim().split("\n"), [first, second, "current"])
        assert.strictEqual(yield* client.read(`/mnt/all/${first}/data/hello`), "hello\n")
        assert.strictEqual(yield* client.read(`/mnt/all/${second}/data/hello`), "second\n")
        assert.strictEqual(yield* client.read(`/mnt/all/${second}/data/secret`), "secret\n")
        assert.strictEqual(yield* client.read(`/mnt/all/${second}/data/link`), "hello", "as help says")
        const before = yield* client.ok(["sha256sum", `/mnt/all/${second}/data/hello`, "/mnt/all/current/data/hello"])
        for (const script of [
          `echo x > /mnt/all/${second}/data/hello`,
          "echo x > /mnt/all/current/data/hello",
          "rm /mnt/all/current/data/hello",
          "mkdir /mnt/all/new",
          `mv /mnt/all/${first} /mnt/all/gone`
        ]) {
          assert.notStrictEqual((yield* client.run(["sh", "-c", script])).code, 0, script)
        }
        assert.strictEqual(
          yield* client.ok(["sha256sum", `/mnt/all/${second}/data/hello`, "/mnt/all/current/data/hello"]),
          before
        )
        yield* mounting.writeStdin("\x03")
        assert.strictEqual((yield* mounting.wait).code, 130)
        assert.strictEqual(yield* client.ok(["ls", "-A", "/mnt/all"]), "")
        yield* server.until(["sh", "-c", "! pgrep -x sftp-server"])

        // Unmounted by somebody else, it ends well.
        const again = yield* client.start(["byteback", "mount", "/mnt/all"])
        yield* again.saw(/read-only/)
        yield* client.ok(["umount", "/mnt/all"])
        assert.strictEqual((yield* again.wait).code, 0)

        // The server's end goes away: that is no end that somebody wanted, and nothing stays behind.
        const lost = yield* client.start(["byteback", "mount", "/mnt/all"])
        yield* lost.saw(/read-only/)
        yield* server.ok(["pkill", "-x", "sftp-server"])
        const broken = yield* lost.wait
        assert.strictEqual(broken.code, 1)
        assert.match(
          broken.stderr,
          /the connection ended, and \/mnt\/all shows nothing any more: .*\. Mount it again\n$/
        )
        assert.strictEqual(yield* client.ok(["ls", "-A", "/mnt/all"]), "")

        // On the server, for an administrator.
        yield* server.ok(["mkdir", "/mnt/host"])
        const there = yield* server.start(["byteback", "mount", "/mnt/host", "--host", "mounted"])
        yield* there.saw(/read-only/)
        assert.strictEqual(yield* server.read(`/mnt/host/${first}/data/hello`), "hello\n")
        // Longer than it takes the server to notice that a client is gone.
        yield* server.until(["sh", "-c", 'test "$(ps -o etimes= -p "$(pgrep -x sftp-server)")" -ge 4'])
        assert.strictEqual(yield* server.read(`/mnt/host/${second}/data/hello`), "second\n")
        yield* there.kill("SIGTERM")
        assert.strictEqual((yield* there.wait).code, 143)

        // One alone is not deleted meanwhile, as it would be otherwise.
        yield* pruneEnded(server)
        const one = yield* client.start(["byteback", "mount", "--json", "--snapshot", first, "/mnt/all"])
        const said = JSON.parse(yield* one.saw(/\{"_tag":"mounted".*\}/)) as unknown
        assert.deepStrictEqual(said, { _tag: "mounted", directory: "/mnt/all", snapshot: first })
        assert.strictEqual(yield* client.read("/mnt/all/data/hello"), "hello\n")
        const pruned = ["byteback-prune", "--prune-force", "--maxpercent", "100"]
        assert.match((yield* server.run(pruned)).stderr, /passed over .*reads it/)
        assert.include(yield* snapshotNames(server, "mounted"), first)
        yield* client.ok(["umount", "/mnt/all"])
        assert.strictEqual((yield* one.wait).code, 0)
        yield* server.until(["sh", "-c", "! pgrep -x sftp-server"])
        const rest = yield* client.start(["byteback", "mount", "/mnt/all"])
        yield* rest.saw(/read-only/)
        yield* server.run(pruned)
        assert.notInclude(yield* snapshotNames(server, "mounted"), first)
        yield* client.ok(["umount", "/mnt/all"])
        const missing = yield* client.run(["byteback", "mount", "--snapshot", first, "/mnt/all"])
        assert.strictEqual(missing.code, 1)
        assert.include(missing.stderr, second)

        yield* server.write("/etc/byteback/sandbox", "none\n")
        yield* refused("/mnt/all", /without a sandbox/)
        yield* client.ok(["mv", "/usr/bin/sshfs", "/root/sshfs"])
        yield* refused("/mnt/all", /sshfs is not installed here; run apt-get install sshfs/)
      }).pipe(Effect.scoped)
    )

    it.effect("by a plain sftp client of its own making, nothing can be written or left either", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server2")
        const client = yield* clientMachine(server, "sly")
        const other = yield* clientMachine(server, "neighbour")
        yield* other.ok(backupWords())
        yield* client.ok(backupWords())
        const script = `exec ssh -i /etc/byteback/key -o UserKnownHostsFile=/etc/byteback/known_hosts byteback@server2 'byteback request eyJfdGFnIjoic2Z0cCJ9'`
        yield* client.write("/root/way", `#!/bin/sh\n${script}\n`, { mode: "755" })
        const sftp = (commands: string) =>
          client.run(["sftp", "-q", "-b", "-", "-S", "/root/way", "x"], { stdin: `${commands}\n` })
        assert.match((yield* sftp("ls")).stdout, /current/)
        for (const commands of [
          "put /etc/hostname current/data/new",
          "rm current/data/hello",
          "mkdir current/new",
          "chmod 777 current/data/hello",
          "rename current/data/hello current/data/other",
          "ln -s /etc/passwd current/link",
          "get /proc/1/environ /root/taken",
          "get /byteback/sly/current/data/hello /root/taken",
          "get ../neighbour/current/data/hello /root/taken",
          "get /neighbour/current/data/hello /root/taken"
        ]) {
          assert.notStrictEqual((yield* sftp(commands)).code, 0, commands)
        }
        assert.strictEqual((yield* sftp("get current/data/hello /root/own")).code, 0)
        assert.match((yield* sftp("ls -1 /data/..")).stdout, /data/)
        const top = yield* sftp("ls -1 /")
        assert.strictEqual(top.code, 0, top.stderr)
        assert.match(top.stdout, /data/)
        assert.notMatch(top.stdout, /byteback|root|home|neighbour/)
        assert.strictEqual(yield* client.ok(["cat", "/data/hello"]), "hello\n")
        assert.strictEqual(yield* server.ok(["cat", "/byteback/sly/current/data/hello"]), "hello\n")
        assert.strictEqual(yield* server.ok(["ls", "-A", "/byteback/sly/current/data"]), "hello\n")
      }).pipe(Effect.scoped)
    )
  })
})
