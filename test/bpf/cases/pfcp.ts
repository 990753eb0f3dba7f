// Cases: PFCP that is not terminated (`mode: dnat`, `select: hint`). A session is where its establishment went, and the
// programs learn its SEID from what the endpoint answers. Who may teach them, and how much: pfcp-trust.ts. By hints
// alone: sessions.ts.

import { be16, concat } from '../../../src/testing/packets/bytes.ts'
import { block, bytes, hosts, udp, type Case, type PacketStep } from '../case.ts'
import { at } from '../n3-words.ts'
import { changes, ends, flowsAre, forwards, wait } from '../steps.ts'
import { timeouts } from '../bed.ts'
import {
  asks,
  cause,
  down,
  element,
  endpoints,
  erase,
  establish,
  established,
  fSeid,
  first,
  gives,
  givesInVain,
  lost,
  makes,
  modify,
  n4,
  nodeId,
  other,
  pfcp,
  port,
  second,
  sequenceTo,
  smf,
  ticksPerSecond,
  up,
  vip,
} from '../pfcp-words.ts'
import { together } from '../together.ts'

const longName = element(60, concat(Uint8Array.of(2), bytes(255)))
const reported = (seid: bigint): Uint8Array => pfcp({ type: 57, seid, sequence: 11, elements: [cause(1)] })
const toSecond = sequenceTo(second)

const learning: readonly Case[] = [
  {
    name: 'pfcp: requests that make sessions are spread, and one that comes again meets the same endpoint',
    setup: { services: [n4()] },
    steps: [
      together(
        Array.from({ length: 24 }, (_, i) => [
          udp(smf, vip, { payload: establish(i + 1) }),
          udp(smf, vip, { payload: establish(i + 1) }),
          udp(at(hosts[4].client, 40_000), vip, { payload: establish(i + 1) }),
        ]),
        2,
      ),
      flowsAre({}),
    ],
  },
  ...([4, 6] as const).map((family): Case => {
    const [one, two] = endpoints(family)
    const [from, there] = [at(hosts[family].client, port), at(hosts[family].vip, port)]
    return {
      name: `pfcp: all messages of a SEID meet the endpoint that has given it, whoever sends them, IPv${family}`,
      setup: { services: [n4({}, family)] },
      steps: [
        ends(udp(from, there, { payload: modify(7n) }), 'drop_no_hint'),
        ...makes(7n, two, { client: from }),
        ...makes(1n << 40n, one, { client: from }),
        ...[from, at(hosts[family].farClient, 9)].flatMap((sender) => [
          forwards(udp(sender, there, { payload: modify(7n) }), sender, two),
          forwards(udp(sender, there, { payload: pfcp({ type: 57, seid: 7n }) }), sender, two),
          forwards(udp(sender, there, { payload: modify(1n << 40n) }), sender, one),
        ]),
        ends(udp(from, there, { payload: modify(8n) }), 'drop_no_hint'),
        flowsAre({}),
      ],
    }
  }),
  {
    name: 'pfcp: a SEID is found behind other elements, and where the acceptance is partial',
    setup: { services: [n4()] },
    steps: [
      ...[
        [longName, cause(1), fSeid(1n)],
        [fSeid(2n), cause(2)],
        [nodeId, cause(1), ...Array.from({ length: 5 }, () => element(40, bytes(2))), fSeid(3n)],
      ].flatMap((elements) => [asks(second), down(established(toSecond, ...elements), second)]),
      ...[1n, 2n, 3n].map((seid) => up(modify(seid), second)),
    ],
  },
  {
    name: 'pfcp: an answer in fragments teaches by its first one',
    hooks: ['tc'],
    setup: { services: [n4()] },
    steps: [
      asks(second),
      ...[0, 1].map((index): PacketStep => ({
        ...down(established(toSecond, nodeId, cause(1), fSeid(1n), element(8, bytes(1200))), second),
        part: { sizes: [800, 452], index, identification: 3 },
      })),
      up(modify(1n), second),
    ],
  },
  {
    name: 'pfcp: an answer that refuses, lies or has no SEID passes and teaches nothing',
    setup: { services: [n4()] },
    steps: [
      asks(second),
      down(established(toSecond, nodeId, cause(75), fSeid(1n)), second),
      down(established(toSecond, nodeId, cause(0), fSeid(1n)), second),
      down(established(toSecond, nodeId, cause(1)), second),
      down(established(toSecond, nodeId, fSeid(1n)), second),
      down(established(toSecond, cause(1), fSeid(1n).subarray(0, 10)), second),
      down(established(toSecond, element(60, bytes(600)), cause(1), fSeid(1n)), second),
      down(established(toSecond, cause(1), concat(be16(60), be16(0xffff)), fSeid(1n)), second),
      down(pfcp({ type: 53, seid: 1n, elements: [cause(1), fSeid(1n)] }), second),
      down(concat(Uint8Array.of(0x41), established(toSecond, cause(1), fSeid(1n)).subarray(1)), second),
      down(established(toSecond, cause(1), fSeid(1n)).subarray(0, 12), second),
      lost(modify(1n)),
    ],
  },
  {
    name: 'pfcp: a SEID that another endpoint has given already is refused by name, and its session stays',
    setup: { services: [n4()] },
    steps: [
      ...makes(7n, second),
      asks(first),
      givesInVain(7n, first, 'drop_seid_conflict'),
      up(modify(7n), second),
      gives(7n, second),
      up(modify(7n), second),
      changes(block(n4(), 1)),
      gives(7n, first),
      up(modify(7n), first),
    ],
  },
  {
    name: 'pfcp: a deleted session is remembered for its retransmissions, and one that is asked for again lives on',
    setup: { services: [n4()] },
    steps: [
      ...[7n, 8n, 9n].flatMap((seid) => makes(seid, second)),
      wait(1_000_000),
      up(erase(7n), second),
      up(erase(8n), second),
      up(erase(9n), second),
      // The answer to a report that the deletion has met on its way.
      up(reported(9n), second),
      wait(timeouts.unreplied - 1),
      up(erase(7n), second),
      up(modify(8n), second),
      wait(timeouts.unreplied),
      lost(erase(7n)),
      lost(reported(9n)),
      up(modify(8n), second),
    ],
  },
  {
    name: 'pfcp: with an idle timeout a session that nobody speaks of is forgotten',
    setup: { services: [n4({ idleTimeout: 10 })] },
    steps: [
      ...makes(7n, second),
      wait(10 * ticksPerSecond - 1),
      up(modify(7n), second),
      wait(10 * ticksPerSecond - 1),
      up(modify(7n), second),
      wait(10 * ticksPerSecond),
      lost(modify(7n)),
      // Nobody has it any more, so another one may.
      ...makes(7n, first),
      up(modify(7n), first),
    ],
  },
]

