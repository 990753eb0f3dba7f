// SIP (RFC 3261), over UDP and TCP.

import { describe, nameOf } from './describe.ts'
import { isAlive, learn, sessions } from './meaning.ts'
import { decode, encode, frame } from './message.ts'
import { translate } from './translate.ts'
import type { Protocol } from '../protocol.ts'
import type { SipMessage } from './message.ts'

export { headersOf } from './headers.ts'
export { splice } from './message.ts'
export { readVia } from './values.ts'
export type { SipMessage } from './message.ts'

/**
 * A proxy answers it itself, since it may not pass it on (RFC 3261, 11). The answer goes to where it came from (RFC
 * 3581), whatever the name says, which no node has (RFC 6761). Whoever sends it puts the transport, a branch and a
 * Call-ID of its own in: two with the same would be taken for one (17.2.3).
 */
const optionsRequest = Buffer.from(
  [
    'OPTIONS sip:monitor.invalid SIP/2.0',
    'Via: SIP/2.0/UDP monitor.invalid;rport;branch=z9hG4bKmonitor',
    'Max-Forwards: 0',
    'From: <sip:monitor@monitor.invalid>;tag=monitor',
    'To: <sip:monitor.invalid>',
    'Call-ID: monitor@monitor.invalid',
    'CSeq: 1 OPTIONS',
    'Accept: application/sdp',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n'),
)

export const sip: Protocol<SipMessage> = {
  name: 'sip',
  title: 'SIP (RFC 3261)',
  carriedBy: [
    { over: 'udp', port: 5060 },
    { over: 'tcp', port: 5060 },
  ],
  decode,
  encode,
  describe,
  nameOf,
  sessions,
  learn,
  translate,
  frame,
  probe: { request: () => decode(new Uint8Array(optionsRequest)), isAlive },
}
