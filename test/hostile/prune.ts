// What a client may try against its neighbours' history, and what pruning does with a damaged state: on stores of their own.
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { exitCode } from "../../src/domain/exitCode.ts"
import { findRefusal } from "../../src/domain/refusalLine.ts"
import { makePast as past } from "../e2e/makePast.ts"
import { pruneEnded } from "../e2e/pair.ts"
import type { Machine } from "../lab/Lab.ts"
import type { Deed } from "./deed.ts"
import { twins } from "./lines.ts"
import { Siege } from "./siege.ts"
import { nothingRuns } from "./snapshots.ts"

const area = "Prune"

/** Pushes a directory and completes; what the last of the two said. */
const backUp = Effect.fnUntraced(function* (machine: Machine, server: Machine, directory: string) {
  const pushed = yield* machine.run(["rsync", "-a", "-e", "ssh", directory, `${server.name}:.`])
  return pushed.code === 0 ? yield* machine.run(["ssh", server.name, "byteback-receive --complete"]) : pushed
})

/** The names of a host's snapshots. */
const names = (server: Machine, host: string) =>
  Effect.map(server.ok(["sh", "-c", 'cd "/byteback/$1" && ls -d 20*', "sh", host]), (text) => text.trim().split("\n"))

interface Kept {
  readonly host: string
  readonly names: ReadonlyArray<string>
  /** of all that is in them, with owner, mode and ro flag */
  readonly sum: string
}

const sum = (server: Machine, host: string, of: ReadonlyArray<string>) =>
  server.ok([
    "sh",
    "-c",
    'cd "/byteback/$1" && shift && { for s; do btrfs property get "$s" ro; done; find "$@" -printf "%p|%y|%m|%U|%G|%s|%T@\\n" | sort; find "$@" -type f -print0 | sort -z | xargs -0r sha256sum; } | sha256sum',
    "sh",
    host,
    ...of
  ])

const keptNow = Effect.fnUntraced(function* (server: Machine, host: string) {
  const found = yield* names(server, host)
  const kept: Kept = { host, names: found, sum: yield* sum(server, host, found) }
  return kept
})

/** What was there is there, as it was. */
const assertKept = Effect.fnUntraced(function* (server: Machine, before: Kept) {
  assert.includeMembers([...(yield* names(server, before.host))], [...before.names])
  assert.strictEqual(yield* sum(server, before.host, before.names), before.sum)
})

/** One line of ours, and nothing that a terminal would obey. */
const assertOneLine = (text: string) => {
  assert.match(text, /^byteback: [\x20-\x7e]+\n$/)
}

const newcomer: Deed = {
  area,
  name: "a new host beside one of 365 snapshots",
  run: Effect.gen(function* () {
    const { attacker, otherServer, victim } = yield* Siege
    const server = yield* otherServer("year", "500M")
    yield* past(server, "victim", 365, 200_000)
    const before = yield* keptNow(server, "victim")
    assert.lengthOf(before.names, 365)
    const saw: Array<string> = []
    let told = 0
    for (let round = 0; round < 4 && told === 0; round++) {
      yield* attacker.ok([
        "sh",
        "-c",
        `mkdir -p /flood && for n in 1 2 3 4 5; do head -c 40000000 /dev/urandom >/flood/${round}-$n; done`
      ])
      const { stderr, stdout } = yield* backUp(attacker, server, "/flood")
      saw.push(stdout, stderr)
      const refusal = findRefusal(stderr)
      if (refusal !== null)
        assert.match(
          refusal.message,
          /no backup was lost|What is kept was not touched|Nothing older was deleted for it/
        )
      if (refusal?.code === exitCode.noSpace || refusal?.code === exitCode.anomaly) told = refusal.code
      yield* server.run(["byteback", "prune"])
    }
    assert.include([exitCode.noSpace, exitCode.anomaly] as ReadonlyArray<number>, told)
    yield* assertKept(server, before)
    const status = yield* server.run(["byteback", "status"])
    assert.strictEqual(status.code, exitCode.noSpace)
    assert.match(status.stdout, /^! attacker: refused, (?:suddenly larger|no space): /m)
    assert.match(status.stdout, /^! attacker: holds .* more than its share/m)
    // The way out that the administrator has: that host's data, and nobody else's.
    yield* server.ok(["byteback", "remove-client", "attacker", "--delete-backups"])
    assert.strictEqual((yield* backUp(victim, server, "/data")).code, 0)
    yield* assertKept(server, before)
    yield* attacker.ok(["rm", "-rf", "/flood"])
    return { outcome: "told 13 or 14, shown by status; all 365 are kept", saw }
  }).pipe(Effect.scoped)
}

