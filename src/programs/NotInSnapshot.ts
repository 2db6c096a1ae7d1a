// What was asked for by name and is not there, and where it is instead.
import { Effect, Schema } from "effect"
import { toUint8Array } from "../domain/byteString.ts"
import { escapeName } from "../domain/escape.ts"
import type { SnapshotRef } from "../domain/snapshotName.ts"
import { throughText } from "../domain/snapshotPath.ts"
import type { BackupSession } from "../services/BackupServer.ts"
import { whyMissing } from "./ReadSnapshots.ts"
import { RestoredPrivileges } from "./RestoredPrivileges.ts"

/** So many are named of what is missing. */
const named = 10

/** What a restore brought back beside what is not there. */
const Restored = Schema.Struct({
  directory: Schema.String,
  /** how many could not be read or written, and what rsync said of the first of them */
  unreadable: Schema.Int,
  problems: Schema.Array(Schema.String),
  /** what of it can give somebody rights; null for a dry run */
  privileges: Schema.NullOr(RestoredPrivileges)
})
type Restored = typeof Restored.Type

/** Something that was asked for is not in the snapshot. */
export class NotInSnapshot extends Schema.TaggedError<NotInSnapshot>()("NotInSnapshot", {
  /** null: in none of them */
  snapshot: Schema.NullOr(Schema.String),
  /** byte strings, as they were asked for; none where it is one of many */
  paths: Schema.Array(Schema.String),
  /** the newest snapshot that has the first of them */
  last: Schema.NullOr(Schema.String),
  /** the link that the first of them goes through */
  through: Schema.NullOr(Schema.Struct({ link: Schema.String, target: Schema.String, ask: Schema.String })),
  /** what came of all else that was asked for; null where nothing was brought back */
  restored: Schema.NullOr(Restored)
}) {
  override get message() {
    const [first = "", ...more] = this.paths.slice(0, named).map((path) => escapeName(toUint8Array(path), 200))
    const others = this.paths.length > named ? [`${this.paths.length - named} others`] : []
    const many = this.paths.length > 1
    const paths = first === "" ? "something that was asked for" : [first, ...more, ...others].join(" and ")
    const done = this.restored === null ? "nothing was compared or restored" : restoredText(this.restored)
    if (this.snapshot === null) {
      const all = this.restored === null ? "" : `; ${done}`
      return `${paths} ${many ? "are" : "is"} in no snapshot${all}. ${many ? "Are they" : "Is it"} spelled as on this machine?`
    }
    const missing = `${paths} ${many ? "are" : "is"} not in snapshot ${escapeName(this.snapshot)}; ${done}`
    if (this.through !== null) return `${missing}. ${throughText(this.through)}`
    if (first === "") return missing
    if (this.last === null) return `${missing}. No other snapshot has ${many ? first : "it"}`
    return `${missing}. ${first} was last in ${this.last}: give --snapshot ${this.last}`
  }
}

const restoredText = ({ directory, unreadable }: Restored): string => {
  const what = `all else that was asked for is restored to ${escapeName(directory)}`
  return unreadable === 0 ? what : `${what}, but for ${unreadable} that could not be read or written`
}

/** A path (a byte string) as it is named below a snapshot. */
export const inside = (path: string): string =>
  path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")

/** Of `paths` (byte strings) `missing` are not in the snapshot: where the first of those is. */
export const whereElse = Effect.fnUntraced(function* (
  session: BackupSession,
  paths: ReadonlyArray<string>,
  missing: ReadonlyArray<string>,
  snapshot: SnapshotRef,
  restored: Restored | null
) {
  const told = missing.length > 0 || paths.length > 1 ? missing : paths
  const [first] = told
  const why = first === undefined ? { last: null, through: null } : yield* whyMissing(session, snapshot, inside(first))
  return new NotInSnapshot({ snapshot, paths: told, restored: told.length < paths.length ? restored : null, ...why })
})
