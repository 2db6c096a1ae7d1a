// The client's side of OpenSSH: one shared connection a session, and the keys that it needs.
import { Context, type Duration, type Effect, Schema, type Scope } from "effect"
import type { Captured } from "./Exec.ts"

/** Why ssh could not do its work. */
export const SshReason = Schema.Literals([
  "unreachable",
  "unknown-name",
  "host-key-changed",
  "host-key-unknown",
  "key-refused",
  "lost",
  "refused",
  "timeout",
  "failed"
])
export type SshReason = typeof SshReason.Type

/** ssh could not log in, or lost its connection. Nothing that is on the server was lost. */
export class SshError extends Schema.TaggedError<SshError>()("SshError", {
  reason: SshReason,
  host: Schema.String,
  exitCode: Schema.NullOr(Schema.Int),
  stderr: Schema.String
}) {
  /** May the same be tried again in a while? */
  get retryable(): boolean {
    return ["unreachable", "lost", "refused", "timeout"].includes(this.reason)
  }
  override get message() {
    return `${this.host}: ${this.reason}`
  }
}

export interface SshTarget {
  readonly user: string
  readonly host: string
  readonly port?: number
  /** the only key that is offered */
  readonly keyFile?: string
  /** the only known_hosts file that is believed */
  readonly knownHosts: string
  /** an administrator's access: the user's own agent and keys, a password and the host key's question on the terminal */
  readonly ownIdentities?: boolean
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array
  readonly timeout?: Duration.Input
}

export interface SshSession {
  /** the remote shell for rsync's --rsh; shares this session's connection */
  readonly rsh: string
  /** the host that `rsh` knows the server by: what stands before the colon for rsync */
  readonly alias: string
  /** Runs one command line. Any exit code but 255 is a value. */
  readonly run: (command: string, options?: RunOptions) => Effect.Effect<Captured, SshError>
}

export class Ssh extends Context.Service<
  Ssh,
  {
    /** Logs in; everything in the session shares that connection, which ends with the scope. */
    readonly connect: (target: SshTarget) => Effect.Effect<SshSession, SshError, Scope.Scope>
    /** Makes an ed25519 key pair, `path` (0600) and `path`.pub, unless `path` is there already. */
    readonly generateKey: (path: string) => Effect.Effect<void, SshError>
    /** The public half of a private key file: type and base64, no comment. */
    readonly publicKey: (path: string) => Effect.Effect<string, SshError>
    /** The host keys that a server offers now, as known_hosts lines; nothing says yet that they are the right ones. */
    readonly hostKeys: (host: string, port?: number) => Effect.Effect<ReadonlyArray<string>, SshError>
  }
>()("byteback/services/Ssh") {}
