// What a simulation is told: hosts, disk, policies, trouble. A scenario file is JSON of this shape.
import { Result, Schema, SchemaIssue } from "effect"
import type { ExitName } from "../exitCode.ts"
import { isHostName } from "../hostName.ts"
import { bytesText } from "../prune/amount.ts"
import type { Method } from "../prune/method.ts"
import { type ReserveRule, reserveRule } from "../prune/reserve.ts"
import { DAY } from "../prune/snapshot.ts"
import { parseSpan } from "../span.ts"
import { placeIn, pathText } from "./place.ts"
import { parseBytes } from "../size.ts"

/** A scenario, or a change to one, cannot be used. Nothing was written. */
export class ScenarioError extends Schema.TaggedError<ScenarioError>()("ScenarioError", {
  /** the file, flag or field */
  where: Schema.String,
  problem: Schema.String
}) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    return `${this.where}: ${this.problem}; nothing was simulated or written`
  }
}

const says = <A>(test: (value: A) => boolean, words: string) => Schema.makeFilter<A>((value) => test(value) || words)

const Size = Schema.Union([Schema.Finite, Schema.String]).check(
  says((value) => parseBytes(value) !== null, "expected a size such as 500G or a whole number of bytes, not below 0")
)
const Span = Schema.String.check(says((text) => parseSpan(text) !== null, "expected a length of time such as 6h or 1d"))
const Clock = Schema.String.check(
  says((text) => clockSeconds(text) !== null, "expected a time of day such as 02:30, 00:00 to 23:59")
)
const number = (test: (value: number) => boolean, words: string) => Schema.Finite.check(says(test, words))
const Probability = number((value) => value >= 0 && value <= 1, "expected a probability, 0 to 1")
const NotNegative = number((value) => value >= 0 && value < Infinity, "expected a number, 0 or more")
/** More than this, or less than its inverse, is beyond what anybody asks, and overflows in a model of years. */
const FAR = 1e6
const within = (least: number, most: number) =>
  number((value) => value >= least && value <= most, `expected a number, ${least} to ${most}`)
const whole = (least: number, most: number) =>
  number(
    (value) => Number.isInteger(value) && value >= least && value <= most,
    `expected a whole number, ${least} to ${most}`
  )
const optional = Schema.optionalKey

/** A host that lives for a century is beyond what anybody asks. */
const MOST_DAYS = 36_600
const Day = whole(0, MOST_DAYS)

const Age = within(1e-6, MOST_DAYS)

const Churn = Schema.Struct({
  /** new bytes a day, on average */
  daily: Size,
  /** deviation of its logarithm from day to day; 0.5 unless given */
  spread: optional(within(0, 5)),
  /** factors, Monday first */
  weekdays: optional(Schema.Array(within(0, 1000)).check(says((list) => list.length === 7, "expected seven numbers"))),
  /** days with much more: how often, at least how much, and how heavy the tail is (2 unless given) */
  spikes: optional(Schema.Struct({ probability: Probability, bytes: Size, alpha: optional(within(0.5, 100)) })),
  /** how long new bytes live before they are overwritten: parts, with a mean in days, or for ever where absent */
  lifetimes: optional(
    Schema.Array(Schema.Struct({ part: within(1 / FAR, FAR), days: optional(within(1e-3, FAR)) })).check(
      says((list) => list.length >= 1 && list.length <= 8, "expected one to eight lifetimes")
    )
  )
})

/** A snapshot that is there when the simulation starts, by its age in days, and what is to be said of it where that is not all. */
const PastFile = Schema.Union([
  Age,
  Schema.Struct({
    age: Age,
    /** it never goes in the first so many days; null: never at all */
    held: optional(Schema.NullOr(NotNegative)),
    /** for so many days it takes no part in anything */
    suspect: optional(NotNegative),
    incomplete: optional(Schema.Boolean),
    /** new in it, as the journal has it; as the model has it unless given */
    bytes: optional(Size)
  })
])

