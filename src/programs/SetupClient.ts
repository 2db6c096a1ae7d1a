// Makes this machine a client: its key, the server's pinned key, the destination, and a first hello that proves them.
import { Effect, Ref, Result, Schema } from "effect"
import { join } from "node:path"
import { formatDestination, parseDestination } from "../domain/destination.ts"
import type { ExitName } from "../domain/exitCode.ts"
import { isHostName } from "../domain/hostName.ts"
import { type Invitation, parseInvitation, pemOfKey } from "../domain/invitation.ts"
import { isHostKey, keysOfLines, knownHostLines } from "../domain/knownHost.ts"
import { unsafeOwnership } from "../domain/safeOwner.ts"
import { parseServerAddress } from "../domain/setup/serverAddress.ts"
import { noAnswerYet, readTerminal } from "../domain/terminalAnswer.ts"
import { Accounts } from "../services/Accounts.ts"
import { fingerprintOf } from "../services/AuthorizedKeys.ts"
import { BackupServer } from "../services/BackupServer.ts"
import { Exec } from "../services/Exec.ts"
import { Layout } from "../services/Layout.ts"
import { InvalidHostName } from "../services/Registry.ts"
import { Ssh, type SshError } from "../services/Ssh.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { InviteResult } from "./Invite.ts"

/** How this machine comes to be known to the server. `host`: the name that it is to have there. */
export type SetupClientWay =
  /** the token, or the whole line, that `byteback invite` printed */
  | { readonly _tag: "invitation"; readonly invitation: string }
  /** `byteback@server:`, with an administrator's access; `hostKey`: the server's fingerprint or key, else ssh asks */
  | { readonly _tag: "destination"; readonly destination: string; readonly host: string; readonly hostKey?: string }
  /** `admin@server`, an account that may run `sudo byteback invite` there; `address`: of the server, if it knows none */
  | { readonly _tag: "via"; readonly via: string; readonly host: string; readonly address?: string }
  /** only make the key, for an administrator to add by hand */
  | { readonly _tag: "print-key"; readonly host: string }

export interface SetupClientOptions {
  readonly way: SetupClientWay
  /** where questions of ssh and sudo on the way `via` are shown */
  readonly onTerminal?: (text: string) => Effect.Effect<void>
}

export type SetupClientResult =
  | {
      readonly _tag: "ready"
      readonly host: string
      readonly destination: string
      /** the destination that stood there before, if it was another */
      readonly replaced: string | null
      /** true: the server knew this machine already, and nothing was asked of it */
      readonly before: boolean
      /** fingerprints of the server's pinned keys */
      readonly serverKeys: ReadonlyArray<string>
    }
  | {
      readonly _tag: "key"
      readonly host: string
      /** `TYPE BASE64` */
      readonly publicKey: string
      /** what to run on the server */
      readonly command: string
    }

/** This machine was not set up; its key, if it has one, is kept for the next attempt. */
export class SetupClientRefused extends Schema.TaggedError<SetupClientRefused>()("SetupClientRefused", {
  reason: Schema.Literals(["invitation", "host-key", "no-invitation", "other-name", "unsafe", "bad-option"]),
  detail: Schema.String
}) {
  get exit(): ExitName {
    return this.reason === "invitation" || this.reason === "other-name"
      ? "refused"
      : this.reason === "bad-option" || this.reason === "unsafe"
        ? "usage"
        : "failed"
  }
  override get message() {
    return this.detail
  }
}

/** A server, as this program comes to know it. */
interface Server {
  readonly user: string
  readonly host: string
  readonly port?: number
}

/** Sets this machine up. Running it again is harmless: what the server knows already is not asked for again. */
export const setupClient = Effect.fn("setupClient")(function* (options: SetupClientOptions) {
  const { way } = options
  switch (way._tag) {
    case "print-key": {
      yield* checkName(way.host)
      const publicKey = yield* ownKey()
      const result: SetupClientResult = {
        _tag: "key",
        host: way.host,
        publicKey,
        command: `byteback add-client ${way.host} '${publicKey}'`
      }
      return result
    }
    case "invitation":
      return yield* byInvitation(yield* Effect.fromResult(parseInvitation(way.invitation)))
    case "via":
      yield* checkName(way.host)
      return yield* byInvitation(yield* invitedVia(way, options.onTerminal ?? (() => Effect.void)))
    case "destination":
      yield* checkName(way.host)
      return yield* byDestination(way)
  }
})

