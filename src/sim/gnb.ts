// Simulated gNBs: each session's packets go up the tunnel that the core has named, and what comes back is told apart by
// session and by the UPF that has answered.

import { shortAddressBytes } from '../wire/ip.ts'
import { DecodeError } from '../wire/decode-error.ts'
import {
  echoResponse,
  errorIndication,
  gPduHeaderBytes,
  gtpuMessage,
  gtpuPort,
  isGtpu,
  longestGtpu,
  packetStart,
  teidOf,
  typeOf,
  uplinkPdu,
} from './gtpu.ts'
import { countPacket, markOf, sessionOf, upfOf, userPacket } from './user-packet.ts'
import type { Place, Surroundings, UdpSocket } from '../sockets/surroundings.ts'

/** A session's user plane, as its gNB has it. */
export interface Bearer {
  readonly session: number
  readonly ue: Uint8Array
  /** where its packets go */
  readonly core: Place
  readonly coreTeid: number
  gnb: number
  gnbTeid: number
  /** of the gNB before the last hand-over; null: there was none */
  oldTeid: number | null
  sent: number
  answered: number
  /** the UPF that has answered last; 0: none has */
  upf: number
  /** when the last answer came; 0: none has */
  answeredMs: number
  /** where it stands among those that send */
  index: number
  pdu: Uint8Array | null
  mark: number
}

export interface TrafficReport {
  readonly sent: number
  readonly answered: number
  /** answers by the number of the UPF */
  readonly byUpf: Readonly<Record<string, number>>
  /** Sessions that were answered by one UPF and then by another. */
  readonly moved: number
  /** Answers in the tunnel of another session. */
  readonly crossed: number
  /** Answers in the tunnel that a hand-over has left. */
  readonly behind: number
  /** G-PDUs of tunnels that no gNB knows, or at the wrong gNB; each is answered with an Error Indication. */
  readonly unknownTeid: number
  readonly errorIndications: number
  readonly endMarkers: number
  readonly echoes: number
  /** downlink packets that no UE of ours has asked for */
  readonly others: number
  readonly malformed: number
  /** the longest time between two answers of one session */
  readonly longestGapMs: number
}

export interface GnbOptions {
  readonly surroundings: Surroundings
  readonly addresses: readonly string[]
  /** whom UEs speak to, of their family */
  readonly server: Uint8Array
  readonly qfi: number
  readonly packetBytes: number
}

