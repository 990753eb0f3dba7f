// Cases: datagrams in pieces. The first fragment has ports and teaches the rest; what comes out of order goes to user
// space; what overlaps or is too small to tell is dropped by name. XDP leaves all fragments to TC, which sees them in
// their order.

import { chunks } from '../../../src/testing/packets/sctp.ts'
import { socketOf, type Family, type Socket } from '../../../src/testing/packets/socket.ts'
import {
  bytes,
  echoReply,
  echoRequest,
  hosts,
  service,
  tcp,
  udp,
  type Case,
  type PacketStep,
  type Step,
} from '../case.ts'
import { ends, flowsAre, forwards, punts, sends, wait } from '../steps.ts'
import { sctp, tags } from '../talks.ts'
import type { Hook, Verdict } from '../../../src/datapath/layout.gen.ts'
import type { Mode } from '../../../src/lb/model.ts'
import type { Packet } from '../../../src/testing/packets.ts'

const second = 128
/** of the datagram's payload, its transport header counted */
const sizes = [1000, 1000, 23] as const
const payload = bytes(2023 - 8)

const places = (family: Family): { readonly c: Socket; readonly v: Socket; readonly s: Socket } => ({
  c: socketOf(hosts[family].client, 40_000),
  v: socketOf(hosts[family].vip, 80),
  s: socketOf(hosts[family].server, 8080),
})
const { c, v, s } = places(4)
const { c: c6, v: v6, s: s6 } = places(6)

/** XDP passes it on as it is, and TC does this. */
const byTc = (verdict: Verdict): Readonly<Record<Hook, Verdict>> => ({ xdp: 'to_tc_fragment', tc: verdict })

/** A step with one fragment of its packet. */
function piece(step: PacketStep, index: number, of: readonly number[] = sizes, identification = 0x5678): PacketStep {
  const verdict = typeof step.verdict === 'string' ? byTc(step.verdict) : step.verdict
  return { ...step, verdict, part: { sizes: of, index, identification } }
}

const pieces = (step: PacketStep, order: readonly number[] = [0, 1, 2]): readonly Step[] =>
  order.map((index) => piece(step, index))

interface Pair {
  readonly near: Family
  readonly far: Family
}

const pairs: readonly Pair[] = [
  { near: 4, far: 4 },
  { near: 6, far: 6 },
  { near: 6, far: 4 },
  { near: 4, far: 6 },
]

const inOrder = pairs.flatMap(({ near, far }) =>
  (['dnat', 'onearm', 'fullnat'] as const).map((mode: Mode): Case => {
    const { client, vip } = hosts[near]
    const endpoint = socketOf(hosts[far].server, 8080)
    const [from, to] = [socketOf(client, 40_000), socketOf(vip, 80)]
    const crosses = near !== far
    const own = mode === 'fullnat' ? hosts[far].vip : hosts[far].egress
    const seen = mode === 'dnat' && !crosses ? from : socketOf(own, '?port')
    const secondary = mode === 'fullnat' && crosses ? [hosts[far].vip] : []
    return {
      name: `a UDP datagram in three pieces keeps together both ways, IPv${near} to IPv${far}, ${mode}`,
      setup: { services: [service({ protocol: 'udp', mode, vip, secondary, endpoints: [endpoint] })] },
      steps: [
        ...pieces(forwards(udp(from, to, { payload }), seen, endpoint)),
        ...pieces(forwards(udp(endpoint, seen, { payload }), to, from)),
        ...[0, 1, 2].map((index) => piece(forwards(udp(from, to, { payload }), seen, endpoint), index, sizes, 0x9999)),
        flowsAre({ [`${from} -> ${to}`]: 'replied' }),
      ],
    }
  }),
)

const other = { services: [service(), service({ protocol: 'icmp' }), service({ protocol: 'udp' })] }
const other6 = {
  services: [
    service({ vip: hosts[6].vip }),
    service({ vip: hosts[6].vip, protocol: 'icmp' }),
    service({ vip: hosts[6].vip, protocol: 'udp' }),
  ],
}

function everyFamily(make: (family: Family) => Case): readonly Case[] {
  return ([4, 6] as const).map((family) => {
    const made = make(family)
    return { ...made, name: `${made.name}, IPv${family}` }
  })
}

const datagram = (family: Family, more: Partial<Packet> = {}): Packet => {
  const { c: from, v: to } = places(family)
  return udp(from, to, { payload, ...(more as Parameters<typeof udp>[2]) })
}

