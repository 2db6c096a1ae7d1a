// Proof that a backup is good: verify finds what was tampered with, a drill brings files back and leaves nothing behind.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab } from "../lab/Lab.ts"
import { everyKind } from "./everyKind.ts"
import {
  backupWords,
  clientMachine,
  nextSnapshotMayCome,
  pruneEnded,
  root,
  serverMachine,
  snapshotNames
} from "./pair.ts"

describe.skipIf(!root)("proofs", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 240_000 })((it) => {
    it.effect("verify tells what changed since from what was tampered with, at either end", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server1")
        const client = yield* clientMachine(server, "verified")
        const verify = (...more: ReadonlyArray<string>) => client.run(["byteback", "verify", ...more])
        assert.match(yield* client.ok(["byteback", "status"]), /compared with the files: never; byteback verify/)
        yield* client.ok(["sh", "-c", everyKind])
        // rsync takes a trusted xattr beside a user's for a difference under fake-super, though it brings both back.
        yield* client.ok([
          "sh",
          "-c",
          "cd /data; setfattr -x trusted.note dir/file; for i in 1 2 3 4 5; do echo $i > file$i; done"
        ])
        yield* client.ok(backupWords())
        const clean = yield* verify("--json")
        assert.strictEqual(clean.code, 0, clean.stderr)
        assert.deepInclude(JSON.parse(clean.stdout.trim().split("\n").at(-1)!), {
          counts: { gone: 0, changed: 0, attributes: 0, unexplained: 0 },
          added: 0,
          unexplained: []
        })

        // Changed for a reason: written, gone, other mode, new; what a backup leaves out and what was not asked for is not new.
        yield* client.ok([
          "sh",
          "-c",
          "cd /data; echo more >> file1; rm file2; chmod 600 file3; mkdir new; echo x > new/x"
        ])
        yield* client.ok([
          "sh",
          "-c",
          "echo '*.iso' > /etc/byteback/excludes; echo x > /data/film.iso; echo x > /elsewhere"
        ])
        const changed = yield* verify()
        assert.strictEqual(changed.code, 0, changed.stderr)
        assert.match(changed.stderr, /1 changed since, 1 gone since, 2 added since, 1 with other owner, mode or time/)
        assert.isTrue(yield* client.exists("/data/new/x"), "a comparison takes nothing away")

        // Without one: the same size and time, on this machine, with a name that no terminal should see.
        yield* client.ok([
          "sh",
          "-c",
          `cd /data; touch -r file4 /ref; printf X > file4; printf '\\n' >> file4; touch -r /ref file4
           n="$(printf 'name with blanks \\n and \\033 and \\377')"; touch -r "$n" /ref; printf y > "$n"; touch -r /ref "$n"`
        ])
        const tampered = yield* verify()
        assert.strictEqual(tampered.code, 1)
        assert.match(tampered.stderr, /2 of the same size and time have other content/)
        assert.deepStrictEqual(tampered.stdout.trim().split("\n").toSorted(), [
          "/data/file4",
          "/data/name with blanks \\x0a and \\x1b and \\xff"
        ])
        assert.match(
          yield* client.ok(["byteback", "status"]),
          /2 differ without a reason[^]*! byteback verify: .*; look at what it names/
        )
        assert.strictEqual((yield* verify("/data/file1")).code, 0)
        assert.match(
          yield* client.ok(["byteback", "status"]),
          /a part of them: .* 2 compared.* nothing differs[^]*! byteback verify: .* 2 differ/
        )

        // And in the store, by somebody with root there.
        yield* client.ok(["sh", "-c", "rm -r /data; mkdir /data; echo 12345 > /data/kept; echo 1 > /data/other"])
        yield* nextSnapshotMayCome(server, "verified")
        yield* client.ok(backupWords())
        const name = (yield* snapshotNames(server, "verified")).at(-1)!
        const snapshot = `/byteback/verified/${name}`
        yield* pruneEnded(server)
        yield* server.ok([
          "sh",
          "-c",
          `set -e; btrfs property set -f "$1" ro false; touch -r "$1/data/kept" /ref; printf 1234X > "$1/data/kept"
           printf '\\n' >> "$1/data/kept"; touch -r /ref "$1/data/kept"; btrfs property set "$1" ro true`,
          "sh",
          snapshot
        ])
        const rotten = yield* verify("--snapshot", name)
        assert.strictEqual(rotten.code, 1, rotten.stderr)
        assert.strictEqual(rotten.stdout, "/data/kept\n")
        assert.strictEqual((yield* verify("/data/other", "--snapshot", name)).code, 0)
        const all = yield* verify("--sample", "100%", "--seed", "7", "--snapshot", name)
        assert.match(all.stderr, /: 2 compared \(a sample; --seed 7 draws it again\)/)
        assert.notInclude(all.stderr, "added since", "a sample says nothing of what it does not look at")
        assert.strictEqual(all.stdout, "/data/kept\n")
        assert.strictEqual((yield* verify("/data/nothing")).code, 1)
        assert.strictEqual((yield* verify("--sample", "200%")).code, 2)

        const there = yield* server.run(["byteback", "verify", "--host", "verified"])
        assert.strictEqual(there.code, 2)
        assert.match(there.stderr, /--against/)
        yield* server.ok(["byteback", "restore", "/data", "--host", "verified", "--to", "/there"])
        assert.strictEqual(
          (yield* server.run(["byteback", "verify", "--host", "verified", "--against", "/there"])).code,
          0
        )
      }).pipe(Effect.scoped)
    )

    it.effect("a drill brings a sample back, compares it, and leaves nothing behind", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server2")
        const client = yield* clientMachine(server, "drilled")
        const drill = (...more: ReadonlyArray<string>) => client.run(["byteback", "drill", ...more])
        const nothingLeft = client.ok(["sh", "-c", "! ls -d /tmp/byteback-drill-* 2>/dev/null"])
        yield* client.ok(["sh", "-c", everyKind])
        yield* client.ok(["sh", "-c", "mkdir /data/more; for i in $(seq 200); do echo $i > /data/more/$i; done"])
        yield* client.ok(backupWords())
        const clean = yield* drill("--seed", "3")
        assert.strictEqual(clean.code, 0, clean.stderr)
        assert.match(
          clean.stderr,
          /restored 100 files, .* \(--seed 3 draws them again\).*all others came back as they are/
        )
        assert.match(yield* client.ok(["byteback", "status"]), /last proven restorable: 20.* 100 compared/)
        yield* nothingLeft

        // All of them, so that what was changed is surely among them.
        yield* client.ok(["sh", "-c", "cd /data/more; echo new > 1; rm 2; sleep 1; chmod 600 3"])
        const everything = ["--files", "1000", "--megabytes", "1"]
        const changed = yield* drill(...everything)
        assert.strictEqual(changed.code, 0, changed.stderr)
        assert.match(changed.stderr, /: 2 changed since, 1 gone since, all others/)
        yield* client.ok(["sh", "-c", "cd /data/more; touch -r 4 /ref; echo X > 4; touch -r /ref 4"])
        const tampered = yield* drill(...everything)
        assert.strictEqual(tampered.code, 1, tampered.stderr)
        assert.strictEqual(tampered.stdout, "/data/more/4\n")
        const status = yield* client.ok(["byteback", "status"])
        assert.match(status, /last proven restorable: 20.*nothing differs[^]*! last drill: .*1 differ without a reason/)

        // Whoever interrupts it finds nothing left either.
        yield* client.ok(["sh", "-c", "head -c 50000000 /dev/urandom > /data/big"])
        yield* nextSnapshotMayCome(server, "drilled")
        yield* client.ok(backupWords())
        yield* client.write("/usr/local/bin/rsync", '#!/bin/sh\nexec /usr/bin/rsync --bwlimit=1000 "$@"\n', {
          mode: "755"
        })
        const stopped = yield* client.tty(["byteback", "drill", "--files", "1000"])
        yield* client.until(["sh", "-c", 'test "$(du -sk /tmp/byteback-drill-* | cut -f1)" -gt 1000'])
        yield* stopped.writeStdin("\x03")
        assert.strictEqual((yield* stopped.wait).code, 130)
        yield* nothingLeft
      }).pipe(Effect.scoped)
    )
  })
})
