// ICMP errors about what a proxied service has sent, at an address that it shares with services of the fast path.

import { hooks, threeServers, type ThreeServers } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { drops, startStory, storyConfig, storyNeeds, until } from './support/story.ts'

const n4Services = ({ servers, vip }: ThreeServers): object => {
  const endpoints = servers.map(({ address }) => ({ address }))
  return {
    services: [
      { name: 'n3', vip, port: 2152, protocol: 'udp', select: 'n3', endpoints },
      { name: 'n4', vip, port: 8805, protocol: 'udp', mode: 'proxy', select: 'n4', n4: { tunnels: 'n3' }, endpoints },
    ],
  }
}

/** Of `Icmp:` in /proc/net/snmp: names, then numbers. */
function icmpCount(text: string, name: string): number {
  const [names = [], numbers = []] = text
    .split('\n')
    .flatMap((line) => (line.startsWith('Icmp:') ? [line.split(' ')] : []))
  return Number(numbers[names.indexOf(name)])
}

for (const hook of hooks) {
  testWith(
    storyNeeds,
    `n4: ICMP errors reach the kernel of a service whose messages end here, under ${hook}`,
    async (t) => {
      t.timeout(60_000)
      const topology = threeServers({ hook })
      const { daemon, lab } = await startStory(t, topology, storyConfig(topology, [], n4Services(topology)))
      // Nobody is there to associate with, so each request comes back as an error.
      await until('the kernel has heard of closed ports', async () => {
        const { stdout } = await lab.host(topology.balancer).run('cat', ['/proc/net/snmp'])
        return icmpCount(stdout, 'InDestUnreachs') >= topology.servers.length
      })
      t.deepEqual(await drops(daemon), {})
    },
  )
}
