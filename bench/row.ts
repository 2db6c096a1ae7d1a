// One line of what a benchmark has to say, and whether what was promised holds.

export interface BenchRow {
  readonly name: string
  /** NaN where it was not measured */
  readonly value: number
  readonly unit: string
  /** What was promised, in the same unit: of a rate at least that much, of anything else at most. */
  readonly target?: number
  /** How many times faster than the naive or older way, measured in the same run. */
  readonly ratio?: number
  /** The ratio that it must have: a benchmark below that fails. Times are the machine's, ratios are ours. */
  readonly least?: number
  /** Why it was not measured here. */
  readonly missing?: string
}

const isRate = ({ unit }: BenchRow): boolean => unit.endsWith("/s")

/** Does the row hold to what was promised? Where nothing was, or nothing was measured, it does. */
export const isMet = (row: BenchRow): boolean =>
  row.target === undefined ||
  row.missing !== undefined ||
  (isRate(row) ? row.value >= row.target : row.value <= row.target)

/** `(promised: at most 250, met)`; nothing where nothing was promised. */
export const verdict = (row: BenchRow): string =>
  row.target === undefined
    ? ""
    : `(promised: at ${isRate(row) ? "least" : "most"} ${Number(row.target.toPrecision(3))}, ${isMet(row) ? "met" : "MISSED"})`
