// Cases: what stands in SCTP packets. Chunks, parameters and cookies that are the endpoints' own business pass as they
// are, and a checksum stays as right or wrong as it was. `C.n` in a name: see sctp.ts.

import { buildSctp, chunk, chunks, chunkTypes, parameter, parameterTypes } from '../../../src/testing/packets/sctp.ts'
import { bytes, client, server, service, udp, vip, type Case } from '../case.ts'
import { ends, flowsAre, forwards, liveFlows } from '../steps.ts'
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
  otherClient,
  s,
  says,
  setup,
  signals,
  talk,
  two,
  up,
  v,
  withError,
  wrongTag,
} from '../sctp-words.ts'
import { sctp, tags } from '../talks.ts'

// ---- what passes as it is ------------------------------------------------------------------------------------------

/** Chunks of which the fast path only looks at the header (C.14), ones of no kind that it knows among them. */
const transparent: readonly Uint8Array[] = [
  chunks.data(bytes(1001)),
  chunks.sack(),
  chunks.heartbeat(),
  chunks.heartbeatAck(),
  chunk(12, 0, bytes(4)),
  chunk(13, 0, bytes(4)),
  chunk(chunkTypes.auth, 0, bytes(24)),
  chunk(chunkTypes.iData, 3, bytes(33)),
  chunk(chunkTypes.reConfig, 0, parameter(13, bytes(12))),
  chunk(chunkTypes.forwardTsn, 0, bytes(4)),
  chunk(chunkTypes.asconf, 0, bytes(20)),
  chunk(0x3f, 1, bytes(5)),
  chunk(0xff, 1, bytes(6)),
]

/** Parameters that RFC 9260 has taken back, or that extensions use: only endpoints know them. */
const extension = { hostName: 11, addAddress: 0xc001, disableRestart: 0xc007, tags: 0xc008, asconfAck: 0x80 } as const
/** The M bit: a translator on the way says it, not the peer. */
const middlebox = 2
const collisions = [0x00b0, 0x00b1, 0x00b2].map((cause) => parameter(cause, bytes(4)))

const passing: readonly Case[] = [
  {
    name: 'HEARTBEAT and the chunks of extensions pass as they are, alone and together (C.7, C.14)',
    setup,
    steps: [
      ...handshake,
      ...transparent.map((each) => says(tags.endpoint, each)),
      ...transparent.map((each) => answers(tags.client, each)),
      says(tags.endpoint, ...transparent.slice(1)),
      is('established'),
    ],
  },
  {
    name: 'a host name in an INIT passes as it is, and the endpoint refuses it (C.5)',
    setup,
    steps: [
      says(0, chunks.init(tags.client, parameter(extension.hostName, bytes(17)))),
      answers(tags.client, chunk(chunkTypes.abort, 0, parameter(5, parameter(extension.hostName, bytes(17))))),
      is('closed'),
    ],
  },
  {
    name: 'a cookie of any length passes as it is, with data behind it (C.6)',
    setup,
    steps: [
      init,
      initAck,
      ...[0, 1, 2, 3, 61, 500, 1300].flatMap((count) => [
        says(tags.endpoint, chunk(chunkTypes.cookieEcho, 0, bytes(count))),
        says(tags.endpoint, chunk(chunkTypes.cookieEcho, 0, bytes(count)), chunks.data(bytes(33))),
      ]),
      cookieAck,
      is('established'),
    ],
  },
  {
    name: 'a client that adds an address by ASCONF is known there by its tag, and nothing is rewritten (C.11)',
    setup: { services: [two] },
    steps: [
      ...handshake,
      says(tags.endpoint, chunk(chunkTypes.asconf, 0, parameter(extension.addAddress, bytes(12)))),
      answers(tags.client, chunk(extension.asconfAck, 0, bytes(4))),
      forwards(sctp(otherClient, v, tags.endpoint, chunks.data(bytes(8))), otherClient, s),
      forwards(sctp(s, otherClient, tags.client, chunks.sack()), v, otherClient),
      ...talk(),
    ],
  },
  {
    name: 'what peers and translators say to each other passes, and only their ABORT counts (C.12)',
    setup,
    steps: [
      says(0, chunks.init(tags.client, parameter(extension.disableRestart, bytes(0)))),
      initAck,
      cookieEcho,
      cookieAck,
      says(tags.endpoint, chunk(chunkTypes.asconf, 0, parameter(extension.tags, bytes(12)))),
      ...collisions.map((cause) => says(tags.endpoint, chunk(chunkTypes.error, middlebox, cause))),
      ...collisions.map((cause) => answers(tags.client, chunk(chunkTypes.error, middlebox, cause))),
      is('established'),
      ...collisions.map((cause) => ends(up(wrongTag, chunk(chunkTypes.abort, middlebox, cause)), 'drop_sctp_tag')),
      is('established'),
      ...collisions.slice(0, 1).map((cause) => says(tags.endpoint, chunk(chunkTypes.abort, middlebox, cause))),
      is('closed'),
    ],
  },
  {
    name: 'an association inside UDP is a flow of UDP, and nothing inside it counts (C.15)',
    setup: { services: [service({ protocol: 'udp', port: 9899, endpoints: [`${server}:9898`] })] },
    steps: [
      ...[up(0, chunks.init(1)), up(wrongTag, chunks.abort()), withError(up(1, chunks.data(bytes(51))))].flatMap(
        (inside) => [
          forwards(
            udp(`${client}:9899`, `${vip}:9899`, { payload: buildSctp(inside) }),
            `${client}:9899`,
            `${server}:9898`,
          ),
          forwards(
            udp(`${server}:9898`, `${client}:9899`, { payload: buildSctp(inside) }),
            `${vip}:9899`,
            `${client}:9899`,
          ),
        ],
      ),
      flowsAre({ [`${client}:9899 -> ${vip}:9899`]: 'replied' }),
      // The client's port changes on its way, as RFC 6951 expects it: another flow.
      forwards(
        udp(`${client}:4000`, `${vip}:9899`, { payload: buildSctp(up(1, chunks.sack())) }),
        `${client}:4000`,
        `${server}:9898`,
      ),
      liveFlows(2),
    ],
  },
  {
    name: 'nothing for a service reaches the kernel, which would answer that it does not know SCTP (C.18)',
    setup,
    steps: [
      ends(up(wrongTag, chunks.data(bytes(4))), 'drop_no_flow'),
      ends(up(wrongTag, chunks.heartbeat()), 'drop_no_flow'),
      ends(up(wrongTag), 'drop_sctp_chunk'),
      ends(withError(up(0, chunks.init(tags.client))), 'drop_bad_checksum'),
      ...signals.map((signal) => ends(up(wrongTag, signal), 'drop_no_flow')),
      ...handshake,
      says(tags.endpoint, chunks.abort()),
      ends(up(wrongTag, chunks.data(bytes(4))), 'drop_sctp_tag'),
      says(tags.endpoint, chunks.data(bytes(4))),
    ],
  },
]

