// What is different on the machine from a snapshot of it: by size and time, as rsync's dry run sees it, and by content in case of doubt.
import { Effect, Queue, Schema, Stream } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { namedPath } from "../domain/namedPath.ts"
import type { Change, End } from "../domain/ReadingAnswer.ts"
import type { Itemized } from "../domain/rsync/itemized.ts"
import { isAskable } from "../domain/rsync/pullArgv.ts"
import type { ReadingPath } from "../domain/request/reading.ts"
import { openSession, type SessionOptions } from "./connectToServer.ts"
import { newOnMachine } from "./newOnMachine.ts"
import { readableSnapshot } from "./readableSnapshot.ts"

/** Another host's files are not on this machine. Nothing was compared. */
export class NotThisMachine extends Schema.TaggedError<NotThisMachine>()("NotThisMachine", {}) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    return "live is this machine, and --host another; run byteback diff on that host, or name two snapshots"
  }
}

export interface CompareLiveOptions extends SessionOptions {
  /** a snapshot's name or `latest` */
  readonly from: string
  readonly path: ReadingPath
  /** rows after which the answer is cut */
  readonly most: number
}

/** Told as a restore would undo it, so what that would make is removed, and what it would delete is added. */
const changeOf = ({ differs, isNew, kind }: Itemized): Change["change"] | null => {
  if (kind === "deleted") return "added"
  if (isNew) return "removed"
  if (kind !== "directory" && (differs.has("c") || differs.has("s"))) return "content"
  return differs.size === 0 || (kind === "directory" && differs.size === 1 && differs.has("t")) ? null : "metadata"
}

const row = (item: Itemized): Change | null => {
  const change = changeOf(item)
  // the root itself is only as it was where all of it was backed up
  if (change === null || item.name === "./") return null
  const directory = item.name.endsWith("/")
  const path = namedPath(`/${item.name.replace(/^\.?\/|\/$/g, "")}`)
  return { _tag: "change", change, ...path, type: directory ? "d" : "f" }
}

/** Another time and the same size: somebody wrote it, or only touched it. */
const isDoubtful = ({ differs, isNew, kind }: Itemized): boolean =>
  kind === "file" && !isNew && differs.has("t") && !differs.has("c") && !differs.has("s")

/** So many in doubt are compared by content; the others count as written, as does what rsync cannot be asked for. */
const mostDoubtful = 10_000

/**
 * Rows as `readRows` gives them; files that only their time tells apart come last, since their content is looked at.
 */
export const compareLive = ({ from, most, path, ...options }: CompareLiveOptions) =>
  Stream.callback<ReadonlyArray<Change | End>, Effect.Error<ReturnType<typeof compared>>, CompareLiveServices>(
    (queue) => {
      const offer = (rows: ReadonlyArray<Change | End>) => void Queue.offerUnsafe(queue, rows)
      return Effect.andThen(compared(options, from, path, most, offer), Queue.end(queue))
    }
  )

type CompareLiveServices = Effect.Services<ReturnType<typeof compared>>

const compared = Effect.fnUntraced(function* (
  options: SessionOptions,
  from: string,
  path: ReadingPath,
  most: number,
  offer: (rows: ReadonlyArray<Change | End>) => void
) {
  if (options.host !== undefined) return yield* new NotThisMachine()
  const opened = yield* openSession(options)
  const readable = yield* readableSnapshot(opened, from)
  const plan = yield* newOnMachine(readable, opened.settings, [`/${path}`])
  let rows = 0
  let cut: End["cut"] = null
  const tell = (item: Itemized): void => {
    const change = row(item)
    if (change === null) return
    if (rows === most) cut = "rows"
    else {
      rows += 1
      offer([change])
    }
  }
  const doubtful: Array<string> = []
  const look = (item: Itemized): void => {
    if (!isDoubtful(item)) tell(item)
    else if (doubtful.length < mostDoubtful && isAskable(item.name)) doubtful.push(item.name)
    else tell({ ...item, differs: new Set([...item.differs, "c"]) })
  }
  yield* readable.pull({ ...plan, destination: "/" }, look)
  if (doubtful.length > 0) {
    yield* readable.pull({ paths: doubtful, destination: "/", dryRun: true, namesOnly: true, checksum: true }, tell)
  }
  offer([{ _tag: "end", rows, cut }])
})
