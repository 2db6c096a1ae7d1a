// What pruning leaves for the forced command to read before a push. Both a prune and an approval write it.
import { Effect, Schedule } from "effect"
import { type AdmissionRequest, expected } from "../domain/prune/admission.ts"
import { type Defended, formatDefended, parseDefended } from "../domain/prune/defended.ts"
import { earningSizes } from "../domain/prune/record.ts"
import { usualSize } from "../domain/prune/reserve.ts"
import { dataFloor, shortReserve } from "../domain/storeUsage.ts"
import { Layout } from "../services/Layout.ts"
import { Lock } from "../services/Lock.ts"
import { SystemFile } from "../services/SystemFile.ts"
import type { StoreSpace } from "./Prune.ts"

/**
 * What is asked for a run of this host; `freeable` by more pruning. What an approval of any size may yet bring is a guess: room is made
 * for it, and where no more can be made the run is not refused for it.
 */
export const requestFor = (space: StoreSpace, host: string, freeable: number): AdmissionRequest => {
  const own = space.hosts.find((one) => one.host === host)
  const approval = own?.record.approval
  const arrived = own?.pending ?? 0
  const usual = own === undefined ? 0 : usualSize(earningSizes(own.record, space.now))
  return {
    host,
    needs: expected(usual, arrived, freeable > 0 || approval?.bytes !== undefined ? approval : undefined),
    arrived,
    least: dataFloor(space.usage),
    free: space.shortOfMetadata ? 0 : space.free,
    freeable,
    // What it is wont to write is no surprise, where its share is less than that.
    hostReserve: Math.max(usual, own?.reserve ?? 0),
    storeReserve: space.reserve,
    ...(approval === undefined ? {} : { approval })
  }
}

/** What was left for it last. A file that cannot be read says nothing, and is written anew. */
export const defended = Effect.fn("defended")(function* () {
  const { run } = yield* Layout
  const text = yield* (yield* SystemFile).read(`${run}/reserve`).pipe(Effect.orElseSucceed(() => null))
  return parseDefended(text ?? "")
})

/** Writes are short, so another's is waited for. */
const change = Effect.fnUntraced(function* (from: (last: Defended) => Defended) {
  const { run } = yield* Layout
  const files = yield* SystemFile
  yield* files.directory(run, 0o700)
  yield* (yield* Lock)
    .take(`${run}/reserve.lock`, "a word to those that push")
    .pipe(Effect.retry({ while: ({ _tag }) => _tag === "Locked", schedule: Schedule.spaced("50 millis"), times: 200 }))
  yield* files.write(`${run}/reserve`, formatDefended(from(yield* defended())), 0o600)
}, Effect.scoped)

/** What a prune has found, which began when that was left (`seen`): what was approved since then stands. */
export const tellDefended = Effect.fn("tellDefended")(function* (space: StoreSpace, seen: Defended) {
  const approved = new Map<string, number>()
  for (const { enrolled, host, record } of space.hosts) {
    if (enrolled && record.approval !== undefined) approved.set(host, requestFor(space, host, Infinity).needs)
  }
  yield* change((last) => {
    const since = [...last.approved].filter(([host, bytes]) => seen.approved.get(host) !== bytes)
    return {
      reserve: space.shortOfMetadata ? shortReserve : space.reserve,
      approved: new Map([...approved, ...since])
    }
  })
})

/** Before any prune has looked: the host's next push is to find room for so much. */
export const tellApproved = Effect.fn("tellApproved")((host: string, bytes: number) =>
  change(({ approved, reserve }) => ({ reserve, approved: new Map([...approved, [host, bytes]]) }))
)
