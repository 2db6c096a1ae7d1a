// The report's script: draws what was simulated, and simulates again when something is changed.
import { Result } from "effect"
import { bytesText } from "../../../domain/prune/amount.ts"
import { DAY } from "../../../domain/prune/snapshot.ts"
import { neededFor } from "../../../domain/simulation/coverage.ts"
import type { Scenario } from "../../../domain/simulation/scenario.ts"
import { REPLAYABLE, replayView, sweep, type SweepPoint, type View, whyKept } from "../../../domain/simulation/view.ts"
import { whatIf } from "../../../domain/simulation/whatIf.ts"
import { daysText, differences, percent, rows } from "../../../domain/simulation/words.ts"
import * as charts from "./charts.ts"

const element = <K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: ReadonlyArray<Node | string>
): HTMLElementTagNameMap[K] => {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}

const data = JSON.parse(document.getElementById("data")!.textContent, (_, value: unknown) =>
  value === "Infinity" ? Infinity : value
) as { readonly view: View; readonly points: ReadonlyArray<SweepPoint> }

const original = data.view.scenario
let view = data.view
let points = data.points
const sizeOf = (scenario: Scenario): number => scenario.hosts.length * scenario.days * scenario.policies.length
const replayable = sizeOf(original) <= REPLAYABLE

const app = document.getElementById("app")!
const labelled = (text: string, control: HTMLElement, kind = "") =>
  element("label", kind === "" ? {} : { class: kind }, text, control)

const select = (id: string, names: ReadonlyArray<string>) =>
  element("select", { id }, ...names.map((name, index) => element("option", { value: String(index) }, name)))

const capacityText = (): string =>
  original.capacity.kind === "bytes"
    ? `${+(original.capacity.bytes / 2 ** 30).toFixed(3)}G`
    : String(original.capacity.snapshots)

const policy = select(
  "policy",
  view.policies.map((one) => one.policy)
)
policy.value = String(view.policies.length - 1)
const host = select("host", view.shown)
const day = element("input", { id: "day", type: "range", min: "0", max: String(original.days - 1), step: "1" })
day.value = String(original.days - 1)
const dayText = element("output", { for: "day", id: "day-text" })
const capacity = element("input", {
  id: "capacity",
  type: "text",
  inputmode: "text",
  autocomplete: "off",
  value: capacityText()
})
const churn = element("input", { id: "churn", type: "number", min: "0", step: "0.1", value: "1" })
const failure = element("input", {
  id: "failure",
  type: "number",
  min: "0",
  max: "1",
  step: "0.01",
  placeholder: "as given"
})
const seed = element("input", { id: "seed", type: "number", min: "0", step: "1", value: String(original.seed) })
const play = element("button", { type: "button", id: "play" }, "Play")
const status = element("p", { id: "status", role: "status", class: "quiet" })

const controls = element(
  "form",
  { id: "controls", "aria-label": "What to show, and what to change" },
  element("label", { class: "day" }, element("span", {}, "Day ", dayText), day),
  play,
  labelled("Policy", policy),
  labelled("Host", host)
)
if (replayable) {
  controls.append(
    labelled(original.capacity.kind === "bytes" ? "Disk" : "Snapshots kept", capacity),
    labelled("Churn, times", churn),
    labelled("Failed backups, 0-1", failure),
    labelled("Seed", seed)
  )
}
controls.addEventListener("submit", (event) => event.preventDefault())
app.append(controls, status)
if (!replayable) {
  app.append(
    element("p", { class: "quiet" }, "Too large to simulate again in this page: byteback simulate --what-if does that.")
  )
}

interface Section {
  readonly draw: (choice: charts.Choice) => Element | null
  readonly words: (choice: charts.Choice) => string
  readonly legend: boolean
  readonly place: HTMLElement
  readonly caption: HTMLElement
  readonly whole: HTMLElement
}

const sections: Array<Section> = []
const section = (
  id: string,
  title: string,
  legend: boolean,
  draw: Section["draw"],
  words: Section["words"]
): HTMLElement => {
  const place = element("div")
  const caption = element("figcaption")
  const whole = element(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    element("h2", { id: `${id}-title` }, title)
  )
  if (legend) {
    const names = view.policies.map(({ policy }, index) =>
      element("span", { style: `--is: ${charts.colourOf(index)}` }, policy)
    )
    whole.append(element("div", { class: "legend" }, ...names))
  }
  whole.append(element("figure", {}, place, caption))
  app.append(whole)
  sections.push({ draw, words, legend, place, caption, whole })
  return whole
}

