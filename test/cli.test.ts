// The command line against a real daemon with real flows: what it shows, what it exits with, what it says.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { instanceDirectory } from '../lab/instance.ts'
import { threeServers } from '../lab/topology.ts'
import { echoPort, Traffic } from '../lab/traffic.ts'
import type { ConntrackEntry } from '../src/api/schemas.ts'
import { buildFrame } from '../src/testing/packets.ts'
import { testWith } from '../src/testing/needs.ts'
import {
  curl,
  frameSenderOn,
  macAddress,
  oneFromEachOn,
  pingFrom,
  streamClientOn,
  streamServerOn,
  witnessOn,
} from './support/on-host.ts'
import { end, endpointsOf, launcher, sluice, startStory, storyConfig, storyNeeds, until } from './support/story.ts'
import { streamPort } from './support/streams.ts'
import { witnessTcpPort } from './support/witness.ts'

const needs = [...storyNeeds, 'curl'] as const

testWith(needs, 'cli: commands on a real daemon exit with what became of them', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const { vip } = topology
  const { lab, daemon } = await startStory(
    t,
    topology,
    storyConfig(topology, [
      { name: 'web', port: 80, protocol: 'tcp', endpoints: endpointsOf(topology, witnessTcpPort) },
    ]),
  )
  for (const { name, address } of topology.servers) await witnessOn(lab.host(name), address)
  const run = (line: string) => sluice(lab, line)
  const create =
    `create lb ${vip} --tcp=81:${witnessTcpPort} --endpoints=10.2.1.2:1,10.2.2.2:2 ` +
    '--mode=fullnat --select=hash --name=made'

  t.like(await run(create), { code: 0, stdout: '' })
  t.is((await run(create)).code, 4, 'exactly the same again')
  t.is((await run(`create lb ${vip} --tcp=80 --endpoints=10.2.1.2`)).code, 4, 'it belongs to the file')
  t.is((await run(`delete lb ${vip} --tcp=80`)).code, 4, 'it belongs to the file')
  t.is((await run(`delete lb ${vip} --tcp=99`)).code, 3)
  t.is((await run('drain made 10.9.9.9:1')).code, 3)
  t.is((await run('create lb nonsense --tcp=80 --endpoints=10.2.1.2')).code, 2)
  t.is((await run(`create lb ${vip} --tcp=80 --colour=blue`)).code, 2)

  const client = lab.host('client')
  for (let round = 0; round < 4; round++) t.not(await curl(client, `http://${vip}:81/`), null)
  const shown = JSON.parse((await run('get lb -o json')).stdout) as {
    readonly lbAttr: readonly {
      readonly serviceArguments: { readonly name: string; readonly mode: number; readonly sel: number }
      readonly endpoints: readonly { readonly counter: string }[]
    }[]
  }
  const made = shown.lbAttr.find(({ serviceArguments }) => serviceArguments.name === 'made')
  t.like(made?.serviceArguments, { mode: 2, sel: 1 })
  // Four pages over HTTP are ten packets each, or nearly so.
  const packets = (made?.endpoints ?? []).map(({ counter }) => Number(counter.split(':')[0]))
  t.true(packets.reduce((total, count) => total + count, 0) >= 32, packets.join(' '))

  const inside = await run(`lab exec client -- curl --silent --max-time 3 http://${vip}/`)
  t.is(inside.code, 0, inside.stderr)
  t.regex(inside.stdout, /"server":"server\d"/)

  const verdicts = await run('get verdicts --no-headers')
  t.regex(verdicts.stdout, /forward/)
  t.regex((await run('version')).stdout, /client: \S+\nserver: \S+\n/)
  t.is((await run('delete lb --name=made')).code, 0)
  t.is((await run('get lb -o json')).stdout.includes('made'), false)

  await end(daemon, 'SIGTERM')
  const gone = await run('get lb')
  t.is(gone.code, 5)
  t.regex(gone.stderr, /cannot reach the daemon at .*api\.sock/)
  const unloaded = await run('unload')
  t.is(unloaded.code, 0, unloaded.stderr)
  t.is(await curl(client, `http://${vip}/`, 1), null)
  t.is((await run('unload')).code, 3)
})

