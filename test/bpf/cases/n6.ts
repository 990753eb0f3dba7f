// Cases: what the data network sends to users goes to the user plane that has them.

import { socketOf } from '../../../src/testing/packets/socket.ts'
import { addressBytes } from '../../../src/wire/ip.ts'
import { block, bytes, drain, echoReply, echoRequest, hosts, service, tcp, udp } from '../case.ts'
import { changes, counted, ends, flowsAre, hints, sends, tooBig, wait } from '../steps.ts'
import { upf1, upf2, ways } from '../n3-words.ts'
import { together } from '../together.ts'
import type { HintOptions } from '../bed.ts'
import type { Case, ServiceOptions } from '../case.ts'
import type { Family } from '../../../src/testing/packets/socket.ts'

const users = { 4: '10.60.0.0/16', 6: '2001:db8:60::/48' } as const
/** An address of the first user; another one of the same of IPv6; an address of another user. */
const user = { 4: '10.60.1.2', 6: '2001:db8:60:1::2' } as const
const sameUser = { 4: '10.60.1.2', 6: '2001:db8:60:1:aaaa:bbbb:cccc:dddd' } as const
const otherUser = { 4: '10.60.1.3', 6: '2001:db8:60:2::2' } as const
const far = { 4: `${hosts[4].farClient}:443`, 6: `[${hosts[6].farClient}]:443` } as const

const n6 = (near: Family, toward: Family, more: ServiceOptions = {}) =>
  service({
    vip: near === 4 ? '0.0.0.0' : '::',
    protocol: 'any',
    port: 0,
    lastPort: 0,
    mode: 'dsr',
    select: 'n6',
    users: [users[near]],
    endpoints: [upf1, upf2].map((upf) => ({ address: upf[toward], port: 0 })),
    ...more,
  })

const hint = (near: Family, endpoint: string | null, more: Partial<HintOptions> = {}): HintOptions => {
  const prefix = addressBytes(user[near])
  return {
    service: `${near === 4 ? '0.0.0.0' : '[::]'}:0/any@${users[near]}`,
    kind: 'ue_ip',
    key: near === 4 ? prefix : Uint8Array.of(...prefix.subarray(0, 8), 0, 0, 0, 0, 0, 0, 0, 0),
    endpoint: endpoint === null ? null : socketOf(endpoint, 0),
    ...more,
  }
}

const everyWay = ways.flatMap(({ near, far: toward, encapsulation: kind }): readonly Case[] => {
  if (kind === null) return []
  const balanced = n6(near, toward, { encapsulation: kind, miss: 'drop' })
  const [to1, to2] = [
    { kind, to: upf1[toward] },
    { kind, to: upf2[toward] },
  ] as const
  const at = (port: number): string => socketOf(user[near], port)
  return [
    {
      name: `n6: whatever is sent to a user goes to its user plane (N3.10), IPv${near}, ${kind} over IPv${toward}`,
      setup: { services: [balanced] },
      steps: [
        ends(udp(far[near], at(5000)), 'drop_no_hint'),
        hints(hint(near, upf2[toward])),
        sends(udp(far[near], at(5000)), to2),
        sends(tcp(far[near], at(5000), 'SA'), to2),
        sends(tcp(far[near], at(80), 'A', { payload: bytes(400) }), to2),
        sends(echoRequest(socketOf(hosts[near].farClient, 7), at(0)), to2),
        sends(echoReply(socketOf(hosts[near].farClient, 0), at(7)), to2),
        sends(udp(far[near], at(2152)), to2),
        sends(udp(far[near], socketOf(sameUser[near], 1)), to2),
        ends(udp(far[near], socketOf(otherUser[near], 1)), 'drop_no_hint'),
        hints(hint(near, upf1[toward])),
        sends(udp(far[near], at(5000)), to1),
        hints(hint(near, upf2[toward], { lifetime: 1000 })),
        wait(999),
        sends(udp(far[near], at(5000)), to2),
        wait(1),
        ends(udp(far[near], at(5000)), 'drop_no_hint'),
        hints(hint(near, upf1[toward])),
        changes(drain(balanced, 0)),
        sends(udp(far[near], at(5000)), to1),
        changes(block(balanced, 0)),
        ends(udp(far[near], at(5000)), 'drop_no_hint'),
        flowsAre({}),
      ],
    },
    {
      name: `n6: fragments go with the rest, in whatever order, IPv${near}, ${kind} over IPv${toward}`,
      setup: { services: [balanced], hints: [hint(near, upf2[toward])] },
      steps: [1, 0, 2].map((index) =>
        sends(udp(far[near], at(9), { payload: bytes(592) }), to2, {
          part: { sizes: [200, 200, 200], index, identification: 77 },
        }),
      ),
    },
  ]
})

