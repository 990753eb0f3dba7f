// The lab itself, with plain kernel forwarding in the place of the balancer: comes up, carries traffic, goes away.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'

import test from 'ava'

import { Lab } from '../lab/lab.ts'
import { instanceDirectory, LabBusyError, listLabs, namespaceHosts, namespaceName } from '../lab/instance.ts'
import { removeDeadLab } from '../lab/removal.ts'
import { labFor, uniqueInstance } from '../lab/testing.ts'
import { threeServers } from '../lab/topology.ts'
import { echoPort, Traffic, webPort } from '../lab/traffic.ts'
import { testWith } from '../src/testing/needs.ts'

const [first, second] = threeServers({ hook: 'tc' }).servers
const address = first?.address ?? ''

for (const hook of ['tc', 'xdp'] as const) {
  testWith(
    ['root', 'netns', 'curl', 'ethtool'],
    `lab: carries TCP and UDP between all hosts, prepared for ${hook}`,
    async (t) => {
      const topology = threeServers({ hook, clients: 2 })
      const lab = await labFor(t, topology)
      const traffic = await Traffic.open(lab, topology)

      const page = await lab.host('client').run('curl', ['--silent', '--max-time', '5', `http://${address}:${webPort}`])
      t.is(page.stdout, 'server1\n', page.stderr)

      for (const server of topology.servers) {
        const request = { address: server.address, count: 21, concurrency: 7 }
        const tcp = await traffic.connect({ ...request, protocol: 'tcp', port: webPort, hold: true })
        t.deepEqual(tcp, { answeredBy: { [server.name]: 21 }, failed: 0, failures: {} })
        const udp = await traffic.connect({ ...request, protocol: 'udp', port: echoPort })
        t.deepEqual(udp, { answeredBy: { [server.name]: 21 }, failed: 0, failures: {} })
      }
      // The page that curl fetched is a connection too.
      t.deepEqual((await traffic.serverCounts()).get('server1'), { tcp: 22, udp: 21 })
      t.deepEqual((await traffic.serverCounts()).get('server3'), { tcp: 21, udp: 21 })
    },
  )
}

testWith(['root', 'netns'], 'lab: a connection that nobody answers fails with its reason', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const traffic = await Traffic.open(await labFor(t, topology), topology)
  const closed = { protocol: 'tcp', address, port: 81, count: 3, concurrency: 3 } as const
  t.deepEqual((await traffic.connect(closed)).failures, { 'connection refused': 3 })
})

testWith(['root', 'netns'], 'lab: two with different names run at once and see nothing of each other', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const [one, two] = await Promise.all([labFor(t, topology), labFor(t, topology)])
  const traffic = await Promise.all([Traffic.open(one, topology), Traffic.open(two, topology)])
  const request = { protocol: 'tcp', address, port: webPort, concurrency: 2 } as const
  await Promise.all([traffic[0].connect({ ...request, count: 5 }), traffic[1].connect({ ...request, count: 9 })])
  t.is((await traffic[0].serverCounts()).get('server1')?.tcp, 5)
  t.is((await traffic[1].serverCounts()).get('server1')?.tcp, 9)

  await one.down()
  t.deepEqual(namespaceHosts(one.instance), [])
  t.is((await traffic[1].connect({ ...request, count: 1 })).failed, 0)
})

testWith(['root', 'netns'], 'lab: nothing is left of one that was taken down', async (t) => {
  const lab = await labFor(t, threeServers({ hook: 'tc' }))
  const sleeper = lab.host('server1').spawn('sleep', ['600'])
  t.true(existsSync(instanceDirectory(lab.instance)))
  const ended = once(sleeper, 'exit')
  await lab.down()
  t.deepEqual(await ended, [null, 'SIGKILL'])
  t.deepEqual(namespaceHosts(lab.instance), [])
  t.false(existsSync(instanceDirectory(lab.instance)))
  t.false(listLabs().some(({ instance }) => instance === lab.instance))
})

