// The peers of a capture, playing their parts again towards a proxy that they had not met. A message of a client is
// given to the proxy as it came, but for identifiers that the proxy has chosen otherwise. What the proxy asks of an
// endpoint is answered as the capture's server has answered the client. What neither side of the capture has answered,
// since nobody asked, a stand-in answers.

import { DecodeError } from '../../wire/decode-error.ts'
import { Exchanges } from './exchanges.ts'
import { RecordedSessions } from './recorded-sessions.ts'
import { copyOf } from '../../wire/fields.ts'
import { ProxyRequests } from './proxy-requests.ts'
import { messagesOf, requestTypeOf } from './speech.ts'
import { fateOf } from './fates.ts'
import type { MessageFate, ProxyStep } from '../../lb/replayed-proxies.ts'
import type { Place } from '../../sockets/surroundings.ts'
import type { Exchange } from './exchanges.ts'
import type { Answered, Told } from './fates.ts'
import type { Cause, Delivery } from './proxy-requests.ts'
import type { RecordedNetwork } from './recorded-network.ts'
import type { RecordedPlace } from './recorded-place.ts'
import type { RecordedFacts } from './recorded-facts.ts'
import type { Message, Speech } from './speech.ts'
import type { UdpDatagram } from './udp-datagram.ts'

export interface RecordedPeersOptions {
  readonly place: RecordedPlace
  readonly speech: Speech
  readonly network: RecordedNetwork
  readonly facts: RecordedFacts
  /** of the proxy, by name */
  readonly counters: () => Readonly<Record<string, number>>
  /** where what happens is told, in its order */
  readonly steps: ProxyStep[]
  /** A client is introduced that the capture does not show making itself known. */
  readonly onIntroduction: (client: string) => void
}

const own: Cause = { kind: 'own' }
/** What one datagram of the capture brings about; more is an endless conversation, and a mistake of ours. */
const mostDeliveries = 1_000_000

export class RecordedPeers {
  readonly #options: RecordedPeersOptions
  readonly #sessions = new RecordedSessions()
  /** of clients, and of servers */
  readonly #asked = new Exchanges()
  readonly #demanded = new Exchanges()
  readonly #introduced = new Set<string>()
  readonly #requests: ProxyRequests
  #queue: Delivery[] = []
  #cause: Cause = own
  #answers: Answered[] = []
  /** a message has come in that is not for the VIP, but for an endpoint: how many, by address */
  readonly past = new Map<string, number>()

