// byteback prune --until: when each snapshot of the store will go, if backups go on as they have been.
import { Effect } from "effect"
import { methodOf, type PruneOrder } from "../domain/prune/method.ts"
import { DAY } from "../domain/prune/snapshot.ts"
import { ScenarioError } from "../domain/simulation/scenario.ts"
import { ServerConfig } from "../services/ServerConfig.ts"
import { simulate } from "./Simulate.ts"
import { storeScenario, tomorrow } from "./StoreScenario.ts"

export interface Departure {
  readonly host: string
  /** when it was taken, epoch seconds */
  readonly at: number
  /** when the model deletes it, epoch seconds to the day; null: it is still there at the end */
  readonly goes: number | null
}

/**
 * Every snapshot that the store holds at `now`, hosts ascending, oldest first, with the time at which it would go until `until` (both
 * epoch seconds, at most a century apart), by the server's own order unless another is given. A forecast by the same replay as `simulate`, not a promise. Deletes nothing.
 */
export const pruneUntil = Effect.fn("pruneUntil")(function* (options: {
  readonly now: number
  readonly until: number
  readonly method?: PruneOrder
}) {
  const { now, until } = options
  const { name: method, ...rest } = methodOf(options.method ?? (yield* (yield* ServerConfig).pruneOrder))
  const start = tomorrow(now)
  const days = Math.max(1, Math.ceil((until - start) / DAY))
  if (until <= now || days > 36_600) {
    return yield* new ScenarioError({ where: "--until", problem: "expected a date in the future, within a century" })
  }
  const scenario = yield* storeScenario({ now, days, policies: [{ method, ...rest }] })
  const { traces } = yield* simulate({ scenario, traces: true })
  const trace = traces[0]!
  const departures: Array<Departure> = []
  for (let row = 0; row < trace.host.length; row++) {
    if (trace.taken[row]! >= 0) continue
    const gone = trace.gone[row]!
    departures.push({
      host: scenario.hosts[trace.host[row]!]!.name,
      at: scenario.start + trace.taken[row]!,
      goes: gone === Infinity || start + gone > until ? null : start + gone
    })
  }
  return departures
})
