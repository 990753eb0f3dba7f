// The daemon goes, by force or by order, and comes back: traffic does not notice. It takes over what it finds pinned,
// if that fits, and brings into effect what changed meanwhile.

import { join } from 'node:path'

import type { ExecutionContext } from 'ava'

import type { RunResult } from '../lab/host.ts'
import { instanceDirectory } from '../lab/instance.ts'
import type { Lab } from '../lab/lab.ts'
import { hooks, threeServers, type Hook } from '../lab/topology.ts'
import { echoPort, Traffic, webPort } from '../lab/traffic.ts'
import { testWith } from '../src/testing/needs.ts'
import { curl, sequenceOn, streamClientOn, streamServerOn, witnessOn } from './support/on-host.ts'
import { changePinnedLayout, pinnedFlowEntries, pinnedServices } from './support/pins.ts'
import {
  drops,
  end,
  endpointNumbers,
  endpointsOf,
  flowsOf,
  launcher,
  sluice,
  startStory,
  storyConfig,
  storyNeeds,
  until,
  writeConfig,
} from './support/story.ts'
import { streamPort } from './support/streams.ts'
import { witnessTcpPort } from './support/witness.ts'

const MiB = 1024 * 1024
const echoes = 40
/** So that a second of them fits into a receive buffer of the usual size: a thread may have to wait for its turn. */
const perSecond = 250

const runArguments = (lab: Lab, configFile: string): readonly string[] => [
  'run',
  '--config',
  configFile,
  '--instance',
  lab.instance,
  '--state',
  join(instanceDirectory(lab.instance), 'state'),
]

/** Starts a daemon that is expected to refuse. */
const runRefused = (lab: Lab, configFile: string): Promise<RunResult> =>
  lab.balancer.run(launcher, runArguments(lab, configFile), { timeoutMs: 10_000 })

const surviveRestart = async (t: ExecutionContext, hook: Hook, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
  const topology = threeServers({ hook, clients: 2 })
  const { vip } = topology
  const config = storyConfig(topology, [
    { name: 'streams', port: 70, protocol: 'tcp', mode: 'fullnat', endpoints: endpointsOf(topology, streamPort) },
    { name: 'web', port: 80, protocol: 'tcp', select: 'hash', endpoints: endpointsOf(topology, webPort) },
    { name: 'dns', port: 53, protocol: 'udp', mode: 'onearm', endpoints: endpointsOf(topology, echoPort) },
  ])
  const { lab, daemon } = await startStory(t, topology, config)
  for (const { name, address } of topology.servers) await streamServerOn(lab.host(name), address)
  const traffic = await Traffic.open(lab, topology)
  const client = await streamClientOn(lab.host('client'))
  const sequence = await sequenceOn(lab.host('client2'), { address: vip, port: 53, perSecond })
  const connectSome = async (): Promise<void> => {
    const request = { protocol: 'tcp', address: vip, port: 80, count: 60, concurrency: 20 } as const
    t.deepEqual((await traffic.connect(request)).failures, {})
  }
  const echoed = async (): Promise<number> => (await sequence.use('report')).received
  const allGoOn = async (what: string): Promise<void> => {
    const [fewest, received] = [(await client.use('echoes')).fewestEchoes, await echoed()]
    await until(`every stream goes on ${what}`, async () => (await client.use('echoes')).fewestEchoes > fewest + 3)
    await until(`datagrams go on ${what}`, async () => (await echoed()) > received + perSecond / 5)
  }

  await client.use('openEchoes', { address: vip, port: 70, count: echoes, everyMs: 10 })
  await client.use('download', { address: vip, port: 70, bytes: 96 * MiB, holdAt: 24 * MiB })
  await connectSome()
  await until('the download is half-way', async () => (await client.use('downloaded')).state === 'held')
  await allGoOn('at first')
  const idsBefore = pinnedServices(lab.instance)
  const servicesBefore = await daemon.services()

  t.deepEqual(await end(daemon, signal), signal === 'SIGKILL' ? { code: null, signal } : { code: 0, signal: null })
  await client.use('release')
  await until('the download completes', async () => (await client.use('downloaded')).state === 'complete')
  await connectSome()
  await allGoOn('without a daemon')

  const second = await lab.startDaemon(config)
  t.not(second.pid, daemon.pid)
  await allGoOn('with the next daemon')
  await connectSome()
  await sequence.use('stop')
  await until('all datagrams are back', async () => {
    const { sent, received } = await sequence.use('report')
    return sent === received
  })
  const { duplicates, missing, servers } = await sequence.use('report')
  t.deepEqual({ duplicates, missing, servers: Object.keys(servers).length }, { duplicates: 0, missing: [], servers: 1 })

  t.like(await client.use('echoes'), { alive: echoes, broken: [] })
  t.like(await client.use('downloaded'), { state: 'complete', bytes: 96 * MiB })
  t.deepEqual(
    [...pinnedServices(lab.instance)].map(([key, { id, endpoints }]) => [key, id, [...endpoints]]),
    [...idsBefore].map(([key, { id, endpoints }]) => [key, id, [...endpoints]]),
  )
  for (const service of await second.services()) {
    const before = servicesBefore.find(({ name }) => name === service.name)
    t.true(service.counters.packets > (before?.counters.packets ?? 0n), `${service.name} counts on`)
  }
  // Connections made before, without, and with the next daemon: servers and fast path have counted all of them.
  const numbers = await endpointNumbers(second, 'web')
  const counted = await traffic.serverCounts()
  for (const { name, address } of topology.servers)
    t.is(numbers.get(address)?.flows ?? -1, counted.get(name)?.tcp ?? -2, name)
  t.deepEqual(await drops(second), {})
}