/** How many snapshots of each host are left. */
const counts = Effect.fnUntraced(function* (server: Machine) {
  const attacker = (yield* names(server, "attacker")).length
  return { attacker, victim: (yield* names(server, "victim")).length }
})

/** What a host's snapshots and current hold, of what the store holds and has room for. */
const partOfStore = Effect.fnUntraced(function* (server: Machine, host: string) {
  const figures = (argv: ReadonlyArray<string>) =>
    Effect.map(server.ok(argv), (text) => text.trim().split("\n").at(-1)!.trim().split(/\s+/).map(Number))
  const [, own, shared] = yield* figures(["btrfs", "filesystem", "du", "-s", "--raw", `/byteback/${host}`])
  const [used, free] = yield* figures(["df", "-B1", "--output=used,avail", "/byteback"])
  return (own! + shared!) / (used! + free!)
})

const greedy: Deed = {
  area,
  name: "one host at 95 % of the store",
  run: Effect.gen(function* () {
    const { tight, victim } = yield* Siege
    const server = yield* tight
    yield* past(server, "victim", 30, 300_000)
    yield* past(server, "attacker", 24, 22_000_000)
    // Of all that the store has room for; metadata, of which there are two copies, have what is left of the disk.
    assert.isAtLeast(yield* partOfStore(server, "attacker"), 0.95)
    const before = yield* keptNow(server, "victim")
    yield* victim.ok(["sh", "-c", "mkdir -p /more && head -c 1200000 /dev/urandom >/more/file"])
    const { code, stderr } = yield* backUp(victim, server, "/more")
    assert.strictEqual(code, 0, stderr)
    yield* assertKept(server, before)
    const left = yield* counts(server)
    assert.isBelow(left.attacker, 24)
    assert.isAtLeast(left.attacker, 1)
    return { outcome: "the neighbour's backup goes through; its history pays, and nobody else's", saw: [] }
  })
}

const trickle: Deed = {
  area,
  name: "a trickle writer",
  run: Effect.gen(function* () {
    const { attacker, tight } = yield* Siege
    const server = yield* tight
    const before = yield* counts(server)
    const victims = yield* keptNow(server, "victim")
    yield* attacker.ok(["sh", "-c", "mkdir -p /slow && head -c 30000000 /dev/urandom >/slow/file"])
    const push = yield* attacker.start(["rsync", "-a", "--inplace", "--bwlimit=200", "-e", "ssh", "/slow", "tight:."])
    const written = "/byteback/attacker/current/slow/file"
    yield* server.until(["test", "-s", written])
    const { code, stderr } = yield* server.run(["byteback-prune", "--prune-force", "--maxpercent", "30"])
    assert.strictEqual(code, 0, stderr)
    // It wrote all the while, and nobody waited for it.
    assert.strictEqual((yield* server.run(["pgrep", "-f", "^rsync --server"])).code, 0)
    yield* assertKept(server, victims)
    assert.isBelow((yield* counts(server)).attacker, before.attacker)
    yield* push.kill("SIGKILL")
    yield* server.until(nothingRuns, { timeout: 5000 })
    return { outcome: "pruning does not wait for it, and its own history goes", saw: [push.stderr()] }
  })
}

