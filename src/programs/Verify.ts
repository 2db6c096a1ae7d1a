// Compares a snapshot with the machine's files by content, and tells what changed since from what differs without a reason.
import { Effect, FileSystem, Random, Schema } from "effect"
import { bytesOfPath } from "../domain/byteString.ts"
import { judge, type Verdict } from "../domain/comparison.ts"
import type { SnapshotInfo } from "../domain/Conversation.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { type NamedPath, namedPath } from "../domain/namedPath.ts"
import type { Itemized } from "../domain/rsync/itemized.ts"
import { isAskable } from "../domain/rsync/pullArgv.ts"
import { afterVerify } from "../domain/proof.ts"
import { numbers } from "../domain/sample.ts"
import type { Progress } from "../domain/rsync/progress.ts"
import { openSession, type SessionOptions } from "./connectToServer.ts"
import { newOnMachine } from "./newOnMachine.ts"
import { remember } from "./proofs.ts"
import { readableSnapshot } from "./readableSnapshot.ts"

export interface VerifyOptions extends SessionOptions {
  /** absolute paths, as bytes where they are not UTF-8; default: all of the snapshot */
  readonly paths?: ReadonlyArray<string | Uint8Array>
  /** a snapshot's name, or epoch seconds for the newest not after that; default: `latest` */
  readonly from?: string | number
  /** compare so many percent of the files, chosen at random */
  readonly percent?: number
  /** draws the same sample of the same snapshot again */
  readonly seed?: number
  /** absolute: the directory that the machine's files lie below; default `/` */
  readonly against?: string
  readonly progress?: (progress: Progress) => Effect.Effect<void>
}

export interface VerifyResult {
  readonly snapshot: SnapshotInfo
  /** null where all was compared */
  readonly seed: number | null
  /** files, links and directories */
  readonly compared: number
  readonly counts: Record<NonNullable<Verdict>, number>
  /** names below what was compared that the snapshot lacks; null where nobody looked, as for a sample, or not at all of them */
  readonly added: number | null
  /** the first of those that differ without a reason */
  readonly unexplained: ReadonlyArray<NamedPath>
  /** what could not be read at one of the ends */
  readonly unreadable: number
  readonly problems: ReadonlyArray<string>
}

/** The files that another machine's backup could be compared with are not here. Nothing was compared. */
export class NothingToCompare extends Schema.TaggedError<NothingToCompare>()("NothingToCompare", {}) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    return "this machine's files are not those of another host; say with --against below which directory its files lie here"
  }
}

const named = 100

/** Reads both sides whole; nothing is written but the result, for `status`. */
export const verify = Effect.fn("verify")(function* (options: VerifyOptions) {
  const fs = yield* FileSystem.FileSystem
  const { against = "/", host, paths = ["/"], percent } = options
  if (host !== undefined && options.against === undefined) return yield* new NothingToCompare()
  const opened = yield* openSession(options)
  const readable = yield* readableSnapshot(opened, options.from ?? "latest")
  const { pull, snapshot } = readable
  const seed = options.seed ?? (yield* Random.nextIntBetween(1, 1_000_000))
  let wanted = paths.map(bytesOfPath)
  if (percent !== undefined) {
    const next = numbers(seed)
    const sample: Array<string> = []
    const empty = yield* fs.makeTempDirectoryScoped({ prefix: "byteback-verify-" })
    yield* pull({ paths: wanted, destination: empty, dryRun: true }, (item) => {
      if (item.kind === "file" && isAskable(item.name) && next() * 100 < percent) sample.push(item.name)
    })
    wanted = sample
  }

  const counts = { gone: 0, changed: 0, attributes: 0, unexplained: 0 }
  const unexplained: Array<NamedPath> = []
  let added = 0
  const look = (item: Itemized) => {
    if (item.kind === "deleted") added += 1
    const verdict = judge(item)
    if (verdict === null) return
    counts[verdict] += 1
    if (verdict === "unexplained" && unexplained.length < named) unexplained.push(namedPath(`/${item.name}`))
  }
  const plan =
    percent === undefined
      ? yield* newOnMachine(readable, opened.settings, wanted)
      : { paths: wanted, dryRun: true, namesOnly: true }
  const compared =
    plan.paths.length === 0
      ? null
      : yield* pull({ ...plan, destination: against, checksum: true }, look, options.progress)
  const result: VerifyResult = {
    snapshot,
    seed: percent === undefined ? null : seed,
    compared: percent === undefined ? (compared?.stats.files ?? 0) : wanted.length,
    counts,
    // rsync looks for nothing more once it could not read something
    added: percent === undefined && (compared?.unreadable ?? 0) === 0 ? added : null,
    unexplained,
    unreadable: compared?.unreadable ?? 0,
    problems: compared?.problems ?? []
  }
  if (host === undefined) {
    const found = {
      snapshot: snapshot.name,
      compared: result.compared,
      changed: counts.changed + counts.gone + counts.attributes,
      unexplained: counts.unexplained + result.unreadable
    }
    const all = percent === undefined && against === "/" && paths.includes("/")
    yield* remember(found, (before, proof) => afterVerify(before, proof, all))
  }
  return result
}, Effect.scoped)
