// UL-CL with real traffic: UEs behind a gNB reach a local data network out of their tunnels, and its answers come back
// in tunnels; everything else of them reaches the UPF. Sessions of the file, of our API and of loxilb's.

import type { ExecutionContext } from 'ava'

import type { Host, Remote } from '../lab/host.ts'
import { dualStack, hooks, type DualStack, type Hook, type LinkSpec } from '../lab/topology.ts'
import type { UserSessions } from '../src/api/schemas.ts'
import { testWith } from '../src/testing/needs.ts'
import { bulkPort } from './support/bulk.ts'
import {
  askFrom,
  bulkFrom,
  bulkServerOn,
  curl,
  gnbOn,
  macAddress,
  pingFrom,
  upfOn,
  witnessOn,
} from './support/on-host.ts'
import type { Gnb, Upf } from './support/gnb.ts'
import { drops, end, sluice, startStory, storyConfig, storyNeeds, until, writeConfig } from './support/story.ts'
import type { Story } from './support/story.ts'
import { witnessTcpPort, witnessUdpPort } from './support/witness.ts'

const needs = [...storyNeeds, 'curl'] as const
const bulkBytes = 300_000
/** room for the tunnel on links of 1500 */
const ueMtu = 1_400

interface Ue {
  readonly name: string
  /** the family of its tunnel */
  readonly outer: 4 | 6
  readonly v4: string
  readonly v6: string
  readonly up: number
  readonly down: number
}

const ues: readonly Ue[] = [
  { name: 'alice', outer: 4, v4: '10.60.1.2', v6: 'fd00:60:1::2', up: 0x11, down: 0x89ab_cdef },
  { name: 'bob', outer: 6, v4: '10.60.2.2', v6: 'fd00:60:2::2', up: 0x12, down: 0x2222 },
]
const [alice, bob] = [ues[0]!, ues[1]!]
const [qfi4, qfi6] = [9, 42]
/** The first server is the local data network, the second the UPF, the third what only the UPF leads to. */
const local = { 4: '10.2.1.0/24', 6: 'fd00:2:1::/64' } as const

interface World extends Story {
  readonly topology: DualStack
  readonly gnbs: ReadonlyMap<string, Remote<Gnb>>
  readonly upf: Remote<Upf>
}

const topologyOf = (hook: Hook): DualStack => {
  const plain = dualStack({ hook })
  const links = ues.map(({ name, v4, v6 }): LinkSpec => {
    const gateway = { v4: v4.replace(/2$/, '1'), v6: v6.replace(/2$/, '1') }
    return {
      a: { host: 'client', device: name, address: `${gateway.v4}/24`, address6: `${gateway.v6}/64` },
      b: { host: name, device: 'eth0', address: `${v4}/24`, address6: `${v6}/64` },
      mtu: ueMtu,
    }
  })
  const hosts = ues.map(({ name, v4, v6 }) => ({
    name,
    routes: [v4, v6].map((address) => ({ to: 'default', via: address.replace(/2$/, '1') })),
  }))
  return { ...plain, hosts: [...plain.hosts, ...hosts], links: [...plain.links, ...links] }
}

const coreOf = ({ vip, vip6 }: DualStack, { outer }: Ue): string => (outer === 4 ? vip : vip6)
const accessOf = ({ clients: [client] }: DualStack, { outer }: Ue): string =>
  outer === 4 ? client!.address : client!.address6

const sessionOf = (topology: DualStack, ue: Ue): object => ({
  name: ue.name,
  ueAddresses: [ue.v4, ue.v6],
  uplink: { address: coreOf(topology, ue), teid: ue.up },
  downlink: { address: accessOf(topology, ue), teid: ue.down },
  classifiers: [
    { prefix: local[4], qfi: qfi4 },
    { prefix: local[6], qfi: qfi6 },
  ],
})

const configOf = (topology: DualStack, sessions: readonly object[]): object => {
  const { servers, vip, vip6 } = topology
  const upf = servers[1]!
  const n3 = (name: string, address: string, endpoint: string) =>
    ({ name, vip: address, port: 2152, protocol: 'udp', select: 'n3', endpoints: [{ address: endpoint }] }) as const
  return storyConfig(topology, [n3('n3', vip, upf.address), n3('n3v6', vip6, upf.address6)], { sessions })
}

