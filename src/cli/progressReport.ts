// Progress as each reader wants it: one line that moves on a terminal, a line a minute in a log, an object a line as JSON.
import { Clock, Console, Effect, Ref } from "effect"
import type { Progress } from "../domain/rsync/progress.ts"
import { bytes, duration } from "./units.ts"

export type ProgressStyle = "terminal" | "log" | "json" | "none"

const logEvery = 60_000

/**
 * `34 %  1204 of 5000 files  1.2 GB sent  88.0 MB/s  ETA 3 min 10 s`; a `+` where rsync still finds more, and then no
 * ETA. Percent and ETA count files looked at: what did not change is work too, and rsync's own percent leaves it out.
 */
export const progressText = (progress: Progress, elapsed: number): string => {
  const seen = progress.known - progress.toCheck
  const percent = progress.known === 0 ? 0 : Math.floor((100 * seen) / progress.known)
  const files = `${seen} of ${progress.known}${progress.scanning ? "+" : ""} files`
  const left = progress.scanning || seen === 0 ? "" : `  ETA ${duration((elapsed * progress.toCheck) / seen)}`
  return `${percent} %  ${files}  ${bytes(progress.bytes)} sent  ${bytes(progress.rate)}/s${left}`
}

/** What to do with each step of progress (absent: nobody wants to know), and how to leave the terminal clean at the end. */
export const progressReport = Effect.fnUntraced(function* (style: ProgressStyle) {
  const began = yield* Clock.currentTimeMillis
  const last = yield* Ref.make(began)
  const shown = yield* Ref.make(false)
  const write = (text: string) => Effect.sync(() => process.stderr.write(text))
  const progress = Effect.fnUntraced(function* (step: Progress) {
    if (step.known === 0) return
    const now = yield* Clock.currentTimeMillis
    const text = progressText(step, (now - began) / 1000)
    if (style === "terminal") {
      yield* Ref.set(shown, true)
      return yield* Effect.asVoid(write(`\r\x1b[K${text}`))
    }
    if (style === "json") return yield* Console.log(JSON.stringify({ type: "progress", ...step }))
    if (now - (yield* Ref.get(last)) < logEvery) return
    yield* Ref.set(last, now)
    yield* write(`byteback: ${text}\n`)
  })
  const clear = Effect.flatMap(Ref.get(shown), (any) => (any ? Effect.asVoid(write("\r\x1b[K")) : Effect.void))
  return { ...(style === "none" ? {} : { progress }), clear }
})

/** The style for this process: what stderr is, unless --json or --quiet says otherwise. */
export const progressStyle = (flags: { readonly json: boolean; readonly quiet: boolean }): ProgressStyle => {
  if (flags.json) return "json"
  if (flags.quiet) return "none"
  return process.stderr.isTTY ? "terminal" : "log"
}