  constructor(options: RecordedPeersOptions) {
    this.#options = options
    this.#requests = new ProxyRequests({
      ...options,
      sessions: this.#sessions,
      asked: this.#asked,
      cause: () => this.#cause,
      deliver: (delivery) => this.#queue.push(delivery),
    })
  }

  /** requests of the proxy's own, by name */
  get ownRequests(): ReadonlyMap<string, number> {
    return this.#requests.own
  }

  /** False: it has nothing to do with this service. */
  async take(datagram: UdpDatagram, isPassed: boolean): Promise<boolean> {
    const role = this.#options.place.roleOf(datagram.from, datagram.to)
    if (role === 'foreign') return false
    if (role === 'past') this.past.set(datagram.to.address, (this.past.get(datagram.to.address) ?? 0) + 1)
    if (role !== 'client' && role !== 'server') return true
    if (role === 'client' && !isPassed) this.#tell('datagram', datagram, 'dropped', 'by the fast path')
    else if (role === 'client' && !datagram.isIntact)
      this.#tell('datagram', datagram, 'dropped', 'wrong UDP checksum, which a kernel drops: try --rewrite-checksums')
    else for (const bytes of this.#parts(datagram.payload)) await this.#part(role, datagram, bytes)
    return true
  }

  /** The proxy has sent a datagram. */
  sent(to: Place, bytes: Uint8Array): void {
    const { place, speech } = this.#options
    const messages = messagesOf(speech, bytes)
    const { address, name: service, port } = place.service
    // Those are counted, and told nowhere else: a quiet capture would have nothing but them.
    const isToldOf = messages.length === 0 || !messages.every(({ type }) => speech.isPathCheck(type))
    if (isToldOf)
      this.#options.steps.push({
        kind: 'datagram',
        service,
        name: messages.map(({ name }) => name).join(', '),
        from: { address, port },
        to,
        payload: bytes,
        ms: this.#options.network.nowMs,
      })
    for (const message of messages) {
      if (message.role === 'response') this.#answered(to, message)
      else if (message.role === 'request') this.#requests.sent(to, message)
    }
  }

  /** Stand-ins have answered what a proxy has asked on the occasion of a timer. */
  get isWaiting(): boolean {
    return this.#queue.length > 0
  }

  /** Delivers what they have answered. */
  settle(): Promise<void> {
    return this.#deliverAll()
  }

  #parts(payload: Uint8Array): readonly Uint8Array[] {
    try {
      return this.#options.speech.split(payload)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return [payload]
    }
  }

  async #part(role: 'client' | 'server', datagram: UdpDatagram, bytes: Uint8Array): Promise<void> {
    const { speech } = this.#options
    let message: Message
    try {
      message = speech.read(copyOf(bytes))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#raw(role, datagram, bytes, 'malformed')
    }
    this.#options.facts.heard(role, datagram, message)
    if (message.role === 'other') return this.#raw(role, datagram, bytes, message.name)
    const isRequest = message.role === 'request'
    if (role === 'server')
      return isRequest ? this.#serverAsks(datagram, message) : this.#serverAnswers(datagram, message)
    return isRequest ? this.#clientAsks(datagram, message) : this.#clientAnswers(datagram, message)
  }

  /** Whose conversation it is; where the server of the capture has several names, by each of them. */
  #pairsOf(server: Place, client: Place): readonly string[] {
    return this.#options.place.serverNames(server.address).map((name) => `${name} ${client.address}`)
  }

  /** Nothing of it can be put into the place of this replay. */
  async #raw(role: 'client' | 'server', datagram: UdpDatagram, bytes: Uint8Array, name: string): Promise<void> {
    const from = role === 'client' ? datagram.from : this.#endpointsOf(datagram.from, undefined)[0]
    if (from === undefined) return
    const told = await this.#give({ from, bytes: copyOf(bytes), cause: own })
    this.#tellOutcome(name, datagram, null, told)
  }

  async #clientAsks(datagram: UdpDatagram, message: Message): Promise<void> {
    const { place, speech } = this.#options
    const pair = this.#pairsOf(datagram.to, datagram.from)[0]!
    await this.#introduce(datagram.from, message)
    const exchange = this.#asked.begin(pair, message, speech.ownIdentifier(message, 'client'))
    const session = this.#sessions.ofServer(pair, message.session)
    const bytes = speech.adapted(message, {
      sequence: message.sequence,
      session: session?.forClient ?? message.session,
      names: place.towardsProxy,
    })
    const told = await this.#give({ from: datagram.from, bytes, cause: { kind: 'client', exchange } })
    if (exchange.relays.length > 0 && exchange.answer === null) this.#asked.keep(exchange)
    this.#tellOutcome(message.name, datagram, exchange, told)
  }

  /** The capture began after it had made itself known. */
  async #introduce(from: Place, message: Message): Promise<void> {
    const { facts, onIntroduction, speech } = this.#options
    if (this.#introduced.has(from.address)) return
    if (speech.isIntroduction(message)) return void this.#introduced.add(from.address)
    const bytes = speech.introduction(message, from.address, facts.ofClient(from.address))
    if (bytes === null) return
    this.#introduced.add(from.address)
    onIntroduction(from.address)
    await this.#give({ from, bytes, cause: own })
  }

  async #serverAnswers(datagram: UdpDatagram, message: Message): Promise<void> {
    const exchange = this.#pairsOf(datagram.from, datagram.to)
      .map((pair) => this.#asked.find(pair, message.sequence, requestTypeOf(message.type)))
      .find((found) => found !== undefined)
    if (exchange === undefined || exchange.relays.length === 0) return this.#superseded(datagram, message)
    exchange.answer = message
    this.#asked.end(exchange)
    const told = await this.#playAnswer(exchange)
    this.#tellOutcome(message.name, datagram, exchange, told)
  }

  #playAnswer(exchange: Exchange): Promise<Told> {
    for (const relay of exchange.relays.splice(0)) this.#requests.answer(exchange, relay)
    return this.#given()
  }

  async #serverAsks(datagram: UdpDatagram, message: Message): Promise<void> {
    const { speech } = this.#options
    const pairs = this.#pairsOf(datagram.from, datagram.to)
    const session = pairs.map((one) => this.#sessions.ofClient(one, message.session)).find((one) => one !== undefined)
    const pair = session?.pair ?? pairs[0]!
    const exchange = this.#demanded.begin(pair, message, speech.ownIdentifier(message, 'server'))
    for (const { address } of this.#endpointsOf(datagram.from, session?.endpoint, message.session !== null)) {
      const from = { address, port: datagram.from.port }
      const bytes = this.#requests.asEndpoint(from, pair, message, message.sequence, session?.forEndpoint ?? null)
      this.#queue.push({ from, bytes, cause: { kind: 'server', exchange } })
    }
    const told = await this.#given()
    if (exchange.relays.length > 0 && exchange.answer === null) this.#demanded.keep(exchange)
    this.#tellOutcome(message.name, datagram, exchange, told)
  }

  /** Which endpoints the server of the capture is now: what it says of itself, all that it stands for say. */
  #endpointsOf({ address }: Place, known: Place | undefined, isOfSession = true): readonly Place[] {
    if (known !== undefined) return [known]
    const { endpoints, service } = this.#options.place
    const all = endpoints.has(address) ? [address] : [...endpoints.keys()]
    return (isOfSession ? all.slice(0, 1) : all).map((one) => ({ address: one, port: service.port }))
  }

  async #clientAnswers(datagram: UdpDatagram, message: Message): Promise<void> {
    const { place, speech } = this.#options
    const exchange = this.#pairsOf(datagram.to, datagram.from)
      .map((pair) => this.#demanded.find(pair, message.sequence, requestTypeOf(message.type)))
      .find((found) => found !== undefined)
    if (exchange === undefined || exchange.relays.length === 0) return this.#superseded(datagram, message)
    exchange.answer = message
    this.#demanded.end(exchange)
    const session = this.#sessions.ofServer(exchange.pair, message.session)
    for (const { sequence, to } of exchange.relays.splice(0)) {
      const bytes = speech.adapted(message, {
        sequence,
        session: session?.forClient ?? message.session,
        names: place.towardsProxy,
      })
      this.#queue.push({ from: to, bytes, cause: { kind: 'client-answer', exchange } })
    }
    this.#tellOutcome(message.name, datagram, exchange, await this.#given())
  }

  #answered(to: Place, message: Message): void {
    this.#answers.push({ to, message })
    const cause = this.#cause
    const { place, speech } = this.#options
    if (cause.kind !== 'answer' || place.endpoints.has(to.address) || !speech.makesSession(cause.exchange.type)) return
    const session = this.#sessions.ofClient(cause.exchange.pair, cause.exchange.own)
    const forClient = speech.ownIdentifier(message, 'server')
    if (session !== undefined && forClient !== null) this.#sessions.change(session, { forClient })
  }

  async #give(delivery: Delivery): Promise<Told> {
    this.#queue.push(delivery)
    return this.#given()
  }

  /** Delivers what is on its way, and says what that has brought about. */
  async #given(): Promise<Told> {
    const before = this.#options.counters()
    const firstStep = this.#options.steps.length
    this.#answers = []
    await this.#deliverAll()
    const after = this.#options.counters()
    const counted = Object.keys(after).filter((name) => (after[name] ?? 0) > (before[name] ?? 0))
    return { answers: this.#answers, counted, firstStep }
  }

  async #deliverAll(): Promise<void> {
    const { address, port } = this.#options.place.service
    const to = { address, port }
    let left = mostDeliveries
    for (;;) {
      const next = this.#queue.shift()
      if (next === undefined) break
      if (left-- === 0) throw new Error('a proxy and its recorded peers speak without end')
      this.#cause = next.cause
      await this.#options.network.deliver(next.from, to, next.bytes)
    }
    this.#cause = own
  }

  #tellOutcome(name: string, datagram: UdpDatagram, exchange: Exchange | null, told: Told): void {
    const [fate, detail] = fateOf(this.#options.speech, datagram.from, exchange, told)
    this.#tell(name, datagram, fate, detail, told.firstStep)
  }

  #superseded(datagram: UdpDatagram, message: Message): void {
    this.#tell(message.name, datagram, 'superseded', '')
  }

  #tell(name: string, { from }: UdpDatagram, fate: MessageFate, detail: string, at = this.#options.steps.length): void {
    const service = this.#options.place.service.name
    this.#options.steps.splice(at, 0, { kind: 'message', service, name, from: from.address, fate, detail })
  }
}
