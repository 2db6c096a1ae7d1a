// The client's side of OpenSSH: one shared connection a session, and the keys that it needs.
import { Context, type Duration, Effect, FileSystem, Layer, Option, Ref, Schema, Scope } from "effect"
import { fromUint8Array } from "../domain/byteString.ts"
import { ciphersFor } from "../domain/ciphers.ts"
import { escapeText } from "../domain/escape.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { sshAlias, sshConfig, type SshTarget } from "../domain/sshConfig.ts"
import { sshFailure, sshMayPass, type SshReason, sshReasons } from "../domain/sshFailure.ts"
import { type Captured, Exec, type ExecError } from "./Exec.ts"
import { Layout } from "./Layout.ts"
import { hostWord } from "./hostWord.ts"

const advice: Record<SshReason, string> = {
  unreachable: "cannot be reached; check the network, and that sshd runs there",
  "unknown-name": "no such host name; check the destination",
  "host-key-changed":
    "shows another host key than the one pinned at set-up; if the server was reinstalled, run byteback setup-client again, else somebody may be in between",
  "host-key-unknown": "shows a host key that is not pinned here; run byteback setup-client",
  "key-refused": "does not accept this machine's key; run byteback setup-client, or ask the server's administrator",
  lost: "the connection was lost; what had arrived stays there",
  refused: "hung up before login; it may have too many sessions, try again later",
  timeout: "did not answer in time; try again later",
  "not-installed": "the ssh programs are not installed here; install openssh-client",
  local: "a host's backups can be read on the server itself, by root; use sudo there, or leave --host out on a client",
  failed: "ssh failed"
}

/** ssh could not log in, or lost its connection. Nothing that is on the server was lost. */
export class SshError extends Schema.TaggedError<SshError>()("SshError", {
  reason: Schema.Literals(sshReasons),
  /** the server, or the key file that it is about */
  subject: Schema.String,
  exitCode: Schema.NullOr(Schema.Int),
  /** the last 8 KiB */
  stderr: Schema.String
}) {
  /** May the same go better in a while? */
  get retryable(): boolean {
    return sshMayPass(this.reason)
  }
  get exit(): ExitName {
    return this.reason === "key-refused" ? "refused" : "failed"
  }
  override get message() {
    const last = this.stderr.trim().split("\n").at(-1)?.trim() ?? ""
    return `${this.subject}: ${advice[this.reason]}${last === "" ? "" : ` (${escapeText(last, 200)})`}`
  }
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array
  readonly timeout?: Duration.Input
  /** called with each chunk of stdout as it comes, which is then not kept; the session waits for it */
  readonly onStdout?: (chunk: Uint8Array) => Effect.Effect<void>
}

export interface ConnectOptions {
  readonly late?: boolean
}

export interface SshSession {
  /** the remote shell for rsync's --rsh; shares this session's connection */
  readonly rsh: string
  /** the host that `rsh` knows the server by: what stands before the colon for rsync */
  readonly alias: string
  /** Runs one command line. Any exit code but 255 is a value. */
  readonly run: (command: string, options?: RunOptions) => Effect.Effect<Captured, SshError>
}

const execFailure = (subject: string) => (error: ExecError) =>
  new SshError({
    reason: error.reason === "not-found" ? "not-installed" : error.reason === "timeout" ? "timeout" : "failed",
    subject,
    exitCode: null,
    stderr: error.reason === "output-too-large" ? "the server said more than is reasonable" : error.detail
  })

/** A directory for sockets: their paths must stay below 108 bytes, and rsync splits --rsh at blanks. */
const socketDirectory = (): string => {
  const own = process.env["TMPDIR"]
  return own !== undefined && /^\/[A-Za-z0-9/._-]{1,40}$/.test(own) ? own : "/tmp"
}

export class Ssh extends Context.Service<
  Ssh,
  {
    /**
     * Logs in; everything in the session shares that connection, which ends with the scope. `late`: the first command has a connection
     * of its own, which is quicker where it is the only one, and the login comes with the second.
     */
    readonly connect: (target: SshTarget, options?: ConnectOptions) => Effect.Effect<SshSession, SshError, Scope.Scope>
    /** A session as a host on the server that this machine is: no ssh, no key, the same forced command. For root. */
    readonly local: (host: string) => Effect.Effect<SshSession, SshError>
    /** Makes an ed25519 key pair, `path` (0600) and `path`.pub, unless `path` is there already. */
    readonly generateKey: (path: string) => Effect.Effect<void, SshError>
    /** The public half of a private key file: type and base64, no comment. */
    readonly publicKey: (path: string) => Effect.Effect<string, SshError>
    /** The host keys that a server offers now, as known_hosts lines; nothing says yet that they are the right ones. */
    readonly hostKeys: (host: string, port?: number) => Effect.Effect<ReadonlyArray<string>, SshError>
  }
