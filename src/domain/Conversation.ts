// What client and server say to each other: the typed requests and their answers.
import { Schema } from "effect"
import { Base64Url } from "effect/encoding"

const Versions = { protocol: Schema.Int, oldest: Schema.Int, version: Schema.String }

/** First contact of a run: who am I here, what do you speak? Answered by `helloAnswer`. */
export const Hello = Schema.TaggedStruct("hello", Versions)

/**
 * What a client says its push did, as its rsync counted: files that were sent and removed, and the bytes of all that were sent. Only
 * good for telling whether it is worth waiting for a measure: the server measures all the same.
 */
export const Claim = Schema.Struct({ transferred: Schema.Natural, deleted: Schema.Natural, bytes: Schema.Natural })
export type Claim = typeof Claim.Type

/**
 * The push has ended: take a snapshot. `transfer` is the client's rsync exit code (0, 23 or 24). `run`: the same for all attempts of a
 * run, so that one whose answer was lost gets its snapshot named when it asks again, and not a second one.
 */
export const Complete = Schema.TaggedStruct("complete", {
  transfer: Schema.Literals([0, 23, 24]),
  unreadable: Schema.optionalKey(Schema.Int),
  claim: Schema.optionalKey(Claim),
  run: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[0-9a-f-]{36}$/)))
})
export type Complete = typeof Complete.Type

/** Which restore points are there? */
export const Snapshots = Schema.TaggedStruct("snapshots", {})

/** Make this machine a host with this public key; only an enrolment session may say it. */
export const Enrol = Schema.TaggedStruct("enrol", {
  host: Schema.String.check(Schema.isMaxLength(64)),
  key: Schema.String.check(Schema.isMaxLength(4096))
})

/** Everything that may stand in `byteback request`. */
export const TypedRequest = Schema.Union([Hello, Complete, Snapshots, Enrol])
export type TypedRequest = typeof TypedRequest.Type

/**
 * A restore point as the server tells of it: `at` in epoch seconds of the server's clock. `bytes`: new in it since the one before (all
 * of it in the first), `files`: how many it holds, as far as both are known. `hold`: why nothing prunes it, and until when in epoch
 * seconds (null: until it is released). `note`: what is odd about it.
 */
export const SnapshotInfo = Schema.Struct({
  name: Schema.String,
  at: Schema.NullOr(Schema.Int),
  state: Schema.Literals(["complete", "incomplete", "suspect", "foreign"]),
  held: Schema.Boolean,
  bytes: Schema.optionalKey(Schema.Int),
  files: Schema.optionalKey(Schema.Int),
  hold: Schema.optionalKey(Schema.Struct({ until: Schema.NullOr(Schema.Int), why: Schema.String })),
  note: Schema.optionalKey(Schema.NullOr(Schema.String))
})
export type SnapshotInfo = typeof SnapshotInfo.Type

/** The server's answer to hello; `now` in epoch seconds. */
export const HelloAnswer = Schema.TaggedStruct("hello", {
  ...Versions,
  host: Schema.String,
  now: Schema.Int
})
export type HelloAnswer = typeof HelloAnswer.Type

/**
 * A snapshot was taken. `due`: when the next may be, epoch seconds. `anomaly`: why it looks wrong, where it does. `token`: null where the
 * run was given the snapshot before: something may have been pushed since.
 */
export const CompleteAnswer = Schema.TaggedStruct("complete", {
  snapshot: SnapshotInfo,
  anomaly: Schema.optionalKey(Schema.NullOr(Schema.String)),
  due: Schema.NullOr(Schema.Int),
  token: Schema.NullOr(Schema.String)
})
export type CompleteAnswer = typeof CompleteAnswer.Type

export const SnapshotsAnswer = Schema.TaggedStruct("snapshots", { snapshots: Schema.Array(SnapshotInfo) })
export type SnapshotsAnswer = typeof SnapshotsAnswer.Type

export const EnrolAnswer = Schema.TaggedStruct("enrol", { host: Schema.String })
export type EnrolAnswer = typeof EnrolAnswer.Type

/** The server said no: `code` is an exit code, `due` the time (epoch seconds) at which it makes sense to come back. */
export const Refusal = Schema.TaggedStruct("refusal", {
  code: Schema.Int,
  message: Schema.String,
  due: Schema.NullOr(Schema.Int)
})
export type Refusal = typeof Refusal.Type

export const Answer = Schema.Union([HelloAnswer, CompleteAnswer, SnapshotsAnswer, EnrolAnswer, Refusal])
export type Answer = typeof Answer.Type

const json = Schema.fromJsonString(TypedRequest)

/** The command line that carries a request: `byteback request BASE64URL(JSON)`. */
export const commandLine = (request: TypedRequest): string =>
  `byteback request ${Base64Url.encode(Schema.encodeSync(json)(request))}`

/** Decodes the JSON of a typed request. */
export const decodeRequest = Schema.decodeUnknownEffect(json)

/** Decodes and prints an answer: one line of JSON. */
export const decodeAnswer = Schema.decodeUnknownEffect(Schema.fromJsonString(Answer))
export const encodeAnswer = Schema.encodeSync(Schema.fromJsonString(Answer))
