// One line of the output of the N4 benchmark.

export interface Row {
  readonly bench: 'n4'
  readonly case: string
  readonly unit: 'sessions/s' | 'ms' | 'percent'
  readonly value: number
  readonly goal: number
  /** whether the value is to be at most the goal, or at least */
  readonly better: 'less' | 'more'
  readonly ok: boolean
  /** what else was measured with it, by names that end in their units */
  readonly beside: Readonly<Record<string, number>>
  /** only in a row that failed by more than its goal */
  readonly problem?: string
}

export type Measured = Omit<Row, 'bench' | 'ok' | 'problem'>

/** `problems` make it fail, whatever its value. */
export function toRow(measured: Measured, problems: readonly string[]): Row {
  const { better, goal, value } = measured
  const isMet = better === 'less' ? value <= goal : value >= goal
  const [problem] = problems
  const row = { bench: 'n4', ...measured, ok: isMet && problem === undefined } as const
  return problem === undefined ? row : { ...row, problem }
}
