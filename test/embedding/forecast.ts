// Another Effect application with byteback's simulation inside: it reads scenarios by the package's public face only.
import { Console, Effect, Result } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { loadScenario, ScenarioError, simulate, traceLines, whatIf } from "byteback"

const file = join(import.meta.dirname, "../../scenarios/one-host.json")

const forecast = Effect.gen(function* () {
  const scenario = yield* Effect.fromResult(loadScenario(readFileSync(file, "utf8"), file))
  const larger = yield* Effect.fromResult(whatIf({ ...scenario, days: 60, replicates: 1 }, "capacity=+10G"))
  const { metrics, traces } = yield* simulate({ scenario: larger, traces: true })
  const [event] = traceLines(traces[0]!, larger, 0)
  const wrong = loadScenario('{ "days": 1, "hosts": 7 }', "mine.json")
  return {
    policies: metrics.map(({ policy }) => policy),
    events: event !== undefined && JSON.parse(event) !== null,
    wrong: Result.isFailure(wrong) && wrong.failure instanceof ScenarioError ? wrong.failure.where : ""
  }
})

await Effect.runPromise(Effect.flatMap(forecast, (result) => Console.log(JSON.stringify(result))))
