// Whether two files hold the same, by reading both.
import { closeSync, constants, openSync, readSync } from "node:fs"
import { raw } from "./look.ts"
import { noteUnread } from "./unread.ts"

/** How long contents are compared for one answer; what is not known to be the same counts as different. Milliseconds. */
export const patience = 120_000

const open = (path: string): number => openSync(raw(path), constants.O_RDONLY | constants.O_NOFOLLOW)

/** Whether two files of the same size hold the same; `until` (of `performance.now`) ends the reading. */
export const sameContent = (a: string, b: string, until: number): boolean => {
  const files: Array<number> = []
  try {
    for (const path of [a, b]) files.push(open(path))
    const pieces = [Buffer.alloc(1024 * 1024), Buffer.alloc(1024 * 1024)] as const
    while (performance.now() < until) {
      const [one = 0, other = 0] = files.map((file, at) => readSync(file, pieces[at as 0 | 1]))
      if (one !== other || !pieces[0].subarray(0, one).equals(pieces[1].subarray(0, other))) return false
      if (one === 0) return true
    }
  } catch (cause) {
    noteUnread(a, cause)
  } finally {
    for (const file of files) closeSync(file)
  }
  return false
}