const checkName = (host: string) => (isHostName(host) ? Effect.void : Effect.fail(new InvalidHostName({ name: host })))

/** Sees to a configuration directory that is safe, and to a key in it; answers with the key's public half. */
const ownKey = Effect.fnUntraced(function* () {
  const layout = yield* Layout
  const files = yield* SystemFile
  const ssh = yield* Ssh
  const me = yield* (yield* Accounts).acting
  const found = yield* files.state(layout.config)
  if (found === null) yield* files.directory(layout.config, 0o755)
  const problem = found === null ? null : unsafeOwnership(found, me, false)
  if (problem !== null) {
    return yield* new SetupClientRefused({
      reason: "unsafe",
      detail: `${layout.config} ${problem}; nothing was changed`
    })
  }
  const file = join(layout.config, "key")
  yield* ssh.generateKey(file)
  return yield* ssh.publicKey(file)
})

const byInvitation = Effect.fnUntraced(function* (invitation: Invitation) {
  const files = yield* SystemFile
  const server: Server = {
    user: invitation.user,
    host: invitation.address,
    ...(invitation.port === 22 ? {} : { port: invitation.port })
  }
  const publicKey = yield* ownKey()
  const scratch = yield* files.scratch
  const knownHosts = join(scratch, "known_hosts")
  yield* files.write(knownHosts, knownHostLines(server, invitation.hostKeys), 0o600)
  const before = yield* knownAs(server, knownHosts)
  if (before === null) {
    const keyFile = join(scratch, "invitation")
    yield* files.write(keyFile, pemOfKey(invitation.key), 0o600)
    yield* Effect.gen(function* () {
      const session = yield* (yield* BackupServer).connect({ ...server, keyFile, knownHosts })
      yield* session.enrol(invitation.host, publicKey)
    }).pipe(
      Effect.scoped,
      Effect.catchTag("SshError", (error) => Effect.fail(invitationError(error, invitation)))
    )
  }
  return yield* settle(server, invitation.host, knownHosts, before)
}, Effect.scoped)

/** sshd does not say why it refuses a key: for an invitation there are two reasons only. */
const invitationError = (error: SshError, { expires, host }: Invitation): SshError | SetupClientRefused =>
  error.reason !== "key-refused"
    ? error
    : new SetupClientRefused({
        reason: "invitation",
        detail: `the server refused the invitation for ${host}: it was used already, or has expired (it was good until ${new Date(expires * 1000).toISOString().slice(0, 16)}Z, by the server's clock); ask for a new one`
      })

const byDestination = Effect.fnUntraced(function* (way: Extract<SetupClientWay, { readonly _tag: "destination" }>) {
  const layout = yield* Layout
  const files = yield* SystemFile
  const server: Server = yield* Effect.map(
    Effect.fromResult(parseDestination(way.destination)),
    ({ user, host, port }) => ({ user, host, ...(port === undefined ? {} : { port }) })
  )
  const publicKey = yield* ownKey()
  const knownHosts = join(yield* files.scratch, "known_hosts")
  const pinned =
    way.hostKey === undefined
      ? ((yield* files.read(join(layout.config, "known_hosts"))) ?? "")
      : yield* offeredKey(server, way.hostKey)
  yield* files.write(knownHosts, pinned, 0o600)
  const before = pinned === "" ? null : yield* knownAs(server, knownHosts)
  if (before === null) {
    const session = yield* (yield* BackupServer).connect({ ...server, knownHosts, ownIdentities: true })
    yield* session.enrol(way.host, publicKey)
  }
  return yield* settle(server, way.host, knownHosts, before)
}, Effect.scoped)

/** The line that pins the one key which the server offers and the user named. */
const offeredKey = Effect.fnUntraced(function* (server: Server, wanted: string) {
  const keys = keysOfLines(yield* (yield* Ssh).hostKeys(server.host, server.port))
  const named = keys.filter((key) => isHostKey(wanted, key, fingerprintOf(key.split(" ")[1] ?? "")))
  if (named.length > 0) return knownHostLines(server, named)
  const offered = keys.map((key) => fingerprintOf(key.split(" ")[1] ?? "")).join(", ")
  return yield* new SetupClientRefused({
    reason: "host-key",
    detail: `${server.host} does not show the host key that --host-key names, but ${offered}; nothing was sent: ask the server's administrator which one is right`
  })
})

