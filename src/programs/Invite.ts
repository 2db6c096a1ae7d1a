// Makes an invitation: a one-time key that may enrol one host until it expires, and the line that carries it there.
import { Clock, Duration, Effect, Result, Schema } from "effect"
import { join } from "node:path"
import { parsePublicKey } from "../domain/authorizedKey.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { isHostName } from "../domain/hostName.ts"
import { formatInvitation, type Invitation, invitationCommand, keyOfPem } from "../domain/invitation.ts"
import { backupUser } from "../domain/setup/plan.ts"
import { parseServerAddress } from "../domain/setup/serverAddress.ts"
import { AuthorizedKeys } from "../services/AuthorizedKeys.ts"
import { Layout } from "../services/Layout.ts"
import { InvalidHostName } from "../services/Registry.ts"
import { Ssh } from "../services/Ssh.ts"
import { Sshd } from "../services/Sshd.ts"
import { SystemFile } from "../services/SystemFile.ts"

/** How long an invitation holds unless told otherwise. */
export const invitationLife: Duration.Duration = Duration.hours(24)

export interface InviteOptions {
  readonly host: string
  /** by what the client reaches this server; default: what setup-server was told */
  readonly address?: string
  /** how long it holds; default `invitationLife` */
  readonly life?: Duration.Duration
}

/** What `byteback invite --json` prints, and `setup-client --via` reads. `expires` in epoch seconds. */
export const InviteResult = Schema.Struct({
  host: Schema.String,
  token: Schema.String,
  command: Schema.String,
  expires: Schema.Int,
  /** the host has a key already, which the invitation will replace */
  replaces: Schema.Boolean
})
export type InviteResult = typeof InviteResult.Type

/** No invitation was made. Nothing was changed. */
export class InviteRefused extends Schema.TaggedError<InviteRefused>()("InviteRefused", {
  reason: Schema.Literals(["not-set-up", "no-address", "no-host-key", "bad-life"]),
  detail: Schema.String
}) {
  get exit(): ExitName {
    return this.reason === "not-set-up" || this.reason === "no-host-key" ? "failed" : "usage"
  }
  override get message() {
    return `${this.detail}; no invitation was made`
  }
}

/** Invites a host. An older invitation for it no longer holds, nor does one that has expired. */
export const invite = Effect.fn("invite")(function* (options: InviteOptions) {
  const { host } = options
  if (!isHostName(host)) return yield* new InvalidHostName({ name: host })
  const layout = yield* Layout
  const files = yield* SystemFile
  const keys = yield* AuthorizedKeys
  const ssh = yield* Ssh
  const sshd = yield* Sshd

  const { dropIn } = yield* sshd.files
  if (dropIn === null) {
    return yield* new InviteRefused({
      reason: "not-set-up",
      detail: "this machine is no backup server yet; run byteback setup-server first"
    })
  }
  const written = options.address ?? (yield* files.read(join(layout.config, "address")))?.trim()
  if (written === undefined) {
    return yield* new InviteRefused({
      reason: "no-address",
      detail: "by which name do clients reach this server? Say --address NAME (setup-server --address keeps it)"
    })
  }
  const address = yield* Effect.fromResult(parseServerAddress(written))
  const effective = yield* sshd.effective(backupUser)
  const hostKeys = (yield* sshd.hostKeys).filter((key) => Result.isSuccess(parsePublicKey(key)))
  if (hostKeys.length === 0) {
    return yield* new InviteRefused({
      reason: "no-host-key",
      detail: "sshd has no host key that could be sent along; run ssh-keygen -A"
    })
  }
  const life = options.life ?? invitationLife
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const expires = now + Math.floor(Duration.toSeconds(life))
  if (expires <= now || expires > now + 366 * 86400) {
    return yield* new InviteRefused({ reason: "bad-life", detail: "an invitation holds for a second to a year" })
  }

  const file = join(yield* files.scratch, "key")
  yield* ssh.generateKey(file)
  const key = yield* Effect.fromResult(parsePublicKey(yield* ssh.publicKey(file)))
  const secret = keyOfPem((yield* files.read(file)) ?? "")
  if (secret === null) return yield* Effect.die(new Error("ssh-keygen wrote a private key of an unknown form"))

  const replaces = yield* keys.update((before) => {
    const entries = before.entries.filter(
      (entry) => entry._tag !== "invitation" || (entry.host !== host && entry.expires > now)
    )
    const invited = { _tag: "invitation" as const, host, expires, key }
    const enrolled = entries.some((entry) => entry._tag === "host" && entry.host === host)
    return Effect.succeed([{ ...before, entries: [...entries, invited] }, enrolled] as const)
  })
  const invitation: Invitation = {
    v: 1,
    address: address.host,
    port: address.port ?? Number(effective.get("port")?.[0] ?? 22),
    user: backupUser,
    host,
    hostKeys: hostKeys.slice(0, 1),
    key: secret,
    expires
  }
  const result: InviteResult = {
    host,
    token: formatInvitation(invitation),
    command: invitationCommand(invitation),
    expires,
    replaces
  }
  return result
}, Effect.scoped)
