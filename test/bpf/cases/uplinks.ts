// Cases: sessions with uplink classifiers. What a user sends to a local place leaves its tunnel and is routed; what
// comes from there gets the tunnel of the way back; everything else is as if there were no session.

import { gtpuPort, gtpuTypes } from '../../../src/testing/packets/gtpu.ts'
import { familyOf, socketOf } from '../../../src/testing/packets/socket.ts'
import { bytes, echoReply, echoRequest, expect, hosts, service, tcp, udp } from '../case.ts'
import { arrival, n3Service, upf1 } from '../n3-words.ts'
import { check, ends, sends, tooBig } from '../steps.ts'
import { elsewhere, enters, inTunnel, leaves, local, otherUser, qfi, sessionOf, up, user } from '../uplink-words.ts'
import type { Packet } from '../../../src/testing/packets.ts'
import type { Family } from '../../../src/testing/packets/socket.ts'
import type { Case, PacketStep } from '../case.ts'

const families = [4, 6] as const
const pairs = families.flatMap((outer) => families.map((inner) => ({ outer, inner })))

/** Packets of which no checksum follows. */
const checksumless = (family: Family, from: string, to: string): readonly Packet[] =>
  family === 4
    ? [udp(from, to, { noChecksum: true }), udp(from, to, { moreFragments: true, payload: bytes(64) })]
    : [
        udp(from, to, { extensions: [{ kind: 'destination' }] }),
        udp(from, to, { extensions: [{ kind: 'fragment', more: true }] }),
      ]

const cases = pairs.flatMap(({ outer, inner }): readonly Case[] => {
  const at = (port: number): string => socketOf(user[inner], port)
  const there = (port: number): string => socketOf(local[inner], port)
  const session = sessionOf(outer, inner)
  const balanced = n3Service({}, outer)
  const one = n3Service({ endpoints: [socketOf(upf1[outer], gtpuPort)] }, outer)
  const goesOn = (packet: Packet): PacketStep =>
    sends(packet, arrival({ near: outer, far: outer, mode: 'dnat', encapsulation: null }, upf1))
  const title = `IPv${inner} in IPv${outer}`
  return [
    {
      name: `uplinks: what is for a local place leaves its tunnel, whatever it is, ${title}`,
      setup: { services: [balanced], sessions: [session] },
      steps: [
        leaves(outer, udp(at(5000), there(53))),
        leaves(outer, tcp(at(5000), there(80), 'S')),
        leaves(outer, tcp(at(5000), there(80), 'PA', { payload: bytes(900), tos: 0x28 })),
        leaves(outer, echoRequest(at(7), there(0))),
        leaves(outer, udp(at(5000), there(53)), { extensions: [] }),
        leaves(outer, udp(at(5000), there(53)), { extensions: [], sequence: 7 }),
        leaves(outer, udp(at(5000), there(53), { ttl: 2 })),
        check(async (_t, bed) => {
          const counts = await bed.userCounts(user[inner])
          expect(String(counts?.uplink.packets), '7', 'packets')
        }),
      ],
    },
    {
      name: `uplinks: everything else of the tunnel goes on to the UPF as it came, ${title}`,
      setup: { services: [one], sessions: [session] },
      steps: [
        goesOn(inTunnel(outer, udp(at(5000), socketOf(elsewhere[inner], 53)))),
        goesOn(inTunnel(outer, udp(socketOf(otherUser[inner], 5000), there(53)))),
        goesOn(inTunnel(outer, udp(at(5000), there(53)), { teid: up + 1 })),
        goesOn(inTunnel(outer, udp(at(5000), there(53)), { type: gtpuTypes.endMarker })),
        goesOn(inTunnel(outer, udp(at(5000), there(53), { ttl: 1 }))),
        goesOn(inTunnel(outer, udp(at(5000), there(53), { totalLength: 2000 }))),
        ...(inner === 4 ? [goesOn(inTunnel(outer, udp(at(5000), there(53), { ipChecksumError: 5 })))] : []),
        ends(inTunnel(outer, udp(at(5000), there(gtpuPort))), 'drop_gtp_nested'),
        check(async (_t, bed) => {
          expect(await bed.removeUser(user[inner]), true, 'removed')
        }),
        goesOn(inTunnel(outer, udp(at(5000), there(53)))),
      ],
    },
    {
      name: `uplinks: a session needs no service, ${title}`,
      setup: { services: [], sessions: [session] },
      steps: [
        leaves(outer, udp(at(5000), there(53))),
        ends(inTunnel(outer, udp(at(5000), socketOf(elsewhere[inner], 53))), 'pass_not_service'),
      ],
    },
    {
      name: `uplinks: what comes from a local place gets the tunnel of the way back, ${title}`,
      setup: { services: [balanced], sessions: [session] },
      steps: [
        enters(outer, udp(there(53), at(5000))),
        enters(outer, tcp(there(80), at(5000), 'PA', { payload: bytes(900), tos: 0x28 })),
        enters(outer, echoRequest(there(7), at(0))),
        enters(outer, echoReply(there(0), at(7), { payload: bytes(57) })),
        ...checksumless(inner, there(53), at(5000)).map((packet) => enters(outer, packet)),
        enters(outer, udp(there(53), inner === 4 ? at(5001) : socketOf('2001:db8:60:1:9:9:9:9', 5001))),
        ends(udp(there(53), at(5000), { ttl: 1 }), 'pass_ttl'),
        tooBig(udp(there(53), at(5000), { payload: bytes(1450), ...(inner === 4 && { dontFragment: true }) })),
        ends(udp(there(53), socketOf(otherUser[inner], 1)), 'pass_not_service'),
        ends(udp(socketOf(elsewhere[inner], 53), at(5000)), 'pass_not_service'),
        check(async (_t, bed) => {
          const counts = await bed.userCounts(user[inner])
          const packets = 5 + checksumless(inner, there(53), at(5000)).length
          expect(String(counts?.downlink.packets), String(packets), 'packets')
        }),
      ],
    },
  ]
})

