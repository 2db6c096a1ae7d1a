// cat: the content of one file, as it was.
import { closeSync, constants, openSync, readSync } from "node:fs"
import { exitCode } from "../../src/domain/exitCode.ts"
import { escapeName } from "../../src/domain/escape.ts"
import { pathMissing, type Raw } from "../../src/domain/request/reading.ts"
import { natureOf } from "../../src/domain/storedStat.ts"
import { look, raw, statXattr, targetOf, xattrsOf } from "./look.ts"
import { refuse, writeAll } from "./output.ts"

const names = {
  d: "is a directory; byteback ls lists it, byteback dump gives all of it",
  c: "is a device",
  b: "is a device",
  p: "is a fifo",
  s: "is a socket"
} as const

const piece = 1024 * 1024

/** Writes a file's content, at most `length` bytes of it; gives how many they were. */
export const copyOut = (path: string, length: number): number => {
  const file = openSync(raw(path), constants.O_RDONLY | constants.O_NOFOLLOW)
  const bytes = Buffer.alloc(piece)
  let copied = 0
  while (copied < length) {
    const got = readSync(file, bytes, 0, Math.min(bytes.length, length - copied), null)
    if (got === 0) break
    writeAll(bytes.subarray(0, got))
    copied += got
  }
  closeSync(file)
  return copied
}

export const cat = ({ path }: Raw): void => {
  const found = look(path) ?? refuse("there is nothing at that path", pathMissing)
  const type = natureOf(found, xattrsOf([path], "stat")(path).get(statXattr))?.type ?? "f"
  if (type === "l") refuse(`it is a symbolic link to ${escapeName(targetOf(path), 300)}; ask for that`, exitCode.failed)
  else if (type !== "f") refuse(`it ${names[type]}`, exitCode.failed)
  else copyOut(path, Infinity)
}
