// Cases: SCTP in the fast path: tags learnt and looked at, states, restarts, packets out of the blue, other paths, the
// checksum. Conversations in every mode and pair of families stand in matrix.ts. Written with the data path's SCTP
// steps; `C.n` in a name is an item of the checklist for SCTP balancers that the product is measured by.

import { chunk, chunks, chunkTypes } from '../../../src/testing/packets/sctp.ts'
import { bytes, client, type Case } from '../case.ts'
import { ends, expires, flowsAre, forwards, liveFlows, wait } from '../steps.ts'
import { timeouts } from '../bed.ts'
import {
  answers,
  c,
  cookieAck,
  cookieEcho,
  down,
  handshake,
  init,
  initAck,
  is,
  later,
  one,
  otherClient,
  otherServer,
  s,
  says,
  setup,
  signals,
  talk,
  two,
  up,
  v,
  wrongTag,
} from '../sctp-words.ts'
import { sctp, tags } from '../talks.ts'
import { sctpContentCases } from './sctp-contents.ts'

// ---- opening and closing -------------------------------------------------------------------------------------------

const opening: readonly Case[] = [
  {
    name: 'an INIT that is not alone, that has a tag, that is cut off or that offers tag 0 is dropped (C.2)',
    setup,
    steps: [
      ends(up(0, chunks.init(tags.client), chunks.data(bytes(8))), 'drop_sctp_chunk'),
      ends(up(0, chunks.cookieAck(), chunks.init(tags.client)), 'drop_sctp_chunk'),
      ends(up(tags.client, chunks.init(tags.client)), 'drop_sctp_chunk'),
      ends(up(0, chunk(chunkTypes.init, 0, bytes(12))), 'drop_sctp_chunk'),
      ends(up(0, chunks.init(0)), 'drop_sctp_chunk'),
      flowsAre({}),
      liveFlows(0),
    ],
  },
  {
    name: 'an INIT that is sent again keeps its endpoint, also with another tag (C.2)',
    setup: { services: [two] },
    steps: [
      init,
      init,
      says(0, chunks.init(later.client)),
      answers(later.client, chunks.initAck(later.endpoint)),
      is('syn_received'),
      says(later.endpoint, chunks.cookieEcho()),
      answers(later.client, chunks.cookieAck()),
      ...talk(later),
      is('established'),
      liveFlows(1),
    ],
  },
  {
    name: 'an INIT that is sent again keeps its endpoint for longer than a cookie lives (C.2)',
    setup: { services: [two] },
    steps: [
      ...Array.from({ length: 5 }, () => [init, wait(timeouts.syn_sent - 1), expires(0)]).flat(),
      init,
      initAck,
      ...Array.from({ length: 3 }, () => [cookieEcho, wait(timeouts.syn_received - 1), expires(0)]).flat(),
      cookieEcho,
      cookieAck,
      liveFlows(1),
    ],
  },
  {
    name: 'an INIT that is answered twice, with another tag each, may be taken up by either',
    setup,
    steps: [
      init,
      initAck,
      init,
      answers(tags.client, chunks.initAck(later.endpoint)),
      answers(tags.client, chunks.initAck(later.endpoint + 1)),
      ends(up(wrongTag, chunks.cookieEcho()), 'drop_sctp_tag'),
      says(later.endpoint, chunks.cookieEcho()),
      cookieAck,
      is('established'),
      says(later.endpoint, chunks.data(bytes(4))),
      ends(up(tags.endpoint, chunks.data(bytes(4))), 'drop_sctp_tag'),
    ],
  },
  {
    name: 'an association whose client never shows its cookie expires',
    setup,
    steps: [init, initAck, is('syn_received'), wait(timeouts.syn_received - 1), expires(0), wait(1), expires(1)],
  },
  {
    name: 'an INIT that the endpoint refuses closes the flow, and may be tried again',
    setup,
    steps: [
      init,
      answers(tags.client, chunks.abort()),
      is('closed'),
      says(0, chunks.init(later.client)),
      is('syn_sent'),
      answers(later.client, chunks.initAck(tags.endpoint)),
      cookieEcho,
      answers(later.client, chunks.cookieAck()),
      is('established'),
      liveFlows(1),
    ],
  },
  {
    name: 'a SHUTDOWN of the endpoint closes the association in three steps, and its tags are forgotten (C.8)',
    setup,
    steps: [
      ...handshake,
      answers(tags.client, chunks.shutdown()),
      is('closing'),
      says(tags.endpoint, chunks.shutdownAck()),
      is('closing'),
      answers(tags.client, chunks.shutdownComplete()),
      is('closed'),
      wait(timeouts.closed),
      expires(1, 'queue'),
      flowsAre({}),
      ends(sctp(otherClient, v, tags.endpoint, chunks.heartbeat()), 'drop_no_flow'),
      ends(sctp(otherServer, c, tags.client, chunks.heartbeat()), 'pass_not_service', { device: 'slow' }),
    ],
  },
  {
    name: 'SHUTDOWN COMPLETE in an association that does not shut down changes nothing (C.8)',
    setup,
    steps: [...handshake, says(tags.endpoint, chunks.shutdownComplete()), is('established')],
  },
  {
    name: 'ERROR never ends an association, and does not establish one (C.8)',
    setup,
    steps: [
      init,
      initAck,
      cookieEcho,
      answers(tags.client, chunks.error(3)),
      is('syn_received'),
      cookieAck,
      answers(tags.client, chunks.error()),
      says(tags.endpoint, chunks.error(), chunks.cookieEcho()),
      is('established'),
      ...talk(),
    ],
  },
  {
    name: 'an INIT flood has the limit of embryonic flows, and established associations do not count',
    setup: { services: [{ ...one, embryonicLimit: 1 }] },
    steps: [
      init,
      ends(sctp(`${client}:1`, v, 0, chunks.init(1)), 'drop_embryonic'),
      initAck,
      cookieEcho,
      ends(sctp(`${client}:1`, v, 0, chunks.init(1)), 'drop_embryonic'),
      cookieAck,
      forwards(sctp(`${client}:1`, v, 0, chunks.init(1)), `${client}:1`, s),
    ],
  },
]

