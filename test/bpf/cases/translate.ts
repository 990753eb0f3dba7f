// Cases: what packets look like after the translation, in each mode and for each protocol.

import { bytes, client, echoReply, echoRequest, server, service, tcp, udp, vip, type Case, type Step } from '../case.ts'
import { forwards, forwardsByTc, flowsAre, punts } from '../steps.ts'
import { deviceAddress } from '../network.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const egress = deviceAddress('server')

/** A whole TCP connection: `seen` is what the endpoint sees as its client. */
function connection(seen: string): readonly Step[] {
  const payload = bytes(100)
  const out = (flags: string, more = {}): Step => forwards(tcp(c, v, flags, more), seen, s)
  const back = (flags: string, more = {}): Step => forwards(tcp(s, seen, flags, more), v, c)
  const state = (name: string): Step => flowsAre({ [`${c} -> ${v}`]: name })
  return [
    out('S', { tcpOptions: bytes(20) }),
    state('syn_sent'),
    back('SA', { tcpOptions: bytes(20) }),
    state('syn_received'),
    out('A'),
    state('established'),
    out('PA', { payload }),
    back('A'),
    back('PA', { payload: bytes(1001), tcpOptions: bytes(12) }),
    out('A'),
    state('established'),
    out('FA'),
    state('closing'),
    back('A'),
    back('FA'),
    state('closing'),
    out('A'),
    state('closed'),
    out('A'),
    state('closed'),
  ]
}

/** A question and an answer by UDP or ICMP echo. */
function exchange(request: Step, reply: Step, flow: string): readonly Step[] {
  return [request, flowsAre({ [flow]: 'unreplied' }), request, reply, flowsAre({ [flow]: 'replied' }), request, reply]
}

const udpService = { protocol: 'udp', port: 53, endpoints: [`${server}:5353`] } as const
const uc = `${client}:50000`
const uv = `${vip}:53`
const us = `${server}:5353`

const ic = `${client}:77`
const iv = `${vip}:0`

function udpExchange(seen: string, more = {}): readonly Step[] {
  return exchange(forwards(udp(uc, uv, more), seen, us), forwards(udp(us, seen, more), uv, uc), `${uc} -> ${uv}`)
}

function echoExchange(seen: string): readonly Step[] {
  return exchange(
    forwards(echoRequest(ic, vip), seen, server),
    forwards(echoReply(server, seen), vip, ic),
    `${ic} -> ${iv}`,
  )
}

