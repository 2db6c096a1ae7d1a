// How fast snapshots are read: a store of many snapshots of a real tree, over ssh, beside the plain tools of the server.
import { Effect } from "effect"
import { clientMachine, serverMachine } from "../test/e2e/pair.ts"
import { Lab, type Machine } from "../test/lab/Lab.ts"
import { realTree } from "../test/lab/realTree.ts"
import { median } from "./median.ts"
import type { BenchRow } from "./row.ts"

const wanted = { snapshots: 100, files: 57_000 } as const

/** For a look in between: BENCH_SNAPSHOTS, BENCH_FILES and BENCH_RUNS. */
const runs = Number(process.env["BENCH_RUNS"] ?? 5)

/** The median of some runs; each must give at least so many lines, else nothing was measured. */
const seconds = <E, R>(
  work: Effect.Effect<string, E, R>,
  lines: number,
  prepare: Effect.Effect<unknown, E, R> = Effect.void
) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    for (let run = 0; run < runs; run += 1) {
      yield* prepare
      const before = performance.now()
      const printed = yield* work
      times.push((performance.now() - before) / 1000)
      const found = printed.split("\n").length - 1
      if (found < lines)
        return yield* Effect.die(new Error(`${found} lines came, and not ${lines}: ${printed.slice(0, 500)}`))
    }
    return median(times)
  })

/** Snapshots a day apart, each with 1 % of the files grown by a byte; sealed as byteback seals them. */
const grow = (server: Machine, snapshots: number) =>
  server.ok(
    [
      "bash",
      "-ec",
      `cd /byteback/client
      find current -type f >/tmp/files
      uid=$(stat -c %u current)
      for i in $(seq 2 $0); do
        awk -v i=$i 'NR % 100 == i % 100' /tmp/files | while IFS= read -r file; do printf x >>"$file"; done
        name=$(date -u -d "2020-01-01 +$i days" +%Y-%m-%dT%H:%M+0000)
        btrfs -q subvolume snapshot current $name; chown 0:$uid $name; chmod 750 $name; btrfs property set $name ro true
      done
      sync -f .`,
      String(snapshots)
    ],
    { timeout: 3_600_000 }
  )

const size = (name: keyof typeof wanted): number => Number(process.env[`BENCH_${name.toUpperCase()}`] ?? wanted[name])

/** All rows of this comparison. Needs root. */
export const rows = (): Promise<ReadonlyArray<BenchRow>> =>
  Effect.gen(function* () {
    const server = yield* serverMachine("server", "16G")
    const client = yield* clientMachine(server)
    const { directories, files } = yield* realTree(client, size("files"))
    const sources = directories.flatMap((source) => ["--source", source])
    yield* client.ok(["byteback", "backup", "--quiet", ...sources], { timeout: 600_000 })
    const snapshots = size("snapshots")
    yield* grow(server, snapshots)
    const names = (yield* server.ok(["ls", "/byteback/client"])).trim().split("\n").slice(0, -2)
    const [before = "", after = ""] = names.slice(-2)
    const top = directories[0]!
    const byteback = (...words: ReadonlyArray<string>) => client.ok(["byteback", ...words], { timeout: 600_000 })
    const some = (yield* server.ok(["sh", "-c", "sed -n 100p /tmp/files"])).trim().slice("current".length)
    const name = some.slice(some.lastIndexOf("/") + 1)

    const ls = yield* seconds(byteback("ls", "-l", top), 1)
    // it is one of those that grow each hundredth day
    const history = yield* seconds(byteback("history", some), 1)
    const one = yield* seconds(byteback("find", name, "--snapshot", after, "--below", "/"), 1)
    const inAll = byteback("find", name, "--snapshot", "all", "--below", "/")
    const all = yield* seconds(inAll, 1)
    const plainFind = yield* seconds(server.ok(["find", `/byteback/client/${after}`, "-name", name]), 1)
    // links and devices do not grow
    const changed = Math.floor(files / 200)
    const ours = byteback("diff", before, after, "--limit", "100000")
    // By an administrator on the server, as the diff that it is compared with.
    const there = (...words: ReadonlyArray<string>) =>
      server.ok(["byteback", "diff", ...words, "--limit", "100000", "--host", "client"], { timeout: 600_000 })
    const theirs = Effect.map(
      server.run(["diff", "-rq", `/byteback/client/${before}`, `/byteback/client/${after}`], { timeout: 600_000 }),
      ({ stdout }) => stdout
    )
    // Mounted anew, nothing of the store is in memory, as when nobody has read those two snapshots for days.
    const cold = server.ok(["sh", "-c", "umount /byteback && mount /byteback"])
    const diff = yield* seconds(ours, changed)
    const plainDiff = yield* seconds(theirs, changed)
    const diffThere = yield* seconds(there(before, after), changed)
    const nothingThere = yield* seconds(there(after, after), 0)
    const coldDiff = yield* seconds(ours, changed, cold)
    const coldDiffThere = yield* seconds(there(before, after), changed, cold)
    const coldPlainDiff = yield* seconds(theirs, changed, cold)
    const coldAll = yield* seconds(inAll, 1, cold)
    const nothing = yield* seconds(byteback("diff", after, after), 0)
    const here = `${snapshots} snapshots of ${files} files`
    const found: ReadonlyArray<BenchRow> = [
      { name: `${here}: ls of a directory over ssh`, value: ls, unit: "s", target: 0.4 },
      { name: `${here}: history of one path`, value: history, unit: "s", target: 0.5 },
      { name: `${here}: find by name in one snapshot`, value: one, unit: "s", target: 2 },
      { name: `${here}: the server's own find in it`, value: plainFind, unit: "s" },
      { name: `${here}: find by name in all`, value: all, unit: "s", target: 20 },
      { name: `${here}: find by name in all, store just mounted`, value: coldAll, unit: "s", target: 20 },
      { name: `${here}: diff of a snapshot with itself over ssh: what asking costs`, value: nothing, unit: "s" },
      { name: `${here}: diff of two neighbours, 1 % changed, over ssh`, value: diff, unit: "s" },
      { name: `${here}: the same over ssh, store just mounted`, value: coldDiff, unit: "s" },
      { name: `${here}: diff on the server of a snapshot with itself`, value: nothingThere, unit: "s" },
      { name: `${here}: diff on the server`, value: diffThere, unit: "s" },
      { name: `${here}: diff -rq`, value: plainDiff, unit: "s" },
      { name: `${here}: ratio of these two, all in memory`, value: diffThere / plainDiff, unit: "x" },
      {
        name: `${here}: the same without what asking costs`,
        value: (diffThere - nothingThere) / plainDiff,
        unit: "x",
        target: 0.1
      },
      { name: `${here}: diff on the server, store just mounted`, value: coldDiffThere, unit: "s" },
      { name: `${here}: diff -rq, store just mounted`, value: coldPlainDiff, unit: "s" },
      {
        name: `${here}: ratio of these two, store just mounted`,
        value: coldDiffThere / coldPlainDiff,
        unit: "x",
        target: 0.1
      }
    ]
    return found
  }).pipe(Effect.scoped, Effect.provide(Lab.layer()), Effect.runPromise)