export class Gnbs {
  readonly #options: GnbOptions
  readonly addresses: readonly Uint8Array[]
  readonly #sockets: UdpSocket[] = []
  readonly #byTeid = new Map<number, { readonly bearer: Bearer; readonly gnb: number }>()
  readonly #bearers: Bearer[] = []
  #nextTeid = 1
  #nextToSend = 0
  readonly #byUpf = new Map<number, number>()
  readonly #counts = {
    sent: 0,
    answered: 0,
    moved: 0,
    crossed: 0,
    behind: 0,
    unknownTeid: 0,
    errorIndications: 0,
    endMarkers: 0,
    echoes: 0,
    others: 0,
    malformed: 0,
    longestGapMs: 0,
  }

  constructor(options: GnbOptions) {
    this.#options = options
    this.addresses = options.addresses.map(shortAddressBytes)
    try {
      for (const [gnb, address] of options.addresses.entries()) {
        const place = { address, port: gtpuPort }
        this.#sockets.push(
          options.surroundings.open(place, longestGtpu, (bytes, from) => this.#receive(bytes, from, gnb)),
        )
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** A TEID that no bearer has. */
  newTeid(): number {
    const teid = this.#nextTeid
    this.#nextTeid = teid === 0xffff_ffff ? 1 : teid + 1
    return teid
  }

  attach(bearer: Bearer): void {
    bearer.index = this.#bearers.push(bearer) - 1
    this.#byTeid.set(bearer.gnbTeid, { bearer, gnb: bearer.gnb })
  }

  /** The bearer's packets arrive at another gNB from now on, and for a while still at this one. */
  handOver(bearer: Bearer, gnb: number, teid: number): void {
    if (bearer.oldTeid !== null) this.#byTeid.delete(bearer.oldTeid)
    bearer.oldTeid = bearer.gnbTeid
    bearer.gnb = gnb
    bearer.gnbTeid = teid
    this.#byTeid.set(teid, { bearer, gnb })
  }

  detach(bearer: Bearer): void {
    const last = this.#bearers.pop()
    if (last !== undefined && last !== bearer) {
      this.#bearers[bearer.index] = last
      last.index = bearer.index
    }
    this.#byTeid.delete(bearer.gnbTeid)
    if (bearer.oldTeid !== null) this.#byTeid.delete(bearer.oldTeid)
  }

  /** One packet of each of the next bearers in turn; how many were sent. */
  sendNext(count: number): number {
    const bearers = this.#bearers
    if (bearers.length === 0) return 0
    for (let i = 0; i < count; i++) {
      if (this.#nextToSend >= bearers.length) this.#nextToSend = 0
      this.#send(bearers[this.#nextToSend++]!)
    }
    return count
  }

  report(): TrafficReport {
    const byUpf = Object.fromEntries([...this.#byUpf].map(([upf, count]) => [String(upf), count]))
    return { ...this.#counts, longestGapMs: Math.round(this.#counts.longestGapMs), byUpf }
  }

  close(): void {
    for (const socket of this.#sockets) socket.close()
  }

  #send(bearer: Bearer): void {
    if (bearer.pdu === null) {
      const { packetBytes, qfi, server } = this.#options
      const packet = userPacket(bearer.ue, server, bearer.session, packetBytes)
      bearer.pdu = uplinkPdu(bearer.coreTeid, qfi, packet)
      bearer.mark = markOf(bearer.pdu, gPduHeaderBytes)
    }
    countPacket(bearer.pdu, bearer.mark, bearer.sent++)
    this.#sockets[bearer.gnb]!.send(bearer.pdu, bearer.core)
    this.#counts.sent++
  }

  #receive(bytes: Uint8Array, from: Place, gnb: number): void {
    try {
      if (!isGtpu(bytes)) this.#counts.malformed++
      else this.#take(bytes, from, gnb)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#counts.malformed++
    }
  }

  #take(bytes: Uint8Array, from: Place, gnb: number): void {
    switch (typeOf(bytes)) {
      case gtpuMessage.gPdu:
        return this.#takePdu(bytes, from, gnb)
      case gtpuMessage.echoRequest:
        this.#counts.echoes++
        return this.#sockets[gnb]!.send(echoResponse(bytes), from)
      case gtpuMessage.errorIndication:
        this.#counts.errorIndications++
        return undefined
      case gtpuMessage.endMarker:
        this.#counts.endMarkers++
        return undefined
      default:
        this.#counts.others++
        return undefined
    }
  }

  #takePdu(bytes: Uint8Array, from: Place, gnb: number): void {
    const teid = teidOf(bytes)
    const found = this.#byTeid.get(teid)
    if (found === undefined || found.gnb !== gnb) {
      this.#counts.unknownTeid++
      this.#sockets[gnb]!.send(errorIndication(teid, this.addresses[gnb]!), { address: from.address, port: gtpuPort })
      return
    }
    const start = packetStart(bytes)
    if (start < 0 || start >= bytes.length) {
      this.#counts.malformed++
      return
    }
    const mark = markOf(bytes, start)
    const upf = mark < 0 ? 0 : upfOf(bytes, mark)
    if (upf === 0) this.#counts.others++
    else if (sessionOf(bytes, mark) !== found.bearer.session) this.#counts.crossed++
    else this.#takeAnswer(found.bearer, upf, teid)
  }

  #takeAnswer(bearer: Bearer, upf: number, teid: number): void {
    const nowMs = this.#options.surroundings.nowMs()
    if (bearer.answeredMs !== 0 && nowMs - bearer.answeredMs > this.#counts.longestGapMs)
      this.#counts.longestGapMs = nowMs - bearer.answeredMs
    bearer.answeredMs = nowMs
    bearer.answered++
    this.#counts.answered++
    this.#byUpf.set(upf, (this.#byUpf.get(upf) ?? 0) + 1)
    if (teid !== bearer.gnbTeid) this.#counts.behind++
    if (bearer.upf !== 0 && bearer.upf !== upf) this.#counts.moved++
    bearer.upf = upf
  }
}
