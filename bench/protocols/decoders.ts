// The rows of decoders: what is read, what is asked of it, and how many a second must be done.

import { gtp } from '../../src/protocols/gtp/index.ts'
import { diameter } from '../../src/protocols/diameter/index.ts'
import { ngap, ngapUeKeys } from '../../src/protocols/ngap/index.ts'
import { pfcp } from '../../src/protocols/pfcp/index.ts'
import type { ProtocolName } from '../../src/protocols/protocol.ts'
import { sip } from '../../src/protocols/sip/index.ts'
import { diameterMessage, messagesNamed } from './messages.ts'

export interface DecoderRow {
  readonly name: string
  readonly protocol: ProtocolName
  /** messages a second on one core; null: shown beside the others */
  readonly goal: number | null
  readonly messages: () => Promise<readonly Uint8Array[]>
  /** Does what is measured with each message of the list; the sum keeps the compiler from leaving it out. */
  readonly run: (messages: readonly Uint8Array[]) => number
  /** what tshark is asked for on the same messages */
  readonly field: string
}

const ngapNames = [
  'InitialUEMessage',
  'DownlinkNASTransport',
  'UplinkNASTransport',
  'UEContextReleaseCommand',
  'PathSwitchRequest',
]

const pfcpNames = [
  'Session Establishment Request',
  'Session Establishment Response',
  'Session Modification Request',
  'Session Deletion Request',
  'Session Report Request',
]

const sipNames = ['INVITE', '180 INVITE', 'BYE']

export const decoderRows: readonly DecoderRow[] = [
  {
    name: 'ngap-routing-keys',
    protocol: 'ngap',
    goal: 300_000,
    messages: () => messagesNamed('ngap', ngapNames),
    run(messages) {
      let sum = 0
      for (const bytes of messages) sum += ngap.sessions(ngap.decode(bytes)).length
      return sum
    },
    field: 'ngap.AMF_UE_NGAP_ID',
  },
  {
    name: 'ngap-ue-numbers-only',
    protocol: 'ngap',
    goal: null,
    messages: () => messagesNamed('ngap', ngapNames),
    run(messages) {
      let sum = 0
      for (const bytes of messages) sum += ngapUeKeys(bytes)?.procedure ?? 0
      return sum
    },
    field: 'ngap.AMF_UE_NGAP_ID',
  },
  {
    name: 'pfcp-session-messages',
    protocol: 'pfcp',
    goal: 200_000,
    messages: () => messagesNamed('pfcp', pfcpNames),
    run(messages) {
      let sum = 0
      for (const bytes of messages) sum += pfcp.sessions(pfcp.decode(bytes)).length
      return sum
    },
    field: 'pfcp.seid',
  },
  {
    name: 'gtpu-headers',
    protocol: 'gtp',
    goal: 3_000_000,
    messages: () => messagesNamed('gtp', ['G-PDU']),
    run(messages) {
      let sum = 0
      for (const bytes of messages) sum += gtp.decode(bytes).teid
      return sum
    },
    field: 'gtp.teid',
  },
  {
    name: 'diameter-20-avps',
    protocol: 'diameter',
    goal: 150_000,
    messages: () => Promise.resolve([diameterMessage()]),
    run(messages) {
      let sum = 0
      for (const bytes of messages) sum += diameter.sessions(diameter.decode(bytes)).length
      return sum
    },
    field: 'diameter.Session-Id',
  },
  {
    name: 'sip',
    protocol: 'sip',
    goal: 100_000,
    messages: () => messagesNamed('sip', sipNames),
    run(messages) {
      let sum = 0
      for (const bytes of messages) sum += sip.sessions(sip.decode(bytes)).length
      return sum
    },
    field: 'sip.Call-ID',
  },
]
