// The Timer and Graceful Release Period elements (TS 29.244, 8.2.36 and 8.2.78): a number of units.

const unitMs = [2000, 60_000, 600_000, 3_600_000, 36_000_000, 60_000, 60_000]

/** Milliseconds; Infinity for the unit that says so. */
export function timerMs(value: number): number {
  const unit = unitMs[value >> 5]
  return unit === undefined ? Infinity : unit * (value & 0x1f)
}
