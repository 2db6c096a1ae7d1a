// What a line says, read a second time and simply: split as a shell splits it, and every word taken at its word. It knows no
// option and refuses none; whether what it reads is allowed is for the grammar, but nothing else may be read into a line.
import type { LongOption, Request, Transfer } from "../../../src/domain/request/request.ts"
import type { SnapshotRef } from "../../../src/domain/snapshotName.ts"

/** A piece of a word: 'as it is', "nearly so", after a backslash, or plain, which no shell acts upon. */
const piece = /'([^']*)'|"((?:[^"\\$`]|\\[^])*)"|\\([^])|([^'"\\$`;&|<>() \t\n])/y

/** The words that a POSIX shell makes of a line, patterns unexpanded; null where it would do more than split it. */
export const shellWords = (line: string): ReadonlyArray<string> | null => {
  const words: Array<string> = []
  let word: string | undefined
  for (let at = 0; at < line.length;) {
    if (line[at] === " " || line[at] === "\t") {
      if (word !== undefined) words.push(word)
      word = undefined
      at += 1
      continue
    }
    if (word === undefined && /[~#]/.test(line[at]!)) return null
    piece.lastIndex = at
    const found = piece.exec(line)
    if (found === null) return null
    const [whole, single, double, escaped, plain] = found
    word ??= ""
    word += single ?? double?.replaceAll(/\\(?:\n|(["\\$`]))/g, "$1") ?? escaped?.replace("\n", "") ?? plain!
    at += whole.length
  }
  return word === undefined ? words : [...words, word]
}

/** A time that a calendar has, since 1970 and with a zone that there is. */
const real = (name: string): boolean => {
  const [, local, zone, hours, minutes] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(([+-]\d\d)(\d\d))$/.exec(name) ?? []
  if (local === undefined || Number(minutes) > 59 || Math.abs(Number(zone)) > 1400) return false
  const written = new Date(`${local}Z`)
  return (
    !Number.isNaN(written.getTime()) &&
    written.toISOString().startsWith(local) &&
    Date.parse(`${local}${hours}:${minutes}`) >= 0
  )
}

/** A path as a filesystem reads it from the top; only within it may a `.` stand, where rsync --relative reads it. */
const inside = (path: string): string =>
  path
    .replaceAll(/\/+/g, "/")
    .replace(/^(?:\.?\/)+/, "")
    .replace(/^\.?$/, ".")

/** Quoted-printable, read as the escapes of an address; as it stands where it is not. */
const unquoted = (word: string): string => {
  try {
    return decodeURIComponent(word.replaceAll("%", "%25").replaceAll("=", "%"))
  } catch {
    return word
  }
}

const long = (word: string): LongOption => {
  const [, name = word, value] = /^([^=]*)=([^]*)$/.exec(word.replace(/^-@/, "--modify-window=")) ?? []
  return value === undefined ? { name } : { name, value }
}

/** What follows --server [--sender], for a line that may hold each other thing only once. */
const transferOf = (words: ReadonlyArray<string>): (Transfer & { readonly args: ReadonlyArray<string> }) | null => {
  const dot = words.findIndex((word) => !word.startsWith("-"))
  const options = dot < 0 ? words : words.slice(0, dot)
  const args = dot < 0 ? [] : words.slice(dot + 1)
  const clusters = options.filter((word) => /^-[^-@]/.test(word))
  const times = options.filter((word) => word.startsWith("--timeout="))
  if ((dot >= 0 && words[dot] !== ".") || clusters.length > 1 || times.length > 1) return null
  if (args.some((word) => word.startsWith("-"))) return null
  const [, letters = "", client] = /^-([^e]*)(?:e([^]*))?$/.exec(clusters[0] ?? "") ?? []
  return client === ""
    ? null
    : {
        letters,
        client: client ?? "",
        options: options.filter((word) => !clusters.includes(word) && !times.includes(word)).map(long),
        ...(times[0] === undefined ? {} : { timeout: Number(times[0].slice("--timeout=".length)) }),
        args
      }
}

/** The request that a line speaks of, allowed or not; null where no request could hold all that it says. */
export const plainReading = (line: string): Request | null => {
  const [program, ...words] = shellWords(line) ?? []
  if (program === "byteback") {
    const [verb, payload = "", ...more] = words
    const json = Buffer.from(payload, "base64url")
    const whole = verb === "request" && more.length === 0 && json.toString("base64url") === payload
    return whole ? { _tag: "Typed", json: json.toString() } : null
  }
  /** Takes a word out, with `count - 1` that follow it. */
  const take = (word: string, count = 1): string | undefined => {
    const at = words.indexOf(word)
    return at < 0 ? undefined : words.splice(at, count).at(-1)
  }
  if (program === "byteback-receive") {
    const snapshot = take("--snapshot", 2)
    const verbose = take("--verbose") !== undefined
    const everything = take("--all") !== undefined
    for (const tag of ["Ping", "Complete"] as const)
      if (take(`--${tag.toLowerCase()}`) !== undefined)
        return words.length === 0 && snapshot === undefined && !everything ? { _tag: tag, verbose } : null
    if (take("--list") === undefined || words.some((word) => word.startsWith("-"))) return null
    const paths = words.map((word) => inside(unquoted(word)))
    return { _tag: "List", snapshot: (snapshot ?? "*") as SnapshotRef, all: everything, verbose, paths }
  }
  if (
    program === "byteback-push"
      ? take("--protocol=1") === undefined
      : !/^(?:rsync|byteback-restore)$/.test(program ?? "")
  )
    return null
  take("--fake-super")
  const old = program === "byteback-restore"
  const snapshot = (old ? (take("--snapshot", 2) ?? "*") : "*") as SnapshotRef
  const everything = old && take("--all") !== undefined
  if (take("--server") === undefined) return null
  const sends = take("--sender") !== undefined
  if (old && !sends) return null
  const of = old
    ? { _tag: "Restore" as const, snapshot, all: everything }
    : { _tag: sends ? ("Pull" as const) : ("Push" as const) }
  const transfer = transferOf(words)
  if (transfer === null) return null
  const { args, ...rest } = transfer
  if (rest.letters.includes("s"))
    return words.length === 1
      ? { _tag: "Secluded", of, letters: rest.letters.replace("s", ""), client: rest.client }
      : null
  if (of._tag === "Push") return args.length === 1 ? { _tag: "Push", ...rest } : null
  if (of._tag === "Restore") return { ...of, ...rest, paths: args.map((word) => inside(unquoted(word))) }
  const paths = args.map((word) => {
    const [, first = "", path = ""] = /^([^/]*)(?:\/([^]*))?$/.exec(inside(word)) ?? []
    return first === "current" || first === "latest" || real(first)
      ? { snapshot: first as SnapshotRef, path: inside(path) }
      : { path: inside(word) }
  })
  // A session stands in one directory.
  const snapshots = new Set(paths.map((path) => path.snapshot ?? "latest"))
  return snapshots.size > 1 ? null : { _tag: "Pull", ...rest, paths }
}