/** A lab in which UEs have their tunnels, and the daemon knows the session of those that are named. */
const startWorld = async (t: ExecutionContext, hook: Hook, known: readonly Ue[]): Promise<World> => {
  const topology = topologyOf(hook)
  const sessions = known.map((ue) => sessionOf(topology, ue))
  const story = await startStory(t, topology, configOf(topology, sessions))
  const { lab } = story
  const [near, upfServer] = topology.servers
  for (const address of [near!.address, near!.address6]) await witnessOn(lab.host('server1'), address)
  const upf = await upfOn(lab.host('server2'), [upfServer!.address, upfServer!.address6])
  const gnbs = new Map<string, Remote<Gnb>>()
  for (const ue of ues) {
    // What goes through a tunnel has its checksums, and is as long as one packet: nothing behind a device of this lab
    // would see to either, as a network card does.
    await lab.host(ue.name).run('ethtool', ['-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off'])
    await lab.host('client').run('ethtool', ['-K', ue.name, 'gro', 'off'])
    const options = { device: ue.name, ueMac: await macAddress(lab.host(ue.name), 'eth0'), teid: ue.up, qfi: 5 }
    const ends = { address: accessOf(topology, ue), core: coreOf(topology, ue), ueAddresses: [ue.v4, ue.v6] }
    gnbs.set(ue.name, await gnbOn(lab.host('client'), { ...options, ...ends }))
  }
  await lab.host('server1').run('ethtool', ['-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off'])
  return { ...story, topology, gnbs, upf }
}

