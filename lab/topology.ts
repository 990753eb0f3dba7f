// Lab networks as data: hosts, the links between them, addresses and routes. `lab.ts` turns this into network
// namespaces; nothing here touches the kernel.

import { BlockList, isIP } from 'node:net'

/** Where the balancer's programs sit; the far ends of its links are prepared for it. */
export type Hook = 'tc' | 'xdp'
export const hooks = ['tc', 'xdp'] as const satisfies readonly Hook[]

export interface Route {
  /** a prefix such as `10.2.0.0/16`, or `default` */
  readonly to: string
  /** the next hop, in a subnet of one of the host's links */
  readonly via: string
}

export interface HostSpec {
  /** Letters and digits, unique in the topology; the last part of the namespace's name. */
  readonly name: string
  /** Forwards packets between its links. */
  readonly forwarding?: boolean
  /** Further addresses, on `lo`, each with its prefix length. */
  readonly addresses?: readonly string[]
  readonly routes?: readonly Route[]
  /** `net.` settings of this host, for example `{ 'net.ipv4.ip_local_port_range': '1024 65535' }` */
  readonly sysctls?: Readonly<Record<string, string>>
}

export interface LinkEnd {
  readonly host: string
  readonly device: string
  /** with its prefix length */
  readonly address: string
  /** one of the other family, as well */
  readonly address6?: string
}

export interface LinkSpec {
  readonly a: LinkEnd
  readonly b: LinkEnd
  readonly mtu?: number
}

export interface Topology {
  readonly hosts: readonly HostSpec[]
  readonly links: readonly LinkSpec[]
  /** the host that the daemon runs on */
  readonly balancer: string
  readonly hook: Hook
}

/** The standard topology, with names for what tests and the demo need of it. */
export interface ThreeServers extends Topology {
  readonly vip: string
  readonly clients: readonly { readonly name: string; readonly address: string }[]
  readonly servers: readonly { readonly name: string; readonly address: string }[]
}

/** The same with a second address for everyone. */
export interface DualStack extends ThreeServers {
  readonly vip6: string
  readonly clients: readonly { readonly name: string; readonly address: string; readonly address6: string }[]
  readonly servers: readonly { readonly name: string; readonly address: string; readonly address6: string }[]
}

export interface ThreeServersOptions {
  readonly hook: Hook
  /** 1 to 200 */
  readonly clients?: number
  /**
   * `routed`: the VIP is in nobody's subnet, and the clients have a route to it by the balancer. `onlink`: it is in the
   * subnet of the first client, and only an answer to ARP leads there.
   */
  readonly vip?: 'routed' | 'onlink'
  readonly mtu?: number
}

const deviceNameLimit = 15
const balancerName = 'balancer'

/**
 * Clients, a balancer and three servers. Each of them has a link of its own to the balancer, whose device is named
 * after who is at the other end. The servers' default route is the balancer, so answers come back through it.
 */
export const threeServers = (options: ThreeServersOptions): ThreeServers => {
  const clientNumbers = Array.from({ length: options.clients ?? 1 }, (_, index) => index + 1)
  const clients = clientNumbers.map((number) => ({
    name: number === 1 ? 'client' : `client${number}`,
    address: `10.1.${number}.2`,
    gateway: `10.1.${number}.1`,
  }))
  const servers = [1, 2, 3].map((number) => ({
    name: `server${number}`,
    address: `10.2.${number}.2`,
    gateway: `10.2.${number}.1`,
  }))
  const onlink = options.vip === 'onlink'
  return {
    hook: options.hook,
    balancer: balancerName,
    vip: onlink ? '10.1.1.100' : '10.99.0.1',
    clients: clients.map(({ name, address }) => ({ name, address })),
    servers: servers.map(({ name, address }) => ({ name, address })),
    hosts: [
      { name: balancerName, forwarding: true },
      ...clients.map((client) => ({
        name: client.name,
        routes: [
          ...(onlink ? [] : [{ to: '10.99.0.0/24', via: client.gateway }]),
          { to: '10.2.0.0/16', via: client.gateway },
        ],
      })),
      ...servers.map((server) => ({ name: server.name, routes: [{ to: 'default', via: server.gateway }] })),
    ],
    links: [...clients, ...servers].map((host) => ({
      a: { host: balancerName, device: host.name, address: `${host.gateway}/24` },
      b: { host: host.name, device: 'eth0', address: `${host.address}/24` },
      ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
    })),
  }
}

