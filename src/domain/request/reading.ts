// What a client may ask to read of its snapshots: parsed strictly and without dependencies, since the root helper does it at each request.
import { isSnapshotWord, type SnapshotRef } from "../snapshotName.ts"
import { encodeBase64url } from "./base64url.ts"
import { accept, type Parsed, refuse } from "./refusal.ts"

/** A path within a snapshot as a byte string: relative, no empty part, no `.` and no `..`; the snapshot's root is "". */
export type ReadingPath = string

/** The letters of find's -type: file, directory, symbolic link, character and block device, fifo, socket. */
export const fileTypes = ["f", "d", "l", "c", "b", "p", "s"] as const
export type FileType = (typeof fileTypes)[number]

/** What lies at a path, or in it where it is a directory. `details`: mode, owner, size, times and targets too. */
export interface Ls {
  readonly _tag: "ls"
  readonly snapshot: SnapshotRef
  readonly path: ReadingPath
  readonly details: boolean
  readonly recursive: boolean
  /** rows after which the answer is cut */
  readonly most: number
}

/** Names below `path` that a glob matches, by base name or, where it holds a slash, by whole path. */
export interface Find {
  readonly _tag: "find"
  readonly snapshot: SnapshotRef | "*"
  readonly path: ReadingPath
  /** a byte string */
  readonly pattern: string
  readonly details: boolean
  readonly most: number
  /** changed after or before: epoch seconds */
  readonly newer?: number
  readonly older?: number
  /** bytes */
  readonly atLeast?: number
  readonly atMost?: number
  readonly type?: FileType
}

/** Each distinct version of one path over all snapshots. */
export interface History {
  readonly _tag: "history"
  readonly path: ReadingPath
}

/** What is different in `to` from `from`, at `path` and below. */
export interface Diff {
  readonly _tag: "diff"
  readonly from: SnapshotRef
  readonly to: SnapshotRef
  readonly path: ReadingPath
  readonly most: number
}

/** One file's content, or a tar of a tree: raw bytes. */
export interface Raw {
  readonly _tag: "cat" | "dump"
  readonly snapshot: SnapshotRef
  readonly path: ReadingPath
}

export type Reading = Ls | Find | History | Diff | Raw

/** More rows than this are never asked for. */
export const mostRows = 10_000_000

/** The exit code of a reader that found nothing at the path; the client then asks when it last existed. */
export const pathMissing = 66

type Fields = { readonly [name: string]: unknown }
type Check<A> = (value: unknown) => A | undefined

const flag: Check<boolean> = (value) => (typeof value === "boolean" ? value : undefined)
const count =
  (most: number): Check<number> =>
  (value) =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= most ? value : undefined
const time: Check<number> = (value) => (typeof value === "number" && Math.abs(value) < 1e12 ? value : undefined)
const ref: Check<SnapshotRef> = (value) => (typeof value === "string" && isSnapshotWord(value) ? value : undefined)
const refOrAll: Check<SnapshotRef | "*"> = (value) => (value === "*" ? "*" : ref(value))
const type: Check<FileType> = (value) => fileTypes.find((one) => one === value)

const textBytes = (text: string): string => {
  let bytes = ""
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte)
  return bytes
}

/** A byte string travels as text where it is UTF-8, and else as the hexadecimal of its bytes in a list of one. */
const bytes: Check<string> = (value) => {
  if (typeof value === "string") return value.isWellFormed() ? textBytes(value) : undefined
  const [hex, ...more] = Array.isArray(value) ? (value as ReadonlyArray<unknown>) : []
  if (typeof hex !== "string" || more.length > 0 || !/^(?:[0-9a-f]{2})*$/.test(hex)) return undefined
  return hex.replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)))
}

const path: Check<ReadingPath> = (value) => {
  const text = bytes(value)
  if (text === undefined || text.length > 4096 || text.includes("\0")) return undefined
  const clean = text === "" || text.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  return clean ? text : undefined
}

const pattern: Check<string> = (value) => {
  const text = bytes(value)
  return text === undefined || text === "" || text.length > 4096 || text.includes("\0") ? undefined : text
}

const most = count(mostRows)
const size = count(Number.MAX_SAFE_INTEGER)

/** Each request's fields, in order; those of `may` need not be there. */
const forms = {
  ls: { must: { snapshot: ref, path, details: flag, recursive: flag, most }, may: {} },
  find: {
    must: { snapshot: refOrAll, path, pattern, details: flag, most },
    may: { newer: time, older: time, atLeast: size, atMost: size, type }
  },
  history: { must: { path }, may: {} },
  diff: { must: { from: ref, to: ref, path, most }, may: {} },
  cat: { must: { snapshot: ref, path }, may: {} },
  dump: { must: { snapshot: ref, path }, may: {} }
} as const satisfies Record<Reading["_tag"], { readonly must: object; readonly may: object }>

const fieldsOf = (json: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}

/** A reading request, or why it is none; null where the JSON is some other request. Never throws. */
export const parseReading = (json: string): Parsed<Reading> | null => {
  const given = fieldsOf(json)
  const tag = given?.["_tag"]
  if (given === undefined || typeof tag !== "string" || !Object.hasOwn(forms, tag)) return null
  const { may, must } = forms[tag as Reading["_tag"]]
  const found: Record<string, unknown> = { _tag: tag }
  for (const [name, check] of Object.entries<Check<unknown>>({ ...must, ...may })) {
    const there = Object.hasOwn(given, name)
    if (!there && name in may) continue
    const value = there ? check(given[name]) : undefined
    if (value === undefined) return refuse(`in a request to ${tag}, this is not as it must be`, name)
    found[name] = value
  }
  const odd = Object.keys(given).find((name) => !Object.hasOwn(found, name))
  return odd === undefined ? accept(found as unknown as Reading) : refuse(`a request to ${tag} has no`, odd)
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const wire = (value: string): string | ReadonlyArray<string> => {
  const raw = Uint8Array.from(value, (char) => char.charCodeAt(0))
  try {
    return decoder.decode(raw)
  } catch {
    return [Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("")]
  }
}

/** The JSON of a request: parseReading gives the same request back. */
export const printReading = (request: Reading): string =>
  JSON.stringify({
    ...request,
    path: wire(request.path),
    ...(request._tag === "find" ? { pattern: wire(request.pattern) } : {})
  })

/** The command line that carries a request to the server. */
export const readingLine = (request: Reading): string =>
  `byteback request ${encodeBase64url(new TextEncoder().encode(printReading(request)))}`
