// Cases: GTP-U messages that are not data, what is refused, what happens without a hint.

import { be16, concat } from '../../../src/testing/packets/bytes.ts'
import { gtpu, gtpuPort, gtpuTypes, pduSessionContainer } from '../../../src/testing/packets/gtpu.ts'
import { addressBytes } from '../../../src/wire/ip.ts'
import { buildPacket } from '../../../src/testing/packets.ts'
import { familyOf, type Family, type Socket } from '../../../src/testing/packets/socket.ts'
import { block, bytes, drain, hosts, udp, type Case, type PacketStep } from '../case.ts'
import { at, gPdu, gnb, hint, n3, n3Service, teid, uplink, upf1, upf2 } from '../n3-words.ts'
import { changes, ends, flowsAre, forwards, hints, punts, sends, wait } from '../steps.ts'

const first = at(upf1[4], gtpuPort)
const second = at(upf2[4], gtpuPort)
const far = at(hosts[4].farClient, 40_000)

const echo = (sequence: number | null, more: Partial<Parameters<typeof gtpu>[0]> = {}): Uint8Array =>
  gtpu({ type: gtpuTypes.echoRequest, teid: 0, ...(sequence === null ? {} : { sequence }), ...more })
/** TS 29.281, 7.2.2: the sequence number of the request, and Recovery with the value 0. */
const echoResponse = (sequence: number): Uint8Array =>
  concat(Uint8Array.of(0x32, 2, 0, 6, 0, 0, 0, 0), be16(sequence), Uint8Array.of(0, 0, 14, 0))

function answered(from: Socket, family: Family, request: Uint8Array, sequence: number, more = {}): PacketStep {
  const packet = { ...udp(n3[family], from, { payload: echoResponse(sequence) }), ttl: 64 }
  return sends({ ...udp(from, n3[family], { payload: request }), ...more }, { kind: 'answer', packet })
}

/** A private extension, of which nothing is known. */
const privateExtension = Uint8Array.of(255, 0, 6, 0, 1, 1, 2, 3, 4)

const echoCases: readonly Case[] = [
  ...([4, 6] as const).map((family): Case => ({
    name: `n3: an Echo Request is answered from the VIP while an endpoint takes new tunnels, IPv${family} (N3.5)`,
    setup: { services: [n3Service({ miss: 'drop' }, family)] },
    steps: [
      answered(gnb[family], family, echo(7), 7),
      answered(at(hosts[family].farClient, gtpuPort), family, echo(0xffff), 0xffff),
      answered(gnb[family], family, echo(null), 0),
      answered(gnb[family], family, echo(8, { payload: privateExtension }), 8),
      answered(gnb[family], family, echo(9), 9, { ttl: 2 }),
      ...(family === 4 ? [answered(gnb[4], 4, echo(10), 10, { noChecksum: true })] : []),
      changes(drain(n3Service({ miss: 'drop' }, family), 0)),
      answered(gnb[family], family, echo(11), 11),
      flowsAre({}),
    ],
  })),
  {
    name: 'n3: an Echo Request is not answered when no endpoint takes new tunnels, and counted by name (N3.5)',
    setup: { services: [n3Service({ endpoints: [first] })] },
    steps: [
      answered(gnb[4], 4, echo(1), 1),
      changes(block(n3Service({ endpoints: [first] }), 0)),
      ends(uplink(echo(2)), 'drop_no_endpoint'),
    ],
  },
  ...(['l2', 'ip', 'gue'] as const).map((encapsulation): Case => ({
    name: `n3: an Echo Request is answered from the VIP in mode dsr too, ${encapsulation} (N3.5)`,
    setup: { services: [n3Service({ mode: 'dsr', encapsulation })] },
    steps: [answered(gnb[4], 4, echo(7), 7)],
  })),
  {
    name: 'n3: an Echo Request with the next hop unknown to XDP is answered by TC (N3.5)',
    setup: { services: [n3Service()] },
    steps: [
      {
        ...answered(at('10.0.1.99', 2152), 4, echo(7), 7),
        verdict: { xdp: 'to_tc_neighbour', tc: 'forward' },
        ignoreMac: true,
      },
    ],
  },
  {
    name: 'n3: the answer to an Echo Request of an endpoint goes to that endpoint, and what nobody asked for to none',
    setup: { services: [n3Service()] },
    steps: [
      ends(uplink(echoResponse(1), 4, far), 'drop_gtp_message'),
      forwards(udp(second, far, { payload: echo(1) }), n3[4], far),
      forwards(uplink(echoResponse(1), 4, far), far, second),
      forwards(udp(first, far, { payload: echo(2) }), n3[4], far),
      forwards(uplink(echoResponse(2), 4, far), far, first),
      ends(uplink(echoResponse(1)), 'drop_gtp_message'),
    ],
  },
  {
    name: 'n3: the answer of an endpoint that somebody has asked past the VIP, as its probes do, stays as it is (N3.5)',
    setup: { services: [n3Service()] },
    steps: [
      ends(udp(first, far, { payload: echoResponse(1) }), 'pass_not_service'),
      forwards(udp(first, far, { payload: gtpu({ type: gtpuTypes.gPdu, teid: 5 }) }), n3[4], far),
    ],
  },
]

