// The backup server as a client sees it: one ssh connection, typed requests and their answers.
import { Clock, Context, Effect, Fiber, Layer, Schema, type Scope } from "effect"
import { textOfBytes } from "../domain/byteString.ts"
import {
  type Answer,
  type Complete,
  type CompleteAnswer,
  commandLine,
  decodeAnswer,
  type EnrolAnswer,
  type HelloAnswer,
  type SnapshotInfo,
  type SnapshotsAnswer,
  type TypedRequest
} from "../domain/Conversation.ts"
import { escapeText } from "../domain/escape.ts"
import { exitCode, type ExitName } from "../domain/exitCode.ts"
import { incompatibility, protocol } from "../domain/hello.ts"
import { findNote, latestOf } from "../domain/latest.ts"
import { INTERVAL } from "../domain/prune/admission.ts"
import { findRefusal } from "../domain/refusalLine.ts"
import { pathMissing, type Reading, readingLine } from "../domain/request/reading.ts"
import { snapshotDue } from "../domain/snapshotDue.ts"
import { formatSnapshotName, snapshotTime } from "../domain/snapshotName.ts"
import { version } from "../domain/version.ts"
import type { FakeWorld } from "./Rsync.ts"
import { type ConnectOptions, Ssh, SshError, type SshReason, type SshSession, type SshTarget } from "./Ssh.ts"

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
  /** what there is; first words go out with it, and fail before it */
  readonly snapshots: Effect.Effect<SnapshotsAnswer, ConversationError>
  /** asks to read of the snapshots; the answer goes to `onAnswer` as it comes, which the server waits for */
  readonly read: (
    request: Reading,
    onAnswer: (chunk: Uint8Array) => Effect.Effect<void>
  ) => Effect.Effect<void, ConversationError | PathMissing>
  /** enrols this machine under a name; only an enrolment session may */
  readonly enrol: (host: string, publicKey: string) => Effect.Effect<EnrolAnswer, ConversationError>
}

