// The line in fstab that mounts the store at boot.

/** How the store is mounted: nothing in it is ever run, and every copy of data is packed. */
export const storeOptions = ["noatime", "nosuid", "nodev", "noexec", "compress=zstd"] as const

/** An option that would let a host's own user delete snapshots; a store mounted with it is refused. */
export const forbiddenOption = "user_subvol_rm_allowed"

/** What of `storeOptions` is missing among the options of a mount; any compression by zstd will do. */
export const missingOptions = (options: ReadonlyArray<string>): ReadonlyArray<string> =>
  storeOptions.filter((wanted) =>
    wanted === "compress=zstd"
      ? !options.some((option) => /^compress(-force)?=zstd(:\d+)?$/.test(option))
      : !options.includes(wanted)
  )

const escapes: Record<string, string> = { " ": "\\040", "\t": "\\011", "\n": "\\012", "\\": "\\134" }

/** fstab's way to write blanks in a word. */
const escaped = (word: string): string => word.replace(/[ \t\n\\]/g, (char) => escapes[char] ?? char)

const unescaped = (word: string): string =>
  word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

export interface FstabEntry {
  readonly source: string
  readonly target: string
  readonly type: string
  readonly options: ReadonlyArray<string>
}

/** The entry that is mounted at a place, the last one where there are several. */
export const entryAt = (fstab: string, target: string): FstabEntry | null => {
  let found: FstabEntry | null = null
  for (const line of fstab.split("\n")) {
    const words = line.trim().split(/\s+/)
    const [source, place, type, options] = words
    if (source === undefined || place === undefined || type === undefined || source.startsWith("#")) continue
    if (unescaped(place).replace(/(?<=.)\/+$/, "") !== target) continue
    found = { source: unescaped(source), target, type, options: (options ?? "defaults").split(",") }
  }
  return found
}

export const formatEntry = (entry: FstabEntry): string =>
  `${escaped(entry.source)} ${escaped(entry.target)} ${entry.type} ${entry.options.join(",")} 0 0`

/** The same fstab with one more line at its end; nothing else of it changes. */
export const withEntry = (fstab: string, entry: FstabEntry): string =>
  `${fstab === "" || fstab.endsWith("\n") ? fstab : `${fstab}\n`}${formatEntry(entry)}\n`