const named = (choice: charts.Choice) => `${view.policies[choice.policy]!.policy}, ${view.shown[choice.host]}`

section(
  "coverage",
  "Who asks for an age gets one so far off",
  true,
  (choice) => charts.coverage(view, choice),
  (choice) =>
    `On day ${choice.day + 1}: ${view.policies
      .map(({ policy }, index) => {
        const ages = charts.agesAt(view, index, choice.host, choice.day)
        return `${policy} holds ${ages.length}, the oldest ${daysText(ages.at(-1) ?? null)} old`
      })
      .join(
        "; "
      )}. The dashed line is the mean that the best fixed choice of as many snapshots comes to. To have neighbours never more than twice as old as each other takes ${neededFor(charts.horizonOf(view, choice) * DAY, Math.LN2)} snapshots by then.`
)
section(
  "errors",
  "The mean error, day by day",
  true,
  (choice) => charts.errors(view, choice),
  () =>
    "Over ages from one day back to the first backup, each octave counting alike; over all hosts. The dashed line is the best that can be done going day by day with as many snapshots as the chosen policy keeps on average."
)
section(
  "lifelines",
  "The life of each snapshot",
  false,
  (choice) => charts.lifelines(view, choice),
  (choice) => {
    const kept = charts.agesAt(view, choice.policy, choice.host, choice.day).length
    return `${named(choice)}: a bar from a snapshot's birth to its deletion, up to the chosen day; the ${kept} that are there then are in colour.`
  }
)
section(
  "heat",
  "What ages are kept",
  false,
  (choice) => charts.heat(view, choice),
  (choice) => `${named(choice)}: the darker, the more snapshots of that age on that day.`
)
section(
  "space",
  "Space",
  false,
  (choice) => charts.space(view, choice),
  (choice) => {
    const one = view.policies[choice.policy]!
    const refused = one.refused.reduce((sum, count) => sum + count, 0)
    return `${one.policy}: ${bytesText(one.used[choice.day]!)} in use on day ${choice.day + 1}. Above the dashed line is the reserve that pruning defends; ticks at the top are days with refused backups (${refused} backups in all).`
  }
)
section(
  "survival",
  "Clean copies after a compromise",
  true,
  (choice) => charts.survival(view, choice),
  () =>
    original.attack === null
      ? `If the host had been broken into on day ${charts.compromiseOf(view)} and backups went on: the snapshots from before that are still there.`
      : `The attack (${original.attack.kind}) begins on day ${original.attack.fromDay}: the snapshots from before it that are still there.`
)
section(
  "sizes",
  "Error against the size of the disk",
  true,
  (choice) => (points.length === 0 ? null : charts.errorAgainstSize(view, choice, points)),
  () => "The dashed line is the disk of this scenario."
)
const list = element("ul")
const reasons = element("details", { id: "reasons" }, element("summary", {}, "Each kept snapshot and its reason"), list)
section(
  "calendar",
  "Calendar",
  false,
  (choice) => {
    const kept = whyKept(view, choice.policy, choice.host, choice.day)
    list.replaceChildren(...kept.map(({ taken, why }) => element("li", {}, `${dateOf(taken)}, ${why}`)))
    return charts.calendar(view, choice, new Map(kept.map((one) => [one.taken, one.why])))
  },
  (choice) =>
    `${named(choice)}: the year up to day ${choice.day + 1}. Each square tells its reason when pointed at; the list below has them all.`
).append(reasons)

const choiceNow = (): charts.Choice => ({
  policy: Number(policy.value),
  host: Number(host.value),
  day: Number(day.value),
  width: Math.max(300, Math.min(928, app.clientWidth))
})

const dateOf = (seconds: number): string => new Date((original.start + seconds) * 1000).toISOString().slice(0, 10)

/** Sections that wait for their turn, as nobody can see them. */
let waiting: Array<Section> = []
let turn: ReturnType<typeof setTimeout> | undefined

const drawSection = (one: Section, choice: charts.Choice): void => {
  const drawn = one.draw(choice)
  one.whole.hidden = drawn === null
  if (drawn === null) return
  drawn.setAttribute("role", "img")
  one.place.replaceChildren(drawn)
  one.caption.textContent = one.words(choice)
}

