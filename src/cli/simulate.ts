// byteback simulate: what pruning would keep over years, by each policy, told from the production code itself.
import * as fs from "node:fs/promises"
import { Clock, Console, Effect, Option, Result } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { failures, parseAssertion } from "../domain/simulation/assertion.ts"
import {
  impossible,
  impossibleWords,
  loadScenario,
  policyOf,
  type Scenario,
  ScenarioError,
  scenarioOf,
  usual
} from "../domain/simulation/scenario.ts"
import { whatIf } from "../domain/simulation/whatIf.ts"
import { memoryAllowed, simulate } from "../programs/Simulate.ts"
import { storeScenario } from "../programs/StoreScenario.ts"
import { exitCode } from "../domain/exitCode.ts"
import { Ended } from "./outcome.ts"
import type { Told } from "./report/html.ts"
import { type Format, formats, pieces, reportScript, writeResults } from "./simulationOutput.ts"

const count = (name: string, description: string) =>
  Flag.Int(name).pipe(Flag.optional, Flag.withDescription(description))

const flags = {
  scenario: Argument.String("scenario").pipe(
    Argument.optional,
    Argument.withDescription(
      "a file that describes hosts, disk and trouble; default: one host, every night, three years"
    )
  ),
  policy: Flag.String("policy").pipe(
    Flag.optional,
    Flag.withDescription("the policies to compare, as in age,importance,spread")
  ),
  days: count("days", "how many days to replay"),
  seed: count("seed", "the seed of all chance: the same seed gives the same result"),
  reps: count("reps", "how many times to replay, each with other chances; figures are means"),
  out: Flag.String("out").pipe(
    Flag.optional,
    Flag.withDescription("a directory for the results; needed for more than one format")
  ),
  format: Flag.String("format").pipe(
    Flag.withDefault("text"),
    Flag.withDescription(
      "what to write, as in text,html: text, json (figures), ndjson (every event of the first replay), csv, html (the report)"
    )
  ),
  assert: Flag.String("assert").pipe(
    Flag.atLeast(0),
    Flag.withDescription("exit 1 unless this holds, as in mre<0.12 or spread.oldestKept>=300; may be repeated")
  ),
  whatIf: Flag.String("what-if").pipe(
    Flag.optional,
    Flag.withDescription("change the scenario, as in capacity=+500GB,host=+3,order=age+spread,minage=14,weigh=yes")
  ),
  fromStore: Flag.Boolean("from-store").pipe(
    Flag.withDefault(false),
    Flag.withDescription("begin with this server's snapshots, and the sizes in its journals")
  )
}

const wrong = (where: string, problem: string) => new ScenarioError({ where, problem })

const readScenario = Effect.fnUntraced(function* (path: string) {
  const text = yield* Effect.tryPromise({
    try: () => fs.readFile(path, "utf8"),
    catch: (cause) => wrong(path, `cannot be read (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`)
  })
  return yield* Effect.fromResult(loadScenario(text, path, memoryAllowed))
})

const wantedFormats = (
  text: string,
  out: Option.Option<string>
): Result.Result<ReadonlyArray<Format>, ScenarioError> => {
  const words = [...new Set(text.split(",").map((word) => word.trim()))]
  const unknown = words.find((word) => !formats.some((format) => format === word))
  if (unknown !== undefined) {
    return Result.fail(wrong("--format", `unknown format ${JSON.stringify(unknown)}; there are ${formats.join(", ")}`))
  }
  return words.length > 1 && Option.isNone(out)
    ? Result.fail(wrong("--format", "give --out DIR for more than one format"))
    : Result.succeed(words as ReadonlyArray<Format>)
}

const within = (flag: string, value: Option.Option<number>, least: number, most: number) =>
  Option.isSome(value) && (value.value < least || value.value > most)
    ? Effect.fail(wrong(`--${flag}`, `expected a whole number, ${least} to ${most}`))
    : Effect.succeed(Option.getOrUndefined(value))

const withPolicies = (scenario: Scenario, text: string): Result.Result<Scenario, ScenarioError> => {
  const policies = []
  for (const word of text.split(",").map((word) => word.trim())) {
    const known = scenario.policies.find((one) => one.name === word)
    if (known === undefined && word !== "age" && word !== "importance" && word !== "spread") {
      const names = new Set([...scenario.policies.map((one) => one.name), "age", "importance", "spread"])
      return Result.fail(
        wrong("--policy", `unknown policy ${JSON.stringify(word)}; there are ${[...names].join(", ")}`)
      )
    }
    policies.push(known ?? policyOf(word as "age" | "importance" | "spread"))
  }
  if (new Set(policies.map((one) => one.name)).size < policies.length) {
    return Result.fail(wrong("--policy", "names a policy twice"))
  }
  return Result.succeed({ ...scenario, policies })
}

