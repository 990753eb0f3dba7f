// Cases: endpoints that are blocked: they take no packet any more, of any protocol.

import { chunks } from '../../../src/testing/packets/sctp.ts'
import { block, bytes, client, server, service, tcp, udp, vip, type Case } from '../case.ts'
import { changes, ends, forwards, handshake } from '../steps.ts'
import { sctp, tags } from '../talks.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const other = '10.0.2.11:8080'
const pair = service({ select: 'rr', endpoints: [s, other] })
const udpPair = service({ protocol: 'udp', select: 'rr', endpoints: [s, other] })
const sctpPair = service({ protocol: 'sctp', select: 'rr', endpoints: [s, other] })
const data = chunks.data(bytes(40))

export const blockedCases: readonly Case[] = [
  {
    name: 'a blocked endpoint gets nothing of its flows any more, nor do its clients, and new flows go elsewhere',
    setup: { services: [pair] },
    steps: [
      ...handshake(c, v, s),
      changes(block(pair, 0)),
      ends(tcp(c, v, 'PA', { payload: bytes(9) }), 'drop_blocked'),
      ends(tcp(s, c, 'A'), 'drop_blocked'),
      ...[1, 2, 3].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, other)),
    ],
  },
  {
    name: 'flows of UDP to a blocked endpoint are dropped by name, and go on when it is blocked no longer',
    setup: { services: [udpPair] },
    steps: [
      forwards(udp(c, v), c, s),
      changes(block(udpPair, 0)),
      ends(udp(c, v), 'drop_blocked'),
      changes({ kind: 'update', from: udpPair, to: udpPair }),
      forwards(udp(c, v), c, s),
    ],
  },
  {
    name: 'a blocked endpoint gets nothing of its association any more, and INIT begins another elsewhere',
    setup: { services: [sctpPair] },
    steps: [
      forwards(sctp(c, v, 0, chunks.init(tags.client)), c, s),
      forwards(sctp(s, c, tags.client, chunks.initAck(tags.endpoint)), v, c),
      forwards(sctp(c, v, tags.endpoint, chunks.cookieEcho()), c, s),
      forwards(sctp(s, c, tags.client, chunks.cookieAck()), v, c),
      changes(block(sctpPair, 0)),
      ends(sctp(c, v, tags.endpoint, data), 'drop_blocked'),
      ends(sctp(s, c, tags.client, data), 'drop_blocked'),
      forwards(sctp(c, v, 0, chunks.init(0x11111111)), c, other),
    ],
  },
]
