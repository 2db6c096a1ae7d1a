// The server's answers: a typed request in, one line of JSON and an exit code out.
import { Cause, Console, Effect, Option, Ref } from "effect"
import { type Answer, decodeRequest, encodeAnswer, type Refusal, type TypedRequest } from "../domain/Conversation.ts"
import { exitCode } from "../domain/exitCode.ts"
import { refusalLine } from "../domain/refusalLine.ts"
import { completeRun, SuspectSnapshot } from "../programs/CompleteRun.ts"
import { enrol } from "../programs/Enrol.ts"
import { listSnapshots } from "../programs/ListSnapshots.ts"
import { pruneLater } from "../programs/pruneLater.ts"
import { SnapshotInterval } from "../programs/TakeSnapshot.ts"
import { ServerConfig } from "../services/ServerConfig.ts"
import { describeFailure, Ended } from "./outcome.ts"

const refusal = (code: number, message: string, due: number | null = null): Refusal => ({
  _tag: "refusal",
  code,
  message,
  due
})

/** What a client is told of a failure; of a bug of ours only that there was one. */
const refusalOf = (cause: Cause.Cause<unknown>): Refusal => {
  const error = Option.getOrNull(Cause.findErrorOption(cause))
  if (error === null)
    return refusal(exitCode.failed, "the server failed on this request; no backup was lost. Tell its administrator")
  const { line, code } = describeFailure(cause)
  if (error instanceof Ended)
    return refusal(code, "this is no request that the server understands; is it an older version?")
  const due = typeof error === "object" && "due" in error && typeof error.due === "number" ? error.due : null
  return refusal(code, line ?? "refused", due)
}

/** Prints the answer, or the refusal that a failure comes to, and ends with its code. */
const say = Effect.fnUntraced(function* <E, R>(answer: Effect.Effect<Answer, E, R>) {
  const said = yield* Effect.catchCause(answer, (cause) => Effect.succeed<Answer>(refusalOf(cause)))
  yield* Console.log(encodeAnswer(said))
  if (said._tag === "refusal") return yield* new Ended({ code: said.code })
})

const understood = (json: string) => Effect.mapError(decodeRequest(json), () => new Ended({ code: exitCode.refused }))

/** The host's snapshots are as far apart as its configuration says. */
const withInterval = <A, E, R>(host: string, effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(ServerConfig, (config) =>
    Effect.flatMap(config.snapshotInterval(host), (interval) =>
      Effect.provideService(effect, SnapshotInterval, interval)
    )
  )

const answerOf = Effect.fnUntraced(function* (host: string, request: TypedRequest) {
  switch (request._tag) {
    case "complete":
      return {
        _tag: "complete" as const,
        ...(yield* completeRun({ ...request, host }))
      }
    case "snapshots":
      return { _tag: "snapshots" as const, snapshots: (yield* listSnapshots({ host })).snapshots }
    case "enrol":
      return refusal(exitCode.refused, "this machine is enrolled already; nothing was changed")
    case "hello":
      // The forced command has answered it, or it was none.
      return yield* new Ended({ code: exitCode.refused })
  }
})

/** A typed request of an enrolled host. */
export const answerHostRequest = (host: string, json: string) =>
  Effect.flatMap(
    // What the answer is says whether the store has grown.
    Ref.make(false),
    (grown) =>
      Effect.flatMap(understood(json), (request) =>
        Effect.tap(withInterval(host, answerOf(host, request)), (answer) =>
          Ref.set(grown, answer._tag === "complete" && answer.token !== null)
        )
      ).pipe(
        say,
        Effect.andThen(Ref.get(grown)),
        Effect.flatMap((so) => (so ? pruneLater() : Effect.void))
      )
  )

/** A typed request of a session that may only enrol; `invitedAs` is the host that its invitation is for. */
export const answerEnrolmentRequest = (invitedAs: string | null, json: string) =>
  say(
    Effect.flatMap(understood(json), (request) =>
      request._tag === "enrol"
        ? Effect.map(enrol({ invitedAs, host: request.host, key: request.key }), (answer): Answer => answer)
        : Effect.succeed(refusal(exitCode.refused, "this session may only enrol a machine"))
    )
  )

/** An old client's `--complete`: success says nothing, a refusal is a line and a code. */
export const completeOldRun = (host: string) =>
  withInterval(host, completeRun({ host, transfer: 0 })).pipe(
    Effect.tap(() => pruneLater()),
    Effect.flatMap(({ anomaly }) =>
      anomaly === null ? Effect.void : Effect.fail(new SuspectSnapshot({ host, anomaly }))
    ),
    Effect.catchCause((cause) => {
      const { code, message } = refusalOf(cause)
      return Effect.andThen(Console.error(refusalLine({ code, message })), Effect.fail(new Ended({ code })))
    })
  )
