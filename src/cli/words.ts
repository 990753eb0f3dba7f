// loxilb's numbers as the words that people type and read.

export const modeNames = ['default', 'onearm', 'fullnat', 'dsr', 'fullproxy', 'hostonearm'] as const
export const selectNames = ['rr', 'hash', 'priority', 'persist', 'lc', 'n2', 'n3'] as const

/** What can be typed: `dnat` is our word for loxilb's `default`. */
export const modeNumbers: Readonly<Record<string, number>> = { default: 0, dnat: 0, onearm: 1, fullnat: 2 }
export const selectNumbers: Readonly<Record<string, number>> = { rr: 0, hash: 1 }

export const modeName = (mode: number | undefined): string => modeNames[mode ?? 0] ?? String(mode)
export const selectName = (select: number | undefined): string => selectNames[select ?? 0] ?? String(select)
