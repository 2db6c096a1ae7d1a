// Which files of a machine belong in its backup: rsync filter rules from the mount table and the configuration.
import { bytesOfText } from "./byteString.ts"
import { partialDirectory } from "./rsync/pullArgv.ts"

/** Filesystems whose files lie on a disk of this machine and can be written back there. */
const onLocalDisk = new Set(
  (
    "btrfs ext2 ext3 ext4 reiserfs reiser4 xfs nilfs nilfs2 jfs zfs f2fs bcachefs rootfs " +
    "vfat exfat ntfs ntfs3 fuseblk hfsplus ufs minix"
  ).split(" ")
)

/** Filesystems whose very mount point may not answer to root, or fail: not even an empty directory is kept of these. */
const mayNotAnswer = /^(fuse(\..*)?|nfs\d?|cifs|smb3|smbfs|9p|ceph|afs|ncpfs|coda|lustre|davfs)$/

/** What the kernel makes, whatever else is said. */
const always = ["/dev", "/proc", "/run", "/sys"]

/**
 * Do these names in a snapshot's root (a directory's with a slash at its end) say that all of the machine was backed up?
 * Only then is what the root lacks new on the machine; else it was never asked for.
 */
export const isWholeMachine = (names: ReadonlyArray<string>): boolean =>
  always.every((directory) => names.includes(`${directory.slice(1)}/`))

const junkDirectories = ["/tmp", "/var/tmp", "/var/cache/apt/archives", "/var/backups/localhost"]
const junkFiles = ["/swap.file"]

/**
 * Users' own xattrs in fake-super's namespace would come back from a restore as real capabilities, so they are never
 * sent. POSIX ACLs travel as ACLs, not as xattrs; rsync forgets that default once there is an xattr rule. The last rule
 * is for the far end: rsync 3.5.0 under fake-super takes the ACLs that it has just kept for a directory as xattrs for
 * surplus ones of the source, and deletes them, wherever the directory has an xattr of its own as well.
 */
const xattrRules = ["-xs user.rsync.*", "-xs system.*", "-xr user.rsync.%*"]

/** What the rules are made of. Texts of files are byte strings, since names need not be UTF-8. */
export interface FilterSources {
  /** /proc/self/mountinfo */
  readonly mountinfo: string
  /** absolute paths that the backup starts from */
  readonly sources: ReadonlyArray<string>
  /** patterns of the command line and of the excludes file */
  readonly excludes: ReadonlyArray<string>
  /** lines of rsync_filter */
  readonly rsyncFilter: ReadonlyArray<string>
}

/** A line of mountinfo: `id parent major:minor root POINT options [tag...] - TYPE source options`. */
const mountLine = /^\d+ \d+ \d+:\d+ \S+ (\S+) \S+ (?:\S+ )*?- (\S+) /