const vip6 = 'fd00:99::1'
const vips6 = 'fd00:99::/64'

/** `10.1.3.2` and `fd00:1:3::2` are the same place. */
const ipv6Twin = (address: string): string => {
  const [, kind, number, host] = address.split('.')
  return `fd00:${kind}:${number}::${host}`
}

const withIpv6 = (end: LinkEnd): LinkEnd => ({
  ...end,
  address6: `${ipv6Twin(end.address.slice(0, end.address.indexOf('/')))}/64`,
})

/**
 * The standard topology with IPv6 beside IPv4 on every link. `direct`: every server also has a link to every client
 * that leaves the balancer out, and answers by it.
 */
export const dualStack = (options: ThreeServersOptions & { readonly direct?: boolean }): DualStack => {
  const plain = threeServers(options)
  const clients = plain.clients.map((client) => ({ ...client, address6: ipv6Twin(client.address) }))
  const servers = plain.servers.map((server) => ({ ...server, address6: ipv6Twin(server.address) }))
  const pairs =
    options.direct === true ? servers.flatMap((server) => clients.map((client) => ({ server, client }))) : []
  const shortcuts = pairs.map(({ server, client }, index) => ({
    client,
    server,
    link: {
      a: withIpv6({ host: client.name, device: server.name, address: `10.3.${index + 1}.1/24` }),
      b: withIpv6({ host: server.name, device: client.name, address: `10.3.${index + 1}.2/24` }),
    },
  }))
  const routesOf = (host: HostSpec): readonly Route[] => {
    const gateway = plain.links.find(({ b }) => b.host === host.name)?.a.address.split('/')[0]
    if (gateway === undefined) return []
    const via = ipv6Twin(gateway)
    const ways = (host.routes ?? []).map(({ to }) => {
      if (to === 'default') return { to, via }
      return { to: to === '10.2.0.0/16' ? 'fd00:2::/32' : vips6, via }
    })
    const own = shortcuts.filter(({ server }) => server.name === host.name)
    return [
      ...(host.routes ?? []),
      ...ways,
      ...own.flatMap(({ client, link }) => {
        const far = link.a.address.split('/')[0] ?? ''
        return [
          { to: `${client.address}/32`, via: far },
          { to: `${client.address6}/128`, via: ipv6Twin(far) },
        ]
      }),
    ]
  }
  return {
    ...plain,
    vip6,
    clients,
    servers,
    hosts: plain.hosts.map((host) => ({ ...host, routes: routesOf(host) })),
    links: [
      ...plain.links.map((link) => ({ ...link, a: withIpv6(link.a), b: withIpv6(link.b) })),
      ...shortcuts.map(({ link }) => link),
    ],
  }
}

/** All addresses of a link's end, each with its prefix length. */
export const addressesOf = ({ address, address6 }: LinkEnd): readonly string[] =>
  address6 === undefined ? [address] : [address, address6]

/** The devices that the daemon balances on. */
export const balancerDevices = (topology: Topology): readonly string[] =>
  topology.links
    .flatMap((link) => [link.a, link.b])
    .filter((end) => end.host === topology.balancer)
    .map((end) => end.device)

/** An address with its prefix length, or null when it is none. */
const parsePrefix = (
  text: string,
): { readonly address: string; readonly length: number; readonly family: 'ipv4' | 'ipv6' } | null => {
  const [address, length, ...rest] = text.split('/')
  if (address === undefined || length === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length)) return null
  const version = isIP(address)
  if (version === 0 || Number(length) > (version === 4 ? 32 : 128)) return null
  return { address, length: Number(length), family: version === 4 ? 'ipv4' : 'ipv6' }
}

const inSubnet = (address: string, prefix: string): boolean => {
  const subnet = parsePrefix(prefix)
  if (subnet === null) return false
  if (isIP(address) !== (subnet.family === 'ipv4' ? 4 : 6)) return false
  const list = new BlockList()
  list.addSubnet(subnet.address, subnet.length, subnet.family)
  return list.check(address, subnet.family)
}

