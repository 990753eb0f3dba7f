// GTP-U (TS 29.281), as the payload of a UDP packet to port 2152.
//
//   | version 1, PT, E S PN | type | length 2 | TEID 4 |  and if any of E S PN: | sequence 2 | N-PDU 1 | next type 1 |

import { be16, be32, concat } from './bytes.ts'

export const gtpuPort = 2152
export const gtpuTypes = {
  echoRequest: 1,
  echoResponse: 2,
  errorIndication: 26,
  supportedExtensionHeaders: 31,
  endMarker: 254,
  gPdu: 255,
} as const

export interface Gtpu {
  readonly type: number
  readonly teid: number
  readonly sequence?: number
  /** type and content; the content has a multiple of 4 bytes less 2 */
  readonly extensions?: readonly { readonly type: number; readonly content: Uint8Array }[]
  readonly payload?: Uint8Array
  /** lies */
  readonly version?: number
  readonly length?: number
}

/** PDU Session Container (TS 38.415), uplink, with this QoS flow identifier. */
export function pduSessionContainer(qfi: number): { readonly type: number; readonly content: Uint8Array } {
  return { type: 0x85, content: Uint8Array.of(0x10, qfi) }
}

export function gtpu(message: Gtpu): Uint8Array {
  const extensions = message.extensions ?? []
  const long = message.sequence !== undefined || extensions.length > 0
  const flags = (extensions.length > 0 ? 4 : 0) | (message.sequence === undefined ? 0 : 2)
  const optional = long
    ? concat(
        be16(message.sequence ?? 0),
        Uint8Array.of(0, extensions[0]?.type ?? 0),
        ...extensions.map(({ content }, i) =>
          concat(Uint8Array.of((content.length + 2) / 4), content, Uint8Array.of(extensions[i + 1]?.type ?? 0)),
        ),
      )
    : new Uint8Array()
  const payload = message.payload ?? new Uint8Array()
  return concat(
    Uint8Array.of(((message.version ?? 1) << 5) | 0x10 | flags, message.type),
    be16(message.length ?? optional.length + payload.length),
    be32(message.teid),
    optional,
    payload,
  )
}