const shown = async ({ lab }: Story): Promise<UserSessions> => {
  const { code, stdout, stderr } = await sluice(lab, 'get user-sessions -o json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as UserSessions
}

/** All of the UE's questions get their answers, and they are for the address it has. */
const talksLocally = async (t: ExecutionContext, world: World, ue: Ue): Promise<void> => {
  const host = world.lab.host(ue.name)
  const server = world.topology.servers[0]!
  for (const [own, address] of [
    [ue.v4, server.address],
    [ue.v6, server.address6],
  ] as const) {
    const about = `${ue.name} ${address}`
    for (const size of [0, 57, 1_300]) {
      const result = await pingFrom(host, { address, count: 3, size, identifier: 7 })
      t.deepEqual(result, { received: 3, wrong: 0, from: [address] }, about)
    }
    const { testimony } = await askFrom(host, address, witnessUdpPort, 'question')
    t.deepEqual([testimony.server, testimony.client, testimony.echo], ['server1', own, 'question'], about)
    const page = await curl(host, `http://${address.includes(':') ? `[${address}]` : address}:${witnessTcpPort}/`)
    t.deepEqual(page, { server: 'server1', client: own }, about)
  }
}

/** What the UE asks elsewhere reaches the UPF in its tunnel. */
const elsewhereGoesToUpf = async (t: ExecutionContext, world: World, ue: Ue): Promise<void> => {
  const server = world.topology.servers[2]!
  for (const address of [server.address, server.address6]) {
    const key = `${ue.up} ${address}`
    const before = (await world.upf.use('received')).get(key) ?? 0
    await t.throwsAsync(askFrom(world.lab.host(ue.name), address, witnessUdpPort, 'lost', 200))
    await until(`the UPF has ${key}`, async () => ((await world.upf.use('received')).get(key) ?? 0) > before)
    t.pass()
  }
}

const isAnswered = async (host: Host, address: string): Promise<boolean> =>
  (await askFrom(host, address, witnessUdpPort, 'still there?', 300).catch(() => null)) !== null

const hex = (value: number, bytes: number): string => value.toString(16).padStart(2 * bytes, '0')

for (const hook of hooks) {
  testWith(
    needs,
    `ul-cl: local traffic leaves its tunnel, its answers come in one, all else goes to the UPF, under ${hook}`,
    async (t) => {
      t.timeout(120_000)
      const world = await startWorld(t, hook, [alice])
      const { daemon, gnbs, lab, topology, upf } = world
      const [near] = topology.servers
      await bulkServerOn(lab.host('server1'), near!.address)

      // Of the API, as one whose tunnel is of IPv6.
      const ends = `--uplink=${bob.up}:${topology.vip6} --downlink=${bob.down}:${accessOf(topology, bob)}`
      const places = `--local=${qfi4}:${local[4]},${qfi6}:${local[6]}`
      const made = await sluice(lab, `create user-session bob --ue=${bob.v4},${bob.v6} ${ends} ${places}`)
      t.is(made.code, 0, made.stderr)

      for (const ue of ues) {
        await talksLocally(t, world, ue)
        await elsewhereGoesToUpf(t, world, ue)
      }

      // Nothing local went to the UPF.
      const strayed = [...(await upf.use('received')).keys()].filter((key) => key.includes(near!.address))
      t.deepEqual(strayed, [])

      for (const ue of ues) {
        const gnb = gnbs.get(ue.name)!
        // TS 29.281, 5.1: version 1, an extension header follows; TS 38.415, 5.5.2.1: downlink, QFI.
        const received = await gnb.use('received')
        t.true(received.length > 25)
        const headers = new Set<string>()
        for (const { from, header, innerBytes } of received) {
          t.is(from, coreOf(topology, ue))
          t.is(header.slice(0, 24), `34ff${hex(innerBytes + 8, 2)}${hex(ue.down, 4)}00000085`, header)
          headers.add(header.slice(24))
        }
        t.deepEqual([...headers].toSorted(), [`0100${hex(qfi4, 1)}00`, `0100${hex(qfi6, 1)}00`])

        // The counters are those of the packets that really went.
        const sent = await gnb.use('sent')
        const toLocal = (sent.get(near!.address) ?? 0) + (sent.get(near!.address6) ?? 0)
        const { sessions } = await shown(world)
        const { counters, owner } = sessions.find(({ name }) => name === ue.name)!
        t.is(owner, ue === alice ? 'file' : 'api')
        t.is(Number(counters.uplink.packets), toLocal)
        t.is(Number(counters.downlink.packets), received.length)
        const bytes = received.reduce((sum, { innerBytes }) => sum + innerBytes, 0)
        t.is(Number(counters.downlink.bytes), bytes)

        // In bursts, of which a queue of the lab may lose a part: what comes is right all the same.
        const moved = await bulkFrom(lab.host(ue.name), near!.address, bulkPort, bulkBytes)
        t.deepEqual([moved.wrong, moved.client], [null, ue.v4])
      }
      t.deepEqual(await drops(daemon), {})

      // One goes by the API, the other by the file: what they ask reaches the UPF, and no answer finds them.
      t.is((await sluice(lab, 'delete user-session bob')).code, 0)
      t.false(await isAnswered(lab.host('bob'), near!.address))
      t.true((await upf.use('received')).has(`${bob.up} ${near!.address}`))
      t.true(await isAnswered(lab.host('alice'), near!.address6))
      writeConfig(daemon, configOf(topology, []))
      const reloaded = await sluice(lab, 'reload')
      t.deepEqual([reloaded.code, reloaded.stdout], [0, '- session alice\n'])
      t.false(await isAnswered(lab.host('alice'), near!.address))
      t.deepEqual((await shown(world)).sessions, [])
    },
  )
}

testWith(
  needs,
  "ul-cl: loxilb's commands make a session, then its places, and all is there after a restart",
  async (t) => {
    t.timeout(120_000)
    const world = await startWorld(t, 'tc', [])
    const { daemon, lab, topology, upf } = world
    const near = topology.servers[0]!.address
    const run = async (line: string): Promise<string> => {
      const { code, stderr, stdout } = await sluice(lab, line)
      return `${code} ${stdout}${stderr}`.trim()
    }
    const host = lab.host('alice')
    const ulcl = `sessionulcl alice --ulclArgs`

    t.is(
      await run(`create ${ulcl}=${qfi4}:${near}`),
      `3 error: sessionulcl alice ${near}: no-user error: no session is named "alice"`,
    )
    const access = `--accessNetworkTunnel=${alice.down}:${accessOf(topology, alice)}`
    const tunnels = `${access} --coreNetworkTunnel=${alice.up}:${topology.vip}`
    t.is(await run(`create session alice ${alice.v4} ${tunnels}`), '0 session alice saved')
    t.is(await run(`create session alice ${alice.v4} ${tunnels}`), '4 error: session alice: exists already')

    // Kept and listed, and steers nothing yet.
    t.is(await run('get session --no-headers'), `0 alice   ${alice.v4}`)
    t.false(await isAnswered(host, near))
    t.true((await upf.use('received')).has(`${alice.up} ${near}`))

    t.is(await run(`create ${ulcl}=${qfi4}:${near}`), `0 sessionulcl alice ${near} saved`)
    t.is(await run('get ulcl --no-headers'), `0 alice   ${near}   ${qfi4}`)
    t.true(await isAnswered(host, near))

    await end(daemon, 'SIGTERM')
    await lab.startDaemon(configOf(topology, []))
    t.is(await run('get ulcl --no-headers'), `0 alice   ${near}   ${qfi4}`)
    t.true(await isAnswered(host, near))

    t.is(await run(`delete ${ulcl}=${near}`), `0 sessionulcl alice ${near} deleted`)
    t.false(await isAnswered(host, near))
    t.is(await run('get session --no-headers'), `0 alice   ${alice.v4}`)
    t.is(await run('delete session alice'), '0 session alice deleted')
    t.is(await run('delete session alice'), '3 error: no-user error: no session is named "alice"')
  },
)
