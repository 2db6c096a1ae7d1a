// byteback prune: shows or carries out what the store needs to have its reserve again.
import { Clock, Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { ConfigError } from "../domain/clientSettings.ts"
import { escapeText } from "../domain/escape.ts"
import { exitCode } from "../domain/exitCode.ts"
import { isHostName } from "../domain/hostName.ts"
import { bytesText } from "../domain/prune/amount.ts"
import { methodOf, type PruneOrder, pruneOrders } from "../domain/prune/method.ts"
import { formatSnapshotName } from "../domain/snapshotName.ts"
import { makeRoom } from "../programs/MakeRoom.ts"
import { prune, type PruneResult, storeSpace } from "../programs/Prune.ts"
import { pruneUntil } from "../programs/PruneUntil.ts"
import { Store } from "../services/Store.ts"
import { json } from "./clientFlags.ts"
import { Ended } from "./outcome.ts"

const off = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDefault(false), Flag.withDescription(description))
const percent = (name: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (value) => value >= 0 && value <= 100,
      () => "Expected a percentage, 0 to 100"
    ),
    Flag.optional,
    Flag.withDescription(description)
  )

/** Epoch seconds of a day's beginning in UTC. */
const dayOf = (text: string): Option.Option<number> => {
  const millis = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN
  // The 31st of February is no day, though it can be reckoned with.
  return new Date(millis || 0).toISOString().slice(0, 10) === text ? Option.some(millis / 1000) : Option.none()
}

const flags = {
  dryRun: off("dry-run", "say what would be deleted and why, and delete nothing"),
  json,
  plan: Flag.String("plan").pipe(
    Flag.optional,
    Flag.withDescription("go on only if the plan is still the one with this digest, which --dry-run prints")
  ),
  explain: Flag.String("explain").pipe(
    Flag.optional,
    Flag.withDescription("say why a snapshot is kept or goes: HOST/SNAPSHOT")
  ),
  order: Flag.Literals("order", pruneOrders).pipe(
    Flag.optional,
    Flag.withDescription("what goes first; default: /etc/byteback/prune_order, or importance")
  ),
  until: Flag.String("until").pipe(
    Flag.filterMap(dayOf, () => "Expected a day, as in 2027-01-31"),
    Flag.optional,
    Flag.withDescription("delete nothing; forecast when each snapshot will go, up to this day: 2027-01-31")
  ),
  trustClock: off("trust-clock", "the clock is right, though the journals have other times"),
  for: Flag.String("for").pipe(Flag.optional, Flag.withDescription("make room for a run of this host")),
  list: off("list", "list all snapshots in the order in which they would go"),
  prune: off("prune", "prune if less than --minpercent is free; what happens anyway"),
  pruneForce: off("prune-force", "prune until --maxpercent is free"),
  minpercent: percent("minpercent", "prune only when less than so many percent of the store are free"),
  maxpercent: percent("maxpercent", "prune until so many percent of the store are free")
}

const deletionLine = (host: string, name: string, why: string) => `${escapeText(`${host}/${name}`)}  ${why}`

/** The old flags. */
interface Percents {
  readonly pruneForce: boolean
  readonly minpercent: Option.Option<number>
  readonly maxpercent: Option.Option<number>
}

/** Bytes to be free by the old flags; undefined where they do not say: the store's own reserve. */
const percentReserve = Effect.fnUntraced(function* ({ maxpercent, minpercent, pruneForce }: Percents) {
  const wanted = Option.getOrUndefined(Option.orElse(maxpercent, () => minpercent))
  if (wanted === undefined) return undefined
  const { free, size } = yield* (yield* Store).free
  const bytes = (percent: number) => Math.ceil((size * percent) / 100)
  return !pruneForce && Option.isSome(minpercent) && free >= bytes(minpercent.value) ? 0 : bytes(wanted)
})

/** The words that carry out the plan that was shown: all that it was made with, and its digest. */
const planWords = (
  digest: string,
  given: Percents & { readonly order: Option.Option<string>; readonly trustClock: boolean }
): string => {
  const valued = (flag: string, value: Option.Option<string | number>) =>
    Option.isSome(value) ? [flag, String(value.value)] : []
  return [
    "byteback prune",
    ...valued("--order", given.order),
    ...(given.trustClock ? ["--trust-clock"] : []),
    ...(given.pruneForce ? ["--prune-force"] : []),
    ...valued("--minpercent", given.minpercent),
    ...valued("--maxpercent", given.maxpercent),
    "--plan",
    digest
  ].join(" ")
}

const ending: Record<PruneResult["outcome"], string> = {
  met: "the reserve is met",
  short:
    "the reserve is not met, and nothing more may be deleted: what is left is held, suspect, in use, the newest of its host or would free nothing",
  owed: "the reserve is not met: what is missing is held by hosts over their share, and the others do not pay for it",
  stopped: "the reserve is not met yet; the next run goes on"
}

/** Instead of that, where it is known only when it is carried out. */
const unknown = "nobody knows yet what the last of these frees: the run measures that, and goes on from there"

