// Diameter (RFC 6733) and the applications that 3GPP has made of it, over TCP and SCTP.

import { decode, encode, frame } from './codec.ts'
import { commands } from './commands.ts'
import { describe, nameOf } from './describe.ts'
import { learn, sessions } from './meaning.ts'
import { isSuccess } from './result-codes.ts'
import { translate } from './translate.ts'
import { mandatory, writeAvps } from './tree.ts'
import { codes, findNumber } from './walk.ts'
import type { Protocol } from '../protocol.ts'
import type { DiameterMessage } from './codec.ts'
import type { Avp } from './tree.ts'

export { mandatory, readAvps, writeAvps } from './tree.ts'
export type { DiameterMessage } from './codec.ts'
export type { Avp } from './tree.ts'

const text = (code: number, value: string): Avp => ({
  code,
  vendor: null,
  flags: mandatory,
  value: new Uint8Array(Buffer.from(value, 'utf8')),
})

/** A name that no node has (RFC 6761): whoever keeps a connection with the peer puts its own in. */
const monitor = writeAvps([text(codes.originHost, 'monitor.invalid'), text(codes.originRealm, 'invalid')])

export const diameter: Protocol<DiameterMessage> = {
  name: 'diameter',
  title: 'Diameter (RFC 6733)',
  carriedBy: [
    { over: 'tcp', port: 3868 },
    { over: 'sctp', ppid: 46 },
  ],
  decode,
  encode,
  describe,
  nameOf,
  sessions,
  learn,
  translate,
  frame,
  probe: {
    request: () => ({
      request: true,
      proxiable: false,
      error: false,
      retransmitted: false,
      reserved: 0,
      command: commands.deviceWatchdog,
      application: 0,
      hopByHop: 0,
      endToEnd: 0,
      body: monitor,
    }),
    isAlive: ({ body, command, request }) =>
      command === commands.deviceWatchdog && !request && isSuccess(findNumber(body, codes.resultCode)),
  },
}