export const translateCases: readonly Case[] = [
  { name: 'a TCP connection in mode dnat keeps its source', setup: { services: [service()] }, steps: connection(c) },
  {
    name: 'a TCP connection in mode onearm gets the egress address and a port of its own',
    setup: { services: [service({ mode: 'onearm' })] },
    steps: connection(`${egress}:?port`),
  },
  {
    name: 'a TCP connection in mode fullnat gets the VIP and a port of its own',
    setup: { services: [service({ mode: 'fullnat' })] },
    steps: connection(`${vip}:?port`),
  },
  {
    name: 'UDP in mode dnat is unreplied, then replied',
    setup: { services: [service(udpService)] },
    steps: udpExchange(uc),
  },
  {
    name: 'UDP in mode onearm is translated both ways',
    setup: { services: [service({ ...udpService, mode: 'onearm' })] },
    steps: udpExchange(`${egress}:?port`),
  },
  {
    name: 'UDP in mode fullnat is translated both ways',
    setup: { services: [service({ ...udpService, mode: 'fullnat' })] },
    steps: udpExchange(`${vip}:?port`),
  },
  {
    name: 'UDP without a checksum stays without one',
    setup: { services: [service({ ...udpService, mode: 'fullnat' })] },
    steps: udpExchange(`${vip}:?port`, { noChecksum: true }),
  },
  {
    name: 'UDP without payload and with a whole MTU of it is translated',
    setup: { services: [service(udpService)] },
    steps: [
      ...udpExchange(uc, { payload: bytes(0) }),
      forwards(udp(uc, uv, { payload: bytes(1472) }), uc, us),
      forwards(udp(us, uc, { payload: bytes(1471) }), uv, uc),
    ],
  },
  {
    name: 'ICMP echo in mode dnat is translated both ways',
    setup: { services: [service({ protocol: 'icmp' })] },
    steps: echoExchange(ic),
  },
  {
    name: 'ICMP echo in mode fullnat gets an identifier of its own',
    setup: { services: [service({ protocol: 'icmp', mode: 'fullnat' })] },
    steps: echoExchange(`${vip}:?id`),
  },
  {
    name: 'two clients with the same source port get different ports in mode fullnat',
    setup: { services: [service({ mode: 'fullnat' })] },
    steps: [
      forwards(tcp(c, v, 'S'), `${vip}:?one`, s),
      forwards(tcp('10.0.1.3:40000', v, 'S'), `${vip}:?two`, s),
      forwards(tcp('198.51.100.7:40000', v, 'S'), `${vip}:?three`, s),
      forwards(tcp(s, `${vip}:?two`, 'SA'), v, '10.0.1.3:40000'),
      forwards(tcp(s, `${vip}:?one`, 'SA'), v, c),
      forwards(tcp(s, `${vip}:?three`, 'SA'), v, '198.51.100.7:40000'),
    ],
  },
  {
    name: 'two clients with the same identifier get different ones in mode fullnat',
    setup: { services: [service({ protocol: 'icmp', mode: 'fullnat' })] },
    steps: [
      forwards(echoRequest(ic, vip), `${vip}:?one`, server),
      forwards(echoRequest('10.0.1.3:77', vip), `${vip}:?two`, server),
      forwards(echoReply(server, `${vip}:?two`), vip, '10.0.1.3:77'),
      forwards(echoReply(server, `${vip}:?one`), vip, ic),
    ],
  },
  {
    name: 'an endpoint without a port of its own keeps the port',
    setup: { services: [service({ endpoints: [`${server}:80`] })] },
    steps: [forwards(tcp(c, v, 'S'), c, `${server}:80`), forwards(tcp(`${server}:80`, c, 'SA'), v, c)],
  },
  {
    name: 'IPv4 options are counted and kept',
    setup: { services: [service(), service(udpService), service({ protocol: 'icmp' })] },
    steps: [4, 8, 40].flatMap((count) => {
      const more = { ipOptions: new Uint8Array(count).fill(1) }
      return [
        forwards(tcp(`${client}:${count}`, v, 'S', { ...more, tcpOptions: bytes(40) }), `${client}:${count}`, s),
        forwards(tcp(s, `${client}:${count}`, 'SA', more), v, `${client}:${count}`),
        forwards(udp(uc, uv, more), uc, us),
        forwards(echoRequest(ic, vip, more), ic, server),
      ]
    }),
  },
  {
    name: 'the type of service, identification and padding of a frame are kept',
    setup: { services: [service()] },
    steps: [
      forwards(tcp(c, v, 'S', { tos: 0xb8, identification: 0xffff, dontFragment: true, trailer: bytes(6) }), c, s),
    ],
  },
  {
    name: 'a wrong transport checksum stays wrong by the same error',
    setup: {
      services: [
        service(),
        service({ ...udpService, mode: 'fullnat' }),
        service({ protocol: 'icmp', mode: 'fullnat' }),
      ],
    },
    steps: [1, 0x1234, 0xfffe].flatMap((checksumError) => [
      forwards(tcp(c, v, 'S', { checksumError }), c, s),
      forwards(tcp(s, c, 'SA', { checksumError }), v, c),
      forwards(udp(uc, uv, { checksumError }), `${vip}:?udp`, us),
      forwards(echoRequest(ic, vip, { checksumError }), `${vip}:?id`, server),
    ]),
  },
  {
    name: "an endpoint on the client's own link is answered through the same device",
    setup: { services: [service({ endpoints: ['10.0.1.20:8080'], mode: 'fullnat' })] },
    steps: [
      forwards(tcp(c, v, 'S'), `${vip}:?port`, '10.0.1.20:8080'),
      forwards(tcp('10.0.1.20:8080', `${vip}:?port`, 'SA'), v, c),
    ],
  },
  {
    name: 'clients behind a gateway are answered through it',
    setup: { services: [service()] },
    steps: [
      forwards(tcp('198.51.100.7:1', v, 'S'), '198.51.100.7:1', s),
      forwards(tcp(s, '198.51.100.7:1', 'SA'), v, '198.51.100.7:1'),
    ],
  },
  {
    name: 'a frame of several pages is left to TC, because not every device sends such a frame from XDP',
    hooks: ['xdp'],
    setup: { services: [service({ ...udpService, endpoints: ['10.0.6.10:5353'] })] },
    steps: [
      forwardsByTc(udp('10.0.6.2:9', uv, { payload: bytes(3600) }), 'to_tc_device', '10.0.6.2:9', '10.0.6.10:5353'),
    ],
  },
  {
    name: 'a super-packet is sent whole, longer than the link takes',
    hooks: ['tc'],
    setup: { services: [service()] },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      forwards(tcp(c, v, 'A', { payload: bytes(2896) }), c, s, { segmentPayload: 1448, segments: 2 }),
    ],
  },
  {
    name: 'of a super-packet whose segments are too long the sender is told',
    hooks: ['tc'],
    setup: { services: [service()] },
    steps: [
      forwards(tcp(c, v, 'S'), c, s),
      punts(tcp(c, v, 'A', { payload: bytes(3000) }), 'too_big', { segmentPayload: 1500, segments: 2 }),
    ],
  },
]
