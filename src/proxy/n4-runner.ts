// The N4 proxy on sockets: a service of `select: n4` speaks PFCP at its VIP, with SMFs and UPFs alike. Hints are in the
// fast path before the messages that tell of them leave.

import { setImmediate } from 'node:timers/promises'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { EngineLoop } from './engine-loop.ts'
import { N4Breakouts } from './n4-breakouts.ts'
import { N4Hints } from './n4-hints.ts'
import { N4Echoes } from './n4-echoes.ts'
import { N4Counters } from './n4-traffic.ts'
import { N4Proxy } from './n4/n4-proxy.ts'
import type { Effects, HintChange, N4Event, N4Settings as EngineSettings, Upf } from './n4/model.ts'
import type { HintControl } from '../lb/hints.ts'
import type { Log } from '../lb/log.ts'
import type { Endpoint, N4Settings, Service } from '../lb/model.ts'
import type { N4Session, N4Status } from '../lb/n4-status.ts'
import type { Surroundings } from '../sockets/surroundings.ts'
import type { UserSessionOwner, UserSessionOwners } from '../lb/user-session-owners.ts'
import type { Steered } from './n4-hints.ts'
import type { DescribedSession } from './n4/describe.ts'
import type { N4Start } from './n4-memory.ts'
import type { LogKeeper } from './log-keeper.ts'

const pfcpPort = 8805
/** Sessions that are looked up in one go: a few milliseconds. */
const listedAtOnce = 500
/** So long the end is put off for requests that are under way; then their senders ask whoever is there. */
const longestQuietMs = 1000
const quietPollMs = 10

export interface N4RunnerOptions extends Steered {
  readonly service: Service
  readonly start: N4Start
  readonly surroundings: Surroundings
  readonly hints: HintControl
  /** of whoever; the service's own are those of `owner` */
  readonly userSessions: UserSessionOwners
  readonly owner: UserSessionOwner
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
  dataNetwork: endpoint.upf?.dataNetwork ?? [],
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
  readonly #loop: EngineLoop<N4Event, Effects>
  readonly #hints: N4Hints
  readonly #breakouts: N4Breakouts
  readonly #counters: N4Counters
  readonly #echoes: N4Echoes
  readonly #keeper: LogKeeper | null
  #service: Service
  #steered: Steered

