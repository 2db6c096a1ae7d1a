// What the server says of its snapshots' files: one line of JSON a row, and a trailer by which one knows that it was all.
import { Schema } from "effect"
import { bytesOfNamed, type NamedPath } from "./namedPath.ts"
import type { Raw, Reading } from "./request/reading.ts"

const Text = Schema.String.check(Schema.isMaxLength(32_768))

/** `path_b64` has the bytes where the path is not UTF-8; `path` is then escaped. Both begin with a slash. */
const At = { path: Text, path_b64: Schema.optionalKey(Schema.String.check(Schema.isBase64())) }

/**
 * What a long listing says: `type` one of find's letters, null where nobody asked, `?` where what is stored about it is garbage;
 * `mtime` in epoch seconds, `size` in bytes, `mode` the twelve lowest bits.
 */
const Details = {
  type: Schema.NullOr(Schema.Literals(["f", "d", "l", "c", "b", "p", "s", "?"])),
  size: Schema.optionalKey(Schema.Finite),
  mtime: Schema.optionalKey(Schema.Finite),
  links: Schema.optionalKey(Schema.Int),
  mode: Schema.optionalKey(Schema.Int),
  uid: Schema.optionalKey(Schema.Int),
  gid: Schema.optionalKey(Schema.Int),
  device: Schema.optionalKey(Schema.Tuple([Schema.Int, Schema.Int])),
  target: Schema.optionalKey(Text)
}

/** The first and the last snapshot of a row that stands for several, and how many they are. */
const Span = { first: Text, last: Text, snapshots: Schema.Int }

/** A file of one snapshot. */
export const Entry = Schema.TaggedStruct("entry", { ...At, ...Details })
export type Entry = typeof Entry.Type

/** A path that was found in some of all snapshots; its details are those of the last. */
const Found = Schema.TaggedStruct("found", { ...At, ...Details, ...Span })

/** One version of a file, in snapshots that follow each other. `as`: it was the same before, first in that snapshot. */
const Version = Schema.TaggedStruct("version", { ...Span, ...Details, as: Schema.optionalKey(Text) })

/** The file was not there in these snapshots, although it had been before. */
const Absent = Schema.TaggedStruct("absent", Span)

/** How one path differs. `renamed` has the old path in `from`. */
const Change = Schema.TaggedStruct("change", {
  change: Schema.Literals(["added", "removed", "renamed", "content", "metadata"]),
  ...At,
  type: Schema.NullOr(Schema.Literals(["f", "d"])),
  from: Schema.optionalKey(Text),
  from_b64: Schema.optionalKey(Schema.String.check(Schema.isBase64()))
})
export type Change = typeof Change.Type

export const Row = Schema.Union([Entry, Found, Version, Absent, Change])
export type Row = typeof Row.Type

/**
 * The last line. `cut`: why there would have been more. `unread`: files and directories that the server itself could not read, how
 * many and the first of them.
 */
const End = Schema.TaggedStruct("end", {
  rows: Schema.Int,
  cut: Schema.NullOr(Schema.Literals(["rows", "time", "memory"])),
  unread: Schema.optionalKey(Schema.Struct({ count: Schema.Int, paths: Schema.Array(Text) }))
})
export type End = typeof End.Type

/** Decodes one line. */
export const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Union([Row, End])))

/** The path that something was renamed from. */
export const renamedFrom = ({ from, from_b64 }: Change): NamedPath | null =>
  from === undefined ? null : { path: from, ...(from_b64 === undefined ? {} : { path_b64: from_b64 }) }

/**
 * Whether a row can be part of the answer to a request: of its kind, and of a path that was asked for. A server that says anything else
 * is not to be believed.
 */
export const isAnswerTo = (request: Exclude<Reading, Raw>): ((row: Row) => boolean) => {
  const top = request.path
  const within = (row: NamedPath): boolean => top === "" || `${bytesOfNamed(row)}/`.startsWith(`/${top}/`)
  switch (request._tag) {
    case "ls":
      return (row) => row._tag === "entry" && within(row)
    case "find": {
      const tag = request.snapshot === "*" ? "found" : "entry"
      return (row) => row._tag === tag && within(row)
    }
    case "history":
      return (row) => row._tag === "version" || row._tag === "absent"
    case "diff":
      return (row) => {
        if (row._tag !== "change") return false
        const old = renamedFrom(row)
        return within(row) || (old !== null && within(old))
      }
  }
}
