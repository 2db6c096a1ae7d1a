// What rsync's --out-format="%i %l %n" says of each file: what it is, what differs, and its exact name.

/** What the first word of a line says. */
export interface Change {
  readonly kind: "file" | "directory" | "link" | "device" | "special" | "deleted"
  /** not there before: there is nothing to compare */
  readonly isNew: boolean
  /** the content (a link's target) would be written */
  readonly writes: boolean
  /** content and attributes that differ, in rsync's letters: c s t p o g u a x */
  readonly differs: ReadonlySet<string>
}

export interface Itemized extends Change {
  /** bytes */
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

/** Reads the first word of a line, with or without a size after it; null where the line is none of these. */
export const readChange = (line: string): Change | null => {
  if (!isItemized(line)) return null
  if (line.startsWith("*")) return { kind: "deleted", isNew: false, writes: false, differs: new Set() }
  const attributes = line.slice(2, 11)
  return {
    kind: kinds[line[1]!]!,
    isNew: attributes.startsWith("+"),
    writes: /^[<>c]/.test(line),
    differs: new Set(attributes.replaceAll(/[.+ ?]/g, "").toLowerCase())
  }
}

/** Reads a whole line that has a size; null where it has not this form. */
export const readItemized = (line: string): Itemized | null => {
  const change = readChange(line)
  const match = /^(\d+) (.+)$/.exec(line.slice(12))
  return change === null || match === null ? null : { ...change, size: Number(match[1]), name: unescapeName(match[2]!) }
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

export const countChange = (before: Changes, item: Change): Changes => {
  if (item.kind === "deleted") return { ...before, deleted: before.deleted + 1 }
  if (item.isNew) return { ...before, created: before.created + 1 }
  if (item.kind === "directory") return before
  return item.writes
    ? { ...before, overwritten: before.overwritten + 1 }
    : { ...before, attributes: before.attributes + 1 }
}