testWith(['root', 'netns'], 'lab: a command has its exit code, both outputs and a time limit', async (t) => {
  const host = (await labFor(t, threeServers({ hook: 'tc' }))).host('client')
  t.like(await host.run('sh', ['-c', 'cat; echo bad >&2; exit 3'], { input: 'in' }), {
    code: 3,
    stdout: 'in',
    stderr: 'bad\n',
  })
  t.like(await host.run('sleep', ['60'], { timeoutMs: 50 }), { code: null, timedOut: true })
  t.not((await host.run('no-such-command-here')).code, 0)
  const own = spawnSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }).stdout
  t.not((await host.run('readlink', ['/proc/self/ns/net'])).stdout, own)
})

testWith(['root', 'netns'], 'lab: a function runs where the host is, and its failure comes back', async (t) => {
  const host = (await labFor(t, threeServers({ hook: 'tc' }))).host('server2')
  const devices = await host.call(new URL('node:os'), networkInterfaces)
  t.deepEqual(Object.keys(devices), ['lo', 'eth0'])
  t.is(devices['eth0']?.[0]?.address, second?.address)
  const missing = (): void => undefined
  await t.throwsAsync(host.call(new URL('node:os'), missing), { message: /exports no function missing/ })
})

testWith(['root', 'netns'], 'lab: a name in use is refused with the number of the process that has it', async (t) => {
  const lab = await labFor(t, threeServers({ hook: 'tc' }))
  const options = { instance: lab.instance }
  const error = await t.throwsAsync(Lab.up(lab.topology, options), { instanceOf: LabBusyError })
  t.is(error.pid, process.pid)
  await t.throwsAsync(removeDeadLab(lab.instance), { instanceOf: LabBusyError })
  t.is(namespaceHosts(lab.instance).length, lab.topology.hosts.length)

  const next = await Lab.upUnderFreeName(lab.topology, lab.instance)
  t.teardown(() => next.down())
  t.is(next.instance, `${lab.instance}2`)
})

/** Another process that brings a lab up, starts a process in it, says so and waits. */
const startOwner = async (instance: string, extra = '') => {
  const module = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)
  const script = `
    import { Lab } from ${module('../lab/lab.ts')}
    import { threeServers } from ${module('../lab/topology.ts')}
    import { exitOnSignals } from ${module('../lab/signals.ts')}
    ${extra}
    const lab = await Lab.up(threeServers({ hook: 'tc' }), { instance: '${instance}' })
    lab.host('server1').spawn('sleep', ['600'], { stdio: 'ignore', detached: true })
    console.log('up')
    setInterval(() => undefined, 1000)`
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(owner.stdout, 'data')
  return owner
}

testWith(['root', 'netns'], 'lab: what a killed process left behind is removed on request', async (t) => {
  const instance = uniqueInstance()
  const owner = await startOwner(instance)
  await t.throwsAsync(removeDeadLab(instance), { instanceOf: LabBusyError })
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  t.true(await removeDeadLab(instance))
  t.deepEqual(namespaceHosts(instance), [])
  t.false(await removeDeadLab(instance))
})

testWith(
  ['root', 'netns'],
  'lab: the next one of the same name replaces what a killed process left behind',
  async (t) => {
    const instance = uniqueInstance()
    const owner = await startOwner(instance)
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    const topology = threeServers({ hook: 'tc' })
    const lab = await Lab.up(topology, { instance })
    t.teardown(() => lab.down())
    t.is(spawnSync('ip', ['netns', 'pids', namespaceName(instance, 'server1')], { encoding: 'utf8' }).stdout, '')
    const traffic = await Traffic.open(lab, topology)
    t.is(
      (
        await traffic.connect({
          protocol: 'tcp',
          address: second?.address ?? '',
          port: webPort,
          count: 2,
          concurrency: 2,
        })
      ).failed,
      0,
    )
  },
)

testWith(['root', 'netns'], 'lab: SIGTERM takes it down on the way out', async (t) => {
  const instance = uniqueInstance()
  const owner = await startOwner(instance, 'exitOnSignals()')
  owner.kill('SIGTERM')
  t.deepEqual(await once(owner, 'exit'), [143, null])
  t.deepEqual(namespaceHosts(instance), [])
})

test('lab: a topology with mistakes is refused before anything is made', async (t) => {
  const instance = uniqueInstance()
  const topology = { ...threeServers({ hook: 'tc' }), balancer: 'nobody' }
  await t.throwsAsync(Lab.up(topology, { instance }), { message: /there is no host nobody/ })
  t.deepEqual(namespaceHosts(instance), [])
})
