// What the numbers were measured on: they mean little without it.

import { cpus, loadavg, release } from 'node:os'

export const machineLine = (): string => {
  const all = cpus()
  const load = (loadavg()[0] ?? 0).toFixed(1)
  const model = all[0]?.model.trim() ?? 'unknown CPU'
  return `machine: ${all.length} x ${model}, Linux ${release()}, load ${load} at the end`
}
