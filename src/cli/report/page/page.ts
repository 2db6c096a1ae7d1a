// The report's script: draws what was simulated, and simulates again when something is changed.
import { Result } from "effect"
import { bytesText } from "../../../domain/prune/amount.ts"
import { DAY } from "../../../domain/prune/snapshot.ts"
import { neededFor } from "../../../domain/simulation/coverage.ts"
import type { Scenario } from "../../../domain/simulation/scenario.ts"
import {
  heldAt,
  REPLAYABLE,
  replayView,
  sampled,
  sweep,
  type SweepPoint,
  type View,
  whyKept
} from "../../../domain/simulation/view.ts"
import { whatIf } from "../../../domain/simulation/whatIf.ts"
import { daysText, differences, percent, rows, runWords } from "../../../domain/simulation/words.ts"
import type { Told } from "../html.ts"
import * as charts from "./charts.ts"
import * as figures from "./figures.ts"

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
) as { readonly view: View; readonly points: ReadonlyArray<SweepPoint>; readonly told: Told }

const original = data.view.scenario
let view = data.view
let points = data.points
const sizeOf = (scenario: Scenario): number => scenario.hosts.length * scenario.days * scenario.policies.length
const replayable = sizeOf(original) <= REPLAYABLE
/** Replayed here: all that were told, where that is quick enough. */
const replicates = sizeOf(original) * original.replicates <= REPLAYABLE ? original.replicates : 1

const app = document.getElementById("app")!
const labelled = (text: string, control: HTMLElement, kind = "") =>
  element("label", kind === "" ? {} : { class: kind }, text, control)

/** Offers these names; the one that was chosen stays so where it still is among them, and else the `other` is. */
const offer = (select: HTMLSelectElement, names: ReadonlyArray<string>, other: number): void => {
  const chosen = names.indexOf(select.selectedOptions[0]?.textContent ?? "")
  select.replaceChildren(...names.map((name, index) => element("option", { value: String(index) }, name)))
  select.value = String(chosen < 0 ? other : chosen)
}

/** As it would be typed. */
const capacityText = (): string => {
  const { capacity } = original
  if (capacity.kind === "snapshots") return String(capacity.snapshots)
  const [size, unit] = capacity.bytes >= 1e12 ? [1e12, "TB"] : [1e9, "GB"]
  return `${+(capacity.bytes / size).toFixed(3)}${unit}`
}

const policy = element("select", { id: "policy" })
const host = element("select", { id: "host" })
const offerAll = (): void => {
  const names = view.policies.map((one) => one.policy)
  offer(policy, names, names.length - 1)
  const victim = view.scenario.attack === null ? undefined : view.scenario.hosts[view.scenario.attack.host]!.name
  offer(host, view.shown, Math.max(0, view.shown.indexOf(victim ?? "")))
}
offerAll()
const day = element("input", { id: "day", type: "range", min: "0", max: String(original.days - 1), step: "1" })
day.value = String(original.days - 1)
/** The slider says the same to those who hear it. */
const dayText = element("span", { id: "day-text", "aria-hidden": "true" })
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
/** Policies that can be named in a change, and the methods, each with a box. */
const orders = [...new Set([...original.policies.map(({ name }) => name), "age", "importance", "spread"])]
  .filter((name) => /^[\w.-]+$/.test(name))
  .map((name) => {
    const box = element("input", { type: "checkbox", id: `order-${name}`, value: name })
    box.defaultChecked = original.policies.some((one) => one.name === name)
    return box
  })
const minAge = element("input", {
  id: "minage",
  type: "number",
  min: "0",
  step: "1",
  placeholder: String((original.policies[0]?.minAge ?? 0) / DAY)
})
const weighs = original.policies.some(({ method }) => method.name === "spread" && method.weigh === true)
const weigh = element("input", { type: "checkbox", id: "weigh" })
weigh.checked = weighs
const play = element("button", { type: "button", id: "play" }, "Play")
const status = element("p", { id: "status", role: "status", class: "quiet" })

