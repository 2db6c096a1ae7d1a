// What happened in one run of a simulation, in columns: millions of rows stay small and travel between threads as they are.
import type { Scenario } from "./scenario.ts"

/** A growing column of numbers. Grows and is trimmed in place where the engine can: copies cost more than what is written. */
export class Column {
  length = 0
  #values = new Float64Array(1024)

  push(value: number): void {
    if (this.length === this.#values.length) this.#values = resized(this.#values, 2 * this.length)
    this.#values[this.length++] = value
  }

  at(index: number): number {
    return this.#values[index]!
  }

  set(index: number, value: number): void {
    this.#values[index] = value
  }

  done(): Float64Array<ArrayBuffer> {
    return resized(this.#values, this.length)
  }
}

const resized = (values: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> =>
  new Float64Array(values.buffer.transfer(8 * length))

export const Kind = {
  snapshot: 0,
  deleted: 1,
  missed: 2,
  tooLarge: 3,
  noSpace: 4,
  suspect: 5,
  cleared: 6,
  tooSoon: 7
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

const words = [
  "snapshot",
  "deleted",
  "missed",
  "suddenly larger",
  "no space",
  "suspect",
  "cleared",
  "too soon"
] as const

/** Times in seconds since day 0, sizes in bytes. */
export interface Trace {
  readonly policy: string
  /** a row a snapshot: the host's index; when it was taken; how it is dated; bytes new in it; when it was deleted or Infinity */
  readonly host: Float64Array<ArrayBuffer>
  readonly taken: Float64Array<ArrayBuffer>
  readonly dated: Float64Array<ArrayBuffer>
  readonly bytes: Float64Array<ArrayBuffer>
  readonly gone: Float64Array<ArrayBuffer>
  /** a row an event, each host's in order: kind; when; the snapshot's row, or the host's index where there is none; bytes */
  readonly kinds: Float64Array<ArrayBuffer>
  readonly times: Float64Array<ArrayBuffer>
  readonly subjects: Float64Array<ArrayBuffer>
  readonly amounts: Float64Array<ArrayBuffer>
  /** a value a day, at its end */
  readonly used: Float64Array<ArrayBuffer>
  readonly reserve: Float64Array<ArrayBuffer>
  readonly refused: Float64Array<ArrayBuffer>
  /** hosts x days: the mean error at each day's end, NaN before a host's first two days; and the bytes used */
  readonly errors: Float32Array<ArrayBuffer>
  readonly hostUsed: Float32Array<ArrayBuffer>
}

export const buffersOf = (trace: Trace): Array<ArrayBuffer> =>
  Object.values(trace).flatMap((value) => (ArrayBuffer.isView(value) ? [value.buffer as ArrayBuffer] : []))

/** Whether an event tells of a snapshot, or of an attempt that left none. */
export const isOfSnapshot = (kind: number): boolean =>
  kind === Kind.snapshot || kind === Kind.deleted || kind === Kind.suspect || kind === Kind.cleared

/** The events by time: a replay tells of the past, and of snapshots that are counted, one host after the other. */
const inOrder = (times: Float64Array): Uint32Array => {
  const rows = Uint32Array.from(times.keys())
  const isOrdered = times.every((at, i) => i === 0 || at >= times[i - 1]!)
  return isOrdered ? rows : rows.toSorted((a, b) => times[a]! - times[b]! || a - b)
}

/** One JSON object an event, in the order in which they happened; the same scenario and seed give the same bytes. */
export function* traceLines(trace: Trace, scenario: Scenario, replicate: number): Generator<string, void, void> {
  for (const i of inOrder(trace.times)) {
    const kind = trace.kinds[i]!
    const subject = trace.subjects[i]!
    const ofSnapshot = isOfSnapshot(kind)
    const host = scenario.hosts[ofSnapshot ? trace.host[subject]! : subject]!.name
    yield `${JSON.stringify({
      policy: trace.policy,
      replicate,
      at: scenario.start + trace.times[i]!,
      host,
      event: words[kind],
      ...(ofSnapshot && { snapshot: scenario.start + trace.dated[subject]! }),
      ...(kind !== Kind.missed && kind < Kind.suspect && { bytes: trace.amounts[i]! })
    })}\n`
  }
}
