// The first words of a session: what counts as a hello, what is answered, and who is too old for whom.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as fc from "fast-check"
import { Hello, HelloAnswer } from "../../src/domain/Conversation.ts"
import { helloAnswer, incompatibility, isHello } from "../../src/domain/hello.ts"

describe("the first words", () => {
  it("are known by the very rule that the client's Schema has", () => {
    const part = fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constant(null))
    const asked = fc.record(
      { _tag: fc.constantFrom("hello", "complete"), protocol: part, oldest: part, version: part },
      { requiredKeys: [] }
    )
    fc.assert(
      fc.property(asked, (said) => {
        const json = JSON.stringify(said)
        assert.strictEqual(isHello(json), Schema.is(Hello)(JSON.parse(json)))
      })
    )
    fc.assert(fc.property(fc.string(), (text) => assert.isFalse(isHello(text))))
    for (const json of ["null", "[]", "3", '"hello"']) assert.isFalse(isHello(json))
  })

  it.effect("are answered in one line that the client's Schema reads", () =>
    Effect.gen(function* () {
      const line = helloAnswer("web", 1_795_456_320)
      assert.notMatch(line, /\n/)
      const answer = yield* Schema.decodeEffect(Schema.fromJsonString(HelloAnswer))(line)
      assert.deepStrictEqual([answer.host, answer.now], ["web", 1_795_456_320])
    })
  )

  it("knows who is too old for whom", () => {
    const at = (protocol: number, oldest: number) => ({ protocol, oldest })
    assert.isNull(incompatibility(at(1, 1), at(1, 1)))
    assert.isNull(incompatibility(at(3, 1), at(2, 2)))
    assert.strictEqual(incompatibility(at(3, 2), at(1, 1)), "server-too-old")
    assert.strictEqual(incompatibility(at(1, 1), at(3, 2)), "server-too-new")
  })
})