/** What to show stays in sight while one reads; what to change does not. */
const controls = element(
  "form",
  { id: "controls", class: "panel", "aria-label": "What to show" },
  element("div", { class: "day" }, element("label", { for: "day" }, "Day "), dayText, day),
  play,
  labelled("Show", policy),
  labelled("Host", host)
)
const changing = element(
  "form",
  { id: "changes", class: "panel", "aria-label": "What to change" },
  labelled(original.capacity.kind === "bytes" ? "Disk" : "Snapshots kept", capacity),
  labelled("Churn, times", churn),
  labelled("Failed backups, 0-1", failure),
  labelled("Seed", seed),
  labelled("Minimum age, days", minAge),
  element(
    "fieldset",
    {},
    element("legend", {}, "Compare"),
    ...orders.map((box) => element("label", { class: "box" }, box, box.value)),
    element("label", { class: "box" }, weigh, "spread weighs bytes")
  )
)
for (const form of [controls, changing]) form.addEventListener("submit", (event) => event.preventDefault())
app.append(controls, ...(replayable ? [changing] : []), status)
if (!replayable) {
  app.append(
    element("p", { class: "quiet" }, "Too large to simulate again in this page: byteback simulate --what-if does that.")
  )
}

/** What the colours of a drawing stand for; null: they need no word. */
type Legend = ((choice: charts.Choice) => ReadonlyArray<readonly [name: string, colour: string]>) | null

const policyLegend: Legend = () => view.policies.map(({ policy }) => [policy, charts.colourOf(policy)])

interface Section {
  readonly draw: (choice: charts.Choice) => Element | null
  readonly words: (choice: charts.Choice) => string
  readonly legend: Legend
  readonly figures: ((choice: charts.Choice) => figures.Figures) | null
  readonly table: HTMLTableElement
  readonly key: HTMLElement
  readonly place: HTMLElement
  readonly caption: HTMLElement
  readonly whole: HTMLElement
}

const sections: Array<Section> = []
const section = (
  id: string,
  title: string,
  legend: Legend,
  draw: Section["draw"],
  words: Section["words"],
  figures: Section["figures"] = null
): HTMLElement => {
  const place = element("div")
  const caption = element("figcaption")
  const whole = element(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    element("h2", { id: `${id}-title` }, title)
  )
  const key = element("div", { class: "legend" })
  if (legend !== null) whole.append(key)
  whole.append(element("figure", {}, place, caption))
  const table = element("table", { "aria-labelledby": `${id}-title` })
  if (figures !== null) {
    const scrolled = { class: "wide", tabindex: "0", role: "region", "aria-label": `${title}, in figures` }
    whole.append(
      element("details", { class: "figures" }, element("summary", {}, "In figures"), element("div", scrolled, table))
    )
  }
  app.append(whole)
  sections.push({ draw, words, legend, figures, table, key, place, caption, whole })
  return whole
}

const named = (choice: charts.Choice) => `${view.policies[choice.policy]!.policy}, ${view.shown[choice.host]}`

/** Each policy's value at the end of a sentence. */
const each = (value: (policy: number) => string): string =>
  view.policies.map(({ policy }, index) => `${policy} ${value(index)}`).join(", ")

