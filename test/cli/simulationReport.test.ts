// The report in a real browser: it loads in silence, its slider moves it, and it tells what the command line tells.
import { execFile } from "node:child_process"
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { rolldown } from "rolldown"
import { replay } from "../../src/domain/simulation/replay.ts"
import { type ScenarioFile, scenarioOf } from "../../src/domain/simulation/scenario.ts"
import { traceLines } from "../../src/domain/simulation/trace.ts"
import { type Browser, chromium, type Page } from "playwright-core"

const run = promisify(execFile)
const program = join(import.meta.dirname, "../../dist/byteback.cjs")
const simulate = (...args: ReadonlyArray<string>) =>
  run(process.execPath, [program, "simulate", ...args], { maxBuffer: 2 ** 28 })

let directory: string
let browser: Browser
let page: Page
const complaints: Array<string> = []
const requests: Array<string> = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "byteback-report-"))
  await simulate("--format", "html,json", "--out", directory)
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] })
  page = await browser.newPage()
  page.on("console", (message) => complaints.push(message.text()))
  page.on("pageerror", (error) => complaints.push(error.message))
  page.on("request", (request) => requests.push(request.url()))
  await page.goto(pathToFileURL(join(directory, "report.html")).href)
  await page.waitForSelector('html[data-drawn][data-settled="true"]')
}, 60_000)

afterAll(async () => {
  await browser?.close()
  await rm(directory, { recursive: true, force: true })
})

const tableOf = (of: Page = page): Promise<ReadonlyArray<ReadonlyArray<string>>> =>
  of.$$eval("#figures tbody tr", (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? "")))

const set = async (id: string, value: string, of: Page = page): Promise<void> => {
  await of.$eval(
    `#${id}`,
    (control, value) => {
      ;(control as unknown as { value: string }).value = value
      const { Event } = globalThis as unknown as { Event: new (name: string, init: object) => object }
      for (const name of ["input", "change"]) {
        ;(control as unknown as { dispatchEvent: (event: object) => void }).dispatchEvent(
          new Event(name, { bubbles: true })
        )
      }
    },
    value
  )
}

/** The words of the command line that a page gives for what it shows. */
const commandIn = async (of: Page): Promise<ReadonlyArray<string>> => {
  const status = (await of.locator("#status").textContent()) ?? ""
  return status.split("on the command line: byteback simulate ")[1]!.split(" ")
}

/** The table that the command line prints. */
const toldBy = async (words: ReadonlyArray<string>): Promise<ReadonlyArray<ReadonlyArray<string>>> => {
  const { stdout } = await simulate(...words)
  return stdout
    .split("\n\n")[0]!
    .split("\n")
    .slice(1)
    .filter((line) => line !== "")
    .map((line) => line.trim().split(/\s{2,}/))
}

/** Milliseconds until all charts are drawn after a change. */
const redrawn = (of: Page, id: string, value: string): Promise<number> =>
  of.evaluate(
    `new Promise((resolve) => {
      const control = document.getElementById(${JSON.stringify(id)})
      const began = performance.now()
      control.value = ${JSON.stringify(value)}
      control.dispatchEvent(new Event("change", { bubbles: true }))
      const look = () =>
        document.documentElement.dataset.settled === "true" ? resolve(performance.now() - began) : setTimeout(look)
      look()
    })`
  )

/** Labels of a page's drawings that lie on each other. */
const overlaps = (of: Page): Promise<ReadonlyArray<string>> =>
  of.evaluate(
    `[...document.querySelectorAll("#app section:not([hidden])")].flatMap((section) => {
      const labels = [...section.querySelectorAll("svg text")]
        .map((text) => ({ words: text.textContent, box: text.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0)
      return labels.flatMap(({ box, words }, i) =>
        labels.slice(0, i).flatMap((other) =>
          box.left < other.box.right && other.box.left < box.right && box.top + 1 < other.box.bottom && other.box.top + 1 < box.bottom
            ? [section.id + ": " + other.words + " / " + words]
            : []
        )
      )
    })`
  )

/** What is out of sight is drawn last. */
const settled = () => page.waitForSelector('html[data-settled="true"]')

const drawing = (id: string): Promise<string> => page.$eval(`#${id} figure`, (figure) => figure.innerHTML)

