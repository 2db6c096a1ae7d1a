// A simulation's results as text, JSON, NDJSON, CSV and HTML.
import { Effect } from "effect"
import { existsSync } from "node:fs"
import * as fs from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { SystemFileError } from "../services/SystemFile.ts"
import type { Simulation } from "../programs/Simulate.ts"
import type { Metrics } from "../domain/simulation/metrics.ts"
import { traceLines } from "../domain/simulation/trace.ts"
import { sweep, viewOf } from "../domain/simulation/view.ts"
import { differences, rows } from "../domain/simulation/words.ts"
import { reportHtml, type Told } from "./report/html.ts"

export const formats = ["text", "json", "ndjson", "csv", "html"] as const
export type Format = (typeof formats)[number]

/** The names under which `--out DIR` has each format. */
const fileNames: Record<Format, string> = {
  text: "summary.txt",
  json: "metrics.json",
  ndjson: "trace.ndjson",
  csv: "metrics.csv",
  html: "report.html"
}

/** What a report needs beyond the simulation: the script that draws it, and what was said on the command line. */
export interface Report {
  readonly script: string
  readonly told: Told
}

/** A format's text, in pieces that are small enough to be written as they come. */
export function* pieces(simulation: Simulation, format: Format, report: Report): Generator<string, void, void> {
  const { metrics, replicates, scenario, traces } = simulation
  switch (format) {
    case "text":
      yield table(metrics)
      return
    case "json":
      yield `${JSON.stringify({ scenario: scenario.name, seed: scenario.seed, days: scenario.days, metrics, replicates })}\n`
      return
    case "csv":
      yield* csv(replicates)
      return
    case "html": {
      const points = [...sweep(scenario)].flat()
      yield reportHtml(viewOf(scenario, metrics, traces), points, report.script, report.told)
      return
    }
    case "ndjson": {
      let text = ""
      for (const trace of traces) {
        for (const line of traceLines(trace, scenario, 0)) {
          text += line
          if (text.length < 65_536) continue
          yield text
          text = ""
        }
      }
      yield text
    }
  }
}

const table = (metrics: ReadonlyArray<Metrics>): string => {
  const lines = [["", metrics.map((one) => one.policy)] as const, ...rows(metrics)]
  const label = Math.max(...lines.map(([label]) => label.length))
  const widths = metrics.map((_, i) => Math.max(...lines.map(([, values]) => values[i]!.length)))
  const drawn = lines.map(([text, values]) =>
    `${text.padEnd(label)}  ${values.map((value, i) => value.padStart(widths[i]!)).join("  ")}`.trimEnd()
  )
  return `${[...drawn, "", ...differences(metrics)].join("\n")}\n`
}

function* csv(replicates: Simulation["replicates"]): Generator<string, void, void> {
  const flat = (one: Metrics): Array<readonly [string, string]> =>
    Object.entries(one).flatMap(([key, value]): Array<readonly [string, string]> =>
      Array.isArray(value)
        ? value.map((item, i) => [`${key}_${i}`, String(item ?? "")] as const)
        : [[key, String(value ?? "")]]
    )
  const all = replicates.flatMap((runs) =>
    runs.map((run, index) => [["replicate", String(index)] as const, ...flat(run)])
  )
  yield `${all[0]!.map(([key]) => key).join(",")}\n`
  const quoted = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)
  for (const row of all) yield `${row.map(([, value]) => quoted(value)).join(",")}\n`
}

const attempt = <A>(path: string, action: SystemFileError["action"], work: () => Promise<A>) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) =>
      new SystemFileError({
        path,
        action,
        code: (cause as NodeJS.ErrnoException).code ?? "",
        detail: cause instanceof Error ? cause.message : String(cause)
      })
  })

/** The script that draws the report: beside the bundle, or in dist when byteback runs from its source. */
export const reportScript = Effect.suspend(() => {
  const beside = fileURLToPath(new URL("./report.js", import.meta.url))
  const path = existsSync(beside) ? beside : fileURLToPath(new URL("../../dist/report.js", import.meta.url))
  return attempt(path, "read", () => fs.readFile(path, "utf8"))
})

/** Writes each format into a directory, which is made if it is missing; a file has its name only when it is whole. Returns the paths. */
export const writeResults = Effect.fnUntraced(function* (
  simulation: Simulation,
  wanted: ReadonlyArray<Format>,
  directory: string,
  report: Report
) {
  yield* attempt(directory, "make", () => fs.mkdir(directory, { recursive: true }))
  return yield* Effect.forEach(wanted, (format) => {
    const path = join(directory, fileNames[format])
    const temporary = join(directory, `.new-${fileNames[format]}-${process.pid}`)
    return Effect.scoped(
      Effect.gen(function* () {
        const file = yield* Effect.acquireRelease(
          attempt(path, "write", () => fs.open(temporary, "wx", 0o644)),
          (file) => Effect.promise(() => file.close().then(() => fs.rm(temporary, { force: true })))
        )
        for (const piece of pieces(simulation, format, report)) {
          yield* attempt(path, "write", () => file.writeFile(piece))
        }
        yield* attempt(path, "write", () => fs.rename(temporary, path))
        return path
      })
    )
  })
})