const lie: Deed = {
  area,
  name: "a client that lies about how much its backup has grown",
  run: Effect.gen(function* () {
    const { attacker, otherServer } = yield* Siege
    const server = yield* otherServer("liar", "400M")
    yield* past(server, "victim", 5, 100_000)
    yield* past(server, "attacker", 5, 100_000)
    const victims = yield* keptNow(server, "victim")
    const [newest] = (yield* names(server, "attacker")).slice(-1)
    yield* attacker.ok(["sh", "-c", "mkdir /grown && head -c 30000000 /dev/urandom >/grown/file"])
    // As after a run of ours: only then is a client believed at all.
    yield* server.write("/var/lib/byteback/token/attacker", "0123456789abcdef0123456789abcdef\n", { mode: "0600" })
    const pushed = yield* attacker.run(["rsync", "-a", "-e", "ssh", "/grown", "liar:."])
    assert.strictEqual(pushed.code, 0, pushed.stderr)
    const claim = { transferred: 1, deleted: 0, bytes: 1 }
    const json = JSON.stringify({ _tag: "complete", transfer: 0, claim })
    const told = yield* attacker.run(["ssh", "liar", `byteback request ${Buffer.from(json).toString("base64url")}`])
    assert.strictEqual(told.code, 0, told.stderr)
    assert.include(told.stdout, '"state":"complete"', "it has its answer")
    yield* server.run(["byteback", "prune"])
    yield* server.until(["sh", "-c", "byteback status | grep -q 'attacker .*grew by'"])
    const listed = yield* server.ok(["byteback", "snapshots", "--host", "attacker", "--json"])
    const found = JSON.parse(listed) as ReadonlyArray<{ readonly name: string; readonly held: boolean }>
    assert.isTrue(found.find((one) => one.name === newest)?.held, "the one before it is held")
    yield* assertKept(server, victims)
    yield* attacker.ok(["rm", "-rf", "/grown"])
    return { outcome: "marked suspect by the next prune all the same, and the one before it held", saw: [] }
  }).pipe(Effect.scoped)
}

/** Names that hosts and snapshots of somebody else's making may have. */
const shellNames = ["$(touch pwned)", "`touch pwned`", ";touch pwned", "a\ntouch pwned", "--help", "*", "\x1b[2J", "'"]

const named: Deed = {
  area,
  name: "host and snapshot names with shell characters",
  run: Effect.gen(function* () {
    const { tight } = yield* Siege
    const server = yield* tight
    const make = String.raw`
      for name; do
        for at in /byteback /byteback/attacker; do
          mkdir "$at/$name" && btrfs -q subvolume create "$at/$name/current"
          btrfs -q subvolume snapshot -r "$at/$name/current" "$at/$name/2026-01-01T00:00+0000"
        done
        btrfs -q subvolume snapshot -r /byteback/attacker/current "/byteback/attacker/2026-01-01T00:00+0000$name"
      done`
    yield* server.ok(["sh", "-c", make, "sh", ...shellNames])
    const list = server.ok([
      "sh",
      "-c",
      "cd /byteback && find . -maxdepth 3 -path '*touch*' -o -maxdepth 3 -path '*2026-01-01*' | sort"
    ])
    const before = yield* list
    const saw: Array<string> = []
    for (const argv of [
      ["byteback", "prune"],
      ["byteback", "prune", "--list"],
      ["byteback-prune", "--prune-force", "--maxpercent", "60"],
      ["byteback", "status"],
      ["byteback", "snapshots", "--host", "attacker"]
    ]) {
      const { stderr, stdout } = yield* server.run(argv)
      assert.match(stdout + stderr, /^[\x20-\x7e\n]*$/, argv.join(" "))
      saw.push(stdout, stderr)
    }
    assert.strictEqual(yield* list, before)
    assert.strictEqual(yield* server.ok(["find", "/", "-xdev", "-name", "pwned"]), "")
    assert.strictEqual(yield* server.ok(["find", "/byteback", "-name", "pwned"]), "")
    // Deleting them is the administrator's own business.
    yield* server.ok(["sh", "-c", "cd /byteback/attacker && btrfs -q subvolume delete 2026-01-01*"])
    return { outcome: "nothing is run by them; what byteback did not make is left", saw }
  })
}

const everything = Effect.fnUntraced(function* (server: Machine) {
  return [yield* names(server, "attacker"), yield* names(server, "victim")]
})

