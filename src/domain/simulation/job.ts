// One piece of a simulation: a policy and a replicate.
import { measure, type Metrics } from "./metrics.ts"
import { replay } from "./replay.ts"
import type { Scenario } from "./scenario.ts"
import type { Trace } from "./trace.ts"

export interface SimulationJob {
  readonly scenario: Scenario
  /** index into the scenario's policies */
  readonly policy: number
  readonly replicate: number
  /** whether the trace is wanted too */
  readonly trace: boolean
}

export interface SimulationPart {
  readonly metrics: Metrics
  readonly trace: Trace | null
}

export const runJob = (job: SimulationJob, onDay?: (day: number) => void): SimulationPart => {
  const trace = replay(
    job.scenario,
    job.scenario.policies[job.policy]!,
    job.replicate,
    onDay === undefined ? {} : { onDay }
  )
  return { metrics: measure(job.scenario, trace), trace: job.trace ? trace : null }
}