for (const hook of hooks) {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    testWith(storyNeeds, `restart: nothing is lost over ${signal} and a new start under ${hook}`, (t) =>
      surviveRestart(t, hook, signal),
    )
  }
}

testWith([...storyNeeds, 'curl'], 'restart: what changed in the file meanwhile is brought into effect', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const [gone, kept, come] = ['10.99.0.1', '10.99.0.2', '10.99.0.3'] as const
  const configOf = (vips: readonly string[]): object =>
    storyConfig(
      topology,
      vips.map((vip) => ({
        name: `web-${vip}`,
        vip,
        port: 80,
        protocol: 'tcp',
        announce: 'local',
        endpoints: endpointsOf(topology, vip === gone ? streamPort : witnessTcpPort),
      })),
    )
  const { lab, daemon } = await startStory(t, topology, configOf([gone, kept]))
  for (const { name, address } of topology.servers) {
    await streamServerOn(lab.host(name), address)
    await witnessOn(lab.host(name), address)
  }
  const client = lab.host('client')
  const streams = await streamClientOn(client)
  await streams.use('openEchoes', { address: gone, port: 80, count: 6, everyMs: 10 })
  const announced = async (): Promise<readonly string[]> => {
    const { stdout } = await lab.balancer.run('ip', ['-brief', 'address', 'show', 'dev', 'lo'])
    return [gone, kept, come].filter((vip) => stdout.includes(` ${vip}/32`))
  }
  t.deepEqual(await announced(), [gone, kept])
  const { id } = pinnedServices(lab.instance).get(`${kept}:80/tcp`) ?? { id: -1 }

  await end(daemon, 'SIGKILL')
  t.deepEqual(await announced(), [gone, kept], 'VIPs stay while nobody runs')
  t.not(await curl(client, `http://${kept}/`), null)

  const second = await lab.startDaemon(configOf([kept, come]))
  t.deepEqual(await announced(), [kept, come])
  t.deepEqual([...pinnedServices(lab.instance).keys()].toSorted(), [`${kept}:80/tcp`, `${come}:80/tcp`])
  t.is(pinnedServices(lab.instance).get(`${kept}:80/tcp`)?.id ?? -2, id)
  t.not(await curl(client, `http://${kept}/`), null)
  t.not(await curl(client, `http://${come}/`), null)
  t.is(await curl(client, `http://${gone}/`, 1), null)
  // What was connected to the removed service drains.
  const { fewestEchoes } = await streams.use('echoes')
  await until('its streams go on', async () => (await streams.use('echoes')).fewestEchoes > fewestEchoes + 5)
  t.deepEqual(await drops(second), {})
})

