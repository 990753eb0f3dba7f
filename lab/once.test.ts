import test from 'ava'

import { serviceOutput } from '../src/api/native-input.ts'
import type { ServiceOutput, Status } from '../src/api/schemas.ts'
import { endpointDefaults, makeService } from '../src/lb/model.ts'
import type { TrafficResult } from './clients.ts'
import { demoServices } from './demo-services.ts'
import { runOnce, type Outcome } from './once.ts'
import { threeServers } from './topology.ts'

const topology = threeServers({ hook: 'tc' })
const fine: TrafficResult = { answeredBy: {}, failed: 0, failures: {} }

const status: Status = {
  instance: 'x',
  version: '0',
  pid: 1,
  startedAt: '',
  uptimeSeconds: 0,
  interfaces: topology.clients.map(({ name }) => ({ name, ifindex: 1, hook: 'tc', note: '' })),
  services: { file: 2, api: 0 },
  verdicts: { xdp: { forward: 1n, to_tc: 0n }, tc: { forward: 2n, no_flow: 0n, pass: 3n } },
  slowPath: { latencyBoundsMs: [], reasons: {}, lost: 0, unreadable: {}, sent: 0, unsent: {} },
}

const services = (flows: readonly bigint[]): readonly ServiceOutput[] =>
  demoServices.map(({ name, port, protocol, select, targetPort }) =>
    serviceOutput({
      service: makeService({
        name,
        port,
        protocol,
        select,
        address: topology.vip,
        mode: 'onearm',
        endpoints: topology.servers.map(({ address }) => ({ ...endpointDefaults, address, port: targetPort })),
      }),
      counters: { packets: 0n, bytes: 0n, flows: 0n },
      endpoints: topology.servers.map(({ address }, index) => ({
        address,
        port: targetPort,
        activeFlows: 0,
        counters: { flows: flows[index] ?? 0n, packets: 0n, bytes: 0n },
      })),
    }),
  )

/** A run in which each server counted 2 connections of each service. */
const run = async (
  connections: number,
  flows: readonly bigint[],
  result = fine,
): Promise<Outcome & { readonly asked: readonly number[] }> => {
  const asked: number[] = []
  const traffic = {
    connect: async ({ count }: { readonly count: number }) => {
      asked.push(count)
      return result
    },
    serverCounts: async () => new Map(topology.servers.map(({ name }) => [name, { tcp: 2, udp: 2 }])),
  }
  const daemon = { services: async () => services(flows), status: async () => status }
  return { ...(await runOnce(topology, traffic, daemon, connections)), asked }
}

test('once: splits the connections over the services', async (t) => {
  t.deepEqual((await run(12, [2n, 2n, 2n])).asked, [6, 6])
  t.deepEqual((await run(13, [2n, 2n, 2n])).asked, [7, 6])
  t.deepEqual((await run(1, [2n, 2n, 2n])).asked, [1, 0])
})

test('once: the summary has what the servers counted and the verdicts that happened', async (t) => {
  const { summary, problems } = await run(12, [2n, 2n, 2n])
  t.deepEqual(problems, [])
  t.deepEqual(JSON.parse(JSON.stringify(summary)), {
    services: [
      { name: 'web', protocol: 'tcp' },
      { name: 'dns-echo', protocol: 'udp' },
    ].map(({ name, protocol }) => ({
      name,
      vip: '10.99.0.1',
      protocol,
      mode: 'onearm',
      hook: 'tc',
      endpoints: ['10.2.1.2', '10.2.2.2', '10.2.3.2'].map((address) => ({ address, connections: 2 })),
      failed: 0,
    })),
    verdicts: { forward: 3, pass: 3 },
  })
})

test('once: a difference between servers and fast path is a problem', async (t) => {
  const { problems } = await run(12, [2n, 3n, 2n])
  t.deepEqual(problems, [
    'web: 10.2.2.2 counted 2 connections, and the fast path 3',
    'dns-echo: 10.2.2.2 counted 2 connections, and the fast path 3',
  ])
})

test('once: a connection that reached no server is a problem', async (t) => {
  const { problems } = await run(14, [2n, 2n, 2n])
  t.is(problems[0], 'web: 7 connections were made and the servers counted 6')
})

test('once: a connection that did not come back is a problem with its reason', async (t) => {
  const { summary, problems } = await run(12, [2n, 2n, 2n], { ...fine, failed: 1, failures: { 'connection reset': 1 } })
  t.is(summary.services[0]?.failed, 1)
  t.is(problems[0], 'web: 1 connections failed: connection reset')
})