const drawWaiting = (): void => {
  clearTimeout(turn)
  const next = waiting.shift()
  if (next !== undefined) {
    drawSection(next, choiceNow())
    turn = setTimeout(drawWaiting)
  } else document.documentElement.dataset["settled"] = "true"
}

const isSeen = (one: Section): boolean => {
  const { bottom, top } = one.whole.getBoundingClientRect()
  return one.whole.hidden !== false || (bottom > 0 && top < window.innerHeight)
}

/** What can be seen at once, the rest soon after. */
const draw = (): void => {
  const choice = choiceNow()
  const date = dateOf(choice.day * DAY)
  dayText.textContent = `${choice.day + 1} of ${original.days} (${date})`
  day.setAttribute("aria-valuetext", `day ${choice.day + 1}, ${date}`)
  document.documentElement.dataset["settled"] = "false"
  // Looked up before anything is drawn, as each drawing would have the page laid out again.
  const seen = new Set(sections.filter(isSeen))
  for (const one of seen) drawSection(one, choice)
  waiting = sections.filter((one) => !seen.has(one))
  clearTimeout(turn)
  turn = setTimeout(drawWaiting)
}

const tell = (): void => {
  const table = document.querySelector("#figures tbody")!
  table.replaceChildren(
    ...rows(view.metrics).map(([label, values]) =>
      element("tr", {}, element("th", { scope: "row" }, label), ...values.map((value) => element("td", {}, value)))
    )
  )
  document
    .getElementById("sentences")!
    .replaceChildren(...differences(view.metrics).map((sentence) => element("p", {}, sentence)))
}

const changes = (): string => {
  const said: Array<string> = []
  if (capacity.value.trim() !== capacityText()) said.push(`capacity=${capacity.value.trim().replaceAll(" ", "")}`)
  if (churn.value !== "" && Number(churn.value) !== 1) said.push(`churn=x${churn.value}`)
  if (failure.value !== "") said.push(`failure=${failure.value}`)
  if (seed.value !== "" && Number(seed.value) !== original.seed) said.push(`seed=${seed.value}`)
  return said.join(",")
}

let sweeping: ReturnType<typeof setTimeout> | undefined

const again = (): void => {
  const text = changes()
  const changed = text === "" ? Result.succeed(original) : whatIf(original, text)
  status.className = Result.isFailure(changed) ? "wrong" : "quiet"
  if (Result.isFailure(changed)) {
    status.textContent = changed.failure.message
    return
  }
  const began = performance.now()
  const scenario = { ...changed.success, replicates: 1 }
  view = replayView(scenario)
  points = []
  tell()
  draw()
  const took = Math.round(performance.now() - began)
  document.documentElement.dataset["redrawn"] = String(took)
  status.textContent =
    text === ""
      ? "As it was told."
      : `With ${text}: ${view.metrics.map((one) => `${one.policy} ${percent(one.mre)}`).join(", ")} off. The same on the command line: --what-if ${text}`
  clearTimeout(sweeping)
  sweeping = setTimeout(() => {
    points = sweep(scenario)
    draw()
  }, 600)
}

let frame = 0
const soon = (): void => {
  cancelAnimationFrame(frame)
  frame = requestAnimationFrame(draw)
}
for (const control of [day, policy, host]) control.addEventListener("input", soon)
for (const control of [capacity, churn, failure, seed]) control.addEventListener("change", again)
window.addEventListener("resize", soon)
window.addEventListener("beforeprint", () => {
  while (waiting.length > 0) drawWaiting()
})

let playing: ReturnType<typeof setInterval> | undefined
const stop = (): void => {
  clearInterval(playing)
  playing = undefined
  play.textContent = "Play"
}
play.addEventListener("click", () => {
  if (playing !== undefined) return stop()
  play.textContent = "Stop"
  if (Number(day.value) === original.days - 1) day.value = "0"
  const step = Math.max(1, Math.round(original.days / 150))
  playing = setInterval(() => {
    day.value = String(Math.min(original.days - 1, Number(day.value) + step))
    draw()
    if (Number(day.value) === original.days - 1) stop()
  }, 100)
})
draw()
document.documentElement.dataset["drawn"] = "true"

/** The compiler learns the replay while nobody waits for it. */
const rehearse = (times: number): void => {
  if (times === 0) return
  replayView({ ...original, replicates: 1 })
  setTimeout(() => rehearse(times - 1), 50)
}
if (replayable) setTimeout(() => rehearse(3), 300)
