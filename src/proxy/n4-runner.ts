// The N4 proxy on sockets: a service of `select: n4` speaks PFCP at its VIP, with SMFs and UPFs alike. Hints are in the
// fast path before the messages that tell of them leave.

import { HintError } from '../lb/hints.ts'
import { endpointKey } from '../lb/model.ts'
import { N4Proxy } from './n4/n4-proxy.ts'
import type { HintChange as N4HintChange, Effects, N4Event, Upf } from './n4/model.ts'
import type { HintChange, HintControl } from '../lb/hints.ts'
import type { Log } from '../lb/log.ts'
import type { Endpoint, N4Settings, Service } from '../lb/model.ts'
import type { N4Session, N4Status } from '../lb/n4-status.ts'
import type { Place, Surroundings, UdpSocket } from '../sockets/surroundings.ts'

const pfcpPort = 8805
/** What UDP can carry; long messages come in IP fragments, which the kernel puts together. */
const longestMessage = 65_535
const tickMs = 100
/** What is refused for one reason is told so often at most. */
const tellEveryMs = 10_000

export interface N4RunnerOptions {
  readonly service: Service
  /** the one that takes GTP-U */
  readonly tunnels: Service
  /** NTP seconds; another one for each runner */
  readonly recoveryTimeStamp: number
  readonly surroundings: Surroundings
  readonly hints: HintControl
  readonly log: Log
}

/** Of a service of `select: n4`. */
export const n4SettingsOf = ({ n4, name }: Service): N4Settings => {
  if (n4 === null) throw new Error(`service ${name} has no settings of N4`)
  return n4
}

const ofFamily = (address: string): { readonly ipv4: string | null; readonly ipv6: string | null } =>
  address.includes(':') ? { ipv4: null, ipv6: address } : { ipv4: address, ipv6: null }

const toUpf = (endpoint: Endpoint): Upf => ({
  name: endpointKey(endpoint),
  address: endpoint.address,
  userPlane: endpoint.upf?.userPlane ?? [],
  weight: Math.max(endpoint.weight, 1),
  drained: endpoint.drained || endpoint.blocked || endpoint.weight === 0,
  dnns: endpoint.upf?.dnns ?? [],
  networkInstances: endpoint.upf?.networkInstances ?? [],
  slices: endpoint.upf?.slices ?? [],
  uePools: endpoint.upf?.uePools ?? [],
})

export class N4Runner {
  readonly #options: N4RunnerOptions
  readonly #proxy: N4Proxy
  readonly #socket: UdpSocket
  readonly #stopTicking: () => void
  #unserved = 0
  /** of datagrams that one call of the kernel has brought: at most as many as the socket reads at once */
  #owed: Effects[] = []
  readonly #refused = new Map<string, { count: number; toldMs: number }>()

