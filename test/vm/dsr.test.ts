// Direct return to servers that are set up as docs/dsr.md says, by the script that stands there. Not every kernel has
// the tunnels and GUE; that of the virtual machine has.

import { readFile } from 'node:fs/promises'
import { threeServers } from '../../lab/topology.ts'
import { testWith } from '../../src/testing/needs.ts'
import { curl, witnessOn } from '../support/on-host.ts'
import { drops, startStory, storyConfig, storyNeeds } from '../support/story.ts'
import { witnessTcpPort } from '../support/witness.ts'

/** An emulated machine takes its time. */
const curlSeconds = 20
const ways = ['l2', 'ip', 'gue'] as const
const vipOf = (index: number): string => `10.99.0.${index + 1}`

async function serverScript(): Promise<string> {
  const guide = await readFile(new URL('../../docs/dsr.md', import.meta.url), 'utf8')
  const [script] = /(?<=```sh\n)#!\/bin\/sh\n[^`]*/.exec(guide) ?? []
  return script ?? 'exit 1'
}

testWith(
  [...storyNeeds, 'curl'],
  'dsr: servers that are set up as the guide says answer clients themselves, by MAC address, in IP and in GUE',
  async (t) => {
    const topology = threeServers({ hook: 'tc' })
    const services = ways.map((encapsulation, index) => ({
      name: encapsulation,
      vip: vipOf(index),
      port: witnessTcpPort,
      protocol: 'tcp' as const,
      mode: 'dsr' as const,
      encapsulation,
      endpoints: [{ address: topology.servers[index]!.address }],
    }))
    const { lab, daemon } = await startStory(t, topology, storyConfig(topology, services))
    const script = await serverScript()
    for (const [index, way] of ways.entries()) {
      const { address, name } = topology.servers[index]!
      const host = lab.host(name)
      const setUp = await host.run('sh', ['-c', script, 'dsr-server', address, vipOf(index)])
      t.is(setUp.code, 0, setUp.stderr)
      await witnessOn(host, vipOf(index))
      for (let round = 0; round < 3; round++) {
        const page = await curl(lab.host('client'), `http://${vipOf(index)}:${witnessTcpPort}/`, curlSeconds)
        t.deepEqual(page, { server: name, client: topology.clients[0]!.address }, way)
      }
    }
    t.deepEqual(await drops(daemon), {})

    const six = await lab.host('server1').run('sh', ['-c', script, 'dsr-server', 'fd00::1', '2001:db8::10'])
    t.is(six.code, 0, six.stderr)
    const { stdout } = await lab.host('server1').run('ip', ['-details', 'link', 'show', 'dsr6'])
    t.regex(stdout, /ip6tnl any/)
  },
)
