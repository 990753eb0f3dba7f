// A datapath without a kernel: remembers what it was told and refuses what no real one could do.

import assert from 'node:assert/strict'
import { FakeHints } from './fake-hints.ts'
import { FakeUserSessions } from './fake-user-sessions.ts'
import { UserSessionOwners } from '../lb/user-session-owners.ts'
import { serviceKey } from '../lb/model.ts'
import type {
  Counters,
  Datapath,
  EndpointStatus,
  FlowStatus,
  InterfaceStatus,
  SlowPathStatus,
  ServiceStatus,
  Verdicts,
} from '../lb/datapath.ts'
import type { Change, Service, ServiceKey } from '../lb/model.ts'
import type { GtpcControl, GtpcServiceSession, GtpcServiceStatus } from '../lb/gtpc-status.ts'
import type { N4Control, N4ServiceSession, N4ServiceStatus } from '../lb/n4-status.ts'

const noCounters: Counters = { packets: 0n, bytes: 0n, flows: 0n }

interface Failure {
  readonly error: Error
  /** changes that are performed before it fails */
  readonly after: number
}

export class FakeDatapath implements Datapath, N4Control, GtpcControl {
  /** every call of apply that came through, in order */
  readonly applies: (readonly Change[])[] = []
  /** What the readers answer; set by the test. */
  readonly flowStatus: FlowStatus[] = []
  readonly interfaceStatus: InterfaceStatus[] = []
  readonly n4Status: N4ServiceStatus[] = []
  readonly n4SessionStatus: N4ServiceSession[] = []
  readonly gtpcStatus: GtpcServiceStatus[] = []
  readonly gtpcSessionStatus: GtpcServiceSession[] = []
  readonly serviceCounters = new Map<ServiceKey, Counters>()
  verdictCounters: Verdicts = { xdp: {}, tc: {} }
  /** the most calls of apply that ran at the same time */
  mostAtOnce = 0
  readonly #services = new Map<ServiceKey, Service>()
  readonly hints = new FakeHints((name) => [...this.#services.values()].find((service) => service.name === name))
  readonly fakeUserSessions = new FakeUserSessions()
  readonly userSessions = new UserSessionOwners(this.fakeUserSessions)
  readonly #failures: Failure[] = []
  #running = 0

  /** The next `times` calls of apply throw; the first performs `after` changes before. */
  failNext(error: Error, after = 0, times = 1): void {
    for (let i = 0; i < times; i++) this.#failures.push({ error, after: i === 0 ? after : 0 })
  }

  async apply(changes: readonly Change[]): Promise<void> {
    this.#running++
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running)
    try {
      await new Promise((resolve) => setImmediate(resolve))
      const failure = this.#failures.shift()
      for (const change of changes.slice(0, failure?.after)) this.#applyOne(change)
      if (failure !== undefined) throw failure.error
      this.applies.push(changes)
    } finally {
      this.#running--
    }
  }

  #applyOne(change: Change): void {
    const service = change.kind === 'update' ? change.to : change.service
    const key = serviceKey(service)
    assert.equal(this.#services.has(key), change.kind !== 'add', `${change.kind} of ${key}`)
    if (change.kind === 'remove') this.#services.delete(key)
    else this.#services.set(key, service)
  }

  services(): readonly ServiceStatus[] {
    return [...this.#services.values()].map((service) => ({
      service,
      counters: this.serviceCounters.get(serviceKey(service)) ?? noCounters,
      endpoints: service.endpoints.map(({ address, port }): EndpointStatus => ({
        address,
        port,
        counters: noCounters,
        activeFlows: 0,
      })),
    }))
  }

  flows(limit: number): readonly FlowStatus[] {
    return this.flowStatus.slice(0, limit)
  }

  verdicts(): Verdicts {
    return this.verdictCounters
  }

  slowPath(): SlowPathStatus {
    return { latencyBoundsMs: [], reasons: {}, lost: 0, unreadable: {}, sent: 0, unsent: {} }
  }

  interfaces(): readonly InterfaceStatus[] {
    return this.interfaceStatus
  }

  n4(): readonly N4ServiceStatus[] {
    return this.n4Status
  }

  async n4Sessions(limit: number): Promise<readonly N4ServiceSession[]> {
    return this.n4SessionStatus.slice(0, limit)
  }

  gtpc(): readonly GtpcServiceStatus[] {
    return this.gtpcStatus
  }

  gtpcSessions(limit: number, imsi: string | null): readonly GtpcServiceSession[] {
    return this.gtpcSessionStatus.filter((one) => imsi === null || one.imsi === imsi).slice(0, limit)
  }
}