  /** Throws what the kernel throws when the VIP cannot be listened at. */
  constructor(options: N4RunnerOptions) {
    const { recoveryTimeStamp, service, surroundings, tunnels } = options
    const { balance, heartbeat, hotPercent, n1, nodeId, onFewerFeatures, onLoss, t1 } = n4SettingsOf(service)
    this.#options = options
    this.#proxy = new N4Proxy({
      address: ofFamily(service.address),
      nodeId: nodeId ?? service.address,
      n3: ofFamily(tunnels.address),
      upfs: service.endpoints.map(toUpf),
      select: balance,
      onLoss,
      onFewerFeatures,
      hotPercent,
      recoveryTimeStamp,
      random: Math.random,
      timers: { heartbeatMs: heartbeat * 1000, retransmitMs: t1 },
      limits: { retransmissions: n1 },
    })
    const place = { address: service.address, port: pfcpPort }
    this.#socket = surroundings.open(place, longestMessage, (bytes, from) => this.#receive(bytes, from))
    this.#stopTicking = surroundings.every(tickMs, () => this.#carryOut(this.#proxy.tick(surroundings.nowMs())))
  }

  /** The endpoints have changed; what else a service has needs a new runner. */
  configure(service: Service): void {
    this.#carryOut(this.#proxy.configure(service.endpoints.map(toUpf), this.#options.surroundings.nowMs()))
  }

  /** The service that takes GTP-U has these endpoints only now, where sessions may be already. */
  steerAgain(addresses: ReadonlySet<string>): void {
    if (addresses.size > 0) this.#carryOut(this.#proxy.steerAgain(addresses))
  }

  /** With what the sockets and the fast path have refused. */
  status(): N4Status {
    const status = this.#proxy.status()
    const { cut, refused, unsent } = this.#socket.counts()
    const hints = Object.fromEntries([...this.#refused].map(([reason, { count }]) => [`hint: ${reason}`, count]))
    const others = {
      'hint: ue-ip not served': this.#unserved,
      'socket: unsent': unsent,
      'socket: refused': refused,
      'socket: too long': cut,
    }
    return { ...status, counters: { ...status.counters, ...hints, ...others } }
  }

  sessions(limit: number): readonly N4Session[] {
    return this.#proxy.sessions(limit)
  }

  close(): void {
    this.#stopTicking()
    this.#settle()
    this.#socket.close()
  }

  /** What came in one call of the kernel is carried out together: hints of many sessions cost little more than one. */
  #receive(bytes: Uint8Array, from: Place): void {
    if (this.#owed.length === 0) queueMicrotask(() => this.#settle())
    this.#owed.push(this.#proxy.receive(from, bytes, this.#options.surroundings.nowMs()))
  }

  #carryOut(effects: Effects): void {
    this.#owed.push(effects)
    this.#settle()
  }

  /** All hints first: none of the messages leaves before what it tells of is in the fast path. */
  #settle(): void {
    const owed = this.#owed
    if (owed.length === 0) return
    this.#owed = []
    this.#steer(owed.flatMap(({ hints }) => hints))
    for (const { send } of owed) for (const { bytes, to } of send) this.#socket.send(bytes, to)
    for (const { events } of owed) for (const event of events) this.#tell(event)
  }

  #steer(changes: readonly N4HintChange[]): void {
    const { hints, tunnels } = this.#options
    // Addresses of UEs lead nowhere yet: there is no service for what comes from the data network.
    const found = changes.filter(({ kind }) => kind === 'teid')
    this.#unserved += changes.length - found.length
    const wanted = ofOneFamily(found, tunnels.address).map((change) => toHint(change, tunnels.name))
    if (wanted.length === 0) return
    try {
      hints.apply(wanted)
    } catch (error) {
      if (!(error instanceof HintError)) throw error
      // One that cannot be must not keep the others from their way.
      for (const one of wanted) this.#steerOne(one)
    }
  }

  #steerOne(change: HintChange): void {
    try {
      this.#options.hints.apply([change])
    } catch (error) {
      if (!(error instanceof HintError)) throw error
      this.#countRefused(error)
    }
  }

  #countRefused({ message, reason }: HintError): void {
    const { log, service, surroundings } = this.#options
    const seen = this.#refused.get(reason) ?? { count: 0, toldMs: -Infinity }
    seen.count++
    if (surroundings.nowMs() - seen.toldMs >= tellEveryMs) {
      seen.toldMs = surroundings.nowMs()
      log.warn({ service: service.name, reason, count: seen.count }, `a session is not steered: ${message}`)
    }
    this.#refused.set(reason, seen)
  }

  #tell({ kind, ...facts }: N4Event): void {
    const { log, service } = this.#options
    const told = { service: service.name, ...facts }
    if (kind === 'upf-down' || kind === 'smf-lost' || kind === 'upf-refused') log.warn(told, `n4: ${kind}`)
    else log.info(told, `n4: ${kind}`)
  }
}

/** Where a UPF takes a tunnel at addresses of both families, the one of the VIP's. */
function ofOneFamily(changes: readonly N4HintChange[], vip: string): readonly N4HintChange[] {
  const isIpv6 = vip.includes(':')
  const isOfVip = ({ upf }: N4HintChange): boolean => upf.includes(':') === isIpv6
  if (changes.every(isOfVip)) return changes
  const nameOf = ({ action, key }: N4HintChange): string => `${action} ${Buffer.from(key).toString('hex')}`
  const found = new Set(changes.filter(isOfVip).map(nameOf))
  return changes.filter((change) => isOfVip(change) || !found.has(nameOf(change)))
}

const toHint = ({ action, graceMs, identifier, key, kind, upf }: N4HintChange, service: string): HintChange => ({
  action,
  service,
  kind,
  key,
  endpoint: upf,
  identifier,
  // The proxy knows all its tunnels: what it says last is right, also after a restart that has left hints behind.
  takesOver: true,
  graceMs,
})