const quoted = (text: string): string =>
  /^[\w./=,:+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

/** What a report's page repeats, so that its figures can be had again. */
const toldBy = (given: {
  readonly scenario: Option.Option<string>
  readonly fromStore: boolean
  readonly policy: Option.Option<string>
  readonly days: Option.Option<number>
  readonly seed: Option.Option<number>
  readonly reps: Option.Option<number>
  readonly whatIf: Option.Option<string>
}): Told => {
  const flag = (name: string, value: Option.Option<string | number>) =>
    Option.isSome(value) ? [`--${name}`, quoted(String(value.value))] : []
  return {
    words: [
      ...(Option.isSome(given.scenario) ? [quoted(given.scenario.value)] : []),
      ...(given.fromStore ? ["--from-store"] : []),
      ...flag("policy", given.policy),
      ...flag("days", given.days),
      ...flag("seed", given.seed)
    ].join(" "),
    whatIf: Option.getOrNull(given.whatIf),
    replicates: Option.getOrNull(given.reps)
  }
}

/** A line that moves on a terminal; nothing elsewhere. */
const progressLine = () => {
  const shown = process.stderr.isTTY
  return {
    say: (part: number) => {
      if (shown) process.stderr.write(`\r\x1b[Ksimulating: ${Math.floor(100 * part)} %`)
    },
    clear: Effect.sync(() => {
      if (shown) process.stderr.write("\r\x1b[K")
    })
  }
}

/** Standard output takes its time; a reader that has had enough ends it in peace. */
const writeOut = (text: string) =>
  Effect.callback<void>((resume) => {
    process.stdout.write(text, () => resume(Effect.void))
  })

export const simulateCommand = Command.make(
  "simulate",
  flags,
  Effect.fnUntraced(function* (given) {
    const wanted = yield* Effect.fromResult(wantedFormats(given.format, given.out))
    if (given.fromStore && Option.isSome(given.scenario)) {
      return yield* wrong("--from-store", "takes the place of a scenario file; give one of them")
    }
    let scenario: Scenario
    if (given.fromStore) scenario = yield* storeScenario({ now: Math.floor((yield* Clock.currentTimeMillis) / 1000) })
    else if (Option.isSome(given.scenario)) scenario = yield* readScenario(given.scenario.value)
    else scenario = Result.getOrThrow(scenarioOf(usual))
    const days = yield* within("days", given.days, 1, 36_600)
    const seed = yield* within("seed", given.seed, 0, Number.MAX_SAFE_INTEGER)
    const replicates = yield* within("reps", given.reps, 1, 10_000)
    scenario = {
      ...scenario,
      ...(days !== undefined && { days }),
      ...(seed !== undefined && { seed }),
      ...(replicates !== undefined && { replicates })
    }
    const never = impossible(scenario)
    if (never !== null) return yield* wrong("--days", impossibleWords(never))
    if (Option.isSome(given.policy)) scenario = yield* Effect.fromResult(withPolicies(scenario, given.policy.value))
    if (Option.isSome(given.whatIf)) scenario = yield* Effect.fromResult(whatIf(scenario, given.whatIf.value))
    const names = scenario.policies.map((one) => one.name)
    const assertions = yield* Effect.forEach(given.assert, (text) => Effect.fromResult(parseAssertion(text, names)))
    const traces = wanted.some((format) => format === "ndjson" || format === "html")
    const report = { script: wanted.includes("html") ? yield* reportScript : "", told: toldBy(given) }

    const line = progressLine()
    const simulation = yield* simulate({ scenario, traces, onProgress: line.say }).pipe(Effect.ensuring(line.clear))
    if (Option.isSome(given.out)) {
      const paths = yield* writeResults(simulation, wanted, given.out.value, report)
      for (const path of paths) yield* Console.error(`byteback: wrote ${path}`)
    } else {
      for (const piece of pieces(simulation, wanted[0]!, report)) yield* writeOut(piece)
    }
    const broken = failures(assertions, simulation.metrics)
    for (const sentence of broken) yield* Console.error(`byteback: ${sentence}`)
    if (broken.length > 0) return yield* new Ended({ code: exitCode.failed })
  })
).pipe(
  Command.withDescription(
    "Replay years of backups through the pruning that the server runs, and compare what each policy keeps: " +
      "figures, every event, or a report to look at"
  ),
  Command.withShortDescription("replay years of backups and compare what each policy keeps")
)
