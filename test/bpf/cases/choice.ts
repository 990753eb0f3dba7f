// Cases: how endpoints are chosen by what is remembered or counted: persist, lc, priority. Round robin and the hash are
// in select.ts.

import { buildFrame, parseSocket } from '../../../src/testing/packets.ts'
import {
  block,
  client,
  drain,
  expect,
  server,
  server6,
  service,
  tcp,
  vip,
  vip6,
  type Case,
  type Step,
} from '../case.ts'
import { deviceMac } from '../network.ts'
import { timeouts } from '../bed.ts'
import { changes, check, ends, expires, forwards, wait } from '../steps.ts'

const v = `${vip}:80`
const s = `${server}:8080`
const t = '10.0.2.11:8080'
const u = '10.0.2.12:8080'
const ticksPerSecond = 128

const syn = (port: number, to: string): Step => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, to)

/** Says where a new flow goes; the address must not be this one. */
function goesElsewhere(port: number, not: string): Step {
  return check(async (_t, bed, hook) => {
    const packet = tcp(`${client}:${port}`, v, 'S', { ethernetDestination: deviceMac('client') })
    const { frame, verdicts } = await bed.run(hook, buildFrame(packet))
    expect(
      verdicts.map(({ verdict }) => verdict),
      ['forward'],
      'verdict',
    )
    const found = [...frame.subarray(30, 34)].join('.')
    if (found === parseSocket(not).address) throw new Error(`the flow went to ${found}`)
  })
}

const one = service({ select: 'persist', persistTimeout: 10 })
/** A table that hardly ever gives the first endpoint. */
const many = {
  ...one,
  endpoints: [
    ...one.endpoints,
    ...Array.from({ length: 20 }, (_, i) => ({ ...one.endpoints[0]!, address: `10.0.2.${20 + i}`, weight: 10 })),
  ],
}
const attach = changes({ kind: 'update', from: one, to: many })

const persistCases: readonly Case[] = [
  {
    name: 'persist: a client keeps its endpoint from connection to connection, though the table says another',
    setup: { services: [one] },
    steps: [syn(1, s), attach, syn(2, s), syn(3, s), syn(65_535, s)],
  },
  {
    name: 'persist: a client that was away for longer than said gets what the table says',
    setup: { services: [one] },
    steps: [
      syn(1, s),
      attach,
      wait(9 * ticksPerSecond),
      syn(2, s),
      wait(9 * ticksPerSecond),
      syn(3, s),
      wait(10 * ticksPerSecond),
      goesElsewhere(4, s),
    ],
  },
  {
    name: 'persist: a client whose endpoint takes no new flows gets another, and keeps that',
    setup: { services: [one] },
    steps: [
      syn(1, s),
      attach,
      changes(drain(many, 0)),
      goesElsewhere(2, s),
      changes({ kind: 'update', from: many, to: many }),
      goesElsewhere(3, s),
    ],
  },
  {
    name: 'persist: clients are told apart by their whole address, and their port does not count',
    setup: {
      services: [
        service({
          select: 'persist',
          vip: vip6,
          endpoints: [server6, 'fd00:0:0:2::11', 'fd00:0:0:2::12'].map((address) => ({ address, port: 8080 })),
        }),
      ],
    },
    steps: [
      check(async (_t, bed, hook) => {
        const to = new Map<string, string>()
        for (const host of [2, 3, 4, 5, 6, 7, 8, 20, 100, 200])
          for (const port of [1, 1000, 65_535]) {
            const from = `[fd00:0:0:1::${host}]:${port}`
            const packet = tcp(from, `[${vip6}]:80`, 'S', { ethernetDestination: deviceMac('client') })
            const { frame } = await bed.run(hook, buildFrame(packet))
            const endpoint = Buffer.from(frame.subarray(38, 54)).toString('hex')
            expect(to.get(String(host)) ?? endpoint, endpoint, `endpoint of ${from}`)
            to.set(String(host), endpoint)
          }
        expect(new Set(to.values()).size, 3, 'endpoints that ten clients reach')
      }),
    ],
  },
]

const least = service({ select: 'lc', endpoints: [s, t, u] })
const heavy = service({
  select: 'lc',
  endpoints: [
    { address: server, port: 8080, weight: 3 },
    { address: '10.0.2.11', port: 8080 },
  ],
})

const leastCases: readonly Case[] = [
  {
    name: 'lc: a new flow goes where the fewest are',
    setup: { services: [least] },
    steps: [syn(1, s), syn(2, t), syn(3, u), syn(4, s), syn(5, t), syn(6, u)],
  },
  {
    name: 'lc: a flow that has ended counts no longer',
    setup: { services: [least] },
    steps: [
      ...[s, t, u, s, t, u].map((to, i) => syn(i + 1, to)),
      ...[2, 5].map((port) => forwards(tcp(`${client}:${port}`, v, 'R'), `${client}:${port}`, t)),
      wait(timeouts.closed),
      expires(2, 'queue'),
      syn(7, t),
      syn(8, t),
      syn(9, s),
    ],
  },
  {
    name: 'lc: weights count',
    setup: { services: [heavy] },
    steps: [syn(1, s), syn(2, s), syn(3, s), syn(4, t), syn(5, s), syn(6, s), syn(7, s), syn(8, t)],
  },
  {
    name: 'lc: an endpoint that takes no new flows is not compared',
    setup: { services: [least] },
    steps: [syn(1, s), changes(drain(least, 1)), syn(2, u), syn(3, s), syn(4, u)],
  },
  {
    name: 'lc: a service whose endpoints take nothing drops by name',
    setup: {
      services: [service({ select: 'lc', endpoints: [{ drained: true }, { address: '10.0.2.11', weight: 0 }] })],
    },
    steps: [ends(tcp(`${client}:1`, v, 'S'), 'drop_no_endpoint')],
  },
]

const ranked = service({
  select: 'priority',
  endpoints: [
    { address: server, port: 8080, priority: 0 },
    { address: '10.0.2.11', port: 8080, priority: 0 },
    { address: '10.0.2.12', port: 8080, priority: 5 },
  ],
})

const priorityCases: readonly Case[] = [
  {
    name: 'priority: those with the lowest number take all, in turn',
    setup: { services: [ranked] },
    steps: [syn(1, s), syn(2, t), syn(3, s), syn(4, t)],
  },
  {
    name: 'priority: the next number takes over when none of the lowest takes flows',
    setup: { services: [ranked] },
    steps: [
      syn(1, s),
      changes({
        kind: 'update',
        from: ranked,
        to: { ...ranked, endpoints: ranked.endpoints.map((each) => ({ ...each, drained: each.priority === 0 })) },
      }),
      syn(2, u),
      forwards(tcp(s, `${client}:1`, 'SA'), v, `${client}:1`),
      changes({ kind: 'update', from: ranked, to: ranked }),
      forwards(tcp(`${client}:3`, v, 'S'), `${client}:3`, t),
    ],
  },
  {
    name: 'priority: a blocked endpoint leaves all to the other of its number',
    setup: { services: [ranked] },
    steps: [changes(block(ranked, 0)), syn(1, t), syn(2, t)],
  },
]

export const choiceCases: readonly Case[] = [...persistCases, ...leastCases, ...priorityCases]
