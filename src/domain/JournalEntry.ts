// A host's journal: what happened to its backups, one JSON object a line, oldest first.
import { Result, Schema } from "effect"

/** Epoch seconds of the server's clock. */
const at = Schema.Int

/** The host came to be, or got another key. `key` is the key's fingerprint. */
const Enrolled = Schema.TaggedStruct("enrolled", { at, uid: Schema.Int, key: Schema.String })

/**
 * A snapshot was taken. `transfer`: the exit code of the rsync whose data it holds, null where that is not known. `bytes`: new in it
 * since the one before (all of it in the first), `files`: how many it holds, where that could be told in time. `anomaly`: why it
 * looks wrong, where it does. `run`: what the host called the run that asked for it.
 */
export const SnapshotTaken = Schema.TaggedStruct("snapshot", {
  at,
  name: Schema.String,
  state: Schema.Literals(["complete", "incomplete"]),
  by: Schema.Literals(["host", "administrator"]),
  transfer: Schema.NullOr(Schema.Int),
  unreadable: Schema.optionalKey(Schema.Int),
  bytes: Schema.optionalKey(Schema.Int),
  files: Schema.optionalKey(Schema.Int),
  anomaly: Schema.optionalKey(Schema.String),
  run: Schema.optionalKey(Schema.String)
})
export type SnapshotTaken = typeof SnapshotTaken.Type

/** A snapshot was measured after it was taken: what is not said there. `anomaly`: why it looks wrong by that, where it does. */
const Counted = Schema.TaggedStruct("counted", {
  at,
  name: Schema.String,
  files: Schema.optionalKey(Schema.Int),
  bytes: Schema.optionalKey(Schema.Int),
  anomaly: Schema.optionalKey(Schema.String)
})

/** Nothing prunes this snapshot until then (null: until it is released). */
const Held = Schema.TaggedStruct("held", {
  at,
  name: Schema.String,
  until: Schema.NullOr(Schema.Int),
  why: Schema.String
})

/** Somebody has looked at this snapshot: it is neither held nor suspect any more. */
const Released = Schema.TaggedStruct("released", { at, name: Schema.String })

/** Pruning is about to delete this snapshot. Where nothing says `deleted` after it, that run was cut short. */
const Deleting = Schema.TaggedStruct("deleting", { at, name: Schema.String, why: Schema.String })

/** It is gone, and `freed` bytes with it, as measured. */
const Deleted = Schema.TaggedStruct("deleted", { at, name: Schema.String, freed: Schema.Int })

/** A run found no room and none was made for it; it stands until a snapshot is taken or a run is approved. */
const Refused = Schema.TaggedStruct("refused", {
  at,
  verdict: Schema.Literals(["suddenly larger", "no space"]),
  needs: Schema.Int,
  why: Schema.String
})

/** An administrator's leave for larger backups: up to `bytes` each (null: of any size), for so many runs. */
const Approved = Schema.TaggedStruct("approved", { at, bytes: Schema.NullOr(Schema.Int), runs: Schema.Int })

/** What an unfinished run had left in `current` was given back: it is the snapshot of this name again. `bytes` were in no snapshot. */
const Reset = Schema.TaggedStruct("reset", { at, name: Schema.String, bytes: Schema.Int })

/** Everything of the host is about to be deleted. Where nothing says `removed` after it, that was cut short. */
const Removing = Schema.TaggedStruct("removing", { at })

/** The host may no longer back up. */
const Removed = Schema.TaggedStruct("removed", { at, backups: Schema.Literals(["kept", "deleted"]) })

export const JournalEntry = Schema.Union([
  Enrolled,
  SnapshotTaken,
  Counted,
  Held,
  Released,
  Deleting,
  Deleted,
  Refused,
  Approved,
  Reset,
  Removing,
  Removed
])
export type JournalEntry = typeof JournalEntry.Type

/** A journal as it was read. `damaged` has the numbers (from 1) of lines that are no entry: all others still count. */
export interface Journal {
  readonly entries: ReadonlyArray<JournalEntry>
  readonly damaged: ReadonlyArray<number>
}

const json = Schema.fromJsonString(JournalEntry)
const decode = Schema.decodeUnknownResult(json)
const encode = Schema.encodeSync(json)

/** An entry's line, with its newline. */
export const formatEntry = (entry: JournalEntry): string => `${encode(entry)}\n`

/**
 * Reads a journal's text; never throws. A last line without its newline, cut off as the machine stopped, is damaged unless it is whole.
 * Empty lines do not count.
 */
export const parseJournal = (text: string): Journal => {
  const entries: Array<JournalEntry> = []
  const damaged: Array<number> = []
  const lines = text.split("\n")
  for (const [index, line] of lines.entries()) {
    if (line === "") continue
    const entry = decode(line)
    if (Result.isSuccess(entry)) entries.push(entry.success)
    else damaged.push(index + 1)
  }
  return { entries, damaged }
}