>()("byteback/services/Ssh") {
  static readonly layer = Layer.effect(
    Ssh,
    Effect.gen(function* () {
      const exec = yield* Exec
      const fs = yield* FileSystem.FileSystem
      const layout = yield* Layout

      /** A machine of many processors takes long to tell of all. */
      const firstProcessor = fs.open("/proc/cpuinfo").pipe(
        Effect.flatMap((file) => file.readAlloc(4096)),
        Effect.map((read) => (Option.isSome(read) ? fromUint8Array(read.value) : "")),
        Effect.scoped,
        Effect.orElseSucceed(() => "")
      )

      const connect = Effect.fn("Ssh.connect")(function* (target: SshTarget, { late = false }: ConnectOptions = {}) {
        const subject = target.host
        const fileFailure = (error: { readonly message: string }) =>
          new SshError({ reason: "failed", subject, exitCode: null, stderr: error.message })
        const directory = yield* fs
          .makeTempDirectoryScoped({ directory: socketDirectory(), prefix: "byteback-ssh-" })
          .pipe(Effect.mapError(fileFailure))
        const file = `${directory}/config`
        const config = sshConfig(target, `${directory}/socket`, ciphersFor(yield* firstProcessor))
        if (config === null) {
          return yield* fileFailure({ message: "user, host or a file's name holds a character that ssh cannot take" })
        }
        yield* Effect.mapError(fs.writeFileString(file, config, { mode: 0o600 }), fileFailure)

        const ended = (code: number, stderr: string, wasConnected: boolean) =>
          new SshError({ reason: sshFailure(stderr, wasConnected), subject, exitCode: code, stderr })
        const login = Effect.gen(function* () {
          const words = ["-F", file, "-f", "-N", sshAlias]
          if (target.ownIdentities === true) {
            const code = yield* Effect.mapError(exec.attach("ssh", words), execFailure(subject))
            if (code === 0) return
            const stderr = "it said why on the terminal"
            return yield* new SshError({ reason: "failed", subject, exitCode: code, stderr })
          }
          const { code, stderr } = yield* Effect.mapError(
            exec.run("ssh", words, { timeout: "2 minutes" }),
            execFailure(subject)
          )
          if (code !== 0) return yield* ended(code, stderr, false)
        })
        const logout = Effect.ignore(exec.run("ssh", ["-F", file, "-O", "exit", sshAlias], { timeout: "10 seconds" }))
        const shared = yield* Effect.cached(Effect.andThen(Scope.addFinalizer(yield* Effect.scope, logout), login))
        if (!late) yield* shared

        let alone = late
        const run = Effect.fn("SshSession.run")(function* (command: string, options: RunOptions = {}) {
          const own = alone
          alone = false
          if (!own) yield* shared
          let answered = !own
          const { onStdout } = options
          const captured = yield* Effect.mapError(
            exec.run("ssh", ["-F", file, ...(own ? ["-S", "none"] : []), "-T", "--", sshAlias, command], {
              ...options,
              ...(onStdout === undefined
                ? {}
                : {
                    onStdout: (chunk: Uint8Array) => {
                      answered = true
                      return onStdout(chunk)
                    }
                  }),
              drain: onStdout !== undefined
            }),
            execFailure(subject)
          )
          answered ||= captured.stdout.length > 0
          return captured.code === 255 ? yield* ended(255, captured.stderr, answered) : captured
        })
        return { rsh: `ssh -F ${file} -T`, alias: sshAlias, run }
      })

      const local = Effect.fn("Ssh.local")(function* (host: string) {
        const program = `${layout.lib}/local-session`
        const there = yield* Effect.orElseSucceed(fs.exists(program), () => false)
        if (process.getuid?.() !== 0 || !there) {
          return yield* new SshError({ reason: "local", subject: host, exitCode: null, stderr: "" })
        }
        const rsh = `${program} ${hostWord(host)}`
        const run = (command: string, options: RunOptions = {}) =>
          Effect.mapError(
            exec.run(program, [host, sshAlias, command], { ...options, drain: options.onStdout !== undefined }),
            execFailure(host)
          )
        return { rsh, alias: sshAlias, run }
      })

      const keygen = (path: string, args: ReadonlyArray<string>) =>
        Effect.flatMap(
          Effect.mapError(exec.run("ssh-keygen", args, { timeout: "1 minute" }), execFailure(path)),
          ({ code, stderr, text }) =>
            code === 0
              ? Effect.succeed(text)
              : Effect.fail(new SshError({ reason: "failed", subject: path, exitCode: code, stderr }))
        )

      const generateKey = Effect.fn("Ssh.generateKey")(function* (path: string) {
        const there = yield* Effect.orElseSucceed(fs.exists(path), () => false)
        if (!there) yield* keygen(path, ["-q", "-t", "ed25519", "-N", "", "-C", "byteback", "-f", path])
      })

      const publicKey = Effect.fn("Ssh.publicKey")(function* (path: string) {
        const text = yield* keygen(path, ["-y", "-P", "", "-f", path])
        return text.trim().split(" ").slice(0, 2).join(" ")
      })

      const hostKeys = Effect.fn("Ssh.hostKeys")(function* (host: string, port?: number) {
        const { code, stderr, text } = yield* Effect.mapError(
          exec.run("ssh-keyscan", ["-T", "20", ...(port === undefined ? [] : ["-p", String(port)]), "--", host]),
          execFailure(host)
        )
        const lines = text.split("\n").filter((line) => /^\S+ [a-z0-9@.-]+ [A-Za-z0-9+/=]+$/.test(line))
        if (lines.length > 0) return lines
        const reason = sshFailure(stderr, false)
        return yield* new SshError({
          reason: reason === "failed" ? "unreachable" : reason,
          subject: host,
          exitCode: code,
          stderr
        })
      })

      return Ssh.of({ connect, local, generateKey, publicKey, hostKeys })
    })
  )

  /** A stand-in for tests and development: servers that are functions, keys that are only names. */
  static readonly layerFake = (servers: FakeServers) =>
    Layer.effect(
      Ssh,
      Effect.gen(function* () {
        const keys = yield* Ref.make(new Map<string, string>())
        const fail = (reason: SshReason, subject: string) =>
          Effect.fail(new SshError({ reason, subject, exitCode: 255, stderr: "" }))
        return Ssh.of({
          connect: (target) => {
            const server = servers[target.host]
            if (server === undefined) return fail("unknown-name", target.host)
            const refusal = server.refuses?.(target) ?? null
            if (refusal !== null) return fail(refusal, target.host)
            const run = (command: string, options: RunOptions = {}) => {
              const given = server.answer(command, options.stdin, target)
              if (given.code === 255) return fail("lost", target.host)
              const text = given.text ?? ""
              return Effect.succeed({ code: 0, stderr: "", ...given, text, stdout: new TextEncoder().encode(text) })
            }
            return Effect.succeed({ rsh: "fake-ssh", alias: target.host, run })
          },
          local: (host) => fail("local", host),
          generateKey: (path) =>
            Ref.update(keys, (made) =>
              made.has(path) ? made : new Map(made).set(path, `ssh-ed25519 ${btoa(`${path} ${made.size}`)}`)
            ),
          publicKey: (path) =>
            Effect.flatMap(Ref.get(keys), (made) => {
              const key = made.get(path)
              return key === undefined ? fail("failed", path) : Effect.succeed(key)
            }),
          hostKeys: (host, port) => {
            const server = servers[host]
            const name = port === undefined ? host : `[${host}]:${port}`
            return server === undefined
              ? fail("unreachable", host)
              : Effect.succeed([`${name} ssh-ed25519 ${server.hostKey ?? btoa(host)}`])
          }
        })
      })
    )
}

/** The servers of a fake world, by host name. */
export interface FakeServers {
  readonly [host: string]: {
    /** why this target may not log in, or null */
    readonly refuses?: (target: SshTarget) => SshReason | null
    /** what a command gives; code 255 stands for a lost connection */
    readonly answer: (
      command: string,
      stdin: string | Uint8Array | undefined,
      target: SshTarget
    ) => { readonly code?: number; readonly text?: string; readonly stderr?: string }
    readonly hostKey?: string
  }
}

export type { SshReason, SshTarget }