const HostFile = Schema.Struct({
  name: Schema.String.check(
    says(isHostName, "expected a host's name: lower-case letters, digits, dots and hyphens, at most 63")
  ),
  /** so many hosts like this one, NAME-1 to NAME-n */
  count: optional(whole(1, 10_000_000)),
  every: optional(Span),
  at: optional(Clock),
  /** either side of the time that is due */
  jitter: optional(Span),
  firstDay: optional(Day),
  /** its last day; it never comes again; -1: it has nothing but a past */
  diesOnDay: optional(whole(-1, MOST_DAYS)),
  /** of each attempt; or outages that begin (breaks) and end (mends) with these probabilities at each attempt */
  failure: optional(Schema.Union([Probability, Schema.Struct({ breaks: Probability, mends: Probability })])),
  base: optional(Size),
  /** its part when the disk is divided into shares; 1 unless given */
  weight: optional(within(0, FAR)),
  churn: optional(Churn),
  /** snapshots that there are when the simulation starts; a store of so many snapshots looks at their ages only */
  past: optional(Schema.Array(PastFile)),
  /** bytes new in its last backups before that, oldest first: its reserve, and what is usual, until it has made others */
  sizes: optional(Schema.Array(Size))
})

const methodNames = ["age", "importance", "spread"] as const
const PolicyFile = Schema.Union([
  Schema.Literals(methodNames),
  Schema.Struct({
    name: optional(Schema.String),
    method: Schema.Literals(methodNames),
    targets: optional(
      Schema.Array(within(0, MOST_DAYS)).check(
        says((list) => list.length > 0 && list.length <= 1000, "expected 1 to 1000 ages")
      )
    ),
    /** spread: days added to every age */
    c: optional(within(1 / FAR, FAR)),
    /** spread: with fewer snapshots than this the oldest is weighed against the others; 0 always keeps it */
    regretBelow: optional(whole(0, 1_000_000_000)),
    weigh: optional(Schema.Boolean),
    /** days; younger goes only when nothing older can */
    minAge: optional(NotNegative),
    /** a host's reserve: so many times (at most three decimals) the mean of its last `over` backups; 1.5 and 10 unless given */
    reserve: optional(
      Schema.Struct({
        over: optional(whole(1, 1000)),
        times: optional(
          number(
            (value) => value >= 0 && value <= 100 && Number.isInteger(value * 1000),
            "expected a number of at most three decimals, 0 to 100"
          )
        )
      })
    )
  })
])

export const ScenarioFile = Schema.Struct({
  name: optional(Schema.String),
  about: optional(Schema.String),
  seed: optional(whole(0, Number.MAX_SAFE_INTEGER)),
  days: optional(whole(1, MOST_DAYS)),
  /** these first days are not counted in the metrics */
  skipDays: optional(Day),
  replicates: optional(whole(1, 10_000)),
  /** epoch seconds of day 0, which begins at midnight UTC */
  start: optional(whole(0, 100_000_000_000)),
  capacity: optional(
    Schema.Union([
      Schema.Struct({ bytes: Size }),
      Schema.Struct({ timesLive: within(1 / FAR, FAR) }),
      Schema.Struct({ snapshots: whole(1, 1_000_000) })
    ])
  ),
  policies: optional(Schema.Array(PolicyFile).check(says((list) => list.length > 0, "expected at least one policy"))),
  /** whether what arrived of a backup that did not fit stays for the next attempt; resumable unless given */
  transfer: optional(Schema.Literals(["atomic", "resumable"])),
  /** backups that the server admits at once */
  atOnce: optional(whole(1, 100_000)),
  /** bytes to be kept free, however little the hosts have earned; 0 unless given */
  reserve: optional(Size),
  /** whether hosts over their share, the disk divided by weights, lose first; true unless given */
  shares: optional(Schema.Boolean),
  /** every so many days an administrator looks: suspects are cleared, refused hosts approved; 7 unless given, 0 never */
  looksAfterDays: optional(whole(0, MOST_DAYS)),
  /** the server's clock is wrong by so much (may be negative) on these days */
  clock: optional(
    Schema.Array(
      Schema.Struct({
        fromDay: Day,
        toDay: Day,
        by: Schema.String.check(
          says((text) => signedSpan(text) !== null, "expected a length of time such as 30d or -2h")
        )
      })
    )
  ),
  attack: optional(
    Schema.Struct({
      kind: Schema.Literals(["flood", "rewrite", "grow"]),
      /** the first of hosts unless given */
      host: optional(Schema.String),
      fromDay: Day,
      /** flood: how often it comes */
      every: optional(Span),
      /** part of its data that each backup rewrites; rewrite: once */
      fraction: optional(Probability),
      /** grow: each day's churn is so many times the last one's */
      factor: optional(within(0, FAR))
    })
  ),
  hosts: optional(Schema.Array(HostFile).check(says((list) => list.length > 0, "expected at least one host")))
})
export type ScenarioFile = typeof ScenarioFile.Type

