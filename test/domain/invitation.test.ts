// Facts about invitations, pinned host keys, and an answer found on a terminal.
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import {
  formatInvitation,
  type Invitation,
  invitationCommand,
  keyOfPem,
  parseInvitation,
  pemOfKey
} from "../../src/domain/invitation.ts"
import { isHostKey, keysOfLines, knownHostLines } from "../../src/domain/knownHost.ts"
import { noAnswerYet, readTerminal } from "../../src/domain/terminalAnswer.ts"
import { hostName, publicKey } from "./publicKeys.ts"

const secret = fc.uint8Array({ minLength: 60, maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("base64"))
const invitation: fc.Arbitrary<Invitation> = fc.record({
  v: fc.constant(1 as const),
  address: fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()),
  port: fc.integer({ min: 1, max: 65535 }),
  user: fc.constant("byteback"),
  host: hostName,
  hostKeys: fc.array(
    publicKey.map(({ type, blob }) => `${type} ${blob}`),
    { minLength: 1, maxLength: 3 }
  ),
  key: secret,
  expires: fc.nat()
})

const token = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")

describe("an invitation", () => {
  it("is read back, as a token, as the pasted line, and broken over lines", () => {
    fc.assert(
      fc.property(invitation, fc.nat(300), (each, at) => {
        const written = formatInvitation(each)
        for (const text of [written, invitationCommand(each), `${written.slice(0, at)}\r\n ${written.slice(at)}`]) {
          assert.deepStrictEqual(Result.getOrThrow(parseInvitation(text)), each)
        }
      })
    )
  })

  it("that is cut off or is something else is refused, never thrown", () => {
    fc.assert(
      fc.property(invitation, fc.string({ unit: "binary" }), fc.nat(), (each, noise, at) => {
        const token = formatInvitation(each)
        assert.isTrue(Result.isFailure(parseInvitation(token.slice(0, at % (token.length - 2)))))
        assert.isTrue(Result.isFailure(parseInvitation(noise)))
      })
    )
  })

  it.each([
    { address: "-oProxyCommand=x" },
    { address: "a b" },
    { host: "A" },
    { user: "root;x" },
    { port: 0 },
    { hostKeys: [] },
    { hostKeys: ["ssh-ed25519 AAAAAAAAAAAAAAAAAAAAAAAA\n* x"] },
    { key: "x\n" },
    { v: 2 }
  ])("with %j in it is refused", (bad) => {
    const good = {
      v: 1,
      address: "a",
      port: 22,
      user: "byteback",
      host: "h",
      hostKeys: ["ssh-rsa AAAAAAAAAAAAAAAAAAAA"],
      key: "A".repeat(64),
      expires: 1
    }
    assert.isTrue(Result.isSuccess(parseInvitation(token(good))))
    assert.isTrue(Result.isFailure(parseInvitation(token({ ...good, ...bad }))))
  })

  it("carries the private key as ssh wrote it", () => {
    fc.assert(fc.property(secret, (key) => assert.strictEqual(keyOfPem(pemOfKey(key)), key)))
    assert.isNull(keyOfPem("-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----\n"))
  })
})

describe("a pinned host key", () => {
  it("is found again in its line", () => {
    fc.assert(
      fc.property(
        hostName,
        fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined }),
        publicKey,
        (host, port, key) => {
          const words = `${key.type} ${key.blob}`
          const line = knownHostLines({ host, port }, [words])
          assert.deepStrictEqual(keysOfLines(line.split("\n")), [words])
          assert.isTrue(isHostKey(line, words, "SHA256:x"))
          assert.isTrue(isHostKey(`${words} root@server`, words, "SHA256:x"))
        }
      )
    )
  })

  it("stands under the bare name at port 22, and under name and port elsewhere", () => {
    assert.strictEqual(knownHostLines({ host: "a", port: 22 }, ["t k"]), "a t k\n")
    assert.strictEqual(knownHostLines({ host: "::1", port: 2222 }, ["t k"]), "[::1]:2222 t k\n")
  })

  it("is named by its whole fingerprint or its whole key, not by a part", () => {
    const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcH"
    assert.isTrue(isHostKey("SHA256:abc=", key, "SHA256:abc"))
    for (const part of [
      "SHA256:ab",
      "SHA256:",
      "ssh-ed25519",
      "ssh-ed25519 AAAA",
      "",
      "AAAAC3NzaC1lZDI1NTE5AAAAIAcH"
    ]) {
      assert.isFalse(isHostKey(part, key, "SHA256:abc"), part)
    }
  })
})

describe("an answer on a terminal", () => {
  it("is the line of JSON, wherever the pieces break; the rest is shown", () => {
    const chatter = fc.stringMatching(/^[a-z :\r\n]{0,30}$/)
    fc.assert(
      fc.property(chatter, chatter, fc.array(fc.nat(80), { maxLength: 5 }), (before, after, cuts) => {
        const json = '{"a":"}{","b":1}'
        const text = `${before}\r\n${json}\r\n${after}`
        let answer = noAnswerYet
        let shown = ""
        const at = [0, ...cuts.map((cut) => cut % text.length).toSorted((a, b) => a - b), text.length]
        for (let index = 1; index < at.length; index++) {
          const step = readTerminal(answer, text.slice(at[index - 1], at[index]))
          answer = step.answer
          shown += step.show
        }
        assert.strictEqual(answer.json?.trim(), json)
        assert.strictEqual(shown, `${before}\r\n${after}`)
      })
    )
  })
})
