// Cases: GTP-U by tunnel: hints, hashes, ways there and back. Messages about the path and refusals: n3-messages.ts.

import { gtpu, gtpuPort, gtpuTypes, pduSessionContainer } from '../../../src/testing/packets/gtpu.ts'
import { block, bytes, hosts, udp, type Case } from '../case.ts'
import { arrival, at, gPdu, gnb, hint, n3, n3Service, teid, uplink, upf1, upf2, ways } from '../n3-words.ts'
import { changes, ends, flowsAre, forwards, hints, sends, wait } from '../steps.ts'
import { together } from '../together.ts'

const everyWay: readonly Case[] = ways.map((way): Case => {
  const { near, far, mode, encapsulation } = way
  const how = encapsulation === null ? mode : `dsr ${encapsulation}`
  const secondary = mode === 'fullnat' && near !== far ? [hosts[far].vip] : []
  const balanced = n3Service({ mode, encapsulation, miss: 'drop', secondary }, near, far)
  const packet = uplink(gPdu(), near)
  const second = at(upf2[far], gtpuPort)
  const first = at(upf1[far], gtpuPort)
  return {
    name: `n3: hit, miss, expired, replaced and lost hints (N3.1, N3.2), IPv${near} to IPv${far}, ${how}`,
    setup: { services: [balanced] },
    steps: [
      ends(packet, 'drop_no_hint'),
      hints(hint(second, {}, near)),
      sends(packet, arrival(way, upf2)),
      sends(uplink(gPdu(teid, { extensions: [pduSessionContainer(9)] }), near), arrival(way, upf2)),
      ends(uplink(gPdu(teid + 1), near), 'drop_no_hint'),
      hints(hint(first, {}, near)),
      sends(packet, arrival(way, upf1)),
      hints(hint(second, { lifetime: 1000 }, near)),
      wait(999),
      sends(packet, arrival(way, upf2)),
      wait(1),
      ends(packet, 'drop_no_hint'),
      hints(hint(first, {}, near)),
      sends(packet, arrival(way, upf1)),
      changes(block(balanced, 0)),
      ends(packet, 'drop_no_hint'),
      hints(hint(second, {}, near)),
      sends(packet, arrival(way, upf2)),
      hints(hint(null, {}, near)),
      ends(packet, 'drop_no_hint'),
      flowsAre({}),
    ],
  }
})

const sources = [gnb[4], at(hosts[4].client, 1), at('10.0.1.77', 2152), at(hosts[4].farClient, 30_000)]

const gtpCases: readonly Case[] = [
  {
    name: 'n3: without a hint all packets of a tunnel go to one endpoint, whoever sends and whatever is in them (N3.3)',
    setup: { services: [n3Service()] },
    steps: [
      together(
        Array.from({ length: 16 }, (_, i) => [
          ...sources.map((from) => uplink(gPdu(teid + i * 77), 4, from)),
          uplink(gPdu(teid + i * 77, { sequence: 5 })),
          uplink(gPdu(teid + i * 77, { extensions: [pduSessionContainer(1), { type: 0x40, content: bytes(2) }] })),
          uplink(gtpu({ type: gtpuTypes.endMarker, teid: teid + i * 77 })),
        ]),
        2,
      ),
      flowsAre({}),
    ],
  },
  {
    name: 'n3: an identifier that a hint gives is written, and the checksum with it (N3.9)',
    setup: { services: [n3Service()], hints: [hint(at(upf2[4], gtpuPort), { identifier: 0x01020304 })] },
    steps: [
      sends(uplink(gPdu()), {
        kind: 'nat',
        from: gnb[4],
        to: at(upf2[4], gtpuPort),
        payload: gPdu(0x01020304),
      }),
      sends(udp(gnb[4], n3[4], { payload: gPdu(), noChecksum: true }), {
        kind: 'nat',
        from: gnb[4],
        to: at(upf2[4], gtpuPort),
        payload: gPdu(0x01020304),
      }),
    ],
  },
  {
    name: 'n3: packets of the endpoints come from the VIP, to whoever they are for',
    setup: { services: [n3Service()] },
    steps: [
      ...[upf1[4], upf2[4]].flatMap((upf) =>
        [gnb[4], at(hosts[4].farClient, gtpuPort)].map((to) =>
          forwards(udp(at(upf, gtpuPort), to, { payload: gPdu() }), n3[4], to),
        ),
      ),
      ends(udp(at('10.0.2.12', gtpuPort), gnb[4], { payload: gPdu() }), 'pass_not_service'),
      flowsAre({}),
    ],
  },
  {
    name: 'n3: TTL, sources and endpoints are looked at as for any other service',
    setup: {
      services: [n3Service({ allowedSources: ['10.0.1.0/24'] }), n3Service({ vip: '192.0.2.9', endpoints: [] })],
    },
    steps: [
      ends({ ...uplink(gPdu()), ttl: 1 }, 'pass_ttl'),
      ends(uplink(gPdu(), 4, at(hosts[4].farClient, 1)), 'drop_source'),
      ends({ ...uplink(gPdu()), from: '127.0.0.1:1' }, 'drop_martian'),
      ends({ ...uplink(gPdu()), ipChecksumError: 5 }, 'drop_bad_checksum'),
      ends({ ...uplink(gPdu()), to: at('192.0.2.9', gtpuPort) }, 'drop_no_endpoint'),
    ],
  },
  {
    name: 'n3: two services have hints of their own for the same tunnel',
    setup: {
      services: [n3Service({ miss: 'drop' }), n3Service({ vip: '192.0.2.9', miss: 'drop' })],
      hints: [hint(at(upf1[4], gtpuPort)), hint(at(upf2[4], gtpuPort), { service: `192.0.2.9:${gtpuPort}/udp` })],
    },
    steps: [
      forwards(uplink(gPdu()), gnb[4], at(upf1[4], gtpuPort)),
      forwards({ ...uplink(gPdu()), to: at('192.0.2.9', gtpuPort) }, gnb[4], at(upf2[4], gtpuPort)),
    ],
  },
]

export const n3Cases: readonly Case[] = [...everyWay, ...gtpCases]
