// Getting it back: where to, what over, from when, and what happens when it goes wrong in the middle.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lab, type Machine, type RunResult } from "../lab/Lab.ts"
import { everyKind, fingerprint } from "./everyKind.ts"
import {
  backupWords,
  clientMachine,
  nextSnapshotMayCome,
  pruneEnded,
  root,
  serverMachine,
  snapshotNames
} from "./pair.ts"

const refused = (ended: RunResult, code: number, line: RegExp) => {
  assert.strictEqual(ended.code, code, ended.stderr + ended.stdout)
  assert.match(ended.stderr, line)
  assert.lengthOf(ended.stderr.trim().split("\n"), 1, ended.stderr)
}

/** The machine's rsync gets through no more than this, so that a transfer can be met in the middle. */
const slow = (machine: Machine, kilobytes: number) =>
  machine.write("/usr/local/bin/rsync", `#!/bin/sh\nexec /usr/bin/rsync --bwlimit=${kilobytes} "$@"\n`, { mode: "755" })

describe.skipIf(!root)("restoring", () => {
  it.layer(Lab.layer(), { excludeTestServices: true, timeout: 240_000 })((it) => {
    it.effect("mends damaged files in place, through no symlink, and deletes only what it is told to", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server1")
        const client = yield* clientMachine(server, "mended")
        const run = (...argv: ReadonlyArray<string>) => client.run(["byteback", "restore", ...argv])
        yield* client.ok(["sh", "-c", everyKind])
        yield* client.ok(["sh", "-c", "mkdir -p /data/tree/deep /victim; echo good > /data/tree/deep/file"])
        yield* client.ok(backupWords())
        const before = yield* fingerprint(client, "/data")

        yield* client.ok([
          "sh",
          "-c",
          `echo bad > /victim/file; rm -r /data/tree/deep; ln -s /victim /data/tree/deep
           echo garbage > /data/dir/file; rm /data/dir/secret; chmod 777 /data/dir/setuid; rm /data/dir/fifo /data/dir/disk
           setfattr -x trusted.note /data/dir/hard; echo new > /data/dir/new; echo new > /data/empty/new.log`
        ])
        const place = ["/data", "--in-place"]
        refused(yield* run(...place), 2, /--in-place .*needs --yes/)
        refused(yield* run(...place, "--to", "/x", "--yes"), 2, /give one of them/)
        refused(yield* run("/", "--in-place", "--delete", "--yes"), 2, /name the directories/)
        const dry = yield* run(...place, "--dry-run", "--delete")
        assert.match(dry.stderr, /overwritten.*made that are missing.*deleted/)
        assert.strictEqual(yield* client.read("/data/dir/file"), "garbage\n")

        // On a terminal it says what it would do, and no is no.
        const asked = yield* client.tty(["byteback", "restore", ...place])
        yield* asked.saw(/overwritten, .* 0 deleted \(no --delete\)/)
        yield* asked.saw(/Write over this machine's files\?/)
        yield* asked.writeStdin("n")
        assert.strictEqual((yield* asked.wait).code, 2)
        assert.strictEqual(yield* client.read("/data/dir/file"), "garbage\n")

        const mended = yield* run(...place, "--devices", "--delete", "--exclude", "*.log", "--yes")
        assert.strictEqual(mended.code, 0, mended.stderr)
        assert.match(mended.stderr, /restored .* in place, and deleted 1\n/)
        assert.match(mended.stderr, /holds 1 setuid or setgid files, 1 with capabilities, 1 devices/)
        assert.strictEqual(yield* client.read("/victim/file"), "bad\n", "nothing was written through the symlink")
        assert.strictEqual(yield* client.read("/data/empty/new.log"), "new\n", "what is excluded is not deleted")
        yield* client.ok(["sh", "-c", "rm /data/empty/new.log; touch -d @0 /data/empty"])
        const again = yield* run(...place, "--yes")
        assert.strictEqual(again.code, 0, again.stderr)
        assert.deepStrictEqual(yield* fingerprint(client, "/data"), before)

        // All of it, where the backup was of one directory: the machine's root keeps what is its own.
        const stat = ["stat", "-c", "%a %u %g", "/"]
        const top = yield* client.ok(stat)
        yield* client.ok(["rm", "/data/dir/file"])
        const everything = yield* run("/", "--in-place", "--yes")
        assert.strictEqual(everything.code, 0, everything.stderr)
        assert.strictEqual(yield* client.read("/data/dir/file"), "content")
        assert.strictEqual(yield* client.ok(stat), top)

        // A name that is not UTF-8, as a shell's completion gives it, and a snapshot before the path.
        const odd = yield* client.run(
          [
            "sh",
            "-c",
            `byteback restore "latest:$(printf 'name with blanks \\n and \\033 and \\377')" ./dir/old --to /odd`
          ],
          { cwd: "/data" }
        )
        assert.match(odd.stderr, /the paths are of several snapshots/)
        const bytes = `byteback restore "$(printf 'name with blanks \\n and \\033 and \\377')" ./dir/old --to /odd`
        yield* client.ok(["sh", "-c", bytes], { cwd: "/data" })
        assert.strictEqual((yield* client.ok(["sh", "-c", "cat /odd/data/name*; ls /odd/data/dir"])).trim(), "xold")
        refused(yield* run("latest:/data", "--at", "now"), 2, /give one of them/)
        yield* client.ok(["byteback", "restore", "latest:/data/dir/old", "--to", "/prefixed"])
        yield* client.ok(["test", "-e", "/prefixed/data/dir/old"])

        // What cannot be put in its place is named, also beside what is not there.
        yield* client.ok(["sh", "-c", "rm /data/dir/old; mkdir /data/dir/old; echo mine > /data/dir/old/mine"])
        const blocked = yield* run("/data/dir/old", ...place.slice(1), "--yes")
        assert.strictEqual(blocked.code, 3)
        assert.match(blocked.stderr, /\nbyteback: could not make way for new regular file: data\/dir\/old\n$/)
        const beside = yield* run("/data/dir/old", "/data/none", ...place.slice(1), "--yes")
        assert.strictEqual(beside.code, 1)
        assert.match(
          beside.stderr,
          /could not make way.*\n.*\/data\/none is not in.*is restored to \/, but for 1 that could not/
        )
        assert.strictEqual(yield* client.read("/data/dir/old/mine"), "mine\n")
        assert.strictEqual((yield* run("/data/dir", ...place.slice(1), "--delete", "--yes")).code, 0)
        yield* client.ok(["test", "-f", "/data/dir/old"])
        yield* client.ok(["sh", "-c", "echo > /other; mount --bind /other /data/dir/old"])
        const mounted = yield* run("/data/dir/old", ...place.slice(1), "--yes")
        assert.strictEqual(mounted.code, 3)
        assert.match(mounted.stderr, /rename .*old.*: Device or resource busy \(16\)\n$/)
        yield* client.ok(["umount", "/data/dir/old"])

        // Fifos and sockets come by themselves; devices are told of.
        const plain = yield* run("/data", "--to", "/plain")
        assert.match(
          plain.stderr,
          /2 device nodes left out; --devices makes them\nbyteback: data\/dir\/disk\nbyteback: data\/dir\/null\n/
        )
        yield* client.ok(["sh", "-c", "cd /plain/data/dir; test -p fifo; test -S socket; test ! -e null"])
        yield* client.ok(["sh", "-c", 'test "$(du -k /plain/data/dir/sparse | cut -f1)" -lt 1000'])
      }).pipe(Effect.scoped)
    )

    it.effect("overwrites as it is told", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server2")
        const client = yield* clientMachine(server, "over")
        yield* client.ok([
          "sh",
          "-c",
          "cd /data; echo x > 'we\\[ird'; echo x > root; chmod 4755 root; for f in older newer same; do echo old > $f; touch -d 2026-01-01 $f; done"
        ])
        yield* client.ok(backupWords())
        const reads = Effect.fnUntraced(function* (...how: ReadonlyArray<string>) {
          yield* client.ok([
            "sh",
            "-c",
            `rm -rf /t; mkdir -p /t/data; cd /t/data; echo new > older; echo new > newer; echo NEW > same
             touch -d 2025-01-01 older; touch -d 2026-02-02 newer; touch -d 2026-01-01 same`
          ])
          yield* client.ok(["byteback", "restore", "/data", "--to", "/t", ...how])
          return yield* client.ok(["sh", "-c", "cd /t/data; cat older newer same; ls -A /t"])
        })
        refused(yield* client.run(["byteback", "restore", "/data", "--to", "/data"]), 1, /not empty.*--overwrite/)
        // Told is what came, and not what lay there before.
        yield* client.ok(["sh", "-c", "mkdir -p /t/data; cp -p /data/root /t/data/other"])
        const beside = yield* client.run(["byteback", "restore", "/data", "--to", "/t", "--overwrite", "always"])
        assert.match(beside.stderr, /holds 1 setuid or setgid files, 0 with capabilities/)
        assert.match(beside.stderr, /\/t\/data\/root\n/)
        assert.strictEqual(yield* reads("--overwrite", "always"), "old\nold\nold\ndata\n")
        assert.strictEqual(yield* reads("--overwrite", "if-changed"), "old\nold\nNEW\ndata\n")
        assert.strictEqual(yield* reads("--overwrite", "if-newer"), "old\nnew\nNEW\ndata\n")
        assert.strictEqual(yield* reads("--overwrite", "never"), "new\nnew\nNEW\ndata\n")
        assert.strictEqual(
          yield* reads("--overwrite", "always", "--include", "newer", "--exclude", "*er"),
          "new\nold\nold\ndata\n"
        )
        assert.strictEqual(
          yield* reads("--overwrite", "always", "--exclude", "data"),
          "new\nnew\nNEW\ndata\n",
          "what is excluded is left as it is"
        )
        yield* client.ok(["byteback", "restore", "/data/older", "--exclude", "data", "--to", "/above"])
        assert.strictEqual(yield* client.read("/above/data/older"), "old\n")
        // rsync refuses what it has asked for itself; its directory brings it back.
        const odd = ["byteback", "restore", "/data/we\\[ird"]
        refused(yield* client.run([...odd, "--to", "/odd"]), 2, /ask for the directory above it.*we\\\\\[ird/)
        assert.isFalse(yield* client.exists("/odd"))
        yield* client.ok(["byteback", "drill"])
        yield* client.ok(["byteback", "verify", "--sample", "100%"])
        yield* client.ok(["byteback", "restore", "/data", "--to", "/odder"])
        yield* client.ok(["test", "-e", "/odder/data/we\\[ird"])
        // Of several paths with rules that let in, each is held to by itself.
        const several = ["/data/none", "/data/older", "/data/newer", "--include", "ol*", "--exclude", "*"]
        refused(
          yield* client.run(["byteback", "restore", ...several, "--to", "/several"]),
          1,
          /^byteback: \/data\/none is not in snapshot \S+; all else that was asked for is restored/
        )
        assert.strictEqual(yield* client.ok(["sh", "-c", "cd /several; find . -type f"]), "./data/older\n")
      }).pipe(Effect.scoped)
    )

    it.effect("takes from the time that is meant, from all, and says where a path last was", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server3")
        const client = yield* clientMachine(server, "times")
        const run = (...argv: ReadonlyArray<string>) => client.run(["byteback", "restore", ...argv], { cwd: "/root" })
        yield* client.write("/data/doomed/file", "one\n")
        yield* client.ok(backupWords())
        yield* client.write("/data/hello", "two\n")
        yield* client.ok(["rm", "-r", "/data/doomed"])
        yield* nextSnapshotMayCome(server, "times")
        yield* client.ok(backupWords())
        const [first, second] = (yield* snapshotNames(server, "times")) as [string, string]

        const then = `${first.slice(0, 16)}Z`
        assert.strictEqual((yield* run("/data", "--at", then)).code, 0)
        assert.strictEqual(yield* client.read(`/root/byteback-restore-${first}/data/hello`), "hello\n")
        assert.strictEqual((yield* run("/data")).code, 0)
        assert.strictEqual(yield* client.read(`/root/byteback-restore-${second}/data/hello`), "two\n")
        assert.strictEqual((yield* run("/data")).code, 0, "a fresh directory each time")
        assert.isTrue(yield* client.exists(`/root/byteback-restore-${second}-2/data/hello`))
        assert.strictEqual((yield* run("/data/doomed", "--all", "--to", "/every")).code, 0)
        assert.strictEqual((yield* client.ok(["ls", "-A", "/every"])).trim(), first)
        refused(yield* run("/data/never", "--all", "--to", "/none"), 1, /in no snapshot/)
        assert.strictEqual((yield* run("/data/hello", "--all", "--to", "/each")).code, 0)
        assert.strictEqual(
          yield* client.ok(["sh", "-c", "cat /each/*/data/hello; ls -A /each | wc -l"]),
          "hello\ntwo\n2\n"
        )

        refused(
          yield* run("/data/doomed/file", "--to", "/no"),
          1,
          new RegExp(`/data/doomed/file was last in ${first.replace("+", "\\+")}: give --snapshot`)
        )
        refused(
          yield* run("/data/never", "--to", "/never"),
          1,
          /\/data\/never is not in snapshot .*No other snapshot has it/
        )
        refused(yield* run("/data", "--at", "2001-02-03"), 1, new RegExp(`the oldest is ${first.replace("+", "\\+")}`))
        refused(yield* run("/data", "--at", "01/02/2026"), 2, /--at 01\/02\/2026 is not a time; /)
        refused(yield* run("/data", "--at", "2099-01-01"), 2, /in the future/)
        refused(yield* run("/data", "--at", "now", "--snapshot", "latest"), 2, /give one of them/)

        // The same on the server, for an administrator.
        yield* server.ok(["byteback", "restore", "/data", "--host", "times", "--at", then, "--to", "/root/of-times"])
        assert.strictEqual(yield* server.read("/root/of-times/data/hello"), "hello\n")
        refused(
          yield* server.run(["byteback", "restore", "/data", "--host", "times", "--in-place", "--yes"]),
          2,
          /another machine's files/
        )
      }).pipe(Effect.scoped)
    )

    it.effect("means the same by latest in every command, and tells of a newer one that is suspect", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server5")
        const client = yield* clientMachine(server, "one")
        yield* client.ok([
          "sh",
          "-c",
          "mkdir -p /data/usr/bin; ln -s usr/bin /data/bin; echo tool > /data/usr/bin/tool"
        ])
        yield* client.ok(backupWords())
        const [name] = (yield* snapshotNames(server, "one")) as [string]
        const before = "2026-01-01T00:00+0000"
        yield* pruneEnded(server)
        yield* server.ok([
          ...["sh", "-ec"],
          `cd /byteback/one; btrfs -q subvolume snapshot current "$1"; echo before > "$1/data/hello"; mkdir "$1/data/empty"
           printf x > "$1/data/$(printf '\\377[1]')"; chown 0 "$1"; chmod 750 "$1"; btrfs property set "$1" ro true
           echo '{"_tag":"counted","at":'$(date +%s)',"name":"'$2'","anomaly":"9 of 10 files are new"}' \\
             >> /var/lib/byteback/journal/one.ndjson`,
          ...["sh", before, name]
        ])
        const notes = `taken from ${before}; ${name} is newer, but suspect: 9 of 10 files are new`
        const says = Effect.fnUntraced(function* (stdout: string, ...words: ReadonlyArray<string>) {
          const { code, stderr, stdout: printed } = yield* client.run(["byteback", ...words])
          assert.deepStrictEqual([code, printed], [0, stdout], stderr)
          assert.include(stderr, `byteback: ${notes}\n`)
        })
        yield* says("before\n", "cat", "/data/hello")
        yield* says("/data/hello\n", "find", "hello")
        yield* says("", "diff", before)
        yield* says("", "restore", "/data", "--to", "/back")
        assert.strictEqual(yield* client.read("/back/data/hello"), "before\n")
        yield* client.write(
          "/root/.ssh/config",
          "IdentityFile /etc/byteback/key\nUserKnownHostsFile /etc/byteback/known_hosts\n",
          { mode: "600" }
        )
        const plain = yield* client.run([
          ...["rsync", "-a", "--rsync-path=rsync --fake-super", "byteback@server5:data/hello", "/plain"]
        ])
        assert.include(plain.stderr, `byteback notes: ${notes}`)
        assert.strictEqual(yield* client.read("/plain"), "before\n")
        const old = yield* client.ok([
          "ssh",
          "byteback@server5",
          "byteback-receive --snapshot latest --list data/hello"
        ])
        assert.match(old, /^2026-01-01T00:00\+0000 .*hello\n$/)
        assert.strictEqual(yield* client.ok(["byteback", "cat", `${name}:/data/hello`]), "hello\n")

        // What the last push left is no snapshot, and comes back all the same.
        yield* client.ok(["byteback", "restore", "current:/data/hello", "--to", "/of-current"])
        assert.strictEqual(yield* client.read("/of-current/data/hello"), "hello\n")

        // What is not there: where it was, whatever it is called, and where a link leads.
        for (const path of ["empty", "$(printf '\\377[1]')"]) {
          const lost = yield* client.run(["sh", "-c", `byteback restore "${name}:/data/${path}"`], { cwd: "/root" })
          assert.match(lost.stderr, new RegExp(`was last in ${before.replace("+", "\\+")}: give --snapshot 2026`), path)
        }
        assert.strictEqual(yield* client.ok(["sh", "-c", "ls -A /root | grep restore | wc -l"]), "0\n")
        for (const words of [["restore"], ["verify"], ["cat"], ["ls"]]) {
          const { code, stderr } = yield* client.run(["byteback", ...words, `${name}:/data/bin/tool`], { cwd: "/root" })
          assert.strictEqual(code, 1, stderr)
          assert.match(stderr, /\/data\/bin is a link to usr\/bin; ask for \/data\/usr\/bin\/tool\n$/)
        }
        yield* client.ok(["byteback", "restore", `${name}:/data/usr/bin/tool`, "--to", "/tools"])

        yield* server.ok(["sh", "-c", "mv /byteback/one/2026-01-01* /byteback/one/aside"])
        for (const words of [["cat", "/data/hello"], ["restore", "/data/hello"], ["verify"]]) {
          refused(
            yield* client.run(["byteback", ...words]),
            1,
            /every snapshot that this could mean is suspect, so name the one .*: 9 of 10 files are new/
          )
        }
      }).pipe(Effect.scoped)
    )

    it.effect("carries on after a cut and on a disk that was full; what it reads is not pruned meanwhile", () =>
      Effect.gen(function* () {
        const server = yield* serverMachine("server4")
        const client = yield* clientMachine(server, "cut")
        yield* client.ok([
          "sh",
          "-c",
          "head -c 30000000 /dev/urandom > /data/big; echo x > /data/after; chmod 4755 /data/after"
        ])
        yield* client.ok(backupWords())
        yield* nextSnapshotMayCome(server, "cut")
        yield* client.ok(backupWords())
        const [first] = (yield* snapshotNames(server, "cut")) as [string]
        const words = ["byteback", "restore", "/data", "--snapshot", first, "--to", "/back"]

        yield* slow(client, 4000)
        const restoring = yield* client.start(words)
        yield* client.until(["sh", "-c", 'test "$(du -sk /back | cut -f1)" -gt 8000'])
        yield* client.cut
        yield* pruneEnded(server)
        const busy = yield* server.run(["byteback-prune", "--prune-force", "--maxpercent", "100"])
        assert.match(busy.stderr, /passed over .*a restore .*reads it|a restore reads it/)
        assert.include(yield* snapshotNames(server, "cut"), first)
        yield* restoring.kill("SIGTERM")
        assert.strictEqual((yield* restoring.wait).code, 143)
        assert.isFalse(yield* client.exists("/back/data/big"), "half a file has not the name of the whole")
        assert.isTrue(yield* client.exists("/back/.byteback-unfinished"))
        yield* client.plug
        refused(
          yield* client.run(["byteback", "restore", "/data/after", "--snapshot", first, "--to", "/back"]),
          1,
          /holds part of another restore/
        )
        yield* client.ok(["rm", "/usr/local/bin/rsync"])
        const ended = JSON.parse((yield* client.ok([...words, "--json"])).trim().split("\n").at(-1)!) as {
          stats: { literal: number }
        }
        assert.isBelow(ended.stats.literal, 24_000_000, "what had arrived is not sent again")
        yield* client.ok(["diff", "-r", "/data", "/back/data"])
        assert.strictEqual((yield* client.ok(["ls", "-A", "/back"])).trim(), "data")

        // The server's end goes away in the middle.
        const third = [...words.slice(0, -1), "/third"]
        yield* slow(client, 4000)
        const broken = yield* client.start(third)
        yield* client.until(["sh", "-c", 'test "$(du -sk /third | cut -f1)" -gt 8000'])
        yield* server.ok(["pkill", "-x", "rsync"])
        refused(yield* broken.wait, 1, /what had arrived is kept.*Give the same command again/)
        yield* client.ok(["rm", "/usr/local/bin/rsync"])
        yield* client.ok(third)
        yield* client.ok(["diff", "-r", "/data", "/third/data"])

        // It goes on with the snapshot that it began with, though another has become the latest.
        const fourth = ["byteback", "restore", "/data", "--to", "/fourth"]
        yield* client.ok(["cp", "-a", "/data", "/was"])
        yield* slow(client, 4000)
        const old = yield* client.start(fourth)
        yield* client.until(["sh", "-c", 'test "$(du -sk /fourth | cut -f1)" -gt 8000'])
        yield* server.ok(["pkill", "-x", "rsync"])
        refused(yield* old.wait, 1, /Give the same command again/)
        yield* client.ok(["sh", "-c", "rm /usr/local/bin/rsync /data/after; echo x > /data/only"])
        yield* nextSnapshotMayCome(server, "cut")
        yield* client.ok(backupWords())
        refused(
          yield* client.run([...fourth, "--at", "1 minute ago"]),
          1,
          /holds part of another restore.*or with --snapshot \S+, to end that one/
        )
        const went = yield* client.run(fourth)
        assert.strictEqual(went.code, 0, went.stderr)
        assert.match(went.stderr, /goes on with \S+, which this restore began with/)
        yield* client.ok(["diff", "-r", "/was", "/fourth/data"])
        yield* client.ok([...fourth, "--overwrite", "always"])
        yield* client.ok(["test", "-e", "/fourth/data/only"])

        // Of all snapshots one has this path and another that one.
        const all = yield* client.run(["byteback", "restore", "/data/after", "/data/only", "--all", "--to", "/all"])
        assert.strictEqual(all.code, 0, all.stderr)
        const newest = (yield* snapshotNames(server, "cut")).at(-1)!
        yield* client.ok(["test", "-e", `/all/${first}/data/after`])
        yield* client.ok(["test", "-e", `/all/${newest}/data/only`])
        refused(
          yield* client.run(["byteback", "restore", "/data", "--all", "--at", "now"]),
          2,
          /--all takes from every/
        )
        yield* client.ok(["sh", "-c", "rm /data/only; cp -a /was/after /data/after"])

        // One that is pruned before its turn came is passed over.
        yield* client.write(
          "/usr/local/bin/rsync",
          `#!/bin/sh\ncase "$*" in *"--snapshot ${newest}"*) touch /waits; until [ -e /go ]; do sleep 0.1; done;; esac\nexec /usr/bin/rsync "$@"\n`,
          { mode: "755" }
        )
        const many = yield* client.start(["byteback", "restore", "/data", "--all", "--to", "/many"])
        yield* client.until(["test", "-e", "/waits"])
        yield* server.ok(["btrfs", "-q", "subvolume", "delete", `/byteback/cut/${newest}`])
        yield* client.ok(["touch", "/go"])
        const passed = yield* many.wait
        assert.strictEqual(passed.code, 0, passed.stderr)
        assert.include(passed.stderr, `byteback: ${newest} was pruned before its turn came\n`)
        assert.include(yield* client.ok(["ls", "/many"]), first)
        assert.isFalse(yield* client.exists(`/many/${newest}`))

        // In place too: what has come of a file waits beside its place for the rest.
        yield* client.ok(["sh", "-c", "cp -a /data /kept; rm /data/big /data/after"])
        const inPlace = ["byteback", "restore", "/data", "--snapshot", first, "--in-place", "--yes"]
        yield* slow(client, 4000)
        const halfway = yield* client.start(inPlace)
        yield* client.until(["sh", "-c", 'test "$(du -sk /data | cut -f1)" -gt 8000'])
        yield* server.ok(["pkill", "-x", "rsync"])
        const half = yield* halfway.wait
        assert.strictEqual(half.code, 1)
        assert.match(half.stderr, /what had arrived is kept.*Give the same command again/)
        // What is there already is not told when it goes on.
        assert.match(half.stderr, /what was restored holds 1 setuid or setgid files.*; \/data\/after\n/)
        assert.isFalse(yield* client.exists("/data/big"))
        yield* client.ok(["rm", "/usr/local/bin/rsync"])
        yield* client.ok(inPlace)
        yield* client.ok(["diff", "-r", "/kept", "/data"])

        // Beside what was there before, only what came is told, also when it is carried on.
        yield* client.ok(["sh", "-c", "mkdir /shared; cp /data/hello /shared/mine; chmod 4755 /shared/mine"])
        const shared = [...words.slice(0, -1), "/shared", "--overwrite", "if-changed"]
        yield* slow(client, 4000)
        const beside = yield* client.start(shared)
        yield* client.until(["sh", "-c", 'test "$(du -sk /shared | cut -f1)" -gt 8000'])
        yield* server.ok(["pkill", "-x", "rsync"])
        assert.match((yield* beside.wait).stderr, /holds 1 setuid or setgid files.*; \/shared\/data\/after\n/)
        yield* client.ok(["rm", "/usr/local/bin/rsync"])
        const carried = yield* client.run(shared)
        assert.strictEqual(carried.code, 0, carried.stderr)
        assert.notInclude(carried.stderr, "setuid")
        yield* client.ok(["diff", "-r", "/data", "/shared/data"])

        yield* client.ok(["sh", "-c", "mkdir /small; mount -t tmpfs -o size=20M tmpfs /small"])
        const small = [...words.slice(0, -1), "/small/back"]
        refused(yield* client.run(small), 13, /no space is left.*same command again/)
        assert.isFalse(yield* client.exists("/small/back/data/big"))
        yield* client.ok(["mount", "-o", "remount,size=100M", "/small"])
        yield* client.ok(small)
        yield* client.ok(["diff", "-r", "/data", "/small/back/data"])
      }).pipe(Effect.scoped)
    )
  })
})