// ---- the checksum --------------------------------------------------------------------------------------------------

const crcCases: readonly Case[] = [
  {
    name: 'signalling with a wrong CRC32c is dropped and changes nothing (C.1)',
    setup,
    steps: [
      ends(withError(up(0, chunks.init(tags.client))), 'drop_bad_checksum'),
      flowsAre({}),
      init,
      ends(withError(down(tags.client, chunks.initAck(later.endpoint))), 'drop_bad_checksum'),
      initAck,
      ...handshake.slice(2),
      ...signals.map((signal) => ends(withError(up(tags.endpoint, signal)), 'drop_bad_checksum')),
      ends(withError(up(0, chunks.init(later.client))), 'drop_bad_checksum'),
      ends(withError(up(tags.endpoint, chunks.data(bytes(1000)), chunks.shutdown())), 'drop_bad_checksum'),
      is('established'),
    ],
  },
  {
    name: 'data with a wrong CRC32c stays wrong by the same error, and is the receiver to drop (C.1)',
    setup,
    steps: [
      ...handshake,
      says(tags.endpoint, chunks.data(bytes(40))),
      forwards(withError(up(tags.endpoint, chunks.data(bytes(40)))), c, s),
      forwards(withError(down(tags.client, chunks.data(bytes(1201)), chunks.sack())), v, c),
    ],
  },
  {
    name: 'the CRC32c of packets of any length is patched, and that of signalling of any length checked (C.1)',
    setup,
    steps: [
      ...handshake,
      ...[0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 500, 1400].flatMap((count) => [
        says(tags.endpoint, chunks.data(bytes(count))),
        says(tags.endpoint, chunks.data(bytes(count)), chunks.shutdown()),
        ends(withError(up(tags.endpoint, chunks.data(bytes(count)), chunks.shutdown())), 'drop_bad_checksum'),
      ]),
    ],
  },
  {
    name: 'an INIT with many parameters passes as it is (C.4)',
    setup,
    steps: [
      says(
        0,
        chunks.init(
          tags.client,
          parameter(parameterTypes.ipv4, bytes(4)),
          parameter(parameterTypes.ipv6, bytes(16)),
          parameter(0x8008, bytes(7)),
          parameter(parameterTypes.supportedAddresses, bytes(4)),
        ),
      ),
      initAck,
    ],
  },
]

export const sctpContentCases: readonly Case[] = [...passing, ...crcCases]
