// sudo's rules: the version that reads them, and a drop-in that counts only once visudo found it good.
import { Context, Effect, Layer, Schema } from "effect"
import { join } from "node:path"
import type { ExitName } from "../domain/exitCode.ts"
import { Exec, type ExecError } from "./Exec.ts"
import { Layout } from "./Layout.ts"
import { Programs } from "./Programs.ts"
import { SystemFile, type SystemFileError } from "./SystemFile.ts"

/** visudo did not like the rules. Those that were there before are there again. */
export class SudoersError extends Schema.TaggedError<SudoersError>()("SudoersError", {
  reason: Schema.Literals(["missing", "refused", "not-read"]),
  exitCode: Schema.Int,
  stderr: Schema.String
}) {
  get exit(): ExitName {
    return "failed"
  }
  override get message() {
    switch (this.reason) {
      case "missing":
        return "sudo is not installed; run apt-get install sudo"
      case "not-read":
        return "sudoers does not read /etc/sudoers.d, so byteback's rules would not count; add the line @includedir /etc/sudoers.d to it with visudo"
      case "refused":
        return `visudo does not accept the rules (${this.stderr.trim().split("\n")[0] ?? ""}); sudo's rules are as they were`
    }
  }
}

export class Sudoers extends Context.Service<
  Sudoers,
  {
    /** sudo's version, such as `1.9.13p3`. */
    readonly version: Effect.Effect<string, SudoersError | ExecError>
    /** The drop-in as it is now, `null` where there is none. */
    readonly dropIn: Effect.Effect<string | null, SystemFileError>
    /** Puts the drop-in in place if visudo accepts it by itself and with all the rest; else everything is as before. */
    readonly install: (text: string) => Effect.Effect<void, SudoersError | SystemFileError | ExecError>
  }
>()("byteback/services/Sudoers") {
  static readonly layer = Layer.effect(
    Sudoers,
    Effect.gen(function* () {
      const layout = yield* Layout
      const exec = yield* Exec
      const files = yield* SystemFile
      const programs = yield* Programs
      const directory = join(layout.etc, "sudoers.d")
      const path = join(directory, "byteback")
      const main = join(layout.etc, "sudoers")

      const program = Effect.fnUntraced(function* (name: string) {
        const found = yield* programs.find(name)
        return found ?? (yield* new SudoersError({ reason: "missing", exitCode: 127, stderr: "" }))
      })

      const check = Effect.fnUntraced(function* (file: string) {
        const { code, text, stderr } = yield* exec.run(yield* program("visudo"), ["-c", "-f", file])
        if (code !== 0) {
          return yield* new SudoersError({ reason: "refused", exitCode: code, stderr: stderr === "" ? text : stderr })
        }
        return text
      })

      const version = Effect.gen(function* () {
        const { text } = yield* exec.run(yield* program("sudo"), ["-V"])
        return /^Sudo version (\S+)/m.exec(text)?.[1] ?? ""
      }).pipe(Effect.withSpan("Sudoers.version"))

      const install = Effect.fn("Sudoers.install")(function* (text: string) {
        const before = yield* files.read(path)
        yield* files.directory(directory, 0o755)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const trial = join(yield* files.scratch, "byteback")
            yield* files.write(trial, text, 0o440)
            yield* check(trial)
          })
        )
        yield* files.write(path, text, 0o440)
        yield* Effect.gen(function* () {
          const report = yield* check(main)
          if (!report.includes(`${path}:`)) {
            return yield* new SudoersError({ reason: "not-read", exitCode: 0, stderr: report })
          }
        }).pipe(
          Effect.onError(() => Effect.ignore(before === null ? files.remove(path) : files.write(path, before, 0o440)))
        )
      })

      return Sudoers.of({ version, dropIn: files.read(path), install })
    })
  )

  /** A stand-in on files in memory; its visudo takes comments, Defaults and user lines, and nothing else. */
  static readonly layerFake = Layer.effect(
    Sudoers,
    Effect.gen(function* () {
      const layout = yield* Layout
      const files = yield* SystemFile
      const path = join(layout.etc, "sudoers.d/byteback")
      return Sudoers.of({
        version: Effect.succeed("1.9.13p3"),
        dropIn: files.read(path),
        install: Effect.fnUntraced(function* (text: string) {
          if (!text.split("\n").every((line) => /^($|#|Defaults|\S+ +\S+ *= *\(\S+\) )/.test(line))) {
            return yield* new SudoersError({ reason: "refused", exitCode: 1, stderr: "syntax error" })
          }
          yield* files.directory(join(layout.etc, "sudoers.d"), 0o755)
          yield* files.write(path, text, 0o440)
        })
      })
    })
  )
}