section(
  "coverage",
  "Who asks for an age gets one so far off",
  policyLegend,
  (choice) => charts.coverage(view, choice),
  (choice) => {
    const { policy } = view.policies[choice.policy]!
    const holds = view.policies.map(({ policy }, index) => {
      const ages = charts.agesAt(view, index, choice.host, choice.day)
      return `${policy} holds ${ages.length}, the oldest ${daysText(ages.at(-1) ?? null)} old`
    })
    return `${view.shown[choice.host]} on day ${choice.day + 1}: ${holds.join("; ")}. The dashed line is about the mean that as many snapshots as ${policy} holds come to at the ideal spacing, the dotted one the best that is had going day by day. Below the line of dashes and dots, halfway between two of them, nobody who goes day by day can promise to stay for ever; to have neighbours never more than twice as old as each other takes ${neededFor(charts.horizonOf(view, choice) * DAY, Math.LN2)} snapshots by then.`
  },
  (choice) => figures.coverage(view, choice)
)
section(
  "errors",
  "The mean error, day by day",
  policyLegend,
  (choice) => charts.errors(view, choice),
  (choice) =>
    `On day ${choice.day + 1}: ${each((index) => percent(view.policies[index]!.errors[choice.day] ?? null))}. Over ages from one day back to the first backup, each octave counting alike; over all hosts. The dashed line is about what the ideal spacing comes to of as many snapshots as hosts hold on that day by the chosen policy (${percent(view.policies[choice.policy]!.ideals[choice.day] ?? null)}), the dotted one the best that is had going day by day; where a host holds a handful, chance may do better.`,
  (choice) => figures.errors(view, choice)
)
section(
  "lifelines",
  "The life of each snapshot",
  null,
  (choice) => charts.lifelines(view, choice),
  (choice) => {
    const kept = heldAt(view, choice.policy, choice.host, choice.day).length
    return `${named(choice)}: a bar from a snapshot's birth to its deletion, up to the chosen day; the ${kept} that are there then are in colour. The strokes beside the chosen day are where the ideal spacing would have as many.`
  }
)
section(
  "heat",
  "What ages are kept",
  null,
  (choice) => charts.heat(view, choice),
  (choice) => {
    const ages = charts.agesAt(view, choice.policy, choice.host, choice.day)
    const upTo = (days: number) => ages.filter((age) => age <= days).length
    return `${named(choice)}: the darker, the more snapshots of that age on that day. On day ${choice.day + 1}, ${upTo(7)} are at most a week old, ${upTo(30) - upTo(7)} at most a month, ${upTo(365) - upTo(30)} at most a year, ${ages.length - upTo(365)} older. The strokes beside the chosen day are the ages that the ideal spacing of as many would have.`
  },
  (choice) => figures.heat(view, choice)
)
section(
  "space",
  "Space",
  (choice) => charts.spaceLegend(view, choice).map(([host, colour]) => [host, colour]),
  (choice) => charts.space(view, choice),
  (choice) => {
    const one = view.policies[choice.policy]!
    const refused = one.refused.reduce((sum, count) => sum + count, 0)
    const parts = charts.spaceLegend(view, choice).map(([host, , bytes]) => `${host} ${bytesText(bytes)}`)
    return `${one.policy}: ${bytesText(one.used[choice.day]!)} in use on day ${choice.day + 1}${parts.length > 1 ? ` (${parts.join(", ")})` : ""}. Above the dashed line is the reserve that pruning defends; ticks at the top are days with refused backups (${refused} backups in all).`
  }
)
section(
  "survival",
  "Clean copies after a compromise",
  policyLegend,
  (choice) => charts.survival(view, choice),
  (choice) => {
    const { attack, hosts } = view.scenario
    const name = view.shown[choice.host]!
    const victim = attack === null ? undefined : hosts[attack.host]!.name
    const after = [30, 7, 1].find((days) => days <= view.scenario.days - charts.compromiseOf(view))
    return [
      attack === null
        ? `If ${name} had been broken into on day ${charts.compromiseOf(view)} and backups went on: its snapshots from before that are still there.`
        : name === victim
          ? `The attack on ${name} (${attack.kind}) begins on day ${attack.fromDay}: its snapshots from before that are still there.`
          : `The attack (${attack.kind}, from day ${attack.fromDay}) is on ${victim}, not on ${name}: of the latter, the snapshots from before that are still there.`,
      after === undefined
        ? ""
        : ` After ${daysText(after)}: ${each((index) => String(charts.cleanAt(view, index, choice.host, after)))}.`,
      ` Dashed, how many of as many as ${view.policies[choice.policy]!.policy} then holds would be as old as that at the ideal spacing; there can be more where what came later went first.`
    ].join("")
  },
  (choice) => figures.survival(view, choice)
)
section(
  "sizes",
  "Error against the size of the disk",
  policyLegend,
  (choice) => (points.length === 0 ? null : charts.errorAgainstSize(view, choice, points)),
  () => {
    const { capacity, hosts } = view.scenario
    const own = capacity.kind === "bytes" ? capacity.bytes : capacity.snapshots
    const at = (index: number) =>
      points.find((one) => one.capacity === own && one.policy === view.policies[index]!.policy)?.mre ?? null
    const some = sampled(view.scenario).hosts.length
    return [
      `The upright line is the ${capacity.kind === "bytes" ? "disk" : "number"} of this scenario: ${each((index) => percent(at(index)))} there. Dashed, as many snapshots as each policy keeps, at the ideal spacing; dotted, the best that is had going day by day. First replay only.`,
      some < hosts.length
        ? ` ${some} of the ${hosts.length} hosts, some of each kind, on as much of the disk as is theirs: they stand for all. byteback simulate --what-if capacity=x1.3 replays all of them on another disk.`
        : ""
    ].join("")
  },
  () => figures.sizes(view, points)
)
const list = element("ul")
const reasons = element("details", { id: "reasons" }, element("summary", {}, "Each kept snapshot and its reason"), list)
section(
  "calendar",
  "Calendar",
  (choice) => charts.dayColours(view, choice),
  (choice) => {
    const kept = whyKept(view, choice.policy, choice.host, choice.day)
    list.replaceChildren(
      ...kept.map(({ dated, taken, why }) => {
        const really = dated === taken ? "" : ` (the clock was wrong, it was ${charts.dateOf(view, taken)})`
        return element("li", {}, `${charts.dateOf(view, dated)}${really}, ${why}`)
      })
    )
    return charts.calendar(view, choice, kept)
  },
  (choice) =>
    `${named(choice)}: the year up to day ${choice.day + 1}. Each square tells its reason when pointed at; the list below has them all. Dots: the days that the ideal spacing of as many would have.`
).append(reasons)

