// One snapshot of an open session, ready to be listed, compared with or fetched from.
import { Effect, FileSystem, Result, Schema } from "effect"
import { chooseSnapshot } from "../domain/chooseSnapshot.ts"
import { escapeName, escapeText } from "../domain/escape.ts"
import { passedOver } from "../domain/latest.ts"
import { type Itemized, readItemized } from "../domain/rsync/itemized.ts"
import type { Progress } from "../domain/rsync/progress.ts"
import type { PullPlan } from "../domain/rsync/pullArgv.ts"
import { isSnapshotWord } from "../domain/snapshotName.ts"
import type { BackupSession } from "../services/BackupServer.ts"
import { Rsync, type RsyncError } from "../services/Rsync.ts"
import type { openSession } from "./connectToServer.ts"
import { inside, whereElse } from "./NotInSnapshot.ts"

/** A snapshot that byteback did not make has a name by which no server can be asked for it. Nothing was changed. */
export class ForeignSnapshot extends Schema.TaggedError<ForeignSnapshot>()("ForeignSnapshot", { name: Schema.String }) {
  override get message() {
    return `${escapeName(this.name)} was not made by byteback, and its name is none to ask for; the server's administrator can copy from it, or rename it to letters, digits and hyphens`
  }
}

/** Of the snapshots that the server has the one that is meant. Where a newer one was passed over, a warning says so. */
export const askedFor = Effect.fnUntraced(function* (session: BackupSession, from: string | number) {
  const { snapshots } = yield* session.snapshots
  const { passed, snapshot } = yield* Effect.fromResult(chooseSnapshot(snapshots, from))
  if (passed !== undefined) yield* Effect.logWarning(escapeText(passedOver(passed, snapshot.name)))
  const { name } = snapshot
  return isSnapshotWord(name) ? { snapshot, name } : yield* new ForeignSnapshot({ name })
})

type Opened = Effect.Success<ReturnType<typeof openSession>>
type Wanted = Pick<PullPlan, "paths" | "destination" | "dryRun"> &
  Partial<Pick<PullPlan, "checksum" | "namesOnly" | "deletes" | "filterFile">>

/** A pull that tells each file. */
type Pulls<E, R> = (wanted: Wanted, look: (item: Itemized) => void) => Effect.Effect<unknown, E, R>

/** rsync's own as one of those. */
export const telling =
  (rsync: Rsync["Service"], plan: Pick<PullPlan, "server" | "snapshot" | "acls" | "xattrs" | "ioTimeout">) =>
  (wanted: Wanted, look: (item: Itemized) => void, progress?: (progress: Progress) => Effect.Effect<void>) =>
    rsync.pull(
      { ...plan, devices: true, progress: progress !== undefined, itemize: "sized", ...wanted },
      {
        ...(progress === undefined ? {} : { progress }),
        change: (line) =>
          Effect.sync(() => {
            const item = readItemized(line)
            if (item !== null) look(item)
          })
      }
    )

/** What a dry run of `pull` of `paths` alone names, also where it fails for one that is not there. */
const named = Effect.fnUntraced(function* <E, R>(pull: Pulls<E, R>, paths: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const destination = yield* fs.makeTempDirectoryScoped({ prefix: "byteback-names-" })
  const names: Array<string> = []
  const plan = { paths, destination, dryRun: true, namesOnly: true }
  const ended = yield* Effect.result(pull(plan, ({ name }) => names.push(name)))
  return { names, ended }
})

/** The names that lie in a snapshot's root. */
export const topmost = Effect.fnUntraced(function* <E, R>(pull: Pulls<E, R>) {
  const { ended, names } = yield* named(pull, ["/"])
  yield* Effect.fromResult(ended)
  return names.filter((name) => name !== "./")
})

/** Those of `paths` that a snapshot has not, after a pull said that there are some; none where that cannot be found out. */
export const missingOf = Effect.fnUntraced(function* <R>(pull: Pulls<RsyncError, R>, paths: ReadonlyArray<string>) {
  const { ended, names } = yield* named(pull, paths)
  if (Result.isFailure(ended) && ended.failure.reason !== "not-found") return []
  const present = new Set(names.map(inside))
  return paths.filter((path) => !present.has(inside(path)))
})

/** Chooses it, and gives a pull of paths of it that tells each file. A path that is not there fails with `NotInSnapshot`. */
export const readableSnapshot = Effect.fnUntraced(function* ({ session, settings }: Opened, from: string | number) {
  const rsync = yield* Rsync
  const [{ name, snapshot }, { acls, xattrs }] = yield* Effect.all([askedFor(session, from), rsync.version], {
    concurrency: 2
  })
  const { alias, rsh } = session
  const pullAny = telling(rsync, {
    server: { rsh, alias },
    snapshot: name,
    acls,
    xattrs,
    ioTimeout: settings.ioTimeout
  })
  const notThere = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
    return yield* yield* whereElse(session, paths, yield* missingOf(pullAny, paths), name, null)
  })
  const pull = (wanted: Wanted, ...more: [Parameters<typeof pullAny>[1], Parameters<typeof pullAny>[2]?]) =>
    Effect.catchIf(
      pullAny(wanted, ...more),
      (error) => error.reason === "not-found",
      () => notThere(wanted.paths)
    )
  return { snapshot, acls, xattrs, pull }
})
