// What rsync's --fake-super keeps of a file in its xattr user.rsync.%stat: `100644 8,1 1000:100`.
import type { FileType } from "./request/reading.ts"

/** Type and mode, device and owner of a file as it was on its host. */
export interface StoredStat {
  readonly type: FileType
  /** the twelve bits of rights and setuid, setgid, sticky */
  readonly mode: number
  /** major and minor; 0,0 for what is no device */
  readonly device: readonly [number, number]
  readonly uid: number
  readonly gid: number
}

/** The bits above the lowest twelve. */
const types: { readonly [bits: number]: FileType } = {
  0o10: "f",
  0o04: "d",
  0o12: "l",
  0o02: "c",
  0o06: "b",
  0o01: "p",
  0o14: "s"
}

/** Type and rights of a mode as stat tells it; null for a type that no file has. */
const splitMode = (mode: number): Pick<StoredStat, "type" | "mode"> | null => {
  const type = types[mode >> 12]
  return type === undefined ? null : { type, mode: mode & 0o7777 }
}

const pattern = /^([0-7]{4,6}) (\d{1,10}),(\d{1,10}) (\d{1,10}):(\d{1,10})$/
const end = 2 ** 32

/** Null for anything but what rsync writes: a client may have forged it. */
export const parseStoredStat = (text: string): StoredStat | null => {
  const [, octal = "", ...decimals] = pattern.exec(text) ?? []
  const [major = 0, minor = 0, uid = 0, gid = 0] = decimals.map(Number)
  if (octal === "" || [major, minor, uid, gid].some((number) => number >= end)) return null
  const split = splitMode(Number.parseInt(octal, 8))
  return split === null ? null : { ...split, device: [major, minor], uid, gid }
}

/** What is known of a stored file's nature: null where its xattr is garbage, or contradicts what lies there. */
export const natureOf = (
  found: { readonly mode: number; readonly uid: number; readonly gid: number },
  xattr: string | undefined
): StoredStat | null => {
  const real = splitMode(found.mode)
  if (real === null) return null
  if (xattr === undefined) return { ...real, device: [0, 0], uid: found.uid, gid: found.gid }
  const stored = parseStoredStat(xattr)
  return stored !== null && (stored.type === "d") === (real.type === "d") ? stored : null
}