export interface Host {
  readonly name: string
  /** seconds */
  readonly every: number
  readonly at: number
  readonly jitter: number
  readonly firstDay: number
  readonly diesOnDay: number
  readonly breaks: number
  readonly mends: number
  /** bytes */
  readonly base: number
  readonly weight: number
  readonly daily: number
  readonly spread: number
  readonly weekdays: ReadonlyArray<number>
  readonly spikes: { readonly probability: number; readonly bytes: number; readonly alpha: number } | null
  /** `rate`: deaths a day; parts add up to 1 */
  readonly lifetimes: ReadonlyArray<{ readonly part: number; readonly rate: number }>
  /** oldest first */
  readonly past: ReadonlyArray<Past>
  readonly sizes: ReadonlyArray<number>
}

/** All but bytes in days; Infinity: for ever; 0: not at all. */
export interface Past {
  readonly age: number
  readonly held: number
  readonly suspect: number
  readonly incomplete: boolean
  readonly bytes?: number
}

export interface Policy {
  readonly name: string
  readonly method: Method
  /** seconds */
  readonly minAge: number
  readonly reserve: ReserveRule
}

export interface Attack {
  readonly kind: "flood" | "rewrite" | "grow"
  /** index into hosts */
  readonly host: number
  readonly fromDay: number
  readonly every: number
  readonly fraction: number
  readonly factor: number
}

/** A scenario with every default filled in. Spans in seconds, sizes in bytes. */
export interface Scenario {
  readonly name: string
  readonly about: string
  readonly seed: number
  readonly days: number
  readonly skipDays: number
  readonly replicates: number
  readonly start: number
  readonly capacity:
    | { readonly kind: "bytes"; readonly bytes: number }
    | { readonly kind: "snapshots"; readonly snapshots: number }
  readonly policies: ReadonlyArray<Policy>
  readonly resumable: boolean
  readonly atOnce: number
  readonly leastReserve: number
  readonly shares: boolean
  readonly looksAfterDays: number
  readonly clock: ReadonlyArray<{ readonly fromDay: number; readonly toDay: number; readonly by: number }>
  readonly attack: Attack | null
  readonly hosts: ReadonlyArray<Host>
}

/** Monday, 2024-01-01. */
const START = 1_704_067_200

/** One machine, nightly, on a disk of two and a half times its data: what is simulated when nothing else is said. */
export const usual: ScenarioFile = {
  name: "one host, every night",
  about: "A machine of 100 GB that changes 1 GB a day, backed up nightly to a disk of 250 GB, for three years.",
  days: 1095,
  capacity: { bytes: "250GB" },
  hosts: [{ name: "host" }]
}

/** Half of what is new is gone in days, some lasts for months. */
export const usualLifetimes = [
  { part: 0.5, days: 2 },
  { part: 0.3, days: 30 },
  { part: 0.2, days: 365 }
]

const wrong = (path: Path, problem: string) => Result.fail({ path, problem })

/** What of a scenario can never be, though each of its values may be; `host`: the name of whose it is. */
export interface Impossible {
  readonly host?: string
  readonly path: Path
  readonly problem: string
}

