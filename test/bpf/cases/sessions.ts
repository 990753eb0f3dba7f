// Cases: packets that are told apart by a session key: GTP-U by TEID, PFCP by SEID, clients by address. Hints say
// where a session lives; without one the service says what happens. QUIC is in quic.ts.

import { parseSocket } from '../../../src/testing/packets.ts'
import { be32, concat } from '../../../src/testing/packets/bytes.ts'
import { gtpu, gtpuPort, gtpuTypes, pduSessionContainer } from '../../../src/testing/packets/gtpu.ts'
import { socketOf, type Family, type Socket } from '../../../src/testing/packets/socket.ts'
import { addressBytes } from '../../../src/wire/ip.ts'
import { block, bytes, hosts, service, tcp, udp, type Becomes, type Case, type ServiceOptions } from '../case.ts'
import { changes, ends, flowsAre, forwards, hints, punts, sends, wait } from '../steps.ts'
import { together } from '../together.ts'
import type { HintOptions } from '../bed.ts'
import type { Encapsulation, Mode, Service } from '../../../src/lb/model.ts'

const at = (address: string, port: number | string): Socket => socketOf(address, port)
const [upf1, upf2] = [
  { 4: hosts[4].server, 6: hosts[6].server },
  { 4: '10.0.2.11', 6: 'fd00:0:0:2::11' },
]
const gnb = { 4: at(hosts[4].client, 30_000), 6: at(hosts[6].client, 30_000) }
const n3 = { 4: at(hosts[4].vip, gtpuPort), 6: at(hosts[6].vip, gtpuPort) }
const teid = 0x89abcdef

function n3Service(options: ServiceOptions = {}, near: Family = 4, far: Family = near): Service {
  return service({
    protocol: 'udp',
    port: gtpuPort,
    select: 'n3',
    vip: hosts[near].vip,
    endpoints: [at(upf1[far], gtpuPort), at(upf2[far], gtpuPort)],
    ...options,
  })
}

const nameOf = (family: Family): string => `${socketOf(hosts[family].vip, gtpuPort)}/udp`

const hint = (endpoint: Socket | null, more: Partial<HintOptions> = {}, family: Family = 4): HintOptions => ({
  service: nameOf(family),
  kind: 'teid',
  key: be32(teid),
  endpoint,
  ...more,
})

const gPdu = (id = teid, more: Partial<Parameters<typeof gtpu>[0]> = {}): Uint8Array =>
  gtpu({ type: gtpuTypes.gPdu, teid: id, payload: bytes(60), ...more })

/** Uplink data of a tunnel, from a base station. */
const uplink = (payload: Uint8Array, family: Family = 4, from: Socket = gnb[family]): ReturnType<typeof udp> =>
  udp(from, n3[family], { payload })

interface Way {
  readonly near: Family
  readonly far: Family
  readonly mode: Mode
  readonly encapsulation: Encapsulation | null
}

const ways: readonly Way[] = (
  [
    [4, 4],
    [6, 6],
    [6, 4],
    [4, 6],
  ] as const
).flatMap(([near, far]) => [
  ...(['dnat', 'onearm', 'fullnat'] as const).map((mode): Way => ({ near, far, mode, encapsulation: null })),
  ...(['l2', 'ip', 'gue'] as const)
    .filter((kind) => kind !== 'l2' || near === far)
    .map((encapsulation): Way => ({ near, far, mode: 'dsr', encapsulation })),
])

/** What becomes of the tunnel's packet at an endpoint. */
function arrival({ near, far, mode, encapsulation }: Way, upf: Readonly<Record<Family, string>>): Becomes {
  if (encapsulation !== null) return { kind: encapsulation, to: upf[far] }
  const keeps = mode === 'dnat' && near === far
  const own = mode === 'fullnat' ? hosts[far].vip : hosts[far].egress
  return { kind: 'nat', from: keeps ? gnb[near] : at(own, parseSocket(gnb[near]).port), to: at(upf[far], gtpuPort) }
}

