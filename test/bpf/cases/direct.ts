// Cases: direct return. The endpoint answers the client itself, so only the client's packets are seen. What is plain is
// in matrix.ts.

import { timeouts } from '../bed.ts'
import {
  bytes,
  client,
  client6,
  drain,
  echoRequest,
  server,
  server6,
  service,
  tcp,
  udp,
  vip,
  vip6,
  type Case,
} from '../case.ts'
import { changes, ends, expires, flowsAre, forwards, liveFlows, sends, tooBig, wait } from '../steps.ts'
import type { Encapsulation } from '../../../src/lb/model.ts'
import { encapsulations } from '../../../src/lb/model.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const c6 = `[${client6}]:40000`
const v6 = `[${vip6}]:80`
const flow = `${c} -> ${v}`

const direct = (encapsulation: Encapsulation, more: Parameters<typeof service>[0] = {}) =>
  service({ mode: 'dsr', encapsulation, ...more })

/** Bytes that a packet grows by. */
const growth = { ip: { 4: 20, 6: 40 }, gue: { 4: 32, 6: 52 } } as const

const perKind = encapsulations.flatMap((kind): readonly Case[] => {
  const two = direct(kind, { select: 'rr', endpoints: [`${server}:80`, '10.0.2.11:80'] })
  return [
    {
      name: `${kind}: a connection is followed by what its client says alone`,
      setup: { services: [direct(kind)] },
      steps: [
        sends(tcp(c, v, 'S'), { kind, to: server }),
        flowsAre({ [flow]: 'syn_sent' }),
        sends(tcp(c, v, 'A'), { kind, to: server }),
        flowsAre({ [flow]: 'established' }),
        sends(tcp(c, v, 'PA', { payload: bytes(99) }), { kind, to: server }),
        sends(tcp(c, v, 'FA'), { kind, to: server }),
        flowsAre({ [flow]: 'closing' }),
        sends(tcp(c, v, 'A'), { kind, to: server }),
        flowsAre({ [flow]: 'closing' }),
        liveFlows(1),
        wait(timeouts.closing),
        expires(1),
        liveFlows(0),
      ],
    },
    {
      name: `${kind}: a RST closes the connection and reaches the endpoint`,
      setup: { services: [direct(kind)] },
      steps: [
        sends(tcp(c, v, 'S'), { kind, to: server }),
        sends(tcp(c, v, 'R'), { kind, to: server }),
        flowsAre({ [flow]: 'closed' }),
        wait(timeouts.closed),
        expires(1, 'queue'),
        liveFlows(0),
      ],
    },
    {
      name: `${kind}: a connection keeps its endpoint while that is drained, and a new one goes elsewhere`,
      setup: { services: [two] },
      steps: [
        sends(tcp(c, v, 'S'), { kind, to: server }),
        changes(drain(two, 0)),
        sends(tcp(c, v, 'A'), { kind, to: server }),
        sends(tcp(c, v, 'FA'), { kind, to: server }),
        sends(tcp(c, v, 'S'), { kind, to: '10.0.2.11' }),
        flowsAre({ [flow]: 'syn_sent' }),
        liveFlows(1),
      ],
    },
    {
      name: `${kind}: the middle of an unknown connection goes where the hash sends it`,
      setup: { services: [direct(kind)] },
      steps: [
        sends(tcp(c, v, 'A', { payload: bytes(20) }), { kind, to: server }),
        ends(tcp(`${client}:2`, v, 'R'), 'drop_no_flow'),
      ],
    },
    {
      name: `${kind}: two clients behind the same port, and one with two services, have flows of their own`,
      setup: { services: [direct(kind), direct(kind, { port: 81 })] },
      steps: [
        sends(tcp(c, v, 'S'), { kind, to: server }),
        sends(tcp('10.0.1.3:40000', v, 'S'), { kind, to: server }),
        sends(tcp(c, `${vip}:81`, 'S'), { kind, to: server }),
        liveFlows(3),
      ],
    },
    {
      name: `${kind}: an endpoint's own packet to the client is none of ours`,
      setup: { services: [direct(kind)] },
      steps: [
        sends(tcp(c, v, 'S'), { kind, to: server }),
        ends(tcp(v, c, 'SA'), 'pass_not_service', { device: 'server' }),
        ends(tcp(`${server}:80`, c, 'SA'), 'pass_not_service'),
        flowsAre({ [flow]: 'syn_sent' }),
      ],
    },
    {
      name: `${kind}: options, type of service, TTL and padding of the packet are its own`,
      setup: { services: [direct(kind), direct(kind, { protocol: 'udp' })] },
      steps: [
        sends(tcp(c, v, 'S', { ipOptions: bytes(12), tos: 0xb9, ttl: 2 }), { kind, to: server }),
        sends(udp(c, v, { noChecksum: true, ttl: 255, identification: 0xffff }), { kind, to: server }),
        sends(udp(c, v, { checksumError: 7, dontFragment: true }), { kind, to: server }),
        ends(tcp(c, v, 'A', { ttl: 1 }), 'pass_ttl'),
      ],
    },
    {
      name: `${kind}: IPv6 keeps its extension headers and flow label`,
      setup: { services: [direct(kind, { vip: vip6, protocol: 'udp' })] },
      steps: [
        sends(
          udp(c6, v6, { flowLabel: 0x12345, tos: 0xb9, extensions: [{ kind: 'hop-by-hop' }, { kind: 'destination' }] }),
          { kind, to: server6 },
        ),
      ],
    },
    {
      name: `${kind}: an endpoint without a usable route is not reached, and makes no flow`,
      setup: { services: [direct(kind, { endpoints: ['10.9.1.1:80'] })] },
      steps: [ends(tcp(c, v, 'S'), 'drop_no_route'), flowsAre({})],
    },
  ]
})

