// The administrator's own programs before and after a run: directories in the manner of run-parts.
import { Context, type Effect, Schema } from "effect"

/** A hook said no, or could not be run. Nothing was sent or changed by byteback itself. */
export class HookFailed extends Schema.TaggedError<HookFailed>()("HookFailed", {
  /** the hook's file, or the directory where none can be named */
  name: Schema.String,
  code: Schema.NullOr(Schema.Int),
  stderr: Schema.String
}) {
  override get message() {
    return `hook ${this.name} failed`
  }
}

export class Hooks extends Context.Service<
  Hooks,
  {
    /**
     * Runs the programs of a directory one after the other, in the order of their names, and stops at the first that
     * fails. `environment` is added to PATH and LC_ALL. A directory that is not there runs nothing.
     * Returns how many ran.
     */
    readonly run: (directory: string, environment?: Record<string, string>) => Effect.Effect<number, HookFailed>
  }
>()("byteback/services/Hooks") {}