/** What the model says of the days to come: nothing is deleted. */
const forecast = Effect.fnUntraced(function* (until: number, order: Option.Option<PruneOrder>, asJson: boolean) {
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const departures = yield* pruneUntil({ now, until, ...(Option.isSome(order) ? { method: order.value } : {}) })
  if (asJson) return yield* Console.log(JSON.stringify(departures))
  for (const { at, goes, host } of departures) {
    const name = escapeText(`${host}/${formatSnapshotName(at)}`)
    yield* Console.log(`${name}  ${goes === null ? "stays" : `goes about ${formatSnapshotName(goes).slice(0, 10)}`}`)
  }
  yield* Console.error("byteback: a forecast from past growth, not a promise; nothing was deleted")
})

interface Said {
  readonly snapshot: { readonly host: string; readonly id: string }
  readonly why: string
}

/** Snapshots with what the plan says of each, a line each, or as one JSON array. */
const show = (found: ReadonlyArray<Said>, asJson: boolean) =>
  asJson
    ? Console.log(JSON.stringify(found))
    : Effect.forEach(found, ({ snapshot, why }) => Console.log(deletionLine(snapshot.host, snapshot.id, why)), {
        discard: true
      })

const givenBack = (swept: PruneResult["swept"]) =>
  swept.map(({ host, name }): Said => ({
    snapshot: { host, id: name },
    why: "is given back first: left by a run or a removal that was cut short"
  }))

/** What is said of the snapshots that are named so: HOST/SNAPSHOT, or a name that several hosts may have. */
const explained = Effect.fnUntraced(function* ({ plan, swept }: PruneResult, given: string) {
  const is = ({ snapshot: { host, id } }: Said) => `${host}/${id}` === given || id === given
  const found: ReadonlyArray<Said> = [...givenBack(swept), ...plan.deletions, ...plan.kept].filter(is)
  if (found.length > 0) return found
  // What byteback did not make is in no plan.
  const { hosts } = yield* storeSpace()
  return hosts.flatMap(({ host, snapshots }) =>
    snapshots
      .filter(({ state }) => state === "foreign")
      .map(({ name, note }): Said => ({ snapshot: { host, id: name }, why: `kept: ${note}` }))
      .filter(is)
  )
})

export const pruneCommand = Command.make(
  "prune",
  flags,
  Effect.fnUntraced(function* (given) {
    if (Option.isSome(given.for)) {
      const host = given.for.value
      if (!isHostName(host)) return yield* new ConfigError({ where: "--for", problem: "write a host's name" })
      return yield* makeRoom(host)
    }
    if (Option.isSome(given.until)) return yield* forecast(given.until.value, given.order, given.json)
    const looks = given.dryRun || given.list || Option.isSome(given.explain)
    const reserve = given.list ? Infinity : yield* percentReserve(given)
    const result = yield* prune({
      dryRun: looks,
      ...(Option.isSome(given.order) ? { method: methodOf(given.order.value) } : {}),
      ...(Option.isSome(given.plan) ? { plan: given.plan.value } : {}),
      ...(reserve === undefined ? {} : { reserve }),
      trustClock: given.trustClock,
      ...(given.json
        ? {}
        : {
            onDelete: ({ snapshot, why }) =>
              Console.error(`byteback: deleting ${deletionLine(snapshot.host, snapshot.id, why)}`)
          })
    })
    const { plan } = result
    if (Option.isSome(given.explain)) {
      const found = yield* explained(result, given.explain.value)
      if (found.length === 0)
        return yield* new ConfigError({ where: "--explain", problem: "there is no such snapshot; write HOST/SNAPSHOT" })
      return yield* show(found, given.json)
    }
    if (given.list)
      return yield* show([...givenBack(result.swept), ...plan.deletions, ...plan.kept.toReversed()], given.json)
    if (given.json) yield* Console.log(JSON.stringify(result))
    else {
      if (looks) yield* show(plan.deletions, false)
      for (const { host, name } of result.swept)
        yield* Console.error(
          `byteback: ${looks ? "would give" : "gave"} back ${escapeText(`${host}/${name}`)}, left by a run or a removal that was cut short`
        )
      for (const { host, name, why } of result.skipped)
        yield* Console.error(`byteback: passed over ${escapeText(`${host}/${name}`)}: ${escapeText(why)}`)
      if (result.balance !== null)
        yield* Console.error(
          `byteback: badly filled chunks of ${result.balance} are balanced first, and what that gives may spare some of this`
        )
      const would = looks ? `${plan.deletions.length} would be deleted` : `${result.deleted.length} deleted`
      yield* Console.error(
        `byteback: ${would}; ${bytesText(result.free)} free, ${bytesText(result.reserve)} wanted${result.shortOfMetadata ? `, short of metadata (${bytesText(result.metadataFree)} left)` : ""}; ${looks && plan.outcome === "measure" ? unknown : ending[result.outcome]}`
      )
      if (looks) yield* Console.error(`byteback: to do this and nothing else: ${planWords(plan.digest, given)}`)
    }
    if (result.outcome === "short" || result.outcome === "owed") return yield* new Ended({ code: exitCode.noSpace })
  })
).pipe(
  Command.withDescription(
    "Delete what is missed least until the store has its reserve again. Runs by itself after each backup and from a timer"
  ),
  Command.withShortDescription("delete old snapshots, or show which would go and why"),
  Command.withExamples([
    { command: "byteback prune --dry-run", description: "What would go, and why" },
    { command: "byteback prune --explain web1/2026-11-23T17:52+0000", description: "Why this one is kept" }
  ])
)