const perFamily = ([4, 6] as const).flatMap((family): readonly Case[] => [
  {
    name: `n6: without a hint all of a user goes to one user plane, by a hash of its prefix, IPv${family}`,
    setup: { services: [n6(family, 4, { encapsulation: 'ip' })] },
    steps: [
      together(
        Array.from({ length: 16 }, (_, i) => {
          const address = family === 4 ? `10.60.2.${i + 1}` : `2001:db8:60:${i + 1}::1`
          return [udp(far[family], socketOf(address, 1)), tcp(far[family], socketOf(address, 80), 'S')]
        }),
        2,
      ),
    ],
  },
  {
    name: `n6: TTL, source, length and place are looked at as of any packet that is forwarded, IPv${family}`,
    setup: {
      services: [
        n6(family, family, { miss: 'drop', allowedSources: [family === 4 ? '198.51.0.0/16' : '2001:db8:c::/48'] }),
      ],
      hints: [hint(family, upf1[family])],
    },
    steps: [
      ends(udp(far[family], socketOf(user[family], 1), { ttl: 1 }), 'pass_ttl'),
      ends(udp(socketOf(hosts[family].client, 1), socketOf(user[family], 1)), 'drop_source'),
      ends(udp(far[family], socketOf(family === 4 ? '10.61.0.1' : '2001:db8:61::1', 1)), 'pass_not_service'),
      tooBig(udp(far[family], socketOf(user[family], 1), { payload: bytes(1600) })),
      sends(udp(far[family], socketOf(user[family], 1)), { kind: 'l2', to: upf1[family] }),
    ],
  },
  {
    name: `n6: a service without user planes drops, IPv${family}`,
    setup: { services: [n6(family, family, { endpoints: [] })] },
    steps: [ends(udp(far[family], socketOf(user[family], 1)), 'drop_no_endpoint')],
  },
])

/** A route of the same service: a prefix of the other user, or of a network behind one. */
const route = (
  family: Family,
  prefix: string,
  endpoint: string | null,
  more: Partial<HintOptions> = {},
): HintOptions => {
  const [address = '', bits] = prefix.split('/')
  return hint(family, endpoint, {
    kind: 'ue_route',
    key: addressBytes(address),
    prefixBits: Number(bits) + (family === 4 ? 96 : 0),
    ...more,
  })
}

/** Inside each other, the shortest first, and an address in each that is in none of the longer ones. */
const nested = {
  4: [
    ['10.60.0.0/17', '10.60.99.1'],
    ['10.60.0.0/22', '10.60.3.3'],
    ['10.60.1.0/24', '10.60.1.9'],
  ],
  6: [
    ['2001:db8:60::/52', '2001:db8:60:f00::1'],
    ['2001:db8:60::/56', '2001:db8:60:aa::1'],
    ['2001:db8:60::/60', '2001:db8:60:9::1'],
  ],
} as const

