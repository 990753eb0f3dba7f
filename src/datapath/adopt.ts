// Reads back what pinned maps hold: which services stand where, so that ids, tables and flows stay what they are when
// the daemon starts again.

import { native } from '../../native/load.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { formatAddress } from '../wire/ip.ts'
import { protocolNames } from './entries.ts'
import { endpointSize, readEndpoint, readService, readServiceKey, serviceKeySize, serviceSize } from './layout.gen.ts'
import type { Memory } from './maps.ts'
import type { EndpointKey, ServiceKey } from '../lb/model.ts'

export interface AdoptedService {
  readonly id: number
  readonly key: Uint8Array
  readonly vip: string
  readonly service: null
  readonly firstPage: number
  readonly slotCount: number
  readonly members: { readonly start: number; readonly length: number }
  readonly endpoints: ReadonlyMap<EndpointKey, number>
}

export interface Adopted {
  readonly services: readonly { readonly key: ServiceKey; readonly placed: AdoptedService }[]
  /** of each service id */
  readonly protocols: ReadonlyMap<number, string>
  /** ids of endpoints that services list */
  readonly members: ReadonlySet<number>
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** All keys of a hash that nobody else changes. */
export const mapKeys = (fd: number, keySize: number): readonly Uint8Array[] => {
  const keys: Uint8Array[] = []
  let key = new Uint8Array(keySize)
  for (let found = native.mapNextKey(fd, null, key); found;) {
    keys.push(key)
    const next = new Uint8Array(keySize)
    found = native.mapNextKey(fd, key, next)
    key = next
  }
  return keys
}

export const adoptServices = (servicesFd: number, memory: Memory): Adopted => {
  const services: { key: ServiceKey; placed: AdoptedService }[] = []
  const protocols = new Map<number, string>()
  const members = new Set<number>()
  for (const key of mapKeys(servicesFd, serviceKeySize)) {
    const bytes = new Uint8Array(serviceSize)
    if (!native.mapLookup(servicesFd, key, bytes)) continue
    const entry = readService(view(bytes), 0)
    const { address, port, protocol } = readServiceKey(view(key), 0)
    const name = protocolNames.get(protocol)
    if (name === undefined) continue
    const endpoints = new Map<EndpointKey, number>()
    for (let place = entry.memberBase; place < entry.memberBase + entry.memberCount; place++) {
      const id = Number(memory.members[place])
      const endpoint = readEndpoint(memory.endpoints, id * endpointSize)
      endpoints.set(endpointKey({ address: formatAddress(endpoint.address), port: endpoint.port }), id)
      members.add(id)
    }
    protocols.set(entry.id, name)
    const vip = formatAddress(address)
    const { id, firstPage, slotCount } = entry
    services.push({
      key: serviceKey({ address: vip, port, protocol: name }),
      placed: {
        id,
        key,
        vip,
        service: null,
        firstPage,
        slotCount,
        members: { start: entry.memberBase, length: entry.memberCount },
        endpoints,
      },
    })
  }
  return { services, protocols, members }
}
