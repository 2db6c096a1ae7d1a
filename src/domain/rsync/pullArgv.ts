// The rsync command line of a restore, and the server line that rsync makes of it.
import type { SnapshotRef } from "../snapshotName.ts"
import type { RemoteShell } from "./pushArgv.ts"

/** One restore of paths of one snapshot into a directory. */
export interface PullPlan {
  readonly server: RemoteShell
  /** rsync hands this to the far end's command line as it stands, so only a checked one will do */
  readonly snapshot: SnapshotRef
  /** what to fetch, as byte strings; a leading `/` is the snapshot's root, so `/` fetches everything */
  readonly paths: ReadonlyArray<string>
  /** absolute; each path lands below it under its full name, so that `/` puts everything where it was */
  readonly destination: string
  readonly acls: boolean
  readonly xattrs: boolean
  /** make device nodes; fifos and sockets come in any case */
  readonly devices: boolean
  /** what happens to a file that is there already; default: `if-changed` */
  readonly overwrite?: Overwrite
  /** delete what is below a directory of `paths` and not in the snapshot */
  readonly deletes?: boolean
  /** a file of filter rules in merge-file form */
  readonly filterFile?: string
  /** it holds rules that let in: with these a plan has one path, else none of its rules count */
  readonly filterIncludes?: boolean
  /** compare contents, not size and time alone */
  readonly checksum?: boolean
  /** look at what `paths` name, and not below directories */
  readonly namesOnly?: boolean
  /** seconds without any traffic after which rsync gives up */
  readonly ioTimeout: number
  readonly dryRun: boolean
  /** tell of progress after each file, which costs a moment for each */
  readonly progress: boolean
  /** print a line for each file (see `Observer.change`): for people, or `sized` for `readItemized` */
  readonly itemize: boolean | "sized"
}

export const overwrites = ["always", "if-changed", "if-newer", "never"] as const
/** if-changed: where size or time differ; if-newer: where the snapshot's is also the newer one. */
export type Overwrite = (typeof overwrites)[number]

const overwriteOption: Record<Overwrite, ReadonlyArray<string>> = {
  always: ["--ignore-times"],
  "if-changed": [],
  "if-newer": ["--update"],
  never: ["--ignore-existing"]
}

/** Where what has arrived of a file waits for the rest, beside the file's own place: no half file ever has a whole one's name. */
export const partialDirectory = ".byteback-partial"

/**
 * rsync's arguments; the paths go to its stdin (`pathList`), so that names may be any bytes and nothing in them is
 * ever a pattern.
 */
export const pullArgv = (plan: PullPlan): ReadonlyArray<string> => [
  "--archive",
  plan.namesOnly === true ? "--no-recursive" : "--recursive",
  "--hard-links",
  ...(plan.acls ? ["--acls"] : []),
  ...(plan.xattrs ? ["--xattrs"] : []),
  ...(plan.devices ? [] : ["--no-devices"]),
  ...overwriteOption[plan.overwrite ?? "if-changed"],
  ...(plan.deletes === true ? ["--delete-during"] : []),
  ...(plan.checksum === true ? ["--checksum"] : []),
  `--partial-dir=${partialDirectory}`,
  "--numeric-ids",
  "--modify-window=-1",
  "--sparse",
  "--stats",
  ...(plan.progress ? ["--info=progress2"] : []),
  "--no-human-readable",
  `--timeout=${plan.ioTimeout}`,
  ...(plan.dryRun ? ["--dry-run"] : []),
  ...(plan.itemize ? [plan.itemize === "sized" ? "--out-format=%i %l %n" : "--out-format=%i %n%L"] : []),
  ...filters(plan),
  "--files-from=-",
  // after the filters: rsync reads a merge file that follows it by NUL too
  "--from0",
  `--rsh=${plan.server.rsh}`,
  `--rsync-path=byteback-restore --fake-super --snapshot ${plan.snapshot}`,
  "--",
  `${plan.server.alias}:.`,
  plan.destination
]

const partsOf = (path: string): ReadonlyArray<string> => path.split("/").filter((part) => part !== "" && part !== ".")

/** With more paths than this rules for each would not fit a command line, and each path's first directory has to do. */
const mostRules = 300
/** The same of long paths: so many bytes the rules may take together. */
const mostBytes = 400_000

/** A path beside a wildcard, where a backslash escapes; what an argument can not carry for certain may be any byte. */
const escaped = (path: string): string => path.replaceAll(/[*?[\\]/g, "\\$&").replaceAll(/[^\x20-\x7e]/g, "?")

/** A path as a pattern that matches it: without any wildcard rsync takes a backslash as it stands. */
const pattern = (path: string): string => (/[*?[]|[^\x20-\x7e]/.test(path) ? escaped(path) : path)

/** Rules that let in the directories above a path. */
const above = (parts: ReadonlyArray<string>): ReadonlyArray<string> =>
  parts.slice(1).map((_, index) => `--include=/${pattern(parts.slice(0, index + 1).join("/"))}/`)

/**
 * The user's filter rules, and those that let through what is asked for, the directories above it, and nothing else; none of these
 * where everything is. rsync's receiver holds a server to them. By itself (3.5.0) it holds it to the list of files only once
 * that list has been sent: a server that does not wait for it may name what it likes. The first rule that matches decides, so the
 * user's may not keep out a directory that has to come, nor let in what was not asked for. rsync's rules have no "and":
 * what keeps out all but the paths, and leaves the rest to the rules that follow, can be said of one path only.
 */
const filters = ({ filterFile, filterIncludes = false, paths }: PullPlan): ReadonlyArray<string> => {
  const given = filterFile === undefined ? [] : [`--filter=merge ${filterFile}`]
  const wanted = paths.map(partsOf)
  if (wanted.some((parts) => parts.length === 0)) return given
  const size = wanted.reduce((sum, parts) => sum + parts.length * parts.join("/").length, 0)
  const coarse = wanted.length > mostRules || size > mostBytes
  const parents = [...new Set(wanted.flatMap((parts) => above(coarse ? parts.slice(0, 2) : parts)))]
  const names = wanted.map((parts) => (coarse ? parts.slice(0, 1) : parts).join("/"))
  const own = names.flatMap((path) => [`--include=/${pattern(path)}`, `--include=/${escaped(path)}/**`])
  const requested = [...new Set(own), "--exclude=*"]
  if (!filterIncludes) return [...parents, ...given, ...requested]
  const [path, ...more] = names.map(escaped)
  if (more.length > 0) return [...parents, ...requested]
  const outside = [`--filter=-! /${path}**`, `--filter=- /${path}[!/]**`]
  // Who names a directory and what of it to let in does not mean that it stays out itself.
  return [...parents, ...outside, `--include=/${pattern(names[0]!)}/`, ...given]
}

/**
 * Can rsync be asked for a path (a byte string) by itself? Of one with both a backslash and a wildcard its receiver (3.2.7 and
 * 3.5.0) makes another pattern than its sender, and refuses what it has asked for.
 */
export const isAskable = (path: string): boolean => !(path.includes("\\") && /[*?[]/.test(path))

/**
 * The paths as rsync reads them from stdin: relative to the snapshot's root, each ended by NUL. Null where a path
 * holds `..` or NUL, which the server would refuse.
 */
export const pathList = (paths: ReadonlyArray<string>): string | null => {
  let list = ""
  for (const path of paths) {
    const parts = partsOf(path)
    if (path.includes("\0") || parts.includes("..")) return null
    list += `${parts.join("/") || "."}\0`
  }
  return list
}
