// The report's charts, each a function from what was simulated to a drawing.
import * as Plot from "@observablehq/plot"
import { DAY } from "../../../domain/prune/snapshot.ts"
import { bytesText } from "../../../domain/prune/amount.ts"
import { guaranteedGap, idealAges, ONLINE } from "../../../domain/simulation/coverage.ts"
import { limits } from "../../../domain/simulation/metrics.ts"
import { Kind } from "../../../domain/simulation/trace.ts"
import {
  agesAt as secondsAt,
  datedOf,
  firstOf,
  serverNow,
  type SweepPoint,
  type View,
  type whyKept
} from "../../../domain/simulation/view.ts"
import { daysText, percent } from "../../../domain/simulation/words.ts"

/** What the reader has chosen: indices of a policy and of a shown host, a day, and the width that there is. */
export interface Choice {
  readonly policy: number
  readonly host: number
  readonly day: number
  readonly width: number
}

const known = ["age", "importance", "spread"]

/** A policy has the same colour in every report, whichever others are in it. */
export const colourOf = (policy: string): string => {
  if (!known.includes(policy)) known.push(policy)
  return `var(--p${known.indexOf(policy) % 5})`
}

/** Of areas that lie on each other: in light and in dark. */
const hostColours = ["#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2", "#6cc5b0", "#9498a0"]
export const hostColourOf = (place: number): string => hostColours[place % hostColours.length]!

const left = 64
const right = 18
const top = 30
const bottom = 42

const base = ({ width }: Choice, height: number, label: string) => ({
  width,
  height,
  marginLeft: left,
  marginRight: right,
  marginTop: top,
  marginBottom: bottom,
  ariaLabel: label,
  style: { fontSize: "12px", background: "transparent", color: "inherit" }
})

/** Those of a scale's values whose labels have room: each so many pixels from all that are kept before it. */
const thinned = (values: ReadonlyArray<number>, place: (value: number) => number, room: number): Array<number> => {
  const kept: Array<number> = []
  for (const value of values) {
    if (kept.every((other) => Math.abs(place(other) - place(value)) >= room)) kept.push(value)
  }
  return kept
}

/** Ages up to `most` days that have room on a logarithmic scale over so many pixels. */
const agesWithRoom = (most: number, pixels: number, room: number): Array<number> =>
  thinned(
    ageTicks.filter((age) => age <= most),
    (age) => (pixels * Math.log(age)) / Math.log(Math.max(2, most)),
    room
  )

const across = ({ width }: Choice): number => width - left - right

/** The days of the simulation as a horizontal scale. */
const dayAxis = (choice: Choice, days: number) => ({
  domain: [0, days],
  label: "day",
  ticks: Math.max(2, Math.floor(across(choice) / 70))
})

/** A line a policy, the later the finer and the second broken, so that those which agree are seen through each other. */
const linesOf = <P extends { readonly policy: string }>(
  view: View,
  points: ReadonlyArray<P>,
  x: keyof P & string,
  y: keyof P & string,
  { curve = "linear", fine = 1 }: { readonly curve?: "linear" | "step-after"; readonly fine?: number } = {}
) =>
  view.policies.map(({ policy }, index) =>
    Plot.line(
      points.filter((one) => one.policy === policy),
      {
        x,
        y,
        curve,
        stroke: colourOf(policy),
        strokeWidth: fine * ([3.4, 2.2][index] ?? 1.3),
        ...(index === 1 && { strokeDasharray: "9 5" })
      }
    )
  )

/** Ages in days, ascending, of what counts of what a host holds at the end of a day. */
export const agesAt = (view: View, policy: number, host: number, day: number): Array<number> =>
  secondsAt(view, policy, host, day).map((age) => age / DAY)

/** How the limits are drawn, everywhere. */
const idealLine = { className: "ideal", strokeDasharray: "4 3" }
const onlineLine = { className: "online", strokeDasharray: "1 3" }

