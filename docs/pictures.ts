// npm run docs: draws the pictures of docs/retention.md anew, from the reports of the scenarios that it names.
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { chromium, type Page } from "playwright-core"

const top = join(import.meta.dirname, "..")
const made = mkdtempSync(join(tmpdir(), "byteback-pictures-"))
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] })

const open = async (scenario: string, width: number, height: number, colorScheme: "light" | "dark"): Promise<Page> => {
  const file = join(top, `scenarios/${scenario}.json`)
  const program = join(top, "dist/byteback.cjs")
  execFileSync(process.execPath, [program, "simulate", file, "--format", "html", "--out", join(made, scenario)], {
    stdio: "ignore"
  })
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: "reduce" })
  await page.goto(pathToFileURL(join(made, scenario, "report.html")).href)
  await page.waitForSelector('html[data-settled="true"]')
  return page
}

const picture = (name: string) => ({ path: join(import.meta.dirname, `${name}.png`) })

const kept = await open("thirty-kept", 860, 1100, "light")
await kept.locator("#coverage").screenshot(picture("coverage-30"))
for (const policy of ["importance", "spread"]) {
  await kept.selectOption("#policy", policy)
  await kept.locator("#lifelines figcaption", { hasText: `${policy}, ` }).waitFor()
  await kept.locator("#lifelines").screenshot(picture(`lifelines-${policy}`))
}
const flood = await open("flood", 860, 1100, "light")
await flood.locator("#survival").screenshot(picture("survival-flood"))
const wide = await open("one-host", 860, 1100, "light")
await wide.locator("#sizes").screenshot(picture("error-by-disk"))
await wide.setViewportSize({ width: 860, height: 1380 })
await wide.evaluate("window.scrollTo(0, 0)")
await wide.screenshot(picture("report"))
const phone = await open("one-host", 390, 844, "dark")
await phone.locator("#errors").evaluate((section) => (section as { scrollIntoView(): void }).scrollIntoView())
await phone.screenshot(picture("report-phone-dark"))

await browser.close()
rmSync(made, { recursive: true })
