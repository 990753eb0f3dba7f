// Cases: SCTP associations that have other paths, or whose endpoint answers the client itself; those that begin anew
// are in sctp-restart.ts.

import { chunks } from '../../../src/testing/packets/sctp.ts'
import { bytes, expect, server, service, vip, type Case, type Step } from '../case.ts'
import { check, ends, expires, flowsAre, forwards, liveFlows, wait } from '../steps.ts'
import { timeouts } from '../bed.ts'
import {
  answers,
  c,
  flow,
  handshake,
  is,
  later,
  otherClient,
  otherServer,
  restart,
  s,
  s2,
  says,
  setup,
  talk,
  two,
  up,
  v,
  withError,
  wrongTag,
  type Chunks,
} from '../sctp-words.ts'
import { sctp, tags } from '../talks.ts'
import { restartCases } from './sctp-restart.ts'

// ---- other paths ---------------------------------------------------------------------------------------------------

const full = (mode: 'onearm' | 'fullnat') =>
  service({ protocol: 'sctp', port: 38_412, mode, select: 'rr', endpoints: [s, s2] })

const pathCases: readonly Case[] = [
  {
    name: "packets from the client's other address find the association by its tag (C.3)",
    setup: { services: [two] },
    steps: [
      ...handshake,
      ends(sctp(otherClient, v, wrongTag, chunks.heartbeat()), 'drop_no_flow'),
      forwards(sctp(otherClient, v, tags.endpoint, chunks.heartbeat()), otherClient, s),
      forwards(sctp(s, otherClient, tags.client, chunks.heartbeatAck()), v, otherClient),
      forwards(sctp(otherClient, v, tags.endpoint, chunks.data(bytes(40))), otherClient, s),
      ends(sctp(otherClient, v, wrongTag, chunks.data(bytes(40))), 'drop_sctp_tag'),
      ...talk(),
      liveFlows(2),
      forwards(sctp(otherClient, v, tags.endpoint, chunks.abort()), otherClient, s),
      flowsAre({ [flow]: 'closed', [`${otherClient} -> ${v}`]: 'closed' }),
      wait(timeouts.closed),
      expires(2),
      liveFlows(0),
    ],
  },
  {
    name: "packets to the client's other address, and from the endpoint's, come from the VIP (C.3)",
    setup: { services: [two] },
    steps: [
      ...handshake,
      forwards(sctp(s, otherClient, tags.client, chunks.heartbeat()), v, otherClient),
      forwards(sctp(otherClient, v, tags.endpoint, chunks.heartbeatAck()), otherClient, s),
      ends(sctp(otherServer, c, wrongTag, chunks.heartbeat()), 'pass_not_service', { device: 'slow' }),
      forwards(sctp(otherServer, c, tags.client, chunks.heartbeat()), v, c, { device: 'slow' }),
      forwards(sctp(otherServer, c, tags.client, chunks.data(bytes(9)), chunks.sack()), v, c, { device: 'slow' }),
      answers(tags.client, chunks.sack()),
      ...talk(),
    ],
  },
  ...(['onearm', 'fullnat'] as const).map((mode): Case => {
    const seen = `${mode === 'fullnat' ? vip : '10.0.2.1'}:40000`
    return {
      name: `packets from the client's other address look to the endpoint like those of the first, ${mode} (C.3)`,
      setup: { services: [full(mode)] },
      steps: [
        forwards(up(0, chunks.init(tags.client)), seen, s),
        forwards(sctp(s, seen, tags.client, chunks.initAck(tags.endpoint)), v, c),
        forwards(up(tags.endpoint, chunks.cookieEcho()), seen, s),
        forwards(sctp(s, seen, tags.client, chunks.cookieAck()), v, c),
        forwards(sctp(otherClient, v, tags.endpoint, chunks.heartbeat()), seen, s),
        forwards(sctp(s, seen, tags.client, chunks.heartbeatAck()), v, c),
        forwards(sctp(otherServer, seen, tags.client, chunks.heartbeat()), v, c, { device: 'slow' }),
        forwards(sctp(otherClient, v, tags.endpoint, chunks.data(bytes(50)), chunks.shutdown()), seen, s),
        flowsAre({ [flow]: 'closing', [`${otherClient} -> ${v}`]: 'closing' }),
      ],
    }
  }),
  {
    name: 'after a restart the tags of the new association are known on every path (C.10)',
    setup: { services: [two] },
    steps: [
      ...handshake,
      forwards(sctp(otherClient, v, tags.endpoint, chunks.heartbeat()), otherClient, s),
      ...restart(),
      forwards(sctp(otherClient, v, later.endpoint, chunks.heartbeat()), otherClient, s),
      forwards(sctp(otherClient, v, later.endpoint, chunks.data(bytes(7))), otherClient, s),
      ends(sctp(otherClient, v, tags.endpoint, chunks.heartbeat()), 'drop_sctp_tag'),
    ],
  },
  {
    name: 'a restart on another path keeps its endpoint (C.10)',
    setup: { services: [two] },
    steps: [
      ...handshake,
      forwards(sctp(otherClient, v, tags.endpoint, chunks.heartbeat()), otherClient, s),
      forwards(sctp(s, otherClient, tags.client, chunks.heartbeat()), v, otherClient),
      forwards(sctp(otherClient, v, 0, chunks.init(later.client)), otherClient, s),
      forwards(sctp(s, otherClient, later.client, chunks.initAck(later.endpoint)), v, otherClient),
      forwards(sctp(otherClient, v, later.endpoint, chunks.cookieEcho()), otherClient, s),
      forwards(sctp(s, otherClient, later.client, chunks.cookieAck()), v, otherClient),
      liveFlows(2),
    ],
  },
  {
    name: 'the tags of an association that is gone are free for another (C.3)',
    setup: { services: [two] },
    steps: [
      ...handshake,
      says(tags.endpoint, chunks.abort()),
      wait(timeouts.closed),
      expires(1, 'queue'),
      forwards(sctp(otherClient, v, 0, chunks.init(tags.client)), otherClient, s2),
      forwards(sctp(s2, otherClient, tags.client, chunks.initAck(tags.endpoint)), v, otherClient),
      forwards(sctp(otherClient, v, tags.endpoint, chunks.cookieEcho()), otherClient, s2),
      forwards(sctp(s2, otherClient, tags.client, chunks.cookieAck()), v, otherClient),
      forwards(sctp('10.0.1.7:40000', v, tags.endpoint, chunks.heartbeat()), '10.0.1.7:40000', s2),
      forwards(sctp(otherServer, otherClient, tags.client, chunks.heartbeat()), v, otherClient, { device: 'slow' }),
    ],
  },
  {
    name: 'two associations with the same tag and ports are told apart by their addresses (C.3)',
    setup: { services: [two] },
    steps: [
      ...handshake,
      forwards(sctp(otherClient, v, 0, chunks.init(7)), otherClient, s2),
      forwards(sctp(s2, otherClient, 7, chunks.initAck(tags.endpoint)), v, otherClient),
      forwards(sctp(otherClient, v, tags.endpoint, chunks.cookieEcho()), otherClient, s2),
      forwards(sctp(s2, otherClient, 7, chunks.cookieAck()), v, otherClient),
      ...talk(),
      forwards(sctp(otherClient, v, tags.endpoint, chunks.data(bytes(3))), otherClient, s2),
      // A third address is taken for one of the earlier association's; that of the later one ends, and nothing changes.
      forwards(sctp(otherClient, v, tags.endpoint, chunks.abort()), otherClient, s2),
      wait(timeouts.closed),
      expires(1),
      forwards(sctp('10.0.1.7:40000', v, tags.endpoint, chunks.heartbeat()), '10.0.1.7:40000', s),
    ],
  },
]

