// `sluice lab --once`: a bounded number of connections, counted by the servers and by the fast path. The two must
// agree, and every connection must have come back.

import type { ServiceOutput, Verdicts } from '../src/api/schemas.ts'
import type { TrafficResult } from './clients.ts'
import type { Daemon } from './daemon.ts'
import { demoServices } from './demo-services.ts'
import type { ThreeServers } from './topology.ts'
import type { Traffic } from './traffic.ts'

const concurrency = 64

export interface SummaryService {
  readonly name: string
  readonly vip: string
  readonly protocol: string
  readonly mode: string
  readonly hook: string
  readonly endpoints: readonly { readonly address: string; readonly connections: number }[]
  readonly failed: number
}

export interface Summary {
  readonly services: readonly SummaryService[]
  /** name -> packets, both hooks together, without those that counted nothing */
  readonly verdicts: Readonly<Record<string, number>>
}

export interface Outcome {
  readonly summary: Summary
  /** why the run did not succeed, in words; empty when it did */
  readonly problems: readonly string[]
}

export const runOnce = async (
  topology: ThreeServers,
  traffic: Pick<Traffic, 'connect' | 'serverCounts'>,
  daemon: Pick<Daemon, 'services' | 'status'>,
  connections: number,
): Promise<Outcome> => {
  const results = new Map<string, TrafficResult & { readonly asked: number }>()
  for (const [index, { name, port, protocol }] of demoServices.entries()) {
    const count = Math.floor((connections + demoServices.length - 1 - index) / demoServices.length)
    const result = await traffic.connect({ protocol, address: topology.vip, port, count, concurrency })
    results.set(name, { ...result, asked: count })
  }
  const counted = await traffic.serverCounts()
  const services = await daemon.services()
  const status = await daemon.status()

  const hook = [...new Set(status.interfaces.map((device) => device.hook))].join('+')
  const summaries = demoServices.map(({ name, protocol }): SummaryService => {
    const service = services.find((each) => each.name === name)
    return {
      name,
      vip: topology.vip,
      protocol,
      mode: service?.mode ?? '',
      hook,
      endpoints: topology.servers.map((server) => ({
        address: server.address,
        connections: counted.get(server.name)?.[protocol] ?? 0,
      })),
      failed: results.get(name)?.failed ?? 0,
    }
  })
  const problems = summaries.flatMap((summary) => {
    const result = results.get(summary.name)
    const service = services.find((each) => each.name === summary.name)
    return [
      ...failureProblems(summary, result?.failures ?? {}),
      ...reachProblems(summary, result?.asked ?? 0),
      ...(service === undefined
        ? [`${summary.name}: the daemon does not know this service`]
        : counterProblems(summary, service)),
    ]
  })
  return { summary: { services: summaries, verdicts: addVerdicts(status.verdicts) }, problems }
}

const failureProblems = (summary: SummaryService, failures: Readonly<Record<string, number>>): readonly string[] =>
  Object.entries(failures).map(([reason, count]) => `${summary.name}: ${count} connections failed: ${reason}`)

const reachProblems = (summary: SummaryService, asked: number): readonly string[] => {
  const reached = summary.endpoints.reduce((sum, endpoint) => sum + endpoint.connections, 0)
  return reached === asked ? [] : [`${summary.name}: ${asked} connections were made and the servers counted ${reached}`]
}

/** The fast path's own counters against those of the servers. */
const counterProblems = (summary: SummaryService, service: ServiceOutput): readonly string[] =>
  summary.endpoints.flatMap(({ address, connections }) => {
    const flows = service.endpoints.find((endpoint) => endpoint.address === address)?.counters.flows
    return Number(flows ?? 0) === connections
      ? []
      : [`${summary.name}: ${address} counted ${connections} connections, and the fast path ${flows ?? 'none'}`]
  })

const addVerdicts = ({ xdp, tc }: Verdicts): Readonly<Record<string, number>> => {
  const sum: Record<string, number> = {}
  for (const [name, count] of [...Object.entries(xdp), ...Object.entries(tc)]) {
    if (Number(count) > 0) sum[name] = (sum[name] ?? 0) + Number(count)
  }
  return sum
}