// ---- tags and chunks -----------------------------------------------------------------------------------------------

const tagCases: readonly Case[] = [
  {
    name: 'tags are those of INIT and INIT ACK, and packets with others are dropped (C.3)',
    setup,
    steps: [
      init,
      ends(down(wrongTag, chunks.initAck(tags.endpoint)), 'drop_sctp_tag'),
      ends(up(tags.endpoint, chunks.cookieEcho()), 'drop_sctp_tag'),
      is('syn_sent'),
      initAck,
      ends(up(wrongTag, chunks.cookieEcho()), 'drop_sctp_tag'),
      cookieEcho,
      ends(down(wrongTag, chunks.cookieAck()), 'drop_sctp_tag'),
      is('syn_received'),
      cookieAck,
      ...[0, wrongTag, tags.client].map((tag) => ends(up(tag, chunks.data(bytes(40))), 'drop_sctp_tag')),
      ...[0, wrongTag, tags.endpoint].map((tag) => ends(down(tag, chunks.sack()), 'drop_sctp_tag')),
      ...signals.map((signal) => ends(up(wrongTag, signal), 'drop_sctp_tag')),
      is('established'),
      ...talk(),
    ],
  },
  {
    name: 'the T bit is for the tag that the sender itself is called by, in ABORT and SHUTDOWN COMPLETE (C.8)',
    setup,
    steps: [
      ...handshake,
      ends(up(tags.endpoint, chunks.abort(true)), 'drop_sctp_tag'),
      ends(up(tags.client, chunks.abort()), 'drop_sctp_tag'),
      ends(down(tags.client, chunks.abort(true)), 'drop_sctp_tag'),
      says(tags.endpoint, chunks.shutdown()),
      ends(up(tags.endpoint, chunks.shutdownComplete(true)), 'drop_sctp_tag'),
      is('closing'),
      answers(tags.endpoint, chunks.shutdownComplete(true)),
      is('closed'),
      answers(tags.endpoint, chunks.abort(true)),
    ],
  },
  ...[false, true].map((reflected): Case => ({
    name: `an ABORT of either side ${reflected ? 'with the T bit' : 'without the T bit'} closes (C.8)`,
    setup,
    steps: [
      ...handshake,
      answers(reflected ? tags.endpoint : tags.client, chunks.abort(reflected)),
      is('closed'),
      wait(timeouts.closed),
      expires(1, 'queue'),
      ...handshake,
      says(reflected ? tags.client : tags.endpoint, chunks.abort(reflected)),
      is('closed'),
    ],
  })),
  {
    name: 'every chunk of a packet counts: what ends an association may stand behind data (C.13)',
    setup,
    steps: [
      init,
      initAck,
      says(tags.endpoint, chunks.cookieEcho(), chunks.data(bytes(30)), chunks.data(bytes(31), 2)),
      answers(tags.client, chunks.sack(), chunks.cookieAck(), chunks.data(bytes(3))),
      is('established'),
      says(tags.endpoint, chunks.data(bytes(1), 3), chunks.sack(), chunks.shutdown()),
      is('closing'),
      answers(tags.client, chunks.data(bytes(2)), chunks.error(), chunks.abort()),
      is('closed'),
    ],
  },
  {
    name: 'a row of more chunks than are looked at is no signalling, and passes',
    setup,
    steps: [
      ...handshake,
      says(tags.endpoint, ...Array.from({ length: 31 }, () => chunks.sack()), chunks.shutdown()),
      is('closing'),
      says(tags.endpoint, ...Array.from({ length: 32 }, () => chunks.sack()), chunks.abort()),
      is('closing'),
    ],
  },
  {
    name: 'chunks that are cut off or shorter than their header are dropped, in known associations too',
    setup,
    steps: [
      ends(up(tags.endpoint), 'drop_sctp_chunk'),
      ends(up(0, chunk(chunkTypes.init, 0, bytes(16), 200)), 'drop_sctp_chunk'),
      ...handshake,
      ends(up(tags.endpoint), 'drop_sctp_chunk'),
      ends(up(tags.endpoint, chunk(chunkTypes.data, 3, bytes(16), 3)), 'drop_sctp_chunk'),
      ends(up(tags.endpoint, chunk(chunkTypes.data, 3, bytes(16), 21)), 'drop_sctp_chunk'),
      ends(up(tags.endpoint, chunks.sack(), chunk(chunkTypes.data, 3, bytes(16), 0)), 'drop_sctp_chunk'),
      ends(down(tags.client, chunks.initAck(1), chunks.data(bytes(4))), 'drop_sctp_chunk'),
      ends(up(tags.endpoint, chunks.sack(), chunks.shutdownComplete()), 'drop_sctp_chunk'),
      is('established'),
    ],
  },
]

export const sctpCases: readonly Case[] = [...opening, ...tagCases, ...sctpContentCases]
