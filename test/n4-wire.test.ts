// The life of sessions through the N4 proxy, captured where SMFs are and where UPFs are: what tshark thinks of it, and
// whether either side could find out where the other one is.

import { setTimeout as sleep } from 'node:timers/promises'

import type { ExecutionContext } from 'ava'

import type { Remote } from '../lab/host.ts'
import type { Lab } from '../lab/lab.ts'
import { balancerDevices, hooks, threeServers, type Hook, type ThreeServers } from '../lab/topology.ts'
import { openSimSmf, openSimUpf, type SmfHandle, type UpfHandle } from '../src/sim/open.ts'
import { testWith } from '../src/testing/needs.ts'
import { startStory, storyConfig, storyNeeds, until } from './support/story.ts'
import { captureAt, type Wire, type WirePacket } from './support/wire.ts'

const simModule = new URL('../src/sim/open.ts', import.meta.url)
const gnbs = ['10.77.1.1', '10.77.2.1'] as const
const uePrefixes = ['10.48.0.0/13', '10.56.0.0/13'] as const
const sessionsOfEach = 15
const packetsPerSecond = 200
/** of each UPF, about sessions of both SMFs */
const reportsOfEach = 8
const trafficMs = 1000
const job = { perSecond: Infinity, concurrency: 4 } as const

/** Base stations have addresses of their own, so that those of SMFs stand for SMFs alone. */
const withGnbs = (topology: ThreeServers): ThreeServers => ({
  ...topology,
  hosts: topology.hosts.map((host) => {
    const index = topology.clients.findIndex(({ name }) => name === host.name)
    if (host.name === topology.balancer)
      return {
        ...host,
        routes: topology.clients.map(({ address }, i) => ({ to: `${gnbs[i]}/32`, via: address })),
      }
    return index < 0 ? host : { ...host, addresses: [`${gnbs[index]}/32`] }
  }),
})

const n4Services = (topology: ThreeServers): object => ({
  services: [
    {
      name: 'n3',
      vip: topology.vip,
      port: 2152,
      protocol: 'udp',
      select: 'n3',
      miss: 'drop',
      endpoints: topology.servers.map(({ address }) => ({ address })),
    },
    {
      name: 'n4',
      vip: topology.vip,
      port: 8805,
      protocol: 'udp',
      mode: 'proxy',
      select: 'n4',
      n4: { tunnels: 'n3', onLoss: 'restore', heartbeat: 1, t1: 200, n1: 2 },
      endpoints: topology.servers.map(({ address }) => ({ address })),
    },
  ],
})

/** Whoever sends writes checksums himself: what a virtual device leaves open, a capture would show as wrong. */
async function writeChecksums(lab: Lab, topology: ThreeServers): Promise<void> {
  const ends = [
    ...[...topology.clients, ...topology.servers].map(({ name }) => [name, 'eth0'] as const),
    ...balancerDevices(topology).map((device) => [topology.balancer, device] as const),
  ]
  for (const [host, device] of ends) {
    const { code, stderr } = await lab.host(host).run('ethtool', ['-K', device, 'tx', 'off'])
    if (code !== 0) throw new Error(`checksums of ${device} at ${host}: ${stderr}`)
  }
}

interface Scene {
  readonly topology: ThreeServers
  readonly smfs: readonly Remote<SmfHandle>[]
  readonly upfs: readonly Remote<UpfHandle>[]
}

async function openScene(lab: Lab, topology: ThreeServers): Promise<Scene> {
  // All UPFs give the same TEIDs and SEIDs.
  const upfs = await Promise.all(
    topology.servers.map(({ address, name }, index) =>
      lab.host(name).open(simModule, openSimUpf, { address, number: index + 1, heartbeatMs: 700 }),
    ),
  )
  const smfs = await Promise.all(
    topology.clients.map(({ address, name }, index) =>
      lab.host(name).open(simModule, openSimSmf, {
        address,
        gnbs: [gnbs[index]!],
        peer: topology.vip,
        n3: topology.vip,
        uePrefix: uePrefixes[index]!,
        heartbeatMs: 700,
      }),
    ),
  )
  return { topology, smfs, upfs }
}

