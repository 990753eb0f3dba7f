// Cases: SCTP again, from the specification's side: what passes as it is, what may not stand so, and other addresses of
// an association. C.n in a title is the number of the checklist item that the case shows. The states, tags and restarts
// are in sctp.ts.

import { chunk, chunks, chunkTypes, parameter } from '../../../src/testing/packets/sctp.ts'
import { bytes, client, hosts, server, service, udp, vip, type Case, type Step } from '../case.ts'
import { timeouts } from '../bed.ts'
import { ends, expires, flowsAre, forwards, sends, wait } from '../steps.ts'
import { sctp, tags } from '../talks.ts'
import type { SctpPacket } from '../../../src/testing/packets.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const second = '10.0.1.3:40000'
const { client: a, endpoint: b } = tags
const setup = { services: [service({ protocol: 'sctp' })] }
const two = service({ protocol: 'sctp', select: 'rr', endpoints: [s, '10.0.2.11:8080'] })

/** The client's packets carry the endpoint's tag, and the other way. */
const up = (...list: readonly Uint8Array[]): SctpPacket => sctp(c, v, b, ...list)
const down = (...list: readonly Uint8Array[]): SctpPacket => sctp(s, c, a, ...list)
const goesUp = (...list: readonly Uint8Array[]): Step => forwards(up(...list), c, s)
const goesDown = (...list: readonly Uint8Array[]): Step => forwards(down(...list), v, c)

const init = sctp(c, v, 0, chunks.init(a))
const openings = [forwards(init, c, s), goesDown(chunks.initAck(b))] as const
const opened: readonly Step[] = [...openings, goesUp(chunks.cookieEcho()), goesDown(chunks.cookieAck())]
const state = (name: string): Step => flowsAre({ [`${c} -> ${v}`]: name })
const data = chunks.data(bytes(40))

const signals: Readonly<Record<string, { readonly before: readonly Step[]; readonly packet: SctpPacket }>> = {
  INIT: { before: [], packet: init },
  'INIT ACK': { before: [openings[0]], packet: down(chunks.initAck(b)) },
  'COOKIE ECHO': { before: openings, packet: up(chunks.cookieEcho()) },
  'COOKIE ACK': { before: [...openings, goesUp(chunks.cookieEcho())], packet: down(chunks.cookieAck()) },
  ABORT: { before: opened, packet: up(chunks.abort()) },
  SHUTDOWN: { before: opened, packet: up(chunks.shutdown()) },
  'SHUTDOWN ACK': { before: opened, packet: down(chunks.shutdownAck()) },
  'SHUTDOWN COMPLETE': {
    before: [...opened, goesUp(chunks.shutdown()), goesDown(chunks.shutdownAck())],
    packet: up(chunks.shutdownComplete()),
  },
}

const parameters = {
  'C.5: a host name address': parameter(11, new TextEncoder().encode('amf.example')),
  'C.12: a parameter of NAT friendly SCTP': parameter(0xc007, bytes(0)),
  'a parameter nobody knows': parameter(0xc0ff, bytes(33)),
} as const

const transparent: Readonly<Record<string, Uint8Array>> = {
  'C.11: ASCONF': chunk(chunkTypes.asconf, 0, bytes(20)),
  'C.14: I-DATA': chunk(chunkTypes.iData, 3, bytes(40)),
  'C.14: FORWARD TSN': chunk(chunkTypes.forwardTsn, 0, bytes(8)),
  'C.14: RE-CONFIG': chunk(chunkTypes.reConfig, 0, bytes(16)),
  'C.14: AUTH': chunk(chunkTypes.auth, 0, bytes(24)),
  'C.14: a chunk nobody knows': chunk(77, 0xff, bytes(9)),
}

const strangers: Readonly<Record<string, Uint8Array>> = {
  DATA: data,
  HEARTBEAT: chunks.heartbeat(),
  'COOKIE ECHO': chunks.cookieEcho(),
  'SHUTDOWN ACK': chunks.shutdownAck(),
  ABORT: chunks.abort(),
  'INIT ACK': chunks.initAck(b),
  'COOKIE ACK': chunks.cookieAck(),
  'SHUTDOWN COMPLETE': chunks.shutdownComplete(),
}

