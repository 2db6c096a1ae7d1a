// A backup against bare rsync: same options, same sshd, same kind of subvolume, in turn on the same two lab machines.
import { Effect } from "effect"
import { filterRules, rulesText } from "../src/domain/filters.ts"
import { pushArgv } from "../src/domain/rsync/pushArgv.ts"
import { clientMachine, pruneEnded, serverMachine } from "../test/e2e/pair.ts"
import { Lab, LabError, type Machine } from "../test/lab/Lab.ts"
import { realTree } from "../test/lab/realTree.ts"
import { bareShell, bareUser } from "./bareUser.ts"
import { median } from "./median.ts"
import type { BenchRow } from "./row.ts"
import { timed } from "./timed.ts"

const runs = 5

/** Of /usr/share, /usr/include and libraries: text and small files alone would be a tree that nobody has. */
const files = 62_000

/** How many times as long as bare rsync a backup may take; or, where it is short, how many seconds longer. */
const allowed = { full: 1.05, other: 1.15, seconds: 0.5 }

/** A server and a client; the client backs up as a host, and as the user `bare` who runs plain rsync into a subvolume of its own. */
const pair = Effect.fn("pair")(function* () {
  const server = yield* serverMachine("server", "20G")
  const client = yield* clientMachine(server)
  yield* server.write("/etc/byteback/snapshot_interval", "0\n")
  yield* bareUser(server, client)
  return { server, client }
})

const ours = (client: Machine, sources: ReadonlyArray<string>) =>
  client.ok(
    ["byteback", "backup", "--quiet", "--retry-number", "0", ...sources.flatMap((source) => ["--source", source])],
    { timeout: 600_000 }
  )

const bare = Effect.fn("bare")(function* (client: Machine, sources: ReadonlyArray<string>) {
  const mountinfo = yield* client.read("/proc/self/mountinfo")
  const rules = filterRules({ mountinfo, sources, excludes: [], rsyncFilter: [] })
  const argv = pushArgv({
    server: { rsh: bareShell, alias: "server" },
    sources,
    rules,
    acls: true,
    xattrs: true,
    ioTimeout: 10_800,
    flags: [],
    dryRun: false,
    progress: false,
    itemize: false
  }).map((word) => (word.startsWith("--rsync-path=") ? "--rsync-path=rsync --fake-super" : word))
  yield* client.ok(["rsync", ...argv], { stdin: rulesText(rules), timeout: 600_000 })
})

/** Removes the snapshots that the runs left, whose names tell only the minute; but for the oldest, where runs are to have one before them. */
const forgetSnapshots = (server: Machine, keep: 0 | 1) =>
  server.ok([
    "sh",
    "-c",
    `for s in $(ls -d /byteback/client/2* | tail -n +${keep + 1}); do btrfs -q subvolume delete $s; done; btrfs subvolume sync /byteback >/dev/null`
  ])

/** Waits until a snapshot has another name than those that are there. */
const nextMinute = (server: Machine) =>
  server.until(["sh", "-c", 'test ! -e "/byteback/client/$(date -u +%Y-%m-%dT%H:%M+0000)"'], { timeout: 70_000 })

/** All data on disk, as a snapshot has it: btrfs writes everything out, compressed, before it takes one. */
const sync = (server: Machine) => server.ok(["btrfs", "filesystem", "sync", "/byteback"])

/** Both `current`s empty and new. */
const empty = (server: Machine) =>
  server.ok([
    "sh",
    "-c",
    `set -e
    mountpoint -q /mnt/bare && umount /mnt/bare
    for s in /byteback/client/current /byteback/bare; do [ -d $s ] && btrfs -q subvolume delete $s; btrfs -q subvolume create $s; done
    btrfs subvolume sync /byteback >/dev/null
    uid=$(sed 's/.*"uid":\\([0-9]*\\).*/\\1/' /var/lib/byteback/hosts/client.json)
    chown $uid:$uid /byteback/client/current; chown bare: /byteback/bare; chmod 700 /byteback/client/current /byteback/bare
    mount --bind /byteback/bare /mnt/bare
    btrfs filesystem sync /byteback >/dev/null`
  ])

