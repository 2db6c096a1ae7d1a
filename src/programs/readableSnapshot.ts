// One snapshot of an open session, ready to be listed, compared with or fetched from.
import { Effect } from "effect"
import { textOfBytes, toUint8Array } from "../domain/byteString.ts"
import { snapshotFor } from "../domain/chooseSnapshot.ts"
import { type Itemized, readItemized } from "../domain/rsync/itemized.ts"
import type { Progress } from "../domain/rsync/progress.ts"
import type { PullPlan } from "../domain/rsync/pullArgv.ts"
import { isSnapshotRef } from "../domain/snapshotName.ts"
import { Rsync } from "../services/Rsync.ts"
import type { openSession } from "./connectToServer.ts"
import { ForeignSnapshot, whereElse } from "./Restore.ts"

type Opened = Effect.Success<ReturnType<typeof openSession>>
type Wanted = Pick<PullPlan, "paths" | "destination" | "dryRun"> &
  Partial<Pick<PullPlan, "checksum" | "namesOnly" | "deletes" | "filterFile">>

const given = (paths: ReadonlyArray<string>) => paths.map((path) => textOfBytes(path) ?? toUint8Array(path))

/** Chooses it, and gives a pull of paths of it that tells each file. A path that is not there fails with `NotInSnapshot`. */
export const readableSnapshot = Effect.fnUntraced(function* ({ session, settings }: Opened, from: string | number) {
  const rsync = yield* Rsync
  yield* session.hello
  const { snapshots } = yield* session.snapshots
  const snapshot = yield* Effect.fromResult(snapshotFor(snapshots, from))
  const { name } = snapshot
  if (!isSnapshotRef(name)) return yield* new ForeignSnapshot({ name })
  const { acls, xattrs } = yield* rsync.version
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
          () => Effect.flatMap(whereElse(session, given(wanted.paths), name), Effect.fail)
        )
      )
  return { snapshot, acls, xattrs, pull }
})