const routes = ([4, 6] as const).flatMap((family): readonly Case[] => {
  const at = (address: string): string => socketOf(address, 5000)
  const sixty = (address: string) => udp(far[family], at(address), { payload: bytes(60) })
  const to = (upf: Readonly<Record<Family, string>>) => ({ kind: 'ip', to: upf[4] }) as const
  const balanced = n6(family, 4, { encapsulation: 'ip', miss: 'drop' })
  const [[wide, inWide], [middle, inMiddle], [narrow, inNarrow]] = nested[family]
  const outside = family === 4 ? '10.60.200.1' : '2001:db8:60:f000::1'
  return [
    {
      name: `n6: of the prefixes that have an address the longest counts, and a user before all (N3.10), IPv${family}`,
      setup: { services: [balanced] },
      steps: [
        hints(hint(family, upf1[4])),
        hints(route(family, middle, upf2[4])),
        sends(sixty(inMiddle), to(upf2)),
        sends(udp(far[family], at(user[family])), to(upf1)),
        ends(udp(far[family], at(inWide)), 'drop_no_hint'),
        hints(route(family, wide, upf1[4])),
        hints(route(family, narrow, upf1[4])),
        sends(udp(far[family], at(inWide)), to(upf1)),
        sends(sixty(inMiddle), to(upf2)),
        sends(tcp(far[family], at(inNarrow), 'S'), to(upf1)),
        sends(udp(far[family], at(user[family])), to(upf1)),
        hints(hint(family, upf2[4])),
        sends(udp(far[family], at(user[family])), to(upf2)),
        ends(udp(far[family], at(outside)), 'drop_no_hint'),
        counted(route(family, middle, null), 2, 2 * (60 + (family === 4 ? 28 : 48))),
        hints(route(family, narrow, null)),
        sends(udp(far[family], at(inNarrow)), to(upf2)),
        hints(route(family, middle, null)),
        hints(route(family, wide, null)),
        ends(udp(far[family], at(inNarrow)), 'drop_no_hint'),
      ],
    },
    {
      name: `n6: a route is obeyed until it expires, and while its user plane may have packets, IPv${family}`,
      setup: { services: [balanced], hints: [route(family, middle, upf1[4], { lifetime: 1000 })] },
      steps: [
        wait(999),
        sends(udp(far[family], at(inMiddle)), to(upf1)),
        wait(1),
        ends(udp(far[family], at(inMiddle)), 'drop_no_hint'),
        hints(route(family, middle, upf1[4])),
        changes(drain(balanced, 0)),
        sends(udp(far[family], at(inMiddle)), to(upf1)),
        changes(block(balanced, 0)),
        ends(udp(far[family], at(inMiddle)), 'drop_no_hint'),
      ],
    },
    {
      name: `n6: without a route packets go by the hash, and fragments with the rest, IPv${family}`,
      setup: { services: [n6(family, 4, { encapsulation: 'ip' })], hints: [route(family, middle, upf2[4])] },
      steps: [1, 0, 2].map((index) =>
        sends(udp(far[family], socketOf(inMiddle, 9), { payload: bytes(592) }), to(upf2), {
          part: { sizes: [200, 200, 200], index, identification: 77 },
        }),
      ),
    },
  ]
})

const longer: readonly Case[] = [
  {
    name: 'n6: of IPv6 a prefix of more than 64 bits counts before the user who has the 64',
    setup: {
      services: [n6(6, 4, { encapsulation: 'ip', miss: 'drop' })],
      hints: [hint(6, upf1[4]), route(6, '2001:db8:60:1:8000::/65', upf2[4]), route(6, '2001:db8:60::/56', upf2[4])],
    },
    steps: [
      sends(udp(far[6], socketOf('2001:db8:60:1::2', 1)), { kind: 'ip', to: upf1[4] }),
      sends(udp(far[6], socketOf('2001:db8:60:1:8000::2', 1)), { kind: 'ip', to: upf2[4] }),
      sends(udp(far[6], socketOf('2001:db8:60:2::2', 1)), { kind: 'ip', to: upf2[4] }),
      hints(route(6, '2001:db8:60:1:8000::/65', null)),
      sends(udp(far[6], socketOf('2001:db8:60:1:8000::2', 1)), { kind: 'ip', to: upf1[4] }),
    ],
  },
  {
    name: 'n6: routes of one service are not those of another',
    setup: {
      services: [
        n6(4, 4, { encapsulation: 'ip', miss: 'drop' }),
        n6(4, 4, { encapsulation: 'ip', miss: 'drop', users: ['10.70.0.0/16'] }),
      ],
      hints: [
        route(4, '10.0.0.0/8', upf1[4]),
        route(4, '10.0.0.0/8', upf2[4], { service: '0.0.0.0:0/any@10.70.0.0/16' }),
      ],
    },
    steps: [
      sends(udp(far[4], socketOf('10.60.9.9', 1)), { kind: 'ip', to: upf1[4] }),
      sends(udp(far[4], socketOf('10.70.9.9', 1)), { kind: 'ip', to: upf2[4] }),
      changes({ kind: 'remove', service: n6(4, 4, { users: ['10.70.0.0/16'] }) }),
      ends(udp(far[4], socketOf('10.70.9.9', 1)), 'pass_not_service'),
      sends(udp(far[4], socketOf('10.60.9.9', 1)), { kind: 'ip', to: upf1[4] }),
    ],
  },
]

export const n6Cases: readonly Case[] = [...everyWay, ...perFamily, ...routes, ...longer]
