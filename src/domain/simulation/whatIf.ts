// A scenario with something else about it: `capacity=+500G,host=+3,order=spread`.
import { Result } from "effect"
import { isHostName } from "../hostName.ts"
import { DAY } from "../prune/snapshot.ts"
import { impossible, impossibleWords, type Policy, policyOf, type Scenario, ScenarioError } from "./scenario.ts"
import { parseBytes } from "../size.ts"

const methods = ["age", "importance", "spread"] as const

/**
 * `capacity=500G`, or `+500G`, `-500G`, `x1.5` of what it is, or `30` where snapshots are counted; `host=+3` adds three like the last that comes;
 * `order=spread`, or `age+spread`: these are the policies, by name or method; `minage=14`: no policy deletes what is younger (days) while
 * anything older may go; `weigh=yes`: spread weighs harm against bytes; `churn=x2` of every host; `failure=0.1` of every host; `days=365`; `seed=7`.
 */
export const whatIf = (scenario: Scenario, text: string): Result.Result<Scenario, ScenarioError> => {
  let changed = scenario
  for (const part of text.split(",")) {
    const match = /^\s*([a-z]+)\s*=\s*(\S+)\s*$/.exec(part)
    const wrong = (problem: string) =>
      Result.fail(new ScenarioError({ where: "--what-if", problem: `${part.trim()}: ${problem}` }))
    if (match === null) return wrong("expected something like capacity=+500G, host=+3 or order=spread")
    const [, key, value] = match as unknown as [string, string, string]
    switch (key) {
      case "capacity": {
        const { capacity } = changed
        const old = capacity.kind === "bytes" ? capacity.bytes : capacity.snapshots
        if (capacity.kind === "snapshots" && !/^(?:[+-]?\d{1,7}|x[\d.]+)$/.test(value))
          return wrong("snapshots are counted here: expected 30, +30, -30 or x1.5")
        const next = amount(value, old)
        if (next === null || next < 1 || (capacity.kind === "snapshots" && next > 1_000_000))
          return wrong("expected a size such as 500G, +500G, -500G or x1.5, that leaves something")
        changed = {
          ...changed,
          capacity: capacity.kind === "bytes" ? { kind: "bytes", bytes: next } : { kind: "snapshots", snapshots: next }
        }
        break
      }
      case "host": {
        const more = /^\+(\d{1,5})$/.exec(value)
        if (more === null) return wrong("expected how many more there are, as in host=+3")
        // One that is gone before the first day has nothing to have more of.
        const last = changed.hosts.findLast(({ diesOnDay }) => diesOnDay >= 0)
        if (last === undefined) return wrong("all hosts are gone")
        const added = Array.from({ length: Number(more[1]) }, (_, i) => ({
          ...last,
          name: `${last.name}-more-${i + 1}`,
          past: []
        }))
        const victim = changed.attack === null ? null : changed.hosts[changed.attack.host]!
        const hosts = [...changed.hosts, ...added].toSorted((a, b) => (a.name < b.name ? -1 : 1))
        if (!added.every(({ name }) => isHostName(name))) return wrong(`a host's name would be longer than 63`)
        if (new Set(hosts.map((host) => host.name)).size < hosts.length)
          return wrong("two hosts would have the same name")
        const attack = victim === null ? null : { ...changed.attack!, host: hosts.indexOf(victim) }
        changed = { ...changed, hosts, attack }
        break
      }
      case "order": {
        const policies: Array<Policy> = []
        for (const word of value.split("+")) {
          const method = methods.find((one) => one === word)
          const policy = changed.policies.find((one) => one.name === word) ?? (method && policyOf(method))
          if (policy === undefined || policies.includes(policy))
            return wrong(`expected one of ${methods.join(", ")}, or several as in age+spread`)
          policies.push(policy)
        }
        changed = { ...changed, policies }
        break
      }
      case "minage": {
        const days = /^\d{1,5}(?:\.\d{1,6})?$/.test(value) ? Number(value) : Infinity
        if (days > 36_600) return wrong("expected a number of days, 0 to 36600")
        changed = { ...changed, policies: changed.policies.map((one) => ({ ...one, minAge: days * DAY })) }
        break
      }
      case "weigh": {
        if (value !== "yes" && value !== "no") return wrong("expected yes or no")
        const weighing = (one: Policy): Policy =>
          one.method.name === "spread" ? { ...one, method: { ...one.method, weigh: value === "yes" } } : one
        changed = { ...changed, policies: changed.policies.map(weighing) }
        break
      }
      case "churn": {
        const factor = /^x(\d{1,6}(?:\.\d{1,6})?)$/.exec(value)
        if (factor === null) return wrong("expected a factor, as in churn=x2")
        changed = {
          ...changed,
          hosts: changed.hosts.map((host) => ({ ...host, daily: host.daily * Number(factor[1]) }))
        }
        break
      }
      case "failure": {
        const part = /^\d(?:\.\d{1,6})?$/.test(value) ? Number(value) : 2
        if (part > 1) return wrong("expected a probability, 0 to 1")
        changed = { ...changed, hosts: changed.hosts.map((host) => ({ ...host, breaks: part, mends: 1 - part })) }
        break
      }
      case "days":
      case "seed": {
        const count = /^\d{1,15}$/.test(value) ? Number(value) : -1
        if (key === "days" && (count < 1 || count > 36_600)) return wrong("expected a whole number of days, 1 to 36600")
        if (count < 0) return wrong("expected a whole number")
        changed = { ...changed, [key]: count }
        break
      }
      default:
        return wrong("unknown; there are capacity, host, order, minage, weigh, churn, failure, days, seed")
    }
  }
  const found = impossible(changed)
  return found === null
    ? Result.succeed(changed)
    : Result.fail(new ScenarioError({ where: `--what-if ${text}`, problem: impossibleWords(found) }))
}

const amount = (text: string, old: number): number | null => {
  const factor = /^x(\d{1,6}(?:\.\d{1,6})?)$/.exec(text)
  if (factor !== null) return Math.round(old * Number(factor[1]))
  const size = parseBytes(text.replace(/^[+-]/, ""))
  if (size === null) return null
  return text.startsWith("+") ? old + size : text.startsWith("-") ? old - size : size
}
