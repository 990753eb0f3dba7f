// What SIP elements send to keep a path through a NAT open: line ends (RFC 5626, 3.5.1), over UDP also STUN binding
// requests and their answers (3.5.2), and datagrams of zero bytes, which no RFC has and many proxies send.

import { chars } from './text.ts'

export type KeepaliveForm = 'CRLF' | 'STUN' | 'zeros'

const stun = { headerBytes: 20, cookie: [0x21, 0x12, 0xa4, 0x42], largestFirstByte: 0x01 } as const

/** Null: it is none. */
export function keepaliveForm(bytes: Uint8Array): KeepaliveForm | null {
  const [first] = bytes
  if (first === undefined || first > chars.carriageReturn) return null
  if (first === chars.carriageReturn) return isLineEnds(bytes) ? 'CRLF' : null
  if (first === 0 && bytes.every((byte) => byte === 0)) return 'zeros'
  return first <= stun.largestFirstByte && isStun(bytes) ? 'STUN' : null
}

function isLineEnds(bytes: Uint8Array): boolean {
  if (bytes.length % 2 !== 0) return false
  for (let at = 0; at < bytes.length; at += 2)
    if (bytes[at] !== chars.carriageReturn || bytes[at + 1] !== chars.lineFeed) return false
  return true
}

/** RFC 8489, 5: type, length of what follows the header, cookie. */
function isStun(bytes: Uint8Array): boolean {
  if (bytes.length < stun.headerBytes) return false
  const length = (bytes[2]! << 8) | bytes[3]!
  return bytes.length === stun.headerBytes + length && stun.cookie.every((byte, i) => bytes[4 + i] === byte)
}
