// The grammar of the forced command: a line, and what follows it on stdin, into a Request or a refusal. Nothing throws.
import { isSnapshotWord, type SnapshotRef } from "../snapshotName.ts"
import { decodeBase64url } from "./base64url.ts"
import { checkText, isLonger, lex, maxLine, type Word } from "./lexer.ts"
import { print } from "./print.ts"
import { decodeQuotedPrintable } from "./quotedPrintable.ts"
import { accept, all, type Parsed, refuse } from "./refusal.ts"
import type {
  Complete,
  List,
  LongOption,
  Ping,
  Pull,
  Push,
  Request,
  Restore,
  Secluded,
  SecludedOf,
  SnapshotPath,
  Transfer,
  Typed
} from "./request.ts"
import { snapshotOf } from "./request.ts"
import { parsePullPath, parseSnapshotPath } from "./requestPath.ts"
import { protocol } from "../hello.ts"
import { type LongOptions, parseCluster, parseLongOption, pullOptions, pushOptions } from "./rsyncOptions.ts"

/** Bytes of JSON in a typed request. */
export const maxTyped = 64 * 1024

const typedPrefix = "byteback request "

/**
 * Parses what SSH_ORIGINAL_COMMAND held. A line is at most 16 KiB, and a typed one what 64 KiB become in base64url.
 * An accepted request prints to a line that parses to the same request.
 */
export const parse = (line: string): Parsed<Request> => {
  if (line.startsWith(typedPrefix)) return parseTyped(line.slice(typedPrefix.length))
  const words = lex(line, line.startsWith("byteback-re"))
  if (!words.ok) return words
  const [program, ...rest] = words.value
  switch (program?.text) {
    case "byteback-receive":
      return bounded(parseReceive(rest))
    case "byteback-restore":
      return bounded(parseRestore(rest))
    case "rsync":
      return bounded(parseRsync(texts(rest)))
    case "byteback-push":
      return bounded(parsePush(texts(rest)))
    default:
      return refuse("the command is not one that this server knows", program?.text ?? line)
  }
}

/**
 * Finishes a secluded request with what the client sent on stdin: arguments that end in a NUL each, and an empty one at
 * last. `bytes` is exactly that; what comes after it is rsync's protocol, so a reader takes single bytes until the
 * argument that it has just ended is empty, and gives up after maxSecluded.
 */
export const parseSecluded = (head: Secluded, bytes: Uint8Array): Parsed<Push | Pull | Restore> => {
  if (bytes.length > maxSecluded) return refuse(`the secluded arguments are longer than ${maxSecluded} bytes`)
  const text = decodeUtf8(bytes)
  if (text === undefined) return refuse("the secluded arguments are not UTF-8")
  const parts = text.split("\0")
  if (parts.pop() !== "" || parts.pop() !== "") return refuse("the secluded arguments do not end in an empty one")
  if (parts.shift() !== "rsync") return refuse('the secluded arguments do not begin with "rsync"')
  if (parts.includes("")) return refuse("an argument is empty")
  const checked = all(parts, checkText)
  if (!checked.ok) return checked
  return bounded(parseArguments(head.of, head, checked.value, unglob))
}

/** Bytes of secluded arguments. */
export const maxSecluded = maxLine

const texts = (words: ReadonlyArray<Word>): ReadonlyArray<string> => words.map((word) => word.text)

const bounded = <A extends Request>(parsed: Parsed<A>): Parsed<A> =>
  parsed.ok && isLonger(print(parsed.value), maxLine)
    ? refuse(`the command, in its plainest form, is longer than ${maxLine} bytes`)
    : parsed

const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const parseTyped = (payload: string): Parsed<Typed> => {
  if (payload.length > Math.ceil((maxTyped * 4) / 3)) return refuse(`a request is longer than ${maxTyped} bytes`)
  const bytes = decodeBase64url(payload)
  if (bytes === undefined || bytes.length === 0) return refuse("a request is not base64url", payload)
  const json = decodeUtf8(bytes)
  return json === undefined ? refuse("a request is not UTF-8") : accept({ _tag: "Typed", json })
}

