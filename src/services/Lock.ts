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
  }
>()("byteback/services/Lock") {
  static readonly layer = Layer.effect(
    Lock,
    Effect.gen(function* () {
      const exec = yield* Exec
      // cat echoes its first byte once the lock is taken, and ends (freeing it) when this process is gone. Without a
      // fork the lock's holder is our own child, and gone as soon as it is killed.
      const take = Effect.fn("Lock.take")(function* (path: string, what: string) {
        const holder = yield* exec.hold(
          "flock",
          ["--nonblock", "--no-fork", "--conflict-exit-code", "11", path, "cat"],
          "\n"
        )
        if (holder.started) return
        return yield* holder.code === 11 ? new Locked({ path, what }) : new LockUnavailable({ path })
      })
      return Lock.of({ take })
    })
  )

  static readonly layerFake = Layer.sync(Lock, () => {
    const held = new Set<string>()
    return Lock.of({
      take: (path, what) =>
        Effect.acquireRelease(
          Effect.suspend(() =>
            held.has(path) ? Effect.fail(new Locked({ path, what })) : Effect.sync(() => held.add(path))
          ),
          () => Effect.sync(() => held.delete(path))
        ).pipe(Effect.asVoid)
    })
  })
}
