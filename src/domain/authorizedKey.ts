// The keys that may log in: which public keys are accepted, and the exact lines that stand in authorized_keys.
import { Result, Schema } from "effect"
import type { ExitName } from "./exitCode.ts"
import { isHostName } from "./hostName.ts"

/** A public key was not accepted. Nothing was written. */
export class KeyRefused extends Schema.TaggedError<KeyRefused>()("KeyRefused", { why: Schema.String }) {
  get exit(): ExitName {
    return "refused"
  }
  override get message() {
    return `this public key cannot be used: ${this.why}; give the one line of an OpenSSH .pub file (byteback setup-client --print-key prints one)`
  }
}

const keyTypes = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
  "ssh-rsa"
] as const
export type KeyType = (typeof keyTypes)[number]

/** A public key in OpenSSH's form: `blob` is canonical base64 whose own first field is `type`. */
export interface PublicKey {
  readonly type: KeyType
  readonly blob: string
}

/** What the text of a key line may be at most, in characters: RSA of 16384 bits with a comment fits. */
const longestKey = 4096
const rsaBits = { least: 3072, most: 16384 }

/**
 * Reads the one line of a .pub file: two or three words, `TYPE BASE64 [COMMENT]`. The comment is dropped: no text of
 * the sender's ever reaches a line but the base64, and that only if it decodes to a key of the type it says.
 */
export const parsePublicKey = (text: string): Result.Result<PublicKey, KeyRefused> => {
  const refuse = (why: string) => Result.fail(new KeyRefused({ why }))
  const line = text.endsWith("\n") ? text.slice(0, -1) : text
  if (line.length > longestKey) return refuse("it is too long")
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) return refuse("it has a line break or a control character in it")
  const words = line.split(/[ \t]+/).filter((word) => word !== "")
  const [type, blob] = words
  if (type === undefined || blob === undefined || words.length > 3) {
    return refuse("it must be two or three words: type, key and perhaps a comment")
  }
  if (!isKeyType(type)) return refuse(`its first word must be one of ${keyTypes.join(" ")}`)
  const bytes = decodeBase64(blob)
  if (bytes === null) return refuse("its second word is not base64")
  const why = flawOf(type, bytes)
  return why === null ? Result.succeed({ type, blob }) : refuse(why)
}

const isKeyType = (word: string): word is KeyType => (keyTypes as ReadonlyArray<string>).includes(word)

/** Strict base64: padded, no blanks, no spare bits. `null` for anything else. */
const decodeBase64 = (text: string): Uint8Array | null => {
  if (text === "" || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null
  const raw = atob(text)
  return btoa(raw) === text ? Uint8Array.from(raw, (char) => char.charCodeAt(0)) : null
}

/** Reads the length-prefixed fields that a key blob consists of; `null` where they do not fill it exactly. */
const fieldsOf = (bytes: Uint8Array): ReadonlyArray<Uint8Array> | null => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fields: Array<Uint8Array> = []
  let at = 0
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return null
    const length = view.getUint32(at)
    if (at + 4 + length > bytes.length) return null
    fields.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return fields
}

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

const flawOf = (type: KeyType, bytes: Uint8Array): string | null => {
  const fields = fieldsOf(bytes)
  const [inner, ...rest] = fields ?? []
  if (inner === undefined || ascii(inner) !== type) return "the key inside is not of the type that its first word says"
  const damaged = "the key inside is damaged"
  switch (type) {
    case "ssh-ed25519":
      return rest.length === 1 && rest[0]?.length === 32 ? null : damaged
    case "sk-ssh-ed25519@openssh.com":
      return rest.length === 2 && rest[0]?.length === 32 && isApplication(rest[1]) ? null : damaged
    case "ssh-rsa":
      return rest.length === 2 ? rsaFlaw(rest[0]!, rest[1]!) : damaged
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return rest.length === 3 && isCurvePoint("nistp256", rest[0]!, rest[1]!) && isApplication(rest[2])
        ? null
        : damaged
    default:
      return rest.length === 2 && isCurvePoint(type.slice("ecdsa-sha2-".length), rest[0]!, rest[1]!) ? null : damaged
  }
}

/** What a security key was made for, `ssh:` or `ssh:something`. */
const isApplication = (field: Uint8Array | undefined): boolean =>
  field !== undefined && /^ssh:[!-~]{0,64}$/.test(ascii(field))

const coordinateBytes: Record<string, number> = { nistp256: 32, nistp384: 48, nistp521: 66 }

const isCurvePoint = (curve: string, name: Uint8Array, point: Uint8Array): boolean =>
  ascii(name) === curve && point[0] === 4 && point.length === 1 + 2 * (coordinateBytes[curve] ?? 0)

/** SSH's big integers: no leading zero but the one that keeps them positive. */
const isPositive = (field: Uint8Array): boolean =>
  field.length > 0 && (field[0]! & 0x80) === 0 && !(field[0] === 0 && (field.length === 1 || (field[1]! & 0x80) === 0))

const rsaFlaw = (exponent: Uint8Array, modulus: Uint8Array): string | null => {
  if (!isPositive(exponent) || !isPositive(modulus) || exponent.length > 8) return "the key inside is damaged"
  const first = modulus[0] === 0 ? 1 : 0
  const bits = (modulus.length - first) * 8 - Math.clz32(modulus[first]!) + 24
  if (bits < rsaBits.least) return `an RSA key needs ${rsaBits.least} bits or more, this one has ${bits}`
  return bits > rsaBits.most ? "the key inside is damaged" : null
}

