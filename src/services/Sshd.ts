// The machine's sshd: its configuration, which counts only once sshd itself found it good, and its host keys.
import { Context, Effect, Layer, Schema } from "effect"
import { join } from "node:path"
import type { ExitName } from "../domain/exitCode.ts"
import { type EffectiveSshd, parseEffective, withInclude } from "../domain/setup/sshdDropIn.ts"
import { Exec, type ExecError } from "./Exec.ts"
import { Layout } from "./Layout.ts"
import { Programs } from "./Programs.ts"
import { SystemFile, type SystemFileError } from "./SystemFile.ts"

/** sshd did not like its configuration, or would not read it. What it runs with is as it was. */
export class SshdError extends Schema.TaggedError<SshdError>()("SshdError", {
  reason: Schema.Literals(["missing", "refused", "overruled", "not-reloaded"]),
  exitCode: Schema.Int,
  stderr: Schema.String
}) {
  get exit(): ExitName {
    return "failed"
  }
  override get message() {
    const said = this.stderr.trim().split("\n")[0] ?? ""
    switch (this.reason) {
      case "missing":
        return "sshd is not installed; run apt-get install openssh-server"
      case "refused":
        return `sshd -t does not accept the configuration (${said}); sshd's files are as they were`
      case "overruled":
        return `another Match block of sshd's configuration overrules byteback's for ${said}; sshd's files are as they were, change that block first`
      case "not-reloaded":
        return `sshd would not read its configuration again (${said}); restart it, systemctl restart ssh`
    }
  }
}

/** How sshd is running, and with that how it is told to read its configuration again. */
export type SshdState = "systemd" | "process" | "stopped"

export class Sshd extends Context.Service<
  Sshd,
  {
    /** sshd_config and the drop-in of byteback, as they are now; `null` where there is none. */
    readonly files: Effect.Effect<{ readonly config: string | null; readonly dropIn: string | null }, SystemFileError>
    /** What holds for a user who logs in now, by keyword in lower case. */
    readonly effective: (user: string) => Effect.Effect<EffectiveSshd, SshdError | ExecError | SystemFileError>
    /**
     * Puts the drop-in in place, with the Include line in sshd_config if asked. It stays if `sshd -t` accepts the whole
     * and `flaws` finds nothing in what then holds for `user`; else everything is as before.
     */
    readonly install: (options: {
      readonly text: string
      readonly addInclude: boolean
      readonly user: string
      readonly flaws: (effective: EffectiveSshd) => ReadonlyArray<string>
    }) => Effect.Effect<void, SshdError | ExecError | SystemFileError>
    /** Has a running sshd read its configuration; its sessions go on. Says how it is running. */
    readonly reload: Effect.Effect<SshdState, SshdError | ExecError | SystemFileError>
    /** The public host keys that it shows to clients, `TYPE BASE64` each, ed25519 first. */
    readonly hostKeys: Effect.Effect<ReadonlyArray<string>, SshdError | ExecError | SystemFileError>
  }