/** The ages in days at which the ideal spacing would have as many as the chosen policy holds on the chosen day. */
export const spacingAt = (view: View, choice: Choice): Array<number> =>
  idealAges(agesAt(view, choice.policy, choice.host, choice.day).length, DAY * horizonOf(view, choice)).map(
    (age) => age / DAY
  )

const ageTicks = [1, 3, 7, 14, 30, 90, 180, 365, 730, 1825, 3650]
export const short = (days: number): string =>
  days < 60 ? `${days} d` : days < 700 ? `${Math.round(days / 30.4)} mo` : `${Math.round(days / 365)} y`

/** The days since the host's first backup, as the chosen day's end sees them. */
export const horizonOf = (view: View, choice: Choice): number => {
  const first = firstOf(view, choice.policy, choice.host, choice.day)
  return Math.max(2, first === Infinity ? 0 : (serverNow(view.scenario, choice.day) - first) / DAY)
}

/** How far off the nearest kept age is; nothing is further off than all. */
export const errorOf = (ages: ReadonlyArray<number>, wanted: number): number =>
  ages.length === 0 ? 1 : Math.min(1, Math.min(...ages.map((age) => Math.abs(age - wanted))) / wanted)

/** The error halfway between neighbours that are as far apart as so many snapshots cannot do without, going day by day. */
export const guaranteeOf = (kept: number, horizon: number, age: number): number =>
  kept < 1 ? 1 : Math.min(1, Math.tanh(guaranteedGap(kept, horizon * DAY) / 2) * (1 + 1 / age))

