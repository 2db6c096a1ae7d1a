// Reads what lies in snapshots: rows that stream, or the bytes of a file or a tar of a tree.
import { Deferred, Effect, Queue, Result, Schema, Stream } from "effect"
import { bytesOfText, toUint8Array } from "../domain/byteString.ts"
import { escapeName } from "../domain/escape.ts"
import { namedPath } from "../domain/namedPath.ts"
import { decodeLine, type End, isAnswerTo, type Row } from "../domain/ReadingAnswer.ts"
import type { Diff, Find, History, Ls, Raw, Reading } from "../domain/request/reading.ts"
import type { SnapshotRef } from "../domain/snapshotName.ts"
import { type ThroughLink, throughLink, throughText } from "../domain/snapshotPath.ts"
import { type BackupSession, type ConversationError, PathMissing } from "../services/BackupServer.ts"
import { openSession, type SessionOptions } from "./connectToServer.ts"

/** The answer stopped in the middle: what came before was true, and is not all. */
export class AnswerCutShort extends Schema.TaggedError<AnswerCutShort>()("AnswerCutShort", {
  reason: Schema.Literals(["ended", "lost", "not-understood"]),
  /** what ssh said of a connection that was lost */
  detail: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const why = this.detail === undefined ? "" : ` (${this.detail})`
    return this.reason !== "not-understood"
      ? `the connection ended in the middle of the answer${why}; what came of it is not all, so ask again`
      : "the server answered with something that was not asked for, which was not shown; is its byteback newer than this one?"
  }
}

/** There is nothing at this path in the snapshot that was asked. */
export class NoSuchPath extends Schema.TaggedError<NoSuchPath>()("NoSuchPath", {
  path: Schema.String,
  snapshot: Schema.String,
  /** the last snapshot that has it, null where none has */
  last: Schema.NullOr(Schema.String),
  /** what leads elsewhere above it */
  through: Schema.NullOr(Schema.Struct({ link: Schema.String, target: Schema.String, ask: Schema.String }))
}) {
  override get message() {
    const what = `${escapeName(toUint8Array(`/${this.path}`), 400)} is not in ${this.snapshot}`
    if (this.through !== null) return `${what}: ${throughText(this.through)}`
    return this.last === null
      ? `${what}${this.snapshot === "any snapshot" ? "" : ", and in no snapshot"}; byteback find --snapshot all looks for a name`
      : `${what}; the last snapshot that has it is ${this.last}`
  }
}

/** Which snapshots, by which way, and what of them. */
export interface ReadOptions<Request extends Reading> extends SessionOptions {
  readonly request: Request
}

/** Reads, and says so where the connection is lost after some of the answer has come. */
const readWhole = (session: BackupSession, request: Reading, take: (chunk: Uint8Array) => Effect.Effect<void>) => {
  let begun = false
  const onAnswer = (chunk: Uint8Array) => {
    begun ||= chunk.length > 0
    return take(chunk)
  }
  return Effect.catchTag(session.read(request, onAnswer), "SshError", (error) =>
    Effect.fail(begun ? new AnswerCutShort({ reason: "lost", detail: error.message }) : error)
  )
}

/** A line that is longer is none of ours. */
const longestLine = 256 * 1024

/** Chunks that wait for whoever consumes the rows; the server waits when there are more. */
const ahead = 8

/** Rows as they come, each piece of the answer a few of them; the last is the trailer. */
const answer = (session: BackupSession, request: Exclude<Reading, Raw>) =>
  Stream.callback<ReadonlyArray<Row | End>, ConversationError | PathMissing | AnswerCutShort>(
    (queue) =>
      Effect.gen(function* () {
        const decoder = new TextDecoder()
        let rest = ""
        let ended = false
        let odd = false
        // A server that says what it should not may never stop.
        const notUnderstood = yield* Deferred.make<never, AnswerCutShort>()
        let count = 0
        const asked = isAnswerTo(request)
        const most = request._tag === "history" ? Infinity : request.most
        const fits = (row: Row | End): boolean => {
          if (row._tag === "end") return row.rows === count
          count += 1
          return count <= most && asked(row)
        }
        const take = (chunk: Uint8Array) => {
          const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n")
          rest = lines.pop() ?? ""
          const rows: Array<Row | End> = []
          for (const line of lines) {
            const decoded = decodeLine(line)
            if (odd || ended || Result.isFailure(decoded) || !fits(decoded.success)) odd = true
            else {
              rows.push(decoded.success)
              ended = decoded.success._tag === "end"
            }
          }
          if (rest.length > longestLine) odd = true
          const told = rows.length === 0 ? Effect.void : Effect.asVoid(Queue.offer(queue, rows))
          if (!odd) return told
          rest = ""
          return Effect.andThen(told, Deferred.fail(notUnderstood, new AnswerCutShort({ reason: "not-understood" })))
        }
        yield* Effect.raceFirst(readWhole(session, request, take), Deferred.await(notUnderstood))
        if (odd) return yield* Deferred.await(notUnderstood)
        if (!ended) return yield* new AnswerCutShort({ reason: "ended" })
        yield* Queue.end(queue)
      }),
    { bufferSize: ahead, strategy: "suspend" }
  )

