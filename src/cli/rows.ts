// Prints rows as they come: lines for people with everything escaped, or an object a line.
import { Console, Effect, Stream } from "effect"
import { Flag } from "effect/cli"
import { escapedJson, escapeName, escapeText } from "../domain/escape.ts"
import type { End, Entry, Row } from "../domain/ReadingAnswer.ts"
import { exitCode } from "../domain/exitCode.ts"
import { mostRows } from "../domain/request/reading.ts"
import { Ended } from "./outcome.ts"
import { localTime } from "./units.ts"

export const limit = Flag.Int("limit").pipe(
  Flag.withDefault(10_000),
  Flag.map((rows) => Math.min(Math.max(0, rows), mostRows)),
  Flag.withDescription("how many rows to print at most; it is said when there are more")
)

const triad = (bits: number, special: string | null): string => {
  const execute = (bits & 1) === 1
  const last = special === null ? (execute ? "x" : "-") : execute ? special : special.toUpperCase()
  return `${(bits & 4) === 0 ? "-" : "r"}${(bits & 2) === 0 ? "-" : "w"}${last}`
}

/** `-rwxr-xr-x`, as ls prints it; unknown rights are question marks. */
const rights = (type: string, mode: number | undefined): string => {
  const letter = type === "f" ? "-" : type
  if (mode === undefined) return `${letter}?????????`
  const special = (bit: number, name: string) => ((mode & bit) === 0 ? null : name)
  return [
    letter,
    triad(mode >> 6, special(0o4000, "s")),
    triad(mode >> 3, special(0o2000, "s")),
    triad(mode, special(0o1000, "t"))
  ].join("")
}

/** Rights, links, owner, size and time of an entry, in columns. */
export const longColumns = (row: Omit<Entry, "_tag" | "path" | "path_b64">): string => {
  const size = row.device === undefined ? String(row.size ?? "?") : row.device.join(",")
  const owner = `${row.uid ?? "?"} ${row.gid ?? "?"}`
  const time = row.mtime === undefined || Math.abs(row.mtime) > 8e12 ? "?" : localTime(row.mtime)
  const links = String(row.links ?? "?").padStart(3)
  return `${rights(row.type ?? "?", row.mode)} ${links} ${owner.padStart(11)} ${size.padStart(12)} ${time.padEnd(16)}`
}

/** ` -> target` of a link. */
export const arrow = ({ target }: Pick<Entry, "target">): string =>
  target === undefined ? "" : ` -> ${escapeName(target)}`

const whyCut = {
  rows: "there are more; --limit shows them",
  time: "looking any further would take too long; name a directory or another pattern",
  memory: "more at once would take too much memory; name a directory, one snapshot or another pattern"
} as const

/** Prints all rows, and says on stderr where the answer was cut. Gives the trailer. */
export const printRows = <E, R>(
  pieces: Stream.Stream<ReadonlyArray<Row | End>, E, R>,
  json: boolean,
  line: (row: Row) => string
) => {
  let end: End = { _tag: "end", rows: 0, cut: null }
  return pieces.pipe(
    Stream.runForEach((rows) => {
      const lines: Array<string> = []
      for (const row of rows) {
        if (row._tag === "end") end = row
        if (json) lines.push(escapedJson(row))
        else if (row._tag !== "end") lines.push(line(row))
      }
      return lines.length === 0 ? Effect.void : Console.log(lines.join("\n"))
    }),
    Effect.andThen(
      Effect.suspend(() => {
        const { cut, rows, unread } = end
        const said: Array<string> = []
        if (cut !== null) said.push(`byteback: cut after ${rows} rows: ${whyCut[cut]}`)
        if (unread !== undefined) {
          const which = unread.paths.map((path) => escapeText(path)).join(", ")
          const others = unread.count > unread.paths.length ? ` and ${unread.count - unread.paths.length} more` : ""
          said.push(`byteback: the server could not read ${which}${others}, so this is not all; tell its administrator`)
        }
        return said.length === 0 || json ? Effect.void : Console.error(said.join("\n"))
      })
    ),
    Effect.flatMap(() => (end.unread === undefined ? Effect.succeed(end) : new Ended({ code: exitCode.incomplete })))
  )
}
