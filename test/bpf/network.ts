// The network that BPF cases run in: a network namespace with fixed devices, routes and permanent neighbours, so that
// bpf_fib_lookup answers the same on every machine. Nobody is there: programs run by BPF_PROG_TEST_RUN send nothing.
//
//     clients  10.0.1.x and, behind the gateway 10.0.1.254, 198.51.100.x     device `client`
//     servers  10.0.2.x and, behind 10.0.2.10 with an MTU of 600, 10.0.4.x   device `server`
//     servers  10.0.3.x                                                      device `slow`, cannot transmit from XDP
//     servers  10.0.6.x, MTU 9000                                            device `jumbo`
//     nobody   device `closed`, on which forwarding is off

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { native } from '../../native/load.ts'
import { parseSocket } from '../../src/testing/packets.ts'

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
const gateway = '10.0.1.254'
const smallMtuRouter = '10.0.2.10'

export function deviceMac(device: DeviceName): string {
  return `02:00:00:00:00:0${devices[device].network}`
}

export function deviceAddress(device: DeviceName): string {
  return `10.0.${devices[device].network}.1`
}

/** Where the network's routes send a packet: the device, and the MAC addresses that it is sent with. */
export function pathTo(destination: string): {
  readonly device: DeviceName
  readonly ethernetSource: string
  readonly ethernetDestination: string
} {
  const { address } = parseSocket(destination)
  const hop = address.startsWith('198.51.100.') ? gateway : address.startsWith('10.0.4.') ? smallMtuRouter : address
  const device = deviceNames.find((name) => hop.startsWith(`10.0.${devices[name].network}.`))
  if (device === undefined) throw new Error(`the test network has no route to ${address}`)
  return { device, ethernetSource: deviceMac(device), ethernetDestination: hostMac(hop) }
}

function hostMac(address: string): string {
  const [, , network = 0, host = 0] = address.split('.').map(Number)
  return `02:00:00:01:${hexByte(network)}:${hexByte(host)}`
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0')
}

/** Moves the calling thread into a new network of this kind, for good; the network goes when the thread does. */
export async function enterNetwork(): Promise<void> {
  const script = `
    set -e
    echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
    echo 1 > /proc/sys/net/ipv4/ip_forward
    ip -batch - <<'END'
${ipCommands().join('\n')}
END
    echo 0 > /proc/sys/net/ipv4/conf/closed/forwarding
    echo ready
    read -r end || true
  `
  const child = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr.on('data', (data: Buffer) => errors.push(data))
  const exited = once(child, 'exit')
  const ready = await Promise.race([once(child.stdout, 'data').then(() => true), exited.then(() => false)])
  if (!ready) throw new Error(`the test network could not be made: ${Buffer.concat(errors).toString().trim()}`)
  native.enterNetworkNamespace(`/proc/${child.pid}/ns/net`)
  child.stdin.end()
  await exited
}

function ipCommands(): readonly string[] {
  const perDevice = deviceNames.flatMap((name) => {
    const { network, mtu } = devices[name]
    return [
      `link add ${name} address ${deviceMac(name)} mtu ${mtu} type veth peer name ${name}-far mtu ${mtu}`,
      `link set ${name} up`,
      `link set ${name}-far up`,
      `address add ${deviceAddress(name)}/24 dev ${name}`,
      ...Array.from({ length: 255 }, (_, host) => host)
        .filter((host) => host > 1 && host !== absentHost)
        .map((host) => `10.0.${network}.${host}`)
        .map((host) => `neighbour add ${host} lladdr ${hostMac(host)} dev ${name} nud permanent`),
    ]
  })
  return [
    'link set lo up',
    ...perDevice,
    `route add 198.51.100.0/24 via ${gateway}`,
    `route add 10.0.4.0/24 via ${smallMtuRouter} mtu lock 600`,
    'route add unreachable 10.9.1.0/24',
    'route add blackhole 10.9.2.0/24',
    'route add prohibit 10.9.3.0/24',
  ]
}
