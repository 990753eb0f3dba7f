// What both ends of N4 have in common: a socket, requests and their answers, heartbeats (TS 29.244, 6.2.2 and 6.4).

import { pfcp, splitPfcp } from '../protocols/pfcp/index.ts'
import { DecodeError } from '../wire/decode-error.ts'
import { AnswerMemory } from './answered.ts'
import { element, elementsOf, encodeMessage, longestPfcp, message, number32, numberOf, pfcpPort } from './pfcp.ts'
import { Requests } from './requests.ts'
import type { PfcpElement, PfcpMessage } from '../protocols/pfcp/index.ts'
import type { Answer } from './pfcp.ts'
import type { Answered, RequestTimes } from './requests.ts'
import type { Place, SocketCounts, Surroundings, UdpSocket } from '../sockets/surroundings.ts'

/** How an answer is given: at once, later, twice, or not at all. */
export type Manner =
  { readonly kind: 'prompt' | 'twice' | 'never' } | { readonly kind: 'late'; readonly delayMs: number }

/** Answers that wait for their time; one more than these is given at once. */
const mostLate = 65_536

export interface PfcpNodeOptions {
  readonly address: string
  readonly surroundings: Surroundings
  /** seconds since 1900 */
  readonly recoveryTimeStamp: number
  readonly times: RequestTimes
  /** Null: there is no answer to such a message. Throws DecodeError for what it cannot read. */
  readonly answer: (request: PfcpMessage, elements: readonly PfcpElement[], from: Place) => Answer | null
  /** asked once for each request; it is prompt if left out */
  readonly mannerOf?: (type: number) => Manner
}

export interface PfcpCounts {
  readonly socket: SocketCounts
  readonly requestsReceived: number
  /** requests that came again and got the answer they had */
  readonly repeated: number
  readonly malformed: number
  /** our requests: sent again, given up */
  readonly retransmitted: number
  readonly unanswered: number
  /** answers that nobody waited for: late, the second one, or of a wrong sender or type */
  readonly unasked: number
}

export class PfcpNode {
  readonly #options: PfcpNodeOptions
  readonly #requests: Requests
  readonly #memory = new AnswerMemory()
  readonly #late: { readonly atMs: number; readonly bytes: Uint8Array; readonly to: Place }[] = []
  readonly #counts = { requestsReceived: 0, repeated: 0, malformed: 0, unasked: 0 }
  readonly #socket: UdpSocket
  recoveryTimeStamp: number

  constructor(options: PfcpNodeOptions) {
    this.#options = options
    this.recoveryTimeStamp = options.recoveryTimeStamp
    const place = { address: options.address, port: pfcpPort }
    this.#socket = options.surroundings.open(place, longestPfcp, (datagram, from) => this.#receive(datagram, from))
    this.#requests = new Requests({
      ...options.times,
      firstSequence: options.recoveryTimeStamp,
      send: (bytes, to) => this.#socket.send(bytes, to),
    })
  }

  get outstanding(): number {
    return this.#requests.outstanding
  }

  counts(): PfcpCounts {
    const { retransmitted, unanswered } = this.#requests
    return { ...this.#counts, retransmitted, unanswered, socket: this.#socket.counts() }
  }

  ask(to: Place, request: Answer, done: Answered): void {
    this.#requests.ask(to, request, this.#options.surroundings.nowMs(), done)
  }

  /** `done` gets the recovery time stamp of the peer; null: it did not answer, or has none. */
  heartbeat(to: Place, done: (recoveryTimeStamp: number | null) => void): void {
    const elements = [number32(element.recoveryTimeStamp, this.recoveryTimeStamp)]
    this.ask(to, { type: message.heartbeatRequest, seid: null, elements }, (answer) =>
      done(answer === null ? null : numberOf(elementsOf(answer), element.recoveryTimeStamp, 4)),
    )
  }

  /** To be called every few milliseconds. */
  tick(): void {
    const nowMs = this.#options.surroundings.nowMs()
    this.#requests.tick(nowMs)
    // All are late by the same time, so that they stand in order.
    while (this.#late.length > 0 && this.#late[0]!.atMs <= nowMs) {
      const { bytes, to } = this.#late.shift()!
      this.#socket.send(bytes, to)
    }
  }

  close(): void {
    this.#requests.forget()
    this.#socket.close()
  }

  #receive(datagram: Uint8Array, from: Place): void {
    try {
      for (const bytes of splitPfcp(datagram)) this.#take(bytes, from)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#counts.malformed++
    }
  }

  #take(bytes: Uint8Array, from: Place): void {
    const received = pfcp.decode(bytes)
    if (isAnswer(received.type)) {
      if (this.#requests.take(received, from, this.#options.surroundings.nowMs()) !== 'taken') this.#counts.unasked++
      return
    }
    this.#counts.requestsReceived++
    const manner = this.#options.mannerOf?.(received.type) ?? prompt
    const given = this.#memory.find(from, received.sequence, bytes)
    if (given !== undefined) {
      this.#counts.repeated++
      if (given !== null) this.#give(given, from, manner)
      return
    }
    const answer = this.#answerTo(received, from)
    const encoded = answer === null || manner.kind === 'never' ? null : encodeMessage(answer, received.sequence)
    this.#memory.keep(from, received.sequence, bytes, encoded)
    if (encoded !== null) this.#give(encoded, from, manner)
  }

  #answerTo(request: PfcpMessage, from: Place): Answer | null {
    if (request.type !== message.heartbeatRequest) return this.#options.answer(request, elementsOf(request), from)
    const elements = [number32(element.recoveryTimeStamp, this.recoveryTimeStamp)]
    return { type: message.heartbeatResponse, seid: null, elements }
  }

  #give(answer: Uint8Array, to: Place, manner: Manner): void {
    if (manner.kind === 'late' && this.#late.length < mostLate) {
      const atMs = this.#options.surroundings.nowMs() + manner.delayMs
      this.#late.push({ atMs, bytes: answer, to })
      return
    }
    // A request that had no answer has none when it comes again; one that had may go without now.
    if (manner.kind === 'never') return
    this.#socket.send(answer, to)
    if (manner.kind === 'twice') this.#socket.send(answer, to)
  }
}

const prompt: Manner = { kind: 'prompt' }

/** Up to Version Not Supported (11) responses have even numbers, from it on odd ones (table 7.3-1). */
const isAnswer = (type: number): boolean => type % 2 === (type < message.versionNotSupported ? 0 : 1)
