// Cases: which service a packet is for, who may use it, and how much: ranges of ports, further VIPs, firewall marks,
// allowed sources, limits, blocked endpoints.

import {
  client,
  client6,
  echoRequest,
  hosts,
  server,
  server6,
  service,
  tcp,
  udp,
  vip,
  vip6,
  type Case,
  type ServiceOptions,
} from '../case.ts'
import { changes, ends, flowsAre, forwards } from '../steps.ts'
import { deviceAddress } from '../network.ts'
import type { Hook, Verdict } from '../../../src/datapath/layout.gen.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const c6 = `[${client6}]:40000`

/** The port that was asked for is kept. */
const anyPortEndpoint = [`${server}:0`]
const range = (port: number, lastPort: number, more: ServiceOptions = {}): ReturnType<typeof service> =>
  service({ port, lastPort, endpoints: anyPortEndpoint, ...more })

const at = (port: number, host: string = vip): string => `${host}:${port}`

const rangeCases: readonly Case[] = [
  ...(
    [
      [8000, 8099],
      [1, 1023],
      [1000, 1007],
      [4095, 4097],
      [32_767, 32_769],
      [65_534, 65_535],
    ] as const
  ).map(([first, last]): Case => ({
    name: `a service on ports ${first} to ${last} takes these and no others`,
    setup: { services: [range(first, last)] },
    steps: [
      ...[first, Math.floor((first + last) / 2), last].flatMap((port) => [
        forwards(tcp(c, at(port), 'S'), c, at(port, server)),
        forwards(tcp(at(port, server), c, 'SA'), at(port), c),
      ]),
      ...[first - 1, last + 1]
        .filter((port) => port > 0 && port < 65_536)
        .map((port) => ends(tcp(c, at(port), 'S'), 'pass_not_service')),
      ends(udp(c, at(first)), 'pass_not_service'),
    ],
  })),
  {
    name: 'a range with an endpoint on one port sends all of its ports there',
    setup: { services: [range(8000, 8099, { endpoints: [s], mode: 'fullnat' })] },
    steps: [
      forwards(tcp(c, at(8000), 'S'), `${vip}:?one`, s),
      forwards(tcp(c, at(8099), 'S'), `${vip}:?two`, s),
      forwards(tcp(s, `${vip}:?two`, 'SA'), at(8099), c),
      forwards(tcp(s, `${vip}:?one`, 'SA'), at(8000), c),
    ],
  },
  {
    name: 'a service on any port takes every port of its protocol, and one on a single port comes first',
    setup: {
      services: [range(0, 65_535), service({ endpoints: ['10.0.2.11:8080'] }), range(0, 65_535, { protocol: 'udp' })],
    },
    steps: [
      ...[1, 81, 443, 65_535].map((port) => forwards(tcp(c, at(port), 'S'), c, at(port, server))),
      forwards(tcp(c, v, 'S'), c, '10.0.2.11:8080'),
      forwards(udp(c, at(7)), c, at(7, server)),
      ends(echoRequest(c, vip), 'pass_not_service'),
    ],
  },
  {
    name: 'a narrower range inside a wider one comes first',
    setup: { services: [range(1024, 2047), range(1100, 1199, { endpoints: ['10.0.2.11:0'] })] },
    steps: [
      forwards(tcp(c, at(1099), 'S'), c, at(1099, server)),
      forwards(tcp(c, at(1100), 'S'), c, at(1100, '10.0.2.11')),
      forwards(tcp(c, at(1199), 'S'), c, at(1199, '10.0.2.11')),
      forwards(tcp(c, at(1200), 'S'), c, at(1200, server)),
    ],
  },
  {
    name: 'an IPv6 service on a range of ports takes these and no others',
    setup: { services: [range(8000, 8099, { vip: vip6, endpoints: [`[${server6}]:0`] })] },
    steps: [
      forwards(tcp(c6, `[${vip6}]:8042`, 'S'), c6, `[${server6}]:8042`),
      forwards(tcp(`[${server6}]:8042`, c6, 'SA'), `[${vip6}]:8042`, c6),
      ends(tcp(c6, `[${vip6}]:8100`, 'S'), 'pass_not_service'),
    ],
  },
  {
    name: 'a range that is taken away takes no new flows, and its flows live on',
    setup: { services: [range(8000, 8099)] },
    steps: [
      forwards(tcp(c, at(8001), 'S'), c, at(8001, server)),
      changes({ kind: 'remove', service: range(8000, 8099) }),
      forwards(tcp(at(8001, server), c, 'SA'), at(8001), c),
      ends(tcp(c, at(8002), 'S'), 'pass_not_service'),
    ],
  },
  {
    name: 'a range in mode dsr keeps every port',
    setup: { services: [range(5060, 5069, { protocol: 'udp', mode: 'dsr', encapsulation: 'ip' })] },
    steps: [
      { ...forwards(udp(c, at(5061)), c, server), becomes: { kind: 'ip', to: server } },
      ends(udp(c, at(5070)), 'pass_not_service'),
    ],
  },
]