const compare = Effect.fn("compare")(function* (
  name: string,
  kind: "full" | "other",
  { client, server }: { readonly client: Machine; readonly server: Machine },
  sources: ReadonlyArray<string>,
  before: 0 | 1,
  prepare: (run: number) => Effect.Effect<unknown, Error>
) {
  const mine: Array<number> = []
  const theirs: Array<number> = []
  const onDisk: Array<number> = []
  for (let run = 0; run < runs; run += 1) {
    yield* prepare(run)
    yield* forgetSnapshots(server, before)
    yield* nextMinute(server)
    yield* sync(server)
    const both = [
      Effect.andThen(
        Effect.map(timed(ours(client, sources)), (seconds) => mine.push(seconds)),
        pruneEnded(server)
      ),
      Effect.gen(function* () {
        const copying = yield* timed(bare(client, sources))
        theirs.push(copying)
        onDisk.push(copying + (yield* timed(sync(server))))
      })
    ]
    // In turn, and each first every other time: the second finds the machine's caches warm.
    yield* Effect.all(run % 2 === 0 ? both : both.toReversed())
  }
  const rows: ReadonlyArray<BenchRow> = [
    { name: `${name}: byteback`, value: median(mine), unit: "s" },
    { name: `${name}: bare rsync`, value: median(theirs), unit: "s" },
    { name: `${name}: bare rsync, and its data on disk`, value: median(onDisk), unit: "s" },
    {
      name: `${name}: byteback takes longer than bare rsync by`,
      value: median(mine) - median(theirs),
      unit: "s",
      ...(kind === "full" ? {} : { target: Math.max((allowed.other - 1) * median(theirs), allowed.seconds) })
    },
    {
      name: `${name}: ratio to bare rsync`,
      value: median(mine) / median(theirs),
      unit: "x",
      ...(kind === "full" ? { target: allowed.full } : {})
    },
    { name: `${name}: ratio to bare rsync with its data on disk`, value: median(mine) / median(onDisk), unit: "x" }
  ]
  return rows
})

const used = (server: Machine) =>
  Effect.map(
    server.ok([
      "sh",
      "-c",
      "btrfs filesystem sync /byteback >/dev/null; btrfs filesystem usage -b /byteback | sed -n 's/^ *Used:[^0-9]*//p'"
    ]),
    (text) => Number(text.trim().split("\n")[0])
  )

/** Medians of some quick command's wall time, two of them in turn. */
const inTurn = Effect.fn("inTurn")(function* (times: number, ...works: ReadonlyArray<Effect.Effect<unknown, Error>>) {
  const seconds = works.map((): Array<number> => [])
  for (let run = 0; run < times; run += 1) {
    for (const [index, work] of works.entries()) seconds[index]!.push(yield* timed(work))
  }
  return seconds.map((values) => median(values))
})

const forcedCommand = Effect.fn("forcedCommand")(function* (client: Machine, server: Machine) {
  const ssh = (user: string, command: string) =>
    client.ok([
      ...["ssh", "-i", user === "bare" ? "/root/bare" : "/etc/byteback/key"],
      ...["-o", "UserKnownHostsFile=/etc/byteback/known_hosts", `${user}@server`, command]
    ])
  const [ping = 0, plain = 0] = yield* inTurn(11, ssh("byteback", "byteback-receive --ping"), ssh("bare", "true"))
  const line = "rsync --fake-super --server -lHogDtpAXrRe.iLsfxCIvu --timeout=600 . ."
  const cpu: Array<number> = []
  for (let run = 0; run < 11; run += 1) {
    const { stderr } = yield* server.run(
      [
        "bash",
        "-c",
        'TIMEFORMAT="cpu %U %S"; time setpriv --reuid=byteback --regid=byteback --init-groups /usr/bin/byteback-receive -c "byteback-receive client" </dev/null'
      ],
      { env: { SSH_ORIGINAL_COMMAND: line } }
    )
    // Refused it would be cheap. Its own rsync misses the client's, once it is there.
    if (!stderr.includes("connection unexpectedly closed")) {
      return yield* new LabError({ message: `the forced command started no rsync: ${stderr}` })
    }
    const [, user, system] = /cpu ([\d.]+) ([\d.]+)/.exec(stderr)!
    cpu.push((Number(user) + Number(system)) * 1000)
  }
  const [version = 0] = yield* inTurn(11, client.ok(["byteback", "--version"]))
  const rows: ReadonlyArray<BenchRow> = [
    { name: "forced command: ping over ssh", value: ping * 1000, unit: "ms" },
    { name: "forced command: ssh host true", value: plain * 1000, unit: "ms" },
    { name: "forced command: CPU until rsync has started and ended", value: median(cpu), unit: "ms", target: 250 },
    { name: "byteback --version, in a lab machine", value: version * 1000, unit: "ms", target: 150 }
  ]
  return rows
})

