// A server in memory for tests of its programs: one host that is enrolled, and the clock in the test's hand.
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { formatPushRecord } from "../../src/domain/pushRecord.ts"
import { Journal } from "../../src/services/Journal.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Registry } from "../../src/services/Registry.ts"
import { Runs } from "../../src/services/Runs.ts"
import { Store } from "../../src/services/Store.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { record } from "../services/Runs.contract.ts"

export const serverFakes = Layer.mergeAll(
  Store.layerFake,
  Registry.layerFake,
  Journal.layerFake,
  Runs.layerFake,
  SystemFile.layerFake,
  Lock.layerFake
)

export const host = "a.example"
export const hour = 3600
/** 2026-11-23T17:52:40 UTC, epoch seconds. */
export const start = Date.UTC(2026, 10, 23, 17, 52, 40) / 1000

/** Sets the clock, in epoch seconds. */
export const at = (seconds: number) => TestClock.setTime(seconds * 1000)

/** The host is enrolled and the clock stands at `start`. */
export const enrolled = Effect.gen(function* () {
  yield* at(start)
  const { uid } = yield* (yield* Registry).add(host)
  yield* (yield* Store).createHost(host, uid)
})

/** A push that has ended with this exit code of rsync, as its recorder tells of it; `sole`: the only one since the last complete run. */
export const pushed = Effect.fn("pushed")(function* (code: number, sole: boolean = false) {
  const files = yield* SystemFile
  yield* files.remove(`/var/lib/byteback/token/${host}`)
  yield* record(host, formatPushRecord({ _tag: "Ended", code, sole }))
})
