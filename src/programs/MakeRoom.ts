// Before a run starts: is there room for it, and may some be made?
import { Effect, Schema } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { admission, refusalWords } from "../domain/prune/admission.ts"
import { bytesText } from "../domain/prune/amount.ts"
import { metadataFree } from "../domain/storeUsage.ts"
import { Journal } from "../services/Journal.ts"
import { requestFor } from "./defended.ts"
import { prune, storeSpace } from "./Prune.ts"

/** A run may not start: the store has no room for it. Older snapshots were not deleted for it. */
export class NoRoom extends Schema.TaggedError<NoRoom>()("NoRoom", {
  host: Schema.String,
  verdict: Schema.Literals(["suddenly larger", "no space"]),
  why: Schema.String
}) {
  get exit(): ExitName {
    return this.verdict === "no space" ? "noSpace" : "anomaly"
  }
  override get message() {
    return `${this.verdict}: ${this.why}`
  }
}

/** Room is being made, and there is not enough yet: what was deleted is not free, or there is more to delete than one prune may. */
export class RoomComing extends Schema.TaggedError<RoomComing>()("RoomComing", { host: Schema.String }) {
  get exit(): ExitName {
    return "busy"
  }
  override get message() {
    return `room for ${this.host} is being made; no backup of it was lost, try again in 10 minutes`
  }
}

/**
 * Makes room before a run of a host that would start on a store short of its reserve, or of what the run is expected to write. Fails
 * with `NoRoom` where there is less in the end, and writes that down; with `Locked` or `RoomComing` where there may be more in a while.
 */
export const makeRoom = Effect.fn("makeRoom")(function* (host: string) {
  const journal = yield* Journal
  const before = yield* storeSpace()
  const wanted = requestFor(before, host, Infinity)
  const { defend, verdict: foreseen } = admission(wanted)
  const isOver = before.hosts.some((one) => one.host === host && one.used > one.share)
  // A run that waits is no time to measure what others have pushed.
  const pruned = yield* prune({
    reserve: defend,
    least: isOver || foreseen === "suddenly larger" ? 0 : Math.max(wanted.needs, wanted.least ?? 0),
    measure: false
  }).pipe(Effect.catchTag("Locked", (locked) => Effect.succeed(locked)))
  const space = yield* storeSpace()
  const request = requestFor(space, host, 0)
  const { verdict } = admission(request)
  if (verdict === "go" || verdict === "room") return
  if ("_tag" in pruned) return yield* pruned
  if (pruned.outcome === "stopped") return yield* new RoomComing({ host })
  const words = refusalWords(request, verdict)
  const why = space.shortOfMetadata
    ? `the store is short of metadata (${bytesText(metadataFree(space.usage))} left), whatever df says. ${words}`
    : words
  const needs = Math.round(request.needs + (request.arrived ?? 0))
  const stands = space.hosts.find((one) => one.host === host)?.record.refusal
  // A client that tries again and again is refused each time, and written down once.
  if (stands?.verdict !== verdict || stands.needs < needs) {
    yield* journal.append(host, { _tag: "refused", at: space.now, verdict, needs, why })
  }
  return yield* new NoRoom({ host, verdict, why })
})