interface Process {
  readonly pid: string
  readonly kilobytes: number
  readonly name: string
  readonly argv: string
}

const processes = (machine: Machine) =>
  Effect.map(machine.ok(["ps", "-eo", "pid=,rss=,comm=,args="]), (listed) =>
    listed.split("\n").flatMap((line): ReadonlyArray<Process> => {
      const [pid, rss, name, ...argv] = line.trim().split(/\s+/)
      return pid === undefined || name === undefined
        ? []
        : [{ pid, kilobytes: Number(rss), name, argv: argv.join(" ") }]
    })
  )

/** What stays on the server beside sshd and rsync while a push runs: all that was not there before it. */
const memory = Effect.fn("memory")(function* (client: Machine, server: Machine) {
  yield* pruneEnded(server)
  const before = new Set((yield* processes(server)).map(({ pid }) => pid))
  yield* client.start(["byteback", "backup", "--quiet", "--retry-number", "0", "--source", "/big"], {
    env: { BYTEBACK_RSYNC_FLAGS: "--bwlimit=100" }
  })
  yield* server.until(["pgrep", "-f", "^rsync --server"])
  const samples: Array<ReadonlyArray<Process>> = []
  for (let sample = 0; sample < runs; sample += 1) {
    const now = yield* processes(server)
    samples.push(now.filter(({ name, pid }) => !before.has(pid) && !/^(sshd.*|rsync|ps)$/.test(name)))
  }
  const resident = median(samples.map((each) => each.reduce((sum, { kilobytes }) => sum + kilobytes, 0)))
  const nodes = Math.max(...samples.map((each) => each.filter(({ argv }) => /\bnode\b/.test(argv)).length))
  const rows: ReadonlyArray<BenchRow> = [
    { name: "memory beside rsync during a push (sum of RSS)", value: resident / 1024, unit: "MiB", target: 12 },
    { name: "Node processes on the server during a push", value: nodes, unit: "", target: 0 }
  ]
  return rows
}, Effect.scoped)

/** All rows of this comparison. Needs root. */
export const rows = (): Promise<ReadonlyArray<BenchRow>> =>
  Effect.gen(function* () {
    const machines = yield* pair()
    const { client, server } = machines
    const { directories, files: found } = yield* realTree(client, files)
    yield* empty(server)
    const full = yield* compare(`first full, ${found} files`, "full", machines, directories, 0, () => empty(server))
    // Before those that bring nothing: after them it would be an unusual growth, which ends with 14.
    const some = yield* compare("1 % of files changed", "other", machines, directories, 1, (run) =>
      client.ok([
        "sh",
        "-c",
        `find ${directories.join(" ")} -type f | awk 'NR % 100 == ${run}' | while read -r f; do echo x >> "$f"; done`
      ])
    )
    const unchanged = yield* compare("nothing changed", "other", machines, directories, 1, () => Effect.void)
    yield* client.ok(["sh", "-c", "mkdir /big; head -c 1073741824 /dev/urandom > /big/file"])
    yield* forgetSnapshots(server, 0)
    yield* ours(client, ["/big"])
    yield* pruneEnded(server)
    yield* bare(client, ["/big"])
    const change = (run: number) =>
      client.ok([
        "sh",
        "-c",
        `for i in $(seq ${run} 100 16383); do dd if=/dev/urandom of=/big/file bs=64k count=1 seek=$i conv=notrunc status=none; done`
      ])
    yield* change(50)
    const before = yield* used(server)
    yield* nextMinute(server)
    yield* ours(client, ["/big"])
    yield* pruneEnded(server)
    const cost = (100 * ((yield* used(server)) - before)) / 2 ** 30
    yield* bare(client, ["/big"])
    const big = yield* compare("1 GiB file, 1 % of its 64 KiB blocks changed", "other", machines, ["/big"], 1, change)
    const forced = yield* forcedCommand(client, server)
    yield* change(99)
    yield* forgetSnapshots(server, 0)
    return [
      ...full,
      ...some,
      ...unchanged,
      ...big,
      { name: "1 GiB file: what the second snapshot costs the store", value: cost, unit: "%", target: 3 },
      ...forced,
      ...(yield* memory(client, server))
    ]
  }).pipe(Effect.scoped, Effect.provide(Lab.layer()), Effect.runPromise)
