// Cases: where translated packets go, and what is done with those that cannot go there.

import { buildFrame } from '../../../src/testing/packets.ts'
import {
  expect,
  bytes,
  check,
  client,
  ends,
  flowsAre,
  forwards,
  forwardsByTc,
  server,
  service,
  tcp,
  udp,
  vip,
  wait,
  type Case,
} from '../case.ts'
import { deviceMac } from '../network.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const all = { services: [service()] }
const noFlows = flowsAre({})
const addressed = { ethernetDestination: deviceMac('client') }

export const routeCases: readonly Case[] = [
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
    name: 'packets longer than the next link takes are dropped by TC, new and known ones',
    setup: { services: [service({ protocol: 'udp', endpoints: ['10.0.4.10:80'] })] },
    steps: [
      ends(udp(c, v, { payload: bytes(573) }), { xdp: 'to_tc_mtu', tc: 'drop_mtu' }),
      noFlows,
      forwards(udp(c, v, { payload: bytes(572) }), c, '10.0.4.10:80'),
      ends(udp(c, v, { payload: bytes(573) }), { xdp: 'to_tc_mtu', tc: 'drop_mtu' }),
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