/** The name by which the server knows this machine's own key; null if it does not. */
const knownAs = Effect.fnUntraced(
  function* (server: Server, knownHosts: string) {
    const layout = yield* Layout
    const session = yield* (yield* BackupServer).connect({ ...server, keyFile: join(layout.config, "key"), knownHosts })
    return (yield* session.hello).host
  },
  (self) =>
    self.pipe(
      Effect.scoped,
      Effect.catchIf(
        (error) => error._tag === "SshError" && (error.reason === "key-refused" || error.reason === "host-key-unknown"),
        () => Effect.succeed(null)
      )
    )
)

/** Writes what a backup needs, then says hello with this machine's own key. `known`: it was said before. */
const settle = Effect.fnUntraced(function* (server: Server, host: string, knownHosts: string, known: string | null) {
  const layout = yield* Layout
  const files = yield* SystemFile
  if (known !== null && known !== host) {
    return yield* new SetupClientRefused({
      reason: "other-name",
      detail: `this machine is enrolled there as ${known}; to enrol it as ${host}, remove ${known} on the server first (byteback remove-client ${known}), or use that name`
    })
  }
  const destination = formatDestination({ ...server, path: "" })
  const path = join(layout.config, "destination")
  const before = (yield* files.read(path))?.trim() ?? null
  const pins = (yield* files.read(knownHosts)) ?? ""
  yield* write(join(layout.config, "known_hosts"), pins)
  yield* write(path, `${destination}\n`)
  const said = known ?? (yield* helloAs(server))
  const result: SetupClientResult = {
    _tag: "ready",
    host: said,
    destination,
    replaced: before === null || before === destination ? null : before,
    before: known !== null,
    serverKeys: keysOfLines(pins.split("\n")).map((key) => fingerprintOf(key.split(" ")[1] ?? ""))
  }
  return result
})

const write = Effect.fnUntraced(function* (path: string, text: string) {
  const files = yield* SystemFile
  if ((yield* files.read(path)) !== text) yield* files.write(path, text, 0o644)
})

const helloAs = Effect.fnUntraced(function* (server: Server) {
  const layout = yield* Layout
  const keyFile = join(layout.config, "key")
  const knownHosts = join(layout.config, "known_hosts")
  const session = yield* (yield* BackupServer).connect({ ...server, keyFile, knownHosts })
  return (yield* session.hello).host
}, Effect.scoped)

const viaPattern = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_[][A-Za-z0-9_.:\]-]*$/
const decodeInvite = Schema.decodeUnknownEffect(Schema.fromJsonString(InviteResult))

/** Has an administrator's own account on the server make the invitation; ssh and sudo ask on the terminal. */
const invitedVia = Effect.fnUntraced(function* (
  { via, host, address }: Extract<SetupClientWay, { readonly _tag: "via" }>,
  show: (text: string) => Effect.Effect<void>
) {
  const exec = yield* Exec
  if (!viaPattern.test(via)) {
    return yield* new SetupClientRefused({
      reason: "bad-option",
      detail: `--via needs an account on the server, admin@server, and not ${JSON.stringify(via)}`
    })
  }
  const named = address === undefined ? null : yield* Effect.fromResult(parseServerAddress(address))
  const words = ["sudo", "byteback", "invite", host, "--json"]
  // an address consists of letters, digits and .:[]- only, of which a shell minds the brackets
  if (named !== null && address !== undefined) words.push("--address", `'${address}'`)
  const heard = yield* Ref.make(noAnswerYet)
  const decoder = new TextDecoder()
  const code = yield* exec.attach("ssh", ["-t", "-e", "none", "--", via, words.join(" ")], (chunk) =>
    Effect.flatMap(
      Ref.modify(heard, (before) => {
        const { answer, show: rest } = readTerminal(before, decoder.decode(chunk, { stream: true }))
        return [rest, answer] as const
      }),
      (rest) => (rest === "" ? Effect.void : show(rest))
    )
  )
  const { json } = yield* Ref.get(heard)
  const none = new SetupClientRefused({
    reason: "no-invitation",
    detail: `${via} made no invitation (ssh ended with ${code}; what it said is above); nothing was changed. May that account run sudo byteback invite on the server, and is byteback set up there?`
  })
  if (json === null) return yield* none
  const { token } = yield* Effect.mapError(decodeInvite(json.trim()), () => none)
  const invitation = yield* Effect.fromResult(Result.mapError(parseInvitation(token), () => none))
  return invitation.host === host ? invitation : yield* none
})
