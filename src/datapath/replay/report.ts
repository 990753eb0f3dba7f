// What a replay has found, as data. Names and counts only: nothing in it depends on the machine, the time of day or the
// place of the files.

import { endpointSize, puntReasonNames, readEndpoint, verdictNames } from '../layout.gen.ts'
import { formatAddress } from '../../wire/ip.ts'
import { endpointKey, serviceKey } from '../../lb/model.ts'
import type { Service } from '../../lb/model.ts'
import type { Counters } from '../../lb/datapath.ts'
import type { ProxyReport } from '../../lb/replayed-proxies.ts'
import type { Balancer } from './balancer.ts'
import type { CaptureClock } from './capture-clock.ts'
import type { Outcome } from './fast-path.ts'

export type Counts = Readonly<Record<string, number>>

export interface CounterReport {
  readonly flows: number
  readonly packets: number
  readonly bytes: number
}

export interface EndpointReport extends CounterReport {
  /** ADDRESS:PORT */
  readonly endpoint: string
  /** flows that live at the end */
  readonly live: number
}

export interface ServiceReport extends CounterReport {
  readonly name: string
  /** ADDRESS:PORT/PROTOCOL */
  readonly at: string
  readonly mode: string
  readonly select: string
  /** of the frames that were for it, and of which that is known */
  readonly verdicts: Counts
  readonly endpoints: readonly EndpointReport[]
}

export interface SessionReport {
  readonly service: string
  readonly kind: string
  /** hexadecimal */
  readonly key: string
  readonly endpoint: string
}

export interface PuntReport {
  readonly reason: string
  readonly received: number
  readonly answered: number
  readonly waiting: number
  readonly dropped: Counts
}

export interface Report {
  readonly frames: number
  /** between the first frame and the last, by the capture's clock */
  readonly seconds: number
  /** frames whose time the file does not tell, and those whose time was before that of the one before */
  readonly untimed: number
  readonly held: number
  /** why the file could not be read to its end; null: it was */
  readonly problem: string | null
  readonly replayed: number
  /** frames that took no part, by reason */
  readonly skipped: Counts
  readonly verdicts: Counts
  /** hook xdp: verdicts of XDP on what TC has finished */
  readonly handedOn: Counts
  readonly services: readonly ServiceReport[]
  readonly flows: {
    /** by frames of the capture */
    readonly made: number
    /** at the end */
    readonly live: number
  }
  readonly sessions: readonly SessionReport[]
  /** services whose messages end in a proxy */
  readonly proxies: readonly ProxyReport[]
  readonly slowPath: { readonly reasons: readonly PuntReport[]; readonly sent: number; readonly lost: number }
  /** what a daemon would have logged as a warning or worse */
  readonly warnings: readonly string[]
}

class Tally<Key> {
  readonly #counts = new Map<Key, number>()

  add(key: Key): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  /** In the order of their names, or of `order`. */
  read(nameOf: (key: Key) => string): Counts {
    const named = [...this.#counts].map(([key, count]) => [nameOf(key), count] as const)
    return Object.fromEntries(named.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }
}

const verdictName = (number: number): string => verdictNames[number] ?? 'drop_internal'

interface Ending {
  readonly frames: number
  /** why the file could not be read to its end; null: it was */
  readonly problem: string | null
  readonly proxies: readonly ProxyReport[]
}

/** Counts frames, and reads the rest from the maps at the end. */
export class Tallies {
  replayed = 0
  #newFlows = 0
  readonly #skipped = new Tally<string>()
  readonly #verdicts = new Tally<number>()
  readonly #handedOn = new Tally<number>()
  readonly #byService = new Map<Service, Tally<number>>()
  readonly warnings: string[] = []

  skip(reason: string): void {
    this.#skipped.add(reason)
  }

  frame({ handedOn, newFlow, verdict }: Outcome, service: Service | undefined): void {
    this.replayed++
    this.#verdicts.add(verdict)
    if (handedOn !== 0) this.#handedOn.add(handedOn)
    if (newFlow) this.#newFlows++
    if (service === undefined) return
    const counts = this.#byService.get(service) ?? new Tally<number>()
    this.#byService.set(service, counts)
    counts.add(verdict)
  }

  report(balancer: Balancer, clock: CaptureClock, { frames, problem, proxies }: Ending): Report {
    return {
      frames,
      seconds: clock.us / 1e6,
      untimed: clock.untimed,
      held: clock.held,
      problem,
      replayed: this.replayed,
      skipped: this.#skipped.read((name) => name),
      verdicts: this.#verdicts.read(verdictName),
      handedOn: this.#handedOn.read(verdictName),
      services: this.#services(balancer),
      flows: { made: this.#newFlows, live: balancer.liveFlows },
      sessions: balancer.learned.list().map(({ endpoint, key, kind, service }) => ({
        service: balancer.services.serviceOf(service)?.name ?? String(service),
        kind,
        key,
        endpoint: endpointName(balancer.endpoints, endpoint),
      })),
      proxies,
      slowPath: slowPathReport(balancer),
      warnings: this.warnings,
    }
  }

  #services({ status }: Balancer): readonly ServiceReport[] {
    return status.services().map(({ counters, endpoints, service }) => ({
      name: service.name,
      at: serviceKey(service),
      mode: service.mode,
      select: service.select,
      ...countersOf(counters),
      verdicts: this.#byService.get(service)?.read(verdictName) ?? {},
      endpoints: endpoints.map((endpoint) => ({
        endpoint: endpointKey(endpoint),
        ...countersOf(endpoint.counters),
        live: endpoint.activeFlows,
      })),
    }))
  }
}

const countersOf = ({ bytes, flows, packets }: Counters): CounterReport => ({
  flows: Number(flows),
  packets: Number(packets),
  bytes: Number(bytes),
})

/** ADDRESS:PORT of what stands in map endpoints. */
export const endpointName = (endpoints: DataView, id: number): string => {
  const { address, port } = readEndpoint(endpoints, id * endpointSize)
  return endpointKey({ address: formatAddress(address), port })
}

function slowPathReport({ slowPath }: Balancer): Report['slowPath'] {
  const { lost, reasons, sent } = slowPath.status()
  return {
    reasons: puntReasonNames.flatMap((reason) => {
      const { answered, dropped, received, waiting } = reasons[reason]!
      return received === 0 ? [] : [{ reason, received, answered, waiting, dropped }]
    }),
    sent,
    lost,
  }
}
