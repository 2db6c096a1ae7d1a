// Runs other programs: the only place that starts a process.
import { Context, Duration, Effect, Fiber, Layer, Option, type PlatformError, Schema, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

const StderrKept = 8 * 1024

/** Two million files that cannot be read may be complained of; a program that says more than this goes on for ever. */
const StderrLimit = 256 * 1024 * 1024

/** How long the output of a program that has ended is still waited for. */
const lastWords = "2 seconds"

/** A program could not be run to its end. Carries no environment and no argument texts, which may hold secrets. */
export class ExecError extends Schema.TaggedError<ExecError>()("ExecError", {
  program: Schema.String,
  argumentCount: Schema.Int,
  reason: Schema.Literals(["not-found", "killed", "timeout", "output-too-large", "unknown"]),
  detail: Schema.String
}) {
  override get message() {
    switch (this.reason) {
      case "not-found":
        return `${this.program} is not installed (or not in the PATH)`
      case "timeout":
        return `${this.program} did not end in time and was stopped`
      case "output-too-large":
        return `${this.program} printed more than is reasonable and was stopped`
      default:
        return `${this.program} could not be run to its end: ${this.detail}`
    }
  }
}

export interface Captured {
  readonly code: number
  readonly stdout: Uint8Array
  /** stdout as UTF-8 text */
  readonly text: string
  /** the last 8 KiB of stderr */
  readonly stderr: string
}

export interface ExecOptions {
  readonly stdin?: string | Uint8Array
  /** the whole environment; default: PATH and LC_ALL=C only */
  readonly env?: Record<string, string>
  readonly cwd?: string
  readonly timeout?: Duration.Input
  /** at most so many bytes of stdout; more fails with `output-too-large`. Default 64 MiB */
  readonly maxOutput?: number
  /** called with each chunk of stdout, which is then not kept */
  readonly onStdout?: (chunk: Uint8Array) => Effect.Effect<void>
  /** waits for the end of stdout however long `onStdout` takes, not two seconds: for a program that leaves nobody behind there */
  readonly drain?: boolean
  /** called with each chunk of stderr; the last 8 KiB are kept all the same */
  readonly onStderr?: (chunk: Uint8Array) => Effect.Effect<void>
}

export class Exec extends Context.Service<
  Exec,
  {
    /** Runs a program and collects what it prints. A non-zero exit is a value, not an error. Interruption ends its whole process group. */
    readonly run: (
      program: string,
      args: ReadonlyArray<string>,
      options?: ExecOptions
    ) => Effect.Effect<Captured, ExecError>
    /**
     * Runs a program on the user's own terminal (it may ask for a password) and returns its exit code. With `onStdout`,
     * what it prints goes there and not to the terminal.
     */
    readonly attach: (
      program: string,
      args: ReadonlyArray<string>,
      onStdout?: (chunk: Uint8Array) => Effect.Effect<void>
    ) => Effect.Effect<number, ExecError>
    /**
     * Starts a program that reads stdin until its end, and returns once it has printed its first byte; it lives until
     * the scope closes. Returns `started: false` with its exit code when it ended without printing anything.
     */
    readonly hold: (
      program: string,
      args: ReadonlyArray<string>,
      firstInput: string
    ) => Effect.Effect<{ readonly started: boolean; readonly code: number }, ExecError, import("effect").Scope.Scope>
    /**
     * Starts a program that outlives us, and returns once it runs: in a session of its own, with nothing of ours open. Nobody hears how
     * it ends.
     */
    readonly leave: (program: string, args: ReadonlyArray<string>) => Effect.Effect<void, ExecError>
  }
>()("byteback/services/Exec") {
  static readonly layer = Layer.effect(
    Exec,
    Effect.gen(function* () {
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const path = process.env["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
      const base = { PATH: path, LC_ALL: "C" }

      const failure = (program: string, args: ReadonlyArray<string>) => (error: PlatformError.PlatformError) => {
        const killed = /signal/i.test(error.message) || error.reason._tag === "Unknown"
        return new ExecError({
          program,
          argumentCount: args.length,
          reason: error.reason._tag === "NotFound" ? "not-found" : killed ? "killed" : "unknown",
          // the message would quote the arguments
          detail: /\bSIG[A-Z0-9]+/.exec(`${error.message} ${String(error.reason.cause)}`)?.[0] ?? error.reason._tag
        })
      }

      const run = Effect.fn("Exec.run")(function* (
        program: string,
        args: ReadonlyArray<string>,
        options: ExecOptions = {}
      ) {
        const limit = options.maxOutput ?? 64 * 1024 * 1024
        const body = Effect.gen(function* () {
          const handle = yield* spawner.spawn(
            ChildProcess.make(program, args, {
              stdin:
                options.stdin === undefined
                  ? "ignore"
                  : Stream.make(
                      typeof options.stdin === "string" ? new TextEncoder().encode(options.stdin) : options.stdin
                    ),
              env: options.env ?? base,
              extendEnv: false,
              forceKillAfter: "10 seconds",
              ...(options.cwd === undefined ? {} : { cwd: options.cwd })
            })
          )
          const chunks: Array<Uint8Array> = []
          let size = 0
          let heard = 0
          let tail = new Uint8Array(0)
          const readStdout = handle.stdout.pipe(
            Stream.runForEach((chunk) => {
              if (options.onStdout) return options.onStdout(chunk)
              size += chunk.length
              if (size > limit) {
                return Effect.fail(
                  new ExecError({ program, argumentCount: args.length, reason: "output-too-large", detail: "" })
                )
              }
              chunks.push(chunk)
              return Effect.void
            })
          )
          const readStderr = handle.stderr.pipe(
            Stream.runForEach((chunk) => {
              heard += chunk.length
              if (heard > StderrLimit) {
                return Effect.fail(
                  new ExecError({ program, argumentCount: args.length, reason: "output-too-large", detail: "" })
                )
              }
              const joined = Buffer.concat([tail, chunk])
              tail = joined.subarray(Math.max(0, joined.length - StderrKept))
              return options.onStderr ? options.onStderr(chunk) : Effect.void
            })
          )
          const stdoutRead = yield* Effect.forkChild(readStdout)
          const reading = yield* Effect.forkChild(
            Effect.all([Fiber.join(stdoutRead), readStderr], { concurrency: "unbounded" })
          )
          const code = yield* Effect.raceFirst(handle.exitCode, Effect.andThen(Fiber.join(reading), Effect.never))
          if (options.drain === true) yield* Fiber.join(stdoutRead)
          // A process that the program leaves behind (ssh's shared connection) may hold its pipes open for ever.
          yield* Effect.timeoutOption(Fiber.join(reading), lastWords)
          yield* Fiber.interruptAll([reading, stdoutRead])
          const stdout = Buffer.concat(chunks)
          return {
            code: Number(code),
            stdout,
            text: stdout.toString("utf8"),
            stderr: Buffer.from(tail).toString("utf8")
          }
        }).pipe(
          Effect.scoped,
          Effect.catchTag("PlatformError", (error) => Effect.fail(failure(program, args)(error)))
        )
        if (options.timeout === undefined) return yield* body
        const ended = yield* Effect.timeoutOption(body, options.timeout)
        if (Option.isNone(ended)) {
          return yield* new ExecError({ program, argumentCount: args.length, reason: "timeout", detail: "" })
        }
        return ended.value
      })

      const attach = Effect.fn("Exec.attach")(
        function* (
          program: string,
          args: ReadonlyArray<string>,
          onStdout?: (chunk: Uint8Array) => Effect.Effect<void>
        ) {
          const handle = yield* spawner.spawn(
            ChildProcess.make(program, args, {
              stdin: "inherit",
              stdout: onStdout === undefined ? "inherit" : "pipe",
              stderr: "inherit",
              detached: false
            })
          )
          if (onStdout !== undefined) yield* Stream.runForEach(handle.stdout, onStdout)
          return Number(yield* handle.exitCode)
        },
        Effect.scoped,
        (self, program, args) =>
          Effect.catchTag(self, "PlatformError", (error) => Effect.fail(failure(program, args)(error)))
      )

      const hold = Effect.fn("Exec.hold")(
        function* (program: string, args: ReadonlyArray<string>, firstInput: string) {
          const handle = yield* spawner.spawn(
            ChildProcess.make(program, args, {
              stdin: Stream.concat(Stream.make(new TextEncoder().encode(firstInput)), Stream.never),
              env: base,
              extendEnv: false,
              forceKillAfter: "1 second"
            })
          )
          const first = yield* Stream.runHead(handle.stdout)
          return Option.isSome(first)
            ? { started: true, code: 0 }
            : { started: false, code: Number(yield* handle.exitCode) }
        },
        (self, program, args) =>
          Effect.catchTag(self, "PlatformError", (error) => Effect.fail(failure(program, args)(error)))
      )

      const leave = Effect.fn("Exec.leave")(
        function* (program: string, args: ReadonlyArray<string>) {
          const apart = { stdin: "ignore", stdout: "ignore", stderr: "ignore", detached: true } as const
          const handle = yield* spawner.spawn(
            ChildProcess.make(program, args, { ...apart, env: base, extendEnv: false })
          )
          yield* Effect.asVoid(handle.unref)
        },
        Effect.scoped,
        (self, program, args) =>
          Effect.catchTag(self, "PlatformError", (error) => Effect.fail(failure(program, args)(error)))
      )

      return Exec.of({ run, attach, hold, leave })
    })
  )

  /** A stand-in for tests and development: answers come from a function of program and arguments. */
  static readonly layerFake = (
    answer: (
      program: string,
      args: ReadonlyArray<string>,
      options: ExecOptions
    ) => Effect.Effect<Partial<Captured>, ExecError>
  ) => {
    const captured = (program: string, args: ReadonlyArray<string>, options: ExecOptions = {}) =>
      Effect.map(answer(program, args, options), (given) => ({
        code: 0,
        stdout: Buffer.from(given.text ?? ""),
        text: "",
        stderr: "",
        ...given
      }))
    const run = Effect.fnUntraced(function* (program: string, args: ReadonlyArray<string>, options: ExecOptions = {}) {
      const ended = yield* captured(program, args, options)
      if (options.onStdout === undefined) return ended
      yield* options.onStdout(ended.stdout)
      return { ...ended, stdout: Buffer.alloc(0), text: "" }
    })
    return Layer.succeed(Exec, {
      run,
      attach: (program, args, onStdout) =>
        Effect.map(run(program, args, onStdout === undefined ? {} : { onStdout }), ({ code }) => code),
      hold: (program, args, stdin) =>
        Effect.map(captured(program, args, { stdin }), ({ code, stdout }) =>
          stdout.length > 0 ? { started: true, code: 0 } : { started: false, code }
        ),
      leave: (program, args) => Effect.asVoid(captured(program, args))
    })
  }
}