/** Everything that there is in the life of sessions; `killed` is a UPF that dies in the middle of it. */
async function live({ smfs, upfs }: Scene, killed: number): Promise<void> {
  const ofUpfs = (): Promise<readonly number[]> =>
    Promise.all(upfs.map(async (upf, i) => (i === killed ? 0 : (await upf.use('state')).sessions)))
  const traffic = async (): Promise<void> => {
    for (const smf of smfs) await smf.use('send', packetsPerSecond)
    await sleep(trafficMs)
    for (const smf of smfs) await smf.use('send', 0)
  }
  await until('the proxy is associated with all UPFs', async () => {
    const states = await Promise.all(upfs.map((upf) => upf.use('state')))
    return states.every(({ associations }) => associations.length > 0)
  })
  for (const smf of smfs) {
    await smf.use('associate')
    await smf.use('establish', sessionsOfEach, job)
    await smf.use('modify', job)
  }
  await traffic()
  for (const upf of upfs) await upf.use('report', 'usage', reportsOfEach)
  await upfs[killed]!.use('stop')
  await until('all sessions are at the other UPFs', async () => {
    const left = await ofUpfs()
    return left.reduce((sum, count) => sum + count, 0) === smfs.length * sessionsOfEach
  })
  await traffic()
  for (const smf of smfs) {
    await smf.use('remove', job)
    await smf.use('release')
  }
  noneAreLeft(await ofUpfs())
}

function noneAreLeft(left: readonly number[]): void {
  if (left.some((count) => count > 0)) throw new Error(`sessions are left: ${left.join(', ')}`)
}

const isResponse = ({ type }: WirePacket): boolean => [2, 4, 6, 8, 10, 11, 13, 15, 17, 51, 53, 55, 57].includes(type)
const hexOf = (address: string): string =>
  address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')

function isWellFormed(t: ExecutionContext, packets: readonly WirePacket[], where: string): void {
  const faults = packets.flatMap(({ faults: its, number }) => its.map((fault) => `${where}, frame ${number}: ${fault}`))
  t.deepEqual(faults.slice(0, 10), [])
}

/** Each response answers one request that stands before it, goes where that came from, and has its number. */
function isPaired(t: ExecutionContext, packets: readonly WirePacket[], where: string): void {
  const asked = new Map<string, WirePacket>()
  for (const packet of packets) {
    const { from, fromPort, number, sequence, to, toPort, type } = packet
    if (!isResponse(packet)) {
      asked.set(`${from} ${to} ${sequence} ${type}`, packet)
      continue
    }
    const request = asked.get(`${to} ${from} ${sequence} ${type - 1}`)
    t.deepEqual([request?.fromPort, request?.toPort], [toPort, fromPort], `${where}, frame ${number}: no request`)
    t.true(packet.isPaired, `${where}, frame ${number}: tshark finds no request`)
  }
}

/** Nobody reads any of these addresses in a message, or gets a packet of one. */
function isHidden(t: ExecutionContext, packets: readonly WirePacket[], addresses: readonly string[]): void {
  for (const { from, number, payload, protocol, to } of packets)
    for (const address of addresses) {
      t.false(from === address || to === address, `frame ${number} is of ${address}`)
      if (protocol === 'pfcp') t.false(payload.includes(hexOf(address)), `${address} stands in frame ${number}`)
    }
}

const ofPfcp = (packets: readonly WirePacket[]): readonly WirePacket[] =>
  packets.filter(({ protocol }) => protocol === 'pfcp')
const typesIn = (packets: readonly WirePacket[]): readonly number[] =>
  [...new Set(ofPfcp(packets).map(({ type }) => type))].toSorted((a, b) => a - b)

