// Cases: which endpoint a flow gets, and what is counted and told of it.

import { flowSlot, selections } from '../../../src/lb/selection/index.ts'
import { buildFrame, parseSocket } from '../../../src/testing/packets.ts'
import { addressBytes } from '../../../src/wire/ip.ts'
import { eventKindNames, flowStateNames } from '../../../src/datapath/layout.gen.ts'
import { expect, bytes, client, server, service, tcp, udp, vip, type Case, type Step } from '../case.ts'
import { check, ends, expires, flowsAre, forwards, wait } from '../steps.ts'
import { timeouts } from '../bed.ts'
import { deviceMac } from '../network.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const addresses = ['10.0.2.10', '10.0.2.11', '10.0.2.12', '10.0.2.13', '10.0.2.14']
const weighted = [{ weight: 2 }, { address: '10.0.2.11' }].map((endpoint) => ({ port: 8080, ...endpoint }))

/** New flows from ports counted up, and the endpoint that each gets. */
function newFlows(hosts: readonly number[]): readonly Step[] {
  return hosts.map((host, i) =>
    forwards(tcp(`${client}:${i + 1}`, v, 'S'), `${client}:${i + 1}`, `10.0.2.${host}:8080`),
  )
}

const spread = service({ endpoints: addresses.map((address, i) => ({ address, port: 8080, weight: 1 + i * 3 })) })
const seed = 0xfeedbeef

/** What the table and the hash of TypeScript say. */
function expectedEndpoint(from: string): string {
  const { slots } = selections.hash.build(spread.endpoints, seed)
  const source = parseSocket(from)
  const slot = flowSlot(
    {
      source: addressBytes(source.address),
      sourcePort: source.port,
      destination: addressBytes(vip),
      destinationPort: 80,
      protocol: 6,
    },
    seed,
    slots.length,
  )
  return `${addresses[slots[slot] ?? 0]}:8080`
}

