// Who may ask what at the forced command.
import { assert, describe, it } from "@effect/vitest"
import { forcedCommand } from "../../src/domain/forcedCommand.ts"

const typed = { _tag: "Typed", json: "{}" } as const
const ping = { _tag: "Ping", verbose: false } as const
const complete = { _tag: "Complete", verbose: false } as const

const accepted = (session: Parameters<typeof forcedCommand>[0]) => {
  const result = forcedCommand(session)
  return result.ok ? result : assert.fail(result.message)
}

describe("the forced command", () => {
  it("believes a key's line for what sshd forced, and takes the host from there", () => {
    const session = accepted({ words: "byteback-receive web", original: "x", loggedInBy: "key" })
    assert.strictEqual(session.line, "x")
    assert.strictEqual(session.host, "web")
    assert.deepStrictEqual(session.words(ping), ["ping", "web"])
    assert.deepStrictEqual(session.words(complete), ["complete", "web"])
    assert.deepStrictEqual(session.words(typed), ["typed", "web"])
  })

  it("lets an invitation enrol its host, and nothing else", () => {
    const session = accepted({ words: "byteback-receive --enrol web", original: "x", loggedInBy: "key" })
    assert.isNull(session.host)
    assert.deepStrictEqual(session.words(typed), ["enrol", "web"])
    assert.isNull(session.words(ping))
  })

  it("lets an administrator's key and a password enrol any host, and nothing else", () => {
    for (const session of [
      accepted({ words: "byteback-receive --enrol", original: "x", loggedInBy: "key" }),
      accepted({ words: "x", original: undefined, loggedInBy: "password" })
    ]) {
      assert.strictEqual(session.line, "x")
      assert.deepStrictEqual(session.words(typed), ["enrol"])
      assert.isNull(session.words(ping))
    }
  })

  it("takes what a password says for a request, also when it looks like a key's line", () => {
    const session = accepted({ words: "byteback-receive web", original: undefined, loggedInBy: "password" })
    assert.deepStrictEqual(session.words(typed), ["enrol"])
  })

  it("refuses a key without a forced command, whatever it says", () => {
    for (const words of ["", "byteback-receive web", "sh", "byteback-receive --enrol"]) {
      for (const loggedInBy of ["key", "unknown"] as const) {
        const result = forcedCommand({ words, original: undefined, loggedInBy })
        assert.isFalse(result.ok)
      }
    }
  })

  it("refuses a line that is not one of ours", () => {
    for (const words of [
      "byteback-receive",
      "byteback-receive ..",
      "byteback-receive web other",
      "byteback-receive --enrol a b",
      "byteback-receive --enrol ..",
      "byteback-receive  web",
      "byteback-receive Web",
      "rsync --server",
      "sh -c byteback-receive"
    ]) {
      assert.isFalse(forcedCommand({ words, original: "x", loggedInBy: "key" }).ok, words)
    }
  })
})
