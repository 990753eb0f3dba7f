// Who is who in a capture, for one service: clients, the server that they spoke to, and what lies on the other side of
// the proxy. In the capture the server may have been the VIP, an endpoint, or an address that is to be taken for the
// VIP.

import { serviceKey } from '../../lb/model.ts'
import { formatAddress, shortAddressBytes } from '../../wire/ip.ts'
import type { VipAlias } from '../../lb/replayed-proxies.ts'
import type { AddressMap } from '../../protocols/protocol.ts'
import type { Endpoint, Service } from '../../lb/model.ts'
import type { Place } from '../../sockets/surroundings.ts'

/** `client`, `server`: who has sent it to the other; `backstage`: between proxy and endpoint; `past`: past the VIP. */
export type Role = 'client' | 'server' | 'backstage' | 'past' | 'foreign'

export interface PlaceOptions {
  readonly service: Service
  /** that takes the packets of its sessions; null: none does */
  readonly tunnels: Service | null
  readonly aliases: readonly VipAlias[]
}

const isIpv6 = (address: string): boolean => address.includes(':')

export class RecordedPlace {
  readonly service: Service
  readonly at: string
  /** by address */
  readonly endpoints: ReadonlyMap<string, Endpoint>
  /** towards proxies: addresses of the capture that stand for a VIP */
  readonly towardsProxy: AddressMap
  /** by endpoint and server of the capture: as many as both lists of the configuration have */
  readonly #asEndpoint = new Map<string, AddressMap>()
  readonly #tunnels: Service | null
  readonly #aliases: ReadonlyMap<string, string>

  constructor({ aliases, service, tunnels }: PlaceOptions) {
    this.service = service
    this.at = serviceKey(service)
    this.endpoints = new Map(service.endpoints.map((endpoint) => [endpoint.address, endpoint]))
    this.#tunnels = tunnels
    this.#aliases = new Map(aliases.map(({ captured, vip }) => [captured, vip]))
    this.towardsProxy = mapOf(this.#aliases)
  }

  roleOf(from: Place, to: Place): Role {
    const { port } = this.service
    // A peer may ask from another port, and is answered there.
    if (from.port !== port && to.port !== port) return 'foreign'
    const isToServer = this.#isServer(to.address)
    if (this.#isServer(from.address)) return isToServer ? 'backstage' : 'server'
    if (this.#isVip(to.address)) return 'client'
    return isToServer ? 'past' : 'foreign'
  }

  /**
   * The server of the capture: one name for the VIP and those behind it, another one for each address that stands for
   * the VIP. In a capture behind a balancer one is asked and another one answers, so the others follow.
   */
  serverNames(address: string): readonly string[] {
    const isOfService = address === this.service.address || this.endpoints.has(address)
    return isOfService ? [this.service.address, ...this.#namesOf(this.service)] : [address, this.service.address]
  }

  /** Addresses of the server of the capture, in the place of which those of an endpoint are put. */
  asEndpoint(endpoint: string, server: string): AddressMap {
    const key = `${endpoint} ${server}`
    const names = this.#asEndpoint.get(key) ?? this.#namesAtEndpoint(endpoint, server)
    this.#asEndpoint.set(key, names)
    return names
  }

  #namesAtEndpoint(endpoint: string, server: string): AddressMap {
    const { address, endpoints, upf } = { ...this.service, upf: this.endpoints.get(endpoint)?.upf ?? null }
    const names = new Map<string, string>()
    const all = [address, server, ...endpoints.map((one) => one.address), ...this.#namesOf(this.service)]
    for (const one of all) names.set(one, endpoint)
    const tunnels = this.#tunnels
    if (tunnels === null) return mapOf(names)
    const userPlane = upf?.userPlane ?? []
    const own = [tunnels.address, server, ...tunnels.endpoints.map((one) => one.address), ...this.#namesOf(tunnels)]
    for (const one of own) names.set(one, userPlane.find((at) => isIpv6(at) === isIpv6(one)) ?? endpoint)
    return mapOf(names)
  }

  /** Addresses of the capture that stand for its VIP. */
  #namesOf({ address }: Service): readonly string[] {
    return [...this.#aliases].filter(([, vip]) => vip === address).map(([captured]) => captured)
  }

  #isVip(address: string): boolean {
    return address === this.service.address || this.#aliases.get(address) === this.service.address
  }

  #isServer(address: string): boolean {
    return this.#isVip(address) || this.endpoints.has(address)
  }
}

/** An address of another family has no place where this one stands. */
function mapOf(names: ReadonlyMap<string, string>): AddressMap {
  return {
    address(bytes) {
      const mapped = names.get(textOf(bytes))
      const other = mapped === undefined ? bytes : shortAddressBytes(mapped)
      return other.length === bytes.length ? other : bytes
    },
  }
}

const textOf = (bytes: Uint8Array): string => (bytes.length === 4 ? bytes.join('.') : formatAddress(bytes))
