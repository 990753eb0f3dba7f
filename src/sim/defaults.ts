// What simulated peers are told where nothing else is said. Data.

import type { SmfOptions } from './sim-smf.ts'
import type { UpfOptions } from './sim-upf.ts'

const times = { retransmitMs: 1000, tries: 4, heartbeatMs: 10_000 } as const

export const smfDefaults: Omit<SmfOptions, 'address' | 'peer' | 'gnbs'> = {
  ...times,
  tunnel: 'choose',
  n3: null,
  uePrefix: '10.48.0.0/12',
  ueFamily: 4,
  dnn: 'internet',
  slice: null,
  qfi: 9,
  local: null,
  packetBytes: 100,
}

export const upfDefaults: Omit<UpfOptions, 'address' | 'number'> = {
  ...times,
  n3: null,
  loop: true,
  uePrefix: '10.64.0.0/12',
  teidRange: null,
  firstTeid: 1,
  firstSeid: 1n,
  features: null,
  behaviour: null,
  refuse: null,
  load: null,
  random: Math.random,
}
