// The model's speed: host-days a second on one core, a hosting company's server on all of them, the short table, and the report's page.
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Result } from "effect"
import { chromium } from "playwright-core"
import { importance } from "../src/domain/prune/importance.ts"
import { plan } from "../src/domain/prune/plan.ts"
import { DAY, type Snapshot, type Stored } from "../src/domain/prune/snapshot.ts"
import { spread } from "../src/domain/prune/spread.ts"
import { replay } from "../src/domain/simulation/replay.ts"
import { type ScenarioFile, scenarioOf } from "../src/domain/simulation/scenario.ts"
import { median } from "./median.ts"
import type { BenchRow } from "./row.ts"

const top = join(import.meta.dirname, "..")

/** Host-days a second of processor time, the median of fifteen runs after as many that warm up; no daily errors where a policy alone is timed. */
const pace = (file: ScenarioFile, measure: boolean): number => {
  const scenario = Result.getOrThrow(scenarioOf(file))
  const once = (replicate: number): number => {
    const began = process.cpuUsage()
    replay(scenario, scenario.policies[0]!, replicate, { measure })
    const { system, user } = process.cpuUsage(began)
    return (scenario.days * scenario.hosts.length * 1e6) / (user + system)
  }
  return median(Array.from({ length: 30 }, (_, replicate) => once(replicate)).slice(15))
}

/** Deciding anew from a list each day, as a script around the seed's method would. */
const naivePace = (order: typeof importance | typeof spread, keep: number): number => {
  const days = 3000
  const began = process.cpuUsage()
  let kept: Array<Snapshot> = []
  for (let day = 0; day < days; day++) {
    const t = day * DAY
    kept = order([...kept, { host: "host", t, id: String(day) }], t).slice(0, keep)
  }
  const { system, user } = process.cpuUsage(began)
  return (days * 1e6) / (user + system)
}

/** Seven hosts that share a disk, where all that is there is planned for anew each day. */
const naiveStorePace = (method: "age" | "importance" | "spread", keep: number): number => {
  const days = 300
  const hosts = Array.from({ length: 7 }, (_, host) => `host${host}`)
  const room = keep * hosts.length
  const began = process.cpuUsage()
  let kept: Array<Stored> = []
  for (let day = 0; day < days; day++) {
    const now = day * DAY
    for (const host of hosts) {
      kept.push({ host, t: now, id: String(day), state: "complete", held: false, inUse: false, bytes: 1 })
      const { deletions } = plan({
        method: { name: method },
        now,
        free: room - kept.length,
        reserve: 0,
        snapshots: kept,
        shares: new Map(hosts.map((host) => [host, { used: keep, share: keep }]))
      })
      const gone = new Set(deletions.map(({ snapshot }) => snapshot))
      kept = kept.filter((one) => !gone.has(one))
    }
  }
  const { system, user } = process.cpuUsage(began)
  return (days * hosts.length * 1e6) / (user + system)
}

/** A hosting company's server, as a user has it simulated: how long that takes, and how much the process holds at most. */
const hosting = (): ReadonlyArray<BenchRow> => {
  const began = performance.now()
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      "--import",
      'data:text/javascript,process.on("exit", () => console.error("%d KiB", process.resourceUsage().maxRSS))',
      join(top, "dist/byteback.cjs"),
      ...["simulate", join(top, "scenarios/hosting-300.json"), "--days", "1825"]
    ],
    { encoding: "utf8" }
  )
  if (status !== 0) throw new Error(`the simulation of 300 hosts ended with ${status}: ${stderr}`)
  const name = "300 hosts on a disk for five years, three policies"
  const bytes = 1024 * Number(/(\d+) KiB/.exec(stderr)![1])
  return [
    { name, value: (performance.now() - began) / 1000, unit: "s", target: 60 },
    { name: `${name}: memory`, value: bytes / 1e6, unit: "MB", target: 1000 }
  ]
}

/** Milliseconds until every chart of the page of one host over three years is drawn after a change, the median of nine. */
const redraw = async (): Promise<number> => {
  const made = mkdtempSync(join(tmpdir(), "byteback-bench-"))
  execFileSync(process.execPath, [join(top, "dist/byteback.cjs"), "simulate", "--format", "html", "--out", made], {
    stdio: "ignore"
  })
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"]
  })
  const page = await browser.newPage()
  await page.goto(pathToFileURL(join(made, "report.html")).href)
  await page.waitForSelector('html[data-settled="true"]')
  const times: Array<number> = []
  for (let i = 0; i < 9; i++) {
    const took = await page.evaluate(`new Promise((resolve) => {
      const capacity = document.getElementById("capacity")
      const began = performance.now()
      capacity.value = "${200 + 10 * i}GB"
      capacity.dispatchEvent(new Event("change", { bubbles: true }))
      const look = () =>
        document.documentElement.dataset.settled === "true" ? resolve(performance.now() - began) : setTimeout(look)
      look()
    })`)
    times.push(Number(took))
    // The chart of other disks follows by itself.
    await page.waitForSelector("#sizes:not([hidden])")
    await page.waitForSelector('html[data-settled="true"]')
  }
  await browser.close()
  rmSync(made, { recursive: true })
  return median(times)
}

export const rows = async (): Promise<ReadonlyArray<BenchRow>> => {
  const counted = (method: "importance" | "spread"): ScenarioFile => ({
    days: 36_000,
    capacity: { snapshots: 30 },
    policies: [{ method, minAge: 0 }],
    hosts: [{ name: "host" }]
  })
  const stored = (method: "age" | "importance" | "spread"): ScenarioFile => ({
    days: 3000,
    policies: [method],
    hosts: [{ name: "host", count: 7 }]
  })
  const million = (pace: number) => pace / 1e6
  const least = pace(counted("spread"), false)
  const seeds = pace(counted("importance"), false)
  const found: Array<BenchRow> = [
    {
      name: "spread, 30 kept, one core",
      value: million(least),
      unit: "M/s",
      target: 3,
      ratio: least / naivePace(spread, 30),
      least: 40
    },
    {
      name: "importance, 30 kept, one core",
      value: million(seeds),
      unit: "M/s",
      target: 1,
      ratio: seeds / naivePace(importance, 30),
      least: 10
    }
  ]
  for (const method of ["spread", "importance"] as const) {
    const value = million(pace(counted(method), true))
    found.push({ name: `${method}, 30 kept, with the error of every day`, value, unit: "M/s" })
  }
  for (const method of ["age", "importance", "spread"] as const) {
    const value = pace(stored(method), true) / 1000
    found.push({
      name: `${method}, seven hosts on a disk of 2.5 times their data`,
      value,
      unit: "k/s",
      target: 200,
      ratio: (value * 1000) / naiveStorePace(method, 30),
      least: 20
    })
  }
  found.push(...hosting())
  const table = [1, 2, 3].map(() => {
    const began = performance.now()
    execFileSync(process.execPath, [join(top, "dist/byteback.cjs"), "simulate"])
    return (performance.now() - began) / 1000
  })
  found.push({ name: "the page, all charts after a change", value: await redraw(), unit: "ms", target: 200 })
  found.push({ name: "byteback simulate, the short table", value: median(table), unit: "s", target: 2 })
  return found
}
