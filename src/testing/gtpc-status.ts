// What a service of `select: gtpc` might show, for tests of what shows it.

import type { GtpcServiceSession, GtpcServiceStatus } from '../lb/gtpc-status.ts'

export const gtpcStatusForTest: GtpcServiceStatus = {
  service: 'gn',
  status: {
    restartCounter: 8,
    clients: [{ address: '10.0.1.1', sessions: 2 }],
    gateways: [
      {
        name: '10.0.0.11:2123',
        address: '10.0.0.11',
        paths: [
          { version: 1, state: 'up', sessions: 1, restartCounter: 3 },
          { version: 2, state: 'down', sessions: 0, restartCounter: null },
        ],
        isDraining: true,
        load: 40,
      },
      {
        name: '10.0.0.12:2123',
        address: '10.0.0.12',
        paths: [{ version: 2, state: 'up', sessions: 1, restartCounter: 0 }],
        isDraining: false,
        load: null,
      },
    ],
    sessions: 2,
    pending: 1,
    counters: { 'answered-again': 2, 'socket: unsent': 0 },
  },
}

const session: GtpcServiceSession = {
  service: 'gn',
  version: 1,
  imsi: '240010123456789',
  apn: 'internet',
  client: '10.0.1.1',
  clientTeid: '0x00000001',
  teidForClient: '0x0000aaaa',
  gateway: '10.0.0.11:2123',
  gatewayTeid: '0x00000007',
  teidForGateway: '0x0000bbbb',
  state: 'up',
  contexts: [5, 6],
  ageMs: 3_725_000.5,
}

export const gtpcSessionsForTest: readonly GtpcServiceSession[] = [
  session,
  {
    ...session,
    version: 2,
    imsi: null,
    apn: null,
    gateway: '10.0.0.12:2123',
    gatewayTeid: null,
    state: 'creating',
    contexts: [],
    ageMs: 0,
  },
]