const choiceNow = (): charts.Choice => ({
  policy: Number(policy.value),
  host: Number(host.value),
  day: Number(day.value),
  width: Math.max(300, Math.min(928, app.clientWidth))
})

/** Sections that wait for their turn, as nobody can see them. */
let waiting: Array<Section> = []
let turn: ReturnType<typeof setTimeout> | undefined

const headOf = (names: ReadonlyArray<string>): HTMLElement =>
  element("thead", {}, element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name))))

const bodyOf = (rows: ReadonlyArray<ReadonlyArray<string>>): HTMLElement =>
  element(
    "tbody",
    {},
    ...rows.map(([label, ...values]) =>
      element("tr", {}, element("th", { scope: "row" }, label!), ...values.map((value) => element("td", {}, value)))
    )
  )

const drawSection = (one: Section, choice: charts.Choice): void => {
  const drawn = one.draw(choice)
  if (one.legend !== null)
    one.key.replaceChildren(
      ...one.legend(choice).map(([name, colour]) => element("span", { style: `--is: ${colour}` }, name))
    )
  one.whole.hidden = drawn === null
  if (drawn === null) return
  drawn.setAttribute("role", "img")
  one.place.replaceChildren(drawn)
  one.caption.textContent = one.words(choice)
  if (one.figures === null) return
  const { head, rows } = one.figures(choice)
  one.table.replaceChildren(headOf(head), bodyOf(rows))
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
  const date = charts.dateOf(view, choice.day * DAY)
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
  document.getElementById("run")!.textContent = runWords(view.scenario)
  document
    .getElementById("figures")!
    .replaceChildren(
      headOf(["Figure", ...view.metrics.map((one) => one.policy)]),
      bodyOf(rows(view.metrics).map(([label, values]) => [label, ...values]))
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
  const wanted = orders.filter((box) => box.checked).map((box) => box.value)
  // Before what is changed of the policies themselves.
  if (orders.some((box) => box.checked !== box.defaultChecked)) said.push(`order=${wanted.join("+")}`)
  if (minAge.value !== "") said.push(`minage=${minAge.value}`)
  if (weigh.checked !== weighs) said.push(`weigh=${weigh.checked ? "yes" : "no"}`)
  return said.join(",")
}

/** The command line that comes to the same. */
const command = (text: string): string =>
  [
    "byteback simulate",
    data.told.words,
    replicates < original.replicates
      ? "--reps 1"
      : data.told.replicates === null
        ? ""
        : `--reps ${data.told.replicates}`,
    `--what-if ${[...(data.told.whatIf === null ? [] : [data.told.whatIf.replaceAll(/\s/g, "")]), text].join(",")}`
  ]
    .filter((word) => word !== "")
    .join(" ")

let sweeping: ReturnType<typeof setTimeout> | undefined

/** Disk by disk, as nothing else moves meanwhile. */
const sweepOn = (left: Iterator<ReadonlyArray<SweepPoint>>, found: ReadonlyArray<SweepPoint>): void => {
  const next = left.next()
  if (next.done !== true) sweeping = setTimeout(() => sweepOn(left, [...found, ...next.value]))
  else {
    points = found
    draw()
  }
}

const again = (): void => {
  const text = changes()
  const changed = text === "" ? Result.succeed(original) : whatIf(original, text)
  status.className = Result.isFailure(changed) ? "wrong" : "quiet"
  if (Result.isFailure(changed)) {
    status.textContent = `${changed.failure.problem}; what is shown stays`
    return
  }
  clearTimeout(sweeping)
  const scenario = { ...changed.success, replicates }
  view = text === "" ? data.view : replayView(scenario)
  points = text === "" ? data.points : []
  offerAll()
  tell()
  draw()
  status.textContent =
    text === ""
      ? "As it was told."
      : `With ${text}: ${view.metrics.map((one) => `${one.policy} ${percent(one.mre)}`).join(", ")} off${replicates < original.replicates ? ", in the first replay" : ""}. The same on the command line: ${command(text)}`
  if (text !== "") sweeping = setTimeout(() => sweepOn(sweep(scenario), []), 600)
}

let frame = 0
const soon = (): void => {
  cancelAnimationFrame(frame)
  frame = requestAnimationFrame(draw)
}
for (const control of [day, policy, host]) control.addEventListener("input", soon)
for (const control of [capacity, churn, failure, seed, minAge, weigh, ...orders])
  control.addEventListener("change", again)
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
