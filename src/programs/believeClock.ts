// Whether the server's clock may be believed, and the memory of when it last was.
import { Effect, Schema } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { ageText } from "../domain/prune/amount.ts"
import { clockJump, formatClock, parseClock } from "../domain/prune/clock.ts"
import { Journal } from "../services/Journal.ts"
import { Layout } from "../services/Layout.ts"
import { SystemFile } from "../services/SystemFile.ts"
import { serverTime } from "./serverTime.ts"

/** The clock cannot be believed, and ages decide what is deleted. Nothing was deleted. Epoch seconds. */
export class ClockJumped extends Schema.TaggedError<ClockJumped>()("ClockJumped", {
  direction: Schema.Literals(["back", "ahead"]),
  now: Schema.Int,
  last: Schema.Int
}) {
  get exit(): ExitName {
    return "failed"
  }
  get problem() {
    const day = (at: number) => new Date(at * 1000).toISOString().slice(0, 10)
    return `the clock says ${day(this.now)} and was last believed or written down on ${day(this.last)}, ${ageText(Math.abs(this.now - this.last))} ${this.direction === "back" ? "later" : "earlier"}; nothing is deleted`
  }
  override get message() {
    return `${this.problem}. Set the clock, or say that it is right: byteback prune --trust-clock`
  }
}

const memory = Effect.map(Layout, ({ state }) => `${state}/clock`)

/** What is wrong with the clock, or null. Changes nothing. */
export const clockTrouble = Effect.fn("clockTrouble")(function* () {
  const journal = yield* Journal
  const seen = parseClock((yield* (yield* SystemFile).read(yield* memory)) ?? "")
  const times: Array<number> = []
  if (seen === null) {
    for (const host of yield* journal.hosts) for (const { at } of (yield* journal.read(host)).entries) times.push(at)
  }
  const now = yield* serverTime
  const jump = clockJump(now, seen, times)
  return jump === null ? null : new ClockJumped({ ...jump, now })
})

/** Fails where the clock cannot be believed, unless somebody says that it is right (`trust`); remembers that it was. */
export const believeClock = Effect.fn("believeClock")(function* (trust: boolean) {
  const files = yield* SystemFile
  const trouble = yield* clockTrouble()
  if (trouble !== null && !trust) return yield* trouble
  yield* files.directory((yield* Layout).state, 0o700)
  yield* files.write(yield* memory, formatClock(yield* serverTime), 0o600)
})