const unescape = (escaped: string): string =>
  escaped.replaceAll(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

const isWithin = (path: string, directory: string): boolean =>
  directory === "/" || `${path}/`.startsWith(`${directory}/`)

/** The mount points of a mountinfo, as byte strings. */
export const mountPoints = (mountinfo: string): ReadonlySet<string> =>
  new Set(mountinfo.split("\n").flatMap((line) => unescape(mountLine.exec(line)?.[1] ?? "") || []))

/** Mount points and their types, but for those below `always`; of several mounts at one place the last hides the others. */
const mountTable = (mountinfo: string): ReadonlyMap<string, string> => {
  const table = new Map<string, string>()
  for (const line of mountinfo.split("\n")) {
    const match = mountLine.exec(line)
    if (match?.[1] === undefined || match[2] === undefined || match[1].endsWith("//deleted")) continue
    const point = unescape(match[1])
    if (!always.some((directory) => isWithin(point, directory))) table.set(point, match[2])
  }
  return table
}

/** A name as a pattern that matches only it. A line end cannot stand in a rule, so `?` stands for it. */
const literally = (path: string): string => {
  if (!/[*?[\r\n]/.test(path)) return path
  return path.replaceAll(/[*?[\\]/g, (char) => `\\${char}`).replaceAll(/[\r\n]/g, "?")
}

/** Like `literally`, in a pattern that has a wildcard elsewhere, where rsync takes a backslash for an escape. */
const besideWildcard = (path: string): string =>
  path.replaceAll(/[*?[\\]/g, (char) => `\\${char}`).replaceAll(/[\r\n]/g, "?")

/** Leaves a directory out but for itself, so that a restore has a place to mount on. */
const emptied = (directory: string): string => `- ${besideWildcard(directory)}/*`

/** The directories above a path, nearest first, down to `/`. */
const ancestors = (path: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) found.push(path.slice(0, at))
  return path === "/" ? [] : [...found, "/"]
}

/** The rules that leave out what is not on a local disk, but let through to local disks mounted below that. */
const mountRules = (mountinfo: string, sources: ReadonlyArray<string>): ReadonlyArray<string> => {
  const table = mountTable(mountinfo)
  const isOpen = (point: string, type: string) => point === "/" || onLocalDisk.has(type) || sources.includes(point)
  const nearestMount = (path: string) => ancestors(path).find((above) => table.has(above))
  const isShut = (point: string) => !isOpen(point, table.get(point) ?? "rootfs")

  const passages = new Set<string>()
  for (const [point, type] of table) {
    if (!isOpen(point, type)) continue
    const way = [point]
    for (const above of ancestors(point)) {
      const mount = table.has(above) ? above : nearestMount(above)
      if (mount === undefined || !isShut(mount)) break
      way.push(above)
    }
    if (way.length > 1) for (const directory of way) passages.add(directory)
  }

  const through: Array<string> = []
  const leftOut: Array<string> = []
  for (const point of table.keys()) {
    if (!isShut(point)) continue
    const type = table.get(point) ?? ""
    if (!passages.has(point) && mayNotAnswer.test(type)) {
      if (!sources.some((source) => isWithin(source, point))) leftOut.push(`- ${literally(point)}`)
    } else {
      leftOut.push(emptied(point))
    }
  }
  for (const directory of passages) {
    const above = nearestMount(directory)
    if (above !== undefined && isShut(above)) through.push(`+ ${literally(directory)}/`)
    if (!table.has(directory)) leftOut.push(emptied(directory))
  }
  return [...through, ...leftOut]
}

const isComment = (line: string): boolean => line.trim() === "" || /^[#;]/.test(line)

/** An exclude pattern as a rule. As with rsync's --exclude, a pattern may bring its own sign. */
const excludeRule = (pattern: string): string => (/^[+-] /.test(pattern) ? pattern : `- ${pattern}`)

/**
 * rsync's filter rules in the order in which the first that matches wins, in merge-file form, as byte strings.
 *
 * /dev /proc /run /sys are always left out, then what the administrator excludes, junk that no restore needs, and
 * every mount that is not on a local disk. A source itself is always taken, whatever it is mounted from. Mount points
 * and emptied directories stay as empty directories where they can be looked at. `rsyncFilter` comes last; a line `!`
 * in it drops everything before it, as in rsync, but for the rule that guards the restoring machine.
 */
export const filterRules = ({ mountinfo, sources, excludes, rsyncFilter }: FilterSources): ReadonlyArray<string> => {
  const taken = sources.map(bytesOfText)
  const reset = rsyncFilter.findLastIndex((line) => /^(!|clear)\s*$/.test(line))
  const own = rsyncFilter.slice(reset + 1).filter((line) => !isComment(line))
  if (reset >= 0) return [...xattrRules, ...own]
  return [
    ...xattrRules,
    ...always.map(emptied),
    ...excludes.map(excludeRule),
    ...junkDirectories.filter((directory) => !taken.includes(directory)).map(emptied),
    ...junkFiles.filter((file) => !taken.includes(file)).map((file) => `- ${file}`),
    `- ${partialDirectory}/`,
    ...mountRules(mountinfo, taken),
    ...own
  ]
}

/**
 * The same rules for a restore that deletes: what a backup leaves out is in no snapshot, and may not go from the machine
 * for that. Rules of any other form stand as they are.
 */
export const protectingRules = (rules: ReadonlyArray<string>): ReadonlyArray<string> =>
  rules
    .filter((rule) => !xattrRules.includes(rule))
    .map((rule) => rule.replace(/^(?:-|exclude) /, "P ").replace(/^(?:\+|include) /, "R "))

/** The rules as rsync reads them from its stdin. */
export const rulesText = (rules: ReadonlyArray<string>): string => rules.map((rule) => `${rule}\n`).join("")
