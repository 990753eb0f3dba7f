// The network that the programs find themselves in: a namespace of the thread's own, in which nobody is. It has one
// device, the way to everybody, so that what the kernel says of a route does not depend on the machine:
//
//     each endpoint of the configuration   is on the link, and has a MAC address by its number
//     everybody else                       is behind a gateway whose MAC address is known
//
// The box itself has the addresses that it is given; without them, those of 192.0.0.8 (RFC 7600) and 100::8 (RFC 6666),
// which are nobody's.

import { native } from '../../../native/load.ts'
import { addressBytes, classify, formatAddress, isMappedIPv4 } from '../../wire/ip.ts'
import { deviceFlags, deviceSize, writeDevice } from '../layout.gen.ts'
import { LocalAddresses } from '../local-addresses.ts'
import { enterOwnNamespace } from '../network/own-namespace.ts'
import { CannotReplayError } from './errors.ts'
import type { Service } from '../../lb/model.ts'

export const boxMac = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01)
export const gatewayMac = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02)

const device = 'replay'
const boxAddresses = { 4: '192.0.0.8', 6: '100::8' } as const
const gateways = { 4: '192.0.0.9', 6: 'fe80::9' } as const
const everybody = { 4: '0.0.0.0/0', 6: '::/0' } as const
type Family = keyof typeof boxAddresses
const families: readonly Family[] = [4, 6]

const familyOf = (address: string): Family => (isMappedIPv4(addressBytes(address)) ? 4 : 6)

const macText = (mac: Uint8Array): string => Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':')

/** 02:00:01:00:00:00 and on */
const endpointMac = (number: number): Uint8Array =>
  Uint8Array.of(0x02, 0, 1 + (number >>> 24), (number >>> 16) & 0xff, (number >>> 8) & 0xff, number & 0xff)

export interface NetworkOptions {
  /** in the configuration's order, which says what MAC addresses their endpoints have */
  readonly services: readonly Service[]
  /** canonical addresses of the box; of a family without one, the one that is nobody's */
  readonly addresses: readonly string[]
  /** bytes of IP packet that the link takes */
  readonly mtu: number
}

export class Network {
  readonly #addresses: readonly string[]
  readonly ifindex: number

  private constructor(addresses: readonly string[]) {
    this.#addresses = addresses
    this.ifindex = native.interfaceIndex(device)
  }

  /** Moves the calling thread there, for good. */
  static async enter({ addresses, mtu, services }: NetworkOptions): Promise<Network> {
    const given = new Set(addresses.map(familyOf))
    const own = [...addresses, ...families.filter((family) => !given.has(family)).map((family) => boxAddresses[family])]
    const endpoints = services
      .flatMap((service) => service.endpoints.map(({ address }) => address))
      .filter((address) => classify(addressBytes(address)) === 'unicast')
    const others = [...new Set(endpoints).difference(new Set(own))]
    await enterAlone([
      `link add ${device} address ${macText(boxMac)} mtu ${mtu} type veth peer name nobody mtu ${mtu}`,
      `link set ${device} up`,
      'link set nobody up',
      ...own.map((address) => `address add ${address}/${familyOf(address) === 4 ? 32 : '128 nodad'} dev ${device}`),
      ...families.map((family) => neighbour(gateways[family], gatewayMac)),
      ...families.map((family) => `route add ${everybody[family]} via ${gateways[family]} dev ${device} onlink`),
      ...others.flatMap((address, number) => [
        `route add ${address}/${familyOf(address) === 4 ? 32 : 128} dev ${device}`,
        neighbour(address, endpointMac(number)),
      ]),
    ])
    return new Network(own)
  }

  /** The address that the box has towards an endpoint. */
  egress(endpoint: string): string | null {
    const family = familyOf(endpoint)
    return this.#addresses.find((address) => familyOf(address) === family) ?? null
  }

  /** What the programs know of the device and the box's addresses. Not its MAC address, so that each frame is ours. */
  tell(fds: { readonly devices: number; readonly local_addresses: number }): void {
    const value = new Uint8Array(deviceSize)
    writeDevice(new DataView(value.buffer), 0, { flags: deviceFlags.xdpTransmit, mac: boxMac })
    native.mapUpdate(fds.devices, new Uint8Array(Uint32Array.of(this.ifindex).buffer), value)
    new LocalAddresses(fds.local_addresses).keep(this.#addresses.map((text) => formatAddress(addressBytes(text))))
  }
}

const enterAlone = async (commands: readonly string[]): Promise<void> => {
  try {
    await enterOwnNamespace({ commands })
  } catch (error) {
    throw new CannotReplayError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

const neighbour = (address: string, mac: Uint8Array): string =>
  `neighbour add ${address} lladdr ${macText(mac)} dev ${device} nud permanent`