  /**
   * Throws what the kernel throws when the VIP cannot be listened at, and DecodeError, before anything else, for a
   * snapshot that is not whole.
   */
  constructor(options: N4RunnerOptions) {
    const { hints, log, owner, service, start, surroundings, tunnels, users, userSessions } = options
    const { localNetworkInstances } = n4SettingsOf(service)
    const { keep, recoveryTimeStamp, snapshot } = start
    const wallMs = surroundings.wallSeconds() * 1000
    this.#options = options
    this.#service = service
    this.#steered = { tunnels, users }
    const telling = { name: service.name, log, nowMs: () => surroundings.nowMs() }
    this.#hints = new N4Hints(hints, this.#steered, telling)
    this.#breakouts = new N4Breakouts(userSessions.as(owner), telling)
    this.#counters = new N4Counters({ hints, keys: this.#hints, userSessions })
    this.#proxy = new N4Proxy({
      address: ofFamily(service.address),
      nodeId: nodeIdOf(service),
      n3: ofFamily(tunnels.address),
      upfs: service.endpoints.map(toUpf),
      localNetworkInstances,
      ...settingsOf(service),
      recoveryTimeStamp,
      random: () => surroundings.random(),
      idleMs: (places) => this.#hints.idleMs(places),
      ...(keep === null ? {} : { keeping: { nowMs: surroundings.nowMs(), wallMs, snapshot } }),
    })
    // Hints of before are right where sessions are; others would stand in the way of new ones.
    if (snapshot === null) for (const { name } of [tunnels, ...users]) hints.forget(name)
    else this.#hints.adopt(() => this.#proxy.installed())
    this.#keeper = keep?.(() => this.#proxy.save()) ?? null
    try {
      this.#loop = new EngineLoop({
        engine: this.#proxy,
        surroundings,
        place: { address: service.address, port: pfcpPort },
        // First all of this: none of the messages leaves before what it tells of is in the fast path, and kept.
        prepare: (owed) => this.#prepare(owed),
        tell: (event) => this.#tell(event),
      })
    } catch (error) {
      this.#keeper?.close()
      throw error
    }
    this.#echoes = new N4Echoes({
      surroundings,
      tell: (upf, answers) => this.#loop.carryOut(this.#proxy.tellPath(upf, answers, surroundings.nowMs())),
    })
    this.#followPaths()
  }

  /**
   * Endpoints, users or settings that peers were not told of have changed; what else a service has needs a new runner.
   * What can be led somewhere only now is led there, and what goes by nobody's word any more does not stay.
   */
  follow(service: Service, next: Steered): void {
    const [before, { tunnels, users }] = [this.#service, this.#steered]
    this.#service = service
    this.#steered = next
    // First of all: what the engine says from now on is for these.
    this.#hints.follow(next)
    if (service !== before) {
      this.#proxy.adjust(settingsOf(service))
      this.#loop.carryOut(this.#proxy.configure(service.endpoints.map(toUpf), this.#options.surroundings.nowMs()))
      this.#followPaths()
    }
    const installed = (): Iterable<HintChange> => this.#proxy.installed()
    // Another key is another service in the fast path, which may have hints of a time when it was there before.
    const isOther = serviceKey(tunnels) !== serviceKey(next.tunnels)
    // Mode dsr writes no TEIDs: what was to be written there is refused now.
    const isLedAnew = isOther || tunnels.mode !== next.tunnels.mode
    const added = addressesOf(next.tunnels).difference(isLedAnew ? new Set() : addressesOf(tunnels))
    if (added.size > 0) this.#loop.carryOut(this.#proxy.steerAgain(added))
    if (isOther) this.#hints.keepOnly(installed, [next.tunnels])
    const isMoved = dataNetworksOf(before) !== dataNetworksOf(service)
    if (!isMoved && usersText(users) === usersText(next.users)) return
    this.#loop.carryOut(this.#proxy.steerUsersAgain())
    this.#hints.keepOnly(installed, next.users, isMoved)
  }

  #followPaths(): void {
    const { echo, n1, t1 } = n4SettingsOf(this.#service)
    const times = { intervalMs: echo * 1000, retransmitMs: t1, retransmissions: n1 }
    this.#echoes.follow(this.#service.endpoints.map(toUpf), times)
  }

  /** With what the sockets, the fast path and the disk have refused. */
  status(): N4Status {
    const status = this.#proxy.status()
    const others = {
      ...(this.#keeper === null ? {} : { 'log: not written': this.#keeper.failures }),
      ...this.#hints.counters(),
      ...this.#breakouts.counters(),
      ...this.#loop.counters(),
      ...this.#echoes.counters(),
    }
    return { ...status, counters: { ...status.counters, ...others } }
  }

  /** At most so many, the oldest first, with what was counted; what else there is to do is done in between. */
  async sessions(limit: number): Promise<readonly N4Session[]> {
    const found: N4Session[] = []
    const sessions = this.#proxy.eachSession()
    while (found.length < limit) {
      const some: DescribedSession[] = []
      const most = Math.min(listedAtOnce, limit - found.length)
      while (some.length < most) {
        const { done, value } = sessions.next()
        if (done === true) break
        some.push(value)
      }
      found.push(...this.#counters.of(some))
      if (some.length < most) break
      await setImmediate()
    }
    return found
  }

  /** Takes no more requests; resolves when those that are under way have been answered, or have had time enough. */
  quiet(): Promise<void> {
    const { surroundings } = this.#options
    const endMs = surroundings.nowMs() + longestQuietMs
    this.#proxy.leave()
    if (this.#proxy.underWay === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const stop = surroundings.every(quietPollMs, () => {
        if (this.#proxy.underWay > 0 && surroundings.nowMs() < endMs) return
        stop()
        resolve()
      })
    })
  }

  /** What it has kept stays. */
  close(): void {
    this.#echoes.close()
    this.#loop.close()
    this.#keeper?.close()
  }

  #prepare(owed: readonly Effects[]): void {
    this.#hints.apply(owed.flatMap(({ hints }) => hints))
    this.#breakouts.apply(owed.flatMap(({ breakouts }) => breakouts))
    const changes = this.#proxy.takeChanges()
    this.#keeper?.keep(changes)
  }

  #tell({ kind, ...facts }: N4Event): void {
    const { log, service } = this.#options
    const told = { service: service.name, ...facts }
    if (kind === 'upf-down' || kind === 'smf-lost' || kind === 'upf-refused') log.warn(told, `n4: ${kind}`)
    else log.info(told, `n4: ${kind}`)
  }
}

/** What its peers know it by. */
export const nodeIdOf = (service: Service): string => n4SettingsOf(service).nodeId ?? service.address

/** What peers are not told. */
function settingsOf(service: Service): EngineSettings {
  const { balance, heartbeat, hotPercent, n1, onFewerFeatures, onLoss, t1 } = n4SettingsOf(service)
  return {
    select: balance,
    onLoss,
    onFewerFeatures,
    hotPercent,
    timers: { heartbeatMs: heartbeat * 1000, retransmitMs: t1 },
    limits: { retransmissions: n1 },
  }
}

const addressesOf = ({ endpoints }: Service): ReadonlySet<string> => new Set(endpoints.map(({ address }) => address))

/** Equal texts, equal ways of users. */
const usersText = (users: readonly Service[]): string =>
  JSON.stringify(users.map((service) => [serviceKey(service), service.name, service.users, [...addressesOf(service)]]))
const dataNetworksOf = ({ endpoints }: Service): string =>
  JSON.stringify(endpoints.map(({ address, upf }) => [address, upf?.dataNetwork ?? []]))
