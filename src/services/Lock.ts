// Kernel locks on files, held by flock(1), so that a killed holder never leaves one behind.
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { Exec, type ExecError } from "./Exec.ts"

/** Somebody else holds the lock. Nothing was done. */
export class Locked extends Schema.TaggedError<Locked>()("Locked", { path: Schema.String, what: Schema.String }) {
  override get message() {
    return `${this.what} is already running (lock ${this.path}); nothing was changed, try again when it has ended`
  }
  get exit(): ExitName {
    return "busy"
  }
}

/** The lock's file cannot be made or locked. Nothing was done. */
export class LockUnavailable extends Schema.TaggedError<LockUnavailable>()("LockUnavailable", { path: Schema.String }) {
  override get message() {
    return `the lock ${this.path} cannot be taken; nothing was changed. Is byteback running as root, and its directory there?`
  }
}

export class Lock extends Context.Service<
  Lock,
  {
    /** Takes the lock until the scope closes, or fails at once with `Locked`. `what` names the holder's work for people. */
    readonly take: (
      path: string,
      what: string
    ) => Effect.Effect<void, Locked | LockUnavailable | ExecError, Scope.Scope>
    /** The same beside others who share it: only a `take` and a `share` keep each other out. */
    readonly share: (
      path: string,
      what: string
    ) => Effect.Effect<void, Locked | LockUnavailable | ExecError, Scope.Scope>
  }
>()("byteback/services/Lock") {
  static readonly layer = Layer.effect(
    Lock,
    Effect.gen(function* () {
      const exec = yield* Exec
      // cat echoes its first byte once the lock is taken, and ends (freeing it) when this process is gone. Without a
      // fork the lock's holder is our own child, and gone as soon as it is killed.
      const flock = Effect.fnUntraced(function* (mode: "--exclusive" | "--shared", path: string, what: string) {
        const holder = yield* exec.hold(
          "flock",
          [mode, "--nonblock", "--no-fork", "--conflict-exit-code", "11", path, "cat"],
          "\n"
        )
        if (holder.started) return
        return yield* holder.code === 11 ? new Locked({ path, what }) : new LockUnavailable({ path })
      })
      return Lock.of({
        take: Effect.fn("Lock.take")((path, what) => flock("--exclusive", path, what)),
        share: Effect.fn("Lock.share")((path, what) => flock("--shared", path, what))
      })
    })
  )

  static readonly layerFake = Layer.sync(Lock, () => {
    /** How many share each; Infinity: one has it to itself. */
    const held = new Map<string, number>()
    const hold = (path: string, what: string, most: number, part: number) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          const others = held.get(path) ?? 0
          return others > most
            ? Effect.fail(new Locked({ path, what }))
            : Effect.sync(() => void held.set(path, others + part))
        }),
        () => Effect.sync(() => void held.set(path, part === Infinity ? 0 : (held.get(path) ?? 0) - part))
      )
    return Lock.of({
      take: (path, what) => hold(path, what, 0, Infinity),
      share: (path, what) => hold(path, what, Number.MAX_VALUE, 1)
    })
  })
}
