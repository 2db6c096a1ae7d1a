// Takes a host's access away; its backups stay, unless they are to go as well.
import { Effect } from "effect"
import { isHostName } from "../domain/hostName.ts"
import { AuthorizedKeys } from "../services/AuthorizedKeys.ts"
import { Journal } from "../services/Journal.ts"
import { Layout } from "../services/Layout.ts"
import { Lock } from "../services/Lock.ts"
import { InvalidHostName, NotEnrolled, Registry } from "../services/Registry.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { deleteBackups } from "./deleteBackups.ts"
import { serverTime } from "./serverTime.ts"

export interface RemoveClientOptions {
  readonly host: string
  /** delete `current` and every snapshot as well, for ever */
  readonly deleteBackups?: boolean
}

export interface RemoveClientResult {
  readonly host: string
  /** did it have a key that could log in until now? */
  readonly hadKey: boolean
  /** subvolumes that were deleted; none without `deleteBackups` */
  readonly deleted: ReadonlyArray<string>
  /** what lies in the host's directory and is not byteback's to delete */
  readonly left: ReadonlyArray<string>
}

/**
 * Removes the host's key and its invitations; a session that is open ends by itself. With `deleteBackups` the host is
 * locked first (`Locked` if a backup of it is running), then its backups and its place in the registry go.
 */
export const removeClient = Effect.fn("removeClient")(function* (options: RemoveClientOptions) {
  const { host } = options
  if (!isHostName(host)) return yield* new InvalidHostName({ name: host })
  const layout = yield* Layout
  const files = yield* SystemFile
  const journal = yield* Journal
  const keys = yield* AuthorizedKeys
  const registry = yield* Registry
  const registered = yield* registry.get(host).pipe(
    Effect.as(true),
    Effect.catchTags({
      // a record that cannot be read is no reason to leave a key in place
      DamagedRecord: () => Effect.succeed(true),
      NotEnrolled: () => Effect.succeed(false)
    })
  )
  if (options.deleteBackups === true) {
    yield* files.directory(`${layout.run}/${host}`, 0o700)
    yield* (yield* Lock).take(`${layout.run}/${host}/lock`, `a backup of ${host}`)
  }
  const hadKey = yield* keys.update((file) => {
    const own = file.entries.filter((entry) => entry._tag !== "administrator" && entry.host === host)
    if (own.length === 0 && !registered) return Effect.fail(new NotEnrolled({ host }))
    const entries = file.entries.filter((entry) => !own.includes(entry))
    return Effect.succeed([{ ...file, entries }, own.some((entry) => entry._tag === "host")] as const)
  })
  const gone = options.deleteBackups === true ? yield* deleteBackups(host) : { deleted: [], left: [] }
  if (hadKey && options.deleteBackups !== true) {
    yield* journal.append(host, { _tag: "removed", at: yield* serverTime, backups: "kept" })
  }
  const result: RemoveClientResult = { host, hadKey, ...gone }
  return result
}, Effect.scoped)
