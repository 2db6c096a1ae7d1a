// What a caller demands of a simulation's figures: `mre<0.12`, `spread.oldestKept>=300`.
import { Result } from "effect"
import type { Metrics } from "./metrics.ts"
import { ScenarioError } from "./scenario.ts"

/** `policy` null: of every policy. */
export interface Assertion {
  readonly text: string
  readonly policy: string | null
  readonly metric: keyof Metrics
  readonly relation: "<" | "<=" | ">" | ">=" | "="
  readonly value: number
}

const metrics: ReadonlyArray<keyof Metrics> = [
  "mre",
  "worstHostMre",
  "jain",
  "kept",
  "price",
  "oldestKept",
  "oldestKeptMean",
  "attempts",
  "snapshots",
  "deletions",
  "oldestVictims",
  "refusals",
  "noSpace",
  "longestStuck",
  "stuckDays",
  "suspects",
  "used",
  "reserve",
  "deadHostLost"
]

const form = /^(?:([^.<>=\s]+)\.)?([A-Za-z]+) ?(<=|>=|<|>|=) ?(-?\d+(?:\.\d+)?(?:e-?\d+)?)$/

const wrong = (problem: string) => Result.fail(new ScenarioError({ where: "--assert", problem }))

export const parseAssertion = (
  text: string,
  policies: ReadonlyArray<string>
): Result.Result<Assertion, ScenarioError> => {
  const match = form.exec(text.trim())
  if (match === null)
    return wrong(`expected something like mre<0.12 or spread.oldestKept>=300, got ${JSON.stringify(text)}`)
  const metric = metrics.find((one) => one === match[2])
  if (metric === undefined) return wrong(`no figure is called ${match[2]}; there are ${metrics.join(", ")}`)
  const policy = match[1] ?? null
  if (policy !== null && !policies.includes(policy))
    return wrong(`no policy is called ${policy}; there are ${policies.join(", ")}`)
  return Result.succeed({
    text: text.trim(),
    policy,
    metric,
    relation: match[3] as Assertion["relation"],
    value: Number(match[4])
  })
}

/** What does not hold, a sentence each. A figure that is not there holds nothing. */
export const failures = (assertions: ReadonlyArray<Assertion>, all: ReadonlyArray<Metrics>): Array<string> =>
  assertions.flatMap((assertion) =>
    all
      .filter((one) => assertion.policy === null || assertion.policy === one.policy)
      .filter((one) => !holds(assertion, one[assertion.metric]))
      .map(
        (one) =>
          `${assertion.text} does not hold: ${one.policy} has ${assertion.metric} ${String(one[assertion.metric] ?? "-")}`
      )
  )

const holds = ({ relation, value }: Assertion, found: unknown): boolean => {
  if (typeof found !== "number") return false
  switch (relation) {
    case "<":
      return found < value
    case "<=":
      return found <= value
    case ">":
      return found > value
    case ">=":
      return found >= value
    case "=":
      return found === value
  }
}
