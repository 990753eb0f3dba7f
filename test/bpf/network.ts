// The network that BPF cases run in: a network namespace with fixed devices, routes and permanent neighbours, so that
// bpf_fib_lookup answers the same on every machine. Nobody is there: programs run by BPF_PROG_TEST_RUN send nothing.
//
//     clients  10.0.1.x and, behind the gateway 10.0.1.254, 198.51.100.x     device `client`
//     servers  10.0.2.x and, behind 10.0.2.10 with an MTU of 600, 10.0.4.x   device `server`
//     servers  10.0.3.x                                                      device `slow`, cannot transmit from XDP
//     servers  10.0.6.x, MTU 9000                                            device `jumbo`
//     nobody   device `closed`, on which forwarding is off
//
// IPv6 has the same: fd00:0:0:N::H where IPv4 has 10.0.N.H (H is the same text, not the same number), 2001:db8:c::x
// for 198.51.100.x, and an MTU of 1300 for fd00:0:0:4::x.

import { enterOwnNamespace } from '../../src/datapath/network/own-namespace.ts'
import { familyOf, parseSocket, type Family } from '../../src/testing/packets/socket.ts'

export const devices = {
  client: { network: 1, mtu: 1500, xdpTransmit: true },
  server: { network: 2, mtu: 1500, xdpTransmit: true },
  slow: { network: 3, mtu: 1500, xdpTransmit: false },
  closed: { network: 5, mtu: 1500, xdpTransmit: true },
  jumbo: { network: 6, mtu: 9000, xdpTransmit: true },
} as const
export type DeviceName = keyof typeof devices

export const deviceNames = Object.keys(devices) as readonly DeviceName[]

/** Addresses without a neighbour entry end in this. */
const absentHost = 99
const gatewayHost = 254
const smallMtuHost = 10
const smallMtus = { 4: 600, 6: 1300 } as const

export function deviceMac(device: DeviceName): string {
  return `02:00:00:00:00:0${devices[device].network}`
}

/** Host 10 of network 2: 10.0.2.10, or fd00:0:0:2::10. */
export function hostAddress(family: Family, network: number, host: number): string {
  return family === 4 ? `10.0.${network}.${host}` : `fd00:0:0:${network}::${host}`
}

export function deviceAddress(device: DeviceName, family: Family = 4): string {
  return hostAddress(family, devices[device].network, 1)
}

export interface Path {
  readonly device: DeviceName
  readonly ethernetSource: string
  readonly ethernetDestination: string
}

/** Where the network's routes send a packet: the device, and the MAC addresses that it is sent with. */
export function pathTo(destination: string): Path {
  const { address } = parseSocket(destination)
  const family = familyOf(address)
  const found = neighbourFor(address, family)
  const device = deviceNames.find((name) => devices[name].network === found?.network)
  if (found === null || device === undefined) throw new Error(`the test network has no route to ${address}`)
  return { device, ethernetSource: deviceMac(device), ethernetDestination: hostMac(family, found.network, found.host) }
}

/** Bytes of IP packet that the way there takes. */
export function mtuTo(destination: string): number {
  const { address } = parseSocket(destination)
  const family = familyOf(address)
  return address.startsWith(hostAddress(family, 4, 0).slice(0, -1))
    ? smallMtus[family]
    : devices[pathTo(destination).device].mtu
}

interface Neighbour {
  readonly network: number
  readonly host: number
}

function neighbourFor(address: string, family: Family): Neighbour | null {
  if (address.startsWith(family === 4 ? '198.51.100.' : '2001:db8:c::')) return { network: 1, host: gatewayHost }
  const numbers = (family === 4 ? /^10\.0\.(\d)\.(\d+)$/ : /^fd00:0:0:(\d)::(\d+)$/).exec(address)
  if (numbers === null) return null
  const [, network, host] = numbers.map(Number)
  return network === 4 ? { network: 2, host: smallMtuHost } : { network: network ?? 0, host: host ?? 0 }
}

/** A host has another MAC address for IPv6, so that a neighbour of the wrong family is noticed. */
function hostMac(family: Family, network: number, host: number): string {
  return `02:00:00:0${family === 4 ? 1 : 6}:${hexByte(network)}:${hexByte(host)}`
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0')
}

/** Moves the calling thread into a new network of this kind, for good; the network goes when the thread does. */
export async function enterNetwork(): Promise<void> {
  await enterOwnNamespace({
    commands: [...deviceNames.flatMap(deviceCommands), ...families.flatMap(routeCommands)],
    settings: [
      ['ipv4/conf/closed/forwarding', '0'],
      ['ipv6/conf/closed/forwarding', '0'],
    ],
  })
}

const families: readonly Family[] = [4, 6]

function deviceCommands(name: DeviceName): readonly string[] {
  const { network, mtu } = devices[name]
  return [
    `link add ${name} address ${deviceMac(name)} mtu ${mtu} type veth peer name ${name}-far mtu ${mtu}`,
    `link set ${name} up`,
    `link set ${name}-far up`,
    `address add ${deviceAddress(name, 4)}/24 dev ${name}`,
    `address add ${deviceAddress(name, 6)}/64 dev ${name} nodad`,
    ...families.flatMap((family) =>
      Array.from({ length: 255 }, (_, host) => host)
        .filter((host) => host > 1 && host !== absentHost)
        .map(
          (host) =>
            `neighbour add ${hostAddress(family, network, host)} lladdr ${hostMac(family, network, host)} ` +
            `dev ${name} nud permanent`,
        ),
    ),
  ]
}

function routeCommands(family: Family): readonly string[] {
  const [clients, small, nowhere] =
    family === 4
      ? ['198.51.100.0/24', '10.0.4.0/24', (i: number) => `10.9.${i}.0/24`]
      : ['2001:db8:c::/64', 'fd00:0:0:4::/64', (i: number) => `fd00:0:9:${i}::/64`]
  return [
    `route add ${clients} via ${hostAddress(family, 1, gatewayHost)}`,
    `route add ${small} via ${hostAddress(family, 2, smallMtuHost)} mtu lock ${smallMtus[family]}`,
    ...['unreachable', 'blackhole', 'prohibit'].map((type, i) => `route add ${type} ${nowhere(i + 1)}`),
  ]
}
