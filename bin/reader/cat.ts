// cat: the content of one file, as it was.
import { closeSync, constants, openSync, readSync } from "node:fs"
import { exitCode } from "../../src/domain/exitCode.ts"
import { escapeName } from "../../src/domain/escape.ts"
import type { Raw } from "../../src/domain/request/reading.ts"
import { natureOf } from "../../src/domain/storedStat.ts"
import { lookFor, raw, statXattr, targetOf, xattrsOf } from "./look.ts"
import { refuse, writeAll } from "./output.ts"

const names = {
  d: "is a directory; byteback ls lists it, byteback dump gives all of it",
  c: "is a device",
  b: "is a device",
  p: "is a fifo",
  s: "is a socket"
} as const

const piece = 1024 * 1024

/** Writes a file's content, at most `length` bytes of it: how many they were, and what kept the rest from being read. */
export const copyOut = (path: string, length: number): { readonly copied: number; readonly trouble: unknown } => {
  let copied = 0
  try {
    const file = openSync(raw(path), constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const bytes = Buffer.alloc(piece)
      while (copied < length) {
        const got = readSync(file, bytes, 0, Math.min(bytes.length, length - copied), null)
        if (got === 0) break
        writeAll(bytes.subarray(0, got))
        copied += got
      }
    } finally {
      closeSync(file)
    }
  } catch (trouble) {
    return { copied, trouble }
  }
  return { copied, trouble: null }
}

export const cat = ({ path }: Raw): void => {
  const found = lookFor(path)
  const type = natureOf(found, xattrsOf([path], "stat")(path).get(statXattr))?.type ?? "f"
  if (type === "l")
    return refuse(`it is a symbolic link to ${escapeName(targetOf(path), 300)}; ask for that`, exitCode.failed)
  if (type !== "f") return refuse(`it ${names[type]}`, exitCode.failed)
  const { copied, trouble } = copyOut(path, Infinity)
  if (trouble === null) return
  const code = (trouble as NodeJS.ErrnoException).code ?? "unknown"
  refuse(`the server cannot read it (${code}); ${copied} bytes came, try another snapshot`, exitCode.failed)
}
