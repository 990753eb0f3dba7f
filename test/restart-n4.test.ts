// The daemon goes, by order or by force, while it has sessions of N4, and another one comes: SMF, UPFs and users notice
// nothing but requests that take a moment longer.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Daemon } from '../lab/daemon.ts'
import { instanceDirectory } from '../lab/instance.ts'
import { balancerDevices, threeServers, type ThreeServers } from '../lab/topology.ts'
import { openSimSmf, openSimUpf } from '../src/sim/open.ts'
import { testWith } from '../src/testing/needs.ts'
import { end, startStory, storyNeeds, until, writeConfig } from './support/story.ts'

const simModule = new URL('../src/sim/open.ts', import.meta.url)
const sessions = 120
const packetsPerSecond = 300
/** Requests are sent again so often that a daemon which starts slowly still gets them. */
const patience = 60
const job = { perSecond: Infinity, concurrency: 16 }

const configOf = (topology: ThreeServers, n4: object = {}): object => {
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
        n4: { tunnels: 'n3', onLoss: 'restore', heartbeat: 1, t1: 500, n1: 5, ...n4 },
      },
    ],
  }
}

interface Listed {
  readonly seid: string
  readonly tunnels: readonly { readonly teid: string; readonly upfTeid: string }[]
}

/** By SEID: where its tunnels are. */
const listed = async (daemon: Daemon): Promise<ReadonlyMap<string, unknown>> => {
  const { body } = await daemon.request('GET', '/sluice/v1/sessions?limit=1000')
  const { sessions: found } = JSON.parse(body) as { readonly sessions: readonly Listed[] }
  return new Map(found.map(({ seid, tunnels }) => [seid, tunnels.map(({ teid, upfTeid }) => ({ teid, upfTeid }))]))
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  testWith(
    storyNeeds,
    `n4: sessions outlive ${signal} of the daemon, and their packets do not wait for the next (N4.1)`,
    async (t) => {
      t.timeout(180_000)
      const topology = threeServers({ hook: 'tc' })
      const { lab, daemon } = await startStory(t, topology, configOf(topology))
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
        tries: patience,
      })
      const answered = async (): Promise<number> => (await smf.use('report')).traffic.answered
      const packetsGoOn = async (when: string): Promise<void> => {
        const before = await answered()
        await until(`packets go on ${when}`, async () => (await answered()) > before + packetsPerSecond / 3)
      }
      await smf.use('associate')
      await smf.use('establish', sessions, job)
      const before = await listed(daemon)
      t.is(before.size, sessions)
      const stateFile = join(instanceDirectory(lab.instance), 'state', `n4-${topology.vip}.log`)
      await smf.use('send', packetsPerSecond)
      await packetsGoOn('at first')

      await end(daemon, signal)
      t.true(readFileSync(stateFile).length > sessions * 100)
      await packetsGoOn('without a daemon')
      // A request while nobody is there is answered by whoever comes: its retransmissions find the new one.
      const meanwhile = smf.use('establish', 1, job)
      const second = await lab.startDaemon(configOf(topology))
      await meanwhile
      const after = await listed(second)
      t.is(after.size, sessions + 1)
      for (const [seid, tunnels] of before) t.deepEqual(after.get(seid), tunnels, seid)
      await packetsGoOn('with the next daemon')

      // What peers were not told of is taken over while sessions go on.
      writeConfig(second, configOf(topology, { hotPercent: 50, balance: 'hash', heartbeat: 2 }))
      second.kill('SIGHUP')
      await until('the configuration is taken over', async () => second.logTail().includes('reloaded'))
      t.is((await listed(second)).size, sessions + 1)
      await smf.use('modify', job)
      await packetsGoOn('after a change')
      await smf.use('send', 0)
      t.is(await smf.use('remove', job), sessions + 1)
      t.is((await listed(second)).size, 0)
      const { peerRestarts, problems } = await smf.use('report')
      t.deepEqual([peerRestarts, problems], [0, []])
      for (const upf of upfs) {
        const { associations, sessions: left, userPlane } = await upf.use('state')
        t.deepEqual([associations.length, left, userPlane.unknownTeid, userPlane.wrongUe], [1, 0, 0, 0])
      }
    },
  )
}

testWith(
  storyNeeds,
  'n4: what is kept and damaged is not taken up, and the SMF is told of another start (N4.1)',
  async (t) => {
    t.timeout(180_000)
    const topology = threeServers({ hook: 'tc' })
    const { lab, daemon } = await startStory(t, topology, configOf(topology))
    const { address, name } = topology.servers[0]!
    const upf = await lab.host(name).open(simModule, openSimUpf, { address, number: 1 })
    await until('associated', async () => (await upf.use('state')).associations.length > 0)
    const [client] = topology.clients
    const smf = await lab.host(client!.name).open(simModule, openSimSmf, {
      address: client!.address,
      gnbs: [client!.address],
      peer: topology.vip,
      n3: topology.vip,
    })
    await smf.use('associate')
    await smf.use('establish', 10, job)
    await end(daemon, 'SIGTERM')
    const stateFile = join(instanceDirectory(lab.instance), 'state', `n4-${topology.vip}.log`)
    const bytes = readFileSync(stateFile)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(stateFile, bytes)
    const second = await lab.startDaemon(configOf(topology))
    t.regex(second.logTail(), /sessions of before are not taken up/)
    t.is((await listed(second)).size, 0)
    await until('the UPF is associated again', async () => (await upf.use('state')).sessions === 0)
    await smf.use('associate')
    t.is((await smf.use('report')).peerRestarts, 1)
    await smf.use('establish', 10, job)
    t.is((await listed(second)).size, 10)
  },
)
