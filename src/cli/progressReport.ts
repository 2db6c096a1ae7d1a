// Progress as each reader wants it: one line that moves on a terminal, a line a minute in a log, an object a line as JSON.
import { Clock, Console, Effect, Ref } from "effect"
import type { Progress } from "../domain/rsync/progress.ts"
import { bytes, duration } from "./units.ts"

export type ProgressStyle = "terminal" | "log" | "json" | "none"

const logEvery = 60_000

/** `34 %  1.2 GB  88.0 MB/s  1204 of 5000 files  ETA 3 min 10 s` */
export const progressText = (progress: Progress): string => {
  const seen = progress.known - progress.toCheck
  const files = `${seen} of ${progress.known}${progress.scanning ? "+" : ""} files`
  const left = progress.etaSeconds === null ? "" : `  ETA ${duration(progress.etaSeconds)}`
  return `${progress.percent} %  ${bytes(progress.bytes)}  ${bytes(progress.rate)}/s  ${files}${left}`
}

/** What to do with each step of progress, and how to leave the terminal clean at the end. */
export const progressReport = Effect.fnUntraced(function* (style: ProgressStyle) {
  const last = yield* Ref.make(yield* Clock.currentTimeMillis)
  const shown = yield* Ref.make(false)
  const write = (text: string) => Effect.sync(() => process.stderr.write(text))
  const progress = Effect.fnUntraced(function* (step: Progress) {
    if (style === "terminal") {
      yield* Ref.set(shown, true)
      return yield* Effect.asVoid(write(`\r\x1b[K${progressText(step)}`))
    }
    if (style === "json") return yield* Console.log(JSON.stringify({ type: "progress", ...step }))
    const now = yield* Clock.currentTimeMillis
    if (style === "none" || now - (yield* Ref.get(last)) < logEvery) return
    yield* Ref.set(last, now)
    yield* write(`byteback: ${progressText(step)}\n`)
  })
  const clear = Effect.flatMap(Ref.get(shown), (any) => (any ? Effect.asVoid(write("\r\x1b[K")) : Effect.void))
  return { progress, clear }
})

/** The style for this process: what stderr is, unless --json or --quiet says otherwise. */
export const progressStyle = (flags: { readonly json: boolean; readonly quiet: boolean }): ProgressStyle => {
  if (flags.json) return "json"
  if (flags.quiet) return "none"
  return process.stderr.isTTY ? "terminal" : "log"
}
