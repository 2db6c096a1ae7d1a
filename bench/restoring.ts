// A restore of a whole tree against bare rsync: same options, same sshd, same kind of subvolume, in turn.
import { readFileSync } from "node:fs"
import { Effect } from "effect"
import { bytesOfText, toUint8Array } from "../src/domain/byteString.ts"
import { ciphersFor } from "../src/domain/ciphers.ts"
import { pathList, pullArgv } from "../src/domain/rsync/pullArgv.ts"
import { isSnapshotRef } from "../src/domain/snapshotName.ts"
import { clientMachine, serverMachine } from "../test/e2e/pair.ts"
import { Lab, type Machine } from "../test/lab/Lab.ts"
import { realTree } from "../test/lab/realTree.ts"
import { bareHome, bareShell, bareUser } from "./bareUser.ts"
import { median } from "./median.ts"
import type { BenchRow } from "./row.ts"
import { timed } from "./timed.ts"

/** Which is all of /usr on a machine of some size. For a look in between: BENCH_FILES=5000 BENCH_RUNS=3. */
const files = Number(process.env["BENCH_FILES"] ?? 100_000)
const runs = Number(process.env["BENCH_RUNS"] ?? 5)

/** A client with a backup of a real tree, and a user `bare` on the server whose home is a copy of that snapshot. */
const pair = Effect.fn("pair")(function* () {
  const server = yield* serverMachine("server", "20G")
  const client = yield* clientMachine(server)
  const tree = yield* realTree(client, files)
  yield* client.ok(
    [
      ...["byteback", "backup", "--quiet", "--retry-number", "0"],
      ...tree.directories.flatMap((directory) => ["--source", directory])
    ],
    { timeout: 600_000 }
  )
  yield* bareUser(server, client)
  yield* server.ok([
    "sh",
    "-c",
    `set -e; btrfs -q subvolume snapshot /byteback/client/current /byteback/bare
     chown -R --no-dereference bare: /byteback/bare; chmod 700 /byteback/bare
     btrfs -q property set /byteback/bare ro true; mount --bind /byteback/bare ${bareHome}`
  ])
  return { client, tree }
})

const ours = (client: Machine, directories: ReadonlyArray<string>) =>
  client.ok(["byteback", "restore", "--quiet", "--to", "/back", ...directories], { timeout: 600_000 })

const bare = (client: Machine, directories: ReadonlyArray<string>, rsh = bareShell) => {
  const latest = "latest"
  if (!isSnapshotRef(latest)) throw new Error(latest)
  const argv = pullArgv({
    server: { rsh, alias: "server" },
    snapshot: latest,
    paths: directories.map(bytesOfText),
    destination: "/back",
    acls: true,
    xattrs: true,
    devices: false,
    ioTimeout: 10_800,
    dryRun: false,
    progress: false,
    itemize: false
  }).map((word) => (word.startsWith("--rsync-path=") ? "--rsync-path=rsync --fake-super" : word))
  return client.ok(["rsync", ...argv], {
    stdin: toUint8Array(pathList(directories.map(bytesOfText))!),
    timeout: 600_000
  })
}

/** All rows of this comparison. Needs root. */
export const rows = (): Promise<ReadonlyArray<BenchRow>> =>
  Effect.gen(function* () {
    const { client, tree } = yield* pair()
    const { directories } = tree
    const mine: Array<number> = []
    const theirs: Array<number> = []
    const quicker: Array<number> = []
    const ciphers = ciphersFor(readFileSync("/proc/cpuinfo", "utf8"))
    const empty = Effect.fnUntraced(function* () {
      yield* client.ok(["rm", "-rf", "/back"])
      yield* client.ok(["mkdir", "-m", "700", "/back"])
      // What is still to be written of one restore and its removal does not count for the next.
      yield* client.ok(["sync"])
    })
    // The first to read the snapshot reads it from the disk.
    yield* empty()
    yield* ours(client, directories)
    const withCiphers = ciphers === null ? bareShell : `${bareShell} -c ${ciphers}`
    for (let run = 0; run < runs; run += 1) {
      const each = [
        Effect.map(timed(ours(client, directories)), (seconds) => mine.push(seconds)),
        Effect.map(timed(bare(client, directories)), (seconds) => theirs.push(seconds)),
        Effect.map(timed(bare(client, directories, withCiphers)), (seconds) => quicker.push(seconds))
      ]
      for (const one of run % 2 === 0 ? each : each.toReversed()) {
        yield* empty()
        yield* one
      }
    }
    yield* client.ok(["rm", "-rf", "/back"])
    const found: ReadonlyArray<BenchRow> = [
      { name: `restore of ${tree.files} files: byteback`, value: median(mine), unit: "s" },
      { name: `restore of ${tree.files} files: bare rsync`, value: median(theirs), unit: "s" },
      { name: `restore of ${tree.files} files: bare rsync with byteback's ciphers`, value: median(quicker), unit: "s" },
      { name: "restore: ratio to bare rsync", value: median(mine) / median(theirs), unit: "x", target: 1.05 },
      { name: "restore: ratio to bare rsync with its ciphers", value: median(mine) / median(quicker), unit: "x" },
      { name: "verify, all by content", value: yield* timed(client.ok(["byteback", "verify"])), unit: "s" },
      { name: "drill, 100 files", value: yield* timed(client.ok(["byteback", "drill"])), unit: "s" }
    ]
    return found
  }).pipe(Effect.scoped, Effect.provide(Lab.layer()), Effect.runPromise)
