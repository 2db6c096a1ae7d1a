// What a client may try with completes, restores and listings, and with the state that they leave behind.
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { findRefusal } from "../../src/domain/refusalLine.ts"
import { backupWords, nextSnapshotMayCome, snapshotNames } from "../e2e/pair.ts"
import type { Deed } from "./deed.ts"
import { twins } from "./lines.ts"
import { Siege } from "./siege.ts"

const area = "Snapshots"
const complete = "byteback-receive --complete"

/** All that the server runs for a client: nothing of it may be left when the client has gone. */
export const nothingRuns = [
  "sh",
  "-c",
  "! pgrep -x 'rsync|bwrap|run-push|run-pull|run-diff|sftp-server|btrfs' && ! pgrep -f '^/usr/lib/byteback/node .*([l]ister.cjs|[r]eader.cjs|byteback-receive|byteback-priv|prune --for)'"
]

const push = (...more: ReadonlyArray<string>) => ["rsync", "-aX", "-e", "ssh", ...more, "/data", "alone:."]

export const snapshotDeeds: ReadonlyArray<Deed> = [
  {
    area,
    name: "complete without a push",
    run: Effect.gen(function* () {
      const { attacker, send, server } = yield* Siege
      yield* server.ok(["rm", "-f", "/run/byteback/attacker/push"])
      const { code, stderr, stdout } = yield* send(complete)
      assert.deepStrictEqual([code, findRefusal(stderr)?.code], [exitCode.refused, exitCode.refused])
      assert.include(stderr, "no snapshot of attacker was taken: nothing was pushed since its last snapshot")
      yield* nextSnapshotMayCome(server, "attacker")
      yield* attacker.ok(push())
      assert.strictEqual((yield* send(complete)).code, 0, "its twin")
      return { outcome: "12: nothing was pushed since its last snapshot", saw: [stdout, stderr] }
    })
  },
  {
    area,
    name: "complete during a push",
    run: Effect.gen(function* () {
      const { attacker, send, server } = yield* Siege
      yield* attacker.ok(["sh", "-c", "head -c 40000000 /dev/urandom >/data/during"])
      const slow = yield* attacker.start(push("--bwlimit=4000"))
      yield* server.until(["pgrep", "-f", "^rsync --server"])
      const { code, stderr, stdout } = yield* send(complete)
      assert.deepStrictEqual([code, findRefusal(stderr)?.code], [exitCode.busy, exitCode.busy])
      assert.include(stderr, "a backup of attacker is already running")
      yield* slow.kill("SIGKILL")
      yield* server.until(nothingRuns, { timeout: 5000 })
      const after = yield* send(complete)
      assert.strictEqual(after.code, exitCode.refused, "a push that was broken off counts for nothing")
      assert.include(after.stderr, "no snapshot of attacker was taken: its push failed (rsync ended with ")
      return { outcome: "11 while it runs; 12 after it was broken off", saw: [stdout, stderr, after.stderr] }
    })
  },
  {
    area,
    name: "odd entries in the host's directory",
    run: Effect.gen(function* () {
      const { attacker, send, server } = yield* Siege
      yield* server.ok([
        "sh",
        "-c",
        `cd /byteback/attacker && touch file '$(touch pwned)' '2098-01-01T00:00+0000' && ln -s /etc link && ln -s ../victim/current '2097-01-01T00:00+0000' &&
         mkdir saved-do-not-delete '; id' && mkfifo fifo`
      ])
      const names = yield* attacker.ok(["byteback", "snapshots", "--json"])
      assert.notInclude(names, "2098")
      assert.notInclude(names, "2097")
      const listed = yield* send("byteback-receive --snapshot * --list --all /")
      assert.strictEqual(listed.code, 0)
      assert.notInclude(listed.stdout, "2097")
      const through = yield* send(twins.pull.replace("latest", "2097-01-01T00:00+0000"))
      assert.strictEqual(findRefusal(through.stderr)?.code, exitCode.failed)
      assert.include(through.stderr, "this host has no snapshot 2097-01-01T00:00+0000")
      assert.isFalse(yield* server.exists("/byteback/attacker/pwned"))
      yield* server.ok([
        "sh",
        "-c",
        "cd /byteback/attacker && rm -rf file '$(touch pwned)' 2098* 2097* link saved-do-not-delete '; id' fifo"
      ])
      return {
        outcome: "left alone; not taken for snapshots, not followed",
        saw: [names, listed.stdout, through.stderr]
      }
    })
  },
  {
    area,
    name: "the client gone in the middle of a long listing",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      yield* server.ok([
        "sh",
        "-c",
        "cd /byteback/attacker/current && mkdir -p deep && cd deep && for i in $(seq 1000); do mkdir $i; done && for d in *; do (cd $d && touch $(seq 100)); done && chown -R --reference=.. ."
      ])
      const words = "byteback-receive --snapshot * --list --all " + "/*/*/*x ".repeat(1780)
      const long = yield* attacker.start(["ssh", "alone", words])
      yield* server.until(["pgrep", "-f", "[l]ister.cjs"])
      yield* long.kill("SIGKILL")
      yield* server.until(nothingRuns, { timeout: 5000 })
      // Goes on while other servers are attacked; what comes of it is looked at after that.
      yield* attacker.write("/root/words", words)
      const patient =
        "setsid sh -c 'ssh alone \"$(cat /root/words)\"; echo $? >/root/code' >/root/out 2>&1 </dev/null &"
      yield* attacker.ok(["sh", "-c", patient])
      // So does one that never says what it wants.
      const silent =
        'mkfifo /root/silent; setsid sh -c \'exec 3<>/root/silent; ssh alone "$1" <&3; echo $? >/root/silent-code\' sh "$0" >/root/silent-out 2>&1 </dev/null &'
      yield* attacker.ok(["sh", "-c", silent, "rsync --server -slogDtpre.iLsfxCIvu"])
      return { outcome: "nothing left after 5 s", saw: [long.stdout(), long.stderr()] }
    })
  }
]

