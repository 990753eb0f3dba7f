// Real traffic in a lab: servers on all its server hosts, clients on all its client hosts, and the sums of what both
// sides counted.

import { type Client, type ConnectRequest, openClient, type TrafficResult } from './clients.ts'
import type { Remote } from './host.ts'
import type { Lab } from './lab.ts'
import { openServer, type Server, type ServerCounts } from './servers.ts'
import type { ThreeServers } from './topology.ts'

export const webPort = 8080
export const echoPort = 5353

const serversModule = new URL('servers.ts', import.meta.url)
const clientsModule = new URL('clients.ts', import.meta.url)

export class Traffic {
  /** by server name */
  readonly #servers: ReadonlyMap<string, Remote<Server>>
  readonly #clients: readonly Remote<Client>[]

  private constructor(servers: ReadonlyMap<string, Remote<Server>>, clients: readonly Remote<Client>[]) {
    this.#servers = servers
    this.#clients = clients
  }

  /** Servers are ready when this returns; clients wait to be told. All of it ends with the lab. */
  static async open(lab: Lab, topology: ThreeServers): Promise<Traffic> {
    const [servers, clients] = await Promise.all([
      Promise.all(
        topology.servers.map(async ({ name, address }) => {
          const options = { name, address, tcpPort: webPort, udpPort: echoPort }
          return [name, await lab.host(name).open(serversModule, openServer, options)] as const
        }),
      ),
      Promise.all(topology.clients.map(({ name }) => lab.host(name).open(clientsModule, openClient))),
    ])
    return new Traffic(new Map(servers), clients)
  }

  /** Makes `count` connections in all, shared out over the clients, and waits for all of them. */
  async connect(request: ConnectRequest): Promise<TrafficResult> {
    const each = shareOut(request.count, this.#clients.length)
    const concurrency = Math.max(1, Math.ceil(request.concurrency / this.#clients.length))
    return sum(
      await Promise.all(
        this.#clients.map((client, index) =>
          client.use('connect', { ...request, count: each[index] ?? 0, concurrency }),
        ),
      ),
    )
  }

  /** Makes `perSecond` connections a second in all until `stop`. */
  async start(request: Parameters<Client['start']>[0]): Promise<void> {
    const perSecond = request.perSecond / this.#clients.length
    await Promise.all(this.#clients.map((client) => client.use('start', { ...request, perSecond })))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.use('stop')))
  }

  /** What `start` has led to so far. */
  async progress(): Promise<TrafficResult> {
    return sum(await Promise.all(this.#clients.map((client) => client.use('progress'))))
  }

  /** What each server has counted since it was opened, by its name. */
  async serverCounts(): Promise<ReadonlyMap<string, ServerCounts>> {
    return new Map(
      await Promise.all([...this.#servers].map(async ([name, server]) => [name, await server.use('counts')] as const)),
    )
  }
}

/** `total` in `parts` that differ by one at most. */
const shareOut = (total: number, parts: number): readonly number[] =>
  Array.from({ length: parts }, (_, index) => Math.floor((total + index) / parts))

const sum = (results: readonly TrafficResult[]): TrafficResult => ({
  answeredBy: addUp(results.map((result) => result.answeredBy)),
  failed: results.reduce((failed, result) => failed + result.failed, 0),
  failures: addUp(results.map((result) => result.failures)),
})

const addUp = (counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> => {
  const total: Record<string, number> = {}
  for (const [name, count] of counts.flatMap((each) => Object.entries(each))) total[name] = (total[name] ?? 0) + count
  return total
}