const parseSnapshot = (word: string): Parsed<SnapshotRef | "*"> =>
  word === "*" || isSnapshotWord(word) ? accept(word) : refuse("not the name of a snapshot", word)

const parseReceive = (words: ReadonlyArray<Word>): Parsed<Ping | Complete | List> => {
  const rest = [...texts(words)]
  const take = (word: string): boolean => rest[0] === word && rest.shift() !== undefined
  for (const tag of ["Ping", "Complete"] as const)
    if (take(`--${tag.toLowerCase()}`)) {
      const verbose = take("--verbose")
      return rest[0] === undefined ? accept({ _tag: tag, verbose }) : refuse("a word too many", rest[0])
    }
  let snapshot: SnapshotRef | "*" = "*"
  if (take("--snapshot")) {
    const parsed = parseSnapshot(rest.shift() ?? "")
    if (!parsed.ok) return parsed
    snapshot = parsed.value
  }
  if (!take("--list")) return refuse("expected one of --ping, --complete and --list", rest[0])
  const everything = take("--all")
  const verbose = take("--verbose")
  const option = rest.find((word) => word.startsWith("-"))
  if (option !== undefined) return refuse("the option is not allowed here", option)
  const paths = parseOldPaths(rest)
  return paths.ok ? accept({ _tag: "List", snapshot, all: everything, verbose, paths: paths.value }) : paths
}

const parseOldPaths = (words: ReadonlyArray<string>): Parsed<ReadonlyArray<SnapshotPath>> =>
  words.length === 0
    ? refuse("no path was given")
    : all(words, (word) => {
        const text = decodeQuotedPrintable(word)
        return text === undefined ? refuse("the path is not quoted-printable", word) : parseSnapshotPath(text)
      })

const parseRestore = (words: ReadonlyArray<Word>): Parsed<Restore | Secluded> => {
  const rest = [...words]
  const seen = new Set<string>()
  let snapshot: SnapshotRef | "*" = "*"
  for (;;) {
    const option = rest[0]?.text
    if (option !== "--fake-super" && option !== "--snapshot" && option !== "--all") break
    if (seen.has(option)) return refuse("the option is given twice", option)
    seen.add(option)
    rest.shift()
    if (option !== "--snapshot") continue
    const parsed = parseSnapshot(rest.shift()?.text ?? "")
    if (!parsed.ok) return parsed
    snapshot = parsed.value
  }
  const pattern = rest.find((word) => word.pattern)
  if (pattern !== undefined) return refuse("patterns are not expanded in a restore", pattern.text)
  const [server, sender, ...args] = texts(rest)
  if (server !== "--server" || sender !== "--sender")
    return refuse("expected --server --sender", server === "--server" ? sender : server)
  return parseServer({ _tag: "Restore", snapshot, all: seen.has("--all") }, args)
}

const parseRsync = (words: ReadonlyArray<string>): Parsed<Push | Pull | Secluded> => {
  const rest = words[0] === "--fake-super" ? words.slice(1) : words
  if (rest[0] !== "--server") return refuse("expected --server", rest[0])
  return rest[1] === "--sender"
    ? parseServer({ _tag: "Pull" }, rest.slice(2))
    : parseServer({ _tag: "Push" }, rest.slice(1))
}

/** A push that says which protocol it is of, so that nothing but a server of ours takes it, and begins without first words. */
const parsePush = (words: ReadonlyArray<string>): Parsed<Push | Secluded> => {
  const spoken = /^--protocol=(0|[1-9]\d{0,8})$/.exec(words[0] ?? "")
  if (spoken === null) return refuse("expected --protocol=N", words[0])
  const number = Number(spoken[1])
  if (number < protocol.oldest || number > protocol.current)
    return refuse(`this server's protocol is ${protocol.current}; client and server are too far apart`, words[0])
  return words[1] === "--server" ? parseServer({ _tag: "Push" }, words.slice(2)) : refuse("expected --server", words[1])
}

type Transferred<Of extends SecludedOf> = Extract<Push | Pull | Restore, { _tag: Of["_tag"] }>

