// The report's charts, each a function from what was simulated to a drawing.
import * as Plot from "@observablehq/plot"
import { DAY } from "../../../domain/prune/snapshot.ts"
import { bytesText } from "../../../domain/prune/amount.ts"
import { limits } from "../../../domain/simulation/metrics.ts"
import { Kind } from "../../../domain/simulation/trace.ts"
import type { SweepPoint, View } from "../../../domain/simulation/view.ts"
import { daysText, percent } from "../../../domain/simulation/words.ts"

/** What the reader has chosen: indices of a policy and of a shown host, a day, and the width that there is. */
export interface Choice {
  readonly policy: number
  readonly host: number
  readonly day: number
  readonly width: number
}

export const colourOf = (policy: number): string => `var(--p${policy % 5})`

const colours = (view: View) => ({
  domain: view.policies.map((one) => one.policy),
  range: view.policies.map((_, index) => colourOf(index))
})

const base = ({ width }: Choice, height: number, label: string) => ({
  width,
  height,
  marginLeft: 52,
  marginRight: 16,
  ariaLabel: label,
  style: { fontSize: "12px", background: "transparent", color: "inherit" }
})

/** Ages in days, ascending, of what a host holds at the end of a day. */
export const agesAt = (view: View, policy: number, host: number, day: number): Array<number> => {
  const now = (day + 1) * DAY
  const ages: Array<number> = []
  for (const [taken, gone] of view.policies[policy]!.lives[host]!) {
    if (taken < now && (gone === null || gone >= now)) ages.push((now - taken) / DAY)
  }
  return ages.toReversed()
}

const ageTicks = [1, 3, 7, 14, 30, 90, 180, 365, 730, 1825, 3650]
const short = (days: number): string =>
  days < 60 ? `${days} d` : days < 700 ? `${Math.round(days / 30.4)} mo` : `${Math.round(days / 365)} y`

export const horizonOf = (view: View, choice: Choice): number => {
  const first = view.policies[choice.policy]!.lives[choice.host]?.[0]?.[0] ?? 0
  return Math.max(2, choice.day + 1 - first / DAY)
}

export const coverage = (view: View, choice: Choice) => {
  const horizon = horizonOf(view, choice)
  const steps = 240
  const points = view.policies.flatMap(({ policy }, index) => {
    const ages = agesAt(view, index, choice.host, choice.day)
    return Array.from({ length: steps + 1 }, (_, i) => {
      const age = Math.exp((Math.log(horizon) * i) / steps)
      const error = ages.length === 0 ? 1 : Math.min(...ages.map((one) => Math.abs(one - age))) / age
      return { policy, age, error: Math.min(1, error) }
    })
  })
  const kept = agesAt(view, choice.policy, choice.host, choice.day).length
  const { ideal } = limits(kept, horizon)
  return Plot.plot({
    ...base(choice, 260, "Error of the nearest kept age against the age that is asked for"),
    x: {
      type: "log",
      domain: [1, horizon],
      axis: null,
      label: "age asked for"
    },
    y: { domain: [0, 1], tickFormat: "%", label: "off by", grid: true },
    color: colours(view),
    marks: [
      Plot.axisX(
        ageTicks.filter((age) => age <= horizon),
        { text: short, label: "age asked for" }
      ),
      Plot.lineY(points, { x: "age", y: "error", stroke: "policy", strokeWidth: 1.8 }),
      Plot.ruleY([ideal], { strokeDasharray: "4 3" }),
      Plot.text([`the best fixed choice of ${kept}: ${percent(ideal)}`], {
        x: horizon,
        y: ideal,
        dy: -7,
        textAnchor: "end"
      })
    ]
  })
}

export const errors = (view: View, choice: Choice) => {
  const { days } = view.scenario
  const step = Math.max(1, Math.floor(days / 700))
  const points = view.policies.flatMap(({ errors, policy }) =>
    errors.flatMap((error, day) =>
      error === null || day % step > 0 ? [] : [{ policy, day, error: Math.min(1, error) }]
    )
  )
  const { kept } = view.metrics[choice.policy]!
  const ideal = Array.from({ length: 120 }, (_, i) => {
    const day = ((i + 1) * days) / 120
    return { day, error: limits(kept, day).online }
  })
  return Plot.plot({
    ...base(choice, 200, "Mean error day by day"),
    x: { domain: [0, days], label: "day" },
    y: {
      domain: [0, Math.max(0.1, ...points.map((one) => one.error))],
      tickFormat: "%",
      label: "mean error",
      grid: true
    },
    color: colours(view),
    marks: [
      Plot.lineY(points, { x: "day", y: "error", stroke: "policy" }),
      Plot.lineY(ideal, { x: "day", y: "error", strokeDasharray: "4 3" }),
      Plot.ruleX([choice.day + 1])
    ]
  })
}