export class BackupServer extends Context.Service<
  BackupServer,
  {
    /** Connects and logs in; the connection lasts until the scope closes. */
    readonly connect: (
      target: SshTarget,
      options?: ConnectOptions
    ) => Effect.Effect<BackupSession, SshError, Scope.Scope>
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
          const note = findNote(stderr)
          if (note !== null) yield* Effect.logWarning(escapeText(note))
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
          snapshots: Effect.gen(function* () {
            const asked = yield* Effect.forkChild(ask({ _tag: "snapshots" }, "snapshots"))
            yield* hello
            return yield* Fiber.join(asked)
          }),
          enrol: (host: string, key: string) => ask({ _tag: "enrol", host, key }, "enrol")
        }
      }
      return BackupServer.of({
        connect: (target, options) => Effect.map(ssh.connect(target, options), sessionOver),
        local: (host) => Effect.map(ssh.local(host), sessionOver)
      })
    })
  )

  /** A stand-in: a server in memory that one host backs up to, but for the answers that are given. */
  static readonly layerFake = (given: FakeBackupServer = {}) =>
    Layer.sync(BackupServer, () => {
      const { enrols = () => false, host: only = "web", refuses = () => null, world = emptyWorld(), ...answers } = given
      const hosts = new Set([only])
      const infos = new Map<string, SnapshotInfo>()
      const ofRuns = new Map<string, SnapshotInfo>()

      const refused = (exit: ExitName, detail: string, due: number | null = null) =>
        Effect.fail(new ServerRefused({ code: exitCode[exit], detail, due }))
      const now = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))
      const dueAt = (time: number) =>
        snapshotDue({
          taken: list().flatMap(({ at }) => at ?? []),
          interval: INTERVAL,
          now: time
        })
      const list = (): ReadonlyArray<SnapshotInfo> =>
        [...world.snapshots.keys()].map((name) => {
          const at = snapshotTime(name) ?? null
          return infos.get(name) ?? { name, at, state: at === null ? "foreign" : "complete", held: false }
        })

      const sessionOf = (host: string): BackupSession => ({
        rsh: "fake",
        alias: "server",
        hello: Effect.map(now, (time) => ({
          _tag: "hello",
          protocol: protocol.current,
          oldest: protocol.oldest,
          version,
          host,
          now: time
        })),
        complete: Effect.fnUntraced(function* ({ run, transfer }) {
          const time = yield* now
          const before = run === undefined ? undefined : ofRuns.get(run)
          if (before !== undefined) return { _tag: "complete", snapshot: before, due: dueAt(time), token: null }
          if (world.pushed !== true) {
            return yield* refused(
              "refused",
              `no snapshot of ${host} was taken: nothing was pushed since its last snapshot`
            )
          }
          const due = dueAt(time)
          if (due !== null) return yield* refused("tooSoon", `too soon for another snapshot of ${host}`, due)
          const name = formatSnapshotName(time)
          const state = transfer === 23 ? "incomplete" : "complete"
          const snapshot: SnapshotInfo = { name, at: snapshotTime(name) ?? null, state, held: false }
          infos.set(name, snapshot)
          if (run !== undefined) ofRuns.set(run, snapshot)
          world.snapshots.set(name, new Map(world.current))
          world.pushed = false
          return { _tag: "complete", snapshot, due: dueAt(time), token: name }
        }),
        snapshots: Effect.sync(() => ({ _tag: "snapshots", snapshots: list() })),
        read: Effect.fnUntraced(function* (request, onAnswer) {
          if (request._tag !== "cat") return yield* new ServerIncompatible({ reason: "no-answer", detail: "" })
          const name = request.snapshot === "latest" ? latestOf(list()).chosen?.name : request.snapshot
          const files = name === "current" ? world.current : world.snapshots.get(name ?? "")
          if (files === undefined)
            return yield* refused("failed", `there is no snapshot ${request.snapshot} of ${host}`)
          const content = files.get(`/${textOfBytes(request.path) ?? request.path}`)
          if (content === undefined) return yield* new PathMissing()
          yield* onAnswer(new TextEncoder().encode(content))
        }),
        enrol: () => refused("refused", "this machine is enrolled already; nothing was changed"),
        ...answers
      })

      const no = refused("refused", "this session may only enrol a machine")
      const enrolling: BackupSession = {
        ...sessionOf(""),
        hello: no,
        complete: () => no,
        snapshots: no,
        read: () => no,
        enrol: (host) =>
          Effect.suspend(() => {
            if (hosts.has(host)) return refused("refused", `there is a host ${host} already; nothing was changed`)
            hosts.add(host)
            return Effect.succeed({ _tag: "enrol", host })
          }),
        ...answers
      }

      return BackupServer.of({
        connect: (target) =>
          Effect.suspend(() => {
            const reason = refuses(target)
            if (reason === null) return Effect.succeed(enrols(target) ? enrolling : sessionOf(only))
            return Effect.fail(new SshError({ reason, subject: target.host, exitCode: 255, stderr: "" }))
          }),
        local: (host) => Effect.succeed(sessionOf(host))
      })
    })
}

const emptyWorld = (): FakeWorld => ({ machine: new Map(), current: new Map(), snapshots: new Map(), trouble: [] })

/** What is particular about a stand-in's server, and what it answers otherwise than one in memory would. */
export interface FakeBackupServer extends Partial<Omit<BackupSession, "rsh" | "alias">> {
  /** the host that backs up there; `web` unless said */
  readonly host?: string
  /** what it keeps, which `Rsync.layerFake` pushes to; nothing unless given. Of readings it knows `cat` only */
  readonly world?: FakeWorld
  /** why this target may not log in, or null */
  readonly refuses?: (target: SshTarget) => SshReason | null
  /** may this target enrol machines, and do nothing else? */
  readonly enrols?: (target: SshTarget) => boolean
}
