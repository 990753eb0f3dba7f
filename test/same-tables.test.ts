// Two boxes with the same configuration choose the same endpoint for the same connection, whatever each has been
// through before. What they choose is also what the tables and the hash say, computed here once more.

import type { Lab } from '../lab/lab.ts'
import { threeServers, type ThreeServers } from '../lab/topology.ts'
import { endpointKey, serviceKey } from '../src/lb/model.ts'
import { flowSlot } from '../src/lb/selection/flow-hash.ts'
import { testWith } from '../src/testing/needs.ts'
import { addressBytes } from '../src/wire/ip.ts'
import { streamClientOn, streamServerOn } from './support/on-host.ts'
import { pinnedServices, type PinnedService } from './support/pins.ts'
import {
  endpointsOf,
  flowsOf,
  sluice,
  startStory,
  storyConfig,
  storyNeeds,
  writeConfig,
  type EndpointEntry,
  type ServiceEntry,
} from './support/story.ts'
import { streamPort } from './support/streams.ts'

const tcp = 6
const firstPort = 40_000
const connections = 200
const seed = 77

/** Servers that are there, and more that are not: tables with gaps and weights. */
const services = (topology: ThreeServers): readonly ServiceEntry[] => {
  const weighted: readonly EndpointEntry[] = [
    ...topology.servers.map(({ address }, index) => ({ address, port: streamPort, weight: index + 1 })),
    { address: '10.2.1.77', port: 1, weight: 0 },
    { address: '10.2.2.77', port: 2, drained: true },
  ]
  return [
    { name: 'even', port: 80, protocol: 'tcp', select: 'hash', endpoints: endpointsOf(topology, streamPort) },
    { name: 'weighted', port: 81, protocol: 'tcp', select: 'hash', mode: 'fullnat', endpoints: weighted },
    { name: 'turns', port: 82, protocol: 'tcp', select: 'rr', endpoints: weighted },
    {
      name: 'many',
      port: 83,
      protocol: 'udp',
      select: 'hash',
      endpoints: Array.from({ length: 100 }, (_, index) => ({ address: `10.2.3.${index + 100}`, weight: index % 7 })),
    },
  ]
}

/** What two boxes must have in common: not the ids, which tell of the past. */
const tables = (instance: string): Readonly<Record<string, Pick<PinnedService, 'slots' | 'seed'>>> =>
  Object.fromEntries(
    [...pinnedServices(instance)]
      .map(([key, { slots, seed: used }]) => [key, { slots, seed: used }] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )

/** Which server each of our connections reached, by source port. */
const choices = async (lab: Lab, topology: ThreeServers, port: number): Promise<readonly string[]> => {
  const client = await streamClientOn(lab.host('client'))
  await client.use('openEchoes', {
    address: topology.vip,
    port,
    count: connections,
    everyMs: null,
    firstLocalPort: firstPort,
  })
  const { alive, broken } = await client.use('echoes')
  if (alive !== connections) throw new Error(`only ${alive} connections: ${broken[0]}`)
  const servers = await client.use('serversInOrder')
  await client.use('closeEchoes', 'whole')
  return servers
}

for (const hook of ['tc', 'xdp'] as const) {
  testWith(storyNeeds, `same tables: two daemons choose alike under ${hook}`, async (t) => {
    const topology = threeServers({ hook })
    const wanted = services(topology)
    const selection = { selection: { seed } }

    const one = await startStory(t, topology, storyConfig(topology, wanted, selection))

    // The other one comes to the same by detours: other endpoints first, written in another order, a service less.
    const before = wanted
      .slice(1)
      .map((service) => ({ ...service, endpoints: [{ address: '10.2.1.99', port: 9 }, ...service.endpoints] }))
    const other = await startStory(t, topology, storyConfig(topology, before, selection))
    const reversed = wanted.map((service) => ({ ...service, endpoints: service.endpoints.toReversed() })).toReversed()
    writeConfig(other.daemon, storyConfig(topology, reversed, selection))
    const reloaded = await sluice(other.lab, 'reload')
    t.is(reloaded.code, 0, reloaded.stderr)

    t.deepEqual(tables(one.lab.instance), tables(other.lab.instance))

    // Connections with the same addresses and ports, through both.
    for (const lab of [one.lab, other.lab])
      await Promise.all(topology.servers.map(({ name, address }) => streamServerOn(lab.host(name), address)))
    const client = topology.clients[0]?.address ?? ''
    for (const [name, port] of [
      ['even', 80],
      ['weighted', 81],
    ] as const) {
      const [first, second] = [await choices(one.lab, topology, port), await choices(other.lab, topology, port)]
      t.deepEqual(first, second, name)
      t.is(new Set(first).size, 3)
      const { slots = [] } =
        pinnedServices(one.lab.instance).get(serviceKey({ address: topology.vip, port, protocol: 'tcp' })) ?? {}
      const expected = Array.from({ length: connections }, (_, index) => {
        const flow = {
          source: addressBytes(client),
          destination: addressBytes(topology.vip),
          sourcePort: firstPort + index,
          destinationPort: port,
          protocol: tcp,
        }
        const chosen = slots[flowSlot(flow, seed, slots.length)]
        return topology.servers.find(({ address }) => endpointKey({ address, port: streamPort }) === chosen)?.name ?? ''
      })
      t.deepEqual(first, expected, name)
    }
    t.true((await flowsOf(one.daemon)).every(({ endpoint }) => !endpoint.address.endsWith('.77')))
  })
}
