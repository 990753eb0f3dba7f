// loxilb's numbers as the words that people type and read.

const modeNames = ['default', 'onearm', 'fullnat', 'dsr', 'fullproxy', 'hostonearm'] as const
const selectNames = ['rr', 'hash', 'priority', 'persist', 'lc', 'n2', 'n3', 'n3'] as const

/** What can be typed: `dnat` is our word for loxilb's `default`. */
export const modeNumbers: Readonly<Record<string, number>> = {
  default: 0,
  dnat: 0,
  onearm: 1,
  fullnat: 2,
  dsr: 3,
  hostonearm: 5,
}

/** Those that loxilb does not have, or means otherwise, go by their name beside the number of what is nearest. */
export const selectNumbers: Readonly<Record<string, number>> = {
  rr: 0,
  hash: 1,
  priority: 2,
  persist: 3,
  lc: 4,
  n3: 6,
  hint: 1,
  quic: 1,
}

/** What loxilb has and this build has not, with what is to be said of it. */
export const foreignWords: Readonly<Record<string, string>> = {
  fullproxy: 'connections are not terminated',
  n2: 'N2 is not parsed',
}

export const modeName = (mode: number | undefined): string => modeNames[mode ?? 0] ?? String(mode)
export const selectName = (select: number | undefined): string => selectNames[select ?? 0] ?? String(select)
