// What reading and restoring need in memory at a million files: each program, and all of them at once, at either end.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { clientMachine, serverMachine } from "../test/e2e/pair.ts"
import { Lab, type Machine } from "../test/lab/Lab.ts"
import type { BenchRow } from "./row.ts"

/** For a look in between: BENCH_MANY=20000. */
const many = Number(process.env["BENCH_MANY"] ?? 1_000_000)

const watcher = readFileSync(join(import.meta.dirname, "memory.pl"), "utf8")

/** MiB that the programs of a machine that start while `work` runs hold at most: the largest of them, its name, and all at once. */
const watched = <A, E, R>(machine: Machine, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const watching = yield* machine.start(["perl", "-e", watcher])
    yield* watching.saw(/^ready$/m)
    const done = yield* work
    yield* watching.kill("SIGTERM")
    const { stdout } = yield* watching.wait
    const seen = [...stdout.matchAll(/^(\S+) (\d+)$/gm)].map(([, name, kib]) => ({ name, mib: Number(kib) / 1024 }))
    const largest = seen[0]!
    return { done, largest: largest.mib, program: largest.name, together: seen.at(-1)!.mib }
  }).pipe(Effect.scoped)

/** Two snapshots of the host as a backup would have stored them: with many files in a hundred directories, then with all in one. */
const fill = (server: Machine, ...snapshots: readonly [string, string]) =>
  server.ok(
    [
      "bash",
      "-ec",
      `cd /byteback/client/current; uid=$(stat -c %u .)
      take() {
        chown -R --reference . *
        find * -type f -print0 | xargs -0 setfattr -n user.rsync.%stat -v '100644 0,0 0:0'
        find * -type d -print0 | xargs -0 setfattr -n user.rsync.%stat -v '40755 0,0 0:0'
        (cd ..; btrfs -q subvolume snapshot current $1; chown 0:$uid $1; chmod 750 $1; btrfs property set $1 ro true)
      }
      rm -r *; mkdir many; head -c 300000000 /dev/urandom >large
      for d in $(seq 100); do mkdir many/$d; (cd many/$d; seq $(($0 / 100)) | xargs touch); done
      take $1
      rm -r *; mkdir one; (cd one; seq $0 | xargs touch)
      take $2`,
      String(many),
      ...snapshots
    ],
    { timeout: 1_200_000 }
  )

/** How many lines it prints. */
const counted = 'set -o pipefail; byteback "$@" | wc -l'

/** How many names are in what it mounts, each looked at. */
const browsed = `set -e; byteback "$@" >/dev/null & until mountpoint -q /mnt; do sleep 0.1; done
  find /mnt/many -size -1 | wc -l; umount /mnt; wait $!`

/** All rows of this comparison. Needs root. */
export const rows = (): Promise<ReadonlyArray<BenchRow>> =>
  Effect.gen(function* () {
    const server = yield* serverMachine("server", "16G")
    const client = yield* clientMachine(server)
    yield* client.ok(["byteback", "backup", "--quiet", "--source", "/data"])
    const first = (yield* server.ok(["ls", "/byteback/client"])).trim().split("\n")[0]!
    const last = "2035-01-01T00:00+0000"
    const newer = "2035-01-02T00:00+0000"
    yield* fill(server, last, newer)

    const everything = ["--limit", "10000000"]
    const from = ["--snapshot", last]
    const found: Array<BenchRow> = []
    for (const [what, least, ...words] of [
      ["ls -lR", many, "ls", "-lR", `${last}:/many`, ...everything],
      ["ls -l of one directory", many, "ls", "-l", `${newer}:/one`, ...everything],
      ["find in a snapshot", many, "find", "*", ...from, "--below", "/many", ...everything],
      ["find in all", many, "find", "*", "--snapshot", "all", "--below", "/many", ...everything],
      ["find --type l in all", 0, "find", "*", "--snapshot", "all", "--type", "l"],
      ["history of a directory", 1, "history", "/many"],
      ["diff that adds them", 1, "diff", first, last, "/many", ...everything],
      ["cat of 300 MB", 1, "cat", `${last}:/large`],
      ["dump", 1, "dump", last, "/many"],
      ["restore, dry run", many, "restore", "--dry-run", ...from, "--to", "/back", "/many"],
      ["restore to a directory", 0, "restore", "--quiet", ...from, "--to", "/back", "/many"],
      ["restore in place", 0, "restore", "--quiet", "--yes", "--in-place", ...from, "/many"],
      ["mount, and find in it", many, "mount", ...from, "/mnt"],
      ["verify", 1, "verify", "--json", ...from, "/many"],
      ["verify of a sample", 1, "verify", "--json", "--sample", "5%", ...from, "/many"],
      ["drill", 1, "drill", "--json", ...from],
      ["diff with live files that are gone", many, "diff", last, "live", "/many", ...everything]
    ] as const) {
      const began = performance.now()
      if (what === "diff with live files that are gone")
        yield* client.ok(["sh", "-c", "rm -rf /many/*"], { timeout: 600_000 })
      const script = words[0] === "mount" ? browsed : counted
      const run = client.run(["bash", "-c", script, "bash", ...words], { timeout: 1_800_000 })
      const there = yield* watched(server, watched(client, run))
      const here = there.done
      const lines = Number(here.done.stdout)
      // there is no link; what a bound cuts has its bound measured all the same
      const right = here.done.code === (what === "find --type l in all" ? 1 : 0)
      if (!right || lines < least || (least === many && here.done.stderr.includes("byteback: cut after")))
        return yield* Effect.die(new Error(`${what}: ${lines} lines came, and not ${least}: ${here.done.stderr}`))
      if (what === "restore to a directory") yield* client.ok(["rm", "-rf", "/back"], { timeout: 600_000 })
      const seconds = (performance.now() - began) / 1000
      if (process.env["BENCH_VERBOSE"] !== undefined) console.error(`${what}: ${lines} lines, ${seconds.toFixed(1)} s`)
      const name = `${what}, ${many} files`
      found.push(
        { name: `${name}: the client's ${here.program}`, value: here.largest, unit: "MiB", target: 200 },
        { name: `${name}: all on the client`, value: here.together, unit: "MiB", target: 200 },
        { name: `${name}: the server's ${there.program}`, value: there.largest, unit: "MiB", target: 200 },
        { name: `${name}: all on the server`, value: there.together, unit: "MiB", target: 200 }
      )
    }
    return found
  }).pipe(Effect.scoped, Effect.provide(Lab.layer()), Effect.runPromise)