testWith(
  [...storyNeeds, 'curl'],
  'restart: maps that do not fit are refused by name, --fresh drops them',
  async (t) => {
    const topology = threeServers({ hook: 'tc' })
    const services = [
      { name: 'web', port: 80, protocol: 'tcp', endpoints: endpointsOf(topology, witnessTcpPort) },
      { name: 'streams', port: 70, protocol: 'tcp', endpoints: endpointsOf(topology, streamPort) },
    ] as const
    const config = storyConfig(topology, services)
    const larger = storyConfig(topology, services, {
      limits: { flows: 32_768, services: 64, endpoints: 513, slotPages: 256 },
    })
    const { lab, daemon } = await startStory(t, topology, config)
    for (const { name, address } of topology.servers) {
      await streamServerOn(lab.host(name), address)
      await witnessOn(lab.host(name), address)
    }
    const client = lab.host('client')
    const streams = await streamClientOn(client)
    await streams.use('openEchoes', { address: topology.vip, port: 70, count: 5, everyMs: 10 })
    await daemon.stop()

    writeConfig(daemon, larger)
    const limits = await runRefused(lab, daemon.configFile)
    t.not(limits.code, 0)
    t.regex(limits.stderr, /limits\.flows: pinned 16384, configured 32768/)
    t.regex(limits.stderr, /limits\.endpoints: pinned 512, configured 513/)
    t.regex(limits.stderr, /--fresh/)

    writeConfig(daemon, config)
    const layout = changePinnedLayout(lab.instance, 0x1234n)
    const layouts = await runRefused(lab, daemon.configFile)
    t.not(layouts.code, 0)
    t.regex(
      layouts.stderr,
      new RegExp(`pinned 0000000000001234, this version ${layout.toString(16).padStart(16, '0')}`),
    )
    changePinnedLayout(lab.instance, layout)

    // Neither refusal has touched anything.
    t.not(await curl(client, `http://${topology.vip}/`), null)
    const { fewestEchoes } = await streams.use('echoes')
    await until('the streams go on', async () => (await streams.use('echoes')).fewestEchoes > fewestEchoes + 5)
    t.true(pinnedFlowEntries(lab.instance) >= 10)

    writeConfig(daemon, larger)
    await streams.use('closeEchoes', 'whole')
    const fresh = lab.balancer.spawn(launcher, [...runArguments(lab, daemon.configFile), '--fresh'], {
      stdio: 'ignore',
    })
    t.teardown(() => fresh.kill('SIGKILL'))
    await until('the daemon answers', () => daemon.status().catch(() => undefined))
    t.deepEqual(await flowsOf(daemon), [])
    t.not(await curl(client, `http://${topology.vip}/`), null)
  },
)

testWith([...storyNeeds, 'curl'], 'restart: what the API made, and drain orders, are still there', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const { vip } = topology
  const endpoints = endpointsOf(topology, witnessTcpPort)
  const config = storyConfig(topology, [{ name: 'web', port: 80, protocol: 'tcp', endpoints }])
  const { lab, daemon } = await startStory(t, topology, config)
  for (const { name, address } of topology.servers) await witnessOn(lab.host(name), address)
  const client = lab.host('client')
  const [first = '', second = ''] = topology.servers.map(({ address }) => address)
  const created = await sluice(
    lab,
    `create lb ${vip} --tcp=81:${witnessTcpPort} --endpoints=${first},${second} --mode=onearm --name=made`,
  )
  t.is(created.code, 0, created.stderr)
  for (const [service, address] of [
    ['web', first],
    ['made', second],
  ] as const)
    t.is((await sluice(lab, `drain ${service} ${address}:${witnessTcpPort}`)).code, 0)

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await end(signal === 'SIGKILL' ? daemon : await lab.startDaemon(config), signal)
    t.is((await curl(client, `http://${vip}:81/`))?.server, 'server1', 'without a daemon')
  }
  const last = await lab.startDaemon(config)
  t.deepEqual(
    (await last.services())
      .map(({ name, owner, mode }) => ({ name, owner, mode }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    [
      { name: 'made', owner: 'api', mode: 'onearm' },
      { name: 'web', owner: 'file', mode: 'dnat' },
    ],
  )
  const reached = new Set<string>()
  for (let round = 0; round < 6; round++) {
    t.is((await curl(client, `http://${vip}:81/`))?.server, 'server1')
    reached.add((await curl(client, `http://${vip}:80/`))?.server ?? '')
  }
  t.deepEqual([...reached].toSorted(), ['server2', 'server3'])
})

testWith([...storyNeeds, 'curl'], 'restart: a second daemon of the same instance is refused', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const endpoints = endpointsOf(topology, witnessTcpPort)
  const config = storyConfig(topology, [{ name: 'web', port: 80, protocol: 'tcp', endpoints }])
  const { lab, daemon } = await startStory(t, topology, config)
  await witnessOn(lab.host('server1'), topology.servers[0]?.address ?? '')
  for (const more of [[], ['--fresh']]) {
    const refused = await lab.balancer.run(launcher, [...runArguments(lab, daemon.configFile), ...more], {
      timeoutMs: 10_000,
    })
    t.is(refused.code, 4)
    t.regex(refused.stderr, new RegExp(`runs already as instance ${lab.instance}`))
  }
  t.true(daemon.running)
  t.is((await daemon.status()).pid, daemon.pid)
  t.is((await daemon.services()).length, 1)
})
