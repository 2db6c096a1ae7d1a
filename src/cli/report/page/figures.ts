// What the charts show, in figures: for those who do not see them, and for whoever wants to know exactly.
import { bytesText } from "../../../domain/prune/amount.ts"
import { percent } from "../../../domain/simulation/words.ts"
import type { SweepPoint, View } from "../../../domain/simulation/view.ts"
import {
  agesAt,
  type Choice,
  cleanAt,
  compromiseOf,
  errorOf,
  guaranteeOf,
  horizonOf,
  short,
  spacedCleanAt,
  spacingAt
} from "./charts.ts"

/** A table: its first row and its first column are what the others are read by. */
export interface Figures {
  readonly head: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

const policiesOf = (view: View): ReadonlyArray<string> => view.policies.map(({ policy }) => policy)

const wanted = [1, 3, 7, 14, 30, 90, 180, 365, 730, 1825, 3650]

export const coverage = (view: View, choice: Choice): Figures => {
  const horizon = horizonOf(view, choice)
  const ages = view.policies.map((_, policy) => agesAt(view, policy, choice.host, choice.day))
  return {
    head: ["age asked for", ...policiesOf(view), "the least that can be promised for ever"],
    rows: wanted
      .filter((age) => age <= horizon)
      .map((age) => [
        short(age),
        ...ages.map((kept) => percent(errorOf(kept, age))),
        percent(guaranteeOf(ages[choice.policy]!.length, horizon, age))
      ])
  }
}

export const errors = (view: View, choice: Choice): Figures => {
  const { days } = view.scenario
  const some = Array.from({ length: 8 }, (_, i) => Math.round((days * (i + 1)) / 8) - 1)
  const shown = [...new Set([...some, choice.day])].filter((day) => day >= 0).toSorted((a, b) => a - b)
  const { ideals, policy } = view.policies[choice.policy]!
  return {
    head: ["at the end of", ...policiesOf(view), `ideal spacing of as many as ${policy} holds`],
    rows: shown.map((day) => [
      `day ${day + 1}`,
      ...view.policies.map(({ errors }) => percent(errors[day] ?? null)),
      percent(ideals[day] ?? null)
    ])
  }
}

export const heat = (view: View, choice: Choice): Figures => {
  const horizon = horizonOf(view, choice)
  const bands = wanted.filter((age) => age < horizon).map((age, i, all) => [age, all[i + 1] ?? Infinity] as const)
  const inBand = (ages: ReadonlyArray<number>, from: number, to: number): string =>
    String(ages.filter((age) => age >= from && age < to).length)
  const ages = view.policies.map((_, policy) => agesAt(view, policy, choice.host, choice.day))
  const all = [...ages, spacingAt(view, choice)]
  return {
    head: [
      `kept on day ${choice.day + 1}, aged`,
      ...policiesOf(view),
      `ideal spacing of as many as ${view.policies[choice.policy]!.policy} holds`
    ],
    rows: [[0, 1] as const, ...bands].map(([from, to]) => [
      from === 0 ? "under 1 d" : to === Infinity ? `${short(from)} and over` : `${short(from)} to ${short(to)}`,
      ...all.map((kept) => inBand(kept, from, to))
    ])
  }
}

export const survival = (view: View, choice: Choice): Figures => ({
  head: [
    "after",
    ...policiesOf(view),
    `ideal spacing of as many as ${view.policies[choice.policy]!.policy} then holds`
  ],
  rows: [1, 7, 30, 90, 180, 365, 730]
    .filter((after) => after <= view.scenario.days - compromiseOf(view))
    .map((after) => [
      short(after),
      ...view.policies.map((_, policy) => String(cleanAt(view, policy, choice.host, after))),
      String(spacedCleanAt(view, choice, after))
    ])
})

export const sizes = (view: View, points: ReadonlyArray<SweepPoint>): Figures => {
  const isBytes = view.scenario.capacity.kind === "bytes"
  const names = policiesOf(view)
  return {
    head: [isBytes ? "disk" : "snapshots kept", ...names, ...names.map((name) => `ideal spacing, ${name}`)],
    rows: [...new Set(points.map((one) => one.capacity))].map((capacity) => {
      const found = names.map((name) => points.find((one) => one.capacity === capacity && one.policy === name))
      return [
        isBytes ? bytesText(capacity) : String(capacity),
        ...found.map((one) => percent(one?.mre ?? null)),
        ...found.map((one) => percent(one?.ideal ?? null))
      ]
    })
  }
}
