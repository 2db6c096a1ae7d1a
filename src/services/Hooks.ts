// The administrator's own programs before and after a run: directories in the manner of run-parts.
import { Context, Effect, FileSystem, Layer, Option, Schema } from "effect"
import { escapeText } from "../domain/escape.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { unsafeOwnership } from "../domain/safeOwner.ts"
import { Exec, type ExecError } from "./Exec.ts"

/** A hook said no, or could not be run; those after it did not run. What byteback itself did before stands. */
export class HookFailed extends Schema.TaggedError<HookFailed>()("HookFailed", {
  /** the hook's file, or the directory where none can be named */
  name: Schema.String,
  code: Schema.NullOr(Schema.Int),
  /** the last 8 KiB, or why it was not run */
  stderr: Schema.String
}) {
  get exit(): ExitName {
    return "failed"
  }
  override get message() {
    const last = escapeText(this.stderr.trim().split("\n").at(-1) ?? "", 200)
    return this.code === null
      ? `hook ${this.name} was not run: ${last}`
      : `hook ${this.name} failed with exit code ${this.code}${last === "" ? "" : `: ${last}`}`
  }
}

export class Hooks extends Context.Service<
  Hooks,
  {
    /**
     * Runs the programs of a directory one after the other, in the order of their names, and stops at the first that
     * fails. Which files count is run-parts' decision (letters, digits, - and _ only, executable). `environment` is
     * added to our own. A directory that is not there runs nothing. Returns how many ran.
     */
    readonly run: (directory: string, environment?: Record<string, string>) => Effect.Effect<number, HookFailed>
  }
>()("byteback/services/Hooks") {
  static readonly layer = Layer.effect(
    Hooks,
    Effect.gen(function* () {
      const exec = yield* Exec
      const fs = yield* FileSystem.FileSystem
      const me = process.getuid?.() ?? 0

      const notRun = (name: string) => (error: ExecError | { readonly message: string }) =>
        new HookFailed({ name, code: null, stderr: error.message })

      const checkOwner = Effect.fnUntraced(function* (name: string) {
        const { mode, uid } = yield* Effect.mapError(fs.stat(name), notRun(name))
        const problem = unsafeOwnership({ mode, uid: Option.getOrElse(uid, () => me) }, me)
        if (problem !== null) return yield* notRun(name)({ message: problem })
      })

      const run = Effect.fn("Hooks.run")(function* (directory: string, environment: Record<string, string> = {}) {
        const there = yield* Effect.mapError(fs.exists(directory), notRun(directory))
        if (!there) return 0
        yield* checkOwner(directory)
        const listed = yield* Effect.mapError(exec.run("run-parts", ["--test", "--", directory]), notRun(directory))
        if (listed.code !== 0) return yield* notRun(directory)({ message: listed.stderr })
        const names = listed.text.split("\n").filter((name) => name !== "")
        const inherited: Record<string, string> = {}
        for (const [name, value] of Object.entries(process.env)) if (value !== undefined) inherited[name] = value
        for (const name of names) {
          yield* checkOwner(name)
          const { code, stderr } = yield* Effect.mapError(
            exec.run(name, [], { env: { ...inherited, ...environment }, onStdout: () => Effect.void }),
            notRun(name)
          )
          if (code !== 0) return yield* new HookFailed({ name, code, stderr })
        }
        return names.length
      })

      return Hooks.of({ run })
    })
  )

  /** A stand-in for tests and development: hooks by directory, each a name and what it does. */
  static readonly layerFake = (directories: { readonly [directory: string]: ReadonlyArray<FakeHook> }) =>
    Layer.succeed(Hooks, {
      run: Effect.fn("Hooks.run")(function* (directory, environment = {}) {
        const hooks = (directories[directory] ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1))
        for (const { name, run } of hooks) {
          const code = run(environment)
          if (code !== 0) return yield* new HookFailed({ name: `${directory}/${name}`, code, stderr: "" })
        }
        return hooks.length
      })
    })
}

/** A hook of the fake: returns its exit code. */
export interface FakeHook {
  readonly name: string
  readonly run: (environment: Readonly<Record<string, string>>) => number
}
