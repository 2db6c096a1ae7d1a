// One snapshot of an open session, ready to be listed, compared with or fetched from.
import { Effect, FileSystem, Schema } from "effect"
import { chooseSnapshot } from "../domain/chooseSnapshot.ts"
import { escapeName, escapeText } from "../domain/escape.ts"
import { passedOver } from "../domain/latest.ts"
import { type Itemized, readItemized } from "../domain/rsync/itemized.ts"
import type { Progress } from "../domain/rsync/progress.ts"
import type { PullPlan } from "../domain/rsync/pullArgv.ts"
import { isSnapshotWord } from "../domain/snapshotName.ts"
import type { BackupSession } from "../services/BackupServer.ts"
import { Rsync } from "../services/Rsync.ts"
import type { openSession } from "./connectToServer.ts"
import { whereElse } from "./NotInSnapshot.ts"

/** A snapshot that byteback did not make has a name by which no server can be asked for it. Nothing was changed. */
export class ForeignSnapshot extends Schema.TaggedError<ForeignSnapshot>()("ForeignSnapshot", { name: Schema.String }) {
  override get message() {
    return `${escapeName(this.name)} was not made by byteback, and its name is none to ask for; the server's administrator can copy from it, or rename it to letters, digits and hyphens`
  }
}

/** The snapshots that the server has, and the one that is meant. Where a newer one was passed over, a warning says so. */
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

/** The names that lie in a snapshot's root, by a dry run of `pull`. */
export const topmost = Effect.fnUntraced(function* <E, R>(
  pull: (wanted: Wanted, look: (item: Itemized) => void) => Effect.Effect<unknown, E, R>
) {
  const fs = yield* FileSystem.FileSystem
  const destination = yield* fs.makeTempDirectoryScoped({ prefix: "byteback-names-" })
  const names: Array<string> = []
  yield* pull({ paths: ["/"], destination, dryRun: true, namesOnly: true }, ({ name }) => {
    if (name !== "./") names.push(name)
  })
  return names
})

/** Chooses it, and gives a pull of paths of it that tells each file. A path that is not there fails with `NotInSnapshot`. */
export const readableSnapshot = Effect.fnUntraced(function* ({ session, settings }: Opened, from: string | number) {
  const rsync = yield* Rsync
  const [{ name, snapshot }, { acls, xattrs }] = yield* Effect.all([askedFor(session, from), rsync.version], {
    concurrency: 2
  })
  const pull = (
    wanted: Wanted,
    look: (item: Itemized) => void,
    progress?: (progress: Progress) => Effect.Effect<void>
  ) =>
    rsync
      .pull(
        {
          server: { rsh: session.rsh, alias: session.alias },
          snapshot: name,
          acls,
          xattrs,
          devices: true,
          ioTimeout: settings.ioTimeout,
          progress: progress !== undefined,
          itemize: "sized",
          ...wanted
        },
        {
          ...(progress === undefined ? {} : { progress }),
          change: (line) =>
            Effect.sync(() => {
              const item = readItemized(line)
              if (item !== null) look(item)
            })
        }
      )
      .pipe(
        Effect.catchIf(
          (error) => error.reason === "not-found",
          () => Effect.flatMap(whereElse(session, wanted.paths, name, null), Effect.fail)
        )
      )
  return { snapshot, acls, xattrs, pull }
})
