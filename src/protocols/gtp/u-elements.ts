// Messages and elements of GTP-U (TS 29.281, tables 6.1-1 and 8.1-1), and the names of extension headers. Data.

import { elementTypes } from '../element-table.ts'
import { ntpTime, unsigned } from '../element-values.ts'
import { extensionHeaderTypeList, gsnAddress, teid } from './v1-values.ts'
import type { ElementRow } from '../element-table.ts'

export const messageTypes = {
  echoRequest: 1,
  echoResponse: 2,
  errorIndication: 26,
  supportedExtensionHeadersNotification: 31,
  tunnelStatus: 253,
  endMarker: 254,
  gPdu: 255,
} as const

export const messageNames: Readonly<Record<number, string>> = {
  1: 'Echo Request',
  2: 'Echo Response',
  26: 'Error Indication',
  31: 'Supported Extension Headers Notification',
  253: 'Tunnel Status',
  254: 'End Marker',
  255: 'G-PDU',
}

export const extensionNames: Readonly<Record<number, string>> = {
  1: 'MBMS support indication',
  2: 'MS Info Change Reporting support indication',
  3: 'Long PDCP PDU Number',
  0x20: 'Service Class Indicator',
  0x40: 'UDP Port',
  0x81: 'RAN Container',
  0x82: 'Long PDCP PDU Number',
  0x83: 'Xw RAN Container',
  0x84: 'NR RAN Container',
  0x85: 'PDU Session Container',
  0xc0: 'PDCP PDU Number',
  0xc1: 'Suspend Request',
  0xc2: 'Suspend Response',
}

export const elements = { teidDataI: 16, peerAddress: 133 } as const

const rows: readonly ElementRow[] = [
  [14, 'Recovery', unsigned(1)],
  [16, 'TEID Data I', teid],
  [133, 'GTP-U Peer Address', gsnAddress],
  [141, 'Extension Header Type List', extensionHeaderTypeList],
  [230, 'GTP-U Tunnel Status Information'],
  [231, 'Recovery Time Stamp', ntpTime],
  [255, 'Private Extension'],
]

export const types = elementTypes(rows)
