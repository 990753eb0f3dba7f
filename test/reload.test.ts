// SIGHUP: the file is read again while connections live. A good one takes effect, a bad one is refused with all its
// mistakes, and what the API made stays as it is.

import { readFileSync, writeFileSync } from 'node:fs'

import type { Daemon } from '../lab/daemon.ts'
import { threeServers } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { curl, streamClientOn, streamServerOn, witnessOn } from './support/on-host.ts'
import {
  drops,
  endpointsOf,
  sluice,
  startStory,
  storyConfig,
  storyNeeds,
  until,
  writeConfig,
  type ServiceEntry,
} from './support/story.ts'
import { streamPort } from './support/streams.ts'
import { witnessTcpPort } from './support/witness.ts'

const needs = [...storyNeeds, 'curl'] as const

/** Sends SIGHUP and returns what the daemon wrote, once it has written this. */
const hangUp = async (daemon: Daemon, expected: RegExp): Promise<string> => {
  const before = readFileSync(daemon.logFile, 'utf8').length
  daemon.kill('SIGHUP')
  return until(`the daemon logs ${expected.source}`, async () => {
    const written = readFileSync(daemon.logFile, 'utf8').slice(before)
    return expected.test(written) && written
  })
}

testWith(needs, 'reload: SIGHUP brings what differs into effect and leaves the rest alone', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const { vip } = topology
  const [a = '', b = ''] = topology.servers.map(({ address }) => address)
  const streams: ServiceEntry = {
    name: 'streams',
    port: 70,
    protocol: 'tcp',
    mode: 'fullnat',
    endpoints: endpointsOf(topology, streamPort),
  }
  const web = (port: number, address: string): ServiceEntry => ({
    name: `web-${port}`,
    port,
    protocol: 'tcp',
    endpoints: [{ address, port: witnessTcpPort }],
  })
  const { lab, daemon } = await startStory(t, topology, storyConfig(topology, [streams, web(80, a), web(81, a)]))
  for (const { name, address } of topology.servers) {
    await streamServerOn(lab.host(name), address)
    await witnessOn(lab.host(name), address)
  }
  const client = lab.host('client')
  const made = await sluice(lab, `create lb ${vip} --tcp=90:${witnessTcpPort} --endpoints=${b} --name=made`)
  t.is(made.code, 0, made.stderr)
  const echoes = await streamClientOn(client)
  await echoes.use('openEchoes', { address: vip, port: 70, count: 20, everyMs: 10 })
  const packetsOf = async (name: string): Promise<bigint> =>
    (await daemon.services()).find((service) => service.name === name)?.counters.packets ?? -1n
  const counted = await packetsOf('streams')

  writeConfig(daemon, storyConfig(topology, [streams, web(80, b), web(82, b)], { timeouts: { replied: 17 } }))
  const written = await hangUp(daemon, /reloaded .*: 3 services changed/)
  t.regex(written, /timeouts differs from what is running: takes effect when the daemon is started again/)
  t.is((await curl(client, `http://${vip}:80/`))?.server, 'server2')
  t.is(await curl(client, `http://${vip}:81/`, 1), null)
  t.is((await curl(client, `http://${vip}:82/`))?.server, 'server2')
  t.is((await curl(client, `http://${vip}:90/`))?.server, 'server2')
  t.true((await packetsOf('streams')) >= counted)
  const { fewestEchoes } = await echoes.use('echoes')
  await until('the streams go on', async () => (await echoes.use('echoes')).fewestEchoes > fewestEchoes + 5)
  t.like(await echoes.use('echoes'), { alive: 20, broken: [] })

  // The same file once more changes nothing.
  await hangUp(daemon, /reloaded .*: 0 services changed/)
  t.deepEqual(await drops(daemon), {})
})

testWith(needs, 'reload: a bad file is refused with every mistake, and what ran runs on', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const { vip } = topology
  const web: ServiceEntry = {
    name: 'web',
    port: 80,
    protocol: 'tcp',
    endpoints: endpointsOf(topology, witnessTcpPort),
  }
  const { lab, daemon } = await startStory(t, topology, storyConfig(topology, [web]))
  for (const { name, address } of topology.servers) await witnessOn(lab.host(name), address)
  const made = await sluice(lab, `create lb ${vip} --tcp=90:${witnessTcpPort} --endpoints=10.2.1.2 --name=made`)
  t.is(made.code, 0, made.stderr)
  const running = async (): Promise<readonly unknown[]> =>
    (await daemon.services()).map(({ name, owner, port, endpoints }) => ({
      name,
      owner,
      port,
      endpoints: endpoints.map(({ address }) => address),
    }))
  const before = await running()

  writeFileSync(
    daemon.configFile,
    [
      'version: 1',
      'interfaces:',
      '  - name: client',
      '    hok: tc',
      'services:',
      `  - vip: ${vip}`,
      '    port: 80',
      '    protocol: tcp',
      '    endpoints:',
      '      - address: 10.2.1.2',
      '        weight: 300',
      '      - address: nowhere',
      'colour: blue',
      '',
    ].join('\n'),
  )
  const mistakes = await hangUp(daemon, /was not taken over; what ran before runs on/)
  for (const mistake of [/:4:\d+: interfaces\[0\]\.hok/, /:11:\d+: services\[0\]\.endpoints\[0\]\.weight/])
    t.regex(mistakes, mistake)
  t.regex(mistakes, /:12:\d+: services\[0\]\.endpoints\[1\]\.address/)
  t.regex(mistakes, /:13:\d+: colour/)

  writeFileSync(daemon.configFile, 'services: [\n')
  await hangUp(daemon, /sluice\.yaml:\d+:\d+.*was not taken over|was not taken over.*sluice\.yaml:\d+:\d+/s)

  // The API's own service, once more in the file: a conflict that names both.
  writeConfig(daemon, storyConfig(topology, [web, { ...web, name: 'taken', port: 90 }]))
  t.regex(await hangUp(daemon, /was not taken over/), /made.*of the API.*both balance 10\.99\.0\.1:90\/tcp/)

  t.deepEqual(await running(), before)
  t.true(daemon.running)
  const client = lab.host('client')
  t.not(await curl(client, `http://${vip}:80/`), null)
  t.not(await curl(client, `http://${vip}:90/`), null)

  writeConfig(daemon, storyConfig(topology, []))
  await hangUp(daemon, /reloaded .*: 1 services changed/)
  t.is(await curl(client, `http://${vip}:80/`, 1), null)
  t.not(await curl(client, `http://${vip}:90/`), null)
})
