// TFTP: a server answers a request from a new port (RFC 1350 4), to the address and port that the request came from.
// The request lets that answer in; from then on the transfer is a flow that the fast path knows.

import { decodeTftp } from '../../../protocols/tftp/index.ts'
import { DecodeError } from '../../../wire/decode-error.ts'
import { parseIp } from '../../../wire/ip-packet.ts'
import { controlOf, wayOf } from './control.ts'
import { passedOn, readUdp, writeUdp } from './segment.ts'
import type { Control } from './control.ts'
import type { Answer, PuntedPacket } from '../handler.ts'
import type { Expectation } from '../../expectations.ts'

/** Servers answer at once, or the client asks again. */
const lifetimeMs = 10_000

export function handleTftp(packet: PuntedPacket): Answer {
  const control = controlOf(packet)
  if (control === null) throw new DecodeError('no flow', 0)
  const ip = parseIp(packet.packet)
  const datagram = readUdp(ip)
  const request = control.from === 'client' ? decodeTftp(datagram.payload) : null
  if (request !== null && request.kind !== 'read' && request.kind !== 'write' && request.kind !== 'error')
    throw new DecodeError('not a request', 0)
  const translated = writeUdp(datagram, ...wayOf(control.from, control.ends), passedOn(ip))
  const expects = request !== null && request.kind !== 'error'
  return {
    kind: 'send',
    changes: expects ? [{ kind: 'expect', expectation: answerTo(control) }] : [],
    packets: [translated],
  }
}

/** Seen from the server, which begins it: it is the client of this flow. */
function answerTo({ ends, name, service }: Control): Expectation {
  return {
    service,
    protocol: 17,
    address: ends.source.address,
    port: ends.source.port,
    from: ends.server.address,
    to: ends.client,
    source: ends.vip.address,
    lifetimeMs,
    owner: name,
  }
}
