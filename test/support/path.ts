// A long way from a client to its server, with a router and a gateway behind the balancer. Between those two a link
// takes less than the others; and so does one of the balancer's own, which leads to a second address of the server.

import type { DualStack, Hook, LinkEnd, LinkSpec } from '../../lab/topology.ts'

/** The server's addresses, told by which link is narrow on the way to them. */
export const narrow = {
  behind: { address: '10.6.1.2', address6: 'fd00:6:1::2' },
  own: { address: '10.7.1.2', address6: 'fd00:7:1::2' },
} as const

const end = (host: string, device: string, number: number, place: number): LinkEnd => ({
  host,
  device,
  address: `10.${number}.1.${place}/24`,
  address6: `fd00:${number}:1::${place}/64`,
})

const link = (a: LinkEnd, b: LinkEnd, mtu?: number): LinkSpec => ({ a, b, ...(mtu !== undefined && { mtu }) })

/** Both ends of the way have links of 1,500 bytes, so that no segment size tells them what is between. */
export const longPath = (hook: Hook, mtu: number): DualStack => ({
  hook,
  balancer: 'balancer',
  vip: '10.99.0.1',
  vip6: 'fd00:99::1',
  clients: [{ name: 'client', address: '10.1.1.2', address6: 'fd00:1:1::2' }],
  servers: [{ name: 'server', ...narrow.behind }],
  hosts: [
    {
      name: 'balancer',
      forwarding: true,
      routes: [
        { to: '10.5.1.0/24', via: '10.4.1.2' },
        { to: '10.6.1.0/24', via: '10.4.1.2' },
        { to: 'fd00:5:1::/64', via: 'fd00:4:1::2' },
        { to: 'fd00:6:1::/64', via: 'fd00:4:1::2' },
        { to: '10.7.1.0/24', via: '10.8.1.2' },
        { to: 'fd00:7:1::/64', via: 'fd00:8:1::2' },
      ],
    },
    {
      name: 'client',
      routes: [
        { to: 'default', via: '10.1.1.1' },
        { to: 'default', via: 'fd00:1:1::1' },
      ],
    },
    {
      name: 'router',
      forwarding: true,
      routes: [
        { to: 'default', via: '10.4.1.1' },
        { to: 'default', via: 'fd00:4:1::1' },
        { to: '10.6.1.0/24', via: '10.5.1.2' },
        { to: 'fd00:6:1::/64', via: 'fd00:5:1::2' },
        { to: '10.7.1.0/24', via: '10.5.1.2' },
        { to: 'fd00:7:1::/64', via: 'fd00:5:1::2' },
      ],
    },
    {
      name: 'gateway',
      forwarding: true,
      routes: [
        { to: 'default', via: '10.5.1.1' },
        { to: 'default', via: 'fd00:5:1::1' },
        { to: '10.7.1.0/24', via: narrow.behind.address },
        { to: 'fd00:7:1::/64', via: narrow.behind.address6 },
      ],
    },
    {
      name: 'server',
      addresses: [`${narrow.own.address}/32`, `${narrow.own.address6}/128`],
      routes: [
        { to: 'default', via: '10.6.1.1' },
        { to: 'default', via: 'fd00:6:1::1' },
      ],
    },
  ],
  links: [
    link(end('balancer', 'client', 1, 1), end('client', 'eth0', 1, 2)),
    link(end('balancer', 'router', 4, 1), end('router', 'near', 4, 2)),
    link(end('balancer', 'narrow', 8, 1), end('router', 'narrow', 8, 2), mtu),
    link(end('router', 'far', 5, 1), end('gateway', 'near', 5, 2), mtu),
    link(end('gateway', 'far', 6, 1), end('server', 'eth0', 6, 2)),
  ],
})
