// Cases: PFCP that is not terminated (`mode: dnat`, `select: hint`). A session is where its establishment went, and the
// programs learn its SEID from what the endpoint answers. By hints alone: sessions.ts.

import { be16, be32, concat } from '../../../src/testing/packets/bytes.ts'
import { block, bytes, hosts, service, udp, type Case, type PacketStep } from '../case.ts'
import { at, upf1, upf2 } from '../n3-words.ts'
import { changes, ends, flowsAre, forwards, wait } from '../steps.ts'
import { timeouts } from '../bed.ts'
import { together } from '../together.ts'
import type { Family, Socket } from '../../../src/testing/packets/socket.ts'

const port = 8805
/** of the test bed */
const ticksPerSecond = 128

interface Message {
  readonly type: number
  /** undefined: about nodes */
  readonly seid?: bigint
  readonly sequence?: number
  readonly elements?: readonly Uint8Array[]
}

const be64 = (value: bigint): Uint8Array => concat(be32(Number(value >> 32n)), be32(Number(value & 0xffff_ffffn)))
const element = (type: number, value: Uint8Array): Uint8Array => concat(be16(type), be16(value.length), value)

function pfcp({ elements = [], seid, sequence = 1, type }: Message): Uint8Array {
  const body = concat(...elements)
  const about = seid === undefined ? new Uint8Array() : be64(seid)
  const rest = concat(about, be32(sequence * 256), body)
  return concat(Uint8Array.of(seid === undefined ? 0x20 : 0x21, type), be16(rest.length), rest)
}

const nodeId = element(60, Uint8Array.of(0, 10, 0, 2, 10))
const longName = element(60, concat(Uint8Array.of(2), bytes(255)))
const cause = (value: number): Uint8Array => element(19, Uint8Array.of(value))
const fSeid = (seid: bigint): Uint8Array =>
  element(57, concat(Uint8Array.of(2), be64(seid), Uint8Array.of(10, 0, 2, 10)))

const establish = (sequence: number): Uint8Array => pfcp({ type: 50, seid: 0n, sequence, elements: [nodeId] })
const established = (seid: bigint, ...elements: readonly Uint8Array[]): Uint8Array =>
  pfcp({ type: 51, seid: 0x26n, elements: elements.length > 0 ? elements : [nodeId, cause(1), fSeid(seid)] })
const modify = (seid: bigint): Uint8Array => pfcp({ type: 52, seid, sequence: 9 })
const erase = (seid: bigint): Uint8Array => pfcp({ type: 54, seid, sequence: 10 })

const reported = (seid: bigint): Uint8Array => pfcp({ type: 57, seid, sequence: 11, elements: [cause(1)] })

const endpoints = (family: Family): readonly [Socket, Socket] => [at(upf1[family], port), at(upf2[family], port)]
const [first, second] = endpoints(4)
const smf = at(hosts[4].client, port)
const other = at(hosts[4].farClient, port)
const vip = at(hosts[4].vip, port)

const n4 = (more: Partial<Parameters<typeof service>[0]> = {}, family: Family = 4): ReturnType<typeof service> =>
  service({
    protocol: 'udp',
    port,
    select: 'hint',
    miss: 'drop',
    vip: hosts[family].vip,
    endpoints: endpoints(family),
    ...more,
  })

const up = (payload: Uint8Array, to: Socket, from = smf): PacketStep => forwards(udp(from, vip, { payload }), from, to)
const down = (payload: Uint8Array, from: Socket, to = smf): PacketStep => forwards(udp(from, to, { payload }), vip, to)
const lost = (payload: Uint8Array): PacketStep => ends(udp(smf, vip, { payload }), 'drop_no_hint')

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
        forwards(udp(two, from, { payload: established(7n) }), there, from),
        forwards(udp(one, from, { payload: established(1n << 40n) }), there, from),
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
      down(established(1n, longName, cause(1), fSeid(1n)), second),
      down(established(2n, fSeid(2n), cause(2)), second),
      down(
        established(3n, nodeId, cause(1), ...Array.from({ length: 5 }, () => element(40, bytes(2))), fSeid(3n)),
        second,
      ),
      ...[1n, 2n, 3n].map((seid) => up(modify(seid), second)),
    ],
  },
  {
    name: 'pfcp: an answer in fragments teaches by its first one',
    hooks: ['tc'],
    setup: { services: [n4()] },
    steps: [
      ...[0, 1].map((index): PacketStep => ({
        ...down(established(1n, nodeId, cause(1), fSeid(1n), element(8, bytes(1200))), second),
        part: { sizes: [800, 452], index, identification: 3 },
      })),
      up(modify(1n), second),
    ],
  },
  {
    name: 'pfcp: an answer that refuses, lies or has no SEID passes and teaches nothing',
    setup: { services: [n4()] },
    steps: [
      down(established(1n, nodeId, cause(75), fSeid(1n)), second),
      down(established(1n, nodeId, cause(0), fSeid(1n)), second),
      down(established(1n, nodeId, cause(1)), second),
      down(established(1n, nodeId, fSeid(1n)), second),
      down(established(1n, cause(1), fSeid(1n).subarray(0, 10)), second),
      down(established(1n, element(60, bytes(600)), cause(1), fSeid(1n)), second),
      down(established(1n, cause(1), concat(be16(60), be16(0xffff)), fSeid(1n)), second),
      down(pfcp({ type: 53, seid: 1n, elements: [cause(1), fSeid(1n)] }), second),
      down(concat(Uint8Array.of(0x41), established(1n).subarray(1)), second),
      down(established(1n).subarray(0, 12), second),
      lost(modify(1n)),
    ],
  },
  {
    name: 'pfcp: a SEID that another endpoint has given already is refused by name, and its session stays',
    setup: { services: [n4()] },
    steps: [
      down(established(7n), second),
      ends(udp(first, smf, { payload: established(7n) }), 'drop_seid'),
      up(modify(7n), second),
      down(established(7n), second),
      up(modify(7n), second),
      changes(block(n4(), 1)),
      down(established(7n), first),
      up(modify(7n), first),
    ],
  },
  {
    name: 'pfcp: a deleted session is remembered for its retransmissions, and one that is asked for again for ever',
    setup: { services: [n4()] },
    steps: [
      down(established(7n), second),
      down(established(8n), second),
      down(established(9n), second),
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
      down(established(7n), second),
      wait(10 * ticksPerSecond - 1),
      up(modify(7n), second),
      wait(10 * ticksPerSecond - 1),
      up(modify(7n), second),
      wait(10 * ticksPerSecond),
      lost(modify(7n)),
      // Nobody has it any more, so another one may.
      down(established(7n), first),
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
