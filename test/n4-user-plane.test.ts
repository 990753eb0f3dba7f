// A UPF whose PFCP goes on, and whose user plane is cut off: its sessions move, and come back no more by themselves.

import { balancerDevices, threeServers } from '../lab/topology.ts'
import { openSimSmf, openSimUpf } from '../src/sim/open.ts'
import { testWith } from '../src/testing/needs.ts'
import { startStory, storyNeeds, until } from './support/story.ts'
import type { Daemon } from '../lab/daemon.ts'
import type { ThreeServers } from '../lab/topology.ts'

const simModule = new URL('../src/sim/open.ts', import.meta.url)
/** By its place: `node_modules/.bin`, which npm puts first into PATH, has an `nft` that is another program. */
const nft = '/usr/sbin/nft'
const sessions = 60
const packetsPerSecond = 300
const job = { perSecond: Infinity, concurrency: 16 }

const configOf = (topology: ThreeServers): object => {
  const endpoints = topology.servers.map(({ address }) => ({ address }))
  const common = { vip: topology.vip, protocol: 'udp', endpoints }
  return {
    version: 1,
    log: { format: 'text' },
    api: { listen: 'off' },
    interfaces: balancerDevices(topology).map((name) => ({ name, hook: topology.hook })),
    services: [
      { ...common, name: 'n3', port: 2152, select: 'n3', miss: 'drop' },
      {
        ...common,
        name: 'n4',
        port: 8805,
        mode: 'proxy',
        select: 'n4',
        n4: { tunnels: 'n3', onLoss: 'restore', heartbeat: 1, echo: 1, t1: 500, n1: 2 },
      },
    ],
  }
}

interface Peer {
  readonly address: string
  readonly state: string
  readonly sessions: number
}

const upfsOf = async (daemon: Daemon): Promise<readonly Peer[]> => {
  const { body } = await daemon.request('GET', '/sluice/v1/n4')
  const { n4 } = JSON.parse(body) as { readonly n4: readonly { readonly upfs: readonly Peer[] }[] }
  return n4[0]!.upfs
}

for (const hook of ['tc', 'xdp'] as const) {
  testWith(
    [...storyNeeds, 'nft'],
    `n4: sessions of a UPF whose user plane alone is cut off go on at others, under ${hook} (N4.13)`,
    async (t) => {
      t.timeout(120_000)
      const topology = threeServers({ hook })
      const { daemon, lab } = await startStory(t, topology, configOf(topology))
      const upfs = await Promise.all(
        topology.servers.map(({ address, name }, index) =>
          lab.host(name).open(simModule, openSimUpf, { address, number: index + 1 }),
        ),
      )
      await until('the proxy is associated with all UPFs', async () => {
        const states = await Promise.all(upfs.map((upf) => upf.use('state')))
        return states.every(({ associations }) => associations.length > 0)
      })
      const [client] = topology.clients
      const smf = await lab.host(client!.name).open(simModule, openSimSmf, {
        address: client!.address,
        gnbs: [client!.address],
        peer: topology.vip,
        n3: topology.vip,
      })
      await smf.use('associate')
      await smf.use('establish', sessions, job)
      await smf.use('send', packetsPerSecond)
      const [first] = topology.servers
      const stateOfFirst = async (): Promise<Peer | undefined> =>
        (await upfsOf(daemon)).find(({ address }) => address === first!.address)
      t.like(await stateOfFirst(), { state: 'up', sessions: sessions / 3 })

      const cut = 'table inet cut { chain input { type filter hook input priority 0; udp dport 2152 drop; }; }'
      const made = await lab.host(first!.name).run(nft, [cut])
      t.is(made.code, 0, made.stderr)
      await until('the sessions have moved', async () => (await stateOfFirst())?.sessions === 0)
      t.like(await stateOfFirst(), { state: 'no-user-plane' })
      await until('the UPF has deleted them', async () => (await upfs[0]!.use('state')).sessions === 0)
      t.is((await upfs[0]!.use('state')).associations.length, 1)
      const before = (await smf.use('report')).traffic
      await until('packets go on', async () => {
        const { answered } = (await smf.use('report')).traffic
        return answered > before.answered + packetsPerSecond * 2
      })
      const { byUpf, crossed, unknownTeid } = (await smf.use('report')).traffic
      t.like({ byUpf, crossed, unknownTeid }, { byUpf: { 1: before.byUpf['1'] }, crossed: 0, unknownTeid: 0 })

      await lab.host(first!.name).run(nft, ['flush', 'ruleset'])
      await until('the user plane is back', async () => (await stateOfFirst())?.state === 'up')
      await smf.use('establish', sessions / 2, job)
      t.true(((await stateOfFirst())?.sessions ?? 0) > 0)
    },
  )
}
