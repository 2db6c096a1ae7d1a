// What rsync's --out-format="%i %l %n" says of each file: what it is, what differs, and its exact name.

export interface Itemized {
  readonly kind: "file" | "directory" | "link" | "device" | "special" | "deleted"
  /** not there before, or gone: there is nothing to compare */
  readonly isNew: boolean
  /** content and attributes that differ, in rsync's letters: c s t p o g u a x */
  readonly differs: ReadonlySet<string>
  /** would be written as another name of a file that comes too */
  readonly isHardLink: boolean
  readonly size: number
  /** a byte string, relative, a directory's with a slash at its end */
  readonly name: string
}

/** A line that --out-format="%i ..." made, with sizes or without. */
export const isItemized = (line: string): boolean => /^([<>ch.*][fdLDS][^ ]{9}|\*deleting {2}) /.test(line)

const kinds: Record<string, Itemized["kind"]> = { f: "file", d: "directory", L: "link", D: "device", S: "special" }

/** Undoes rsync's escapes of unprintable bytes: `\#012`. A backslash that could be taken for one is escaped as well. */
const unescapeName = (name: string): string =>
  name.replaceAll(/\\#([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Null where the line is not of this form. */
export const readItemized = (line: string): Itemized | null => {
  const match = /^(?:([<>ch.])([fdLDS])([^ ]{9})|(\*deleting  )) (\d+) (.+)$/.exec(line)
  if (match === null) return null
  const [, update, letter = "", attributes = "", deleted, size, name = ""] = match
  return {
    kind: deleted === undefined ? kinds[letter]! : "deleted",
    isNew: deleted !== undefined || attributes.startsWith("+"),
    differs: new Set(attributes.replaceAll(/[.+ ?]/g, "").toLowerCase()),
    isHardLink: update === "h",
    size: Number(size),
    name: unescapeName(name)
  }
}

/** What a restore would do to what is there. Counts of names; directories count only where they are made. */
export interface Changes {
  readonly created: number
  /** content that is there now and would be written over */
  readonly overwritten: number
  /** only owner, mode, times and the like would change */
  readonly attributes: number
  readonly deleted: number
}

export const noChanges: Changes = { created: 0, overwritten: 0, attributes: 0, deleted: 0 }

export const countChange = (before: Changes, item: Itemized): Changes => {
  if (item.kind === "deleted") return { ...before, deleted: before.deleted + 1 }
  if (item.isNew) return { ...before, created: before.created + 1 }
  if (item.kind === "directory") return before
  const content = item.differs.has("c") || item.differs.has("s") || (item.kind === "file" && item.differs.has("t"))
  return content
    ? { ...before, overwritten: before.overwritten + 1 }
    : { ...before, attributes: before.attributes + 1 }
}