export const selectCases: readonly Case[] = [
  {
    name: 'round robin takes turns by weight',
    setup: { services: [service({ select: 'rr', endpoints: weighted })] },
    steps: newFlows([10, 11, 10, 10, 11, 10, 10, 11, 10]),
  },
  {
    name: 'round robin moves on with a flow, not with a packet that makes none',
    setup: { services: [service({ select: 'rr', endpoints: [s, '10.0.2.11:8080'] })] },
    steps: [
      ...newFlows([10]),
      ends(tcp(c, v, 'S', { ttl: 1 }), 'pass_ttl'),
      ends(tcp(c, v, 'A'), 'drop_no_flow'),
      ends(tcp(c, v, 'SF'), 'drop_no_flow'),
      forwards(tcp(c, v, 'S'), c, '10.0.2.11:8080'),
      forwards(tcp(c, v, 'S'), c, '10.0.2.11:8080'),
      forwards(tcp(`${client}:9`, v, 'S'), `${client}:9`, s),
    ],
  },
  {
    name: 'the hash chooses what TypeScript computes for the same addresses, ports and seed',
    setup: { services: [spread], seed },
    steps: Array.from({ length: 60 }, (_, i) => `${i % 2 === 0 ? client : '198.51.100.7'}:${1000 + i * 977}`).map(
      (from) => forwards(tcp(from, v, 'S'), from, expectedEndpoint(from)),
    ),
  },
  {
    name: 'the middle of an unknown connection goes where the hash sends it',
    setup: { services: [spread], seed },
    steps: [
      forwards(tcp(c, v, 'A', { payload: bytes(20) }), c, expectedEndpoint(c)),
      flowsAre({ [`${c} -> ${v}`]: 'syn_sent' }), // short-lived, until the endpoint shows that it knows the connection
      forwards(tcp(expectedEndpoint(c), c, 'A'), v, c),
      flowsAre({ [`${c} -> ${v}`]: 'established' }),
      ends(tcp(`${client}:2`, v, 'SA'), 'drop_no_flow'),
      ends(tcp(`${client}:2`, v, 'R'), 'drop_no_flow'),
      ends(tcp(`${client}:2`, v, 'RA'), 'drop_no_flow'),
      ends(tcp(`${client}:2`, v, ''), 'drop_no_flow'),
    ],
  },
  {
    name: 'a connection of which only the end is seen is closed all the same',
    setup: { services: [service()] },
    steps: [
      forwards(tcp(c, v, 'FA'), c, s),
      flowsAre({ [`${c} -> ${v}`]: 'closing' }),
      forwards(tcp(s, c, 'FA'), v, c),
      forwards(tcp(c, v, 'A'), c, s),
      flowsAre({ [`${c} -> ${v}`]: 'closed' }),
    ],
  },
  {
    name: 'the middle of an unknown connection is dropped where the table or the port cannot be the same again',
    setup: {
      services: [
        service({ select: 'rr' }),
        service({ port: 81, mode: 'fullnat' }),
        service({ port: 82, mode: 'onearm' }),
      ],
    },
    steps: [80, 81, 82].flatMap((port) =>
      ['A', 'PA', 'FA', 'R', 'SA', ''].map((flags) => ends(tcp(c, `${vip}:${port}`, flags), 'drop_no_flow')),
    ),
  },
  {
    name: 'packets and bytes are counted for service, endpoint and flow',
    setup: { services: [service(), service({ protocol: 'udp' })] },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      forwards(tcp(s, c, 'SA', { tcpOptions: bytes(12) }), v, c),
      forwards(tcp(c, v, 'A', { payload: bytes(100), trailer: bytes(4) }), c, s),
      forwards(tcp(`${client}:2`, v, 'S'), `${client}:2`, s),
      ends(tcp(c, v, 'A', { ttl: 1 }), 'pass_ttl'),
      forwards(udp(c, v, { payload: bytes(72) }), c, s),
      check(async (_t, bed) => {
        const counts = await bed.counts()
        const tcpCount = { packets: 4, bytes: 40 + 52 + 140 + 40, flows: 2 }
        expect(counts[`${v}/tcp`], tcpCount, 'TCP service')
        expect(counts[`${v}/tcp ${s}`], { ...tcpCount, active: 2 }, 'TCP endpoint')
        expect(counts[`${v}/udp`], { packets: 1, bytes: 100, flows: 1 }, 'UDP service')
        const flow = (await bed.flows()).filter(({ protocol, from, to }) => protocol === 6 && (from === c || to === c))
        const traffic = flow.map(({ reverse, packets, bytes }) => [reverse, packets, bytes])
        expect(
          traffic,
          [
            [false, 2, 180],
            [true, 1, 52],
          ],
          'both directions of the flow',
        )
      }),
    ],
  },
  {
    name: 'a super-packet counts as the packets it becomes',
    hooks: ['tc'],
    setup: { services: [service()] },
    steps: [
      forwards(tcp(c, v, 'A', { payload: bytes(2500) }), c, s, { segmentPayload: 1000, segments: 3 }),
      check(async (_t, bed) => {
        expect((await bed.counts())[`${v}/tcp`], { packets: 3, bytes: 2500 + 3 * 40, flows: 1 }, 'service')
      }),
    ],
  },
  {
    name: 'events tell of a flow when it is made, changes its state and is freed',
    setup: { services: [service()], events: true },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      forwards(tcp(s, c, 'SA'), v, c),
      forwards(tcp(c, v, 'A'), c, s),
      forwards(tcp(c, v, 'A'), c, s),
      forwards(tcp(s, c, 'RA'), v, c),
      wait(timeouts.closed),
      expires(1, 'queue'),
      check(async (_t, bed) => {
        const events = await bed.events()
        const told = events.map(({ kind, state }) => [eventKindNames[kind], flowStateNames[state]])
        expect(
          told,
          [
            ['flow_created', 'syn_sent'],
            ['flow_state', 'syn_received'],
            ['flow_state', 'established'],
            ['flow_state', 'closed'],
            ['flow_closed', 'closed'],
          ],
          'events',
        )
        const first = events[0]?.sequence ?? 0
        for (const [i, event] of events.entries()) {
          expect(event.sequence, first + i, 'sequence')
          expect([event.client.sourcePort, event.client.destinationPort], [40000, 80], 'client side')
          expect([event.endpointSide.sourcePort, event.endpointSide.destinationPort], [8080, 40000], 'endpoint side')
        }
      }),
    ],
  },
  {
    name: 'no event is told when events are off',
    setup: { services: [service()] },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      check(async (_t, bed) => {
        expect((await bed.events()).length, 0, 'events')
      }),
    ],
  },
  {
    name: 'a new table takes effect with the next new flow',
    setup: { services: [service({ select: 'rr' })] },
    steps: [
      ...newFlows([10, 10]),
      check(async (_t, bed, hook) => {
        const from = service({ select: 'rr' })
        await bed.apply([{ kind: 'update', from, to: service({ select: 'rr', endpoints: ['10.0.2.11:8080'] }) }])
        const packet = tcp(`${client}:9`, v, 'S', { ethernetDestination: deviceMac('client') })
        const { frame } = await bed.run(hook, buildFrame(packet))
        expect([...frame.subarray(30, 34)], [10, 0, 2, 11], 'new destination')
      }),
      forwards(tcp(`${client}:1`, v, 'A'), `${client}:1`, s),
    ],
  },
]
