// Cases: what happens when something runs out or is wanted twice: the flow table, ports, the endpoint's side of a flow.

import {
  expect,
  check,
  client,
  ends,
  expires,
  flowsAre,
  closing,
  forwards,
  handshake,
  liveFlows,
  server,
  service,
  tcp,
  vip,
  wait,
  type Case,
} from '../case.ts'
import { timeouts } from '../bed.ts'

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
]
