// The runs in progress: a host's lock, what is known of its push, and the token of its last complete run.
import { Context, Effect, Layer, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { formatEntry, parseJournal, type SnapshotTaken } from "../domain/JournalEntry.ts"
import { type PushRecord, parsePushRecord } from "../domain/pushRecord.ts"
import type { ExecError } from "./Exec.ts"
import { Layout } from "./Layout.ts"
import { Lock, type LockUnavailable, type Locked } from "./Lock.ts"
import { hostWord } from "./hostWord.ts"
import { SystemFile, type SystemFileError } from "./SystemFile.ts"

export class Runs extends Context.Service<
  Runs,
  {
    /** Keeps pushes, completes and changes of a host apart until the scope closes; fails at once where one is under way. */
    readonly lock: (
      host: string
    ) => Effect.Effect<void, Locked | LockUnavailable | ExecError | SystemFileError, Scope.Scope>
    /** The host's last push since the machine started, as its recorder wrote it; null where none is known or it cannot be read. */
    readonly lastPush: (host: string) => Effect.Effect<PushRecord | null, SystemFileError>
    /** The push has been dealt with. */
    readonly forget: (host: string) => Effect.Effect<void, SystemFileError>
    /** What the last complete run left; null when a push has started since: then `current` is not what that run knew. */
    readonly token: (host: string) => Effect.Effect<string | null, SystemFileError>
    /** Leaves a fresh token, which nobody can guess, and returns it. */
    readonly newToken: (host: string) => Effect.Effect<string, SystemFileError>
    /** Remembers what the journal will say of a snapshot that is about to be taken; null: the journal has said it. */
    readonly intend: (host: string, entry: SnapshotTaken | null) => Effect.Effect<void, SystemFileError>
    /** What was remembered last: the server was stopped before the journal had it. */
    readonly intended: (host: string) => Effect.Effect<SnapshotTaken | null, SystemFileError>
  }
>()("byteback/services/Runs") {
  static readonly layer = Layer.effect(
    Runs,
    Effect.gen(function* () {
      const layout = yield* Layout
      const files = yield* SystemFile
      const lock = yield* Lock
      const run = (host: string) => `${layout.run}/${hostWord(host)}`
      const tokens = `${layout.state}/token`
      const intentions = `${layout.state}/taking`

      return Runs.of({
        lock: Effect.fn("Runs.lock")(function* (host) {
          yield* files.directory(layout.run, 0o700)
          yield* files.directory(run(host), 0o700)
          yield* lock.take(`${run(host)}/lock`, `a backup of ${host}`)
        }),
        lastPush: Effect.fn("Runs.lastPush")(function* (host) {
          return parsePushRecord((yield* files.read(`${run(host)}/push`)) ?? "")
        }),
        forget: Effect.fn("Runs.forget")((host) => files.remove(`${run(host)}/push`)),
        token: Effect.fn("Runs.token")(function* (host) {
          const text = (yield* files.read(`${tokens}/${hostWord(host)}`)) ?? ""
          return /^[0-9a-f]{32}\n$/.test(text) ? text.slice(0, -1) : null
        }),
        newToken: Effect.fn("Runs.newToken")(function* (host) {
          const token = randomBytes(16).toString("hex")
          yield* files.directory(layout.state, 0o700)
          yield* files.directory(tokens, 0o700)
          yield* files.write(`${tokens}/${hostWord(host)}`, `${token}\n`, 0o600)
          return token
        }),
        intend: Effect.fn("Runs.intend")(function* (host, entry) {
          const path = `${intentions}/${hostWord(host)}`
          if (entry === null) return yield* files.remove(path)
          yield* files.directory(layout.state, 0o700)
          yield* files.directory(intentions, 0o700)
          yield* files.write(path, formatEntry(entry), 0o600)
        }),
        intended: Effect.fn("Runs.intended")(function* (host) {
          const [entry] = parseJournal((yield* files.read(`${intentions}/${hostWord(host)}`)) ?? "").entries
          return entry?._tag === "snapshot" ? entry : null
        })
      })
    })
  )

  /** The same, on files in memory: a test that provides `SystemFile.layerFake` too can write what a push would. */
  static readonly layerFake = Runs.layer.pipe(Layer.provide([SystemFile.layerFake, Lock.layerFake]))
}