export const associationCases: readonly Case[] = [
  ...Object.entries(signals).map(([name, { before, packet }]): Case => ({
    name: `C.1: ${name} with a wrong CRC32c is dropped, and the right one goes its way`,
    setup,
    steps: [
      ...before,
      ends({ ...packet, crcError: 0x00010000 }, 'drop_bad_checksum'),
      packet.from === s ? forwards(packet, v, c) : forwards(packet, c, s),
    ],
  })),
  {
    name: 'the CRC32c is right after new ports, for packets of every length, with padding and IPv4 options',
    setup,
    steps: [
      ...opened,
      ...[1, 2, 3, 4, 5, 63, 64, 65, 255, 256, 500, 1000, 1399, 1400, 1440].map((length) =>
        goesUp(chunks.data(bytes(length))),
      ),
      forwards({ ...up(data), trailer: bytes(9) }, c, s),
      forwards({ ...up(data), ipOptions: new Uint8Array(8).fill(1) }, c, s),
    ],
  },
  {
    name: 'a client keeps its port where that is free, and the second one gets another',
    setup: { services: [service({ protocol: 'sctp', mode: 'fullnat', endpoints: [`${server}:80`] })] },
    steps: [
      forwards(init, `${vip}:40000`, `${server}:80`),
      forwards(sctp(second, v, 0, chunks.init(a)), `${vip}:?other`, `${server}:80`),
      forwards(sctp(`${server}:80`, `${vip}:?other`, a, chunks.initAck(b)), v, second),
      forwards(sctp(`${server}:80`, `${vip}:40000`, a, chunks.initAck(b)), v, c),
    ],
  },
  {
    name: 'C.2: INIT ACK that is not alone, or without a tag, is dropped',
    setup,
    steps: [
      openings[0],
      ends(down(chunks.initAck(b), data), 'drop_sctp_chunk'),
      ends(down(chunks.initAck(0)), 'drop_sctp_chunk'),
      state('syn_sent'),
    ],
  },
  {
    name: 'an association that nobody confirmed expires, and an idle one, and one that is being shut down',
    setup,
    steps: [
      ...openings,
      wait(timeouts.syn_received - 1),
      expires(0),
      wait(1),
      expires(1),
      ...opened,
      wait(timeouts.established - 1),
      expires(0),
      wait(1),
      expires(1),
      ...opened,
      goesUp(chunks.shutdown()),
      wait(timeouts.closing),
      expires(1),
      flowsAre({}),
    ],
  },
  {
    name: 'C.3: another VIP of the service reaches the endpoint by the tag, which answers by the first',
    setup: { services: [{ ...two, secondary: ['192.0.2.77'] }] },
    steps: [
      ...opened,
      forwards(sctp(second, '192.0.2.77:80', b, chunks.heartbeat()), second, s),
      forwards(sctp(s, second, a, chunks.heartbeatAck()), v, second),
    ],
  },
  {
    name: 'C.3: another address of the client with a tag or port of no association is out of the blue',
    setup: { services: [two] },
    steps: [
      ...opened,
      ends(sctp(second, v, b + 1, chunks.heartbeat()), 'drop_no_flow'),
      ends(sctp(second, v, a, chunks.heartbeat()), 'drop_no_flow'),
      ends(sctp('10.0.1.3:40001', v, b, chunks.heartbeat()), 'drop_no_flow'),
    ],
  },
  ...Object.entries(parameters).map(([name, each]): Case => ({
    name: `${name} in INIT and INIT ACK is the endpoints' business`,
    setup,
    steps: [
      forwards(sctp(c, v, 0, chunks.init(a, each)), c, s),
      goesDown(chunks.initAck(b, each)),
      goesUp(chunks.cookieEcho()),
      state('syn_received'),
    ],
  })),
  ...Object.entries(transparent).map(([name, each]): Case => ({
    name: `${name} passes, alone and bundled`,
    setup,
    steps: [...opened, goesUp(each), goesDown(each, data), goesUp(chunks.sack(), each, data), state('established')],
  })),
  {
    name: 'C.6: COOKIE ECHO passes as it is, with data behind it',
    setup,
    steps: [...openings, goesUp(chunks.cookieEcho(), data, data), goesDown(chunks.cookieAck(), chunks.sack(), data)],
  },
  {
    name: 'C.13: COOKIE ACK with ERROR behind it is seen',
    setup,
    steps: [
      ...openings,
      goesUp(chunks.cookieEcho()),
      goesDown(chunks.cookieAck(), chunks.error()),
      state('established'),
    ],
  },
  {
    name: 'C.10: both sides may say INIT at once',
    setup,
    steps: [
      openings[0],
      forwards(sctp(s, c, 0, chunks.init(b)), v, c),
      forwards(sctp(c, v, b, chunks.initAck(a)), c, s),
      goesDown(chunks.initAck(b)),
      goesUp(chunks.cookieEcho()),
      goesDown(chunks.cookieAck()),
      state('established'),
      goesUp(data),
      goesDown(data),
    ],
  },
  {
    name: 'C.4: in mode dsr nothing is rewritten, the address parameters of INIT included',
    setup: { services: [service({ protocol: 'sctp', mode: 'dsr', encapsulation: 'ip' })] },
    steps: [sends(sctp(c, v, 0, chunks.init(a, parameter(5, Uint8Array.of(10, 0, 1, 3)))), { kind: 'ip', to: server })],
  },
  {
    name: 'C.15: SCTP inside UDP is a UDP flow',
    setup: { services: [service({ protocol: 'udp', port: 9899, endpoints: [`${server}:9899`] })] },
    steps: [
      forwards(udp(`${client}:9899`, `${vip}:9899`, { payload: bytes(60) }), `${client}:9899`, `${server}:9899`),
      forwards(udp(`${server}:9899`, `${client}:9899`, { payload: bytes(60) }), `${vip}:9899`, `${client}:9899`),
    ],
  },
  {
    name: 'C.16: an association whose first packets were seen elsewhere learns its tags from both sides',
    setup: { services: [service({ protocol: 'sctp', outOfTheBlue: 'hash' })] },
    steps: [
      goesUp(data),
      state('syn_sent'),
      goesDown(chunks.sack()),
      state('established'),
      ends(sctp(c, v, b + 1, data), 'drop_sctp_tag'),
      ends(sctp(s, c, a + 1, data), 'drop_sctp_tag'),
      goesUp(data),
    ],
  },
  ...Object.entries(strangers).map(([name, each]): Case => ({
    name: `C.18: ${name} of no association does not reach the kernel`,
    setup,
    steps: [ends(up(each), 'drop_no_flow'), flowsAre({})],
  })),
  {
    name: 'C.18: SCTP for no service is left to the kernel',
    setup,
    steps: [
      ends(sctp(c, `${vip}:81`, 0, chunks.init(a)), 'pass_not_service'),
      ends(sctp(c, '192.0.2.2:80', b, data), 'pass_not_service'),
    ],
  },
  {
    name: 'no SCTP header that is cut off is translated',
    setup,
    steps: Array.from({ length: 12 }, (_, length) =>
      ends({ kind: 'other', protocol: 132, from: client, to: vip, payload: bytes(length) }, 'drop_malformed'),
    ),
  },
  {
    name: 'clients behind a gateway have associations too, and so has IPv6',
    setup: { services: [...setup.services, service({ protocol: 'sctp', vip: hosts[6].vip })] },
    steps: [
      forwards(sctp(`${hosts[4].farClient}:1`, v, 0, chunks.init(a)), `${hosts[4].farClient}:1`, s),
      forwards(
        sctp(`[${hosts[6].farClient}]:1`, `[${hosts[6].vip}]:80`, 0, chunks.init(a)),
        `[${hosts[6].farClient}]:1`,
        `[${hosts[6].server}]:8080`,
      ),
    ],
  },
]
