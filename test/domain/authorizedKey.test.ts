// Facts about the keys that may log in and the lines that stand for them.
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import {
  formatKeyFile,
  formatLine,
  holderOf,
  isSourceAddress,
  type KeyEntry,
  parseKeyFile,
  parseLine,
  parsePublicKey
} from "../../src/domain/authorizedKey.ts"
import { blobOf, hostName, modulus, numberedKey, publicKey } from "./publicKeys.ts"

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  hostName,
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, bits]) => `${ip}/${bits}`)
)

const entry: fc.Arbitrary<KeyEntry> = fc.oneof(
  fc.record({
    _tag: fc.constant("host" as const),
    host: hostName,
    from: fc.array(address, { maxLength: 3 }),
    key: publicKey
  }),
  fc.record({
    _tag: fc.constant("invitation" as const),
    host: hostName,
    expires: fc.integer({ min: 0, max: 4102444800 }),
    key: publicKey
  }),
  fc.record({ _tag: fc.constant("administrator" as const), key: publicKey })
)

const line = (type: string, ...fields: ReadonlyArray<Uint8Array | string>) => `${type} ${blobOf(...fields)}`
const ed25519 = Buffer.alloc(32, 7)
const good = line("ssh-ed25519", "ssh-ed25519", ed25519)
const padded = line("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "nistp256", Buffer.alloc(65, 4))

describe("a public key", () => {
  it("is accepted in every type, with and without a comment, which is dropped", () => {
    fc.assert(
      fc.property(publicKey, fc.option(fc.stringMatching(/^[!-~]{1,30}$/)), (key, comment) => {
        const parsed = parsePublicKey(`${key.type} ${key.blob}${comment === null ? "" : ` ${comment}`}\n`)
        assert.deepStrictEqual(Result.getOrThrow(parsed), key)
      })
    )
  })

  it("never makes the parser throw, whatever the text", () => {
    const near = fc.tuple(publicKey, fc.nat(200), fc.string({ maxLength: 3 })).map(([key, at, dirt]) => {
      const text = `${key.type} ${key.blob} comment`
      return text.slice(0, at) + dirt + text.slice(at + 1)
    })
    fc.assert(fc.property(fc.oneof(fc.string({ unit: "binary" }), near), (text) => void parsePublicKey(text)))
  })

  it("is only ever a known type and base64, so that no other text of the sender's can reach a line", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          publicKey.map((key) => `${key.type} ${key.blob} x`)
        ),
        fc.string(),
        (text, more) => {
          const parsed = parsePublicKey(text + more)
          if (Result.isSuccess(parsed))
            assert.match(
              formatLine({ _tag: "administrator", key: parsed.success }),
              /^restrict,command="byteback-receive --enrol" [a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2} byteback-administrator$/
            )
        }
      )
    )
  })

  it.each([
    ["an option in front", `no-pty ${good}`],
    ["a command in front", `command="sh" ${good}`],
    ["two lines", `${good}\n${good}`],
    ["a carriage return", `${good}\r\n`],
    ["one word", "ssh-ed25519"],
    ["four words", `${good} a b`],
    ["a type of another kind", line("ssh-dss", "ssh-dss", ed25519)],
    ["a certificate", line("ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com", ed25519)],
    ["a type that differs from the blob's", line("ssh-ed25519", "ssh-rsa", ed25519)],
    ["base64 without padding", padded.replace(/=+$/, "")],
    ["base64 with spare bits set", padded.replace(/.=$/, "B=")],
    ["base64 of the web", good.replace(/A/g, "_")],
    ["a quote in the base64", `${good.slice(0, -2)}"x`],
    ["a key that is too short", line("ssh-ed25519", "ssh-ed25519", Buffer.alloc(31))],
    ["something behind the key", line("ssh-ed25519", "ssh-ed25519", ed25519, "x")],
    ["a curve that differs", line("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "nistp384", Buffer.alloc(65, 4))],
    ["a compressed point", line("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "nistp256", Buffer.alloc(33, 2))],
    ["RSA of 3071 bits", line("ssh-rsa", "ssh-rsa", Buffer.from([3]), modulus(3071, Buffer.alloc(384, 255)))],
    ["a negative modulus", line("ssh-rsa", "ssh-rsa", Buffer.from([3]), Buffer.alloc(384, 255))],
    [
      "a modulus padded to look long",
      line("ssh-rsa", "ssh-rsa", Buffer.from([3]), Buffer.concat([Buffer.alloc(384), Buffer.alloc(128, 127)]))
    ],
    ["4096 characters and more", `${good} ${"c".repeat(4096)}`],
    ["nothing", ""]
  ])("is refused with %s", (_, text) => {
    assert.isTrue(Result.isFailure(parsePublicKey(text)))
  })

  it("of RSA needs 3072 bits, and padding is no flaw", () => {
    assert.isTrue(Result.isSuccess(parsePublicKey(padded)))
    const exact = line("ssh-rsa", "ssh-rsa", Buffer.from([1, 0, 1]), modulus(3072, Buffer.alloc(384, 90)))
    assert.isTrue(Result.isSuccess(parsePublicKey(exact)))
  })
})

describe("a line of authorized_keys", () => {
  it("is read back as what was written", () => {
    fc.assert(fc.property(entry, (each) => assert.deepStrictEqual(parseLine(formatLine(each)), each)))
  })

  it("of somebody else's is not taken for ours, even one character away", () => {
    fc.assert(
      fc.property(entry, fc.nat(400), fc.constantFrom(" ", ",", '"', "\t", "x", ""), (each, at, dirt) => {
        const written = formatLine(each)
        const changed = written.slice(0, at) + dirt + written.slice(at + (dirt === "" ? 1 : 0))
        const read = parseLine(changed)
        if (read !== null) assert.strictEqual(formatLine(read), changed)
      })
    )
  })

  it("says exactly this", () => {
    const key = { type: "ssh-ed25519" as const, blob: good.split(" ")[1]! }
    const lines = [
      formatLine({ _tag: "host", host: "web1", from: ["192.0.2.0/24", "2001:db8::1"], key }),
      formatLine({ _tag: "host", host: "web1", from: [], key }),
      formatLine({ _tag: "invitation", host: "web1", expires: Date.UTC(2026, 10, 23, 17, 52, 1) / 1000, key }),
      formatLine({ _tag: "administrator", key })
    ]
    assert.deepStrictEqual(lines, [
      `restrict,command="byteback-receive web1",from="192.0.2.0/24,2001:db8::1" ${good} byteback:web1`,
      `restrict,command="byteback-receive web1" ${good} byteback:web1`,
      `restrict,expiry-time="20261123175201Z",command="byteback-receive --enrol web1" ${good} byteback-invitation:web1`,
      `restrict,command="byteback-receive --enrol" ${good} byteback-administrator`
    ])
  })

  it("is never written for a name, an address or a time that could break out of it", () => {
    const key = numberedKey(1)
    const bad: ReadonlyArray<KeyEntry> = [
      { _tag: "host", host: 'a" ', from: [], key },
      { _tag: "host", host: "..", from: [], key },
      { _tag: "host", host: "a", from: ['*",command="sh'], key },
      { _tag: "host", host: "a", from: ["*"], key },
      { _tag: "invitation", host: "a", expires: Number.NaN, key },
      { _tag: "invitation", host: "a", expires: 1e12, key }
    ]
    for (const each of bad) assert.throws(() => formatLine(each))
  })
})

describe("an address that a key is bound to", () => {
  it.each(["*", "", "a,b", "a b", "!a", "-a", "a*", '"', "10.0.0.0/", "a\n"])("is not %j", (text) => {
    assert.isFalse(isSourceAddress(text))
  })
})

describe("the file of keys", () => {
  it("keeps the lines of others, and what was written is read back", () => {
    const comment = fc.stringMatching(/^# [ -~]{0,40}$/)
    fc.assert(
      fc.property(fc.array(entry), fc.array(comment), (entries, foreign) => {
        const file = { entries, foreign }
        assert.deepStrictEqual(parseKeyFile(formatKeyFile(file)), file)
      })
    )
  })

  it("is never read into an entry that would be written differently, and never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.isTrue(parseKeyFile(text).entries.every((each) => text.includes(formatLine(each))))
      })
    )
  })

  it("knows whose a key is, also among the lines of others", () => {
    const [one, two, three] = [numberedKey(1), numberedKey(2), numberedKey(3)]
    const host: KeyEntry = { _tag: "host", host: "a", from: [], key: one }
    const file = { entries: [host], foreign: [`command="x" ${two.type} ${two.blob} me`] }
    assert.deepStrictEqual(holderOf(file, one), host)
    assert.strictEqual(holderOf(file, two), "somebody else")
    assert.isNull(holderOf(file, three))
  })
})
