// The backup server as a client sees it: one ssh connection, typed requests and their answers.
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import {
  type Answer,
  type Complete,
  type CompleteAnswer,
  commandLine,
  decodeAnswer,
  type EnrolAnswer,
  type HelloAnswer,
  type SnapshotsAnswer,
  type TypedRequest
} from "../domain/Conversation.ts"
import { escapeText } from "../domain/escape.ts"
import { exitCode, type ExitName } from "../domain/exitCode.ts"
import { incompatibility, protocol } from "../domain/hello.ts"
import { findRefusal } from "../domain/refusalLine.ts"
import { pathMissing, type Reading, readingLine } from "../domain/request/reading.ts"
import { encodeQuotedPrintable } from "../domain/request/quotedPrintable.ts"
import { snapshotTime } from "../domain/snapshotName.ts"
import { version } from "../domain/version.ts"
import { Ssh, type SshError, type SshSession, type SshTarget } from "./Ssh.ts"

/** An answer that takes longer does not come: a server must not be able to hold a client, and its lock, for ever. */
const patience = "1 hour"

const exitNames = Object.entries(exitCode) as ReadonlyArray<[ExitName, number]>

/** The server answered, and its answer is no. `due` (epoch seconds) is when it makes sense to come back. */
export class ServerRefused extends Schema.TaggedError<ServerRefused>()("ServerRefused", {
  code: Schema.Int,
  detail: Schema.String,
  due: Schema.NullOr(Schema.Int)
}) {
  override get message() {
    return this.detail
  }
  get exit(): ExitName {
    return exitNames.find(([, code]) => code === this.code)?.[0] ?? "failed"
  }
}

/** The two ends speak different protocols, or what came back is no answer at all. */
export class ServerIncompatible extends Schema.TaggedError<ServerIncompatible>()("ServerIncompatible", {
  reason: Schema.Literals(["server-too-old", "server-too-new", "no-answer"]),
  detail: Schema.String
}) {
  override get message() {
    switch (this.reason) {
      case "server-too-old":
        return `the server's byteback (${this.detail}) is too old for this client (${version}); no backup there was changed. Upgrade the server`
      case "server-too-new":
        return `the server's byteback (${this.detail}) is too new for this client (${version}); no backup there was changed. Upgrade this machine's byteback`
      case "no-answer":
        return `the server did not answer as a byteback server does${this.detail === "" ? "" : ` (it said: ${this.detail})`}; no backup there was changed. Is byteback 0.5 or newer set up there?`
    }
  }
  get exit(): ExitName {
    return "failed"
  }
}

/** There is nothing at the path that was asked for. */
export class PathMissing extends Schema.TaggedError<PathMissing>()("PathMissing", {}) {
  override get message() {
    return "there is nothing at that path"
  }
}

export type ConversationError = SshError | ServerRefused | ServerIncompatible

/** A connection that is open; everything said goes over the same one. */
export interface BackupSession {
  /** the remote shell command for rsync -e */
  readonly rsh: string
  /** what stands before the colon for rsync */
  readonly alias: string
  /** first words; fails where the two ends cannot understand each other */
  readonly hello: Effect.Effect<HelloAnswer, ConversationError>
  /** asks for a snapshot of what was pushed */
  readonly complete: (ended: Omit<Complete, "_tag">) => Effect.Effect<CompleteAnswer, ConversationError>
  readonly snapshots: Effect.Effect<SnapshotsAnswer, ConversationError>
  /** asks to read of the snapshots; the answer goes to `onAnswer` as it comes, which the server waits for */
  readonly read: (
    request: Reading,
    onAnswer: (chunk: Uint8Array) => Effect.Effect<void>
  ) => Effect.Effect<void, ConversationError | PathMissing>
  /** the dated snapshots that hold a path (absolute), as far as the server tells before its rows end */
  readonly holding: (path: string) => Effect.Effect<ReadonlyArray<string>, ConversationError>
  /** enrols this machine under a name; only an enrolment session may */
  readonly enrol: (host: string, publicKey: string) => Effect.Effect<EnrolAnswer, ConversationError>
}

export class BackupServer extends Context.Service<
  BackupServer,
  {
    /** Connects and logs in; the connection lasts until the scope closes. */
    readonly connect: (target: SshTarget) => Effect.Effect<BackupSession, SshError, Scope.Scope>
    /** The same as a host on the server that this machine is, for root: without ssh and without the host's key. */
    readonly local: (host: string) => Effect.Effect<BackupSession, SshError>
  }
