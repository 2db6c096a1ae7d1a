// One line of what a benchmark has to say.

export interface BenchRow {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What was promised, in the same unit. */
  readonly target?: number
  /** How many times faster than the naive or older way, measured in the same run. */
  readonly ratio?: number
  /** The ratio that it must have: a benchmark below that fails. Times are the machine's, ratios are ours. */
  readonly least?: number
}
