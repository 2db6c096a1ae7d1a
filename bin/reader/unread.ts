// What the server itself could not read, as on a disk that fails: told at the end of an answer, so that nothing looks whole that is not.
import { escapeName } from "../../src/domain/escape.ts"

/** How many are told by name. */
const told = 3

const paths: Array<string> = []
let count = 0

/** Notes a path (a byte string) and why; what is gone, as in `current` while a backup runs, is no trouble. */
export const noteUnread = (path: string, cause: unknown): void => {
  const code = (cause as NodeJS.ErrnoException).code ?? "unknown"
  if (code === "ENOENT" || code === "ENOTDIR") return
  count += 1
  if (paths.length < told) paths.push(`${escapeName(Buffer.from(`/${path}`, "latin1"), 200)} (${code})`)
}

/** Null where all could be read; `paths` are the first few, escaped, each with the system's name of the trouble. */
export const unread = (): { readonly count: number; readonly paths: ReadonlyArray<string> } | null =>
  count === 0 ? null : { count, paths }