const answering: readonly Case[] = [
  {
    name: 'pfcp: answers without a SEID go back to the endpoint that has asked, and else by their sender',
    setup: { services: [n4()] },
    steps: [1, 5, 7, 9, 12, 14].flatMap((type) =>
      [first, second].flatMap((endpoint) => [
        down(pfcp({ type, elements: [nodeId] }), endpoint, other),
        up(pfcp({ type: type + 1, elements: [cause(1)] }), endpoint, other),
      ]),
    ),
  },
  {
    name: 'pfcp: so does the answer to a report about a session that the SMF does not know',
    setup: { services: [n4()] },
    steps: [first, second].flatMap((endpoint) => [
      down(pfcp({ type: 56, seid: 0x26n }), endpoint),
      up(pfcp({ type: 57, seid: 0n, elements: [cause(65)] }), endpoint),
      changes(block(n4(), 0)),
      up(pfcp({ type: 57, seid: 0n, elements: [cause(65)] }), second),
      changes({ kind: 'update', from: n4(), to: n4() }),
    ]),
  },
  {
    name: 'pfcp: messages about nodes of one SMF meet one endpoint, also what is no PFCP',
    setup: { services: [n4()] },
    steps: [
      together(
        [
          [
            ...[1, 3, 5, 7, 9, 14, 2, 6].map((type) => udp(smf, vip, { payload: pfcp({ type, sequence: type }) })),
            udp(smf, vip, { payload: concat(Uint8Array.of(0x41), modify(7n).subarray(1)) }),
            udp(smf, vip, { payload: modify(7n).subarray(0, 10) }),
            udp(smf, vip, { payload: bytes(3) }),
          ],
        ],
        1,
      ),
    ],
  },
  {
    name: 'pfcp: with `miss: hash` an unknown SEID meets an endpoint all the same, which says that it is unknown',
    setup: { services: [n4({ miss: 'hash' })] },
    steps: [
      together(
        Array.from({ length: 16 }, (_, i) => [1, 2].map(() => udp(smf, vip, { payload: modify(BigInt(i + 1)) }))),
        2,
      ),
    ],
  },
]

export const pfcpCases: readonly Case[] = [...learning, ...answering]