async function story(t: ExecutionContext, hook: Hook): Promise<void> {
  const topology = withGnbs(threeServers({ hook, clients: 2 }))
  const { lab } = await startStory(t, topology, storyConfig(topology, [], n4Services(topology)))
  const smfAddresses = topology.clients.map(({ address }) => address)
  const upfAddresses = topology.servers.map(({ address }) => address)
  await writeChecksums(lab, topology)
  const start = (names: readonly { readonly name: string }[]): Promise<readonly Wire[]> =>
    Promise.all(names.map(({ name }) => captureAt(t, lab, name)))
  const [atSmfs, atUpfs] = await Promise.all([start(topology.clients), start(topology.servers)])
  const scene = await openScene(lab, topology)
  const killed = 1
  await live(scene, killed)

  for (const smf of scene.smfs) {
    const { problems, traffic } = await smf.use('report')
    t.deepEqual(problems, [])
    t.like(traffic, { crossed: 0, behind: 0, unknownTeid: 0, errorIndications: 0, others: 0, malformed: 0 })
  }
  const smfPackets = await Promise.all(atSmfs.map((wire) => wire.packets()))
  const upfPackets = await Promise.all(atUpfs.map((wire) => wire.packets()))
  for (const [i, packets] of smfPackets.entries()) {
    const where = topology.clients[i]!.name
    t.deepEqual(typesIn(packets), [1, 2, 5, 6, 9, 10, 50, 51, 52, 53, 54, 55, 56, 57], where)
    isWellFormed(t, packets, where)
    isPaired(t, ofPfcp(packets), where)
    isHidden(t, packets, upfAddresses)
  }
  for (const [i, packets] of upfPackets.entries()) {
    const where = topology.servers[i]!.name
    t.deepEqual(typesIn(packets).slice(0, 4), [1, 2, 5, 6], where)
    t.deepEqual(typesIn(packets).slice(4), [50, 51, 52, 53, ...(i === killed ? [] : [54, 55]), 56, 57], where)
    isWellFormed(t, packets, where)
    isPaired(t, ofPfcp(packets), where)
    isHidden(t, packets, smfAddresses)
  }
  tunnelsAgree(t, scene, smfPackets, upfPackets)
}

/** Gets a gNB the TEIDs that its SMF was told, and a UPF those that it has given. */
function tunnelsAgree(
  t: ExecutionContext,
  { topology }: Scene,
  smfPackets: readonly (readonly WirePacket[])[],
  upfPackets: readonly (readonly WirePacket[])[],
): void {
  const told = (packets: readonly WirePacket[]): ReadonlySet<number> =>
    new Set(packets.filter(({ type, protocol }) => protocol === 'pfcp' && type === 51).flatMap(({ fTeids }) => fTeids))
  const used = (packets: readonly WirePacket[], to: string): ReadonlySet<number> =>
    new Set(packets.flatMap((packet) => (packet.to === to && packet.teid !== null ? [packet.teid] : [])))
  const all = smfPackets.flatMap((packets) => [...told(packets)])
  t.is(all.length, smfPackets.length * sessionsOfEach)
  t.is(new Set(all).size, all.length, 'TEIDs at the VIP are all different')
  for (const packets of smfPackets) t.deepEqual(sorted(used(packets, topology.vip)), sorted(told(packets)))
  let given = 0
  for (const [i, packets] of upfPackets.entries()) {
    const own = told(packets)
    given += own.size
    t.deepEqual(sorted(used(packets, topology.servers[i]!.address)), sorted(own), topology.servers[i]!.name)
  }
  // Each UPF has counted from 1, so most of them had to become others, in the packets too.
  const chosen = new Set(upfPackets.flatMap((packets) => [...told(packets)]))
  t.true(chosen.size < given)
  t.true(all.filter((teid) => !chosen.has(teid)).length >= sessionsOfEach)
}

const sorted = (teids: ReadonlySet<number>): readonly number[] => [...teids].toSorted((a, b) => a - b)

for (const hook of hooks) {
  testWith(
    [...storyNeeds, 'tcpdump', 'tshark'],
    `n4: what either side gets is well-formed for tshark, and hides where the other side is, under ${hook}`,
    async (t) => {
      t.timeout(120_000)
      await story(t, hook)
    },
  )
}
