// The report in a real browser: it loads in silence, its slider moves it, and it tells what the command line tells.
import { execFile } from "node:child_process"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
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

const tableOf = (): Promise<ReadonlyArray<ReadonlyArray<string>>> =>
  page.$$eval("#figures tbody tr", (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? "")))

const set = async (id: string, value: string): Promise<void> => {
  await page.$eval(
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

  it("simulates a changed disk to the figures that the command line gives", async () => {
    const before = await tableOf()
    await set("capacity", "180G")
    await page.locator("#status", { hasText: "capacity=180G" }).waitFor()
    const inPage = await tableOf()
    const { stdout } = await simulate("--what-if", "capacity=180G")
    const told = stdout
      .split("\n\n")[0]!
      .split("\n")
      .slice(1)
      .filter((line) => line !== "")
      .map((line) => line.trim().split(/\s{2,}/))
    assert.deepStrictEqual(inPage, told)
    assert.notDeepEqual(inPage, before)
  })

  it("refuses a size that is none, in words, and keeps what it showed", async () => {
    const before = await tableOf()
    await set("capacity", "plenty")
    await page.waitForSelector("#status.wrong")
    assert.deepStrictEqual(await tableOf(), before)
    await set("capacity", "250G")
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
