// Cases: users who are clients of services here and keep their address. What an endpoint answers is the service's, and
// goes where everything for the user goes: to its user plane, or into its tunnel.

import { buildFrame } from '../../../src/testing/packets.ts'
import { socketOf } from '../../../src/testing/packets/socket.ts'
import { block, bytes, expect, hosts, service, tcp, udp } from '../case.ts'
import { upf1 } from '../n3-words.ts'
import { deviceMac } from '../network.ts'
import { changes, check, ends, flowsAre, forwards, sends, tooBig } from '../steps.ts'
import { talks } from '../talks.ts'
import { enters, local, qfi, sessionOf, user } from '../uplink-words.ts'
import type { Service, Transport } from '../../../src/lb/model.ts'
import type { UdpPacket } from '../../../src/testing/packets.ts'
import type { Becomes, Case, PacketStep } from '../case.ts'
import type { Family } from '../../../src/testing/packets/socket.ts'

const families = [4, 6] as const
const transports = ['tcp', 'udp', 'icmp', 'sctp'] as const
const ways = ['l2', 'ip', 'gue'] as const

const n6 = (family: Family, encapsulation: (typeof ways)[number] = 'l2'): Service =>
  service({
    vip: family === 4 ? '0.0.0.0' : '::',
    protocol: 'any',
    port: 0,
    lastPort: 0,
    mode: 'dsr',
    encapsulation,
    select: 'n6',
    users: [family === 4 ? '10.60.0.0/16' : '2001:db8:60::/48'],
    endpoints: [{ address: upf1[family], port: 0 }],
  })

/** Its endpoint stands in a local place, and has the port 8080. */
const web = (family: Family, protocol: Transport = 'udp'): Service =>
  service({ vip: hosts[family].vip, protocol, endpoints: [socketOf(local[family], protocol === 'icmp' ? 0 : 8080)] })

const socketsOf = (family: Family, protocol: Transport = 'udp') => {
  const [own, there, here] = protocol === 'icmp' ? [7, 0, 0] : [5000, 80, 8080]
  return {
    u: socketOf(user[family], own),
    v: socketOf(hosts[family].vip, there),
    e: socketOf(local[family], here),
    /** the user, as an answer to an echo names it */
    back: socketOf(user[family], own),
  }
}

const conversations = families.flatMap((family) =>
  transports.flatMap((protocol) =>
    ways
      .filter((kind) => family === 4 || kind !== 'l2' || protocol === 'tcp')
      .map((kind): Case => {
        const { u, v, e } = socketsOf(family, protocol)
        const lines = talks[protocol]
        return {
          name: `answers: what an endpoint answers to a user is the service's, ${protocol} over IPv${family}, ${kind}`,
          setup: { services: [n6(family, kind), web(family, protocol)] },
          steps: lines.flatMap(({ by, packet, state }) => [
            by === 'client'
              ? forwards(packet(u, v), u, e)
              : sends(packet(e, u), { kind, to: socketOf(upf1[family], 0), from: v }),
            flowsAre({ [`${u} -> ${v}`]: state }),
          ]),
        }
      }),
  ),
)

const toUpf = families.flatMap((family): readonly Case[] => {
  const { u, v, e } = socketsOf(family)
  const one = web(family)
  const upf = socketOf(upf1[family], 0)
  const asItCame = { kind: 'l2', to: upf } as const
  const translated = { ...asItCame, from: v } as const
  const question = forwards(udp(u, v), u, e)
  const headers = family === 4 ? 28 : 48
  const whole = udp(e, u, { payload: bytes(592) })
  const inParts = (packet: UdpPacket, becomes: Becomes, index: number, identification: number): PacketStep => ({
    ...sends(packet, becomes, { part: { sizes: [200, 200, 200], index, identification } }),
    verdict: { xdp: 'to_tc_fragment', tc: 'forward' },
  })
  return [
    {
      name: `answers: what is of no flow goes to the user as it came, IPv${family}`,
      setup: { services: [n6(family), one] },
      steps: [
        sends(udp(e, u), asItCame),
        question,
        sends(udp(e, u), translated),
        sends(udp(socketOf(local[family], 9), u), asItCame),
        sends(udp(e, socketOf(user[family], 5001)), asItCame),
        sends(tcp(e, u, 'SA'), asItCame),
        sends(
          {
            kind: 'error-about',
            from: local[family],
            to: user[family],
            type: family === 4 ? 3 : 1,
            code: family === 4 ? 3 : 4,
            about: udp(u, e),
          },
          asItCame,
        ),
        sends({ kind: 'other', from: local[family], to: user[family], protocol: 47, payload: bytes(20) }, asItCame),
        ends(udp(e, u, { ttl: 1 }), 'pass_ttl'),
        sends(udp(e, u, { ttl: 2 }), translated),
        changes(block(one, 0)),
        ends(udp(e, u), 'drop_blocked'),
      ],
    },
    {
      name: `answers: they count for the flow as any of its packets, IPv${family}`,
      setup: { services: [n6(family), one] },
      steps: [
        question,
        ...[10, 20].map((length) => sends(udp(e, u, { payload: bytes(length) }), translated)),
        check(async (_t, bed) => {
          const flow = await bed.flow(17, e, u)
          expect([flow?.packets, flow?.bytes].join(), `2,${2 * headers + 30}`, 'packets and bytes of the answers')
        }),
      ],
    },
    {
      name: `answers: later fragments go with their first one, and as they come where that is not known, IPv${family}`,
      setup: { services: [n6(family), one] },
      steps: [
        question,
        inParts(whole, asItCame, 1, 77),
        ...[0, 1, 2].map((index) => inParts(whole, translated, index, 77)),
        ...[0, 1].map((index) => inParts({ ...whole, from: socketOf(local[family], 9) }, asItCame, index, 78)),
      ],
    },
  ]
})