const sent = (family: Family, index: number, identification?: number): PacketStep => {
  const { c: from, s: endpoint } = places(family)
  return piece(forwards(datagram(family), from, endpoint), index, sizes, identification)
}

const early = (family: Family, index: number): PacketStep => piece(punts(datagram(family), 'fragment'), index)

const ended = (family: Family, index: number, verdict: Verdict, of: readonly number[] = sizes): PacketStep =>
  piece(ends(datagram(family), verdict), index, of)

const setupOf = (family: Family): Case['setup'] => (family === 4 ? other : other6)

/** The way back: what comes first there tells whose it is only by the endpoint's address. */
const fromEndpoints = ([4, 6] as const).map((family): Case => {
  const from = socketOf(hosts[family].client, 40_000)
  const to = socketOf(hosts[family].vip, 80)
  const endpoint = socketOf(hosts[family].server, 8080)
  const reply = udp(endpoint, from, { payload })
  return {
    name: `an endpoint's later fragment that comes first waits in user space too, IPv${family}`,
    setup: { services: [service({ protocol: 'udp', vip: hosts[family].vip })] },
    steps: [
      forwards(udp(from, to), from, endpoint),
      piece(punts(reply, 'fragment'), 1),
      piece(forwards(reply, to, from), 0),
      piece(punts(reply, 'fragment'), 2),
    ],
  }
})