const repeated = (values: readonly string[]): readonly string[] => [
  ...new Set(values.filter((value, index) => values.indexOf(value) !== index)),
]

const linkProblems = (link: LinkSpec, hostNames: ReadonlySet<string>): readonly string[] => {
  const name = `link ${link.a.host}/${link.a.device} to ${link.b.host}/${link.b.device}`
  const problems: string[] = []
  for (const end of [link.a, link.b]) {
    if (!hostNames.has(end.host)) problems.push(`${name}: there is no host ${end.host}`)
    if (end.device.length > deviceNameLimit) {
      problems.push(`${name}: device name ${end.device} is longer than ${deviceNameLimit} characters`)
    }
    if (!/^[a-z][a-z0-9._-]*$/i.test(end.device) || end.device === 'lo') {
      problems.push(`${name}: '${end.device}' cannot be a device name`)
    }
    for (const address of addressesOf(end))
      if (parsePrefix(address) === null) {
        problems.push(`${name}: '${address}' is not an address with a prefix length`)
      }
  }
  const [a, b] = [parsePrefix(link.a.address), parsePrefix(link.b.address)]
  if (a !== null && b !== null && (a.length !== b.length || !inSubnet(a.address, link.b.address))) {
    problems.push(`${name}: ${link.a.address} and ${link.b.address} are in different subnets`)
  }
  if (link.mtu !== undefined && !(Number.isInteger(link.mtu) && link.mtu >= 68 && link.mtu <= 65_535)) {
    problems.push(`${name}: mtu ${link.mtu} is not between 68 and 65535`)
  }
  return problems
}

const hostProblems = (host: HostSpec, ends: readonly LinkEnd[]): readonly string[] => {
  const problems: string[] = []
  if (!/^[a-z][a-z0-9]{0,14}$/.test(host.name)) {
    problems.push(`host '${host.name}': a name is a letter, then up to 14 letters and digits`)
  }
  for (const device of repeated(ends.map((end) => end.device))) {
    problems.push(`host ${host.name}: device ${device} is on two links`)
  }
  for (const address of host.addresses ?? []) {
    if (parsePrefix(address) === null) {
      problems.push(`host ${host.name}: '${address}' is not an address with a prefix length`)
    }
  }
  for (const route of host.routes ?? []) {
    if (route.to !== 'default' && parsePrefix(route.to) === null) {
      problems.push(`host ${host.name}: route to '${route.to}' is neither a prefix nor 'default'`)
    }
    if (!ends.flatMap(addressesOf).some((address) => inSubnet(route.via, address))) {
      problems.push(`host ${host.name}: next hop ${route.via} is in no subnet of its links`)
    }
  }
  for (const [setting, value] of Object.entries(host.sysctls ?? {})) {
    if (!/^net(\.[a-z0-9_-]+)+$/i.test(setting)) problems.push(`host ${host.name}: '${setting}' is not a net. setting`)
    if (!/^[0-9 ]+$/.test(value)) problems.push(`host ${host.name}: '${value}' is not a value for ${setting}`)
  }
  return problems
}

/** Everything that is wrong with a topology, in words; empty when it can be brought up. */
export const checkTopology = (topology: Topology): readonly string[] => {
  const names = topology.hosts.map((host) => host.name)
  const ends = topology.links.flatMap((link) => [link.a, link.b])
  const addresses = [...ends.flatMap(addressesOf), ...topology.hosts.flatMap((host) => host.addresses ?? [])].map(
    (text) => text.split('/')[0] ?? text,
  )
  return [
    ...repeated(names).map((name) => `host ${name} is there twice`),
    ...(names.includes(topology.balancer) ? [] : [`balancer: there is no host ${topology.balancer}`]),
    ...topology.hosts.flatMap((host) =>
      hostProblems(
        host,
        ends.filter((end) => end.host === host.name),
      ),
    ),
    ...topology.links.flatMap((link) => linkProblems(link, new Set(names))),
    ...repeated(addresses).map((address) => `address ${address} is there twice`),
  ]
}
