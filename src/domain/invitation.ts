// An invitation: one line to paste on a machine, with all that it needs to enrol and to know the server again.
import { Result, Schema } from "effect"
import type { ExitName } from "./exitCode.ts"
import { isHostName } from "./hostName.ts"

/** What was pasted is no invitation. Nothing was changed. */
export class InvalidInvitation extends Schema.TaggedError<InvalidInvitation>()("InvalidInvitation", {
  why: Schema.String
}) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    return `this is no invitation (${this.why}); paste the whole line that byteback invite printed, or ask for a new one`
  }
}

/** `TYPE BASE64` of a public key. */
const keyWords = Schema.String.check(Schema.isPattern(/^[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{16,4096}={0,2}$/))
const clean = (most: number) => Schema.String.check(Schema.isPattern(new RegExp(`^[A-Za-z0-9_.:%-]{1,${most}}$`)))

/**
 * `key`: the base64 inside the one-time private key's PEM; `expires`: epoch seconds of the server's clock; `hostKeys`:
 * the server's own public keys, so that nothing is trusted on first use.
 */
export const Invitation = Schema.Struct({
  v: Schema.Literal(1),
  address: clean(253),
  port: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 })),
  user: Schema.String.check(Schema.isPattern(/^[a-z_][a-z0-9_-]{0,31}$/)),
  host: Schema.String.check(Schema.makeFilter(isHostName)),
  hostKeys: Schema.Array(keyWords).check(Schema.isMinLength(1), Schema.isMaxLength(8)),
  key: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9+/]{64,4096}={0,2}$/)),
  expires: Schema.Int
})
export type Invitation = typeof Invitation.Type

const json = Schema.fromJsonString(Invitation)
const decode = Schema.decodeUnknownResult(json)
const encode = Schema.encodeSync(json)

/** The token: base64url of its JSON. */
export const formatInvitation = (invitation: Invitation): string =>
  Buffer.from(encode(invitation)).toString("base64url")

/** Reads a token, or the whole pasted line that ends in one; line breaks that a mail program put in do not matter. */
export const parseInvitation = (text: string): Result.Result<Invitation, InvalidInvitation> => {
  if (text.length > 64 * 1024) return Result.fail(new InvalidInvitation({ why: "it is too long" }))
  const token = text.replace(/^.*--invitation[ =]/s, "").replace(/\s+/g, "")
  if (!/^[A-Za-z0-9_-]+$/.test(token)) {
    return Result.fail(new InvalidInvitation({ why: "it holds other characters than an invitation does" }))
  }
  return Result.mapError(
    decode(Buffer.from(token, "base64url").toString("utf8")),
    () => new InvalidInvitation({ why: "it is damaged or cut off" })
  )
}

/** What to paste on the machine that is to be backed up. */
export const invitationCommand = (invitation: Invitation): string =>
  `byteback setup-client --invitation ${formatInvitation(invitation)}`

const pemWidth = 70
const begin = "-----BEGIN OPENSSH PRIVATE KEY-----"
const end = "-----END OPENSSH PRIVATE KEY-----"

/** The private key file that ssh reads. */
export const pemOfKey = (key: string): string =>
  `${begin}\n${key.replace(new RegExp(`.{1,${pemWidth}}`, "g"), "$&\n")}${end}\n`

/** The base64 of a private key file; `null` if it is none. */
export const keyOfPem = (pem: string): string | null => {
  const text = pem.replace(/\s*\n\s*/g, "")
  return text.startsWith(begin) && text.endsWith(end) ? text.slice(begin.length, -end.length) : null
}