const perTunnel = (['ip', 'gue'] as const).flatMap((kind): readonly Case[] =>
  ([4, 6] as const).flatMap((inner) =>
    ([4, 6] as const).map((outer): Case => {
      const [from, to, header] = inner === 4 ? [c, v, 28] : [c6, v6, 48]
      const address = outer === 4 ? server : server6
      const room = 1500 - growth[kind][outer] - header
      return {
        name: `${kind}: IPv${inner} in IPv${outer} just fits, and is told to its sender where it does not`,
        setup: {
          services: [
            direct(kind, {
              protocol: 'udp',
              vip: inner === 4 ? vip : vip6,
              endpoints: [outer === 4 ? `${server}:80` : `[${server6}]:80`],
            }),
          ],
        },
        steps: [
          tooBig(udp(from, to, { payload: bytes(room + 1) })),
          flowsAre({}),
          sends(udp(from, to, { payload: bytes(room) }), { kind, to: address }),
          tooBig(udp(from, to, { payload: bytes(room + 1) })),
        ],
      }
    }),
  ),
)

export const directCases: readonly Case[] = [
  ...perKind,
  ...perTunnel,
  {
    name: 'l2: a packet as long as the link takes is sent, since nothing is put in front',
    setup: { services: [direct('l2', { protocol: 'udp' })] },
    steps: [
      sends(udp(c, v, { payload: bytes(1472) }), { kind: 'l2', to: server }),
      tooBig(udp(c, v, { payload: bytes(1473) })),
    ],
  },
  {
    // The kernel's test run makes super-packets that its own helper does not take for TCP: only refusal is seen here.
    name: 'a super-packet of UDP does not go into a tunnel',
    hooks: ['tc'],
    setup: { services: [direct('ip', { protocol: 'udp' }), direct('gue', { protocol: 'udp', port: 81 })] },
    steps: [
      ends(udp(c, v, { payload: bytes(2000) }), 'drop_gso', { segmentPayload: 1000, segments: 2 }),
      ends(udp(c, `${vip}:81`, { payload: bytes(2000) }), 'drop_gso', { segmentPayload: 1000, segments: 2 }),
    ],
  },
  {
    name: 'an echo request goes to its endpoint inside another packet',
    setup: { services: [direct('ip', { protocol: 'icmp', endpoints: [server] })] },
    steps: [sends(echoRequest(c, vip), { kind: 'ip', to: server })],
  },
  {
    name: 'a service of mode dsr and one of mode dnat with one endpoint do not meet',
    setup: { services: [direct('l2'), service({ port: 81, endpoints: [`${server}:80`] })] },
    steps: [
      sends(tcp(c, v, 'S'), { kind: 'l2', to: server }),
      forwards(tcp(c, `${vip}:81`, 'S'), c, `${server}:80`),
      forwards(tcp(`${server}:80`, c, 'SA'), `${vip}:81`, c),
    ],
  },
]