export const laterDeeds: ReadonlyArray<Deed> = [
  {
    area: "Push",
    name: "-s, and then silence",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      // Its end of the connection stays open: it is the server that hangs up.
      yield* attacker.until(["test", "-s", "/root/silent-code"], { timeout: 60_000 })
      const said = yield* attacker.read("/root/silent-out")
      assert.strictEqual(yield* attacker.read("/root/silent-code"), `${exitCode.refused}\n`)
      assert.strictEqual(findRefusal(said)?.code, exitCode.refused)
      assert.include(said, "did not arrive in time")
      yield* server.until(["sh", "-c", "! pgrep -f '[b]yteback-receive'"], { timeout: 5000 })
      return { outcome: "12: did not arrive in time, after 30 s; nothing left", saw: [said] }
    })
  },
  {
    area,
    name: "a patient client's long listing",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      yield* attacker.until(["test", "-s", "/root/code"], { timeout: 60_000 })
      const said = yield* attacker.read("/root/out")
      assert.strictEqual(yield* attacker.read("/root/code"), `${exitCode.failed}\n`)
      assert.strictEqual(findRefusal(said)?.code, exitCode.failed)
      assert.include(said, "it took too much time")
      yield* server.ok(["rm", "-rf", "/byteback/attacker/current/deep"])
      return { outcome: "1: stopped after 30 s", saw: [said] }
    })
  },
  {
    area,
    name: "complete, 100 times in parallel, with a nested subvolume in current",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      yield* server.ok(["btrfs", "-q", "subvolume", "create", "/byteback/attacker/current/nested"])
      yield* nextSnapshotMayCome(server, "attacker")
      yield* attacker.ok(push())
      const before = yield* snapshotNames(server, "attacker")
      // sshd itself lets no more than 20 log in at once from one place; each tries until it is let in
      const one =
        "code=255; while [ $code = 255 ]; do ssh alone byteback-receive --complete 2>/root/said-N; code=$?; done; echo $code"
      const each = `seq 100 | xargs -P 100 -I N sh -c '${one}'`
      const codes = (yield* attacker.ok(["sh", "-c", each])).trim().split("\n").map(Number)
      yield* attacker.ok(["sh", "-c", "cat /root/said-*; rm /root/said-*"])
      const [name] = (yield* snapshotNames(server, "attacker")).filter((one) => !before.includes(one))
      assert.strictEqual(yield* server.ok(["ls", "-A", `/byteback/attacker/${name}/nested`]), "", "an empty directory")
      assert.lengthOf(codes, 100)
      const after = yield* snapshotNames(server, "attacker")
      assert.strictEqual(after.length, before.length + 1)
      const refusals: ReadonlyArray<number> = [exitCode.busy, exitCode.refused, exitCode.tooSoon]
      assert.strictEqual(codes.filter((code) => code === 0).length, 1)
      assert.includeMembers([0, ...refusals], codes)
      yield* server.ok(["btrfs", "-q", "subvolume", "delete", "/byteback/attacker/current/nested"])
      return { outcome: "one snapshot, one 0; the others refused", saw: [] }
    })
  },
  {
    area,
    name: "the client gone in the middle of a restore",
    run: Effect.gen(function* () {
      const { attacker, server } = yield* Siege
      const slow = yield* attacker.start(["rsync", "-a", "--bwlimit=1000", "-e", "ssh", "alone:current/data", "/gone"])
      yield* server.until(["pgrep", "-f", "^rsync --server"])
      const name = "/run/byteback/attacker/reading/current"
      const held = yield* server.run(["flock", "--nonblock", name, "true"])
      assert.strictEqual(held.code, 1, "while it is read its lock is held")
      yield* attacker.ok(["pkill", "-KILL", "-x", "rsync|ssh"])
      yield* server.until(nothingRuns, { timeout: 5000 })
      yield* server.ok(["flock", "--nonblock", name, "true"])
      return { outcome: "nothing left after 5 s, and the snapshot is free", saw: [slow.stderr()] }
    })
  },
  {
    area,
    name: "a snapshot's own directory: ro, owner and mode, by the host's uid",
    run: Effect.gen(function* () {
      const { server } = yield* Siege
      const [name] = yield* snapshotNames(server, "attacker")
      const uid = (yield* server.ok(["stat", "-c", "%u", "/byteback/attacker/current"])).trim()
      yield* server.ok(["chmod", "755", "/byteback"])
      const as = (...argv: ReadonlyArray<string>) =>
        server.run(["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...argv], {
          cwd: `/byteback/attacker/${name}`
        })
      for (const argv of [
        ["btrfs", "property", "set", ".", "ro", "false"],
        ["touch", "x"],
        ["chmod", "777", "."],
        ["rm", "-rf", "data"]
      ]) {
        const { code, stderr } = yield* as(...argv)
        assert.match(stderr, /(?:Operation not permitted|Read-only file system)$/m, argv.join(" "))
        assert.strictEqual(code, 1)
      }
      yield* server.ok(["chmod", "700", "/byteback"])
      assert.strictEqual((yield* server.run(backupWords("--help"))).code, 0)
      return { outcome: "denied by the kernel, without any sandbox", saw: [] }
    })
  },
  {
    area,
    name: "complete on a full disk",
    run: Effect.gen(function* () {
      const { attacker, send, server } = yield* Siege
      yield* attacker.ok(push())
      yield* server.write("/etc/byteback/snapshot_interval", "0\n")
      // What is held is not pruned to make room; and a name of this minute may be taken already.
      yield* server.ok([
        "sh",
        "-c",
        "for s in /byteback/*/2*; do byteback hold $(basename $(dirname $s)) $(basename $s); done"
      ])
      yield* server.until(["sh", "-c", 'test ! -e "/byteback/attacker/$(date -u +%Y-%m-%dT%H:%M+0000)"'], {
        timeout: 70_000
      })
      const fill =
        "n=0; for size in 256M 64M 16M 4M; do while fallocate -l $size /byteback/full-$n; do n=$((n+1)); done; done 2>/dev/null; sync"
      yield* server.ok(["sh", "-c", fill])
      const full = yield* send(complete)
      // The prune that follows a complete may be making room yet: till it has ended a push is told to come back.
      yield* server.until(["sh", "-c", "! pgrep -f '[b]yteback.cjs prune'"], { timeout: 60_000 })
      const begun = yield* send(twins.push)
      const temporary = yield* server.ok(["find", "/byteback", "-maxdepth", "2", "-name", ".new-*"])
      yield* server.ok(["sh", "-c", "rm /byteback/full-*"])
      yield* server.ok(["btrfs", "filesystem", "sync", "/byteback"])
      assert.include([exitCode.ok, exitCode.noSpace, exitCode.failed] as ReadonlyArray<number>, full.code, full.stderr)
      assert.strictEqual(temporary, "", "nothing half-made")
      assert.deepStrictEqual([begun.code, findRefusal(begun.stderr)?.code], [exitCode.noSpace, exitCode.noSpace])
      assert.include(begun.stderr, "nothing more may be deleted for it. What is kept was not touched")
      return { outcome: "whole or not at all; a push is told 13", saw: [full.stdout, full.stderr, begun.stderr] }
    })
  }
]
