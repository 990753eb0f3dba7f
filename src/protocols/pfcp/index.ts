// PFCP (TS 29.244): the messages between control plane and user plane, over UDP to port 8805.

import { describeElements } from '../element-table.ts'
import { decode, encode } from './codec.ts'
import { types } from './elements.ts'
import { elements, learn, sessions, translate } from './meaning.ts'
import { seidText } from '../session-keys.ts'
import { messageNames, messageTypes } from './messages.ts'
import { writeElements } from './tree.ts'
import { spans } from './walk.ts'
import type { Description, Protocol } from '../protocol.ts'
import type { PfcpMessage } from './codec.ts'

export { splitPfcp } from './codec.ts'
export { messageTypes } from './messages.ts'
export { readElements, writeElements } from './tree.ts'
export { typedFSeid, typedFTeid, typedNodeId, typedNumber, typedUeIpAddress } from './typed.ts'
export type { PfcpMessage } from './codec.ts'
export type { PfcpElement } from './tree.ts'

const nameOf = ({ type }: PfcpMessage): string => messageNames[type] ?? `Message ${type}`

function describe(message: PfcpMessage): Description {
  const { body, followOn, priority, seid, sequence } = message
  return {
    name: nameOf(message),
    fields: {
      ...(seid === null ? {} : { seid: seidText(seid) }),
      sequence,
      ...(priority === null ? {} : { priority }),
      ...(followOn ? { followOn } : {}),
      ...describeElements({ types, spans }, body, 0, body.length),
    },
  }
}

/**
 * Of 2020: a monitor has no sessions to lose, so it has never restarted; a time that changed would tell its peer that
 * sessions are gone (TS 29.244, 6.2.2). An answer is told by the sequence number that the sender puts in.
 */
const recoveryTimeStamp = { type: elements.recoveryTimeStamp, value: Uint8Array.of(0xe1, 0xb6, 0x5f, 0x80) }
const heartbeat = {
  type: messageTypes.heartbeatRequest,
  seid: null,
  sequence: 0,
  priority: null,
  followOn: false,
  spare: 0,
} as const

export const pfcp: Protocol<PfcpMessage> = {
  name: 'pfcp',
  title: 'PFCP (TS 29.244)',
  carriedBy: [{ over: 'udp', port: 8805 }],
  decode,
  encode,
  describe,
  nameOf,
  sessions,
  learn,
  translate,
  probe: {
    request: () => ({ ...heartbeat, body: writeElements([recoveryTimeStamp]) }),
    isAlive: ({ type }) => type === messageTypes.heartbeatResponse,
  },
}
