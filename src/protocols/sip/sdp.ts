// Addresses in a session description (RFC 8866): those of the lines o= (5.2) and c= (5.7).
//
//     o=user session version IN IP4 192.0.2.1        c=IN IP6 2001:db8::1        c=IN IP4 233.252.0.1/127/3

import { chars, isText } from './text.ts'
import type { Span } from './text.ts'

const originLetter = 0x6f
const connectionLetter = 0x63

/** Those and host names in their places, in the order of the lines. Lines end with CR LF; LF alone is read too. */
export function addressesOfSdp(bytes: Uint8Array, { end, start }: Span): readonly Span[] {
  const found: Span[] = []
  for (let at = start; at < end;) {
    const lineFeed = bytes.indexOf(chars.lineFeed, at)
    const next = lineFeed < 0 || lineFeed >= end ? end : lineFeed + 1
    const isOrigin = bytes[at] === originLetter
    if ((isOrigin || bytes[at] === connectionLetter) && bytes[at + 1] === chars.equals) {
      const address = addressOfLine(bytes, at + 2, next, isOrigin ? 3 : 0)
      if (address !== null) found.push(address)
    }
    at = next
  }
  return found
}

/** Behind `skipped` other words and the two that say what kind of address it is. */
function addressOfLine(bytes: Uint8Array, start: number, end: number, skipped: number): Span | null {
  let at = start
  for (let word = 0; word < skipped + 2; word++) {
    const stop = wordEnd(bytes, at, end)
    if (bytes[stop] !== chars.space || stop >= end) return null
    if (word === skipped && !isText(bytes, at, stop, 'in')) return null
    if (word === skipped + 1 && !isText(bytes, at, stop, 'ip4') && !isText(bytes, at, stop, 'ip6')) return null
    at = stop + 1
  }
  let stop = wordEnd(bytes, at, end)
  for (let slash = at; slash < stop; slash++) if (bytes[slash] === chars.slash) stop = slash
  return at < stop ? { start: at, end: stop } : null
}

function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at]! > chars.space) at++
  return at
}
