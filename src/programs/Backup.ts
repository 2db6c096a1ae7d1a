// One run of a client: hooks, one connection, rsync, and the word that makes the server take a snapshot.
import { Clock, Context, Duration, Effect, Fiber, FileSystem, Option, Ref, Schedule, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { bytesOfText, fromUint8Array } from "../domain/byteString.ts"
import { ConfigError, type RawSettings } from "../domain/clientSettings.ts"
import type { SnapshotInfo } from "../domain/Conversation.ts"
import { escapeName } from "../domain/escape.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { filterRules } from "../domain/filters.ts"
import { unsafeOwnership } from "../domain/safeOwner.ts"
import type { TransferStats } from "../domain/rsync/stats.ts"
import { type ConversationError, ServerRefused } from "../services/BackupServer.ts"
import { Hooks } from "../services/Hooks.ts"
import { Layout } from "../services/Layout.ts"
import { Lock } from "../services/Lock.ts"
import { type Observer, Rsync, RsyncError, type Transfer } from "../services/Rsync.ts"
import { SshError } from "../services/Ssh.ts"
import { connect, readSettings } from "./connectToServer.ts"

export interface BackupOptions {
  /** what the command line says of the settings (see `settingsOfFlags`) */
  readonly settings: RawSettings
  /** absolute paths; default: everything, from `/` downwards */
  readonly sources?: ReadonlyArray<string>
  /** change nothing anywhere: no hooks, no snapshot */
  readonly dryRun?: boolean
  /** go on when a hook of pre-backup.d fails */
  readonly ignoreHooks?: boolean
  readonly observer?: Observer
}

export interface BackupResult {
  /** the name that the server knows this machine by */
  readonly host: string
  readonly outcome: "complete" | "incomplete" | "dry-run"
  /** null for a dry run */
  readonly snapshot: SnapshotInfo | null
  readonly stats: TransferStats
  /** files that could not be read, and what rsync said of the first of them */
  readonly unreadable: number
  readonly problems: ReadonlyArray<string>
  /** what is to be said of a program of post-backup.d that failed: the backup is what it is all the same */
  readonly postHookFailed: string | null
  readonly attempts: number
  /** epoch seconds, and how many the run took */
  readonly startedAt: number
  readonly seconds: number
}

/** A place to back up is not there, may not be read, or is no absolute path. Nothing was sent. */
export class SourceUnreadable extends Schema.TaggedError<SourceUnreadable>()("SourceUnreadable", {
  path: Schema.String
}) {
  override get message() {
    return `${escapeName(this.path)} is not there or cannot be read; nothing was sent. Name another --source, or run as root`
  }
}

/** Every attempt ended in trouble that might have passed. What arrived stays on the server. */
export class RetriesExhausted extends Schema.TaggedError<RetriesExhausted>()("RetriesExhausted", {
  attempts: Schema.Int,
  last: Schema.String,
  busy: Schema.Boolean
}) {
  override get message() {
    return `gave up after ${this.attempts} attempts: ${this.last}. What arrived is kept, and the next run carries on from there`
  }
  get exit(): ExitName {
    return this.busy ? "busy" : "failed"
  }
}

/** Some files could not be read: worth one more attempt where there is one left; an incomplete run otherwise. */
class Partial extends Schema.TaggedError<Partial>()("Partial", {}) {
  override get message() {
    return "some files could not be read"
  }
}

type AttemptError = ConversationError | RsyncError | Partial

/** When a run that failed by something that may pass is tried again. */
export interface RetryPolicy {
  readonly times: number
  readonly delay: Duration.Input
}

/** Five times, ten minutes apart, unless an embedder or a flag says otherwise. */
export const BackupRetry = Context.Reference<RetryPolicy>("byteback/programs/BackupRetry", {
  defaultValue: () => ({ times: 5, delay: "10 minutes" })
})

const mayPass = (error: AttemptError): boolean =>
  error instanceof Partial ||
  ((error instanceof SshError || error instanceof RsyncError) && error.retryable) ||
  (error instanceof ServerRefused && error.exit === "busy")

const isBusy = (error: AttemptError): boolean =>
  (error instanceof RsyncError && error.reason === "busy") || (error instanceof ServerRefused && error.exit === "busy")

const isFull = (error: AttemptError): boolean => error instanceof RsyncError && error.reason === "no-space"

/**
 * Backs this machine up: one at a time, pre-backup.d, one ssh connection, rsync, a snapshot on the server,
 * post-backup.d. Tries again as `BackupRetry` says; what has arrived is never sent twice.
 */
export const backup = Effect.fn("backup")(function* (options: BackupOptions) {
  const layout = yield* Layout
  const fs = yield* FileSystem.FileSystem
  const hooks = yield* Hooks
  const lock = yield* Lock
  const rsync = yield* Rsync
  const retry = yield* BackupRetry
  const dryRun = options.dryRun ?? false
  const sources = options.sources ?? ["/"]

  const settings = yield* readSettings(options.settings)
  for (const path of sources) {
    // access(2) does not know of a capability that an ordinary user has; to open it does.
    const readable = yield* Effect.isSuccess(
      fs
        .access(path, { readable: true })
        .pipe(Effect.catch(() => Effect.scoped(Effect.asVoid(fs.open(path, { flag: "r" })))))
    )
    if (!path.startsWith("/") || !readable) return yield* new SourceUnreadable({ path })
  }
  yield* Effect.ignore(fs.makeDirectory(layout.run, { recursive: true, mode: 0o700 }))
  const place = yield* Effect.option(fs.stat(layout.run))
  if (Option.isSome(place)) {
    // Whoever else may write there could hold the lock for ever, or put another file in its place.
    const me = process.getuid?.() ?? 0
    const uid = Option.getOrElse(place.value.uid, () => me)
    const problem = unsafeOwnership({ mode: place.value.mode, uid }, me)
    if (problem !== null) return yield* new ConfigError({ where: layout.run, problem })
  }
  yield* lock.take(`${layout.run}/backup.lock`, "a backup of this machine")

  const startedAt = yield* Clock.currentTimeMillis
  const mountinfo = yield* Effect.orElseSucceed(fs.readFile("/proc/self/mountinfo"), () => new Uint8Array())
  const rules = filterRules({
    mountinfo: fromUint8Array(mountinfo),
    sources,
    // A server that backs itself up elsewhere does not take its hosts' backups along.
    excludes: [...settings.excludes, bytesOfText(`${layout.store}/*`)],
    rsyncFilter: settings.rsyncFilter
  })
  const attempts = yield* Ref.make(0)
  const runId = randomUUID()
  const partialBefore = yield* Ref.make(false)

  const attempt = Effect.scoped(
    Effect.gen(function* () {
      const attempt = yield* Ref.updateAndGet(attempts, (count) => count + 1)
      const [session, { acls, xattrs }] = yield* Effect.all([connect(settings), rsync.version], { concurrency: 2 })
      // First words take as long as a push takes to begin, and only a server of this protocol takes that (see pushArgv): so
      // both go out together, and where the answer is no, no more is sent.
      const greeting = yield* Effect.forkChild(session.hello)
      const pushing = rsync.push(
        {
          server: { rsh: session.rsh, alias: session.alias },
          sources,
          rules,
          acls,
          xattrs,
          ioTimeout: settings.ioTimeout,
          flags: settings.rsyncFlags,
          dryRun,
          progress: options.observer?.progress !== undefined,
          itemize: options.observer?.change !== undefined
        },
        options.observer
      )
      const [{ host }, transfer] = yield* Effect.all(
        [Fiber.join(greeting), pushing.pipe(Effect.tapError(() => Fiber.join(greeting)))],
        {
          concurrency: 2
        }
      )
      if (dryRun) return { host, transfer, snapshot: null }
      // Once, and only where there is another attempt to come: what can be read must not go without a snapshot.
      const again = transfer.outcome === "partial" && attempt <= retry.times
      if (again && !(yield* Ref.getAndSet(partialBefore, true))) return yield* new Partial()
      const { stats, unreadable } = transfer
      const { snapshot } = yield* session.complete({
        transfer: transfer.exitCode,
        run: runId,
        ...(unreadable === 0 ? {} : { unreadable }),
        // What an attempt before this one did is not in its figures.
        ...(attempt > 1
          ? {}
          : { claim: { transferred: stats.transferred, deleted: stats.deleted, bytes: stats.transferredSize } })
      })
      return { host, transfer, snapshot }
    })
  )

  const schedule = Schedule.spaced(retry.delay).pipe(
    Schedule.upTo({ times: retry.times }),
    Schedule.setInputType<AttemptError>(),
    Schedule.while(({ input }) => mayPass(input)),
    Schedule.tap(({ input, duration }) =>
      Effect.logWarning(`${input.message}; trying again in ${Duration.format(duration)}`)
    )
  )
  // A store that fills in the middle is asked once more at once: the server then makes room for the rest, or says why it will not.
  const untilFull = Effect.retry(attempt, { times: 1, while: isFull })
  const attempted = Effect.retry(untilFull, schedule).pipe(
    Effect.catchIf(mayPass, (error) =>
      Effect.flatMap(Ref.get(attempts), (count) =>
        Effect.fail(new RetriesExhausted({ attempts: count, last: error.message, busy: isBusy(error) }))
      )
    )
  )

  const run = Effect.gen(function* () {
    if (!dryRun) {
      yield* options.ignoreHooks === true
        ? Effect.catch(hooks.run(`${layout.config}/pre-backup.d`), (error) => Effect.logWarning(error.message))
        : hooks.run(`${layout.config}/pre-backup.d`)
    }
    return yield* attempted
  })
  const outcomeOf = (transfer: Transfer, snapshot: SnapshotInfo | null): BackupResult["outcome"] => {
    if (dryRun) return "dry-run"
    // The server's word counts too: an attempt before this one may have been what the snapshot was taken of.
    return transfer.outcome === "partial" || snapshot?.state === "incomplete" ? "incomplete" : "complete"
  }
  const after = (outcome: string) =>
    dryRun ? Effect.void : hooks.run(`${layout.config}/post-backup.d`, { BYTEBACK_OUTCOME: outcome })

  // What pre-backup.d stopped or locked, post-backup.d must get to undo, also after a failure.
  const { host, transfer, snapshot } = yield* Effect.tapError(run, () =>
    Effect.catch(after("failed"), (error) => Effect.logWarning(error.message))
  ).pipe(Effect.onInterrupt(() => Effect.ignore(after("interrupted"))))
  const outcome = outcomeOf(transfer, snapshot)
  const postHookFailed = yield* Effect.match(after(outcome), {
    onFailure: ({ message }) => message,
    onSuccess: () => null
  })

  const result: BackupResult = {
    host,
    outcome,
    snapshot,
    stats: transfer.stats,
    unreadable: transfer.unreadable,
    problems: transfer.problems,
    postHookFailed,
    attempts: yield* Ref.get(attempts),
    startedAt: Math.floor(startedAt / 1000),
    seconds: ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  }
  return result
}, Effect.scoped)
