// Cases: hints count the packets of the user that they lead to an endpoint, and their bytes without the tunnel.

import { socketOf } from '../../../src/testing/packets/socket.ts'
import { gtpu, gtpuPort, gtpuTypes, pduSessionContainer } from '../../../src/testing/packets/gtpu.ts'
import { addressBytes } from '../../../src/wire/ip.ts'
import { bytes, hosts, service, tcp, udp, type Case, type PacketStep } from '../case.ts'
import { arrival, at, gPdu, gnb, hint, n3, n3Service, teid, uplink, upf1, upf2, ways } from '../n3-words.ts'
import { counted, ends, forwards, hints, sends, tooBig } from '../steps.ts'
import type { HintOptions } from '../bed.ts'
import type { Family } from '../../../src/testing/packets/socket.ts'

const second = at(upf2[4], gtpuPort)

const tunnels = ways.map((way): Case => {
  const { near, far, mode, encapsulation } = way
  const how = encapsulation === null ? mode : `dsr ${encapsulation}`
  const secondary = mode === 'fullnat' && near !== far ? [hosts[far].vip] : []
  const one = hint(at(upf2[far], gtpuPort), {}, near)
  const goes = arrival(way, upf2)
  return {
    name: `hints count data of a tunnel, without its headers, IPv${near} to IPv${far}, ${how}`,
    setup: { services: [n3Service({ mode, encapsulation, miss: 'drop', secondary }, near, far)], hints: [one] },
    steps: [
      counted(one, 0, 0),
      sends(uplink(gPdu(teid, { payload: bytes(60) }), near), goes),
      counted(one, 1, 60),
      sends(uplink(gPdu(teid, { payload: bytes(100), sequence: 7 }), near), goes),
      counted(one, 2, 160),
      sends(uplink(gPdu(teid, { payload: bytes(1000), extensions: [pduSessionContainer(9)] }), near), goes),
      counted(one, 3, 1160),
      // Nothing of a user is in an end marker, and what is not sent does not count.
      sends(uplink(gtpu({ type: gtpuTypes.endMarker, teid }), near), goes),
      ends({ ...uplink(gPdu(), near), ttl: 1 }, 'pass_ttl'),
      ends(uplink(gPdu(teid + 1), near), 'drop_no_hint'),
      counted(one, 3, 1160),
    ],
  }
})

const piece = (step: PacketStep, index: number): PacketStep => ({
  ...step,
  verdict: { xdp: 'to_tc_fragment', tc: 'forward' },
  part: { sizes: [800, 820], index, identification: 9 },
})

const otherTunnels: readonly Case[] = [
  {
    name: 'hints count what they rewrite too',
    setup: { services: [n3Service()], hints: [hint(second, { identifier: 0x01020304 })] },
    steps: [
      sends(uplink(gPdu()), { kind: 'nat', from: gnb[4], to: second, payload: gPdu(0x01020304) }),
      counted(hint(second), 1, 60),
    ],
  },
  {
    name: 'hints do not count a GSO packet that they cannot rewrite',
    hooks: ['tc'],
    setup: { services: [n3Service()], hints: [hint(second, { identifier: 0x01020304 })] },
    steps: [
      ends(uplink(gPdu(teid, { payload: bytes(1992) })), 'drop_gso', { segmentPayload: 1000, segments: 2 }),
      counted(hint(second), 0, 0),
    ],
  },
  {
    name: 'hints count a datagram in fragments once, with all its bytes',
    setup: { services: [n3Service()], hints: [hint(second)] },
    steps: [0, 1].flatMap((index) => [
      piece(forwards(uplink(gPdu(teid, { payload: bytes(1604) })), gnb[4], second), index),
      counted(hint(second), 1, 1604),
    ]),
  },
  {
    name: 'hints count what is too long for the next link not before it is sent',
    setup: { services: [n3Service()], hints: [hint(second)] },
    steps: [tooBig(uplink(gPdu(teid, { payload: bytes(1600) }))), counted(hint(second), 0, 0)],
  },
  {
    name: 'hints count each message of a GSO packet, of which the last one may be shorter',
    hooks: ['tc'],
    setup: { services: [n3Service()], hints: [hint(second)] },
    steps: [
      // Two messages one behind the other, of 1000 and 992 bytes, under one UDP header.
      forwards(
        udp(gnb[4], n3[4], { payload: Uint8Array.of(...gPdu(teid, { payload: bytes(992) }), ...bytes(992)) }),
        gnb[4],
        second,
        { segmentPayload: 1000, segments: 2 },
      ),
      counted(hint(second), 2, 1992 - 2 * 8),
    ],
  },
]

const users = { 4: '10.60.0.0/16', 6: '2001:db8:60::/48' } as const
const user = { 4: '10.60.1.2', 6: '2001:db8:60:1::2' } as const
const far = { 4: `${hosts[4].farClient}:443`, 6: `[${hosts[6].farClient}]:443` } as const

const ofUser = (family: Family): HintOptions => {
  const address = addressBytes(user[family])
  return {
    service: `${family === 4 ? '0.0.0.0' : '[::]'}:0/any@${users[family]}`,
    kind: 'ue_ip',
    key: family === 4 ? address : Uint8Array.of(...address.subarray(0, 8), 0, 0, 0, 0, 0, 0, 0, 0),
    endpoint: socketOf(upf1[4], 0),
  }
}

const downlinks = ([4, 6] as const).flatMap((family) =>
  (['l2', 'ip'] as const)
    .filter((encapsulation) => family === 4 || encapsulation === 'ip')
    .map((encapsulation): Case => {
      const headers = family === 4 ? 20 : 40
      const one = ofUser(family)
      const to = socketOf(user[family], 5000)
      const goes = { kind: encapsulation, to: upf1[4] } as const
      const balanced = service({
        vip: family === 4 ? '0.0.0.0' : '::',
        protocol: 'any',
        port: 0,
        lastPort: 0,
        mode: 'dsr',
        encapsulation,
        select: 'n6',
        miss: 'drop',
        users: [users[family]],
        endpoints: [{ address: upf1[4], port: 0 }],
      })
      return {
        name: `hints count what is sent to a user, whatever it is, IPv${family}, ${encapsulation}`,
        setup: { services: [balanced] },
        steps: [
          hints(one),
          sends(udp(far[family], to, { payload: bytes(100) }), goes),
          counted(one, 1, headers + 8 + 100),
          sends(tcp(far[family], to, 'SA'), goes),
          counted(one, 2, 2 * headers + 108 + 20),
          ends(udp(far[family], to, { ttl: 1 }), 'pass_ttl'),
          ...[1, 0].map((index) =>
            sends(udp(far[family], to, { payload: bytes(392) }), goes, {
              part: { sizes: [200, 200], index, identification: 7 },
            }),
          ),
          counted(one, 4, 4 * headers + 128 + 400 + (family === 6 ? 16 : 0)),
        ],
      }
    }),
)

export const hintCountCases: readonly Case[] = [...tunnels, ...otherTunnels, ...downlinks]
