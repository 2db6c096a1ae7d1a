// The one line by which the server refuses where no typed answer is possible: beside rsync, on stderr.
import { exitCode } from "./exitCode.ts"

/** A refusal as the client reads it: an exit code of the table, and the reason for people. */
export interface RefusalLine {
  readonly code: number
  readonly message: string
}

/**
 * The line, without its newline. It carries the exit code because rsync's client reports 12 for every smaller code of
 * the far end's, so that busy (11) would look like refused (12).
 */
export const refusalLine = ({ code, message }: RefusalLine): string => `byteback: ${message} (code ${code})`

const pattern = /^byteback: (.*?)(?: \(code (\d{1,3})\))?\r?$/gm

/** The last refusal in a program's stderr, or null. A line without a code counts as refused. */
export const findRefusal = (stderr: string): RefusalLine | null => {
  const last = [...stderr.matchAll(pattern)].at(-1)
  if (last === undefined) return null
  return { code: last[2] === undefined ? exitCode.refused : Number(last[2]), message: last[1] ?? "" }
}
