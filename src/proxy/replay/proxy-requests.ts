// What a proxy asks in a replay: of an endpoint, what a client of the capture has asked it, which the capture answers;
// or something of its own, which a stand-in answers.

import type { Place } from '../../sockets/surroundings.ts'
import type { Exchange, Exchanges, Relay } from './exchanges.ts'
import type { RecordedFacts } from './recorded-facts.ts'
import type { RecordedPlace } from './recorded-place.ts'
import type { RecordedSessions } from './recorded-sessions.ts'
import type { Message, Speech } from './speech.ts'

/** On whose account the proxy does what it does now. */
export type Cause =
  | { readonly kind: 'client' | 'answer' | 'server' | 'client-answer'; readonly exchange: Exchange }
  | { readonly kind: 'own' }

export interface Delivery {
  readonly from: Place
  readonly bytes: Uint8Array
  readonly cause: Cause
}

export interface ProxyRequestsOptions {
  readonly place: RecordedPlace
  readonly speech: Speech
  readonly facts: RecordedFacts
  readonly sessions: RecordedSessions
  /** requests of clients */
  readonly asked: Exchanges
  readonly cause: () => Cause
  /** to the proxy */
  readonly deliver: (delivery: Delivery) => void
}

const own: Cause = { kind: 'own' }
/** Requests of the proxy; what it sends again is told by them. */
const mostSent = 65_536

export class ProxyRequests {
  readonly #options: ProxyRequestsOptions
  /** by receiver, sequence number and type */
  readonly #sent = new Set<string>()
  /** its own ones, by name */
  readonly own = new Map<string, number>()

  constructor(options: ProxyRequestsOptions) {
    this.#options = options
  }

  /** The proxy has sent a request. */
  sent(to: Place, message: Message): void {
    const key = `${to.address} ${message.sequence} ${message.type}`
    // Sent again: the answer of the capture has not come yet.
    if (this.#sent.has(key)) return
    this.#sent.add(key)
    this.#forgetOldest()
    const relay = { to, sequence: message.sequence }
    if (!this.#options.place.endpoints.has(to.address)) {
      const cause = this.#options.cause()
      if (cause.kind === 'server' && cause.exchange.type === message.type) return void cause.exchange.relays.push(relay)
      return this.#standIn('client', to, message)
    }
    const exchange = this.#exchangeFor(message)
    if (exchange !== null) return this.#relayed(exchange, relay, message)
    const session = this.#options.sessions.ofProxy(this.#options.speech.ownIdentifier(message, 'client'))
    const answer = session?.answer ?? null
    if (session !== undefined && answer !== null && this.#options.speech.makesSession(message.type))
      return this.#madeAgain(session.pair, relay, message, answer)
    this.#standIn('server', to, message)
  }

  /** The request of a client that the proxy passes on with this one; null: it asks for itself. */
  #exchangeFor(message: Message): Exchange | null {
    const cause = this.#options.cause()
    const { speech } = this.#options
    if ((cause.kind === 'client' || cause.kind === 'answer') && cause.exchange.type === message.type)
      return cause.exchange
    if (!speech.makesSession(message.type)) return null
    if (this.#options.sessions.ofProxy(speech.ownIdentifier(message, 'client')) !== undefined) return null
    // Its first choice has not answered in time: it asks another one, in the order in which it was asked.
    return this.#options.asked.oldest(message.type) ?? null
  }

  #relayed(exchange: Exchange, relay: Relay, message: Message): void {
    const { speech } = this.#options
    exchange.relays.push(relay)
    if (speech.makesSession(message.type) && exchange.own !== null)
      this.#options.sessions.add({
        pair: exchange.pair,
        endpoint: relay.to,
        clientOwn: exchange.own,
        serverOwn: null,
        forClient: null,
        forEndpoint: speech.ownIdentifier(message, 'client'),
        answer: null,
      })
    // A second endpoint is asked for what the first one has refused: the capture knows no other answer.
    if (exchange.answer !== null) for (const again of exchange.relays.splice(0)) this.answer(exchange, again)
  }

  /** The proxy moves a session to another endpoint: it answers as the one of the capture did. */
  #madeAgain(pair: string, { sequence, to }: Relay, message: Message, answer: Message): void {
    const { speech } = this.#options
    this.#countOwn(message)
    const bytes = this.asEndpoint(to, pair, answer, sequence, speech.ownIdentifier(message, 'client'))
    this.#options.deliver({ from: to, bytes, cause: own })
  }

  #standIn(side: 'client' | 'server', at: Place, message: Message): void {
    const { facts, speech } = this.#options
    this.#countOwn(message)
    const known = side === 'client' ? facts.ofClient(at.address) : facts.ofServer()
    const session = this.#options.sessions.calledBy(side, message.session)
    const bytes = speech.standIn(message, { address: at.address, facts: known, session: session ?? 0n })
    if (bytes !== null) this.#options.deliver({ from: at, bytes, cause: own })
  }

  #countOwn({ name }: Message): void {
    this.own.set(name, (this.own.get(name) ?? 0) + 1)
  }

  /** The capture's answer, to one of the requests that the proxy has passed on for it. */
  answer(exchange: Exchange, { sequence, to }: Relay): void {
    const { speech } = this.#options
    const answer = exchange.answer!
    const session =
      this.#options.sessions.ofClient(exchange.pair, answer.session) ??
      this.#options.sessions.ofServer(exchange.pair, exchange.session)
    if (session !== undefined && speech.makesSession(exchange.type))
      this.#options.sessions.change(session, {
        serverOwn: speech.ownIdentifier(answer, 'server'),
        answer,
        endpoint: to,
      })
    this.#options.deliver({
      from: to,
      bytes: this.asEndpoint(to, exchange.pair, answer, sequence, session?.forEndpoint ?? null),
      cause: { kind: 'answer', exchange },
    })
  }

  /** A message of the server of the capture, as an endpoint would have sent it. */
  asEndpoint(at: Place, pair: string, message: Message, sequence: number, session: bigint | null): Uint8Array {
    const { place, speech } = this.#options
    return speech.adapted(message, {
      sequence,
      // A peer that knows no session says 0.
      session: message.session === null || message.session === 0n ? message.session : (session ?? message.session),
      names: place.asEndpoint(at.address, pair.split(' ')[0]!),
    })
  }

  #forgetOldest(): void {
    if (this.#sent.size > mostSent) for (const oldest of this.#sent) return void this.#sent.delete(oldest)
  }
}