export const coverage = (view: View, choice: Choice) => {
  const horizon = horizonOf(view, choice)
  const steps = 240
  const wanted = Array.from({ length: steps + 1 }, (_, i) => Math.exp((Math.log(horizon) * i) / steps))
  const points = view.policies.flatMap(({ policy }, index) => {
    const ages = agesAt(view, index, choice.host, choice.day)
    return wanted.map((age) => ({ policy, age, error: errorOf(ages, age) }))
  })
  const kept = agesAt(view, choice.policy, choice.host, choice.day).length
  const { ideal, online } = limits(kept, horizon)
  return Plot.plot({
    ...base(choice, 260, "Error of the nearest kept age against the age that is asked for"),
    x: {
      type: "log",
      domain: [1, horizon],
      axis: null,
      label: "age asked for"
    },
    y: { domain: [0, 1], tickFormat: "%", label: "off by", grid: true },
    marks: [
      Plot.axisX(agesWithRoom(horizon, across(choice), 46), { text: short, label: "age asked for" }),
      ...linesOf(view, points, "age", "error"),
      Plot.ruleY([ideal], idealLine),
      Plot.ruleY([online], onlineLine),
      Plot.line(
        wanted.filter((_, i) => i % 4 === 0).map((age) => ({ age, error: guaranteeOf(kept, horizon, age) })),
        { x: "age", y: "error", className: "guarantee", strokeDasharray: "7 3 1 3", strokeWidth: 1 }
      ),
      Plot.text([`ideal mean of ${kept}: ${percent(ideal)}, day by day ${percent(online)}`], {
        frameAnchor: "top-right",
        dy: -20
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
  const most = Math.max(0.1, ...points.map((one) => one.error))
  // On the first days, with one snapshot or two, it would be far above all that is drawn.
  const ideals = view.policies[choice.policy]!.ideals.flatMap((ideal, day) =>
    ideal === null || day % step > 0 || ideal * ONLINE > most ? [] : [{ day, ideal, online: ideal * ONLINE }]
  )
  return Plot.plot({
    ...base(choice, 220, "Mean error day by day"),
    x: dayAxis(choice, days),
    y: {
      domain: [0, most],
      tickFormat: "%",
      label: "mean error",
      grid: true
    },
    marks: [
      ...linesOf(view, points, "day", "error", { fine: 0.6 }),
      Plot.lineY(ideals, { x: "day", y: "ideal", ...idealLine }),
      Plot.lineY(ideals, { x: "day", y: "online", ...onlineLine }),
      Plot.ruleX([choice.day + 1])
    ]
  })
}

/** Short strokes to the right of the line of the chosen day. */
const beside = (choice: Choice, now: number, days: number) => ({ x1: now, x2: now + (9 * days) / across(choice) })

export const lifelines = (view: View, choice: Choice) => {
  const now = choice.day + 1
  const bars = view.policies[choice.policy]!.lives[choice.host]!.flatMap(([taken, gone]) => {
    const born = taken / DAY
    if (born > now) return []
    const until = Math.min(now, gone === null ? view.scenario.days : gone / DAY)
    return [{ born, until, alive: gone === null || gone / DAY >= now }]
  })
  return Plot.plot({
    ...base(choice, 330, "The life of each snapshot: a bar from its birth to its deletion"),
    x: dayAxis(choice, view.scenario.days),
    y: { domain: [0, view.scenario.days], reverse: true, label: "born on day" },
    marks: [
      Plot.ruleY(bars, {
        x1: "born",
        x2: "until",
        y: "born",
        stroke: (bar: { alive: boolean }) =>
          bar.alive ? colourOf(view.policies[choice.policy]!.policy) : "var(--quiet)",
        strokeOpacity: (bar: { alive: boolean }) => (bar.alive ? 1 : 0.35),
        strokeWidth: (bar: { alive: boolean }) => (bar.alive ? 1.5 : 0.8)
      }),
      Plot.ruleX([now], { strokeDasharray: "3 3" }),
      Plot.ruleY(
        spacingAt(view, choice).map((age) => now - age),
        { ...beside(choice, now, view.scenario.days), className: "ideal" }
      )
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
    ...base(choice, 250, "How many snapshots of each age are kept, day by day"),
    x: dayAxis(choice, days),
    y: {
      type: "log",
      domain: [1, 2 ** (octaves / 2)],
      axis: null,
      label: "age"
    },
    marks: [
      Plot.axisY(
        agesWithRoom(2 ** (octaves / 2), 250 - top - bottom, 16).filter((age) => age <= days),
        {
          text: short,
          label: "age"
        }
      ),
      Plot.rect(cells, {
        x1: "x1",
        x2: "x2",
        y1: "y1",
        y2: "y2",
        fill: colourOf(view.policies[choice.policy]!.policy),
        fillOpacity: (cell: { count: number }) => Math.min(1, 0.2 + 0.8 * (Math.log2(1 + cell.count) / 4))
      }),
      Plot.ruleX([choice.day + 1]),
      Plot.ruleY(
        spacingAt(view, choice).filter((age) => age >= 1),
        { ...beside(choice, choice.day + 1, days), className: "ideal" }
      )
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
  const height = 270
  return Plot.plot({
    ...base(choice, height, "Space in use over time by host, with the reserve and refused backups"),
    x: dayAxis(choice, days),
    y: {
      domain: [0, capacity.bytes * 1.04],
      tickFormat: (bytes: number) => bytesText(bytes),
      label: "in use",
      ticks: 5
    },
    marks: [
      Plot.areaY(
        points,
        Plot.stackY({
          x: "day",
          y: "bytes",
          z: "host",
          fill: ({ host }: { host: string }) => hostColourOf(placeOf(view, host)),
          fillOpacity: 0.75,
          title: "host",
          order: [...view.shown, "others"]
        })
      ),
      Plot.ruleY([capacity.bytes]),
      Plot.lineY(line, { x: "day", y: "bytes", stroke: "var(--ink)", strokeDasharray: "4 3" }),
      Plot.tickX(spells, { x: "day", y: null, stroke: "var(--bad)", insetBottom: height - top - bottom - 9 }),
      Plot.ruleX([choice.day + 1])
    ]
  })
}

/** Of a host that is shown, or of the others together, which come last: where its colour is. */
const placeOf = (view: View, host: string): number =>
  view.shown.includes(host) ? view.shown.indexOf(host) : hostColours.length - 1

/** What each shown host, and the others together, hold at a day's end, in the order and the colours in which they are drawn. */
export const spaceLegend = (
  view: View,
  { day, policy }: Choice
): Array<readonly [host: string, colour: string, bytes: number]> => {
  const { hostUsed, used } = view.policies[policy]!
  if (hostUsed.length === 0) return []
  const shown = view.shown.map((host, place) => [host, hostColourOf(place), hostUsed[place]![day]!] as const)
  const others = used[day]! - shown.reduce((sum, [, , bytes]) => sum + bytes, 0)
  return view.shown.length < view.scenario.hosts.length
    ? [...shown, ["others", hostColourOf(hostColours.length - 1), Math.max(0, others)]]
    : shown
}

export const compromiseOf = (view: View): number => view.scenario.attack?.fromDay ?? Math.floor(view.scenario.days / 2)

/** Of a host's snapshots from before the compromise, those that are left so many days after it. */
export const cleanAt = (view: View, policy: number, host: number, after: number): number => {
  const from = compromiseOf(view) * DAY
  const at = from + after * DAY
  return view.policies[policy]!.lives[host]!.filter(([taken, gone]) => taken < from && (gone === null || gone > at))
    .length
}

/** How many would be, were as many as the chosen policy then holds at the ideal spacing. */
export const spacedCleanAt = (view: View, { host, policy }: Choice, after: number): number => {
  const lives = view.policies[policy]!.lives[host]!
  const at = (compromiseOf(view) + after) * DAY
  const held = lives.filter(([taken, gone]) => taken <= at && (gone === null || gone > at)).length
  const first = Math.min(...lives.map(datedOf))
  return idealAges(held, Math.max(0, at - first)).filter((age) => age > after * DAY).length
}

export const survival = (view: View, choice: Choice) => {
  const day = compromiseOf(view)
  const last = view.scenario.days - day
  const ages = agesWithRoom(Math.max(2, last), across(choice), 46)
  const steps = 60
  const afters = Array.from({ length: steps + 1 }, (_, i) => Math.exp((Math.log(Math.max(2, last)) * i) / steps))
  const points = view.policies.flatMap(({ policy }, index) =>
    afters.map((after) => ({ policy, after, clean: cleanAt(view, index, choice.host, after) }))
  )
  const spaced = afters.map((after) => ({ after, clean: spacedCleanAt(view, choice, after) }))
  return Plot.plot({
    ...base(choice, 235, "Clean copies left, by days since a compromise"),
    x: { type: "log", domain: [1, Math.max(2, last)], axis: null, label: "since the compromise" },
    y: {
      label: "clean copies left",
      grid: true,
      domain: [0, Math.max(1, ...[...points, ...spaced].map((one) => one.clean))]
    },
    marks: [
      Plot.axisX(ages, { text: short, label: "since the compromise" }),
      ...linesOf(view, points, "after", "clean", { curve: "step-after" }),
      Plot.line(spaced, { x: "after", y: "clean", curve: "step-after", ...idealLine })
    ]
  })
}

export const errorAgainstSize = (view: View, choice: Choice, points: ReadonlyArray<SweepPoint>) => {
  const { capacity } = view.scenario
  const isBytes = capacity.kind === "bytes"
  const own = isBytes ? capacity.bytes : capacity.snapshots
  const sizes = points.map((one) => one.capacity)
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
  const place = (size: number) => ((across(choice) - 32) * (size - least)) / Math.max(1, most - least)
  return Plot.plot({
    ...base(choice, 235, "Mean error against the size of the disk"),
    x: {
      label: isBytes ? "disk" : "snapshots kept",
      ticks: thinned([own, ...sizes], place, isBytes ? 62 : 40),
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
    marks: [
      ...linesOf(view, points, "capacity", "mre"),
      ...([idealLine, onlineLine] as const).map((line, index) =>
        Plot.line(
          points.flatMap((one) =>
            one.ideal === null ? [] : [{ ...one, limit: Math.min(1, index === 0 ? one.ideal : one.ideal * ONLINE) }]
          ),
          {
            x: "capacity",
            y: "limit",
            z: "policy",
            stroke: ({ policy }: SweepPoint) => colourOf(policy),
            ...line
          }
        )
      ),
      Plot.dot(points, { x: "capacity", y: "mre", fill: ({ policy }: SweepPoint) => colourOf(policy), r: 3 }),
      Plot.ruleX([own], { strokeDasharray: "3 3" })
    ]
  })
}

/** What became of a day in the calendar, with its colour. */
export const dayColours = (view: View, { policy }: Choice): ReadonlyArray<readonly [state: string, colour: string]> => [
  ["kept", colourOf(view.policies[policy]!.policy)],
  ["deleted", "var(--line)"],
  ["refused", "var(--bad)"],
  ["missed", "var(--quiet)"],
  ["none", "var(--back)"]
]

/** The day of a time since day 0, as it is written. */
export const dateOf = (view: View, seconds: number): string =>
  new Date((view.scenario.start + seconds) * 1000).toISOString().slice(0, 10)

/** The last year up to the chosen day. */
export const calendar = (view: View, choice: Choice, kept: ReturnType<typeof whyKept>) => {
  const { start } = view.scenario
  const one = view.policies[choice.policy]!
  const span = Math.min(choice.day + 1, choice.width < 500 ? 182 : 371)
  const from = choice.day + 1 - span
  const now = (choice.day + 1) * DAY
  const states = new Map<number, { state: string; words: string }>()
  const why = new Map(kept.map((one) => [one.place, one]))
  for (const [at, kind, bytes] of one.troubles[choice.host]!) {
    const state = kind === Kind.missed ? "missed" : "refused"
    states.set(Math.floor(at / DAY), {
      state,
      words: state === "missed" ? "no backup came" : `refused, ${bytesText(bytes)}`
    })
  }
  one.lives[choice.host]!.forEach(([taken, gone], place) => {
    if (taken >= now) return
    const day = Math.floor(taken / DAY)
    const its = why.get(place)
    if (its === undefined && states.get(day)?.state === "kept") return
    states.set(
      day,
      its === undefined
        ? { state: "deleted", words: `deleted ${daysText((gone! - taken) / DAY)} later` }
        : { state: "kept", words: its.dated === taken ? its.why : `dated ${dateOf(view, its.dated)}; ${its.why}` }
    )
  })
  const colours = new Map(dayColours(view, choice))
  const monday = (Math.floor(start / DAY) + 3) % 7
  const cells = Array.from({ length: span }, (_, i) => {
    const day = from + i
    const place = day + monday
    const found = states.get(day) ?? { state: "none", words: "no backup was due" }
    return {
      week: Math.floor(place / 7),
      weekday: place % 7,
      state: found.state,
      title: `${dateOf(view, day * DAY)}: ${found.words}`
    }
  })
  const spaced = [
    ...new Set(
      spacingAt(view, choice).map((age) => Math.max(0, Math.min(choice.day, Math.floor(choice.day + 1 - age))))
    )
  ]
    .filter((day) => day >= from && day <= choice.day)
    .map((day) => ({ week: Math.floor((day + monday) / 7), weekday: (day + monday) % 7 }))
  const counted = [...colours.keys()]
    .map((state) => `${state}: ${cells.filter((cell) => cell.state === state).length}`)
    .join(", ")
  return Plot.plot({
    ...base(choice, 7 * 17 + 16, `Calendar of the last ${span} days: ${counted}`),
    marginTop: 4,
    marginBottom: 12,
    marginLeft: 24,
    x: { type: "band", axis: null, padding: 0.1 },
    y: {
      type: "band",
      domain: [0, 1, 2, 3, 4, 5, 6],
      tickFormat: (day: number) => "MTWTFSS"[day]!,
      label: null,
      padding: 0.1
    },
    marks: [
      Plot.cell(cells, {
        x: "week",
        y: "weekday",
        fill: ({ state }: { state: string }) => colours.get(state)!,
        stroke: "var(--line)",
        strokeWidth: 0.6,
        title: "title"
      }),
      Plot.dot(spaced, {
        x: "week",
        y: "weekday",
        r: 2,
        fill: "var(--ink)",
        stroke: "var(--back)",
        strokeWidth: 1,
        className: "ideal",
        pointerEvents: "none"
      })
    ]
  })
}
