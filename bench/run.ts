// npm run bench [NAME...]: runs the comparisons, prints a table, writes bench/results/NAME.json, and fails where a promise is not kept.
import { mkdirSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { join } from "node:path"
import { type BenchRow, isMet, verdict } from "./row.ts"

const comparisons = ["backup", "sandbox", "prune", "simulation", "reading", "restoring", "memory"] as const

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !comparisons.some((known) => known === name))
if (unknown !== undefined) {
  console.error(`byteback: no comparison is called ${unknown}; there are ${comparisons.join(", ")}`)
  process.exit(2)
}

const shown = (row: BenchRow): string => {
  if (row.missing !== undefined) return `  ${row.name.padEnd(62)}      MISSING  ${row.missing}`
  const value = Math.abs(row.value) >= 100 ? row.value.toFixed(0) : row.value.toFixed(row.unit === "x" ? 3 : 2)
  const ratio = row.ratio === undefined ? "" : `  ${row.ratio.toFixed(1)} times the naive way`
  return `  ${row.name.padEnd(62)} ${`${value} ${row.unit}`.padStart(12)}  ${verdict(row)}${ratio}`.trimEnd()
}

const results = join(import.meta.dirname, "results")
mkdirSync(results, { recursive: true })
let missed = 0
let missing = 0
for (const name of comparisons) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.log(`\n${name}`)
  const { rows } = (await import(`./${name}.ts`)) as {
    rows: () => Promise<ReadonlyArray<BenchRow>> | ReadonlyArray<BenchRow>
  }
  const found = await rows()
  for (const row of found) {
    console.log(shown(row))
    if (row.least !== undefined && !(row.ratio !== undefined && row.ratio >= row.least)) {
      console.error(`byteback: ${row.name}: not ${row.least} times as fast as the naive way`)
      process.exitCode = 1
    }
  }
  missing += found.filter((row) => row.missing !== undefined).length
  missed += found.filter((row) => !isMet(row)).length
  const machine = { cores: cpus().length, node: process.version }
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify({ machine, rows: found }, null, 2)}\n`)
}
if (missing > 0) console.error(`byteback: ${missing} of what was promised was not measured here`)
if (missed > 0) {
  console.error(`byteback: ${missed} of what was promised does not hold on this machine, as it is now`)
  process.exit(1)
}
