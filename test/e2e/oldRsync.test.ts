// A client whose rsync is that of an older Debian: our program on it, and the old client's own commands.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab, type Machine } from "../lab/Lab.ts"
import { oldRsync } from "../lab/oldRsync.ts"
import { everyKind, fingerprint } from "./everyKind.ts"
import { backupWords, clientMachine, nextSnapshotMayCome, root, serverMachine, snapshotNames } from "./pair.ts"

const version = "3.2.7"
const old = root ? oldRsync(version) : null
if (root && old === null) console.warn(`test/e2e/oldRsync: rsync ${version} cannot be had from apt here; skipped`)

const withOldRsync = Effect.fn("withOldRsync")(function* (client: Machine) {
  if (old !== null) yield* client.write("/usr/bin/rsync", old, { mode: "755" })
  assert.include(yield* client.ok(["rsync", "--version"]), `version ${version} `)
  yield* client.ok(["sh", "-c", everyKind])
})

/** A day's work: of each kind of change one. */
const change = `
set -eu
cd /data
printf 'longer than it was' > dir/file
printf CONTENT > dir/same-size; touch -d '2001-02-03 04:05:06' dir/same-size
rm dir/old; mv dir/symlink dir/moved; rmdir empty; printf x > empty
chmod 640 dir/secret; chown 77:88 nothing; setfacl -b dir/secret
setfattr -n user.note -v changed dir/file; setfattr -x trusted.note dir/file; setcap -r dir/setuid
mkdir -p new/er; printf new > new/er/file; ln new/er/file new/hard; mknod new/zero c 1 5
truncate -s 1M dir/sparse
`

describe.skipIf(old === null)(`rsync ${version} on the client`, () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 240_000 })((it) => {
    it.effect("backs up, backs up again what has changed, and restores either as it was", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server1")
        const client = yield* clientMachine(server, "aged")
        yield* withOldRsync(client)
        yield* client.ok(["sh", "-c", "printf content > /data/dir/same-size"])
        const backup = Effect.gen(function* () {
          const { code, stderr, stdout } = yield* client.run(backupWords())
          assert.strictEqual(code, 0, stderr + stdout)
          return { was: yield* fingerprint(client, "/data"), name: (yield* snapshotNames(server, "aged")).at(-1)! }
        })
        const first = yield* backup
        yield* client.ok(["sh", "-c", change])
        yield* nextSnapshotMayCome(server, "aged")
        const second = yield* backup
        assert.notStrictEqual(second.name, first.name)
        assert.notDeepEqual(second.was, first.was)
        for (const { name, was } of [first, second]) {
          const restore = ["byteback", "restore", "/data", "--snapshot", name, "--to", `/${name}`, "--devices"]
          const { code, stderr } = yield* client.run(restore)
          assert.strictEqual(code, 0, stderr)
          assert.deepStrictEqual(yield* fingerprint(client, `/${name}/data`), was)
        }
        const nothing = yield* client.ok(backupWords("--dry-run"))
        assert.notInclude(nothing, "data/", "a third one would find nothing to send")
        const verified = yield* client.run(["byteback", "verify"])
        assert.strictEqual(verified.code, 0, verified.stderr + verified.stdout)
      }).pipe(Effect.scoped)
    )

    it.effect("in the old client's hands pushes, completes, lists and restores", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server2")
        const client = yield* clientMachine(server, "elder")
        yield* withOldRsync(client)
        // It asks neither for ACLs nor for hard links, and in a restore not for xattrs.
        yield* client.ok(["sh", "-c", "setfacl -R -b /data; rm /data/dir/hard; setcap -r /data/dir/setuid"])
        // Without a word from the client rsync compares whole seconds, and lets what it made in the same one be.
        yield* client.ok(["sh", "-c", "find /data -depth -exec touch -hd '2011-12-13 14:15:16.987654321' -- {} +"])
        yield* client.write(
          "/root/.ssh/config",
          "Host server2\n  IdentityFile /etc/byteback/key\n  UserKnownHostsFile /etc/byteback/known_hosts\n",
          { mode: "600" }
        )
        const receive = (line: string) => client.run(["ssh", "byteback@server2", `byteback-receive ${line}`])
        yield* client.ok(["mkdir", "/here"])
        const ok = Effect.fnUntraced(function* (...words: ReadonlyArray<string>) {
          const { code, stderr } = yield* client.run(words, { cwd: "/here" })
          assert.strictEqual(code, 0, stderr)
        })
        assert.strictEqual((yield* receive("--ping ")).code, 0)
        yield* ok(
          ..."rsync -vaXR --timeout=10800 --delete-during --delete-excluded --numeric-ids --inplace".split(" "),
          "--rsync-path=rsync --fake-super",
          "/data",
          "byteback@server2:/store/backups"
        )
        const completed = yield* receive("--complete ")
        assert.strictEqual(completed.code, 0, completed.stderr)
        assert.match((yield* receive("--snapshot * --list data/h*o")).stdout, /\/data\/hello$/m)
        yield* ok(
          ..."rsync -rlptgoDRz --timeout=300 --numeric-ids --inplace".split(" "),
          "--rsync-path=byteback-restore --fake-super --snapshot *",
          "byteback@server2:data",
          "."
        )
        const [is, was] = yield* Effect.all([fingerprint(client, "/here/data"), fingerprint(client, "/data")])
        const facts = ({ contents, devices, metadata }: typeof is) => ({ contents, devices, metadata })
        assert.deepStrictEqual(facts(is), facts(was))
      }).pipe(Effect.scoped)
    )
  })
})