const vipCases: readonly Case[] = [
  {
    name: 'each VIP of a service answers as itself, and shares its endpoints',
    setup: {
      services: [service({ secondary: ['192.0.2.7', '192.0.2.8'], select: 'rr', endpoints: [s, '10.0.2.11:8080'] })],
    },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      forwards(tcp(`${client}:2`, '192.0.2.7:80', 'S'), `${client}:2`, '10.0.2.11:8080'),
      forwards(tcp(`${client}:3`, '192.0.2.8:80', 'S'), `${client}:3`, s),
      forwards(tcp('10.0.2.11:8080', `${client}:2`, 'SA'), '192.0.2.7:80', `${client}:2`),
      forwards(tcp(s, `${client}:3`, 'SA'), '192.0.2.8:80', `${client}:3`),
      ends(tcp(c, '192.0.2.9:80', 'S'), 'pass_not_service'),
    ],
  },
  {
    name: 'a VIP that is taken from its service takes no new flows, and the others go on',
    setup: { services: [service({ secondary: ['192.0.2.7'] })] },
    steps: [
      forwards(tcp(`${client}:2`, '192.0.2.7:80', 'S'), `${client}:2`, s),
      changes({ kind: 'update', from: service({ secondary: ['192.0.2.7'] }), to: service() }),
      ends(tcp(`${client}:3`, '192.0.2.7:80', 'S'), 'pass_not_service'),
      forwards(tcp(s, `${client}:2`, 'SA'), '192.0.2.7:80', `${client}:2`),
      forwards(tcp(c, v, 'S'), c, s),
    ],
  },
  {
    name: 'every VIP of a service with a range has the range',
    setup: { services: [range(8000, 8099, { secondary: ['192.0.2.7'] })] },
    steps: [
      forwards(tcp(c, at(8050), 'S'), c, at(8050, server)),
      forwards(tcp(`${client}:2`, '192.0.2.7:8051', 'S'), `${client}:2`, at(8051, server)),
    ],
  },
  ...([4, 6] as const).map((family): Case => {
    const { client: host, egress } = hosts[family]
    const bracket = (address: string, port: number | string): string =>
      family === 4 ? `${address}:${port}` : `[${address}]:${port}`
    const from = bracket(host, 40_000)
    const endpoint = bracket(hosts[family].server, 8080)
    return {
      name: `mode hostonearm takes what is sent to any address of this machine, and nothing else, IPv${family}`,
      setup: {
        services: [service({ mode: 'hostonearm', vip: family === 4 ? '0.0.0.0' : '::', endpoints: [endpoint] })],
      },
      steps: [
        ...(['client', 'server', 'slow'] as const).flatMap((device, i) => {
          const to = bracket(deviceAddress(device, family), 80)
          const seen = bracket(egress, `?${device}`)
          return [
            forwards(tcp(from, to, 'S', { sequence: i }), seen, endpoint),
            forwards(tcp(endpoint, seen, 'SA'), to, from),
          ]
        }),
        ends(tcp(from, bracket(hosts[family].vip, 80), 'S'), 'pass_not_service'),
        ends(tcp(from, bracket(deviceAddress('client', family), 81), 'S'), 'pass_not_service'),
      ],
    }
  }),
]

const marked = service({ mark: 7, endpoints: [s] })
const byMark: Readonly<Record<Hook, Verdict>> = { xdp: 'to_tc_mark', tc: 'forward' }
const noMark: Readonly<Record<Hook, Verdict>> = { xdp: 'to_tc_mark', tc: 'pass_not_service' }

