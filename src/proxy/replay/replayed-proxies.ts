// The proxies of a replay: those of a daemon, with the capture in the place of sockets and time. Each service has the
// peers of the capture to speak with, see recorded-peers.ts.

import { isProxied } from '../../lb/proxied.ts'
import { ProxyingDatapath } from '../proxying-datapath.ts'
import { gtpcSpeech } from './gtpc-speech.ts'
import { pfcpSpeech } from './pfcp-speech.ts'
import { RecordedFacts, foresee } from './recorded-facts.ts'
import { RecordedNetwork } from './recorded-network.ts'
import { RecordedPeers } from './recorded-peers.ts'
import { RecordedPlace } from './recorded-place.ts'
import { mayBeAt, UdpDatagrams } from './udp-datagram.ts'
import type { Log } from '../../lb/log.ts'
import type { Service } from '../../lb/model.ts'
import type {
  ProxyReport,
  ProxyStep,
  ReplayedMessage,
  ReplayedProxies,
  ReplayedProxiesOptions,
  OpenReplayedProxies,
} from '../../lb/replayed-proxies.ts'
import type { Speech } from './speech.ts'

/** By `select`, of which the recorded peers have a part to play. */
const speeches: ReadonlyMap<string, Speech> = new Map([
  ['n4', pfcpSpeech],
  ['gtpc', gtpcSpeech],
])

/** A daemon that has been there for so long has its endpoints in order. */
const warmUpMs = 1000
/** Of what a daemon logs, so much is kept. */
const mostEvents = 1000

interface Part {
  readonly place: RecordedPlace
  readonly facts: RecordedFacts
  readonly peers: RecordedPeers
  readonly events: string[]
  readonly messages: Map<string, Map<string, number>>
}

export const openReplayedProxies: OpenReplayedProxies = async (options) => {
  const proxied = options.services.filter((service) => isProxied(service) && speeches.has(service.select))
  if (proxied.length === 0) return null
  const proxies = new Proxies(options, proxied)
  await proxies.foresee(options.file)
  return proxies
}

class Proxies implements ReplayedProxies {
  readonly #options: ReplayedProxiesOptions
  readonly #network: RecordedNetwork
  readonly #proxying: ProxyingDatapath
  readonly #parts: readonly Part[]
  readonly #ports: ReadonlySet<number>
  readonly #datagrams = new UdpDatagrams()
  readonly #steps: ProxyStep[] = []