testWith(needs, 'cli: get ct shows real connections in every state', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const { vip } = topology
  const deaf = [{ address: '10.2.1.99' }]
  const { lab, daemon } = await startStory(
    t,
    topology,
    storyConfig(topology, [
      { name: 'streams', port: 70, protocol: 'tcp', mode: 'fullnat', endpoints: endpointsOf(topology, streamPort) },
      { name: 'plain', port: 71, protocol: 'tcp', endpoints: endpointsOf(topology, streamPort) },
      { name: 'deaf', port: 72, protocol: 'tcp', endpoints: deaf },
      { name: 'dns', port: 53, protocol: 'udp', mode: 'onearm', endpoints: endpointsOf(topology, echoPort) },
      { name: 'deaf-dns', port: 54, protocol: 'udp', endpoints: deaf },
      { name: 'ping', protocol: 'icmp', endpoints: endpointsOf(topology) },
    ]),
  )
  for (const { name, address } of topology.servers) await streamServerOn(lab.host(name), address)
  await Traffic.open(lab, topology)
  const client = lab.host('client')

  const established = await streamClientOn(client)
  await established.use('openEchoes', { address: vip, port: 70, count: 2, everyMs: 50 })
  const closing = await streamClientOn(client)
  await closing.use('openEchoes', { address: vip, port: 71, count: 1, everyMs: null, stay: true })
  await closing.use('closeEchoes', 'half')
  const unanswered = await streamClientOn(client)
  const failing = unanswered.use('openEchoes', { address: vip, port: 72, count: 1, everyMs: null, timeoutMs: 100 })
  // A SYN of an address that nobody has: the server's SYN ACK reaches nobody.
  const sender = await frameSenderOn(client, 'eth0')
  const syn = buildFrame({
    kind: 'tcp',
    from: '10.1.1.77:9000',
    to: `${vip}:71`,
    flags: 'S',
    ethernetSource: await macAddress(client, 'eth0'),
    ethernetDestination: await macAddress(lab.balancer, 'client'),
  })
  t.is(await sender.use('send', [syn]), 1)
  t.is((await oneFromEachOn(client, vip, 53, 3, 2_000)).answered, 3)
  t.is((await oneFromEachOn(client, vip, 54, 1, 1)).answered, 0)
  t.is((await pingFrom(client, { address: vip, count: 2, size: 8, identifier: 11 })).received, 2)
  await failing

  const get = async (): Promise<readonly ConntrackEntry[]> =>
    (JSON.parse((await sluice(lab, 'get ct -o json')).stdout) as { ctAttr: readonly ConntrackEntry[] }).ctAttr
  const statesOf = (entries: readonly ConntrackEntry[], service: string): readonly string[] =>
    entries.filter(({ servName }) => servName === service).map(({ conntrackState }) => conntrackState)
  const entries = await get()
  // A line for each direction.
  t.deepEqual(statesOf(entries, 'streams'), ['est', 'est', 'est', 'est'])
  t.deepEqual(statesOf(entries, 'plain').toSorted(), ['fini', 'fini', 'sync-ack', 'sync-ack'])
  t.deepEqual(statesOf(entries, 'deaf'), ['sync-sent', 'sync-sent'])
  t.deepEqual(
    statesOf(entries, 'dns'),
    Array.from({ length: 6 }, () => 'udp-est'),
  )
  t.deepEqual(statesOf(entries, 'deaf-dns'), ['udp-uni', 'udp-uni'])
  t.deepEqual(statesOf(entries, 'ping'), ['bidir', 'bidir'])

  const out = entries.find(({ servName, destinationPort }) => servName === 'streams' && destinationPort === 70)
  t.like(out, { sourceIP: topology.clients[0]?.address ?? '', destinationIP: vip, protocol: 'tcp' })
  t.regex(out?.conntrackAct ?? '', new RegExp(`^fdnat-${vip},10\\.2\\.\\d\\.2:${streamPort}:w1$`))
  t.true((out?.packets ?? 0n) > 0 && (out?.bytes ?? 0n) > 0)

  // A closed one is shown for half a second.
  const short = await streamClientOn(client)
  await until('a closed connection is shown', async () => {
    await short.use('openEchoes', { address: vip, port: 70, count: 1, everyMs: null })
    await short.use('closeEchoes', 'reset')
    return statesOf(await get(), 'streams').includes('closed-wait')
  })
  const table = await sluice(lab, 'get ct --servName ping')
  t.regex(table.stdout, /^SERVICE NAME .*\nping +10\./)
  t.is(table.stdout.trimEnd().split('\n').length, 3)
  await established.use('closeEchoes', 'whole')
  t.true(daemon.running)
})

