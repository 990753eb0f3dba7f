// The user plane of a simulated UPF: counts the G-PDUs of its tunnels, says which tunnels it does not have, and may
// send each packet back to the UE that it came from.

import { DecodeError } from '../wire/decode-error.ts'
import {
  echoResponse,
  endMarker,
  errorIndication,
  gtpuMessage,
  gtpuPort,
  isGtpu,
  longestGtpu,
  packetStart,
  teidOf,
  turnPdu,
  typeOf,
} from './gtpu.ts'
import { isFrom, markOf, nameUpf, turnRound } from './user-packet.ts'
import type { Place, SocketCounts, Surroundings, UdpSocket } from '../sockets/surroundings.ts'
import type { Teids } from './upf-pools.ts'
import type { Downlink, Tunnel } from './upf-sessions.ts'

export interface UserPlaneCounts {
  /** G-PDUs of tunnels that the UPF has */
  readonly packets: number
  readonly bytes: number
  /** G-PDUs of tunnels that it has not; each is answered with an Error Indication */
  readonly unknownTeid: number
  /** G-PDUs whose packet does not come from the UE of the session; they are dropped */
  readonly wrongUe: number
  readonly looped: number
  /** packets that could not be sent back: no tunnel, or no packet of a simulated UE */
  readonly notLooped: number
  readonly echoes: number
  readonly errorIndications: number
  readonly endMarkersSent: number
  readonly endMarkersReceived: number
  readonly malformed: number
  readonly others: number
  readonly socket: SocketCounts
}

export interface UserPlaneOptions {
  readonly surroundings: Surroundings
  readonly address: string
  readonly n3: Uint8Array
  readonly teids: Teids<Tunnel>
  /** 1 to 65535: what it writes into packets that it sends back */
  readonly number: number
  readonly loop: boolean
}

export class UserPlane {
  readonly #options: UserPlaneOptions
  readonly #socket: UdpSocket
  readonly #counts = {
    packets: 0,
    bytes: 0,
    unknownTeid: 0,
    wrongUe: 0,
    looped: 0,
    notLooped: 0,
    echoes: 0,
    errorIndications: 0,
    endMarkersSent: 0,
    endMarkersReceived: 0,
    malformed: 0,
    others: 0,
  }

  constructor(options: UserPlaneOptions) {
    this.#options = options
    const place = { address: options.address, port: gtpuPort }
    this.#socket = options.surroundings.open(place, longestGtpu, (bytes, from) => this.#receive(bytes, from))
  }

  counts(): UserPlaneCounts {
    return { ...this.#counts, socket: this.#socket.counts() }
  }

  /** Nothing more comes in this tunnel. */
  endTunnel({ teid, to }: Downlink): void {
    this.#socket.send(endMarker(teid), to)
    this.#counts.endMarkersSent++
  }

  close(): void {
    this.#socket.close()
  }

  #receive(bytes: Uint8Array, from: Place): void {
    try {
      if (!isGtpu(bytes)) this.#counts.malformed++
      else if (typeOf(bytes) === gtpuMessage.gPdu) this.#takePdu(bytes, from)
      else this.#takeSignal(bytes, from)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#counts.malformed++
    }
  }

  #takeSignal(bytes: Uint8Array, from: Place): void {
    switch (typeOf(bytes)) {
      case gtpuMessage.echoRequest:
        this.#socket.send(echoResponse(bytes), from)
        this.#counts.echoes++
        return
      case gtpuMessage.errorIndication:
        this.#counts.errorIndications++
        return
      case gtpuMessage.endMarker:
        this.#counts.endMarkersReceived++
        return
      default:
        this.#counts.others++
    }
  }

  #takePdu(bytes: Uint8Array, from: Place): void {
    const { n3, teids } = this.#options
    const teid = teidOf(bytes)
    const tunnel = teids.holderOf(teid)
    if (tunnel === undefined) {
      this.#counts.unknownTeid++
      this.#socket.send(errorIndication(teid, n3), { address: from.address, port: gtpuPort })
      return
    }
    const start = packetStart(bytes)
    if (start < 0 || start >= bytes.length) {
      this.#counts.malformed++
      return
    }
    const { ue } = tunnel.session
    if (ue !== null && !isFrom(bytes, start, ue)) {
      this.#counts.wrongUe++
      return
    }
    tunnel.packets++
    this.#counts.packets++
    this.#counts.bytes += bytes.length - start
    if (this.#options.loop) this.#sendBack(bytes, start, tunnel)
  }

  #sendBack(bytes: Uint8Array, start: number, { session: { downlink } }: Tunnel): void {
    const mark = markOf(bytes, start)
    if (downlink === null || mark < 0) {
      this.#counts.notLooped++
      return
    }
    turnRound(bytes, start, mark)
    nameUpf(bytes, mark, this.#options.number)
    turnPdu(bytes, downlink.teid)
    this.#socket.send(bytes, downlink.to)
    this.#counts.looped++
  }
}
