// The appliance on the kernel of the virtual machine (`npm run test:vm`): what an older kernel does otherwise is how
// programs are attached. Without tcx they are classic filters, which nothing holds but the device itself.

import test, { type ExecutionContext } from 'ava'
import { release } from 'node:os'

import type { Lab } from '../../lab/lab.ts'
import { threeServers } from '../../lab/topology.ts'
import { native } from '../../native/load.ts'
import { testWith } from '../../src/testing/needs.ts'
import { curl, witnessOn } from '../support/on-host.ts'
import { drops, end, endpointsOf, launcher, startStory, storyConfig, storyNeeds, until } from '../support/story.ts'
import { witnessTcpPort } from '../support/witness.ts'

const needs = [...storyNeeds, 'curl'] as const
/** An emulated machine takes its time. */
const curlSeconds = 20
const timeoutMs = 300_000

interface Filter {
  readonly kind: string
  readonly options?: { readonly handle?: string; readonly prog?: { readonly id: number; readonly name: string } }
}

/** The programs that classic filters run on what comes in by a device of the balancer. */
const filtersOn = async (lab: Lab, device: string): Promise<readonly { id: number; name: string }[]> => {
  const { stdout } = await lab.balancer.run('tc', ['-json', 'filter', 'show', 'dev', device, 'ingress'])
  return (JSON.parse(stdout) as readonly Filter[]).flatMap(({ options }) => options?.prog ?? [])
}

const older = (version: string, than: readonly [number, number]): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < than[0] || (major === than[0] && minor < than[1])
}

test('vm: this is the kernel that was asked for', (t) => {
  t.is(release(), process.env['SLUICE_VM'] ?? 'no virtual machine')
})

const connect = async (t: ExecutionContext, lab: Lab, url: string, times: number): Promise<void> => {
  for (let round = 0; round < times; round++) {
    const page = await curl(lab.host('client'), url, curlSeconds)
    t.regex(page?.server ?? 'no answer', /^server[123]$/, `connection ${round} to ${url}`)
  }
}

testWith(needs, 'vm: a connection reaches a server through the programs, before and after a restart', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const url = `http://${topology.vip}/`
  const endpoints = endpointsOf(topology, witnessTcpPort)
  // With the tables of a configuration that says nothing about them: they must fit.
  const config = storyConfig(topology, [{ name: 'web', port: 80, protocol: 'tcp', endpoints }], { limits: {} })
  const { lab, daemon } = await startStory(t, topology, config)
  for (const { name, address } of topology.servers) await witnessOn(lab.host(name), address)
  await connect(t, lab, url, 3)
  t.deepEqual(await drops(daemon), {})

  const classic = older(release(), [6, 6])
  const before = await filtersOn(lab, 'client')
  t.deepEqual(
    before.map(({ name }) => name),
    classic ? ['sluice_tc'] : [],
  )

  // Nobody is there, and the filters stay.
  await end(daemon, 'SIGKILL')
  await connect(t, lab, url, 1)

  // The next daemon puts its program in the place of the old one.
  const next = await lab.startDaemon(config)
  const after = await filtersOn(lab, 'client')
  t.is(after.length, before.length)
  if (classic) t.not(after[0]?.id, before[0]?.id)
  await connect(t, lab, url, 1)

  await end(next, 'SIGTERM')
  // Filters have no pinned link that would lead to them from elsewhere.
  const unloaded = await lab.balancer.run(launcher, ['--instance', lab.instance, 'unload'], { timeoutMs })
  t.is(unloaded.code, 0, unloaded.stderr)
  t.deepEqual(await filtersOn(lab, 'client'), [])
  await until('the VIP answers no more', async () => (await curl(lab.host('client'), url, 1)) === null)
})

testWith(needs, 'vm: a connection reaches a server through devices with XDP', async (t) => {
  const topology = threeServers({ hook: 'xdp' })
  const endpoints = endpointsOf(topology, witnessTcpPort)
  const config = storyConfig(topology, [{ name: 'web', port: 80, protocol: 'tcp', mode: 'fullnat', endpoints }])
  const { lab, daemon } = await startStory(t, topology, config)
  for (const { name, address } of topology.servers) await witnessOn(lab.host(name), address)
  await connect(t, lab, `http://${topology.vip}/`, 3)
  // An older kernel does not say that a veth can transmit, so XDP hands its packets on.
  const { xdp, tc } = (await daemon.status()).verdicts
  if (older(release(), [6, 3])) t.true(Number(xdp['to_tc_device']) > 0 && Number(tc['forward']) > 0)
  else t.true(Number(xdp['forward']) > 0)
  t.deepEqual(await drops(daemon), {})
})

testWith(['root', 'netns'], 'vm: the attachment of a kernel with tcx is refused by one without', async (t) => {
  const attach = (): number => native.linkTcx(0, native.interfaceIndex('lo'), 'ingress')
  const error = t.throws(attach)
  if (older(release(), [6, 6])) t.like(error, { code: 'EINVAL' })
})
