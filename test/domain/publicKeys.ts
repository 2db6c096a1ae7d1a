// Public keys made up of random bytes in the right shape, for property tests; no private half exists.
import * as fc from "fast-check"
import type { KeyType, PublicKey } from "../../src/domain/authorizedKey.ts"

const field = (bytes: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** The base64 of a key blob with these fields. */
export const blobOf = (...fields: ReadonlyArray<Uint8Array | string>): string =>
  Buffer.concat(fields.map((each) => field(typeof each === "string" ? Buffer.from(each) : each))).toString("base64")

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

/** An RSA modulus of so many bits: the top bit is set, and a zero byte keeps it positive where that is the sign. */
export const modulus = (bits: number, rest: Uint8Array): Uint8Array => {
  const body = Buffer.alloc(Math.ceil(bits / 8))
  Buffer.from(rest).copy(body, 0, 0, body.length)
  const top = (bits - 1) % 8
  body[0] = (body[0]! & ((1 << top) - 1)) | (1 << top)
  return top === 7 ? Buffer.concat([Buffer.from([0]), body]) : body
}

const curve = (type: KeyType, name: string, coordinate: number, application: boolean): fc.Arbitrary<PublicKey> =>
  bytes(2 * coordinate).map((point) => ({
    type,
    blob: blobOf(type, name, Buffer.concat([Buffer.from([4]), point]), ...(application ? ["ssh:"] : []))
  }))

export const publicKey: fc.Arbitrary<PublicKey> = fc.oneof(
  bytes(32).map((key) => ({ type: "ssh-ed25519" as const, blob: blobOf("ssh-ed25519", key) })),
  bytes(32).map((key) => ({
    type: "sk-ssh-ed25519@openssh.com" as const,
    blob: blobOf("sk-ssh-ed25519@openssh.com", key, "ssh:")
  })),
  curve("ecdsa-sha2-nistp256", "nistp256", 32, false),
  curve("ecdsa-sha2-nistp384", "nistp384", 48, false),
  curve("ecdsa-sha2-nistp521", "nistp521", 66, false),
  curve("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", 32, true),
  fc.tuple(fc.integer({ min: 3072, max: 4096 }), bytes(512)).map(([bits, rest]) => ({
    type: "ssh-rsa" as const,
    blob: blobOf("ssh-rsa", Buffer.from([1, 0, 1]), modulus(bits, rest))
  }))
)

/** The n-th of as many different ed25519 keys as a test wants. */
export const numberedKey = (n: number): PublicKey => ({
  type: "ssh-ed25519",
  blob: blobOf("ssh-ed25519", Buffer.alloc(32, n))
})

/** Names that hosts may have. */
export const hostName: fc.Arbitrary<string> = fc.stringMatching(
  /^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]{1,9})?$/
)
