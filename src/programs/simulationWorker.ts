// A worker thread's end of a simulation: replays one policy and replicate after the other, as it is told.
import { parentPort } from "node:worker_threads"
import { runJob, type SimulationJob } from "../domain/simulation/job.ts"
import { buffersOf } from "../domain/simulation/trace.ts"

parentPort?.on("message", (job: SimulationJob) => {
  let said = 0
  const done = runJob(job, (day) => {
    if (day - said < job.scenario.days / 50) return
    said = day
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    parentPort?.postMessage({ day })
  })
  parentPort?.postMessage({ done }, done.trace === null ? [] : buffersOf(done.trace))
})
