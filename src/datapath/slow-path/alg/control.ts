// Who is on the two sides of a punted flow, and how packets for each are made.

import { partnerKey } from '../flow-pair.ts'
import { flowFlags } from '../../layout.gen.ts'
import type { FlowKey } from '../../layout.gen.ts'
import type { Socket } from './segment.ts'
import type { Side } from '../../../protocols/ftp/index.ts'
import type { PuntedPacket } from '../handler.ts'

/** The four ends of a translated connection. */
export interface Ends {
  readonly client: Socket
  /** what the client connects to */
  readonly vip: Socket
  /** what the server takes for its client */
  readonly source: Socket
  readonly server: Socket
}

export interface Control {
  /** whose packet it is */
  readonly from: Side
  readonly ends: Ends
  /** number */
  readonly service: number
  readonly clientKey: FlowKey
  /** of the connection, whichever direction the packet has */
  readonly name: string
}

const source = (key: FlowKey): Socket => ({ address: key.source.slice(), port: key.sourcePort })
const destination = (key: FlowKey): Socket => ({ address: key.destination.slice(), port: key.destinationPort })
const text = ({ address, port }: Socket): string => `${Buffer.from(address).toString('hex')}.${port}`

/** Null: the packet is of no flow. */
export function controlOf({ flow, punt }: PuntedPacket): Control | null {
  if (flow === null) return null
  const from: Side = flow.flags & flowFlags.reverse ? 'server' : 'client'
  const partner = partnerKey(punt.key, flow)
  const [clientKey, serverKey] = from === 'client' ? [punt.key, partner] : [partner, punt.key]
  const ends = {
    client: source(clientKey),
    vip: destination(clientKey),
    server: source(serverKey),
    source: destination(serverKey),
  }
  return {
    from,
    ends,
    service: flow.service,
    clientKey,
    name: `${clientKey.protocol} ${text(ends.client)} ${text(ends.vip)}`,
  }
}

/** What packets of one side have as source and destination behind the translation. */
export function wayOf(from: Side, ends: Ends): readonly [Socket, Socket] {
  return from === 'client' ? [ends.source, ends.server] : [ends.vip, ends.client]
}

/** The server sees the client's own address, so a data connection towards it needs none of ours. */
export function keepsClient({ client, source: seen }: Ends): boolean {
  return Buffer.compare(client.address, seen.address) === 0
}