const errorIndication = (lost: number, peer: string): Uint8Array => {
  const address = addressBytes(peer).subarray(familyOf(peer) === 4 ? 12 : 0)
  const named = concat(Uint8Array.of(16), new Uint8Array(new Uint32Array([lost]).buffer).toReversed())
  const payload = concat(named, Uint8Array.of(133, 0, address.length), address)
  return gtpu({ type: gtpuTypes.errorIndication, teid: 0, sequence: 0, payload })
}

const pathCases: readonly Case[] = [
  {
    name: 'n3: an Error Indication goes to user space, from either side (N3.6)',
    setup: { services: [n3Service({ miss: 'drop' })] },
    steps: [
      punts(uplink(errorIndication(5, hosts[4].client)), 'gtpu_error'),
      punts(udp(first, gnb[4], { payload: errorIndication(5, upf1[4]) }), 'gtpu_error'),
    ],
  },
  {
    name: 'n3: an Error Indication is dropped by name while user space is away (N3.6)',
    setup: { services: [n3Service()], slowPath: false },
    steps: [ends(uplink(errorIndication(5, hosts[4].client)), 'drop_slowpath_absent')],
  },
  {
    name: 'n3: an Error Indication goes to one endpoint where user space cannot send, dsr l2 (N3.6)',
    setup: { services: [n3Service({ mode: 'dsr', encapsulation: 'l2', endpoints: [first] })] },
    steps: [sends(uplink(errorIndication(5, hosts[4].client)), { kind: 'l2', to: upf1[4] })],
  },
  {
    name: 'n3: Supported Extension Headers Notification ends here, and so does what is of no known type (N3.7)',
    setup: { services: [n3Service()] },
    steps: [
      ends(uplink(gtpu({ type: gtpuTypes.supportedExtensionHeaders, teid: 0, sequence: 0 })), 'drop_gtp_message'),
      ends(uplink(gtpu({ type: 3, teid: 0 })), 'drop_gtp_message'),
      ends(uplink(gtpu({ type: 252, teid })), 'drop_gtp_message'),
    ],
  },
  {
    name: 'n3: the end marker of a tunnel follows its hint, and so it does while the hint is leaving (N3.4)',
    setup: { services: [n3Service({ miss: 'drop' })], hints: [hint(second, { identifier: 77 })] },
    steps: [
      ...[gtpuTypes.endMarker, 253].map((type) =>
        sends(uplink(gtpu({ type, teid, extensions: [pduSessionContainer(9)] })), {
          kind: 'nat',
          from: gnb[4],
          to: second,
          payload: gtpu({ type, teid: 77, extensions: [pduSessionContainer(9)] }),
        }),
      ),
      hints(hint(second, { lifetime: 300 })),
      wait(299),
      forwards(uplink(gtpu({ type: gtpuTypes.endMarker, teid })), gnb[4], second),
      wait(1),
      ends(uplink(gtpu({ type: gtpuTypes.endMarker, teid })), 'drop_no_hint'),
    ],
  },
]