// ---- direct return -------------------------------------------------------------------------------------------------

const direct = service({ protocol: 'sctp', port: 38_412, mode: 'dsr', endpoints: [`${server}:38412`] })
const onward = (tag: number, ...list: Chunks): Step => ({
  kind: 'packet',
  packet: up(tag, ...list),
  becomes: { kind: 'l2', to: `${server}:38412` },
  verdict: 'forward',
})

const directCases: readonly Case[] = [
  {
    name: 'with direct return the client alone tells of the association',
    setup: { services: [direct] },
    steps: [
      onward(0, chunks.init(tags.client)),
      is('syn_sent'),
      onward(tags.endpoint, chunks.cookieEcho(), chunks.data(bytes(5))),
      is('established'),
      onward(wrongTag, chunks.abort()),
      is('established'),
      onward(tags.endpoint, chunks.data(bytes(5), 2), chunks.shutdown()),
      is('closing'),
      onward(tags.endpoint, chunks.shutdownComplete()),
      is('closed'),
      onward(0, chunks.init(later.client)),
      is('syn_sent'),
      ends(withError(up(tags.endpoint, chunks.cookieEcho())), 'drop_bad_checksum'),
    ],
  },
]

const gsoCases: readonly Case[] = [
  {
    name: 'a row of packets that TC sees as one is dropped by name, since only the first could be changed',
    setup,
    hooks: ['tc'],
    steps: [
      ...handshake,
      ends(up(tags.endpoint, chunks.data(bytes(1000))), 'drop_gso', { segmentPayload: 400, segments: 3 }),
    ],
  },
  {
    name: 'counts of paths and flows end at nothing',
    setup: { services: [two] },
    steps: [
      ...handshake,
      forwards(sctp(otherClient, v, tags.endpoint, chunks.heartbeat()), otherClient, s),
      forwards(sctp(s, otherClient, tags.client, chunks.heartbeatAck()), v, otherClient),
      wait(timeouts.established),
      check(async (_t, bed) => {
        // The endpoint's side of the other path is nobody's, once both clients' sides are gone.
        for (let round = 0; round < 2; round++) await bed.expire('all')
        expect((await bed.flows()).length, 0, 'entries')
      }),
      liveFlows(0),
    ],
  },
]

export const sctpPathCases: readonly Case[] = [...restartCases, ...pathCases, ...directCases, ...gsoCases]
