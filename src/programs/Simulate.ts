// Runs a scenario's policies side by side over its replicates, on as many threads as the machine has processors.
import { Effect, Schema } from "effect"
import { availableParallelism, totalmem } from "node:os"
import { extname } from "node:path"
import { Worker } from "node:worker_threads"
import { DAY } from "../domain/prune/snapshot.ts"
import { runJob, type SimulationJob, type SimulationPart } from "../domain/simulation/job.ts"
import { combine, type Metrics } from "../domain/simulation/metrics.ts"
import { memoryOf, memoryWords, type Scenario, ScenarioError } from "../domain/simulation/scenario.ts"
import type { Trace } from "../domain/simulation/trace.ts"

/** A thread died. Nothing was written. */
export class SimulationFailed extends Schema.TaggedError<SimulationFailed>()("SimulationFailed", {
  detail: Schema.String
}) {
  override get message() {
    return `the simulation ended early: ${this.detail}; no result was written. Fewer hosts, days or replicates need less memory`
  }
}

export interface SimulateOptions {
  readonly scenario: Scenario
  /** Whether to keep what happened in the first replicate of each policy; false unless given. */
  readonly traces?: boolean
  /** Called with the part that is done, 0 to 1. */
  readonly onProgress?: (part: number) => void
  /** Bytes of memory to stay within; `memoryAllowed` unless given. */
  readonly memory?: number
}

export interface Simulation {
  readonly scenario: Scenario
  /** One a policy, in the scenario's order: means over the replicates. */
  readonly metrics: ReadonlyArray<Metrics>
  /** By policy, each replicate's. */
  readonly replicates: ReadonlyArray<ReadonlyArray<Metrics>>
  /** One a policy where they were asked for. */
  readonly traces: ReadonlyArray<Trace>
}

/** So many bytes a simulation may take of a machine's memory where its service may have `limit`; without a limit that is 0 or no end of them. */
export const memoryOfMachine = (total: number, limit: number): number => 0.75 * Math.min(total, limit || Infinity)

export const memoryAllowed = memoryOfMachine(totalmem(), process.constrainedMemory())

/** Attempts that are simulated sooner than a thread has started. */
const SMALL = 30_000

const attemptsOf = ({ days, hosts }: Scenario): number =>
  hosts.reduce((sum, { every, past }) => sum + past.length + Math.max(days, (days * DAY) / every), 0)

export const simulate = Effect.fn("simulate")(function* (options: SimulateOptions) {
  const { onProgress, scenario, traces = false } = options
  const jobs = Array.from({ length: scenario.replicates }, (_, replicate) =>
    scenario.policies.map((_, policy): SimulationJob => ({
      scenario,
      policy,
      replicate,
      trace: traces && replicate === 0
    }))
  ).flat()
  const threads = Math.min(jobs.length, availableParallelism())
  const needs = memoryOf(scenario) * (threads + (traces ? scenario.policies.length : 0))
  const memory = options.memory ?? memoryAllowed
  if (needs > memory) {
    return yield* new ScenarioError({
      where: "hosts",
      problem: memoryWords(scenario.hosts.length, scenario.days, needs, memory)
    })
  }
  const small = jobs.length * attemptsOf(scenario) <= SMALL
  const parts = small ? jobs.map((job) => runJob(job)) : yield* onThreads(jobs, threads, onProgress)
  const replicates = scenario.policies.map((_, policy) =>
    parts.filter((_, index) => jobs[index]!.policy === policy).map((part) => part.metrics)
  )
  return {
    scenario,
    replicates,
    metrics: replicates.map(combine),
    traces: parts.flatMap((part) => (part.trace === null ? [] : [part.trace]))
  } satisfies Simulation
})

const onThreads = (
  jobs: ReadonlyArray<SimulationJob>,
  threads: number,
  onProgress: ((part: number) => void) | undefined
): Effect.Effect<ReadonlyArray<SimulationPart>, SimulationFailed> =>
  Effect.callback((resume) => {
    const parts: Array<SimulationPart> = []
    const progress = jobs.map(() => 0)
    let next = 0
    let left = jobs.length
    // As it lies beside this file: source, library or bundle.
    const file = new URL(`./simulationWorker${extname(import.meta.url)}`, import.meta.url)
    const workers = Array.from({ length: threads }, () => new Worker(file))
    const stop = () => Promise.all(workers.map((worker) => worker.terminate()))
    for (const worker of workers) {
      let current = 0
      const give = () => {
        if (next === jobs.length) return
        current = next++
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
        worker.postMessage(jobs[current])
      }
      worker.on("message", (said: { readonly day: number } | { readonly done: SimulationPart }) => {
        if ("day" in said) progress[current] = said.day / jobs[current]!.scenario.days
        else {
          progress[current] = 1
          parts[current] = said.done
          left--
        }
        onProgress?.(progress.reduce((sum, part) => sum + part, 0) / jobs.length)
        if (left === 0) void stop().then(() => resume(Effect.succeed(parts)))
        else if ("done" in said) give()
      })
      worker.on("error", (cause) => {
        void stop().then(() => resume(Effect.fail(new SimulationFailed({ detail: cause.message }))))
      })
      give()
    }
    return Effect.promise(stop)
  })