const tooLong: readonly Case[] = [
  ...families.map((family): Case => ({
    name: `answers: an endpoint is told that its answer is too long, about what it has sent, IPv${family}`,
    setup: { services: [n6(family, 'ip'), web(family)] },
    steps: [
      forwards(udp(socketsOf(family).u, socketsOf(family).v), socketsOf(family).u, socketsOf(family).e),
      tooBig(udp(socketsOf(family).e, socketsOf(family).u, { payload: bytes(1460), dontFragment: family === 4 })),
    ],
  })),
  {
    name: "answers: what is too long and may leave in pieces is the service's already",
    hooks: ['tc'],
    setup: { services: [n6(4, 'ip'), web(4)] },
    steps: [
      forwards(udp(socketsOf(4).u, socketsOf(4).v), socketsOf(4).u, socketsOf(4).e),
      check(async (_t, bed, hook) => {
        const { u, v, e } = socketsOf(4)
        const frameFrom = (from: string): Uint8Array =>
          buildFrame({ ethernetDestination: deviceMac('server'), ...udp(from, u, { payload: bytes(1460) }) })
        const { punts } = await bed.run(hook, frameFrom(e), { device: 'server' })
        const found = punts.map(({ reason, frame }) => [reason, Buffer.from(frame).toString('hex')])
        expect(found, [['too_big', Buffer.from(frameFrom(v)).toString('hex')]], 'what user space got')
      }),
    ],
  },
]

/** Nothing here has the service's address for a place of the user's: its route is the kernel's. */
const routed: readonly Case[] = families.map((family) => {
  const { v, e } = socketsOf(family)
  const u = socketOf(hosts[family].farClient, 5000)
  return {
    name: `answers: without a way of the user's for the service they are routed, IPv${family}`,
    setup: {
      services: [web(family)],
      sessions: [sessionOf(family, family, { ueAddresses: [hosts[family].farClient] })],
    },
    steps: [enters(family, udp(e, u)), forwards(udp(u, v), u, e), forwards(udp(e, u), v, u)],
  }
})

/** The address of the service is a local place, or only its endpoint is in one. */
const inTunnels = families.flatMap((outer) =>
  families.flatMap((inner): readonly Case[] => {
    const { u, v, e } = socketsOf(inner)
    const { vip } = hosts[inner]
    const session = sessionOf(outer, inner)
    const withVip = [...session.classifiers, { prefix: `${vip}/${inner === 4 ? 32 : 128}`, qfi }]
    const title = `IPv${inner} in IPv${outer}`
    return [
      {
        name: `answers: those of a service at a local place get the tunnel, ${title}`,
        setup: { services: [web(inner), n6(inner)], sessions: [{ ...session, classifiers: withVip }] },
        steps: [
          enters(outer, udp(e, u)),
          forwards(udp(u, v), u, e),
          ...[0, 11, 900].map((length) =>
            enters(outer, udp(e, u, { payload: bytes(length) }), udp(v, u, { payload: bytes(length) })),
          ),
          enters(outer, udp(e, u, { tos: 0x28, ttl: 2 }), udp(v, u, { tos: 0x28 })),
          enters(outer, udp(socketOf(local[inner], 9), u)),
          tooBig(udp(e, u, { payload: bytes(1450), ...(inner === 4 && { dontFragment: true }) })),
        ],
      },
      {
        name: `answers: those of a service elsewhere go where the service would, ${title}`,
        setup: { services: [web(inner), n6(inner)], sessions: [session] },
        steps: [
          enters(outer, udp(e, u)),
          forwards(udp(u, v), u, e),
          sends(udp(e, u), { kind: 'l2', to: socketOf(upf1[inner], 0), from: v }),
        ],
      },
    ]
  }),
)

export const answerCases: readonly Case[] = [...conversations, ...toUpf, ...tooLong, ...routed, ...inTunnels]
