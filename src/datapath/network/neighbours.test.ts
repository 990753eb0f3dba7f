import test from 'ava'
import { testWith } from '../../testing/needs.ts'
import { planNeighbours, type Neighbour } from './neighbours.ts'
import { ourProtocol } from './owner.ts'
import { buildLan, RemoteNetwork, until, type TestHost } from './test/hosts.ts'

const path = { ifindex: 3, nextHop: '10.0.0.1' }
const dynamic: Neighbour = {
  ifindex: 3,
  address: '10.0.0.1',
  mac: '020000000001',
  fixed: false,
  managed: false,
  externallyLearned: false,
  protocol: 0,
}
const ours: Neighbour = { ...dynamic, managed: true, protocol: ourProtocol }

test('neighbours: asks only for what is missing', (t) => {
  t.is(planNeighbours([path], [], null).length, 1)
  t.is(planNeighbours([path], [dynamic], null).length, 1)
  t.is(planNeighbours([path], [ours], null).length, 0)
  t.is(planNeighbours([], [dynamic], null).length, 0)
})

test('neighbours: leaves alone what an operator set', (t) => {
  const permanent = { ...dynamic, fixed: true }
  t.deepEqual(planNeighbours([path], [permanent], null), [])
  t.deepEqual(planNeighbours([], [{ ...dynamic, managed: true }], null), [])
})

test('neighbours: releases what an earlier daemon left, and later only its own', (t) => {
  t.is(planNeighbours([], [ours], null).length, 1)
  t.is(planNeighbours([], [ours], new Set(['3 10.0.0.1'])).length, 1)
  t.is(planNeighbours([], [ours], new Set()).length, 0)
})

testWith(['root', 'netns'], 'neighbours: next hops of endpoints become managed, and are released', async (t) => {
  const { box } = buildLan(t)
  box.ip('route add 10.88.0.0/16 nexthop via 10.77.0.254 dev eth0 nexthop via 10.77.0.2 dev eth0')
  box.ip('neigh add 10.77.0.8 lladdr 02:00:00:00:00:08 dev eth0 nud permanent')
  box.ip('neigh add 10.77.0.7 dev eth0 managed')
  const managed = (): readonly string[] => managedOn(box)
  const network = await RemoteNetwork.open(t, box)

  await network.call('keepNeighbours', ['10.88.0.1', '10.77.0.8', '10.77.0.1', 'fd77::2', '192.0.2.1'])
  t.deepEqual(managed(), ['10.77.0.2', '10.77.0.254', '10.77.0.7', 'fd77::2'], 'both paths, and that of the operator')
  t.regex(box.ip('neigh show 10.77.0.8'), /02:00:00:00:00:08 PERMANENT/)
  await until('the MAC address of the gateway', () => / REACHABLE/.test(box.ip('neigh show 10.77.0.254')))

  await network.call('keepNeighbours', ['fd77::2'])
  t.deepEqual(managed(), ['10.77.0.7', 'fd77::2'])
  t.regex(box.ip('neigh show 10.77.0.254'), /lladdr .* REACHABLE/, 'keeps its MAC address')

  await network.kill()
  const next = await RemoteNetwork.open(t, box)
  await next.call('keepNeighbours', ['10.77.0.254'])
  t.deepEqual(managed(), ['10.77.0.254', '10.77.0.7'], 'takes back what a killed daemon left')
  t.deepEqual((await next.events()).log, [])
})

testWith(
  ['root', 'netns'],
  'neighbours: the kernel finds the new MAC address of a managed neighbour that no packet of ours uses',
  async (t) => {
    const { box, peer } = buildLan(t)
    const fast = { base_reachable_time_ms: 1000, delay_first_probe_time: 1, interval_probe_time_ms: 1000 }
    for (const [name, value] of Object.entries(fast)) box.run(`sysctl -qw net.ipv4.neigh.eth0.${name}=${value}`)
    // Neighbours of the peer must not learn from what it says itself.
    box.run('sysctl -qw net.ipv4.conf.eth0.arp_accept=0')
    const network = await RemoteNetwork.open(t, box)
    await network.call('keepNeighbours', ['10.77.0.254'])
    await until('the first MAC address', () => box.ip('neigh show 10.77.0.254').includes('REACHABLE'))

    peer.ip('link set br0 address 02:00:00:00:00:99')
    const before = await network.events()
    await until('the second MAC address', () => box.ip('neigh show 10.77.0.254').includes('02:00:00:00:00:99'))
    t.true((await network.events()).routesChanged > before.routesChanged)
  },
)

function managedOn(host: TestHost): readonly string[] {
  const lines = host.ip('neigh show').split('\n')
  return lines
    .filter((line) => line.includes(' managed'))
    .map((line) => line.split(' ')[0] ?? '')
    .toSorted()
}