const beside: readonly Case[] = families.map((family) => ({
  name: `uplinks: beside an n6 service only what comes from a local place gets the tunnel, IPv${family}`,
  setup: {
    services: [
      service({
        vip: family === 4 ? '0.0.0.0' : '::',
        protocol: 'any',
        port: 0,
        lastPort: 0,
        mode: 'dsr',
        select: 'n6',
        users: [family === 4 ? '10.60.0.0/16' : '2001:db8:60::/48'],
        endpoints: [{ address: upf1[family], port: 0 }],
      }),
    ],
    sessions: [sessionOf(familyOf(user[family]), family)],
  },
  steps: [
    enters(family, udp(socketOf(local[family], 53), socketOf(user[family], 5000))),
    sends(udp(socketOf(elsewhere[family], 53), socketOf(user[family], 5000)), { kind: 'l2', to: upf1[family] }),
  ],
}))

/** A PDU session of type IPv4v6. */
const bothFamilies: readonly Case[] = families.map((outer) => {
  const session = sessionOf(outer, 4, {
    ueAddresses: [user[4], user[6]],
    classifiers: [
      { prefix: '10.0.2.0/24', qfi },
      { prefix: 'fd00:0:0:2::/64', qfi },
    ],
  })
  const questions = families.map((inner) => udp(socketOf(user[inner], 5000), socketOf(local[inner], 53)))
  const answers = families.map((inner) => udp(socketOf(local[inner], 53), socketOf(user[inner], 5000)))
  return {
    name: `uplinks: a user of both families has one tunnel for both, IPv${outer} outside`,
    setup: { services: [], sessions: [session] },
    steps: [
      ...questions.map((packet) => leaves(outer, packet)),
      ...answers.map((packet) => enters(outer, packet)),
      ...families.map((inner) =>
        ends(inTunnel(outer, udp(socketOf(otherUser[inner], 5000), socketOf(local[inner], 53))), 'pass_not_service'),
      ),
      check(async (_t, bed) => {
        const counts = await bed.userCounts(user[6])
        expect([counts?.uplink.packets, counts?.downlink.packets].join(), '2,2', 'packets')
      }),
    ],
  }
})

