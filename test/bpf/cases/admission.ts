// Cases: how much a service takes, and of which endpoints: limits of flows that are not established, a reserve of the
// table, idle times, endpoints that come and go.

import { bytes, client, server, service, tcp, udp, updateEndpoints, vip, type Case } from '../case.ts'
import { timeouts } from '../bed.ts'
import { changes, closing, ends, expires, flowsAre, forwards, handshake, liveFlows, wait } from '../steps.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const ticksPerSecond = 128

const at = (port: number, host: string = vip): string => `${host}:${port}`

const few = service({ embryonicLimit: 2 })

const limitCases: readonly Case[] = [
  {
    name: 'connections that are not established have a limit: a flood is dropped by name, the rest goes on',
    setup: { services: [few, service({ port: 81, endpoints: [`${server}:81`] })] },
    steps: [
      ...handshake(c, v, s),
      ...[1, 2].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, s)),
      ends(tcp(`${client}:3`, v, 'S'), 'drop_embryonic'),
      forwards(tcp(c, v, 'PA', { payload: bytes(9) }), c, s),
      forwards(tcp(`${client}:3`, at(81), 'S'), `${client}:3`, at(81, server)),
      liveFlows(4),
    ],
  },
  {
    name: 'a connection that is established makes room for one that is not',
    setup: { services: [few] },
    steps: [
      ...[1, 2].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, s)),
      ends(tcp(`${client}:3`, v, 'S'), 'drop_embryonic'),
      ...handshake(`${client}:1`, v, s).slice(1),
      forwards(tcp(`${client}:3`, v, 'S'), `${client}:3`, s),
      ends(tcp(`${client}:4`, v, 'S'), 'drop_embryonic'),
    ],
  },
  {
    name: 'a connection that is given up or has expired makes room for one that is not established',
    setup: { services: [few] },
    steps: [
      ...[1, 2].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, s)),
      forwards(tcp(`${client}:1`, v, 'R'), `${client}:1`, s),
      forwards(tcp(`${client}:3`, v, 'S'), `${client}:3`, s),
      ends(tcp(`${client}:4`, v, 'S'), 'drop_embryonic'),
      wait(timeouts.syn_sent),
      expires(3),
      ...[4, 5].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, s)),
      ends(tcp(`${client}:6`, v, 'S'), 'drop_embryonic'),
    ],
  },
  {
    name: 'a SYN that is sent again counts once',
    setup: { services: [few] },
    steps: [
      ...[1, 1, 1, 2, 2].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, s)),
      ends(tcp(`${client}:3`, v, 'S'), 'drop_embryonic'),
    ],
  },
  {
    name: 'a connection that is used again counts once',
    setup: { services: [few] },
    steps: [
      ...handshake(c, v, s),
      ...closing(c, v, s),
      ...handshake(c, v, s),
      ...closing(c, v, s),
      forwards(tcp(c, v, 'S'), c, s),
      forwards(tcp(`${client}:1`, v, 'S'), `${client}:1`, s),
      ends(tcp(`${client}:2`, v, 'S'), 'drop_embryonic'),
    ],
  },
  {
    name: 'UDP has no connections to be limited before they stand',
    setup: { services: [service({ protocol: 'udp', embryonicLimit: 1 })] },
    steps: [1, 2, 3].map((port) => forwards(udp(`${client}:${port}`, v), `${client}:${port}`, s)),
  },
  {
    name: 'the last flows of the table are kept for connections that live already: new ones are dropped by name',
    setup: { services: [service({ outOfTheBlue: 'hash' })], flowsAdmitted: 2 },
    steps: [
      ...[1, 2].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, s)),
      ends(tcp(`${client}:3`, v, 'S'), 'drop_flows_full'),
      forwards(tcp(`${client}:4`, v, 'A'), `${client}:4`, s),
      forwards(tcp(s, `${client}:1`, 'SA'), v, `${client}:1`),
      liveFlows(3),
      ends(tcp(`${client}:5`, v, 'S'), 'drop_flows_full'),
    ],
  },
  {
    name: 'a closed flow gives its place to a new one when the table is as full as may be',
    setup: { services: [service()], flowsAdmitted: 2 },
    steps: [
      ...[1, 2].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, s)),
      forwards(tcp(`${client}:1`, v, 'R'), `${client}:1`, s),
      forwards(tcp(`${client}:3`, v, 'S'), `${client}:3`, s),
      ends(tcp(`${client}:4`, v, 'S'), 'drop_flows_full'),
      liveFlows(2),
    ],
  },
  {
    name: 'a service has an idle time of its own for connections that stand',
    setup: { services: [service({ idleTimeout: 10 }), service({ port: 81, endpoints: [`${server}:81`] })] },
    steps: [
      ...handshake(c, v, s),
      ...handshake(c, at(81), at(81, server)),
      wait(10 * ticksPerSecond - 1),
      expires(0),
      wait(1),
      expires(1),
      flowsAre({ [`${c} -> ${at(81)}`]: 'established' }),
    ],
  },
]

const pair = service({ select: 'rr', endpoints: [s, '10.0.2.11:8080'] })

const endpointCases: readonly Case[] = [
  {
    name: 'a service whose endpoints are all blocked drops new flows by name',
    setup: { services: [service({ endpoints: [{ blocked: true }] })] },
    steps: [ends(tcp(c, v, 'S'), 'drop_no_endpoint'), flowsAre({})],
  },
  {
    name: 'attaching and detaching endpoints leaves the flows of others alone',
    setup: { services: [pair] },
    steps: [
      ...handshake(c, v, s),
      changes({
        kind: 'update',
        from: pair,
        to: { ...pair, endpoints: [...pair.endpoints, { ...pair.endpoints[0]!, address: '10.0.2.12' }] },
      }),
      forwards(tcp(c, v, 'A'), c, s),
      changes({
        kind: 'update',
        from: { ...pair, endpoints: [...pair.endpoints, { ...pair.endpoints[0]!, address: '10.0.2.12' }] },
        to: { ...pair, endpoints: [pair.endpoints[0]!] },
      }),
      forwards(tcp(s, c, 'A'), v, c),
      forwards(tcp(`${client}:1`, v, 'S'), `${client}:1`, s),
    ],
  },
  {
    name: 'a weight that changes counts for new flows only',
    setup: { services: [pair] },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      changes(updateEndpoints(pair, (endpoint, i) => ({ ...endpoint, weight: i }))),
      forwards(tcp(s, c, 'SA'), v, c),
      ...[1, 2].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, '10.0.2.11:8080')),
    ],
  },
]

export const admissionCases: readonly Case[] = [...limitCases, ...endpointCases]
