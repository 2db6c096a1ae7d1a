// One line of what a benchmark has to say.

export interface BenchRow {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What was promised, in the same unit. */
  readonly target?: number
  /** How many times faster than the naive or older way, measured in the same run. */
  readonly ratio?: number
}