  constructor(options: ReplayedProxiesOptions, proxied: readonly Service[]) {
    const { datapath, random, services } = options
    this.#options = options
    this.#network = new RecordedNetwork({
      random,
      onSend: (from, to, bytes) => this.#partAt(from.address, from.port)?.peers.sent(to, bytes),
    })
    this.#proxying = new ProxyingDatapath(datapath, {
      stateDirectory: null,
      surroundings: this.#network.surroundings,
      log: this.#log(),
    })
    this.#parts = proxied.map((service) => this.#part(service, services))
    this.#ports = new Set(proxied.map(({ port }) => port))
  }

  #part(service: Service, services: readonly Service[]): Part {
    const speech = speeches.get(service.select)!
    const tunnels = services.find(({ name }) => name === service.n4?.tunnels) ?? null
    const place = new RecordedPlace({ service, tunnels, aliases: this.#options.aliases })
    const facts = new RecordedFacts(place, speech)
    const events: string[] = []
    const peers = new RecordedPeers({
      place,
      speech,
      facts,
      network: this.#network,
      steps: this.#steps,
      counters: () => this.#status(service.name).counters,
      onIntroduction: (client) =>
        this.#note(events, `${client} speaks of sessions: the replay has made it known to the proxy before`),
    })
    return { place, facts, peers, events, messages: new Map() }
  }

  /** What peers of the capture say of themselves later is known from the start. */
  async foresee(file: string): Promise<void> {
    for (const { facts, place } of this.#parts) await foresee(file, place.service.port, facts)
  }

  async start(wallSeconds: number): Promise<void> {
    this.#network.startAt(-warmUpMs, wallSeconds - warmUpMs / 1000)
    await this.#proxying.apply(this.#options.services.map((service) => ({ kind: 'add', service })))
    await this.advance(0)
  }

  advance(ms: number): Promise<void> | null {
    const times = this.#network.timesUntil(ms)
    while (times.next().done !== true)
      if (this.#parts.some(({ peers }) => peers.isWaiting)) return this.#advanceOn(times)
    return null
  }

  async #advanceOn(times: Generator<void>): Promise<void> {
    do for (const { peers } of this.#parts) await peers.settle()
    while (times.next().done !== true)
  }

  wants(packet: Uint8Array): boolean {
    return mayBeAt(packet, this.#ports)
  }

  async packet(packet: Uint8Array, isPassed: boolean): Promise<void> {
    const datagram = this.#datagrams.read(packet)
    if (datagram === null) return
    for (const { peers } of this.#parts) if (await peers.take(datagram, isPassed)) break
  }

  take(): readonly ProxyStep[] {
    const steps = this.#steps.splice(0)
    for (const step of steps) if (step.kind === 'message') this.#count(step)
    return steps
  }

  #count({ fate, name, service }: ReplayedMessage): void {
    const messages = this.#parts.find(({ place }) => place.service.name === service)?.messages
    const fates = messages?.get(name) ?? new Map<string, number>()
    messages?.set(name, fates)
    fates.set(fate, (fates.get(fate) ?? 0) + 1)
  }

  report(): readonly ProxyReport[] {
    return this.#parts.map((part) => {
      const { events, messages, peers, place } = part
      const { counters, sessions } = this.#status(place.service.name)
      const named = [...messages].map(([name, fates]) => [name, sorted(fates)] as const)
      return {
        name: place.service.name,
        at: place.at,
        select: place.service.select,
        messages: Object.fromEntries(named.toSorted(([a], [b]) => (a < b ? -1 : 1))),
        own: sorted(peers.ownRequests),
        sessions,
        counters: Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0)),
        events,
        advice: adviceOf(part),
      }
    })
  }

  close(): void {
    this.#proxying.close()
  }

  #status(name: string): { readonly sessions: number; readonly counters: Readonly<Record<string, number>> } {
    const all = [...this.#proxying.n4(), ...this.#proxying.gtpc()]
    return all.find(({ service }) => service === name)?.status ?? { sessions: 0, counters: {} }
  }

  #partAt(address: string, port: number): Part | undefined {
    return this.#parts.find(({ place: { service } }) => service.address === address && service.port === port)
  }

  #note(events: string[], text: string): void {
    const line = `${(this.#network.nowMs / 1000).toFixed(3)} ${text}`
    if (events.length < mostEvents) events.push(line)
    else if (events.length === mostEvents) events.push('and more')
  }

  #log(): Log {
    const keep = (fields: object, message: string): void => {
      const { service, ...facts } = fields as { readonly service?: string }
      const part = this.#parts.find(({ place }) => place.service.name === service)
      const told = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`)
      if (part !== undefined) this.#note(part.events, [message, told.join(', ')].filter(Boolean).join(': '))
    }
    return { debug: () => undefined, info: keep, warn: keep, error: keep }
  }
}

const sorted = (counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> =>
  Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))

/** The capture has what the configuration does not lead here. */
function adviceOf({ facts, peers, place }: Part): readonly string[] {
  const { address, name, port } = place.service
  const useVip = (captured: string): string =>
    captured.includes(':') === address.includes(':') ? `, or say --vip ${captured}=${address}` : ''
  const past = [...peers.past].map(
    ([captured, count]) =>
      `${count} datagrams went to the endpoint ${captured}, past the VIP: to have them come to ${name}, ` +
      `say --vip ${captured}=${address}`,
  )
  const isIdle = facts.clients === 0
  const elsewhere = [...facts.foreign].toSorted(([, a], [, b]) => b - a).slice(0, mostShown)
  const idle = elsewhere.map(
    ([captured, count]) =>
      `nothing of this capture is for ${address}:${port}; ${count} datagrams go to ${captured}:${port}: ` +
      `make that the VIP of ${name}${useVip(captured)}`,
  )
  return [...past, ...(isIdle ? idle : [])]
}

const mostShown = 4
