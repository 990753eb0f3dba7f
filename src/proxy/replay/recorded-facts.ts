// What the peers of a capture say of themselves: first all of it is looked through, so that stand-ins can say the same
// before the peer of the capture has.

import { CaptureError, packetOffset, readCapture } from '../../captures/index.ts'
import { messagesOf } from './speech.ts'
import { mayBeAt, UdpDatagrams } from './udp-datagram.ts'
import type { RecordedPlace, Role } from './recorded-place.ts'
import type { Message, PeerFacts, Speech } from './speech.ts'
import type { UdpDatagram } from './udp-datagram.ts'

const unknown: PeerFacts = { recovery: null, description: null }

export class RecordedFacts {
  readonly #speech: Speech
  readonly #place: RecordedPlace
  #server: PeerFacts = unknown
  readonly #clients = new Map<string, PeerFacts>()
  /** datagrams that begin or end at the port and are of others, by who they are to */
  readonly foreign = new Map<string, number>()
  /** and those of clients of the VIP */
  clients = 0

  constructor(place: RecordedPlace, speech: Speech) {
    this.#place = place
    this.#speech = speech
  }

  ofClient(address: string): PeerFacts {
    return this.#clients.get(address) ?? unknown
  }

  ofServer(): PeerFacts {
    return this.#server
  }

  /** A peer has said so just now. */
  heard(role: 'client' | 'server', { from }: UdpDatagram, message: Message): void {
    const said = this.#speech.facts(message, role)
    if (said === null) return
    if (role === 'server') this.#server = newer(this.#server, said)
    else this.#clients.set(from.address, newer(this.ofClient(from.address), said))
  }

  /** From the first look at the capture: what is known already stays. */
  foreseen(datagram: UdpDatagram): void {
    const role = this.#place.roleOf(datagram.from, datagram.to)
    this.#count(role, datagram)
    if (role !== 'client' && role !== 'server') return
    for (const message of messagesOf(this.#speech, datagram.payload)) {
      const said = this.#speech.facts(message, role)
      if (said === null) continue
      const { address } = datagram.from
      if (role === 'server') this.#server = older(this.#server, said)
      else this.#clients.set(address, older(this.ofClient(address), said))
    }
  }

  #count(role: Role, { to }: UdpDatagram): void {
    if (role === 'client') this.clients++
    if (role === 'foreign' && to.port === this.#speech.port)
      this.foreign.set(to.address, (this.foreign.get(to.address) ?? 0) + 1)
  }
}

const newer = (before: PeerFacts, said: PeerFacts): PeerFacts => ({
  recovery: said.recovery ?? before.recovery,
  description: said.description ?? before.description,
})

const older = (before: PeerFacts, said: PeerFacts): PeerFacts => newer(said, before)

/** Looks through a capture, as far as it can be read: whoever replays it says where it ends. */
export async function foresee(file: string, port: number, facts: RecordedFacts): Promise<void> {
  const ports = new Set([port])
  const datagrams = new UdpDatagrams()
  try {
    for await (const part of readCapture(file))
      for (const { bytes, linkType } of part) {
        const at = packetOffset(linkType, bytes)
        if (at < 0) continue
        const packet = bytes.subarray(at)
        const datagram = mayBeAt(packet, ports) ? datagrams.read(packet) : null
        if (datagram !== null) facts.foreseen(datagram)
      }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error
  }
}