describe("the report in a browser", () => {
  it("loads without a word on the console and without any request but for itself", () => {
    assert.deepStrictEqual(complaints, [])
    assert.deepStrictEqual(
      requests.filter((url) => !url.startsWith("data:")).map((url) => url.split("/").at(-1)),
      ["report.html"]
    )
  })

  it("draws every chart and names each for those who do not see it", async () => {
    for (const id of ["coverage", "errors", "lifelines", "heat", "space", "survival", "sizes", "calendar"]) {
      const label = await page.$eval(`#${id} figure svg[aria-label]`, (svg) => svg.getAttribute("aria-label") ?? "")
      assert.isAbove(label.length, 10, id)
      const caption = await page.$eval(`#${id} figcaption`, (caption) => caption.textContent ?? "")
      assert.isAbove(caption.length, 20, id)
    }
  })

  it("moves its charts with the slider, by keyboard too", async () => {
    const before = await Promise.all(["coverage", "lifelines", "heat", "calendar"].map(drawing))
    await set("day", "400")
    await page.locator("#day-text", { hasText: /^401 of/ }).waitFor()
    await settled()
    const after = await Promise.all(["coverage", "lifelines", "heat", "calendar"].map(drawing))
    for (const [index, drawn] of after.entries()) assert.notStrictEqual(drawn, before[index])
    await page.focus("#day")
    await page.keyboard.press("ArrowRight")
    await page.locator("#day-text", { hasText: /^402 of/ }).waitFor()
    await settled()
    const reasons = await page.$$eval("#reasons li", (items) => items.map((item) => item.textContent ?? ""))
    assert.isAbove(reasons.length, 5)
    assert.isTrue(reasons.every((reason) => reason.includes("kept:")))
  })

  it("simulates a changed disk to the figures that the command line gives, all charts drawn in two seconds", async () => {
    const before = await tableOf()
    // It is quicker where nothing else runs: the bench has the figure.
    assert.isBelow(await redrawn(page, "capacity", "180GB"), 2000)
    const inPage = await tableOf()
    assert.deepStrictEqual(inPage, await toldBy(await commandIn(page)))
    assert.notDeepEqual(inPage, before)
    await set("capacity", "250GB")
    await page.locator("#status", { hasText: "As it was told" }).waitFor()
    assert.deepStrictEqual(await tableOf(), before)
  })

  it("refuses a size that is none, in words, and keeps what it showed", async () => {
    const before = await tableOf()
    await set("capacity", "plenty")
    await page.waitForSelector("#status.wrong")
    assert.deepStrictEqual(await tableOf(), before)
    assert.notInclude(await page.locator("#status").textContent(), "nothing was")
    await set("capacity", "250GB")
    await page.waitForSelector("#status:not(.wrong)")
  })

  it("prints every chart, dark on white whatever the screen is, and the reasons though they are folded", async () => {
    await page.emulateMedia({ colorScheme: "dark", media: "print" })
    assert.strictEqual(await page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
    assert.strictEqual(
      await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--p2').trim()"),
      "#0a6f8f"
    )
    const pdf = await page.pdf({ format: "A4" })
    assert.isAbove(pdf.length, 50_000)
    for (const id of ["coverage", "calendar"]) assert.isAbove((await drawing(id)).length, 1000)
    await page.emulateMedia({ colorScheme: "light", media: "screen" })
  })

  it("fits a phone, and has a dark side", async () => {
    await page.setViewportSize({ width: 375, height: 700 })
    await page.emulateMedia({ colorScheme: "dark" })
    await page.locator('#coverage svg[width="351"], #coverage svg[width="352"], #coverage svg[width="353"]').waitFor()
    const wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert.strictEqual(wide, 0)
    const back = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert.strictEqual(back, "rgb(21, 24, 28)")
    assert.deepStrictEqual(complaints, [])
  })

  it("is written whole or not at all", async () => {
    assert.deepStrictEqual((await readdir(directory)).toSorted(), ["metrics.json", "report.html"])
  })
})

/** A report of its own, open. */
const opened = async (name: string, ...args: ReadonlyArray<string>): Promise<Page> => {
  const out = join(directory, name)
  await simulate(...args, "--format", "html", "--out", out)
  const its = await browser.newPage()
  its.on("console", (message) => complaints.push(`${name}: ${message.text()}`))
  its.on("pageerror", (error) => complaints.push(`${name}: ${error.message}`))
  its.on("request", (request) => {
    if (!request.url().startsWith("data:")) complaints.push(`${name}: ${request.url()}`)
  })
  await its.goto(pathToFileURL(join(out, "report.html")).href)
  await its.waitForSelector('html[data-drawn][data-settled="true"]')
  complaints.splice(0, complaints.length, ...complaints.filter((one) => !one.endsWith(`${name}/report.html`)))
  return its
}

const scenarios = join(import.meta.dirname, "../../scenarios")

describe("a report that was made with other words", () => {
  it("gives the command line for a change with all of them, and back what it was told", async () => {
    const its = await opened("words", ..."--reps 3 --policy spread --days 700 --what-if churn=x1.5".split(" "))
    const before = await tableOf(its)
    const header = await its.locator("#run").textContent()
    assert.include(header, "means of 3 replays")
    await redrawn(its, "capacity", "180GB")
    const words = await commandIn(its)
    assert.deepStrictEqual(words, [
      "--policy",
      "spread",
      "--days",
      "700",
      "--reps",
      "3",
      "--what-if",
      "churn=x1.5,capacity=180GB"
    ])
    assert.deepStrictEqual(await tableOf(its), await toldBy(words))
    await redrawn(its, "seed", "7")
    assert.include(await its.locator("#run").textContent(), "seed 7")
    await redrawn(its, "seed", "1")
    await redrawn(its, "capacity", "250GB")
    assert.deepStrictEqual(await tableOf(its), before)
    assert.strictEqual(await its.locator("#run").textContent(), header)
    await its.close()
  })

  it("compares other policies, by another minimum age and with bytes weighed, when it is told to", async () => {
    const its = await opened("policies", ..."--policy spread --days 400".split(" "))
    await its.click("#order-importance")
    await its.click("#weigh")
    await redrawn(its, "minage", "2")
    const columns = await its.$$eval("#figures thead th", (cells) => cells.map((cell) => cell.textContent))
    assert.sameMembers(columns, ["Figure", "importance", "spread"])
    const words = await commandIn(its)
    assert.match(
      words.join(" "),
      /order=importance\+spread,minage=2,weigh=yes|order=spread\+importance,minage=2,weigh=yes/
    )
    assert.deepStrictEqual(await tableOf(its), await toldBy(words))
    assert.sameMembers(await its.$$eval("#policy option", (all) => all.map((one) => one.textContent)), [
      "importance",
      "spread"
    ])
    assert.strictEqual(await its.locator("#coverage .legend span").count(), 2)
    await its.click("#order-importance")
    await its.click("#order-spread")
    await its.waitForSelector("#status.wrong")
    await its.close()
  })
})

describe("a report of whatever there is", () => {
  const hostile = {
    name: "</script><script>alert(1)</script>",
    about: '<img src="x" onerror="alert(1)">',
    days: 200,
    policies: [{ method: "age", name: "<b onclick=alert(1)>&lt;" }, "spread"],
    hosts: [
      { name: "a", failure: 0.3 },
      { name: "b", base: "9GB", count: 9 }
    ]
  }
  const kinds: ReadonlyArray<readonly [name: string, ...args: ReadonlyArray<string>]> = [
    ["several", join(scenarios, "unequal-pace.json")],
    ["counted", join(scenarios, "flood.json")],
    ["many", join(scenarios, "hosting-300.json"), "--days", "90"],
    ["hostile"],
    ["short", "--days", "2"]
  ]
  for (const [name, ...args] of kinds) {
    it(`is drawn without a word on the console and without a label on another, on a screen and on a phone: ${name}`, async () => {
      const file = join(directory, "hostile.json")
      await writeFile(file, JSON.stringify(hostile))
      const its = await opened(name, ...(name === "hostile" ? [file] : args))
      for (const width of [1100, 375]) {
        await its.setViewportSize({ width, height: 800 })
        await its.waitForFunction(
          `[...document.querySelectorAll("#app svg")].every((svg) => svg.clientWidth < ${width})`
        )
        await its.waitForSelector('html[data-settled="true"]')
        assert.deepStrictEqual(await overlaps(its), [], `${name} at ${width}`)
        assert.strictEqual(
          await its.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
          0
        )
      }
      assert.strictEqual(await its.locator("#capacity").count(), name === "many" ? 0 : 1)
      if (name === "many") {
        assert.deepStrictEqual(
          (await its.$$eval("#space .legend span", (all) => all.map((one) => one.textContent))).slice(-1),
          ["others"]
        )
        assert.match((await its.locator("#space figcaption").textContent()) ?? "", /large-\d \d.* TB.*, others \d/)
      }
      if (name === "hostile") {
        assert.strictEqual(await its.locator("h1").textContent(), `Retention: ${hostile.name}`)
        assert.strictEqual(await its.locator("img, b").count(), 0)
        await redrawn(its, "churn", "2")
        assert.match((await its.locator("#status").textContent()) ?? "", /^With churn=x2: <b onclick/)
      }
      assert.deepStrictEqual(complaints, [])
      await its.close()
    })
  }
})

describe("the same scenario and seed", () => {
  it("give the same trace to the byte in Node and in a browser", async () => {
    const source = join(import.meta.dirname, "../../src/domain/simulation")
    const entry = join(directory, "trace.ts")
    await writeFile(
      entry,
      `import { scenarioOf } from ${JSON.stringify(join(source, "scenario.ts"))}
      import { replay } from ${JSON.stringify(join(source, "replay.ts"))}
      import { traceLines } from ${JSON.stringify(join(source, "trace.ts"))}
      globalThis.traceOf = (file) => {
        const scenario = scenarioOf(file).success
        return scenario.policies.flatMap((policy) => [...traceLines(replay(scenario, policy, 0), scenario, 0)]).join("")
      }`
    )
    const bundle = await rolldown({ input: entry, platform: "browser", cwd: join(import.meta.dirname, "../..") })
    const { output } = await bundle.generate({ format: "iife" })
    const file: ScenarioFile = {
      days: 900,
      capacity: { timesLive: 1.6 },
      hosts: [
        { name: "a", jitter: "1h", failure: 0.1 },
        { name: "b", every: "6h", churn: { daily: "2GB", spikes: { probability: 0.02, bytes: "9GB" } } },
        { name: "c", every: "7d" }
      ]
    }
    await page.addScriptTag({ content: output[0].code })
    const inPage = await page.evaluate(`traceOf(${JSON.stringify(file)})`)
    const scenario = Result.getOrThrow(scenarioOf(file))
    const here = scenario.policies
      .flatMap((policy) => [...traceLines(replay(scenario, policy, 0), scenario, 0)])
      .join("")
    assert.isAbove(here.length, 1_000_000)
    assert.isTrue(inPage === here)
  })
})
