// The typed requests and answers, and who is too old for whom.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Base64Url } from "effect/encoding"
import {
  type Answer,
  commandLine,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  type TypedRequest
} from "../../src/domain/Conversation.ts"

const requests: ReadonlyArray<TypedRequest> = [
  { _tag: "hello", protocol: 1, oldest: 1, version: "0.5.0" },
  { _tag: "complete", transfer: 23 },
  { _tag: "complete", transfer: 0, run: "0f8fad5b-d9cb-469f-a165-70867728950e" },
  { _tag: "snapshots" },
  { _tag: "enrol", host: "web", key: "ssh-ed25519 AAAA" }
]

const answers: ReadonlyArray<Answer> = [
  { _tag: "refusal", code: 15, message: "zu früh", due: 1_795_456_320 },
  { _tag: "snapshots", snapshots: [{ name: "saved", at: null, state: "foreign", held: false }] }
]

describe("the conversation", () => {
  it.effect("carries every request as one word of the base64url alphabet", () =>
    Effect.gen(function* () {
      for (const request of requests) {
        const line = commandLine(request)
        assert.match(line, /^byteback request [A-Za-z0-9_-]+$/)
        const json = Base64Url.decodeString(line.split(" ")[2]!)
        assert.deepStrictEqual(yield* decodeRequest(json._tag === "Success" ? json.success : ""), request)
      }
    })
  )

  it.effect("carries every answer as one line", () =>
    Effect.gen(function* () {
      for (const answer of answers) {
        const line = encodeAnswer(answer)
        assert.notMatch(line, /\n/)
        assert.deepStrictEqual(yield* decodeAnswer(line), answer)
      }
    })
  )

  it.effect("refuses what is no request", () =>
    Effect.gen(function* () {
      for (const text of [
        "",
        "{}",
        "[]",
        '{"_tag":"complete","transfer":1}',
        '{"_tag":"complete","transfer":0,"run":"x\\n"}',
        '{"_tag":"rm"}'
      ]) {
        assert.isTrue(yield* Effect.isFailure(decodeRequest(text)), text)
      }
    })
  )
})
