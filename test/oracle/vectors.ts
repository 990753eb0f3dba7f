// Messages in text files: a line for each, with the protocol, a title and its bytes in hexadecimal, separated by tabs.

import { protocolNames, type ProtocolName } from '../../src/protocols/protocol.ts'
import type { Carried } from '../../src/testing/vectors/packets.ts'

/** Other names under which test data goes. GTP-C of version 1 and GTP-U are told apart by their types. */
const others: Readonly<Record<string, (bytes: Uint8Array) => ProtocolName>> = {
  gtpv1: (bytes) => ([26, 31, 254, 255].includes(bytes[1] ?? 0) ? 'gtp' : 'gtpv1c'),
  gtpv0: () => 'gtpv1c',
}
const known: readonly string[] = protocolNames

/** Lines that begin with `#`, and those of other protocols, are passed by. */
export function readVectors(text: string): readonly Carried[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , hex] = line.split('\t')
    if (line.startsWith('#') || hex === undefined) return []
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
    const lower = name.toLowerCase()
    const protocol = others[lower]?.(bytes) ?? (known.includes(lower) ? (lower as ProtocolName) : null)
    return protocol === null ? [] : [{ protocol, bytes }]
  })
}
