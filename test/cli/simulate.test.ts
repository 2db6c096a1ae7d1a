// byteback simulate as a user meets it: the built program, its words, its exit codes and the files that it leaves.
import { execFile, spawn } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const top = join(import.meta.dirname, "../..")
const program = join(top, "dist/byteback.cjs")

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const simulate = (...args: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((resolve) => {
    // Little memory, as two million hosts are refused before they are made.
    execFile(
      process.execPath,
      ["--max-old-space-size=256", program, "simulate", ...args],
      { maxBuffer: 2 ** 28 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    )
  })

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "byteback-simulate-"))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Large enough for threads. */
const seven = join(top, "scenarios/dead-host.json")

describe("byteback simulate", () => {
  it("shows a short table within two seconds when nothing else is said", async () => {
    const began = performance.now()
    const { code, stdout } = await simulate()
    assert.strictEqual(code, 0)
    assert.isBelow(performance.now() - began, 2000)
    assert.match(stdout, /^ +age +importance +spread\nmean error of a wanted age +\d/)
    assert.isBelow(stdout.split("\n").length, 30)
  })

  it("writes every format, and the same bytes for the same seed, on threads and without", async () => {
    const formats = "text,json,ndjson,csv,html"
    const [one, two] = [join(directory, "one"), join(directory, "two")]
    for (const out of [one, two]) {
      const { code } = await simulate(seven, "--reps", "6", "--days", "700", "--format", formats, "--out", out)
      assert.strictEqual(code, 0)
    }
    const names = (await readdir(one)).toSorted()
    assert.deepStrictEqual(names, ["metrics.csv", "metrics.json", "report.html", "summary.txt", "trace.ndjson"])
    for (const name of names) {
      const [first, second] = await Promise.all([one, two].map((out) => readFile(join(out, name), "utf8")))
      assert.isTrue(first === second, name)
    }
    const trace = await readFile(join(one, "trace.ndjson"), "utf8")
    // One replicate alone is simulated without threads.
    const alone = await simulate(seven, "--days", "700", "--policy", "age", "--format", "ndjson")
    assert.isTrue(trace.startsWith(alone.stdout))
    for (const line of trace.split("\n", 50)) assert.hasAllKeys(JSON.parse(line), lineKeys(line))
    const { metrics } = JSON.parse(await readFile(join(one, "metrics.json"), "utf8")) as {
      metrics: Array<{ replicates: number }>
    }
    assert.deepStrictEqual(
      metrics.map((one) => one.replicates),
      [6, 6, 6]
    )
    const csv = (await readFile(join(one, "metrics.csv"), "utf8")).trimEnd().split("\n")
    assert.strictEqual(csv.length, 1 + 18)
    assert.strictEqual(new Set(csv.map((line) => line.split(",").length)).size, 1)
  })

  it("exits 1 and says what does not hold of a demand", async () => {
    const { code, stderr } = await simulate("--days", "90", "--assert", "mre<0.5", "--assert", "spread.kept>=1000")
    assert.strictEqual(code, 1)
    assert.match(stderr, /^byteback: spread\.kept>=1000 does not hold: spread has kept \d/)
    assert.strictEqual((await simulate("--days", "90", "--assert", "mre<0.5")).code, 0)
  })

  it("refuses what is wrong in one line, with exit 2 and nothing written", async () => {
    const file = join(directory, "wrong.json")
    const table: ReadonlyArray<readonly [file: string | null, args: ReadonlyArray<string>, words: RegExp]> = [
      ['{\n "days": 10,\n "hots": []\n}', [], /wrong\.json:3:10: hots: unknown key/],
      ['{ "hosts": [{ "name": "a", "base": "-1G" }] }', [], /hosts\[0\]\.base: expected a size/],
      ['{ "hosts": [{ "name": "a", "failure": 1.01 }] }', [], /hosts\[0\]\.failure/],
      ['{ "hosts": [{ "name": "a", "firstDay": 2000 }] }', [], /its schedule never fires within the 1095 days/],
      ['{ "days": 0 }', [], /days: expected a whole number/],
      [
        '{ "hosts": [{ "name": "a", "count": 1000000 }] }',
        [],
        /1000000 hosts over 1095 days would take about .* of memory/
      ],
      ['{ "hosts": [{ "name": "a", "count": 2000000 }] }', [], /wrong\.json:1:12: hosts: 2000000 hosts .* of memory/],
      ['{ "hosts": [{ "name": "a", "past": [1e300] }] }', [], /hosts\[0\]\.past\[0\]/],
      ['{ "hosts": [{ "name": "a", "churn": { "daily": 1, "weekdays": [1e308,1,1,1,1,1,1] } }] }', [], /weekdays\[0\]/],
      ['{ "hosts": [{ "name": "a", "failure": 1 }] }', [], /hosts\[0\]\.failure: none of its backups ever comes/],
      [
        '{ "hosts": [{ "name": "a", "firstDay": 50 }], "days": 100 }',
        ["--days", "20"],
        /--days: a: firstDay: its schedule/
      ],
      [
        null,
        [join(top, "scenarios/flood.json"), "--what-if", "days=500"],
        /--what-if days=500: attack\.fromDay: never comes/
      ],
      [
        null,
        [join(top, "scenarios/flood.json"), "--days", "500"],
        /--days: attack\.fromDay: never comes within the 500 days/
      ],
      ["not JSON", [], /is no JSON/],
      [null, ["/nowhere/s.json"], /\/nowhere\/s\.json: cannot be read \(ENOENT\)/],
      [null, ["--days", "0"], /--days: expected a whole number/],
      [null, ["--reps", "0"], /--reps: expected/],
      [null, ["--policy", "gfs"], /--policy: unknown policy "gfs"; there are age, importance, spread/],
      [null, ["--policy", "age,age"], /names a policy twice/],
      [null, ["--format", "pdf"], /--format: unknown format "pdf"/],
      [null, ["--format", "text,json"], /give --out DIR/],
      [null, ["--assert", "mre"], /--assert: expected something like/],
      [null, ["--what-if", "colour=red"], /--what-if: colour=red: unknown/],
      [null, ["--seed", "x"], /seed/]
    ]
    for (const [text, args, words] of table) {
      if (text !== null) await writeFile(file, text)
      const out = join(directory, "never")
      const said = text === null ? args : [file, ...args]
      const formats = said.includes("--format") ? [] : ["--format", "html,json", "--out", out]
      const { code, stderr, stdout } = await simulate(...said, ...formats)
      assert.strictEqual(code, 2, `${said.join(" ")}: ${stderr}`)
      assert.match(stderr, words)
      assert.strictEqual(stderr.trimEnd().split("\n").length, 1, stderr)
      assert.strictEqual(stdout, "")
      assert.isFalse((await readdir(directory)).includes("never"))
    }
  })

  it("is stopped by a signal whatever it is told to replay", async () => {
    const file = join(directory, "crowded.json")
    const crowded = { days: 360, policies: ["spread"], capacity: { snapshots: 1_000_000 } }
    await writeFile(
      file,
      JSON.stringify({ ...crowded, hosts: [{ name: "a", every: "6h", past: Array(9000).fill(36_000) }] })
    )
    const child = spawn(process.execPath, [program, "simulate", file, "--reps", "1000"])
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve))
    while (!(await threadsOf(child.pid!)).includes("WorkerThread")) {
      assert.isNull(child.exitCode)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    child.kill("SIGTERM")
    assert.strictEqual(await ended, 143)
  })

  it("leaves no report under its name when it is stopped", async () => {
    const out = join(directory, "stopped")
    const child = spawn(process.execPath, [
      program,
      "simulate",
      join(top, "scenarios/hosting-300.json"),
      ...["--format", "html,ndjson", "--out", out]
    ])
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve))
    while (!(await threadsOf(child.pid!)).includes("WorkerThread")) {
      assert.isNull(child.exitCode)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    child.kill("SIGINT")
    assert.strictEqual(await ended, 130)
    assert.deepStrictEqual(await readdir(out).catch(() => []), [])
  })

  it("leaves no half of a file when it is stopped while it writes", async () => {
    const out = join(directory, "half")
    const child = spawn(process.execPath, [
      program,
      "simulate",
      "--days",
      "30000",
      "--format",
      "ndjson,html",
      "--out",
      out
    ])
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve))
    while ((await readdir(out).catch(() => [])).length === 0) {
      assert.isNull(child.exitCode)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    child.kill("SIGINT")
    assert.strictEqual(await ended, 130)
    assert.deepStrictEqual(await readdir(out), [])
  })

  it("says where a report cannot be written", async () => {
    const file = join(directory, "a-file")
    await writeFile(file, "")
    const { code, stderr } = await simulate("--days", "30", "--format", "json", "--out", join(file, "below"))
    assert.strictEqual(code, 1)
    assert.match(stderr, /^byteback: could not make .*a-file\/below/)
  })
})

/** The names of a process's threads; it may end meanwhile. */
const threadsOf = async (pid: number): Promise<ReadonlyArray<string>> => {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => [])
  const names = tasks.map((task) => readFile(`/proc/${pid}/task/${task}/comm`, "utf8").catch(() => ""))
  return (await Promise.all(names)).map((name) => name.trim())
}

const lineKeys = (line: string): Array<string> => {
  const kind = (JSON.parse(line) as { event: string }).event
  const always = ["policy", "replicate", "at", "host", "event"]
  if (kind === "missed") return always
  if (kind === "suspect" || kind === "cleared") return [...always, "snapshot"]
  return kind === "snapshot" || kind === "deleted" ? [...always, "snapshot", "bytes"] : [...always, "bytes"]
}