export const lifelines = (view: View, choice: Choice) => {
  const now = choice.day + 1
  const bars = view.policies[choice.policy]!.lives[choice.host]!.flatMap(([taken, gone]) => {
    const born = taken / DAY
    if (born > now) return []
    const until = Math.min(now, gone === null ? view.scenario.days : gone / DAY)
    return [{ born, until, alive: gone === null || gone / DAY >= now }]
  })
  return Plot.plot({
    ...base(choice, 320, "The life of each snapshot: a bar from its birth to its deletion"),
    x: { domain: [0, view.scenario.days], label: "day" },
    y: { domain: [0, view.scenario.days], reverse: true, label: "born on day" },
    marks: [
      Plot.ruleY(bars, {
        x1: "born",
        x2: "until",
        y: "born",
        stroke: (bar: { alive: boolean }) => (bar.alive ? colourOf(choice.policy) : "var(--quiet)"),
        strokeOpacity: (bar: { alive: boolean }) => (bar.alive ? 1 : 0.35),
        strokeWidth: (bar: { alive: boolean }) => (bar.alive ? 1.5 : 0.8)
      }),
      Plot.ruleX([now], { strokeDasharray: "3 3" })
    ]
  })
}

export const heat = (view: View, choice: Choice) => {
  const { days } = view.scenario
  const columns = Math.min(90, days)
  const octaves = Math.ceil(Math.log2(days)) * 2
  const cells: Array<{ x1: number; x2: number; y1: number; y2: number; count: number }> = []
  for (let i = 0; i < columns; i++) {
    const day = Math.floor(((i + 1) * days) / columns) - 1
    const counts = new Uint16Array(octaves)
    for (const age of agesAt(view, choice.policy, choice.host, day)) {
      counts[Math.min(octaves - 1, Math.max(0, Math.floor(2 * Math.log2(Math.max(1, age)))))]!++
    }
    counts.forEach((count, octave) => {
      if (count > 0)
        cells.push({
          x1: (i * days) / columns,
          x2: ((i + 1) * days) / columns,
          y1: 2 ** (octave / 2),
          y2: 2 ** ((octave + 1) / 2),
          count
        })
    })
  }
  return Plot.plot({
    ...base(choice, 240, "How many snapshots of each age are kept, day by day"),
    x: { domain: [0, days], label: "day" },
    y: {
      type: "log",
      domain: [1, 2 ** (octaves / 2)],
      axis: null,
      label: "age"
    },
    marks: [
      Plot.axisY(
        ageTicks.filter((age) => age <= days),
        { text: short, label: "age" }
      ),
      Plot.rect(cells, {
        x1: "x1",
        x2: "x2",
        y1: "y1",
        y2: "y2",
        fill: colourOf(choice.policy),
        fillOpacity: (cell: { count: number }) => Math.min(1, 0.2 + 0.8 * (Math.log2(1 + cell.count) / 4))
      }),
      Plot.ruleX([choice.day + 1])
    ]
  })
}

export const space = (view: View, choice: Choice) => {
  const { capacity, days } = view.scenario
  if (capacity.kind !== "bytes") return null
  const one = view.policies[choice.policy]!
  const step = Math.max(1, Math.floor(days / 250))
  const points: Array<{ day: number; host: string; bytes: number }> = []
  const line: Array<{ day: number; bytes: number }> = []
  for (let day = 0; day < days; day += step) {
    let sum = 0
    view.shown.forEach((host, index) => {
      const bytes = one.hostUsed[index]![day]!
      sum += bytes
      points.push({ day, host, bytes })
    })
    if (view.shown.length < view.scenario.hosts.length)
      points.push({ day, host: "others", bytes: Math.max(0, one.used[day]! - sum) })
    line.push({ day, bytes: capacity.bytes - one.reserve[day]! })
  }
  const spells = one.refused.flatMap((count, day) => (count > 0 ? [{ day, count }] : []))
  return Plot.plot({
    ...base(choice, 240, "Space in use over time by host, with the reserve and refused backups"),
    marginLeft: 64,
    x: { domain: [0, days], label: "day" },
    y: {
      domain: [0, capacity.bytes * 1.04],
      tickFormat: (bytes: number) => bytesText(bytes),
      label: "in use",
      ticks: 5
    },
    color: { scheme: "blues", type: "ordinal", domain: [...view.shown, "others"] },
    marks: [
      Plot.areaY(points, Plot.stackY({ x: "day", y: "bytes", fill: "host", title: "host" })),
      Plot.ruleY([capacity.bytes]),
      Plot.lineY(line, { x: "day", y: "bytes", stroke: "var(--p0)", strokeDasharray: "4 3" }),
      Plot.tickX(spells, { x: "day", y: null, stroke: "var(--bad)", insetBottom: 195 }),
      Plot.ruleX([choice.day + 1])
    ]
  })
}

