// What the fast path's maps say, in the words of the model: counters, flows, verdicts.

import { native } from '../../native/load.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { formatAddress } from '../wire/ip.ts'
import { protocolNames } from './entries.ts'
import { FlowReader } from './flow-reader.ts'
import * as layout from './layout.gen.ts'
import { actionOf } from './slow-path/flow-action.ts'
import type { Placed } from './prepare.ts'
import type { Services } from './services.ts'
import type { Counters, FlowStatus, ServiceStatus, Verdicts } from '../lb/datapath.ts'

/** Actions of flows whose endpoints answer clients themselves. */
const directReturn: ReadonlySet<layout.FlowAction> = new Set(['l2', 'encap_ip', 'encap_gue'])

const idBytes = (id: number): Uint8Array => new Uint8Array(Uint32Array.of(id).buffer)

/** Sums the copies that the CPUs keep of one counter. */
class PerCpuCounters {
  readonly #fd: number
  readonly #bytes = new Uint8Array(layout.countersSize * native.possibleCpus())
  readonly #words = new BigUint64Array(this.#bytes.buffer)

  constructor(fd: number) {
    this.#fd = fd
  }

  read(id: number): Counters {
    let [packets, bytes, flows] = [0n, 0n, 0n]
    if (native.mapLookup(this.#fd, idBytes(id), this.#bytes))
      for (let word = 0; word < this.#words.length; word += 3) {
        packets += this.#words[word]!
        bytes += this.#words[word + 1]!
        flows += this.#words[word + 2]!
      }
    return { packets, bytes, flows }
  }
}

export interface StatusMaps {
  readonly flows: number
  readonly service_counters: number
  readonly endpoint_counters: number
  readonly verdicts: number
}

export class Status {
  readonly #fds: StatusMaps
  readonly #services: Services
  readonly #serviceCounters: PerCpuCounters
  readonly #endpointCounters: PerCpuCounters

  constructor(fds: StatusMaps, services: Services) {
    this.#fds = fds
    this.#services = services
    this.#serviceCounters = new PerCpuCounters(fds.service_counters)
    this.#endpointCounters = new PerCpuCounters(fds.endpoint_counters)
  }

  services(): readonly ServiceStatus[] {
    return [...this.#services.placed().values()].flatMap((placed) => this.#service(placed))
  }

  #service(placed: Placed): readonly ServiceStatus[] {
    const { service } = placed
    if (service === null) return []
    const endpoints = service.endpoints.map(({ address, port }) => {
      const id = placed.endpoints.get(endpointKey({ address, port }))!
      return {
        address,
        port,
        counters: this.#endpointCounters.read(id),
        activeFlows: this.#services.endpoints.activeFlows(id),
      }
    })
    return [{ service, counters: this.#serviceCounters.read(placed.id), endpoints }]
  }

  verdicts(): Verdicts {
    const bytes = new Uint8Array(8 * native.possibleCpus())
    const words = new BigUint64Array(bytes.buffer)
    const read = (hook: number): Readonly<Record<string, bigint>> => {
      const counts: Record<string, bigint> = {}
      layout.verdictNames.forEach((name, number) => {
        if (name === 'continue') return
        native.mapLookup(this.#fds.verdicts, idBytes(hook * layout.verdictCount + number), bytes)
        counts[name] = words.reduce((sum, count) => sum + count, 0n)
      })
      return counts
    }
    return { xdp: read(layout.hook.xdp), tc: read(layout.hook.tc) }
  }

  flows(limit: number, now: number, ticksPerSecond: number): readonly FlowStatus[] {
    const flows: FlowStatus[] = []
    const reader = new FlowReader(this.#fds.flows)
    const partner = new Uint8Array(layout.flowSize)
    for (let done = false; !done && flows.length < limit;) {
      const batch = reader.next()
      done = batch.done
      for (let index = 0; index < batch.count && flows.length < limit; index++) {
        const key = layout.readFlowKey(reader.keys, index * layout.flowKeySize)
        const flow = layout.readFlow(reader.values, index * layout.flowSize)
        if (flow.flags & layout.flowFlags.reverse) continue
        const reverse = this.#reverse(key, flow, partner)
        if (reverse === undefined) continue
        const seen = [flow, reverse ?? flow].map((half) => (now - half.seen) | 0)
        flows.push(this.#flow(key, flow, reverse, Math.max(0, Math.round((Math.min(...seen) * 1000) / ticksPerSecond))))
      }
    }
    return flows
  }

  /** Null: endpoints that answer clients themselves have no side of their own; undefined: it has just gone. */
  #reverse(key: layout.FlowKey, flow: layout.Flow, bytes: Uint8Array): layout.Flow | null | undefined {
    if (directReturn.has(actionOf(flow))) return null
    if (!native.mapLookup(this.#fds.flows, partnerKey(key, flow), bytes)) return undefined
    return layout.readFlow(new DataView(bytes.buffer), 0)
  }

  #flow(key: layout.FlowKey, flow: layout.Flow, reverse: layout.Flow | null, idleMs: number): FlowStatus {
    const found = protocolNames.get(key.protocol)
    const protocol = found === undefined || found === 'any' ? 'tcp' : found
    const icmp = protocol === 'icmp'
    const service = this.#services.serviceOf(flow.service)
    const endpoint = { address: formatAddress(flow.destination), port: flow.destinationPort }
    const known = service?.endpoints.find(
      ({ address, port }) =>
        service.mode === 'masquerade' || (address === endpoint.address && (port === 0 || port === endpoint.port)),
    )
    return {
      protocol,
      state: layout.flowStateNames[flow.state] as FlowStatus['state'],
      client: { address: formatAddress(key.source), port: key.sourcePort },
      vip: { address: formatAddress(key.destination), port: key.destinationPort },
      source: { address: formatAddress(flow.source), port: flow.sourcePort },
      endpoint: { ...endpoint, port: icmp ? 0 : endpoint.port, weight: known?.weight ?? 0 },
      service: service ? serviceKey(service) : null,
      serviceName: service?.name ?? '',
      mode: service?.mode ?? 'dnat',
      toEndpoint: { packets: flow.packets, bytes: flow.bytes },
      toClient: { packets: reverse?.packets ?? 0n, bytes: reverse?.bytes ?? 0n },
      idleMs,
    }
  }
}

const partnerKey = (key: layout.FlowKey, flow: layout.Flow): Uint8Array => {
  const bytes = new Uint8Array(layout.flowKeySize)
  layout.writeFlowKey(new DataView(bytes.buffer), 0, {
    source: flow.destination,
    destination: flow.source,
    sourcePort: flow.destinationPort,
    destinationPort: flow.sourcePort,
    zone: key.zone,
    protocol: key.protocol,
  })
  return bytes
}