/** Null where there is something to simulate: days that count, backups that come, an attack that does. */
export const impossible = ({ attack, capacity, clock, days, hosts, skipDays }: Scenario): Impossible | null => {
  if (skipDays >= days) return { path: ["skipDays"], problem: `leaves none of the ${days} days to count` }
  for (const { at, breaks, diesOnDay, firstDay, jitter, mends, name, past } of hosts) {
    const never = (field: string, problem: string): Impossible => ({ host: name, path: [field], problem })
    const gone = diesOnDay < 0 && past.length > 0
    if (diesOnDay < firstDay && !gone) return never("diesOnDay", `its schedule never fires within the ${days} days`)
    if (firstDay * DAY + at + jitter >= days * DAY)
      return never("firstDay", `its schedule never fires within the ${days} days`)
    if (breaks === 1 && mends === 0 && past.length === 0) return never("failure", "none of its backups ever comes")
  }
  const late = clock.findIndex(({ fromDay }) => fromDay >= days)
  if (late >= 0) return { path: ["clock", late, "fromDay"], problem: `never comes within the ${days} days` }
  // Such a store looks at ages only.
  if (capacity.kind === "snapshots" && clock.length > 0)
    return { path: ["clock"], problem: "changes nothing where snapshots are counted; give the capacity in bytes" }
  if (capacity.kind === "snapshots" && attack !== null && attack.kind !== "flood")
    return {
      path: ["attack", "kind"],
      problem: `changes nothing where snapshots are counted; give the capacity in bytes`
    }
  if (attack !== null && attack.fromDay >= days)
    return { path: ["attack", "fromDay"], problem: `never comes within the ${days} days` }
  return null
}

export const impossibleWords = ({ host, path, problem }: Impossible): string =>
  `${[...(host === undefined ? [] : [host]), pathText(path)].join(": ")}: ${problem}`

