// How fast snapshots are read: a store of many snapshots of a real tree, over ssh, beside the plain tools of the server.
import { Effect } from "effect"
import { Lab, type Machine } from "../test/lab/Lab.ts"
import { realTree } from "../test/lab/realTree.ts"
import { median } from "./median.ts"
import type { BenchRow } from "./row.ts"

const wanted = { snapshots: 100, files: 50_000, many: 1_000_000 } as const

const runs = 5

const seconds = <A, E, R>(work: Effect.Effect<A, E, R>, prepare: Effect.Effect<unknown, E, R> = Effect.void) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    for (let run = 0; run < runs; run += 1) {
      yield* prepare
      const before = performance.now()
      yield* work
      times.push((performance.now() - before) / 1000)
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
        btrfs -q subvolume snapshot current $name; chown 0:0 $name; btrfs property set $name ro true
      done
      sync -f .`,
      String(snapshots)
    ],
    { timeout: 3_600_000 }
  )

/** What a command needed at most, in MiB: here, and the reader on the server. */
const memoryOf = Effect.fn("memoryOf")(function* (client: Machine, server: Machine, words: ReadonlyArray<string>) {
  const running = yield* client.start([
    "sh",
    "-c",
    '/usr/bin/time -f "peak %M" byteback "$@" >/dev/null',
    "sh",
    ...words
  ])
  let reader = 0
  const look = Effect.map(server.run(["ps", "-eo", "rss=,args="]), ({ stdout }) => {
    for (const line of stdout.split("\n"))
      if (/reader\.cjs/.test(line)) reader = Math.max(reader, Number(line.trim().split(/\s+/)[0]))
  })
  const ended = yield* Effect.raceFirst(
    running.wait,
    Effect.andThen(Effect.forever(Effect.andThen(look, Effect.sleep("100 millis"))), Effect.never)
  )
  return { here: Number(/peak (\d+)/.exec(ended.stderr)?.[1]) / 1024, there: reader / 1024 }
}, Effect.scoped)

const size = (name: keyof typeof wanted): number => Number(process.env[`BENCH_${name.toUpperCase()}`] ?? wanted[name])

/** All rows of this comparison. Needs root. */
export const rows = (): Promise<ReadonlyArray<BenchRow>> =>
  Effect.gen(function* () {
    const lab = yield* Lab
    const server = yield* lab.machine("server", { install: true })
    const client = yield* lab.machine("client", { install: true })
    yield* server.sshd
    yield* server.ok(["byteback", "setup-server", "--image", "/srv/store.img", "--size", "16G", "--address", "server"])
    yield* client.ok((yield* server.ok(["byteback", "invite", "client"])).trim().split(" "))
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

    const ls = yield* seconds(byteback("ls", "-l", top))
    const history = yield* seconds(byteback("history", some))
    const one = yield* seconds(
      byteback("find", "no*such*name", "--snapshot", after, "--below", "/").pipe(Effect.ignore)
    )
    const all = yield* seconds(byteback("find", "*.conf", "--snapshot", "all"))
    const plainFind = yield* seconds(server.ok(["find", `/byteback/client/${after}`, "-name", "no*such*name"]))
    const ours = byteback("diff", before, after, "--limit", "100000")
    const theirs = server.run(["diff", "-rq", `/byteback/client/${before}`, `/byteback/client/${after}`], {
      timeout: 600_000
    })
    // Mounted anew, nothing of the store is in memory, as when nobody has read those two snapshots for days.
    const cold = server.ok(["sh", "-c", "umount /byteback && mount /byteback"])
    const diff = yield* seconds(ours)
    const plainDiff = yield* seconds(theirs)
    const coldDiff = yield* seconds(ours, cold)
    const coldPlainDiff = yield* seconds(theirs, cold)
    const coldAll = yield* seconds(byteback("find", "*.conf", "--snapshot", "all"), cold)
    const nothing = yield* seconds(byteback("diff", after, after))
    const here = `${snapshots} snapshots of ${files} files`
    const quick: ReadonlyArray<BenchRow> = [
      { name: `${here}: ls of a directory over ssh`, value: ls, unit: "s", target: 0.4 },
      { name: `${here}: history of one path`, value: history, unit: "s", target: 0.5 },
      { name: `${here}: find by name in one snapshot`, value: one, unit: "s", target: 2 },
      { name: `${here}: the server's own find in it`, value: plainFind, unit: "s" },
      { name: `${here}: find by name in all`, value: all, unit: "s", target: 20 },
      { name: `${here}: find by name in all, store just mounted`, value: coldAll, unit: "s", target: 20 },
      { name: `${here}: diff of a snapshot with itself: what asking costs`, value: nothing, unit: "s" },
      { name: `${here}: diff of two neighbours, 1 % changed`, value: diff, unit: "s" },
      { name: `${here}: the server's own diff -rq of them`, value: plainDiff, unit: "s" },
      { name: `${here}: diff's ratio to diff -rq`, value: diff / plainDiff, unit: "x", target: 0.1 },
      {
        name: `${here}: the same without what asking costs`,
        value: Math.max(0, diff - nothing) / plainDiff,
        unit: "x",
        target: 0.1
      },
      { name: `${here}: diff, store just mounted`, value: coldDiff, unit: "s" },
      { name: `${here}: diff -rq, store just mounted`, value: coldPlainDiff, unit: "s" },
      { name: `${here}: the ratio of these two`, value: coldDiff / coldPlainDiff, unit: "x", target: 0.1 }
    ]

    const many = size("many")
    yield* server.ok(
      [
        "bash",
        "-ec",
        `cd /byteback/client/current; mkdir many; cd many
        for d in $(seq 0 99); do mkdir $d; (cd $d; seq $(($0 / 100)) | xargs touch); done; chown -R --reference .. .`,
        String(many)
      ],
      { timeout: 1_200_000 }
    )
    const memory: Array<BenchRow> = []
    for (const words of [
      ["find", "*", "--snapshot", "current", "--limit", "10000000"],
      ["ls", "-lR", "current:/many", "--limit", "10000000"],
      ["dump", "current", "/many"]
    ]) {
      const { here: mine, there } = yield* memoryOf(client, server, words)
      const name = `${words[0]} of ${many} files: memory`
      memory.push(
        { name: `${name} on the client`, value: mine, unit: "MiB", target: 200 },
        { name: `${name} of the server's reader`, value: there, unit: "MiB", target: 200 }
      )
    }
    return [...quick, ...memory]
  }).pipe(Effect.scoped, Effect.provide(Lab.layer()), Effect.runPromise)
