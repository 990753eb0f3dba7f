// The network of the datapath benchmark: one namespace with a device towards clients and one towards endpoints, and
// neighbours that never need asking, so that every route lookup succeeds. No packet travels here.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const namespaces = '/run/netns'
const prefix = 'sluice-bench-'

const endpointCount = 16

/** Everything a frame or a service needs to know of it. */
export const network = {
  clientSide: { device: 'clients', mac: '02:00:00:00:01:01', peerMac: '02:00:00:00:01:02' },
  endpointSide: { device: 'endpoints', mac: '02:00:00:00:02:01' },
  endpoints: Array.from({ length: endpointCount }, (_, index) => ({
    address: `10.2.0.${index + 10}`,
    mac: `02:00:00:00:03:${(index + 10).toString(16).padStart(2, '0')}`,
  })),
  vip: '10.99.0.1',
  /** the same for IPv6 */
  client6: 'fd00:64::2',
  endpoint6: 'fd00:2::10',
  vip6: 'fd00:99::1',
  /** where packets go that are translated from IPv6 */
  egress4: '10.2.0.1',
} as const

/** Client number n's address is 10.64.0.0 plus n >> 15, its port 0x8000 | (n & 0x7fff): see bench/bpf/bench.h. */
export const clientSocket = (flow: number): `${string}:${number}` => {
  const address = flow >> 15
  return `10.64.${address >> 8}.${address & 0xff}:${0x8000 | (flow & 0x7fff)}`
}

/** What stands in a frame that the wrapper gives a number. */
export const anyClient = '10.64.0.0:0'

const ip = (input: string): void => {
  execFileSync('ip', ['-batch', '-'], { input, stdio: ['pipe', 'pipe', 'pipe'] })
}

/** Makes the namespace; returns its path. */
export const makeNetwork = (): string => {
  removeLeftOvers()
  const name = `${prefix}${process.pid}`
  ip(`netns add ${name}\n`)
  const { clientSide, endpointSide, endpoints } = network
  const inside = (line: string): string[] => ['-n', name, ...line.split(' ')]
  const lines = [
    'link set lo up',
    `link add ${clientSide.device} address ${clientSide.mac} type veth peer name clients-far`,
    `link add ${endpointSide.device} address ${endpointSide.mac} type veth peer name endpoints-far`,
    ...[clientSide.device, 'clients-far', endpointSide.device, 'endpoints-far'].map(
      (device) => `link set ${device} up`,
    ),
    `address add 10.1.0.1/24 dev ${clientSide.device}`,
    `address add 10.2.0.1/24 dev ${endpointSide.device}`,
    `neighbour add 10.1.0.2 lladdr ${clientSide.peerMac} nud permanent dev ${clientSide.device}`,
    'route add 10.64.0.0/10 via 10.1.0.2',
    `address add fd00:1::1/64 dev ${clientSide.device} nodad`,
    `address add fd00:2::1/64 dev ${endpointSide.device} nodad`,
    `neighbour add fd00:1::2 lladdr ${clientSide.peerMac} nud permanent dev ${clientSide.device}`,
    `neighbour add ${network.endpoint6} lladdr ${endpoints[0]!.mac} nud permanent dev ${endpointSide.device}`,
    'route add fd00:64::/32 via fd00:1::2',
    ...endpoints.map(
      ({ address, mac }) => `neighbour add ${address} lladdr ${mac} nud permanent dev ${endpointSide.device}`,
    ),
  ]
  for (const line of lines) execFileSync('ip', inside(line), { stdio: ['ignore', 'pipe', 'pipe'] })
  execFileSync('nsenter', [
    `--net=${namespaces}/${name}`,
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.forwarding=1',
  ])
  return `${namespaces}/${name}`
}

export const removeNetwork = (path: string): void => {
  if (existsSync(path)) execFileSync('ip', ['netns', 'delete', path.slice(namespaces.length + 1)])
}

/** Namespaces of benchmarks that were killed. */
const removeLeftOvers = (): void => {
  if (!existsSync(namespaces)) return
  for (const name of readdirSync(namespaces)) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)) removeNetwork(`${namespaces}/${name}`)
  }
}