const markCases: readonly Case[] = [
  {
    name: 'a firewall mark chooses the service, whatever the destination: TC sees it, XDP leaves new flows to TC',
    setup: { services: [marked] },
    steps: [
      { ...forwards(tcp(c, '203.0.113.5:99', 'S'), c, s, { mark: 7 }), verdict: byMark },
      forwards(tcp(s, c, 'SA'), '203.0.113.5:99', c),
      forwards(tcp(c, '203.0.113.5:99', 'A'), c, s, { mark: 7 }),
      flowsAre({ [`${c} -> 203.0.113.5:99`]: 'established' }),
    ],
  },
  {
    name: 'another mark, or none, or another protocol is not for the service',
    setup: { services: [marked] },
    steps: [
      ends(tcp(c, '203.0.113.5:99', 'S'), noMark),
      ends(tcp(c, '203.0.113.5:99', 'S'), noMark, { mark: 8 }),
      ends(udp(c, '203.0.113.5:99'), noMark, { mark: 7 }),
      flowsAre({}),
    ],
  },
  {
    name: 'a mark comes before the destination, and what has none is for the service of its destination',
    setup: { services: [marked, service({ port: 81, endpoints: ['10.0.2.11:8080'] })] },
    steps: [
      { ...forwards(tcp(c, at(81), 'S'), c, s, { mark: 7 }), verdict: byMark },
      { ...forwards(tcp(`${client}:2`, at(81), 'S'), `${client}:2`, '10.0.2.11:8080'), verdict: byMark },
    ],
  },
]

const allowed = service({ allowedSources: ['10.0.1.0/30', '198.51.100.7/32'] })

const sourceCases: readonly Case[] = [
  {
    name: 'a service with allowed sources takes these and drops others by name',
    setup: { services: [allowed, service({ port: 81 })] },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      forwards(tcp('198.51.100.7:9', v, 'S'), '198.51.100.7:9', s),
      ends(tcp('10.0.1.4:1', v, 'S'), 'drop_source'),
      ends(tcp('198.51.100.8:1', v, 'S'), 'drop_source'),
      forwards(tcp('10.0.1.4:1', at(81), 'S'), '10.0.1.4:1', s),
    ],
  },
  {
    name: 'allowed sources of IPv6 are prefixes too',
    setup: {
      services: [
        service({ vip: vip6, allowedSources: ['fd00:0:0:1::/64'], endpoints: [`[${server6}]:80`] }),
        service({ allowedSources: ['2001:db8::/32'] }),
      ],
    },
    steps: [
      forwards(tcp(c6, `[${vip6}]:80`, 'S'), c6, `[${server6}]:80`),
      ends(tcp(`[${hosts[6].farClient}]:1`, `[${vip6}]:80`, 'S'), 'drop_source'),
      ends(tcp(c, v, 'S'), 'drop_source'),
    ],
  },
  {
    name: 'all of a family is a prefix like any other',
    setup: { services: [service({ allowedSources: ['0.0.0.0/0'] })] },
    steps: [forwards(tcp(c, v, 'S'), c, s), forwards(tcp('198.51.100.7:9', v, 'S'), '198.51.100.7:9', s)],
  },
  {
    name: 'sources that are allowed later, or no longer, are so for new flows',
    setup: { services: [allowed] },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      ends(tcp('10.0.1.9:1', v, 'S'), 'drop_source'),
      changes({ kind: 'update', from: allowed, to: { ...allowed, allowedSources: ['10.0.1.9/32'] } }),
      forwards(tcp('10.0.1.9:1', v, 'S'), '10.0.1.9:1', s),
      ends(tcp(`${client}:2`, v, 'S'), 'drop_source'),
      forwards(tcp(s, c, 'SA'), v, c),
      changes({ kind: 'update', from: { ...allowed, allowedSources: ['10.0.1.9/32'] }, to: service() }),
      forwards(tcp(`${client}:2`, v, 'S'), `${client}:2`, s),
    ],
  },
]

export const serviceCases: readonly Case[] = [...rangeCases, ...vipCases, ...markCases, ...sourceCases]
