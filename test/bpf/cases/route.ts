// Cases: where translated packets go, and what is done with those that cannot go there.

import { buildFrame } from '../../../src/testing/packets.ts'
import {
  expect,
  bytes,
  client,
  client6,
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
import { check, ends, flowsAre, forwards, forwardsByTc, tooBig, wait } from '../steps.ts'
import { deviceMac } from '../network.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const all = { services: [service()] }
const noFlows = flowsAre({})
const addressed = { ethernetDestination: deviceMac('client') }

const c6 = `[${client6}]:40000`
const v6 = `[${vip6}]:80`
const s6 = `[${server6}]:8080`
const v6Service = (endpoint: string, more: ServiceOptions = {}): ReturnType<typeof service> =>
  service({ vip: vip6, endpoints: [endpoint], ...more })

const overIpv6: readonly Case[] = [
  {
    name: 'IPv6 endpoints without a usable route are not reached',
    setup: { services: [1, 2, 3].map((i) => v6Service(`[fd00:0:9:${i}::1]:80`, { port: 79 + i })) },
    steps: [...[80, 81, 82].map((port) => ends(tcp(c6, `[${vip6}]:${port}`, 'S'), 'drop_no_route')), noFlows],
  },
  {
    name: 'an IPv6 endpoint on this machine itself, or without any route, is not reached',
    setup: { services: [v6Service('[fd00:0:0:2::1]:80'), v6Service('[2001:db8:dead::1]:80', { port: 81 })] },
    steps: [
      ...[80, 81].map((port) => ends(tcp(c6, `[${vip6}]:${port}`, 'S'), { xdp: 'to_tc_route', tc: 'drop_no_route' })),
      noFlows,
    ],
  },
  {
    name: 'IPv6 is not forwarded from a device on which forwarding is off',
    setup: { services: [v6Service(s6)] },
    steps: [ends(tcp(c6, v6, 'S'), 'drop_forwarding_off', { device: 'closed' }), noFlows],
  },
  {
    name: 'of IPv6 packets longer than the next link takes the sender is told, by TC, for new and known flows',
    setup: { services: [v6Service('[fd00:0:0:4::10]:80', { protocol: 'udp' })] },
    steps: [
      tooBig(udp(c6, v6, { payload: bytes(1253) })),
      noFlows,
      forwards(udp(c6, v6, { payload: bytes(1252) }), c6, '[fd00:0:0:4::10]:80'),
      tooBig(udp(c6, v6, { payload: bytes(1253) })),
      forwards(udp(c6, v6, { payload: bytes(1252) }), c6, '[fd00:0:0:4::10]:80'),
    ],
  },
  {
    name: 'an IPv6 next hop whose MAC address is not known is left to TC, for each packet of the flow',
    setup: { services: [v6Service('[fd00:0:0:2::99]:80')] },
    steps: [
      forwardsByTc(tcp(c6, v6, 'S'), 'to_tc_neighbour', c6, '[fd00:0:0:2::99]:80', { ignoreMac: true }),
      forwards(tcp('[fd00:0:0:2::99]:80', c6, 'SA'), v6, c6),
      forwardsByTc(tcp(c6, v6, 'A'), 'to_tc_neighbour', c6, '[fd00:0:0:2::99]:80', { ignoreMac: true }),
    ],
  },
  {
    name: 'IPv6 to a device that cannot transmit from XDP is left to TC, for each packet of the flow',
    setup: { services: [v6Service('[fd00:0:0:3::10]:80')] },
    steps: [
      forwardsByTc(tcp(c6, v6, 'S'), 'to_tc_device', c6, '[fd00:0:0:3::10]:80'),
      forwards(tcp('[fd00:0:0:3::10]:80', c6, 'SA'), v6, c6),
      forwardsByTc(tcp(c6, v6, 'A'), 'to_tc_device', c6, '[fd00:0:0:3::10]:80'),
    ],
  },
  {
    name: 'what is too long is dropped by name while user space is away',
    setup: { services: [v6Service('[fd00:0:0:4::10]:80', { protocol: 'udp' })], slowPath: false },
    steps: [ends(udp(c6, v6, { payload: bytes(1253) }), { xdp: 'to_tc_mtu', tc: 'drop_slowpath_absent' }), noFlows],
  },
]

export const routeCases: readonly Case[] = [
  ...overIpv6,
  {
    name: 'endpoints without a usable route are not reached',
    setup: {
      services: ['10.9.1.1', '10.9.2.1', '10.9.3.1'].map((address, i) =>
        service({ port: 80 + i, endpoints: [`${address}:80`] }),
      ),
    },
    steps: [...[80, 81, 82].map((port) => ends(tcp(c, `${vip}:${port}`, 'S'), 'drop_no_route')), noFlows],
  },
  {
    name: 'an endpoint on this machine itself is not reached',
    setup: { services: [service({ endpoints: ['10.0.2.1:80'] })] },
    steps: [ends(tcp(c, v, 'S'), { xdp: 'to_tc_route', tc: 'drop_no_route' }), noFlows],
  },
  {
    name: 'an endpoint without any route is not reached',
    setup: { services: [service({ endpoints: ['172.16.0.1:80'] })] },
    steps: [ends(tcp(c, v, 'S'), { xdp: 'to_tc_route', tc: 'drop_no_route' }), noFlows],
  },
  {
    name: 'nothing is forwarded from a device on which forwarding is off',
    setup: all,
    steps: [ends(tcp('10.0.1.9:1', v, 'S'), 'drop_forwarding_off', { device: 'closed' }), noFlows],
  },
  {
    name: 'of packets longer than the next link takes the sender is told, by TC, for new and known flows',
    setup: { services: [service({ protocol: 'udp', endpoints: ['10.0.4.10:80'] })] },
    steps: [
      tooBig(udp(c, v, { payload: bytes(573) })),
      noFlows,
      forwards(udp(c, v, { payload: bytes(572) }), c, '10.0.4.10:80'),
      tooBig(udp(c, v, { payload: bytes(573) })),
      forwards(udp(c, v, { payload: bytes(572) }), c, '10.0.4.10:80'),
    ],
  },
  {
    name: 'a next hop is remembered until the route generation changes, or a second has passed',
    setup: all,
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      check(async (_t, bed) => {
        await bed.ip('neighbour', 'replace', server, 'lladdr', '02:00:00:00:99:99', 'dev', 'server', 'nud', 'permanent')
      }),
      forwards(tcp(c, v, 'S'), c, s),
      check(async (_t, bed, hook) => {
        const frame = buildFrame({ ...addressed, ...tcp(c, v, 'S') })
        const nextMac = async (): Promise<string> =>
          Buffer.from((await bed.run(hook, frame)).frame.subarray(0, 6)).toString('hex')
        try {
          await bed.bumpRouteGeneration()
          expect(await nextMac(), '020000009999', 'next hop after a change of routes')
        } finally {
          await bed.ip(
            'neighbour',
            'replace',
            server,
            'lladdr',
            '02:00:00:01:02:0a',
            'dev',
            'server',
            'nud',
            'permanent',
          )
        }
        expect(await nextMac(), '020000009999', 'remembered next hop')
      }),
      wait(128),
      forwards(tcp(c, v, 'S'), c, s),
    ],
  },
  {
    name: 'a next hop whose MAC address is not known is left to TC, for each packet of the flow',
    setup: { services: [service({ endpoints: ['10.0.2.99:8080'] })] },
    steps: [
      forwardsByTc(tcp(c, v, 'S'), 'to_tc_neighbour', c, '10.0.2.99:8080', { ignoreMac: true }),
      forwards(tcp('10.0.2.99:8080', c, 'SA'), v, c),
      forwardsByTc(tcp(c, v, 'A'), 'to_tc_neighbour', c, '10.0.2.99:8080', { ignoreMac: true }),
      flowsAre({ [`${c} -> ${v}`]: 'established' }),
    ],
  },
  {
    name: 'a device that cannot transmit from XDP is left to TC, for each packet of the flow',
    setup: { services: [service({ endpoints: ['10.0.3.10:8080'] })] },
    steps: [
      forwardsByTc(tcp(c, v, 'S'), 'to_tc_device', c, '10.0.3.10:8080'),
      forwards(tcp('10.0.3.10:8080', c, 'SA'), v, c),
      forwardsByTc(tcp(c, v, 'FA'), 'to_tc_device', c, '10.0.3.10:8080'),
      flowsAre({ [`${c} -> ${v}`]: 'closing' }),
    ],
  },
]