/** A state file made other than it was, by a shell script with the file as its argument; and what prune then says. */
const damages: ReadonlyArray<readonly [file: string, script: string, says: RegExp | null]> = [
  ["/var/lib/byteback/journal/attacker.ndjson", 'truncate -s -20 "$1"', null],
  ["/var/lib/byteback/journal/attacker.ndjson", 'head -c 8000000 /dev/urandom >"$1"', null],
  [
    "/var/lib/byteback/journal/attacker.ndjson",
    'truncate -s 3G "$1"',
    /could not read .*attacker\.ndjson: File size .* is greater/
  ],
  ["/var/lib/byteback/hosts/attacker.json", 'truncate -s 20 "$1"', /attacker\.json is damaged and was left as it is/],
  ["/var/lib/byteback/hosts/attacker.json", 'truncate -s 1T "$1"', /attacker\.json.*too large/],
  ["/var/lib/byteback/clock", 'head -c 1000 /dev/urandom >"$1"', null],
  ["/var/lib/byteback/clock", 'truncate -s 1T "$1"', /clock.*too large/],
  ["/run/byteback/reserve", 'echo 1e999 >"$1"', null],
  ["/run/byteback/reserve", 'echo -5 >"$1"', null],
  ["/run/byteback/reserve", 'truncate -s 1T "$1"', null],
  ["/etc/byteback/prune_order", "echo '; rm -rf /' >\"$1\"", /write age, importance or spread/]
]

const state: Deed = {
  area,
  name: "a truncated or a huge state file",
  run: Effect.gen(function* () {
    const { tight, victim } = yield* Siege
    const server = yield* tight
    const saw: Array<string> = []
    for (const [file, script, says] of damages) {
      const before = yield* everything(server)
      yield* server.ok(["sh", "-c", 'if test -e "$1"; then cp -p --sparse=always "$1" /root/kept; fi', "sh", file])
      yield* server.ok(["sh", "-c", script, "sh", file])
      const pruned = yield* server.run(["byteback", "prune"])
      if (says === null) assert.strictEqual(pruned.code, 0, `${script}: ${pruned.stderr}`)
      else {
        assert.strictEqual(pruned.code, file.startsWith("/etc/") ? exitCode.usage : exitCode.failed)
        assertOneLine(pruned.stderr)
        assert.match(pruned.stderr, says)
      }
      // The neighbour is served all the same.
      const pushed = yield* victim.run(["rsync", "-a", "-e", "ssh", "/data", "tight:."])
      assert.strictEqual(pushed.code, 0, `${script}: ${pushed.stderr}`)
      yield* server.ok(["sh", "-c", 'rm -f "$1"; if test -e /root/kept; then mv /root/kept "$1"; fi', "sh", file])
      assert.deepStrictEqual(yield* everything(server), before, script)
      saw.push(pruned.stderr, pushed.stderr)
    }
    return { outcome: "nothing is deleted for it; what cannot be read is named, and the neighbour is served", saw }
  })
}

/** Backs a directory of the attacker's up on a server of its own and prunes: each snapshot has to be measured. */
const measured = (name: string, directory: string, make: string): Deed => ({
  area,
  name,
  run: Effect.gen(function* () {
    const { attacker, otherServer } = yield* Siege
    const server = yield* otherServer(directory, "500M")
    yield* past(server, "attacker", 3, 100_000)
    yield* attacker.ok(["sh", "-c", make])
    const { code, stderr, stdout } = yield* backUp(attacker, server, `/${directory}/`)
    assert.strictEqual(code, 0, stderr)
    yield* pruneEnded(server)
    const pruned = yield* server.run(["byteback", "prune"])
    assert.deepStrictEqual([pruned.code, /not measured/.test(pruned.stderr)], [0, false], pruned.stderr)
    const journal = yield* server.read("/var/lib/byteback/journal/attacker.ndjson")
    assert.match(journal.split('"by":"host"').at(-1)!, /"bytes":\d/, "the last one is measured")
    yield* attacker.ok(["rm", "-r", `/${directory}`])
    return { outcome: "measured, and pruning goes on", saw: [stdout, stderr] }
  }).pipe(Effect.scoped)
})

const shapes = measured(
  "a file that becomes a directory",
  "shapes",
  "mkdir -p /shapes/churn/deep; echo x >/shapes/churn/deep/file"
)