const everyWay: readonly Case[] = ways.map((way): Case => {
  const { near, far, mode, encapsulation } = way
  const how = encapsulation === null ? mode : `dsr ${encapsulation}`
  const secondary = mode === 'fullnat' && near !== far ? [hosts[far].vip] : []
  const balanced = n3Service({ mode, encapsulation, miss: 'drop', secondary }, near, far)
  const packet = uplink(gPdu(), near)
  const second = at(upf2[far], gtpuPort)
  const first = at(upf1[far], gtpuPort)
  return {
    name: `n3: hit, miss, expired, replaced and lost hints, IPv${near} to IPv${far}, ${how}`,
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

/** Two fragments. */
const long = uplink(gPdu(teid, { payload: bytes(1604) }))

const gtpCases: readonly Case[] = [
  {
    name: 'n3: without a hint all packets of a tunnel go to one endpoint, whoever sends them and whatever is in them',
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
    name: 'n3: the end marker of a tunnel follows its hint',
    setup: { services: [n3Service({ miss: 'drop' })], hints: [hint(at(upf2[4], gtpuPort))] },
    steps: [forwards(uplink(gtpu({ type: gtpuTypes.endMarker, teid })), gnb[4], at(upf2[4], gtpuPort))],
  },
  {
    name: 'n3: a tunnel without a hint goes to user space, where the service says so',
    setup: { services: [n3Service({ miss: 'punt' })] },
    steps: [
      punts(uplink(gPdu()), 'miss'),
      hints(hint(at(upf1[4], gtpuPort))),
      forwards(uplink(gPdu()), gnb[4], at(upf1[4], gtpuPort)),
    ],
  },
  {
    name: 'n3: a tunnel without a hint is dropped by name while user space is away',
    setup: { services: [n3Service({ miss: 'punt' })], slowPath: false },
    steps: [ends(uplink(gPdu()), 'drop_slowpath_absent')],
  },
  {
    name: 'n3: an identifier that a hint gives is written, and the checksum with it',
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
    name: 'n3: messages that have no tunnel go by their sender',
    setup: { services: [n3Service({ miss: 'hash' })] },
    steps: [
      together(
        sources.map((from) =>
          [1, 2, 3].map((sequence) => uplink(gtpu({ type: gtpuTypes.echoRequest, teid: 0, sequence }), 4, from)),
        ),
        1,
      ),
    ],
  },
  {
    name: 'n3: what is no GTP-U, or too short for it, is sent on by its sender and never dropped for want of a hint',
    setup: { services: [n3Service({ miss: 'drop' })] },
    steps: [
      together(
        [
          [
            uplink(bytes(0)),
            uplink(bytes(3)),
            uplink(bytes(11)),
            uplink(gPdu(teid, { version: 2 })),
            uplink(Uint8Array.of(0x10, 255, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0)),
          ],
        ],
        1,
      ),
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
  {
    name: 'n3: a later fragment has no tunnel to go by and is dropped by name; its first one is sent',
    setup: { services: [n3Service()], hints: [hint(at(upf2[4], gtpuPort))] },
    steps: [
      {
        ...forwards(long, gnb[4], at(upf2[4], gtpuPort)),
        verdict: { xdp: 'to_tc_fragment', tc: 'forward' },
        part: { sizes: [800, 820], index: 0, identification: 9 },
      },
      {
        ...ends(long, { xdp: 'to_tc_fragment', tc: 'drop_fragment' }),
        part: { sizes: [800, 820], index: 1, identification: 9 },
      },
    ],
  },
]

const n4Port = 8805
const pfcp = (seid: Uint8Array | null): Uint8Array =>
  concat(Uint8Array.of(0x20 | (seid === null ? 0 : 1), 52, 0, 20), seid ?? new Uint8Array(), bytes(12))
const seid = bytes(8)
const n4 = service({
  protocol: 'udp',
  port: n4Port,
  select: 'hint',
  miss: 'drop',
  endpoints: [at(upf1[4], n4Port), at(upf2[4], n4Port)],
})
const smf = at(hosts[4].client, n4Port)
const n4Vip = at(hosts[4].vip, n4Port)

const clientHints = service({ select: 'hint', miss: 'drop', endpoints: [at(upf1[4], 80), at(upf2[4], 80)] })
const clientKey = (family: Family, address: string): HintOptions => ({
  service: `${socketOf(hosts[family].vip, 80)}/tcp`,
  kind: 'client',
  key: addressBytes(address),
  endpoint: at(upf2[family], 80),
})

const hintCases: readonly Case[] = [
  {
    name: 'hint: PFCP goes by the SEID of its header, without flows',
    setup: {
      services: [n4],
      hints: [{ service: `${n4Vip}/udp`, kind: 'seid', key: seid, endpoint: at(upf2[4], n4Port) }],
    },
    steps: [
      forwards(udp(smf, n4Vip, { payload: pfcp(seid) }), smf, at(upf2[4], n4Port)),
      forwards(
        udp(at(hosts[4].client, 9), n4Vip, { payload: pfcp(seid) }),
        at(hosts[4].client, 9),
        at(upf2[4], n4Port),
      ),
      ends(udp(smf, n4Vip, { payload: pfcp(bytes(9).subarray(1)) }), 'drop_no_hint'),
      forwards(udp(at(upf2[4], n4Port), smf, { payload: pfcp(seid) }), n4Vip, smf),
      together([[udp(smf, n4Vip, { payload: pfcp(null) }), udp(smf, n4Vip, { payload: pfcp(null) })]], 1),
      flowsAre({}),
    ],
  },
  ...([4, 6] as const).map((family): Case => {
    const balanced = service({
      select: 'hint',
      miss: 'drop',
      vip: hosts[family].vip,
      endpoints: [at(upf1[family], 80), at(upf2[family], 80)],
    })
    const [from, to] = [at(hosts[family].client, 40_000), at(hosts[family].vip, 80)]
    const endpoint = at(upf2[family], 80)
    return {
      name: `hint: a client's address leads its connections to their endpoint, and flows keep it, IPv${family}`,
      setup: { services: [balanced], hints: [clientKey(family, hosts[family].client)] },
      steps: [
        forwards(tcp(from, to, 'S'), from, endpoint),
        forwards(tcp(endpoint, from, 'SA'), to, from),
        ends(tcp(at(hosts[family].farClient, 1), to, 'S'), 'drop_no_hint'),
        hints({ ...clientKey(family, hosts[family].client), endpoint: null }),
        forwards(tcp(from, to, 'A'), from, endpoint),
        ends(tcp(at(hosts[family].client, 2), to, 'S'), 'drop_no_hint'),
      ],
    }
  }),
  {
    name: 'hint: an expired one, and one whose endpoint is blocked, do not count for new flows',
    setup: { services: [clientHints], hints: [{ ...clientKey(4, hosts[4].client), lifetime: 500 }] },
    steps: [
      forwards(tcp(at(hosts[4].client, 1), at(hosts[4].vip, 80), 'S'), at(hosts[4].client, 1), at(upf2[4], 80)),
      wait(500),
      ends(tcp(at(hosts[4].client, 2), at(hosts[4].vip, 80), 'S'), 'drop_no_hint'),
      hints(clientKey(4, hosts[4].client)),
      changes(block(clientHints, 1)),
      ends(tcp(at(hosts[4].client, 3), at(hosts[4].vip, 80), 'S'), 'drop_no_hint'),
    ],
  },
  {
    name: 'hint: without one the client goes to user space, or where the hash says, as the service wants',
    setup: {
      services: [
        { ...clientHints, miss: 'punt' },
        { ...clientHints, miss: 'hash', port: 81, lastPort: 81, name: 'b' },
      ],
    },
    steps: [
      punts(tcp(at(hosts[4].client, 1), at(hosts[4].vip, 80), 'S'), 'miss'),
      together([[1, 2, 3].map((port) => tcp(at(hosts[4].client, port), at(hosts[4].vip, 81), 'S'))], 1),
    ],
  },
]

export const sessionCases: readonly Case[] = [...everyWay, ...gtpCases, ...hintCases]
