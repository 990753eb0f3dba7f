// What a service of `select: n4` might show, for tests of what shows it.

import type { N4ServiceSession, N4ServiceStatus } from '../lb/n4-status.ts'

export const n4StatusForTest: N4ServiceStatus = {
  service: 'n4',
  status: {
    smfs: [{ name: 'smf.example', address: '10.0.1.1', state: 'up', sessions: 2, load: null }],
    upfs: [
      { name: '10.0.0.11:8805', address: '10.0.0.11', state: 'up', sessions: 2, load: 40 },
      { name: '10.0.0.12:8805', address: '10.0.0.12', state: 'down', sessions: 0, load: null },
    ],
    sessions: 2,
    tunnels: 3,
    ueAddresses: 2,
    pending: 1,
    counters: { 'sessions-established': 2, 'socket: unsent': 0 },
  },
}

const session: N4ServiceSession = {
  service: 'n4',
  seid: '0x0000000000000001',
  smf: 'smf.example',
  smfSeid: '0x00000000000000a1',
  upf: '10.0.0.11:8805',
  upfSeid: '0x00000000000000b1',
  state: 'up',
  dnn: 'internet',
  tunnels: [
    { teid: '0x00000001', upfTeid: '0x00000001', direction: 'up' },
    { teid: '0x00000002', upfTeid: '0x00000007', direction: 'down' },
  ],
  ueAddresses: ['10.48.0.1/32'],
  ageMs: 3_725_000.5,
  uplink: { packets: 1_234_567n, bytes: 150_000_000n },
  downlink: { packets: 0n, bytes: 0n },
}

export const n4SessionsForTest: readonly N4ServiceSession[] = [
  session,
  {
    ...session,
    seid: '0x0000000000000002',
    upfSeid: null,
    state: 'establishing',
    dnn: '',
    tunnels: [],
    ageMs: 0,
    uplink: null,
    downlink: null,
  },
]
