// A trial restore: some files of a snapshot, chosen at random, are brought back, compared with the machine's, and removed.
import { Effect, FileSystem, Random } from "effect"
import { fromUint8Array, toUint8Array } from "../domain/byteString.ts"
import { judge, type Verdict } from "../domain/comparison.ts"
import type { SnapshotInfo } from "../domain/Conversation.ts"
import { type NamedPath, namedPath } from "../domain/namedPath.ts"
import { type Itemized, readItemized } from "../domain/rsync/itemized.ts"
import { isAskable } from "../domain/rsync/pullArgv.ts"
import { afterDrill } from "../domain/proof.ts"
import { Reservoir } from "../domain/sample.ts"
import { Exec } from "../services/Exec.ts"
import { Rsync } from "../services/Rsync.ts"
import { openSession, type SessionOptions } from "./connectToServer.ts"
import { remember } from "./proofs.ts"
import { readableSnapshot } from "./readableSnapshot.ts"

export interface DrillOptions extends Pick<SessionOptions, "settings"> {
  /** a snapshot's name, or epoch seconds for the newest not after that; default: `latest` */
  readonly from?: string | number
  /** at most so many files; default 100 */
  readonly files?: number
  /** at most so many bytes in all; default 256 MiB */
  readonly bytes?: number
  /** draws the same sample of the same snapshot again */
  readonly seed?: number
}

export interface DrillResult {
  readonly snapshot: SnapshotInfo
  readonly seed: number
  /** files and links that were brought back and compared, and their bytes */
  readonly compared: number
  readonly bytes: number
  /** of them `attributes` are those whose owner, mode, times, xattrs or ACLs were changed since */
  readonly counts: Record<NonNullable<Verdict>, number>
  /** what came back other than it is, and was not changed since */
  readonly unexplained: ReadonlyArray<NamedPath>
  /** what did not come back at all */
  readonly unreadable: number
  readonly problems: ReadonlyArray<string>
}

/** When a file's attributes last changed (ctime, epoch seconds), by its byte string; those that are gone are left out. */
const changeTimes = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
  if (paths.length === 0) return new Map<string, number>()
  const { stdout } = yield* (yield* Exec).run("xargs", ["-0", "stat", "--printf=%Z %n\\0", "--"], {
    stdin: toUint8Array(paths.map((path) => `${path}\0`).join(""))
  })
  return new Map(
    fromUint8Array(stdout)
      .split("\0")
      .filter((line) => line !== "")
      .map((line) => [line.slice(line.indexOf(" ") + 1), Number(line.slice(0, line.indexOf(" ")))] as const)
  )
})

/** What was brought back is gone when this ends, however it ends. */
export const drill = Effect.fn("drill")(function* (options: DrillOptions) {
  const fs = yield* FileSystem.FileSystem
  const rsync = yield* Rsync
  const opened = yield* openSession(options)
  const { acls, pull, snapshot, xattrs } = yield* readableSnapshot(opened, options.from ?? "latest")
  const seed = options.seed ?? (yield* Random.nextIntBetween(1, 1_000_000))
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "byteback-drill-" })

  const all = new Reservoir<Itemized>(seed, options.files ?? 100)
  yield* pull({ paths: ["/"], destination: directory, dryRun: true }, (item) => {
    if ((item.kind === "file" || item.kind === "link") && isAskable(item.name)) all.show(item)
  })
  const sample = all.within(options.bytes ?? 256 * 1024 * 1024)
  const paths = sample.map(({ name }) => name)
  const came = yield* pull({ paths, destination: directory, dryRun: false, namesOnly: true }, () => {})

  const counts = { gone: 0, changed: 0, attributes: 0, unexplained: 0 }
  const suspects: Array<string> = []
  const onlyAttributes: Array<string> = []
  yield* rsync.compare(
    { left: `${directory}/`, right: "/", paths, acls, xattrs },
    {
      change: (line) =>
        Effect.sync(() => {
          const item = readItemized(line)
          const verdict = item === null ? null : judge(item)
          if (item === null || verdict === null) return
          if (verdict === "attributes") onlyAttributes.push(`/${item.name}`)
          else if (verdict === "unexplained") suspects.push(`/${item.name}`)
          else counts[verdict] += 1
        })
    }
  )
  // Whoever changes an owner or a mode leaves the time of that in the file. A snapshot's name tells only its minute.
  const times = yield* changeTimes(onlyAttributes)
  for (const path of onlyAttributes) {
    if ((times.get(path) ?? Infinity) >= (snapshot.at ?? 0)) counts.attributes += 1
    else suspects.push(path)
  }
  counts.unexplained = suspects.length
  const result: DrillResult = {
    snapshot,
    seed,
    compared: sample.length,
    bytes: sample.reduce((sum, { size }) => sum + size, 0),
    counts,
    unexplained: suspects.map(namedPath),
    unreadable: came.unreadable,
    problems: came.problems
  }
  const found = {
    snapshot: snapshot.name,
    compared: result.compared,
    changed: counts.changed + counts.gone + counts.attributes,
    unexplained: counts.unexplained + result.unreadable
  }
  // of nothing nothing is proven
  if (found.compared > 0) yield* remember(found, afterDrill)
  return result
}, Effect.scoped)
