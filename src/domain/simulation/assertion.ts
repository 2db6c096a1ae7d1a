// What a caller demands of a simulation's figures: `mre<0.12`, `spread.oldestKept>=300`, `cleanCopies[2]>=10` of a list.
import { Result } from "effect"
import type { Metrics } from "./metrics.ts"
import { ScenarioError } from "./scenario.ts"

/** `policy` null: of every policy. */
export interface Assertion {
  readonly text: string
  readonly policy: string | null
  readonly metric: keyof Metrics
  /** of a list, counted from 0 */
  readonly index: number | null
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
const lists: ReadonlyArray<keyof Metrics> = ["gapRatio", "targetError", "cleanCopies"]

const form = /^(?:([^.<>=\s]+)\.)?([A-Za-z]+)(?:\[(\d{1,2})\])? ?(<=|>=|<|>|=) ?(-?\d+(?:\.\d+)?(?:e-?\d+)?)$/

const wrong = (problem: string) => Result.fail(new ScenarioError({ where: "--assert", problem }))

export const parseAssertion = (
  text: string,
  policies: ReadonlyArray<string>
): Result.Result<Assertion, ScenarioError> => {
  const match = form.exec(text.trim())
  if (match === null)
    return wrong(`expected something like mre<0.12 or spread.oldestKept>=300, got ${JSON.stringify(text)}`)
  const index = match[3] === undefined ? null : Number(match[3])
  const metric = (index === null ? metrics : lists).find((one) => one === match[2])
  if (metric === undefined) {
    const names = [...metrics, ...lists.map((one) => `${one}[0]`)]
    return wrong(`no figure is called ${match[2]}${index === null ? "" : `[${index}]`}; there are ${names.join(", ")}`)
  }
  const policy = match[1] ?? null
  if (policy !== null && !policies.includes(policy))
    return wrong(`no policy is called ${policy}; there are ${policies.join(", ")}`)
  return Result.succeed({
    text: text.trim(),
    policy,
    metric,
    index,
    relation: match[4] as Assertion["relation"],
    value: Number(match[5])
  })
}

/** What does not hold, a sentence each. A figure that is not there holds nothing. */
export const failures = (assertions: ReadonlyArray<Assertion>, all: ReadonlyArray<Metrics>): Array<string> =>
  assertions.flatMap((assertion) =>
    all
      .filter((one) => assertion.policy === null || assertion.policy === one.policy)
      .filter((one) => !holds(assertion, figureOf(assertion, one)))
      .map(
        (one) =>
          `${assertion.text} does not hold: ${one.policy} has ${nameOf(assertion)} ${String(figureOf(assertion, one) ?? "-")}`
      )
  )

const nameOf = ({ index, metric }: Assertion): string => (index === null ? metric : `${metric}[${index}]`)

const figureOf = ({ index, metric }: Assertion, of: Metrics): unknown => {
  const found = of[metric]
  return index === null ? found : Array.isArray(found) ? found[index] : null
}

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
