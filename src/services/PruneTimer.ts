// The timer that prunes the store every hour, where systemd runs.
import { Context, Effect, Layer, Schema } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { Exec, type ExecError } from "./Exec.ts"
import { SystemFile, type SystemFileError } from "./SystemFile.ts"

const unit = "byteback-prune.timer"
const systemd = "/run/systemd/system"

/** systemd would not enable the timer. Backups prune all the same, before and after each. */
export class PruneTimerError extends Schema.TaggedError<PruneTimerError>()("PruneTimerError", {
  exitCode: Schema.Int,
  stderr: Schema.String
}) {
  get exit(): ExitName {
    return "failed"
  }
  override get message() {
    return `systemctl enable --now ${unit} ended with ${this.exitCode}: ${this.stderr.trim().split("\n").at(-1) ?? ""}`
  }
}

export class PruneTimer extends Context.Service<
  PruneTimer,
  {
    /** `none`: no systemd runs here, it does not know the timer, or an administrator has masked it. */
    readonly state: Effect.Effect<"enabled" | "disabled" | "none", SystemFileError | ExecError>
    /** Has the timer run from now on, and after each boot. */
    readonly enable: Effect.Effect<void, PruneTimerError | ExecError>
  }
>()("byteback/services/PruneTimer") {
  static readonly layer = Layer.effect(
    PruneTimer,
    Effect.gen(function* () {
      const exec = yield* Exec
      const files = yield* SystemFile
      return PruneTimer.of({
        state: Effect.gen(function* () {
          if ((yield* files.state(systemd)) === null) return "none"
          const said = (yield* exec.run("systemctl", ["is-enabled", unit])).text.trim()
          return said === "enabled" || said === "disabled" ? said : "none"
        }).pipe(Effect.withSpan("PruneTimer.state")),
        enable: Effect.gen(function* () {
          const { code, stderr } = yield* exec.run("systemctl", ["enable", "--now", unit], { timeout: "60 seconds" })
          if (code !== 0) return yield* new PruneTimerError({ exitCode: code, stderr })
        }).pipe(Effect.withSpan("PruneTimer.enable"))
      })
    })
  )

  /** A stand-in on files in memory: systemd runs where its directory is there, knows the timer's file, and takes an empty one of /etc for a mask. */
  static readonly layerFake = Layer.effect(
    PruneTimer,
    Effect.gen(function* () {
      const files = yield* SystemFile
      const wants = "/etc/systemd/system/timers.target.wants"
      const link = `${wants}/${unit}`
      const state = Effect.gen(function* () {
        if ((yield* files.state(systemd)) === null) return "none"
        if ((yield* files.read(`/etc/systemd/system/${unit}`)) === "") return "none"
        if ((yield* files.state(`/usr/lib/systemd/system/${unit}`)) === null) return "none"
        return (yield* files.state(link)) === null ? "disabled" : "enabled"
      })
      return PruneTimer.of({
        state,
        enable: Effect.gen(function* () {
          if ((yield* state) === "none") return yield* new PruneTimerError({ exitCode: 1, stderr: "no such timer" })
          yield* files.directory(wants, 0o755)
          yield* files.write(link, "", 0o644)
        }).pipe(Effect.catchTag("SystemFileError", Effect.die))
      })
    })
  )
}
