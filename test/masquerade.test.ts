// Clients inside ask servers outside, which see an address of the pool; under each hook, with real packets.

import { hooks, threeServers } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { askFrom, curl, pingFrom, witnessOn } from './support/on-host.ts'
import { drops, flowsOf, sluice, startStory, storyConfig, storyNeeds, verdictCount } from './support/story.ts'
import { witnessTcpPort, witnessUdpPort } from './support/witness.ts'

const pool = ['10.99.0.201', '10.99.0.202']
const protocols = ['tcp', 'udp', 'icmp'] as const

for (const hook of hooks) {
  testWith(
    [...storyNeeds, 'curl'],
    `masquerade: what inside clients ask outside servers comes from the pool, and nothing else does, under ${hook}`,
    async (t) => {
      const topology = threeServers({ hook, clients: 2 })
      const [server, other] = topology.servers
      const services = protocols.map((protocol) => ({
        name: `out-${protocol}`,
        vip: '0.0.0.0',
        protocol,
        mode: 'masquerade',
        allowedSources: ['10.1.0.0/16'],
        sources: pool,
      }))
      const { lab, daemon } = await startStory(t, topology, storyConfig(topology, [], { services }))
      for (const { name, address } of topology.servers) await witnessOn(lab.host(name), address)

      for (const { name } of topology.clients) {
        const seen = new Set<string>()
        for (const { name: whom, address } of topology.servers) {
          const page = await curl(lab.host(name), `http://${address}:${witnessTcpPort}/`)
          t.is(page?.server, whom)
          seen.add(page?.client ?? '')
          const { from, testimony } = await askFrom(lab.host(name), address, witnessUdpPort, 'who am I?')
          t.is(from, `${address}:${witnessUdpPort}`)
          seen.add(testimony.client)
        }
        t.is(seen.size, 1, 'a client keeps its address')
        t.true([...seen].every((address) => pool.includes(address)))
        const echo = { address: server!.address, count: 3, size: 56, identifier: 77 }
        t.deepEqual(await pingFrom(lab.host(name), echo), { received: 3, wrong: 0, from: [server!.address] })
      }

      // From server to server is not from the inside, and from client to client not to the outside.
      const page = await curl(lab.host('server2'), `http://${server!.address}:${witnessTcpPort}/`)
      t.is(page?.client, other!.address)
      await witnessOn(lab.host('client2'), topology.clients[1]!.address)
      await lab.host('client').run('ip', ['route', 'add', '10.1.2.0/24', 'via', '10.1.1.1'])
      await lab.host('client2').run('ip', ['route', 'add', '10.1.1.0/24', 'via', '10.1.2.1'])
      const neighbour = await curl(lab.host('client'), `http://${topology.clients[1]!.address}:${witnessTcpPort}/`)
      t.is(neighbour?.client, topology.clients[0]!.address)
      // The balancer itself answers inside clients.
      const gateway = { address: '10.1.1.1', count: 2, size: 20, identifier: 5 }
      t.is((await pingFrom(lab.host('client'), gateway)).received, 2)

      const flows = await flowsOf(daemon)
      t.is(flows.filter(({ service }) => service === 'out-udp').length, 6)
      t.true(flows.every(({ source }) => pool.includes(source.address)))
      t.regex((await sluice(lab, 'get lb')).stdout, /0\.0\.0\.0 .*out-udp.*masquerade/)
      t.regex((await sluice(lab, 'get ct')).stdout, /snat-10\.99\.0\.20[12]:\d+/)
      t.deepEqual(await drops(daemon), {})

      // Nothing new while it is drained, and an unknown connection never leaves as it is.
      t.is((await sluice(lab, 'drain out-tcp 0.0.0.0')).code, 0)
      t.is(await curl(lab.host('client'), `http://${server!.address}:${witnessTcpPort}/`, 1), null)
      t.true((await verdictCount(daemon, 'drop_no_endpoint')) > 0)
    },
  )
}