>()("byteback/services/Sshd") {
  static readonly layer = Layer.effect(
    Sshd,
    Effect.gen(function* () {
      const layout = yield* Layout
      const exec = yield* Exec
      const files = yield* SystemFile
      const programs = yield* Programs
      const config = join(layout.etc, "ssh/sshd_config")
      const directory = join(layout.etc, "ssh/sshd_config.d")
      const path = join(directory, "byteback.conf")

      const sshd = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
        // sshd insists on being called by its whole path, and on a directory that only its start-up script makes
        const program = yield* programs.find("sshd")
        if (program === null) return yield* new SshdError({ reason: "missing", exitCode: 127, stderr: "" })
        yield* files.directory("/run/sshd", 0o755)
        const { code, text, stderr } = yield* exec.run(program, [...args, "-f", config])
        if (code !== 0) return yield* new SshdError({ reason: "refused", exitCode: code, stderr })
        return text
      })

      const effective = Effect.fn("Sshd.effective")(function* (user: string) {
        return parseEffective(yield* sshd(["-T", "-C", `user=${user},host=localhost,addr=127.0.0.1`]))
      })

      const install: Sshd["Service"]["install"] = Effect.fn("Sshd.install")(function* (options) {
        const before = yield* Effect.all({ config: files.read(config), dropIn: files.read(path) })
        const state = yield* files.state(config)
        const mode = state?.mode ?? 0o644
        const rollBack = Effect.all([
          before.dropIn === null ? files.remove(path) : files.write(path, before.dropIn, 0o644),
          !options.addInclude
            ? Effect.void
            : before.config === null
              ? files.remove(config)
              : files.write(config, before.config, mode)
        ])
        yield* Effect.gen(function* () {
          yield* files.directory(directory, 0o755)
          yield* files.write(path, options.text, 0o644)
          if (options.addInclude) yield* files.write(config, withInclude(before.config ?? "", directory), mode)
          yield* sshd(["-t"])
          const flaws = options.flaws(yield* effective(options.user))
          if (flaws.length > 0) {
            return yield* new SshdError({ reason: "overruled", exitCode: 0, stderr: flaws.join(", ") })
          }
        }).pipe(Effect.onError(() => Effect.ignore(rollBack)))
      })

      const reload = Effect.gen(function* () {
        if ((yield* files.state("/run/systemd/system")) !== null) {
          const active = (unit: string) =>
            Effect.map(exec.run("systemctl", ["is-active", "--quiet", unit]), ({ code }) => code === 0)
          if (yield* active("ssh.service")) {
            const { code, stderr } = yield* exec.run("systemctl", ["reload", "ssh.service"], { timeout: "60 seconds" })
            if (code !== 0) return yield* new SshdError({ reason: "not-reloaded", exitCode: code, stderr })
            return "systemd" as const
          }
          // started by its socket, sshd reads its configuration then
          return (yield* active("ssh.socket")) ? ("systemd" as const) : ("stopped" as const)
        }
        const pid = /^[1-9][0-9]{0,9}\n?$/.exec((yield* files.read("/run/sshd.pid")) ?? "")?.[0].trim()
        if (pid === undefined || ((yield* files.read(`/proc/${pid}/comm`)) ?? "").trim() !== "sshd") {
          return "stopped" as const
        }
        yield* Effect.try({
          try: () => process.kill(Number(pid), "SIGHUP"),
          catch: (cause) => new SshdError({ reason: "not-reloaded", exitCode: 1, stderr: String(cause) })
        })
        return "process" as const
      }).pipe(Effect.withSpan("Sshd.reload"))

      const hostKeys = Effect.gen(function* () {
        const names = parseEffective(yield* sshd(["-T"])).get("hostkey") ?? []
        const keys: Array<string> = []
        for (const name of names) {
          const [type, blob] = ((yield* files.read(`${name}.pub`)) ?? "").trim().split(/\s+/)
          if (type !== undefined && blob !== undefined) keys.push(`${type} ${blob}`)
        }
        return keys.toSorted((a, b) => Number(b.startsWith("ssh-ed25519 ")) - Number(a.startsWith("ssh-ed25519 ")))
      }).pipe(Effect.withSpan("Sshd.hostKeys"))

      return Sshd.of({
        files: Effect.all({ config: files.read(config), dropIn: files.read(path) }),
        effective,
        install,
        reload,
        hostKeys
      })
    })
  )

  /** A stand-in on files in memory: an sshd that is not running, has one host key, and takes every keyword it knows. */
  static readonly layerFake = Layer.effect(
    Sshd,
    Effect.gen(function* () {
      const layout = yield* Layout
      const files = yield* SystemFile
      const config = join(layout.etc, "ssh/sshd_config")
      const directory = join(layout.etc, "ssh/sshd_config.d")
      const path = join(directory, "byteback.conf")
      const current = Effect.all({ config: files.read(config), dropIn: files.read(path) })
      const effective = Effect.fnUntraced(function* (_user: string) {
        const { config: main, dropIn } = yield* current
        return parseEffective(`port 22\npermituserenvironment no\n${dropIn ?? ""}\n${main ?? ""}`)
      })
      return Sshd.of({
        files: current,
        effective,
        install: Effect.fnUntraced(function* (options) {
          if (/^\s*NoSuchKeyword/m.test(options.text)) {
            return yield* new SshdError({ reason: "refused", exitCode: 255, stderr: "Bad configuration option" })
          }
          const flaws = options.flaws(parseEffective(options.text))
          if (flaws.length > 0) {
            return yield* new SshdError({ reason: "overruled", exitCode: 0, stderr: flaws.join(", ") })
          }
          const before = yield* current
          yield* files.directory(directory, 0o755)
          yield* files.write(path, options.text, 0o644)
          if (options.addInclude) yield* files.write(config, withInclude(before.config ?? "", directory), 0o644)
        }),
        reload: Effect.succeed("stopped" as const),
        hostKeys: Effect.succeed(["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"])
      })
    })
  )
}
