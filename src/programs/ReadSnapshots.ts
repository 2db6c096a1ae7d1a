// Reads what lies in snapshots: rows that stream, or the bytes of a file or a tar of a tree.
import { Effect, Queue, Result, Schema, Stream } from "effect"
import { escapeName } from "../domain/escape.ts"
import { decodeLine, type End, type Row } from "../domain/ReadingAnswer.ts"
import type { Diff, Find, History, Ls, Raw, Reading } from "../domain/request/reading.ts"
import { type BackupSession, type ConversationError, PathMissing } from "../services/BackupServer.ts"
import { openSession, type SessionOptions } from "./connectToServer.ts"

/** The answer stopped in the middle: what came before was true, and is not all. */
export class AnswerCutShort extends Schema.TaggedError<AnswerCutShort>()("AnswerCutShort", {
  reason: Schema.Literals(["ended", "not-understood"])
}) {
  override get message() {
    return this.reason === "ended"
      ? "the connection ended in the middle of the answer; what was shown is not all, so ask again"
      : "the server answered with something that was not asked for, which was not shown; is its byteback newer than this one?"
  }
}

/** There is nothing at this path in the snapshot that was asked. */
export class NoSuchPath extends Schema.TaggedError<NoSuchPath>()("NoSuchPath", {
  path: Schema.String,
  snapshot: Schema.String,
  /** the last snapshot that has it, null where none has */
  last: Schema.NullOr(Schema.String)
}) {
  override get message() {
    const what = `${escapeName(`/${this.path}`, 400)} is not in ${this.snapshot}`
    return this.last === null
      ? `${what}${this.snapshot === "any snapshot" ? "" : ", and in no snapshot"}; byteback find --snapshot all looks for a name`
      : `${what}; the last snapshot that has it is ${this.last}`
  }
}

/** Which snapshots, by which way, and what of them. */
export interface ReadOptions<Request extends Reading> extends SessionOptions {
  readonly request: Request
}

/** A line that is longer is none of ours. */
const longestLine = 256 * 1024

/** Chunks that wait for whoever consumes the rows; the server waits when there are more. */
const ahead = 8

/** Rows as they come, each piece of the answer a few of them; the last is the trailer. */
const answer = (session: BackupSession, request: Reading) =>
  Stream.callback<ReadonlyArray<Row | End>, ConversationError | PathMissing | AnswerCutShort>(
    (queue) =>
      Effect.gen(function* () {
        const decoder = new TextDecoder()
        let rest = ""
        let ended = false
        let odd = false
        const take = (chunk: Uint8Array) => {
          const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n")
          rest = lines.pop() ?? ""
          const rows: Array<Row | End> = []
          for (const line of lines) {
            const decoded = decodeLine(line)
            if (odd || ended || Result.isFailure(decoded)) odd = true
            else {
              rows.push(decoded.success)
              ended = decoded.success._tag === "end"
            }
          }
          if (rest.length > longestLine) odd = true
          if (odd) rest = ""
          return rows.length === 0 ? Effect.void : Effect.asVoid(Queue.offer(queue, rows))
        }
        yield* session.read(request, take)
        if (odd) return yield* new AnswerCutShort({ reason: "not-understood" })
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

/** Where a request looked, in words. */
const place = (request: Reading): string => {
  if (request._tag === "history") return "any snapshot"
  if (request._tag === "diff") return `${request.from} or ${request.to}`
  return request.snapshot === "*" ? "any snapshot" : request.snapshot
}

const noSuchPath = Effect.fnUntraced(function* (session: BackupSession, request: Reading) {
  const last = request._tag === "history" ? null : yield* lastWith(session, request.path)
  return yield* new NoSuchPath({ path: request.path, snapshot: place(request), last })
})

/** The rows of an answer, in pieces, and `end` as the very last. Nothing is kept: a million rows take no more memory than some. */
export const readRows = (options: ReadOptions<Ls | Find | History | Diff>) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { session } = yield* openSession(options)
      return answer(session, options.request).pipe(
        Stream.catchTag("PathMissing", () => Stream.fromEffect(noSuchPath(session, options.request)))
      )
    })
  )

/** Hands the bytes over as they come; fails after some of them where the connection is lost. */
export const readBytes = Effect.fn("readBytes")(function* (
  options: ReadOptions<Raw> & { readonly onBytes: (chunk: Uint8Array) => Effect.Effect<void> }
) {
  const { session } = yield* openSession(options)
  yield* session
    .read(options.request, options.onBytes)
    .pipe(Effect.catchTag("PathMissing", () => noSuchPath(session, options.request)))
}, Effect.scoped)
