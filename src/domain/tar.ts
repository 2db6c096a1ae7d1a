// Headers of a tar archive as GNU tar reads it: ustar, with pax records for what that cannot hold.

/** One entry. Names and values are byte strings. */
export interface TarEntry {
  /** relative, without a trailing slash */
  readonly name: string
  /** file, hard link, symbolic link, character device, block device, directory, fifo */
  readonly kind: "0" | "1" | "2" | "3" | "4" | "5" | "6"
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** bytes of content that follow the header */
  readonly size: number
  /** nanoseconds since 1970 */
  readonly mtime: bigint
  /** what a link points to, or is the same file as */
  readonly target: string
  readonly device: readonly [number, number]
  readonly xattrs: ReadonlyMap<string, string>
  /** as setfacl writes them; null where there is none */
  readonly acl: { readonly access: string | null; readonly default: string | null }
}

const block = 512

/** What an archive ends with. */
export const tarEnd = "\0".repeat(2 * block)

/** Zeros up to the next block, for content of this size. */
export const tarPadding = (size: number): string => "\0".repeat((block - (size % block)) % block)

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`

/** Octal where it fits, else GNU's binary form: the first bit set, the value big-endian. */
const numeric = (value: number, width: number): string => {
  if (value.toString(8).length < width) return octal(value, width)
  let text = ""
  let rest = value
  for (let at = 1; at < width; at += 1) {
    text = String.fromCharCode(rest % 256) + text
    rest = Math.floor(rest / 256)
  }
  return `\x80${text}`
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return `${length}${rest}`
}

const header = (entry: Omit<TarEntry, "xattrs" | "acl" | "mtime">, kind: string, seconds: number): string => {
  const fields = [
    entry.name.slice(0, 100).padEnd(100, "\0"),
    octal(entry.mode, 8),
    numeric(entry.uid, 8),
    numeric(entry.gid, 8),
    numeric(entry.size, 12),
    octal(seconds, 12),
    " ".repeat(8),
    kind,
    entry.target.slice(0, 100).padEnd(100, "\0"),
    "ustar\x0000",
    "\0".repeat(64),
    numeric(entry.device[0], 8),
    numeric(entry.device[1], 8)
  ]
  const plain = fields.join("").padEnd(block, "\0")
  let sum = 0
  for (let at = 0; at < block; at += 1) sum += plain.charCodeAt(at)
  return `${plain.slice(0, 148)}${sum.toString(8).padStart(6, "0")}\0 ${plain.slice(156)}`
}

/** An entry of the archive's own, about the one that follows it. */
const about = (kind: string, name: string, content: string): string => {
  const size = content.length
  const own = { name, kind: "0", mode: 0o644, uid: 0, gid: 0, size, target: "", device: [0, 0] } as const
  return `${header(own, kind, 0)}${content}${tarPadding(size)}`
}

/** GNU tar writes these two as escapes within a key. */
const key = (name: string): string => name.replaceAll("%", "%25").replaceAll("=", "%3D")

const decimal = (nanoseconds: bigint): string => {
  const positive = nanoseconds < 0n ? -nanoseconds : nanoseconds
  const fraction = (positive % 1_000_000_000n).toString().padStart(9, "0")
  return `${nanoseconds < 0n ? "-" : ""}${positive / 1_000_000_000n}.${fraction}`
}

const latestTime = 8n ** 11n - 1n

/**
 * All that stands before an entry's content: a byte string. Long names go the way of GNU's `L` and `K`, which carries any bytes,
 * where a pax path has to be UTF-8.
 */
export const tarHeader = (entry: TarEntry): string => {
  const seconds = entry.mtime < 0n ? 0n : entry.mtime / 1_000_000_000n
  const fits = seconds <= latestTime
  const records = [
    ...(entry.mtime % 1_000_000_000n === 0n && entry.mtime >= 0n && fits
      ? []
      : [record("mtime", decimal(entry.mtime))]),
    ...[...entry.xattrs].map(([name, value]) => record(`SCHILY.xattr.${key(name)}`, value)),
    ...(entry.acl.access === null ? [] : [record("SCHILY.acl.access", entry.acl.access)]),
    ...(entry.acl.default === null ? [] : [record("SCHILY.acl.default", entry.acl.default)])
  ]
  const name = entry.kind === "5" ? `${entry.name}/` : entry.name
  return [
    records.length === 0 ? "" : about("x", "pax", records.join("")),
    name.length <= 100 ? "" : about("L", "././@LongLink", `${name}\0`),
    entry.target.length <= 100 ? "" : about("K", "././@LongLink", `${entry.target}\0`),
    header({ ...entry, name }, entry.kind, fits ? Number(seconds) : 0)
  ].join("")
}
