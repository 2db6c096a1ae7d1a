// Answers a client's first words: who it is here, what this server speaks, how its backup stands.
import { Effect } from "effect"
import { protocol } from "../domain/Conversation.ts"
import { version } from "../domain/version.ts"
import { Registry } from "../services/Registry.ts"
import { Runs } from "../services/Runs.ts"
import { serverTime, snapshotStanding } from "./TakeSnapshot.ts"

export interface HelloOptions {
  readonly host: string
}

/** `now`, `due` in epoch seconds of the server's clock; `due` null: a snapshot may be taken at once. `token`: see `Runs.token`. */
export interface HelloResult {
  readonly protocol: number
  readonly oldest: number
  readonly version: string
  readonly host: string
  readonly now: number
  readonly due: number | null
  readonly token: string | null
}

export const hello = Effect.fn("hello")(function* ({ host }: HelloOptions) {
  const runs = yield* Runs
  yield* (yield* Registry).get(host)
  const { due } = yield* snapshotStanding(host)
  const { current, oldest } = protocol
  const token = yield* runs.token(host)
  const result: HelloResult = { protocol: current, oldest, version, host, now: yield* serverTime, due, token }
  return result
})
