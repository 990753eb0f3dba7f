// A datagram that its sender cuts into fragments itself, in an order of its own, as frames on a link; the answer comes
// to an ordinary socket, whose kernel puts it together.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'

import { buildFrame } from '../../src/testing/packets.ts'
import { fragmentFrame } from '../../src/testing/packets/fragments.ts'
import { openFrameSender } from './raw.ts'
import { socketText, udpOf, type Testimony } from './witness.ts'

export interface PiecesRequest {
  readonly device: string
  readonly sourceMac: string
  readonly destinationMac: string
  readonly source: string
  readonly address: string
  readonly port: number
  readonly text: string
  /** bytes of each piece, all but the last a multiple of 8; the rest is the last piece */
  readonly sizes: readonly number[]
  /** which piece is sent when */
  readonly order: readonly number[]
  readonly identification: number
  readonly waitMs: number
}

export interface PiecesAnswer {
  readonly from: string
  readonly testimony: Testimony
}

const udpHeaderBytes = 8

/** The answer, or null when none came in time. */
export const askInPieces = async (request: PiecesRequest): Promise<PiecesAnswer | null> => {
  const { address, destinationMac, device, identification, order, port, sizes, source, sourceMac, text } = request
  const socket = createSocket(udpOf(source))
  socket.bind(0, source)
  await once(socket, 'listening')
  const payload = new TextEncoder().encode(text)
  const frame = buildFrame({
    kind: 'udp',
    from: socketText(source, socket.address().port),
    to: socketText(address, port),
    ethernetSource: sourceMac,
    ethernetDestination: destinationMac,
    payload,
  })
  const last = payload.length + udpHeaderBytes - sizes.reduce((sum, size) => sum + size, 0)
  const pieces = fragmentFrame(frame, [...sizes, last], identification)
  const sender = openFrameSender(device)
  try {
    for (const place of order) sender.send(pieces.slice(place, place + 1))
    const [message, from] = (await once(socket, 'message', { signal: AbortSignal.timeout(request.waitMs) })) as [
      Buffer,
      { readonly address: string; readonly port: number },
    ]
    const testimony = JSON.parse(message.toString('latin1')) as Testimony
    return { from: socketText(from.address, from.port), testimony }
  } catch (error) {
    if ((error as Error).name === 'AbortError') return null
    throw error
  } finally {
    sender.close()
    socket.close()
  }
}