testWith(storyNeeds, 'cli: doctor finds the lab fit, and says what an unfit interface lacks', async (t) => {
  const topology = threeServers({ hook: 'xdp' })
  const { lab, daemon } = await startStory(t, topology, storyConfig(topology, []))
  const doctor = (...args: readonly string[]) => lab.balancer.run(launcher, ['doctor', ...args])
  const fit = await doctor('--config', daemon.configFile, '-o', 'json')
  t.is(fit.code, 0, fit.stderr)
  const { findings } = JSON.parse(fit.stdout) as { readonly findings: readonly { readonly ok: boolean }[] }
  t.true(findings.length > 10 && findings.every(({ ok }) => ok))

  await lab.balancer.run('ip', ['link', 'set', 'server3', 'down'])
  await lab.balancer.run('sh', ['-c', 'echo 0 > /proc/sys/net/ipv4/conf/server2/forwarding'])
  const unfit = await doctor('--config', daemon.configFile)
  t.is(unfit.code, 1)
  t.regex(unfit.stderr, /ip link set server3 up/)
  t.regex(unfit.stderr, /sysctl -w net\.ipv4\.conf\.server2\.forwarding=1/)
})

testWith(storyNeeds, 'cli: run refuses a bad file with all its mistakes, and a device that is not there', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const { lab, daemon } = await startStory(t, topology, storyConfig(topology, []))
  await daemon.stop()
  const file = join(instanceDirectory(lab.instance), 'bad.yaml')
  const runDaemon = () =>
    lab.balancer.run(launcher, ['run', '--config', file, '--instance', lab.instance], { timeoutMs: 10_000 })
  writeFileSync(
    file,
    [
      'version: 1',
      'interfaces:',
      '  - name: client',
      'services:',
      '  - vip: 10.99.0.1',
      '    port: 80',
      '    protocol: tcp',
      '    endpoints: [{ address: 10.2.1.2, weight: -1 }]',
      '  - vip: 10.99.0.1',
      '    port: 80',
      '    protocol: tcp',
      '    mode: sideways',
      '    endpoints: [{ address: fd00::g }]',
      '',
    ].join('\n'),
  )
  const bad = await runDaemon()
  t.is(bad.code, 2)
  t.is(bad.stdout, '')
  for (const mistake of [
    /bad\.yaml:8:\d+: services\[0\]\.endpoints\[0\]\.weight/,
    /bad\.yaml:12:\d+: services\[1\]\.mode/,
    /bad\.yaml:13:\d+: services\[1\]\.endpoints\[0\]\.address/,
  ])
    t.regex(bad.stderr, mistake)

  writeFileSync(file, 'version: 1\ninterfaces:\n  - name: absent\n  - name: client\n')
  const absent = await runDaemon()
  t.is(absent.code, 5)
  t.regex(absent.stderr, /interface absent: no such interface/)

  const missing = await lab.balancer.run(launcher, ['run', '--config', join(file, 'nowhere')])
  t.is(missing.code, 2)
})
