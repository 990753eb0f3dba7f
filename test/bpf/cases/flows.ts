// Cases: the life of flows: states, timeouts, ports of clients used again.

import { expect, client, drain, server, service, tcp, udp, echoRequest, vip, type Case, type Step } from '../case.ts'
import { check, changes, ends, expires, flowsAre, closing, forwards, handshake, liveFlows, wait } from '../steps.ts'
import { timeouts } from '../bed.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const flow = `${c} -> ${v}`
const dnat = { services: [service()] }
const two = service({ endpoints: [s, '10.0.2.11:8080'], select: 'rr' })

const opening = handshake(c, v, s)
const close = closing(c, v, s)

/** Just too young to be freed, then old enough. */
function timesOut(state: keyof typeof timeouts): readonly Step[] {
  return [wait(timeouts[state] - 1), expires(0), wait(1), expires(1), flowsAre({})]
}

export const flowCases: readonly Case[] = [
  {
    name: 'a connection of which only the SYN was seen expires',
    setup: dnat,
    steps: [opening[0]!, ...timesOut('syn_sent')],
  },
  {
    name: 'a connection that the client never confirmed expires',
    setup: dnat,
    steps: [...opening.slice(0, 2), ...timesOut('syn_received')],
  },
  {
    name: 'an established connection expires when it has been idle',
    setup: dnat,
    steps: [...opening, ...timesOut('established')],
  },
  {
    name: 'a packet from either side keeps a connection alive',
    setup: dnat,
    steps: [
      ...opening,
      wait(timeouts.established - 1),
      forwards(tcp(s, c, 'A'), v, c),
      wait(timeouts.established - 1),
      expires(0),
      forwards(tcp(c, v, 'A'), c, s),
      ...timesOut('established'),
    ],
  },
  {
    name: 'a half-closed connection expires',
    setup: dnat,
    steps: [...opening, forwards(tcp(s, c, 'FA'), v, c), flowsAre({ [flow]: 'closing' }), ...timesOut('closing')],
  },
  {
    name: 'a closed connection is freed from the queue',
    setup: dnat,
    steps: [
      ...opening,
      ...close,
      flowsAre({ [flow]: 'closed' }),
      liveFlows(1),
      wait(timeouts.closed - 1),
      expires(0, 'queue'),
      wait(1),
      expires(1, 'queue'),
      flowsAre({}),
      liveFlows(0),
    ],
  },
  {
    name: 'a closed connection that the queue has lost is freed by the sweep',
    setup: dnat,
    steps: [...opening, ...close, wait(timeouts.closed - 1), expires(0), wait(1), expires(1), flowsAre({})],
  },
  ...['R', 'RA'].map((flags): Case => ({
    name: `a RST ${flags === 'R' ? 'of the client' : 'ACK of the endpoint'} closes the connection and goes on`,
    setup: dnat,
    steps: [
      ...opening,
      flags === 'R' ? forwards(tcp(c, v, flags), c, s) : forwards(tcp(s, c, flags), v, c),
      flowsAre({ [flow]: 'closed' }),
      forwards(tcp(c, v, flags), c, s),
      flowsAre({ [flow]: 'closed' }),
      wait(timeouts.closed),
      expires(1, 'queue'),
    ],
  })),
  {
    name: 'a RST that neither side has taken for its own does not end the connection',
    setup: dnat,
    steps: [
      ...opening,
      forwards(tcp(c, v, 'R'), c, s),
      flowsAre({ [flow]: 'closed' }),
      forwards(tcp(s, c, 'A'), v, c),
      flowsAre({ [flow]: 'established' }),
      wait(timeouts.closed),
      expires(0, 'queue'),
      forwards(tcp(c, v, 'FA'), c, s),
      forwards(tcp(c, v, 'R'), c, s),
      forwards(tcp(s, c, 'A'), v, c),
      flowsAre({ [flow]: 'closing' }),
    ],
  },
  {
    name: 'a refused connection is closed and may be tried again',
    setup: dnat,
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      forwards(tcp(s, c, 'RA'), v, c),
      flowsAre({ [flow]: 'closed' }),
      forwards(tcp(c, v, 'S'), c, s),
      flowsAre({ [flow]: 'syn_sent' }),
      wait(timeouts.closed),
      // The queue still holds the earlier closing; the flow lives again.
      expires(0, 'queue'),
      forwards(tcp(s, c, 'SA'), v, c),
      forwards(tcp(c, v, 'A'), c, s),
      flowsAre({ [flow]: 'established' }),
    ],
  },
  {
    name: 'SYNs and SYN ACKs that are sent again change nothing',
    setup: dnat,
    steps: [
      opening[0]!,
      ...opening.slice(0, 2),
      opening[1]!,
      flowsAre({ [flow]: 'syn_received' }),
      ...opening.slice(2),
      opening[0]!,
      opening[1]!,
      flowsAre({ [flow]: 'established' }),
      liveFlows(1),
    ],
  },
  {
    name: 'a SYN uses a closing connection again, with the same endpoint',
    setup: { services: [two] },
    steps: [
      ...opening,
      ...close,
      ...opening,
      ...close,
      ...opening,
      flowsAre({ [flow]: 'established' }),
      liveFlows(1),
      check(async (_t, bed) => {
        const counts = await bed.counts()
        expect(counts[`${v}/tcp ${s}`]?.flows, 3, 'flows ever made')
      }),
    ],
  },
  {
    name: 'a SYN on a closed connection goes to another endpoint when its own is drained',
    setup: { services: [two] },
    steps: [
      ...opening,
      ...close,
      changes(drain(two, 0)),
      forwards(tcp(c, v, 'S'), c, '10.0.2.11:8080'),
      forwards(tcp('10.0.2.11:8080', c, 'SA'), v, c),
      flowsAre({ [flow]: 'syn_received' }),
      liveFlows(1),
    ],
  },
  {
    name: 'a drained endpoint keeps its flows and takes no new ones',
    setup: { services: [two] },
    steps: [
      ...opening,
      changes(drain(two, 0)),
      forwards(tcp(c, v, 'PA'), c, s),
      forwards(tcp(s, c, 'A'), v, c),
      ...[1, 2, 3].map((port) => forwards(tcp(`${client}:${port}`, v, 'S'), `${client}:${port}`, '10.0.2.11:8080')),
    ],
  },
  {
    name: 'the flows of a removed service live on, and it takes no new ones',
    setup: dnat,
    steps: [
      ...opening,
      changes({ kind: 'remove', service: service() }),
      forwards(tcp(c, v, 'PA'), c, s),
      forwards(tcp(s, c, 'A'), v, c),
      ends(tcp(`${client}:1`, v, 'S'), 'pass_not_service'),
    ],
  },
  {
    name: 'UDP and ICMP flows expire, sooner when nobody has replied',
    setup: { services: [service({ protocol: 'udp' }), service({ protocol: 'icmp' })] },
    steps: [
      forwards(udp(c, v), c, s),
      forwards(udp(`${client}:2`, v), `${client}:2`, s),
      forwards(udp(s, c), v, c),
      forwards(echoRequest(`${client}:9`, vip), `${client}:9`, server),
      wait(timeouts.unreplied - 1),
      expires(0),
      wait(1),
      expires(2),
      flowsAre({ [flow]: 'replied' }),
      wait(timeouts.replied - timeouts.unreplied - 1),
      expires(0),
      wait(1),
      expires(1),
      flowsAre({}),
    ],
  },
]
