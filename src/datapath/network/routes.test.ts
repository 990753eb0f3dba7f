import { testWith } from '../../testing/needs.ts'
import { buildLan, RemoteNetwork, until } from './test/hosts.ts'

testWith(['root', 'netns'], 'network: says where packets to an address leave', async (t) => {
  const { box } = buildLan(t)
  box.ip('route add 10.88.0.0/16 via 10.77.0.254')
  box.ip('route add 10.89.0.0/16 via inet6 fd77::fe dev eth0')
  box.ip('route add blackhole 10.90.0.0/16')
  box.ip('route add fd88::/64 via fd77::fe')
  const network = await RemoteNetwork.open(t, box)
  const asked = ['10.77.0.9', '10.88.0.1', '10.89.0.1', '10.90.0.1', '192.0.2.1', '10.77.0.1', 'fd77::9', 'fd88::1']
  const found = await network.call('egress', [...asked, 'fd99::1'])

  t.deepEqual([...found.keys()], [...asked, 'fd99::1'])
  const eth0 = { device: 'eth0', ifindex: found.get('10.77.0.9')?.ifindex ?? 0 }
  const own = { source: '10.77.0.1', ...eth0 }
  t.deepEqual(found.get('10.77.0.9'), { ...own, nextHop: '10.77.0.9' }, 'on the link')
  t.deepEqual(found.get('10.88.0.1'), { ...own, nextHop: '10.77.0.254' }, 'behind a gateway')
  t.deepEqual(found.get('10.89.0.1'), { ...own, nextHop: 'fd77::fe' }, 'behind a gateway of the other family')
  t.is(found.get('10.90.0.1'), null, 'a black hole')
  t.is(found.get('192.0.2.1'), null, 'no route')
  t.like(found.get('10.77.0.1'), { device: 'lo', nextHop: '10.77.0.1' }, 'of our own')
  t.deepEqual(found.get('fd77::9'), { ...eth0, source: 'fd77::1', nextHop: 'fd77::9' })
  t.deepEqual(found.get('fd88::1'), { ...eth0, source: 'fd77::1', nextHop: 'fd77::fe' })
  t.is(found.get('fd99::1'), null)
})

testWith(['root', 'netns'], 'network: answers thousands of questions at once, and several callers', async (t) => {
  const { box } = buildLan(t)
  const network = await RemoteNetwork.open(t, box)
  const many = Array.from({ length: 5000 }, (_, i) => `10.77.${i >> 8}.${i & 255}`)
  const [first, devices, second] = await Promise.all([
    network.call('egress', many),
    network.call('devices'),
    network.call('egress', many.toReversed()),
  ])
  t.is(first.size, 5000)
  t.like(first.get('10.77.0.200'), { device: 'eth0', nextHop: '10.77.0.200' })
  t.is(first.get('10.77.19.1'), null)
  t.deepEqual(second.get('10.77.0.200'), first.get('10.77.0.200'))
  t.is(devices.length, 2)
})

testWith(['root', 'netns'], 'network: tells of every change at once, and when it has become quiet', async (t) => {
  const { box, peer } = buildLan(t)
  const network = await RemoteNetwork.open(t, box)
  const changes: readonly (readonly [string, () => void])[] = [
    ['a route', () => box.ip('route add 10.88.0.0/16 via 10.77.0.254')],
    ['an IPv6 route', () => box.ip('route add fd88::/64 via fd77::fe')],
    ['a rule', () => box.ip('rule add from 10.1.0.0/16 lookup 100')],
    ['an IPv6 rule', () => box.ip('-6 rule add from fd11::/64 lookup 100')],
    ['an address', () => box.ip('addr add 10.1.2.3/32 dev eth0')],
    ['a next hop', () => box.ip('nexthop add id 7 via 10.77.0.254 dev eth0')],
    ['a neighbour', () => box.ip('neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev eth0 nud reachable')],
    ['its MAC address', () => box.ip('neigh replace 10.77.0.9 lladdr 02:00:00:00:00:0a dev eth0 nud reachable')],
    ['its end', () => box.ip('neigh del 10.77.0.9 dev eth0')],
    ['a link', () => peer.ip('link set port0 down')],
  ]
  // Addresses of the new links settle first.
  let before = await quiet(network)
  for (const [what, change] of changes) {
    change()
    await until(`word of ${what}`, async () => {
      const now = await network.events()
      return now.routesChanged > before.routesChanged && now.settled > before.settled
    })
    before = await quiet(network)
  }
  t.pass()
})

testWith(['root', 'netns'], 'network: says nothing of a neighbour that was merely confirmed', async (t) => {
  const { box } = buildLan(t)
  box.ip('neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev eth0 nud reachable')
  const network = await RemoteNetwork.open(t, box)
  const before = await quiet(network)
  box.ip('neigh replace 10.77.0.9 lladdr 02:00:00:00:00:09 dev eth0 nud stale')
  box.ip('neigh replace 10.77.0.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent')
  // An address that nobody has: it is looked for, and not found.
  box.ip('neigh add 10.77.0.10 dev eth0 nud failed')
  box.ip('route add 10.88.0.0/16 via 10.77.0.254')
  await until('word of the route', async () => (await network.events()).routesChanged > before.routesChanged)
  t.is((await quiet(network)).routesChanged, before.routesChanged + 1)
})

/** Waits until nothing has happened for a while. */
async function quiet(network: RemoteNetwork) {
  let before = await network.events()
  return until('quiet', async () => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    const now = await network.events()
    const isQuiet = now.routesChanged === before.routesChanged && now.settled === before.settled
    before = now
    return isQuiet ? now : null
  })
}