// The kernel tells paths of up to 4,079 bytes, and rsync writes longer ones: btrfs's own tool dies of them.
const longest = measured(
  "a path as long as can be",
  "l",
  `mkdir /l && perl -e 'chdir "/l" or die; for ((200) x 20, 59) { my $part = "n" x $_; mkdir $part or die; chdir $part or die } open my $file, ">", "f" or die; print $file "x" x 9000'`
)

const floors: Deed = {
  area,
  name: "only floors left",
  run: Effect.gen(function* () {
    const { tight, victim } = yield* Siege
    const server = yield* tight
    const all = yield* server.run(["byteback-prune", "--prune-force", "--maxpercent", "100"])
    assert.strictEqual(all.code, exitCode.noSpace, all.stderr)
    assert.deepStrictEqual(yield* counts(server), { attacker: 1, victim: 1 })
    const fill =
      "n=0; for size in 128M 32M 8M 2M; do while fallocate -l $size /byteback/full-$n; do n=$((n+1)); done; done 2>/dev/null; sync"
    yield* server.ok(["sh", "-c", fill])
    const before = yield* everything(server)
    const pruned = yield* server.run(["byteback", "prune"])
    const status = yield* server.run(["byteback", "status"])
    const pushed = yield* victim.run(["rsync", "-a", "-e", "ssh", "/data", "tight:."])
    assert.deepStrictEqual([pruned.code, status.code], [exitCode.noSpace, exitCode.noSpace])
    assert.match(pruned.stderr, /0 deleted; .*nothing more may be deleted/)
    assert.match(status.stdout, /^! short of .*no snapshot may be deleted.*Enlarge the store/m)
    assert.strictEqual(findRefusal(pushed.stderr)?.code, exitCode.noSpace)
    assert.include(pushed.stderr, "nothing more may be deleted for it. What is kept was not touched")
    assert.deepStrictEqual(yield* everything(server), before)
    return { outcome: "13 by prune, status and a push; nothing is deleted", saw: [pushed.stderr] }
  })
}

/** The most processes at once that make room, counted until /tmp/counting is gone. */
const countMakers = String.raw`
touch /tmp/counting; most=0
while test -e /tmp/counting; do
  now=$(pgrep -fc '^/usr/lib/byteback/node .*prune --for')
  test "$now" -gt "$most" && most=$now
  sleep 0.05
done
echo "$most"`

const crowd: Deed = {
  area,
  name: "12 pushes at once on a full store",
  run: Effect.gen(function* () {
    const { attacker, tight, victim } = yield* Siege
    const server = yield* tight
    const before = yield* everything(server)
    const counting = yield* server.start(["sh", "-c", countMakers])
    yield* server.until(["test", "-e", "/tmp/counting"])
    const pushes = yield* Effect.forEach(Array.from({ length: 12 }), () => attacker.run(["ssh", "tight", twins.push]), {
      concurrency: 12
    })
    yield* server.ok(["rm", "/tmp/counting"])
    // What it starts looks like it until it has become the other program.
    assert.include(["1\n", "2\n"], (yield* counting.wait).stdout, "one process makes room")
    for (const { stderr } of pushes)
      assert.match(
        stderr,
        /nothing was changed|What is kept was not touched|Nothing older was deleted for it|no backup was lost/
      )
    const codes = pushes.map(({ stderr }) => findRefusal(stderr)?.code)
    assert.includeMembers([exitCode.busy, exitCode.noSpace, exitCode.anomaly], codes as Array<11>)
    assert.deepStrictEqual(yield* everything(server), before)
    const journal = yield* server.read("/var/lib/byteback/journal/attacker.ndjson")
    assert.isAtMost(journal.match(/"refused"/g)?.length ?? 0, 2, "written down once")
    yield* server.ok(["sh", "-c", "rm /byteback/full-*"])
    assert.strictEqual((yield* victim.run(["rsync", "-a", "-e", "ssh", "/data", "tight:."])).code, 0, "its twin")
    const saw = pushes.map(({ stderr }) => stderr)
    return { outcome: "one process makes room; 13, or 11 for whom it is not waited", saw }
  })
}

export const pruneDeeds: ReadonlyArray<Deed> = [
  newcomer,
  greedy,
  trickle,
  lie,
  named,
  shapes,
  longest,
  state,
  floors,
  crowd
]
