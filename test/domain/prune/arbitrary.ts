// Random stores: ties, duplicates, regular schedules, bursts and dates in the future.
import * as fc from "fast-check"
import { DAY, HOUR, type Snapshot, type Stored } from "../../../src/domain/prune/snapshot.ts"

export const NOW = 1_750_000_000

const age = fc.oneof(
  fc.integer({ min: 0, max: 130 }).map((days) => days * DAY),
  fc.integer({ min: 0, max: 500 }).map((slots) => slots * 6 * HOUR),
  fc.integer({ min: 0, max: 400 * DAY }),
  fc.integer({ min: 0, max: 5 }),
  fc.integer({ min: -3 * DAY, max: 0 })
)

/** Snapshots with unique ids within a host, in no order. */
export const snapshots = (options: { readonly maxLength?: number; readonly hosts?: number } = {}) =>
  fc
    .array(fc.record({ host: fc.constantFrom(...["a", "b", "c", "d"].slice(0, options.hosts ?? 3)), age }), {
      maxLength: options.maxLength ?? 40
    })
    .chain((list) =>
      fc
        .shuffledSubarray(
          list.map((_, index) => index),
          { minLength: list.length }
        )
        .map((ids) =>
          list.map(({ age, host }, i): Snapshot => ({ host, t: NOW - age, id: String(ids[i]).padStart(3, "0") }))
        )
    )

/** The same with all that a plan looks at. Bytes are known unless `unknown`. In doubt is only what nobody deletes for that. */
export const stored = (options: { readonly maxLength?: number; readonly unknown?: boolean } = {}) =>
  snapshots(options).chain((list) =>
    fc
      .array(
        fc.record(
          {
            state: fc.constantFrom("complete", "complete", "complete", "incomplete", "suspect" as const),
            held: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
            inUse: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
            futile: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
            doubted: fc.nat({ max: 500 }),
            bytes: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant(0))
          },
          {
            requiredKeys: [
              "state",
              "held",
              "inUse",
              "futile",
              ...(options.unknown === true ? [] : (["bytes"] as const))
            ]
          }
        ),
        { minLength: list.length, maxLength: list.length }
      )
      .map((details) =>
        list.map((snapshot, i) => {
          const { doubted, ...rest } = details[i]!
          const isDoubted = doubted !== undefined && (rest.state === "suspect" || rest.held)
          return { ...snapshot, ...rest, ...(isDoubted ? { doubted } : {}) } as Stored
        })
      )
  )

/** Snapshots of one host by their ages in days; ids count from 0. */
export const aged = (days: ReadonlyArray<number>, host = "h"): Array<Snapshot> =>
  days.map((age, i) => ({ host, t: NOW - Math.round(age * DAY), id: String(i).padStart(3, "0") }))

export const ages = (list: Iterable<Snapshot>): Array<number> =>
  Array.from(list, (snapshot) => Math.round(((NOW - snapshot.t) / DAY) * 100) / 100)

/** "a0 b0.5": host and age in days. */
export const named = (list: Iterable<Snapshot>): string =>
  Array.from(list, (snapshot) => `${snapshot.host}${(NOW - snapshot.t) / DAY}`).join(" ")