const lastWith = (session: BackupSession, path: string) =>
  answer(session, { _tag: "history", path }).pipe(
    Stream.runFold(
      (): string | null => null,
      (last, rows) => rows.findLast((row) => row._tag === "version")?.last ?? last
    ),
    Effect.orElseSucceed(() => null)
  )

/** The first row of what lies at a path, or null for nothing. */
const firstRow = (session: BackupSession, snapshot: SnapshotRef, path: string) =>
  answer(session, { _tag: "ls", snapshot, path, details: true, recursive: false, most: 1 }).pipe(
    Stream.runFold(
      (): Row | null => null,
      (first, rows) => first ?? rows.find((row) => row._tag === "entry") ?? null
    ),
    Effect.map((row) => ({ row })),
    Effect.catchTag("PathMissing", () => Effect.succeed(null))
  )

/** A link among the directories that a path names: what lies nearest above it is looked for, from below. */
const linkAbove = Effect.fnUntraced(function* (session: BackupSession, snapshot: SnapshotRef, path: string) {
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    const above = path.slice(0, end)
    const found = yield* firstRow(session, snapshot, above)
    if (found === null) continue
    const { row } = found
    const isLink = row?._tag === "entry" && row.type === "l" && row.path === namedPath(`/${above}`).path
    return isLink ? throughLink(path, above, bytesOfText(row.target ?? "")) : null
  }
  return null
})

/** Why there is nothing at the path: a link that leads elsewhere, or the last snapshot that has it. */
export const whyMissing = Effect.fnUntraced(function* (session: BackupSession, snapshot: SnapshotRef, path: string) {
  const through: ThroughLink | null = yield* Effect.orElseSucceed(linkAbove(session, snapshot, path), () => null)
  return { through, last: through === null ? yield* lastWith(session, path) : null }
})

/** Where a request looked, in words. */
const place = (request: Reading): string => {
  if (request._tag === "history") return "any snapshot"
  if (request._tag === "diff") return `${request.from} or ${request.to}`
  return request.snapshot === "*" ? "any snapshot" : request.snapshot
}

/** The one snapshot of those that a request looked in where a link above the path would be looked for. */
const lookedIn = (request: Reading): SnapshotRef => {
  if (request._tag === "diff") return request.to
  return request._tag === "history" || request.snapshot === "*" ? ("latest" as SnapshotRef) : request.snapshot
}

const noSuchPath = Effect.fnUntraced(function* (session: BackupSession, request: Reading) {
  const { path } = request
  return yield* new NoSuchPath({
    path,
    snapshot: place(request),
    ...(yield* whyMissing(session, lookedIn(request), path))
  })
})

/** Nearly always one command is all that is said. */
const oneCommand = { late: true } as const

/** The rows of an answer, in pieces, and `end` as the very last. Nothing is kept: a million rows take no more memory than some. */
export const readRows = (options: ReadOptions<Ls | Find | History | Diff>) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { session } = yield* openSession(options, oneCommand)
      return answer(session, options.request).pipe(
        Stream.catchTag("PathMissing", () => Stream.fromEffect(noSuchPath(session, options.request)))
      )
    })
  )

/** Hands the bytes over as they come; fails after some of them where the connection is lost. */
export const readBytes = Effect.fn("readBytes")(function* (
  options: ReadOptions<Raw> & { readonly onBytes: (chunk: Uint8Array) => Effect.Effect<void> }
) {
  const { session } = yield* openSession(options, oneCommand)
  yield* Effect.catchTag(readWhole(session, options.request, options.onBytes), "PathMissing", () =>
    noSuchPath(session, options.request)
  )
}, Effect.scoped)