const missCases: readonly Case[] = [
  {
    name: 'n3: data of a tunnel without a hint goes to user space, where its sender is to be told (N3.2)',
    setup: { services: [n3Service({ miss: 'error' })] },
    steps: [
      punts(uplink(gPdu()), 'miss'),
      ends(uplink(gtpu({ type: gtpuTypes.endMarker, teid })), 'drop_no_hint'),
      ends(uplink(gPdu(0)), 'drop_no_hint'),
      hints(hint(first)),
      forwards(uplink(gPdu()), gnb[4], first),
    ],
  },
  {
    name: 'n3: data of a tunnel without a hint is dropped by name while user space is away',
    setup: { services: [n3Service({ miss: 'error' })], slowPath: false },
    steps: [ends(uplink(gPdu()), 'drop_slowpath_absent')],
  },
]

const refused = (name: string, verdict: PacketStep['verdict'], ...payloads: readonly Uint8Array[]): Case => ({
  name: `n3: ${name} is dropped by name, hint or not`,
  setup: { services: [n3Service()], hints: [hint(second)] },
  steps: [...payloads.map((payload) => ends(uplink(payload), verdict)), forwards(uplink(gPdu()), gnb[4], second)],
})

const extension = (content: Uint8Array): Uint8Array => {
  const whole = concat(Uint8Array.of(0, 0, 0, 0x85), content)
  return concat(Uint8Array.of(0x34, 255), be16(whole.length), Uint8Array.of(0x89, 0xab, 0xcd, 0xef), whole)
}
const inner = (to: string): Uint8Array =>
  buildPacket(udp(familyOf(to) === 4 ? '10.45.0.2:2152' : '[fd45::2]:2152', to, { payload: gPdu(1) }))

const refusals: readonly Case[] = [
  refused(
    'what is not version 1 of GTP-U (N3.14)',
    'drop_gtp_version',
    gPdu(teid, { version: 2 }),
    gPdu(teid, { version: 0 }),
    Uint8Array.of(0x20, 1, 0, 4, 0, 0, 0, 0),
    concat(Uint8Array.of(0x20), gPdu().subarray(1)),
    bytes(11),
  ),
  refused(
    'a GTP-U header that is cut off, or whose length lies, (N3.1)',
    'drop_gtp_header',
    bytes(0),
    bytes(3),
    gPdu().subarray(0, 7),
    gPdu(teid, { length: 61 }),
    gPdu(teid, { payload: bytes(3), sequence: 1, length: 3 }),
    Uint8Array.of(0x32, 1, 0, 0, 0, 0, 0, 0),
  ),
  refused(
    'a chain of extension headers that lies (N3.1)',
    'drop_gtp_header',
    extension(new Uint8Array()),
    extension(Uint8Array.of(0, 0, 0, 0)),
    extension(Uint8Array.of(2, 1, 2, 0)),
    extension(Uint8Array.of(255, 1, 2, 0)),
    extension(Uint8Array.of(1, 1, 2, 0x85)),
    extension(Uint8Array.from({ length: 36 }, (_, i) => [1, 16, 1, 0x85][i % 4]!)),
  ),
  refused(
    'a tunnel inside a tunnel',
    'drop_gtp_nested',
    gPdu(teid, { payload: inner('10.45.0.9:2152') }),
    gPdu(teid, { payload: inner('[fd45::9]:2152') }),
    gPdu(teid, { payload: inner('10.45.0.9:2152'), extensions: [pduSessionContainer(9), pduSessionContainer(1)] }),
  ),
  {
    name: 'n3: extension headers are passed with all their bytes, and so is what users send elsewhere (N3.1, N3.3)',
    setup: { services: [n3Service({ miss: 'drop' })], hints: [hint(second)] },
    steps: [
      gPdu(teid, { extensions: Array.from({ length: 8 }, () => pduSessionContainer(9)) }),
      gPdu(teid, { extensions: [{ type: 0x84, content: bytes(1018) }] }),
      gPdu(teid, { payload: inner('10.45.0.9:2153') }),
      gPdu(teid, { payload: inner('[fd45::9]:2153') }),
      gPdu(teid, { payload: new Uint8Array() }),
      gPdu(teid, { payload: bytes(4) }),
    ].map((payload) => forwards(uplink(payload), gnb[4], second)),
  },
]

export const n3MessageCases: readonly Case[] = [...echoCases, ...pathCases, ...missCases, ...refusals]
