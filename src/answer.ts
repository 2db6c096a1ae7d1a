// The privileged helper's entry: what needs more than a look and an exec is answered here, with services.
import { Effect, Layer } from "effect"
import { answerEnrolmentRequest, answerHostRequest, completeOldRun } from "./cli/answer.ts"
import { logger } from "./cli/logger.ts"
import { runToExit } from "./cli/runToExit.ts"
import { layer as services } from "./layer.ts"

const layer = Layer.mergeAll(services, logger)

/** A typed request of an enrolled host: one line of JSON on stdout. */
export const answerRequest = (host: string, json: string): void =>
  runToExit(Effect.provide(answerHostRequest(host, json), layer))

/** A typed request of a session that may enrol; `host` where its invitation names one. */
export const answerEnrolment = (host: string | null, json: string): void =>
  runToExit(Effect.provide(answerEnrolmentRequest(host, json), layer))

/** `byteback-receive --complete`: an old client's word that its push has ended. */
export const answerOldComplete = (host: string): void => runToExit(Effect.provide(completeOldRun(host), layer))
