// Cases: SCTP associations that begin anew, and packets of ones that nobody has seen begin. Their group is that of
// sctp-paths.ts.

import { chunks } from '../../../src/testing/packets/sctp.ts'
import { bytes, drain, block, service, type Case, type Step } from '../case.ts'
import { changes, ends, expires, flowsAre, forwards, liveFlows, punts, wait } from '../steps.ts'
import { timeouts } from '../bed.ts'
import {
  answers,
  down,
  handshake,
  is,
  later,
  otherClient,
  restart,
  s,
  s2,
  says,
  setup,
  talk,
  two,
  up,
  v,
  wrongTag,
} from '../sctp-words.ts'
import { sctp, tags } from '../talks.ts'

// ---- restart -------------------------------------------------------------------------------------------------------

const again: readonly Case[] = [
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

export const restartCases: readonly Case[] = [...again, ...blueCases]
