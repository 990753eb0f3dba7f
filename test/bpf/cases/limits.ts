// Cases: what happens when something runs out or is wanted twice: the flow table, ports, the endpoint's side of a flow.

import { bytes, expect, client, server, service, tcp, vip, type Case } from '../case.ts'
import {
  check,
  closing,
  ends,
  expires,
  flowsAre,
  forwards,
  given,
  handshake,
  liveFlows,
  punts,
  wait,
} from '../steps.ts'
import { timeouts } from '../bed.ts'
import { buildFrame } from '../../../src/testing/packets.ts'
import { deviceMac } from '../network.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const flow = `${c} -> ${v}`
const dnat = { services: [service()] }

export const limitCases: readonly Case[] = [
  {
    name: 'a full table drops new flows and leaves the old ones alone',
    flows: 2,
    setup: dnat,
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      forwards(tcp(`${client}:2`, v, 'S'), `${client}:2`, s),
      ends(tcp(`${client}:3`, v, 'S'), 'drop_flows_full'),
      forwards(tcp(s, c, 'SA'), v, c),
      forwards(tcp(s, `${client}:2`, 'SA'), v, `${client}:2`),
      ends(tcp(`${client}:3`, v, 'S'), 'drop_flows_full'),
      liveFlows(2),
    ],
  },
  {
    name: 'a full table frees closed flows at once, the oldest first',
    flows: 2,
    setup: dnat,
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      forwards(tcp(`${client}:2`, v, 'S'), `${client}:2`, s),
      forwards(tcp(`${client}:2`, v, 'R'), `${client}:2`, s),
      forwards(tcp(c, v, 'R'), c, s),
      forwards(tcp(`${client}:3`, v, 'S'), `${client}:3`, s),
      flowsAre({ [`${client}:3 -> ${v}`]: 'syn_sent', [flow]: 'closed' }),
      forwards(tcp(`${client}:4`, v, 'S'), `${client}:4`, s),
      ends(tcp(`${client}:5`, v, 'S'), 'drop_flows_full'),
      liveFlows(2),
    ],
  },
  ...[1, 1.5].map((flows): Case => ({
    name: `no port and no entry is lost to a table with room for ${flows} flows`,
    flows,
    setup: {
      services: [service(), service({ mode: 'fullnat', port: 81 })],
      snat: { first: 40_000, last: 40_000 },
    },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      ...[1, 2, 3].map((port) => ends(tcp(`${client}:${port}`, `${vip}:81`, 'S'), 'drop_flows_full')),
      check(async (_t, bed) => {
        expect((await bed.flows()).length, 2, 'entries')
      }),
      liveFlows(1),
      forwards(tcp(c, v, 'R'), c, s),
      forwards(tcp(`${client}:4`, `${vip}:81`, 'S'), `${vip}:40000`, s),
      liveFlows(1),
    ],
  })),
  {
    name: 'ports that have run out are a drop, and a port that is free again is given out again',
    setup: { services: [service({ mode: 'fullnat' })], snat: { first: 40_000, last: 40_000 } },
    steps: [
      forwards(tcp(c, v, 'S'), `${vip}:40000`, s),
      ends(tcp(`${client}:2`, v, 'S'), 'drop_ports_exhausted'),
      ends(tcp('10.0.1.3:40000', v, 'S'), 'drop_ports_exhausted'),
      liveFlows(1),
      forwards(tcp(c, v, 'R'), `${vip}:40000`, s),
      wait(timeouts.closed),
      expires(1, 'queue'),
      forwards(tcp(`${client}:2`, v, 'S'), `${vip}:40000`, s),
      ends(tcp(c, v, 'S'), 'drop_ports_exhausted'),
    ],
  },
  {
    name: 'every port of the range is given out, and none besides',
    setup: { services: [service({ mode: 'onearm' })], snat: { first: 40_000, last: 40_049 } },
    steps: [
      ...Array.from({ length: 50 }, (_, i) => forwards(tcp(`${client}:${i + 1}`, v, 'S'), `10.0.2.1:?p${i}`, s)),
      ends(tcp(`${client}:51`, v, 'S'), 'drop_ports_exhausted'),
      check(async (_t, bed) => {
        const flows = (await bed.flows()).filter(({ reverse }) => !reverse)
        const ports = flows.map(({ newFrom }) => Number(newFrom.split(':')[1])).toSorted((a, b) => a - b)
        expect(
          ports,
          Array.from({ length: 50 }, (_, i) => 40_000 + i),
          'ports',
        )
      }),
    ],
  },
  {
    name: 'two services with one endpoint share its ports',
    setup: {
      services: [service({ mode: 'onearm' }), service({ mode: 'onearm', port: 81 })],
      snat: { first: 40_000, last: 40_001 },
    },
    steps: [
      forwards(tcp(c, v, 'S'), '10.0.2.1:40000', s),
      forwards(tcp(c, `${vip}:81`, 'S'), '10.0.2.1:40001', s),
      ends(tcp(`${client}:2`, v, 'S'), 'drop_ports_exhausted'),
      ends(tcp(`${client}:2`, `${vip}:81`, 'S'), 'drop_ports_exhausted'),
      forwards(tcp(c, v, 'R'), '10.0.2.1:40000', s),
      wait(timeouts.closed),
      expires(1, 'queue'),
      forwards(tcp(`${client}:2`, `${vip}:81`, 'S'), '10.0.2.1:40000', s),
    ],
  },
  {
    name: 'a client that reaches one endpoint by two services from one port is refused the second time',
    setup: { services: [service(), service({ port: 81 })] },
    steps: [
      ...handshake(c, v, s),
      ends(tcp(c, `${vip}:81`, 'S'), 'drop_flow_conflict'),
      flowsAre({ [flow]: 'established' }),
      liveFlows(1),
    ],
  },
  {
    name: 'a closed flow gives way to one that needs its place',
    setup: { services: [service(), service({ port: 81 })] },
    steps: [
      ...handshake(c, v, s),
      ...closing(c, v, s),
      forwards(tcp(c, `${vip}:81`, 'S'), c, s),
      flowsAre({ [`${c} -> ${vip}:81`]: 'syn_sent' }),
      forwards(tcp(s, c, 'SA'), `${vip}:81`, c),
      liveFlows(1),
    ],
  },
  ...(['fullnat', 'onearm'] as const).map((mode): Case => ({
    name: `the addresses of a pool share the flows, and each has all ports of the range, ${mode}`,
    setup: {
      services: [service({ mode, sources: ['10.0.2.201', '10.0.2.202'] })],
      snat: { first: 40_000, last: 40_000 },
    },
    steps: [
      check(async (_t, bed, hook) => {
        const verdicts: string[] = []
        for (const port of [1, 2, 3, 4]) {
          const packet = tcp(`${client}:${port}`, v, 'S', { ethernetDestination: deviceMac('client') })
          const outcome = await bed.run(hook, buildFrame(packet))
          verdicts.push(outcome.verdicts[0]?.verdict ?? 'none')
        }
        expect(verdicts.toSorted(), ['drop_ports_exhausted', 'drop_ports_exhausted', 'forward', 'forward'], 'verdicts')
        const flows = (await bed.flows()).filter(({ reverse }) => !reverse)
        const sources = flows.map(({ newFrom }) => newFrom).toSorted()
        expect(sources, ['10.0.2.201:40000', '10.0.2.202:40000'], 'sources')
      }),
    ],
  })),
  {
    name: 'a client keeps its address of a pool as long as that has ports',
    setup: { services: [service({ mode: 'fullnat', sources: ['10.0.2.201', '10.0.2.202', '10.0.2.203'] })] },
    steps: [
      check(async (_t, bed, hook) => {
        const clients = [2, 3, 4, 5, 6, 7, 8, 9].map((host) => `10.0.1.${host}`)
        for (const address of clients)
          for (const port of [1, 2, 3, 4]) {
            const packet = tcp(`${address}:${port}`, v, 'S', { ethernetDestination: deviceMac('client') })
            await bed.run(hook, buildFrame(packet))
          }
        const flows = (await bed.flows()).filter(({ reverse }) => !reverse)
        const hostOf = (socket: string): string => socket.split(':')[0] ?? ''
        const byClient = Map.groupBy(flows, ({ from }) => hostOf(from))
        for (const [address, list] of byClient)
          expect(new Set(list.map(({ newFrom }) => hostOf(newFrom))).size, 1, `addresses of ${address}`)
        expect(flows.length, 32, 'flows')
        if (new Set(flows.map(({ newFrom }) => hostOf(newFrom))).size < 2) throw new Error('one address for all')
      }),
    ],
  },
  {
    name: 'a flow whose payload names addresses goes through user space, packet by packet, both ways',
    setup: { services: [service({ alg: 'ftp', port: 21, endpoints: [`${server}:21`] })] },
    steps: [
      punts(tcp(c, `${vip}:21`, 'S'), 'alg'),
      punts(tcp(`${server}:21`, c, 'SA'), 'alg'),
      punts(tcp(c, `${vip}:21`, 'PA', { payload: new TextEncoder().encode('PASV\r\n') }), 'alg'),
      flowsAre({ [`${c} -> ${vip}:21`]: 'established' }),
    ],
  },
  {
    name: 'a flow whose payload names addresses is dropped by name while user space is away',
    setup: { services: [service({ alg: 'ftp', port: 21, endpoints: [`${server}:21`] })], slowPath: false },
    steps: [ends(tcp(c, `${vip}:21`, 'S'), 'drop_slowpath_absent')],
  },
  {
    name: 'user space tells both sides of a connection that has been idle for too long, where the service says so',
    setup: {
      services: [service({ idleTimeout: 10, resetOnIdle: true }), service({ port: 81, endpoints: [`${server}:81`] })],
    },
    steps: [
      ...handshake(c, v, s),
      ...handshake(c, `${vip}:81`, `${server}:81`),
      wait(10 * 128),
      expires(0),
      given('reset'),
      // It stays until that is done, and so long nothing of it goes on by itself.
      flowsAre({ [flow]: 'closing', [`${c} -> ${vip}:81`]: 'established' }),
      punts(tcp(c, v, 'PA', { payload: bytes(3) }), 'alg'),
      wait(timeouts.closing),
      expires(1),
      given(),
      flowsAre({ [`${c} -> ${vip}:81`]: 'established' }),
    ],
  },
]