/** Not even one that is at a local place: what leaves a tunnel is the kernel's to route. */
const toServices = pairs.map(({ outer, inner }): Case => {
  const { vip } = hosts[inner]
  const session = sessionOf(outer, inner, { classifiers: [{ prefix: `${vip}/${inner === 4 ? 32 : 128}`, qfi }] })
  return {
    name: `uplinks: what leaves its tunnel passes by services, IPv${inner} in IPv${outer}`,
    setup: { services: [service({ vip, protocol: 'udp' })], sessions: [session] },
    steps: [
      ends(inTunnel(outer, udp(socketOf(user[inner], 5000), socketOf(vip, 80))), {
        xdp: 'to_tc_route',
        tc: 'drop_no_route',
      }),
    ],
  }
})

const martians = { 4: ['127.0.0.1', '0.1.2.3', '224.0.0.1'], 6: ['::1', '::', 'ff02::1'] } as const

/** Whoever may not send to the service that has the tunnels may not reach local places by them. */
const strangers = pairs.flatMap(({ outer, inner }): readonly Case[] => {
  const question = udp(socketOf(user[inner], 5000), socketOf(local[inner], 53))
  const from = (address: string): Packet => ({ ...inTunnel(outer, question), from: socketOf(address, gtpuPort) })
  const stranger = outer === 4 ? '10.0.1.77' : 'fd00:0:0:1::77'
  const counted = check(async (_t, bed) => {
    expect(String((await bed.userCounts(user[inner]))?.uplink.packets), '1', 'packets')
  })
  return [
    {
      name: `uplinks: only sources that the service of the tunnels allows leave them, IPv${inner} in IPv${outer}`,
      setup: {
        services: [n3Service({ allowedSources: [outer === 4 ? '10.0.1.2/32' : 'fd00:0:0:1::2/128'] }, outer)],
        sessions: [sessionOf(outer, inner)],
      },
      steps: [
        ends(from(stranger), 'drop_source'),
        ends(from(stranger), 'drop_source'),
        ...[...martians[outer], hosts[outer].vip].map((address) => ends(from(address), 'drop_martian')),
        leaves(outer, question),
        counted,
      ],
    },
    {
      name: `uplinks: without a service of the tunnels only martians do not leave them, IPv${inner} in IPv${outer}`,
      setup: { services: [], sessions: [sessionOf(outer, inner)] },
      steps: [
        ...[...martians[outer], hosts[outer].vip].map((address) => ends(from(address), 'drop_martian')),
        leaves(outer, question),
        counted,
      ],
    },
  ]
})

/** A deleted element is at once used for another key: who has just found it must not take what is another session's. */
const reused: readonly Case[] = pairs.map(({ outer, inner }) => {
  const question = udp(socketOf(user[inner], 5000), socketOf(local[inner], 53))
  const answer = udp(socketOf(local[inner], 53), socketOf(user[inner], 5000))
  return {
    name: `uplinks: what has become another session's steers nothing and counts nothing, IPv${inner} in IPv${outer}`,
    setup: { services: [], sessions: [sessionOf(outer, inner)] },
    steps: [
      leaves(outer, question),
      enters(outer, answer),
      check(async (_t, bed) => bed.spoilUserTags()),
      ends(inTunnel(outer, question), 'pass_not_service'),
      ends(answer, 'pass_not_service'),
      check(async (_t, bed) => {
        const counts = await bed.userCounts(user[inner])
        expect([counts?.uplink.packets, counts?.downlink.packets].join(), '1,1', 'packets')
      }),
    ],
  }
})

export const uplinkCases: readonly Case[] = [
  ...cases,
  ...beside,
  ...bothFamilies,
  ...toServices,
  ...strangers,
  ...reused,
]