>()("byteback/services/BackupServer") {
  static readonly layer = Layer.effect(
    BackupServer,
    Effect.gen(function* () {
      const ssh = yield* Ssh
      const sessionOver = (session: SshSession): BackupSession => {
        const ask = Effect.fn("BackupServer.ask")(function* <Tag extends Answer["_tag"]>(
          request: TypedRequest,
          tag: Tag
        ) {
          const { code, text, stderr } = yield* session.run(commandLine(request), { timeout: patience })
          // What answers at once, before anything is looked at, says no on stderr as it does to rsync, and ends with the code
          // that it says. Another program of ours, in an ordinary account, does not.
          const refused = text === "" ? findRefusal(stderr) : null
          if (refused?.code === code) {
            return yield* new ServerRefused({ code: refused.code, detail: escapeText(refused.message), due: null })
          }
          const answer = yield* Effect.mapError(
            decodeAnswer(text.trim()),
            () =>
              new ServerIncompatible({
                reason: "no-answer",
                detail: escapeText((stderr.trim().split("\n").at(-1) ?? "").slice(0, 200))
              })
          )
          if (answer._tag === "refusal") {
            return yield* new ServerRefused({
              code: answer.code,
              detail: escapeText(answer.message),
              due: answer.due
            })
          }
          if (answer._tag !== tag) {
            return yield* new ServerIncompatible({ reason: "no-answer", detail: `an answer to ${answer._tag}` })
          }
          return answer as Extract<Answer, { readonly _tag: Tag }>
        })

        const mine = { protocol: protocol.current, oldest: protocol.oldest, version }
        const hello = Effect.gen(function* () {
          const answer = yield* ask({ _tag: "hello", ...mine }, "hello")
          const reason = incompatibility(mine, answer)
          if (reason !== null) return yield* new ServerIncompatible({ reason, detail: escapeText(answer.version) })
          return answer
        })

        const read = Effect.fn("BackupServer.read")(function* (
          request: Reading,
          onAnswer: (chunk: Uint8Array) => Effect.Effect<void>
        ) {
          const { code, stderr } = yield* session.run(readingLine(request), { onStdout: onAnswer })
          if (code === 0) return
          if (code === pathMissing) return yield* new PathMissing()
          const refused = findRefusal(stderr)
          if (refused !== null) {
            return yield* new ServerRefused({ code: refused.code, detail: escapeText(refused.message), due: null })
          }
          const last = escapeText(stderr.trim().split("\n").at(-1) ?? "", 200)
          const detail = last === "" ? "ended without a word; is its byteback older than this one?" : last
          return yield* new ServerRefused({
            code,
            detail: `the server's reader ended with ${code}: ${detail}`,
            due: null
          })
        })

        return {
          read,
          rsh: session.rsh,
          alias: session.alias,
          hello,
          complete: (ended) => ask({ _tag: "complete", ...ended }, "complete"),
          snapshots: ask({ _tag: "snapshots" }, "snapshots"),
          holding: (path: string) =>
            Effect.map(
              session.run(`byteback-receive --snapshot * --list --all ${encodeQuotedPrintable(path, "")}`),
              ({ text }) => [
                ...new Set(
                  text.split("\n").flatMap((row) => {
                    const [name = ""] = row.split(" ", 1)
                    return snapshotTime(name) === undefined ? [] : [name]
                  })
                )
              ]
            ),
          enrol: (host: string, key: string) => ask({ _tag: "enrol", host, key }, "enrol")
        }
      }
      return BackupServer.of({
        connect: (target) => Effect.map(ssh.connect(target), sessionOver),
        local: (host) => Effect.map(ssh.local(host), sessionOver)
      })
    })
  )

  /** A server that answers from a function; a refusal is an answer too. */
  static readonly layerFake = (answers: Partial<Omit<BackupSession, "rsh" | "alias">>) => {
    const silent = Effect.fail(new ServerIncompatible({ reason: "no-answer", detail: "" }))
    const session = Effect.succeed({
      rsh: "fake",
      alias: "server",
      hello: silent,
      complete: () => silent,
      snapshots: silent,
      holding: () => Effect.succeed([]),
      enrol: () => silent,
      read: () => silent,
      ...answers
    })
    return Layer.succeed(BackupServer, { connect: () => session, local: () => session })
  }
}
