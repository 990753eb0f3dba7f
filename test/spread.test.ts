// How connections spread over the endpoints: 2,000 at once by hash, and in turn by weight. Servers and fast path must
// have counted the same.

import { availableParallelism } from 'node:os'

import type { ExecutionContext } from 'ava'

import type { Daemon } from '../lab/daemon.ts'
import type { Lab } from '../lab/lab.ts'
import { threeServers, type ThreeServers } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { streamClientOn, streamServerOn } from './support/on-host.ts'
import {
  drops,
  endpointNumbers,
  endpointsOf,
  startStory,
  storyConfig,
  storyNeeds,
  sum,
  until,
  type EndpointEntry,
} from './support/story.ts'
import { streamPort } from './support/streams.ts'

const connections = 2_000
const weights = [1, 2, 3] as const

const weighted = (topology: ThreeServers): readonly EndpointEntry[] =>
  topology.servers.map(({ address }, index) => ({ address, port: streamPort, weight: weights[index] ?? 1 }))

/** Opens connections from all clients, and checks that servers and fast path agree. Returns each server's count. */
const spread = async (
  t: ExecutionContext,
  { lab, daemon, topology }: { readonly lab: Lab; readonly daemon: Daemon; readonly topology: ThreeServers },
  service: { readonly name: string; readonly port: number },
  count: number,
): Promise<readonly number[]> => {
  const servers = await Promise.all(
    topology.servers.map(({ name, address }) => streamServerOn(lab.host(name), address)),
  )
  const clients = await Promise.all(topology.clients.map(({ name }) => streamClientOn(lab.host(name))))
  const each = count / clients.length
  await Promise.all(
    clients.map((client) =>
      client.use('openEchoes', { address: topology.vip, port: service.port, count: each, everyMs: null }),
    ),
  )
  const reports = await Promise.all(clients.map((client) => client.use('echoes')))
  t.deepEqual(
    reports.flatMap(({ broken }) => broken),
    [],
  )
  const accepted = await Promise.all(servers.map((server) => server.use('accepted')))
  t.is(sum(accepted), count)
  const numbers = await endpointNumbers(daemon, service.name)
  for (const [index, { name, address }] of topology.servers.entries()) {
    const counted = accepted[index] ?? -1
    t.is(numbers.get(address)?.flows, counted, `flows ever to ${name}`)
    t.is(numbers.get(address)?.active, counted, `flows now to ${name}`)
    t.is(sum(reports.map(({ servers: reached }) => reached[name] ?? 0)), counted, `clients' view of ${name}`)
  }
  await Promise.all(clients.map((client) => client.use('closeEchoes', 'whole')))
  await until('all flows have gone', async () =>
    [...(await endpointNumbers(daemon, service.name)).values()].every(({ active }) => active === 0),
  )
  await Promise.all(servers.map((server) => server.use('close')))
  t.deepEqual(await drops(daemon), {})
  return accepted
}

/** Five standard deviations of a fair draw, and the slot or so by which shares of a Maglev table differ. */
const isFairDraw = (count: number, total: number, share: number): boolean => {
  const slotsOff = total / 251
  return Math.abs(count - total * share) <= 5 * Math.sqrt(total * share * (1 - share)) + slotsOff
}

for (const hook of ['tc', 'xdp'] as const) {
  testWith(storyNeeds, `spread: 2,000 connections at once by hash under ${hook}, even and by weight`, async (t) => {
    const topology = threeServers({ hook, clients: 2 })
    const story = await startStory(
      t,
      topology,
      storyConfig(topology, [
        { name: 'even', port: 80, protocol: 'tcp', select: 'hash', endpoints: endpointsOf(topology, streamPort) },
        { name: 'weighted', port: 81, protocol: 'tcp', select: 'hash', endpoints: weighted(topology) },
      ]),
    )
    const even = await spread(t, { ...story, topology }, { name: 'even', port: 80 }, connections)
    t.true(
      even.every((count) => isFairDraw(count, connections, 1 / 3)),
      even.join(' '),
    )
    const byWeight = await spread(t, { ...story, topology }, { name: 'weighted', port: 81 }, connections)
    t.true(
      byWeight.every((count, index) => isFairDraw(count, connections, (weights[index] ?? 0) / 6)),
      byWeight.join(' '),
    )
  })

  testWith(storyNeeds, `spread: round robin under ${hook} is exact, but for one round of each CPU`, async (t) => {
    const topology = threeServers({ hook, clients: 2 })
    const mode = 'fullnat'
    const story = await startStory(
      t,
      topology,
      storyConfig(topology, [
        { name: 'even', port: 80, protocol: 'tcp', mode, endpoints: endpointsOf(topology, streamPort) },
        { name: 'weighted', port: 81, protocol: 'tcp', mode, endpoints: weighted(topology) },
      ]),
    )
    const cpus = availableParallelism()
    const even = await spread(t, { ...story, topology }, { name: 'even', port: 80 }, 600)
    t.true(Math.max(...even) - Math.min(...even) <= cpus, even.join(' '))
    const byWeight = await spread(t, { ...story, topology }, { name: 'weighted', port: 81 }, 600)
    for (const [index, count] of byWeight.entries()) {
      const weight = weights[index] ?? 0
      t.true(Math.abs(count - weight * 100) <= weight * cpus, byWeight.join(' '))
    }
  })
}
