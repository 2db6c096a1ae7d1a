// Whether a path, as something untrusted tells it, is a file below a directory: no link is followed, and nothing else is looked at.
import { lstatSync, type Stats } from "node:fs"

/**
 * So many directories are remembered: what is asked for one after the other mostly lies together. More than a path can have above it,
 * or each look into the depth would begin anew.
 */
const most = 10_000

/** Tells of byte strings relative to `top`, below which nothing changes, whether they name a regular file. */
export const filesBelow = (top: string): ((name: string) => boolean) => {
  const directories = new Map<string, boolean>()
  const start = Buffer.from(`${top}/`)
  /** What cannot be looked up for whatever reason (a part of it is no directory, or it is too long) is not there. */
  const look = (path: string): Stats | undefined => {
    try {
      return lstatSync(Buffer.concat([start, Buffer.from(path, "latin1")]), { throwIfNoEntry: false })
    } catch {
      return undefined
    }
  }
  const isDirectory = (path: string): boolean => {
    const known = directories.get(path)
    if (known !== undefined) return known
    const above = path.lastIndexOf("/")
    const is = (above === -1 || isDirectory(path.slice(0, above))) && look(path)?.isDirectory() === true
    if (directories.size >= most) directories.clear()
    // A copy: a part of a long text keeps all of it in memory.
    directories.set(Buffer.from(path, "latin1").toString("latin1"), is)
    return is
  }
  return (name) => {
    if (name.split("/").some((part) => part === "" || part === "." || part === "..")) return false
    const above = name.lastIndexOf("/")
    return (above === -1 || isDirectory(name.slice(0, above))) && look(name)?.isFile() === true
  }
}
