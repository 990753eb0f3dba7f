import test from 'ava'

import { balancerDevices, checkTopology, hooks, threeServers, type Topology } from './topology.ts'

const link = (a: string, b: string, subnet: string): Topology['links'][number] => ({
  a: { host: a, device: b, address: `${subnet}.1/24` },
  b: { host: b, device: 'eth0', address: `${subnet}.2/24` },
})

const pair: Topology = {
  hook: 'tc',
  balancer: 'left',
  hosts: [{ name: 'left' }, { name: 'right' }],
  links: [link('left', 'right', '10.0.0')],
}

for (const hook of hooks) {
  for (const vip of ['routed', 'onlink'] as const) {
    for (const clients of [1, 2, 200]) {
      test(`topology: the standard one is sound (${hook}, ${vip} VIP, ${clients} clients)`, (t) => {
        const topology = threeServers({ hook, vip, clients })
        t.deepEqual(checkTopology(topology), [])
        t.is(topology.clients.length, clients)
        t.is(topology.clients[0]?.name, 'client')
        t.is(balancerDevices(topology).length, clients + 3)
      })
    }
  }
}

test('topology: a routed VIP is in no subnet, an onlink one in that of the client', (t) => {
  const subnets = (topology: Topology): readonly string[] =>
    topology.links.map(({ a }) => a.address.slice(0, a.address.lastIndexOf('.') + 1))
  const subnetOf = (vip: string): string => vip.slice(0, vip.lastIndexOf('.') + 1)
  const routed = threeServers({ hook: 'tc' })
  const onlink = threeServers({ hook: 'tc', vip: 'onlink' })
  t.false(subnets(routed).includes(subnetOf(routed.vip)))
  t.is(subnets(onlink).indexOf(subnetOf(onlink.vip)), 0)
})

const wrong: readonly (readonly [string, Topology, RegExp])[] = [
  ['a host that is there twice', { ...pair, hosts: [...pair.hosts, { name: 'right' }] }, /host right is there twice/],
  ['a host name with a dash', { ...pair, hosts: [...pair.hosts, { name: 'a-b' }] }, /host 'a-b': a name is/],
  ['a balancer that is no host', { ...pair, balancer: 'middle' }, /there is no host middle/],
  ['a link to nowhere', { ...pair, links: [...pair.links, link('left', 'nobody', '10.0.1')] }, /no host nobody/],
  [
    'a device name of 16 characters',
    {
      ...pair,
      links: [
        { ...link('left', 'right', '10.0.0'), a: { host: 'left', device: 'x'.repeat(16), address: '10.0.0.1/24' } },
      ],
    },
    /longer than 15/,
  ],
  [
    'a device on two links',
    { ...pair, links: [...pair.links, link('left', 'right', '10.0.1')] },
    /eth0 is on two links/,
  ],
  [
    'ends in different subnets',
    {
      ...pair,
      links: [{ ...link('left', 'right', '10.0.0'), a: { host: 'left', device: 'eth0', address: '10.9.0.1/24' } }],
    },
    /different subnets/,
  ],
  [
    'an address without a prefix length',
    { ...pair, hosts: [{ name: 'left', addresses: ['10.7.0.1'] }, { name: 'right' }] },
    /'10.7.0.1' is not an address with/,
  ],
  [
    'an address that is there twice',
    { ...pair, hosts: [{ name: 'left', addresses: ['10.0.0.2/32'] }, { name: 'right' }] },
    /address 10.0.0.2 is there twice/,
  ],
  [
    'a next hop that no link reaches',
    { ...pair, hosts: [{ name: 'left' }, { name: 'right', routes: [{ to: 'default', via: '10.5.0.1' }] }] },
    /next hop 10.5.0.1 is in no subnet/,
  ],
  ['an impossible mtu', { ...pair, links: [{ ...link('left', 'right', '10.0.0'), mtu: 60 }] }, /mtu 60/],
  [
    'a setting that is not of the network',
    { ...pair, hosts: [{ name: 'left', sysctls: { 'kernel.panic': '1' } }, { name: 'right' }] },
    /'kernel.panic' is not a net. setting/,
  ],
]

for (const [what, topology, message] of wrong) {
  test(`topology: refuses ${what}`, (t) => {
    t.regex(checkTopology(topology).join('\n'), message)
  })
}

test('topology: names all that is wrong at once', (t) => {
  const topology = { ...pair, balancer: 'middle', links: [{ ...link('left', 'right', '10.0.0'), mtu: 1 }] }
  t.is(checkTopology(topology).length, 2)
})