export const fragmentCases: readonly Case[] = [
  ...inOrder,
  ...fromEndpoints,
  ...everyFamily((family) => {
    const { client, vip, server } = hosts[family]
    const id = socketOf(client, 77)
    return {
      name: 'an echo in three pieces keeps together both ways',
      setup: setupOf(family),
      steps: [
        ...pieces(forwards(echoRequest(id, vip, { payload }), id, server)),
        ...pieces(forwards(echoReply(server, id, { payload }), vip, id)),
      ],
    }
  }),
  ...everyFamily((family) => {
    const { c: from, v: to, s: endpoint } = places(family)
    const long = bytes(2023 - 20)
    return {
      name: 'a TCP segment in three pieces keeps together',
      setup: setupOf(family),
      steps: [
        forwards(tcp(from, to, 'S'), from, endpoint),
        forwards(tcp(endpoint, from, 'SA'), to, from),
        ...pieces(forwards(tcp(from, to, 'A', { payload: long }), from, endpoint)),
        ...pieces(forwards(tcp(endpoint, from, 'PA', { payload: long }), to, from)),
        flowsAre({ [`${from} -> ${to}`]: 'established' }),
      ],
    }
  }),
  ...everyFamily((family) => {
    const { client, vip, server } = hosts[family]
    const [from, to, endpoint] = [socketOf(client, 40_000), socketOf(vip, 80), socketOf(server, 80)]
    return {
      name: 'an SCTP packet in three pieces keeps together where its ports stay',
      setup: { services: [service({ protocol: 'sctp', vip, endpoints: [endpoint] })] },
      steps: [
        forwards(sctp(from, to, 0, chunks.init(tags.client)), from, endpoint),
        forwards(sctp(endpoint, from, tags.client, chunks.initAck(tags.endpoint)), to, from),
        forwards(sctp(from, to, tags.endpoint, chunks.cookieEcho()), from, endpoint),
        forwards(sctp(endpoint, from, tags.client, chunks.cookieAck()), to, from),
        ...pieces(forwards(sctp(from, to, tags.endpoint, chunks.data(bytes(2023 - 28))), from, endpoint)),
      ],
    }
  }),
  ...(['l2', 'ip', 'gue'] as const).map((kind): Case => ({
    name: `a datagram in three pieces goes to its endpoint, dsr ${kind}`,
    setup: { services: [service({ protocol: 'udp', mode: 'dsr', encapsulation: kind })] },
    steps: pieces(sends(datagram(4), { kind, to: hosts[4].server })),
  })),
  ...everyFamily((family) => ({
    name: 'a later fragment that comes first waits in user space, and so do those behind it',
    setup: setupOf(family),
    steps: [early(family, 1), early(family, 2), sent(family, 0), early(family, 1), early(family, 2)],
  })),
  ...everyFamily((family) => ({
    name: 'from the first gap on, fragments go to user space',
    setup: setupOf(family),
    steps: [sent(family, 0), early(family, 2), early(family, 1)],
  })),
  ...everyFamily((family) => ({
    name: 'fragments out of order are dropped by name while user space is away',
    setup: { ...setupOf(family), slowPath: false },
    steps: [ended(family, 1, 'drop_slowpath_absent'), sent(family, 0), ended(family, 2, 'drop_slowpath_absent')],
  })),
  ...everyFamily((family) => ({
    name: 'a fragment with bytes that have been seen is dropped by name, and the rest of its datagram with it',
    setup: setupOf(family),
    steps: [
      sent(family, 0),
      ended(family, 1, 'drop_fragment_overlap', [992, 1031]),
      ended(family, 1, 'drop_fragment'),
      ended(family, 2, 'drop_fragment'),
      sent(family, 0, 0x9999),
    ],
  })),
  ...everyFamily((family) => ({
    name: 'a fragment that comes twice is an overlap',
    setup: setupOf(family),
    steps: [
      sent(family, 0),
      sent(family, 1),
      ended(family, 1, 'drop_fragment_overlap'),
      ended(family, 2, 'drop_fragment'),
    ],
  })),
  {
    name: 'a first fragment too small for its transport header is dropped by name, and the rest with it',
    setup: other,
    steps: [
      piece(ends(tcp(c, v, 'S', { payload: bytes(100) }), 'drop_fragment_tiny'), 0, [16, 104]),
      piece(ends(tcp(c, v, 'S', { payload: bytes(100) }), 'drop_fragment'), 1, [16, 104]),
      piece(
        ends(tcp(c, v, 'S', { payload: bytes(100), tcpOptions: bytes(40) }), 'drop_fragment_tiny'),
        0,
        [24, 136],
        2,
      ),
      piece(forwards(udp(c, v, { payload: bytes(100) }), c, s), 0, [8, 100], 3),
      piece(forwards(udp(c, v, { payload: bytes(100) }), c, s), 1, [8, 100], 3),
    ],
  },
  {
    name: 'a first IPv6 fragment too small for its transport header is dropped by name, and the rest with it',
    setup: other6,
    steps: [
      piece(ends(tcp(c6, v6, 'S', { payload: bytes(100) }), 'drop_fragment_tiny'), 0, [8, 112]),
      piece(ends(tcp(c6, v6, 'S', { payload: bytes(100) }), 'drop_fragment'), 1, [8, 112]),
      piece(forwards(udp(c6, v6, { payload: bytes(100) }), c6, s6), 0, [8, 100], 3),
      piece(forwards(udp(c6, v6, { payload: bytes(100) }), c6, s6), 1, [8, 100], 3),
    ],
  },
  ...everyFamily((family) => {
    const { c: from, v: to } = places(family)
    return {
      name: 'fragments follow a first one that was dropped',
      setup: {
        services: [
          service({ protocol: 'udp', vip: hosts[family].vip, endpoints: [{ weight: 0 }] }),
          service({ vip: hosts[family].vip, select: 'rr' }),
        ],
      },
      steps: [
        piece(ends(udp(from, to, { payload }), 'drop_no_endpoint'), 0),
        piece(ends(udp(from, to, { payload }), 'drop_fragment'), 1),
        piece(ends(udp(from, to, { payload }), 'drop_fragment'), 2),
        piece(ends(tcp(from, to, 'A', { payload: bytes(2003) }), 'drop_no_flow'), 0),
        piece(ends(tcp(from, to, 'A', { payload: bytes(2003) }), 'drop_fragment'), 1),
        flowsAre({}),
      ],
    }
  }),
  ...everyFamily((family) => {
    const { c: from } = places(family)
    const elsewhere = socketOf(hosts[family].farClient, 80)
    return {
      name: 'fragments for no service are left to the kernel, in any order',
      setup: setupOf(family),
      steps: [
        piece(ends(udp(from, elsewhere, { payload }), 'pass_not_service'), 0),
        piece(ends(udp(from, elsewhere, { payload }), 'pass_protocol'), 1),
        piece(ends(udp(from, elsewhere, { payload }), 'pass_protocol'), 2, sizes, 3),
      ],
    }
  }),
  ...everyFamily((family) => {
    const { c: client, s: endpoint } = places(family)
    const reply = socketOf(hosts[family].server, 9)
    const elsewhere = socketOf(hosts[family].vip, 9)
    const passes = (from: Socket, to: Socket, indexes: readonly number[]): readonly Step[] =>
      indexes.map((index) => piece(ends(udp(from, to, { payload }), 'pass_not_service'), index))
    return {
      name: 'fragments of an endpoint or to a VIP follow a first one that is for no service to the kernel',
      setup: setupOf(family),
      steps: [
        ...passes(reply, client, [0, 1, 2]),
        ...passes(client, elsewhere, [0, 2, 1]),
        piece(punts(udp(endpoint, client, { payload }), 'fragment'), 1, sizes, 0x77),
        piece(ends(udp(endpoint, client, { payload }), 'pass_not_service'), 0, sizes, 0x77),
        piece(ends(udp(endpoint, client, { payload }), 'pass_not_service'), 2, sizes, 0x77),
      ],
    }
  }),
  ...everyFamily((family) => ({
    name: 'datagrams are told apart by their identification and their addresses',
    setup: setupOf(family),
    steps: (() => {
      const { v: to, s: endpoint } = places(family)
      const near = places(family).c
      const far = socketOf(hosts[family].farClient, 40_000)
      const from = (client: Socket): PacketStep => forwards(udp(client, to, { payload }), client, endpoint)
      return [
        piece(from(near), 0, sizes, 1),
        piece(from(far), 0, sizes, 1),
        piece(from(near), 0, sizes, 2),
        piece(from(near), 1, sizes, 1),
        piece(from(near), 1, sizes, 2),
        piece(from(far), 1, sizes, 1),
        piece(from(far), 2, sizes, 1),
      ]
    })(),
  })),
  ...everyFamily((family) => ({
    name: 'a first fragment is forgotten after half a minute',
    setup: setupOf(family),
    steps: [sent(family, 0), wait(20 * second), sent(family, 1), wait(33 * second), early(family, 2)],
  })),
  ...everyFamily((family) => ({
    name: 'fragments that cannot be put together are dropped as malformed',
    setup: setupOf(family),
    steps: (() => {
      const { client, vip } = hosts[family]
      const piecesOf = (extra: Partial<Packet>, length: number): Packet => ({
        kind: 'other',
        protocol: 17,
        from: client,
        to: vip,
        payload: bytes(length),
        ...(extra as object),
      })
      const at = (offset: number, more: boolean): Partial<Packet> =>
        family === 4
          ? { fragmentOffset: offset, moreFragments: more }
          : { extensions: [{ kind: 'fragment', offset, more }] }
      return [
        // In the middle, and not a multiple of 8 bytes.
        ends(piecesOf(at(10, true), 1001), byTc('drop_malformed')),
        // Beyond what a datagram can have.
        ends(piecesOf(at(8190, false), 100), byTc('drop_malformed')),
        flowsAre({}),
      ]
    })(),
  })),
  {
    name: 'IPv4 to IPv6: a UDP datagram in pieces without a checksum cannot have one, and is dropped by name',
    setup: { services: [service({ protocol: 'udp', mode: 'onearm', endpoints: [s6] })] },
    steps: [
      piece(ends(udp(c, v, { payload, noChecksum: true }), 'drop_not_translatable'), 0),
      piece(ends(udp(c, v, { payload, noChecksum: true }), 'drop_fragment'), 1),
    ],
  },
  ...pairs
    .filter(({ near, far }) => near !== far)
    .map(({ near, far }): Case => ({
      name: `IPv${near} to IPv${far}: an echo in pieces is dropped by name, since no fragment tells its length`,
      setup: { services: [service({ protocol: 'icmp', vip: hosts[near].vip, endpoints: [hosts[far].server] })] },
      steps: [
        piece(
          ends(echoRequest(socketOf(hosts[near].client, 7), hosts[near].vip, { payload }), 'drop_not_translatable'),
          0,
        ),
        piece(ends(echoRequest(socketOf(hosts[near].client, 7), hosts[near].vip, { payload }), 'drop_fragment'), 1),
      ],
    })),
  {
    name: 'IPv4 to IPv6: fragments that grow beyond the next link are told to their sender',
    setup: { services: [service({ protocol: 'udp', mode: 'onearm', endpoints: [s6] })] },
    steps: [
      piece({ ...punts(udp(c, v, { payload }), 'too_big'), verdict: byTc('punt') }, 0, [1456, 567]),
      piece(forwards(udp(c, v, { payload }), `[${hosts[6].egress}]:?port`, s6), 0, [1448, 575], 9),
    ],
  },
]