export const compromiseOf = (view: View): number => view.scenario.attack?.fromDay ?? Math.floor(view.scenario.days / 2)

export const survival = (view: View, choice: Choice) => {
  const day = compromiseOf(view)
  const from = day * DAY
  const last = view.scenario.days - day
  const ages = ageTicks.filter((age) => age <= last)
  const steps = 60
  const points = view.policies.flatMap(({ lives, policy }) =>
    Array.from({ length: steps + 1 }, (_, i) => {
      const after = Math.exp((Math.log(Math.max(2, last)) * i) / steps)
      const at = from + after * DAY
      const clean = lives[choice.host]!.filter(([taken, gone]) => taken < from && (gone === null || gone > at)).length
      return { policy, after, clean }
    })
  )
  return Plot.plot({
    ...base(choice, 220, "Clean copies left, by days since a compromise"),
    x: { type: "log", domain: [1, Math.max(2, last)], axis: null, label: "since the compromise" },
    y: { label: "clean copies left", grid: true, domain: [0, Math.max(1, ...points.map((one) => one.clean))] },
    color: colours(view),
    marks: [
      Plot.axisX(ages, { text: short, label: "since the compromise" }),
      Plot.line(points, { x: "after", y: "clean", stroke: "policy", curve: "step-after", strokeWidth: 1.8 })
    ]
  })
}

export const errorAgainstSize = (view: View, choice: Choice, points: ReadonlyArray<SweepPoint>) => {
  const { capacity } = view.scenario
  const isBytes = capacity.kind === "bytes"
  return Plot.plot({
    ...base(choice, 220, "Mean error against the size of the disk"),
    x: {
      label: isBytes ? "disk" : "snapshots kept",
      ticks: [...new Set(points.map((one) => one.capacity))],
      tickFormat: (size: number) => (isBytes ? bytesText(size) : String(size)),
      inset: 16
    },
    y: {
      tickFormat: "%",
      label: "mean error",
      grid: true,
      zero: true,
      domain: [0, Math.min(1, Math.max(0.1, ...points.map((one) => one.mre ?? 0)))],
      clamp: true
    },
    color: colours(view),
    marks: [
      Plot.line(points, { x: "capacity", y: "mre", stroke: "policy" }),
      Plot.dot(points, { x: "capacity", y: "mre", fill: "policy", r: 3 }),
      Plot.ruleX([isBytes ? capacity.bytes : capacity.snapshots], { strokeDasharray: "3 3" })
    ]
  })
}

/** The last year up to the chosen day: kept, deleted, refused, missed, none. */
export const calendar = (view: View, choice: Choice, why: ReadonlyMap<number, string>) => {
  const { start } = view.scenario
  const one = view.policies[choice.policy]!
  const span = Math.min(choice.day + 1, choice.width < 500 ? 182 : 371)
  const from = choice.day + 1 - span
  const now = (choice.day + 1) * DAY
  const states = new Map<number, { state: string; words: string }>()
  for (const [at, kind, bytes] of one.troubles[choice.host]!) {
    const state = kind === Kind.missed ? "missed" : "refused"
    states.set(Math.floor(at / DAY), {
      state,
      words: state === "missed" ? "no backup came" : `refused, ${bytesText(bytes)}`
    })
  }
  for (const [taken, gone] of one.lives[choice.host]!) {
    if (taken >= now) break
    const day = Math.floor(taken / DAY)
    const alive = gone === null || gone >= now
    if (!alive && states.get(day)?.state === "kept") continue
    states.set(day, {
      state: alive ? "kept" : "deleted",
      words: alive ? (why.get(taken) ?? "kept") : `deleted ${daysText((gone - taken) / DAY)} later`
    })
  }
  const monday = (Math.floor(start / DAY) + 3) % 7
  const cells = Array.from({ length: span }, (_, i) => {
    const day = from + i
    const place = day + monday
    const found = states.get(day) ?? { state: "none", words: "no backup was due" }
    const date = new Date((start + day * DAY) * 1000).toISOString().slice(0, 10)
    return { week: Math.floor(place / 7), weekday: place % 7, state: found.state, title: `${date}: ${found.words}` }
  })
  return Plot.plot({
    ...base(choice, 7 * 17 + 40, "Calendar of the last year: which days' snapshots are kept"),
    x: { type: "band", axis: null, padding: 0.1 },
    y: {
      type: "band",
      domain: [0, 1, 2, 3, 4, 5, 6],
      tickFormat: (day: number) => "MTWTFSS"[day]!,
      label: null,
      padding: 0.1
    },
    color: {
      legend: true,
      domain: ["kept", "deleted", "refused", "missed", "none"],
      range: [colourOf(choice.policy), "var(--line)", "var(--bad)", "var(--p3)", "transparent"]
    },
    marks: [Plot.cell(cells, { x: "week", y: "weekday", fill: "state", title: "title" })]
  })
}