/** Fills in the defaults. Fails with the path of the field that cannot be, and where more than so many bytes of memory would be needed. */
export const scenarioOf = (
  file: ScenarioFile,
  memory: number = Infinity
): Result.Result<Scenario, { readonly path: Path; readonly problem: string }> =>
  Result.gen(function* () {
    const days = file.days ?? 1095
    const skipDays = file.skipDays ?? 0
    const hosts: Array<Host> = []
    const given = file.hosts ?? usual.hosts!
    const total = given.reduce((sum, host) => sum + (host.count ?? 1), 0)
    if (total > MOST_HOSTS)
      return yield* wrong(["hosts"], `${total} hosts are more than can be simulated (${MOST_HOSTS})`)
    // Before they are made.
    const needs = given.reduce((sum, raw) => sum + (raw.count ?? 1) * memoryOfHost(sizeOf(raw, days), days), 0)
    if (needs > memory) return yield* wrong(["hosts"], memoryWords(total, days, needs, memory))
    for (const [index, raw] of given.entries()) {
      const every = parseSpan(raw.every ?? "1d")!
      const at = clockSeconds(raw.at ?? "02:00")!
      const firstDay = raw.firstDay ?? 0
      const diesOnDay = raw.diesOnDay ?? Infinity
      if (every <= 0) return yield* wrong(["hosts", index, "every"], "expected a length of time above 0")
      if (every < 60) return yield* wrong(["hosts", index, "every"], "comes more than once a minute")
      const lifetimes = raw.churn?.lifetimes ?? usualLifetimes
      const parts = lifetimes.reduce((sum, one) => sum + one.part, 0)
      const failure = raw.failure ?? 0
      const spikes = raw.churn?.spikes
      const host: Host = {
        name: raw.name,
        every,
        at,
        jitter: parseSpan(raw.jitter ?? "0s")!,
        firstDay,
        diesOnDay,
        breaks: typeof failure === "number" ? failure : failure.breaks,
        mends: typeof failure === "number" ? 1 - failure : failure.mends,
        base: parseBytes(raw.base ?? "100GB")!,
        weight: raw.weight ?? 1,
        daily: parseBytes(raw.churn?.daily ?? "1GB")!,
        spread: raw.churn?.spread ?? 0.5,
        weekdays: raw.churn?.weekdays ?? [1, 1, 1, 1, 1, 1, 1],
        spikes:
          spikes === undefined
            ? null
            : { probability: spikes.probability, bytes: parseBytes(spikes.bytes)!, alpha: spikes.alpha ?? 2 },
        lifetimes: lifetimes.map((one) => ({
          part: one.part / parts,
          rate: one.days === undefined ? 0 : 1 / one.days
        })),
        past: (raw.past ?? []).map(pastOf).toSorted((a, b) => b.age - a.age),
        sizes: (raw.sizes ?? []).map((size) => parseBytes(size)!)
      }
      const count = raw.count ?? 1
      if (raw.count === undefined) hosts.push(host)
      else
        for (let i = 1; i <= count; i++) hosts.push({ ...host, name: `${raw.name}-${i}`, at: spreadOut(at, i, count) })
    }
    hosts.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    const twin = hosts.findIndex((host, index) => index > 0 && hosts[index - 1]!.name === host.name)
    if (twin >= 0) {
      const index = given.findLastIndex((raw) => raw.name === hosts[twin]!.name)
      return yield* wrong(index < 0 ? ["hosts"] : ["hosts", index, "name"], `two hosts are called ${hosts[twin]!.name}`)
    }
    const live = hosts.reduce((sum, host) => sum + host.base, 0)
    const size = file.capacity ?? { timesLive: 2.5 }
    const capacity: Scenario["capacity"] =
      "snapshots" in size
        ? { kind: "snapshots", snapshots: size.snapshots }
        : { kind: "bytes", bytes: "bytes" in size ? parseBytes(size.bytes)! : Math.round(size.timesLive * live) }
    if (capacity.kind === "bytes" && capacity.bytes === 0)
      return yield* wrong(["capacity"], "a disk of no bytes holds nothing")
    const attack = file.attack
    const victim = attack?.host ?? given[0]!.name
    const attacked = hosts.findIndex((host) => host.name === victim || host.name === `${victim}-1`)
    if (attack !== undefined && attacked < 0) return yield* wrong(["attack", "host"], `no host is called ${victim}`)
    const every = parseSpan(attack?.every ?? "6h")!
    if (every < 60) return yield* wrong(["attack", "every"], "comes more than once a minute")
    for (const [index, one] of (file.clock ?? []).entries()) {
      if (one.toDay < one.fromDay) return yield* wrong(["clock", index, "toDay"], "ends before it begins")
    }
    const policies: Array<Policy> = []
    for (const [index, raw] of (file.policies ?? methodNames).entries()) {
      const policy = policyOf(raw)
      if (policies.some((one) => one.name === policy.name))
        return yield* wrong(["policies", index], `two policies are called ${policy.name}; give one a name of its own`)
      policies.push(policy)
    }
    const start = file.start ?? START
    const scenario: Scenario = {
      name: file.name ?? "scenario",
      about: file.about ?? "",
      seed: file.seed ?? 1,
      days,
      skipDays,
      replicates: file.replicates ?? 1,
      start: start - (start % DAY),
      capacity,
      policies,
      resumable: file.transfer !== "atomic",
      atOnce: file.atOnce ?? 2,
      leastReserve: parseBytes(file.reserve ?? 0)!,
      shares: file.shares ?? true,
      looksAfterDays: file.looksAfterDays === 0 ? Infinity : (file.looksAfterDays ?? 7),
      clock: (file.clock ?? []).map((one) => ({ ...one, by: signedSpan(one.by)! })),
      attack:
        attack === undefined
          ? null
          : {
              kind: attack.kind,
              host: attacked,
              fromDay: attack.fromDay,
              every,
              fraction: Math.min(attack.fraction ?? (attack.kind === "rewrite" ? 1 : 0.01), 1 - 1e-12),
              factor: attack.factor ?? 1.5
            },
      hosts
    }
    const found = impossible(scenario)
    if (found === null) return scenario
    const index = given.findIndex(({ name }) => found.host === name || found.host === `${name}-1`)
    return yield* wrong(found.host === undefined ? found.path : ["hosts", index, ...found.path], found.problem)
  })

const pastOf = (raw: (typeof PastFile)["Type"]): Past => {
  if (typeof raw === "number") return { age: raw, held: 0, suspect: 0, incomplete: false }
  const { age, bytes, held = 0, incomplete = false, suspect = 0 } = raw
  return {
    age,
    held: held ?? Infinity,
    suspect,
    incomplete,
    ...(bytes !== undefined && { bytes: parseBytes(bytes)! })
  }
}

