// What the figures of several policies say, in words.
import { bytesText } from "../prune/amount.ts"
import { TARGETS } from "../prune/importance.ts"
import type { Metrics } from "./metrics.ts"
import type { Scenario } from "./scenario.ts"

/** 0.123 as "12.3 %". */
export const percent = (part: number | null): string => (part === null ? "-" : `${(100 * part).toFixed(1)} %`)

const wholePercent = (part: number | null): string => (part === null ? "-" : `${Math.round(100 * part)}%`)
const times = (ratio: number): string => (ratio === 0 ? "-" : `x ${ratio.toFixed(1)}`)

/** Days as "3 days", "5 months", "2.1 years". */
export const daysText = (days: number | null): string => {
  if (days === null) return "none"
  if (days < 60) return `${Math.round(days)} ${Math.round(days) === 1 ? "day" : "days"}`
  if (days < 730) return `${Math.round(days / 30.44)} months`
  return `${(days / 365.25).toFixed(1)} years`
}

/** What was run: days, hosts, seed, and what the figures are means of. */
export const runWords = ({ days, hosts, replicates, seed }: Scenario): string =>
  `${days} days, ${hosts.length} ${hosts.length === 1 ? "host" : "hosts"}, seed ${seed}` +
  (replicates > 1 ? `; figures are means of ${replicates} replays, charts show the first` : "") +
  ". Simulated with the server's own pruning."

/** The rows of the table that compares policies: a label, and each policy's value. */
export const rows = (all: ReadonlyArray<Metrics>): Array<readonly [label: string, values: ReadonlyArray<string>]> => {
  const row = (label: string, value: (one: Metrics) => string) => [label, all.map(value)] as const
  const some = (label: string, value: (one: Metrics) => number | null, words: (number: number) => string) =>
    all.some((one) => value(one) !== null)
      ? [row(label, (one) => (value(one) === null ? "-" : words(value(one)!)))]
      : []
  return [
    row("mean error of a wanted age", (one) => percent(one.mre)),
    row("of the worst host", (one) => percent(one.worstHostMre)),
    row("times the ideal spacing", (one) => (one.price === null ? "-" : one.price.toFixed(2))),
    row("snapshots kept a host", (one) => one.kept.toFixed(1)),
    row("oldest kept at the end", (one) => daysText(one.oldestKept)),
    row("widest gap, older by newer", (one) => times(Math.max(...one.gapRatio.map((ratio) => ratio ?? 0)))),
    row("error at 7/28/112 days", (one) =>
      [7, 28, 112].map((days) => wholePercent(one.targetError[TARGETS.indexOf(days) - 1] ?? null)).join(" ")
    ),
    row("snapshots deleted", (one) => String(Math.round(one.deletions))),
    row("of them a host's oldest", (one) => percent(one.oldestVictims)),
    row("backups refused", (one) => String(Math.round(one.refusals))),
    row("days spent waiting after one", (one) => (one.stuckDays === 0 ? "-" : percent(one.stuckDays))),
    row("longest wait after a refusal", (one) => (one.longestStuck === 0 ? "-" : daysText(one.longestStuck))),
    row("fairness between hosts", (one) => (one.jain === null ? "-" : one.jain.toFixed(3))),
    ...some(
      "last copy of a host that is gone lost on day",
      (one) => one.deadHostLost,
      (day) => String(Math.round(day))
    ),
    ...(all.some((one) => one.suspects > 0)
      ? [row("backups that looked wrong", (one) => String(Math.round(one.suspects)))]
      : []),
    ...some("space in use, mean", (one) => one.used, bytesText),
    ...some("reserve at the end", (one) => one.reserve, bytesText),
    ...(all.some((one) => one.cleanCopies !== null)
      ? [
          row("clean copies 1/7/30/90/365 days after", (one) =>
            (one.cleanCopies ?? []).map((left) => (left === null ? "-" : Math.round(left))).join(" ")
          )
        ]
      : [])
  ]
}

/** The differences that matter, a sentence each: every policy against the first that covers best; who keeps the older leads. */
export const differences = (all: ReadonlyArray<Metrics>): Array<string> => {
  const said: Array<string> = []
  const best = all.filter((one) => one.mre !== null).toSorted((a, b) => a.mre! - b.mre!)[0]
  if (best === undefined) return ["Too short to say anything: no host has been backed up for two days."]
  for (const other of all) {
    if (other === best) continue
    if (Math.abs(other.mre! - best.mre!) < 0.0005) {
      said.push(`${other.policy} covers the past as well as ${best.policy} here.`)
      continue
    }
    const [longer, shorter] = (best.oldestKept ?? 0) < (other.oldestKept ?? 0) ? [other, best] : [best, other]
    const oldest =
      daysText(longer.oldestKept) === daysText(shorter.oldestKept)
        ? `${best.policy} and ${other.policy} both keep a restore point from ${daysText(best.oldestKept)} ago. `
        : `${longer.policy} keeps a restore point from ${daysText(longer.oldestKept)} ago; the oldest that ` +
          `${shorter.policy} has is ${daysText(shorter.oldestKept)} old. `
    said.push(
      `${oldest}Whoever asks for an age finds one ${percent(best.mre)} off with ${best.policy}, ` +
        `${percent(other.mre)} off with ${other.policy}.`
    )
    if (other.refusals !== best.refusals) {
      said.push(
        `${other.policy} refuses ${Math.round(other.refusals)} backups where ${best.policy} refuses ${Math.round(best.refusals)}.`
      )
    }
  }
  for (const one of all) {
    if (one.stuckDays > 0.01) {
      said.push(
        `With ${one.policy} hosts wait after a refusal on ${percent(one.stuckDays)} of their days, ` +
          `${daysText(one.longestStuck)} at the longest: an administrator's approval ends that.`
      )
    }
  }
  return said
}
