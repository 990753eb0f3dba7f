// Cases: SCTP associations that begin anew, that nobody has seen begin, that have other paths, or whose endpoint answers
// the client itself.

import { chunks } from '../../../src/testing/packets/sctp.ts'
import { bytes, drain, expect, block, server, service, vip, type Case, type Step } from '../case.ts'
import { changes, check, ends, expires, flowsAre, forwards, liveFlows, punts, wait } from '../steps.ts'
import { timeouts } from '../bed.ts'
import {
  answers,
  c,
  down,
  flow,
  handshake,
  is,
  later,
  otherClient,
  otherServer,
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

// ---- restart -------------------------------------------------------------------------------------------------------

const restart = (from = s): readonly Step[] => [
  forwards(up(0, chunks.init(later.client)), c, from),
  forwards(sctp(from, c, later.client, chunks.initAck(later.endpoint)), v, c),
  forwards(up(later.endpoint, chunks.cookieEcho()), c, from),
  forwards(sctp(from, c, later.client, chunks.cookieAck()), v, c),
]

const restartCases: readonly Case[] = [
  {
    name: 'a restart keeps its endpoint, and the old tags end with its cookie (C.10)',
    setup: { services: [two] },
    steps: [
      ...handshake,
      ...restart(),
      is('established'),
      says(later.endpoint, chunks.data(bytes(4))),
      answers(later.client, chunks.sack()),
      ends(up(tags.endpoint, chunks.data(bytes(4))), 'drop_sctp_tag'),
      ends(down(tags.client, chunks.sack()), 'drop_sctp_tag'),
      liveFlows(1),
    ],
  },
  {
    name: 'who only says INIT, or makes up its answer, does not disturb an association (C.10)',
    setup,
    steps: [
      ...handshake,
      says(0, chunks.init(wrongTag)),
      ...talk(),
      answers(wrongTag, chunks.initAck(later.endpoint)),
      ...talk(),
      ends(up(wrongTag, chunks.cookieEcho()), 'drop_sctp_tag'),
      ends(up(tags.client, chunks.cookieEcho()), 'drop_sctp_tag'),
      ends(down(later.client, chunks.initAck(wrongTag)), 'drop_sctp_tag'),
      ...talk(),
      is('established'),
    ],
  },
  {
    name: 'an INIT that was sent twice in a restart does not void the answer to the first (C.10)',
    setup,
    steps: [
      ...handshake,
      ...restart().slice(0, 2),
      ...restart().slice(0, 1),
      answers(later.client, chunks.initAck(later.endpoint + 1)),
      ...restart().slice(2),
      says(later.endpoint, chunks.data(bytes(4))),
    ],
  },
  ...(
    [
      ['is drained', drain(two, 0)],
      ['is blocked', block(two, 0)],
    ] as const
  ).map(([what, change]): Case => ({
    name: `a restart goes to another endpoint when its own ${what}, and the old tags end at once (C.10)`,
    setup: { services: [two] },
    steps: [
      ...handshake,
      changes(change),
      ...restart(s2),
      ends(up(tags.endpoint, chunks.data(bytes(4))), 'drop_sctp_tag'),
      liveFlows(1),
      is('established'),
    ],
  })),
  {
    name: 'a restart while the association shuts down opens it again (C.10)',
    setup,
    steps: [
      ...handshake,
      says(tags.endpoint, chunks.shutdown()),
      ...restart().slice(0, 2),
      is('closing'),
      ...restart().slice(2),
      is('established'),
    ],
  },
]

// ---- out of the blue -----------------------------------------------------------------------------------------------

const policy = (outOfTheBlue: 'drop' | 'hash' | 'abort') => ({
  services: [service({ protocol: 'sctp', port: 38_412, endpoints: [s], outOfTheBlue })],
})
/** What nobody answers, whatever the policy. */
const unanswered: readonly Step[] = [
  chunks.abort(),
  chunks.abort(true),
  chunks.shutdownComplete(true),
  chunks.cookieAck(),
  chunks.initAck(1),
].map((each) => ends(up(tags.endpoint, each), 'drop_no_flow'))

const blueCases: readonly Case[] = [
  {
    name: 'packets out of the blue are dropped where the service says so (C.9)',
    setup: policy('drop'),
    steps: [
      ends(up(tags.endpoint, chunks.heartbeat()), 'drop_no_flow'),
      ends(up(tags.endpoint, chunks.data(bytes(4))), 'drop_no_flow'),
      ends(up(0, chunks.data(bytes(4))), 'drop_sctp_tag'),
      ...unanswered,
      flowsAre({}),
    ],
  },
  {
    name: 'packets out of the blue are given to user space where the service answers ABORT (C.9)',
    setup: policy('abort'),
    steps: [
      punts(up(tags.endpoint, chunks.heartbeat()), 'sctp_abort'),
      punts(up(tags.endpoint, chunks.data(bytes(4)), chunks.sack()), 'sctp_abort'),
      punts(up(tags.endpoint, chunks.shutdownAck()), 'sctp_abort'),
      ends(up(0, chunks.data(bytes(4))), 'drop_sctp_tag'),
      ...unanswered,
      flowsAre({}),
    ],
  },
  {
    name: 'packets out of the blue make their flow again where the endpoint is a matter of hashing (C.9, C.16)',
    setup: policy('hash'),
    steps: [
      ...unanswered,
      says(tags.endpoint, chunks.data(bytes(4))),
      is('syn_sent'),
      ends(down(0, chunks.sack()), 'drop_sctp_tag'),
      answers(tags.client, chunks.sack()),
      is('established'),
      ...talk(),
      ends(down(wrongTag, chunks.sack()), 'drop_sctp_tag'),
      ends(up(wrongTag, chunks.data(bytes(4))), 'drop_sctp_tag'),
      forwards(sctp(otherClient, v, tags.endpoint, chunks.heartbeat()), otherClient, s),
    ],
  },
  {
    name: 'a flow made again may be corrected until the endpoint has answered (C.16)',
    setup: policy('hash'),
    steps: [
      says(wrongTag, chunks.data(bytes(4))),
      says(tags.endpoint, chunks.data(bytes(4))),
      answers(tags.client, chunks.sack()),
      ends(up(wrongTag, chunks.data(bytes(4))), 'drop_sctp_tag'),
      ...talk(),
    ],
  },
  {
    name: 'a flow made again for nothing ends with the ABORT of the endpoint (C.16)',
    setup: policy('hash'),
    steps: [
      says(tags.endpoint, chunks.data(bytes(4))),
      answers(tags.endpoint, chunks.abort(true)),
      is('closed'),
      wait(timeouts.closed),
      expires(1, 'queue'),
    ],
  },
]

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

export const sctpPathCases: readonly Case[] = [...restartCases, ...blueCases, ...pathCases, ...directCases, ...gsoCases]