export const policyOf = (raw: (typeof PolicyFile)["Type"]): Policy => {
  const { c, method, minAge, name, regretBelow, reserve, targets, weigh } =
    typeof raw === "string" ? { method: raw } : { ...raw }
  const { over = reserveRule.over, times } = reserve ?? {}
  return {
    name: name ?? method,
    minAge: (minAge ?? 7) * DAY,
    reserve: times === undefined ? { ...reserveRule, over } : { over, times: 1000 * times, by: 1000 },
    method:
      method === "spread"
        ? {
            name: method,
            ...(c !== undefined && { c: c * DAY }),
            ...(regretBelow !== undefined && { regretBelow }),
            ...(weigh !== undefined && { weigh })
          }
        : method === "importance"
          ? { name: method, ...(targets !== undefined && { targets }) }
          : { name: method }
  }
}

const MOST_HOSTS = 2_000_000

type Path = ReadonlyArray<PropertyKey>
const decode = Schema.decodeUnknownResult(ScenarioFile, { onExcessProperty: "error", errors: "first" })
const issues = SchemaIssue.makeFormatterStandardSchemaV1()

/** A scenario file's text as a file of the right shape. `where` names the text in errors, which give line, column and path. */
const parseScenario = (text: string, where: string): Result.Result<ScenarioFile, ScenarioError> => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    const problem = `is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`
    return Result.fail(new ScenarioError({ where, problem }))
  }
  const decoded = decode(json)
  if (Result.isSuccess(decoded)) return Result.succeed(decoded.success)
  const issue = issues(decoded.failure.issue).issues[0]!
  const path = (issue.path ?? []).map((part) => (typeof part === "object" ? part.key : part))
  return Result.fail(atPlace(text, where, path, wordsOf(issue.message)))
}

/** The same with defaults filled in, for so many bytes of memory at most. */
export const loadScenario = (text: string, where: string, memory?: number): Result.Result<Scenario, ScenarioError> =>
  Result.flatMap(parseScenario(text, where), (file) =>
    Result.mapError(scenarioOf(file, memory), ({ path, problem }) => atPlace(text, where, path, problem))
  )

const atPlace = (text: string, where: string, path: Path, problem: string): ScenarioError => {
  const place = placeIn(text, path)
  return new ScenarioError({ where: `${where}:${place}`, problem: `${pathText(path)}: ${problem}` })
}

const wordsOf = (message: string): string =>
  /unexpected key|excess/i.test(message) ? "unknown key" : message.replaceAll(/\s+/g, " ")

/** Bytes that a simulation of it will hold at most, roughly. */
export const memoryOf = ({ days, hosts }: Scenario): number =>
  hosts.reduce(
    (sum, host) =>
      sum +
      memoryOfHost({ ...host, days: Math.min(days, host.diesOnDay + 1) - host.firstDay, past: host.past.length }, days),
    0
  )

export const memoryWords = (hosts: number, days: number, needs: number, memory: number): string =>
  `${hosts} ${hosts === 1 ? "host" : "hosts"} over ${days} days would take about ${bytesText(needs)} of memory, and ` +
  `${bytesText(memory)} may be used; fewer hosts or days fit`

interface HostSize {
  /** seconds between its backups, and days on which they come */
  readonly every: number
  readonly days: number
  readonly past: number
  readonly lifetimes: ReadonlyArray<unknown>
}

const memoryOfHost = ({ days, every, lifetimes, past }: HostSize, all: number): number =>
  (past + Math.min((days * DAY) / every, days * 4) + 1) * (250 + 16 * lifetimes.length) +
  ((days * DAY) / every) * 32 +
  4000 +
  all * 12

const sizeOf = (raw: typeof HostFile.Type, days: number): HostSize => ({
  every: Math.max(1, parseSpan(raw.every ?? "1d")!),
  days: Math.max(0, Math.min(days, (raw.diesOnDay ?? Infinity) + 1) - (raw.firstDay ?? 0)),
  past: raw.past?.length ?? 0,
  lifetimes: raw.churn?.lifetimes ?? usualLifetimes
})

const clockSeconds = (text: string): number | null => {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text)
  return match === null ? null : Number(match[1]) * 3600 + Number(match[2]) * 60
}

const signedSpan = (text: string): number | null => {
  const seconds = parseSpan(text.replace(/^[+-]/, ""))
  return seconds === null ? null : text.startsWith("-") ? -seconds : seconds
}

/** Many hosts alike do not all come at the same minute: they share the six hours after the first. */
const spreadOut = (at: number, i: number, count: number): number => (at + Math.floor((21_600 * (i - 1)) / count)) % DAY