/** Who may log in with which key: a host, a one-time invitation (`expires` in epoch seconds), an administrator. */
export type KeyEntry =
  | { readonly _tag: "host"; readonly host: string; readonly from: ReadonlyArray<string>; readonly key: PublicKey }
  | { readonly _tag: "invitation"; readonly host: string; readonly expires: number; readonly key: PublicKey }
  | { readonly _tag: "administrator"; readonly key: PublicKey }

/** Addresses that `from="..."` may name: addresses, networks and host names, without wildcards. */
export const isSourceAddress = (text: string): boolean =>
  /^(?:[0-9A-Za-z](?:[0-9A-Za-z.-]{0,252}[0-9A-Za-z])?|[0-9A-Fa-f:.]{2,45}(?:\/[0-9]{1,3})?)$/.test(text)

const lastSecond = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000

/** May an entry stand in the file? Everything that is not a host name, a clean address or a possible time is kept out. */
const isSound = (entry: KeyEntry): boolean => {
  switch (entry._tag) {
    case "host":
      return isHostName(entry.host) && entry.from.every(isSourceAddress)
    case "invitation":
      return (
        isHostName(entry.host) && Number.isInteger(entry.expires) && entry.expires >= 0 && entry.expires <= lastSecond
      )
    case "administrator":
      return true
  }
}

/** `YYYYMMDDHHMMSSZ`, as sshd reads it since OpenSSH 9.1. */
const formatTime = (seconds: number): string => new Date(seconds * 1000).toISOString().replace(/[-:T]|\.000/g, "")

const parseTime = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6.000Z")) / 1000

/**
 * The line of an entry, without its line break. `restrict` takes every right away; the forced command names the host,
 * so that it comes from a root-owned file and never from the environment. Throws for an entry that is not sound.
 */
export const formatLine = (entry: KeyEntry): string => {
  if (!isSound(entry)) throw new Error("an entry with a name or a time that may not stand in authorized_keys")
  const key = `${entry.key.type} ${entry.key.blob}`
  switch (entry._tag) {
    case "host": {
      const from = entry.from.length === 0 ? "" : `,from="${entry.from.join(",")}"`
      return `restrict,command="byteback-receive ${entry.host}"${from} ${key} byteback:${entry.host}`
    }
    case "invitation":
      return `restrict,expiry-time="${formatTime(entry.expires)}",command="byteback-receive --enrol ${entry.host}" ${key} byteback-invitation:${entry.host}`
    case "administrator":
      return `restrict,command="byteback-receive --enrol" ${key} byteback-administrator`
  }
}

const lineForms = [
  /^restrict,command="byteback-receive (?<host>[a-z0-9.-]+)"(?:,from="(?<from>[^"]+)")? (?<type>\S+) (?<blob>\S+) byteback:\S+$/,
  /^restrict,expiry-time="(?<expires>\d{14}Z)",command="byteback-receive --enrol (?<host>[a-z0-9.-]+)" (?<type>\S+) (?<blob>\S+) byteback-invitation:\S+$/,
  /^restrict,command="byteback-receive --enrol" (?<type>\S+) (?<blob>\S+) byteback-administrator$/
] as const

/** Reads a line that byteback wrote, byte for byte; `null` for every other line, which is then somebody else's. */
export const parseLine = (line: string): KeyEntry | null => {
  for (const [index, form] of lineForms.entries()) {
    const groups = form.exec(line)?.groups
    if (groups === undefined) continue
    const parsed = parsePublicKey(`${groups["type"]} ${groups["blob"]}`)
    if (Result.isFailure(parsed)) return null
    const key = parsed.success
    const host = groups["host"] ?? ""
    const entry: KeyEntry =
      index === 0
        ? { _tag: "host", host, from: groups["from"]?.split(",") ?? [], key }
        : index === 1
          ? { _tag: "invitation", host, expires: parseTime(groups["expires"] ?? ""), key }
          : { _tag: "administrator", key }
    return isSound(entry) && formatLine(entry) === line ? entry : null
  }
  return null
}

/** The whole file: our entries, and the lines of others, which are kept as they are. */
export interface KeyFile {
  readonly entries: ReadonlyArray<KeyEntry>
  readonly foreign: ReadonlyArray<string>
}

export const parseKeyFile = (text: string): KeyFile => {
  const entries: Array<KeyEntry> = []
  const foreign: Array<string> = []
  for (const line of text.split("\n")) {
    const entry = parseLine(line)
    if (entry !== null) entries.push(entry)
    else if (line.trim() !== "") foreign.push(line)
  }
  return { entries, foreign }
}

export const formatKeyFile = (file: KeyFile): string =>
  [...file.foreign, ...file.entries.map(formatLine)].map((line) => `${line}\n`).join("")

/** Does this key stand in the file already? Lines of others count too: sshd takes the first line that matches a key. */
export const holderOf = (file: KeyFile, key: PublicKey): KeyEntry | "somebody else" | null =>
  file.entries.find((entry) => entry.key.blob === key.blob) ??
  (file.foreign.some((line) => line.split(/\s+/).includes(key.blob)) ? "somebody else" : null)
