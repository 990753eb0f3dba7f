// GTP-C, version 2 (TS 29.274): control of sessions and bearers between MME, SGW, PGW and their like, over UDP to port
// 2123.

import { describeElements } from '../element-table.ts'
import { teidText } from '../session-keys.ts'
import { decode, encode } from './v2-codec.ts'
import { elements, types } from './v2-elements.ts'
import { learn, sessions, translate } from './v2-meaning.ts'
import { messageNames, messageTypes } from './v2-names.ts'
import { spans } from './v2-walk.ts'
import type { Description, Protocol } from '../protocol.ts'
import type { Gtpv2Message } from './v2-codec.ts'

const nameOf = ({ type }: Gtpv2Message): string => messageNames[type] ?? `Message ${type}`

function describe(message: Gtpv2Message): Description {
  const { body, piggybacks, priority, sequence, teid } = message
  return {
    name: nameOf(message),
    fields: {
      ...(teid === null ? {} : { teid: teidText(teid) }),
      sequence,
      ...(priority === null ? {} : { priority }),
      ...(piggybacks ? { piggybacks } : {}),
      ...describeElements({ types, spans }, body, 0, body.length),
    },
  }
}

/**
 * The restart counter of a monitor, which has no sessions to lose, stays 0. An answer is told by the sequence number
 * that the sender puts in.
 */
const echoRequest: Gtpv2Message = {
  type: messageTypes.echoRequest,
  teid: null,
  sequence: 0,
  priority: null,
  piggybacks: false,
  spare: 0,
  body: Uint8Array.of(elements.recovery, 0, 1, 0, 0),
}

export const gtpv2: Protocol<Gtpv2Message> = {
  name: 'gtpv2',
  title: 'GTP-C version 2 (TS 29.274)',
  carriedBy: [{ over: 'udp', port: 2123 }],
  decode,
  encode,
  describe,
  nameOf,
  sessions,
  learn,
  translate,
  probe: { request: () => echoRequest, isAlive: ({ type }) => type === messageTypes.echoResponse },
}