/** What follows --server [--sender]. */
const parseServer = <Of extends SecludedOf>(
  of: Of,
  words: ReadonlyArray<string>
): Parsed<Transferred<Of> | Secluded> => {
  const first = words[0] ?? ""
  if (!/^-(?!-)/.test(first)) return parseArguments(of, { letters: "", client: "" }, words, accept)
  const cluster = parseCluster(first, of._tag)
  if (!cluster.ok) return cluster
  const { client, letters, secluded } = cluster.value
  if (!secluded) return parseArguments(of, { letters, client }, words.slice(1), accept)
  return words[1] === undefined
    ? accept({ _tag: "Secluded", of, letters, client })
    : refuse("a word too many before secluded arguments", words[1])
}

/** LONG* "." and what follows it. `read` undoes what a client did to a path so that it would arrive. */
const parseArguments = <Of extends SecludedOf>(
  of: Of,
  cluster: { readonly letters: string; readonly client: string },
  words: ReadonlyArray<string>,
  read: (word: string) => Parsed<string>
): Parsed<Transferred<Of>> => {
  const dot = words.indexOf(".")
  const options = parseOptions(dot < 0 ? words : words.slice(0, dot), of._tag === "Push" ? pushOptions : pullOptions)
  if (!options.ok) return options
  if (dot < 0) return refuse('expected "." after the options')
  const rest = words.slice(dot + 1)
  const option = rest.find((word) => word.startsWith("-"))
  if (option !== undefined) return refuse("a path may not begin with a hyphen", option)
  const { client, letters } = cluster
  const request = parsePaths(of, { letters, client, ...options.value }, rest, read)
  return request as Parsed<Transferred<Of>>
}

const parsePaths = (
  of: SecludedOf,
  transfer: Transfer,
  words: ReadonlyArray<string>,
  read: (word: string) => Parsed<string>
): Parsed<Push | Pull | Restore> => {
  if (of._tag === "Push")
    return words.length === 1
      ? accept({ _tag: "Push", ...transfer })
      : refuse(words.length === 0 ? "no destination was given" : "more than one destination", words[1])
  if (words.length === 0) return refuse("no path was given")
  const literal = all(words, read)
  if (!literal.ok) return literal
  if (of._tag === "Restore") {
    const paths = parseOldPaths(literal.value)
    return paths.ok
      ? accept({ _tag: "Restore", snapshot: of.snapshot, all: of.all, ...transfer, paths: paths.value })
      : paths
  }
  const paths = all(literal.value, parsePullPath)
  if (!paths.ok) return paths
  const request: Pull = { _tag: "Pull", ...transfer, paths: paths.value }
  const other = paths.value.find((path) => (path.snapshot ?? "latest") !== snapshotOf(request))
  return other === undefined
    ? accept(request)
    : refuse("one session restores from one snapshot; this is another", other.snapshot ?? "latest")
}

const parseOptions = (
  words: ReadonlyArray<string>,
  allowed: LongOptions
): Parsed<Pick<Transfer, "options" | "timeout">> => {
  const parsed = all(words, (word) => parseLongOption(word, allowed))
  if (!parsed.ok) return parsed
  const seen = new Set<string>()
  const options: Array<LongOption> = []
  let timeout: number | undefined
  for (const option of parsed.value) {
    if (seen.has(option.name)) return refuse("the option is given twice", option.name)
    seen.add(option.name)
    if (option.name === "--timeout") timeout = Number(option.value)
    else options.push(option)
  }
  return accept(timeout === undefined ? { options } : { options, timeout })
}

/**
 * A secluded path as rsync's server would read it: a part that holds `*`, `?` or `[` is a pattern, in which a backslash
 * makes the next character stand for itself; in any other part a backslash is a backslash. Patterns are not expanded.
 */
const unglob = (path: string): Parsed<string> => {
  const parts = all(path.split("/"), (part) => {
    if (!/[*?[]/.test(part)) return accept(part)
    return /(?<!\\)(?:\\\\)*[*?[]/.test(part)
      ? refuse("patterns are not expanded in a restore", path)
      : accept(part.replaceAll(/\\(.)/gu, "$1"))
  })
  return parts.ok ? accept(parts.value.join("/")) : parts
}
