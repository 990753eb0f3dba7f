// What the kernel would do with a packet to an address (rtnetlink, RTM_GETROUTE).

import { native } from '../../../native/load.ts'
import { addressText, addressValue, AF_INET, AF_INET6, familyOf, type Family } from './family.ts'
import { encodePayload, MalformedMessage, numberOf, parseAttributes, view } from './netlink.ts'
import type { NetlinkSocket, Request } from './netlink-socket.ts'

const RTM_GETROUTE = 26
// struct rtmsg: family, destination bits, source bits, tos, table, protocol, scope, type (u8 each), flags u32
const headerBytes = 12
const attributeTypes = { destination: 1, device: 4, gateway: 5, source: 7, multipath: 9, via: 18 } as const
const routeTypes = { unicast: 1, local: 2 } as const
const wholeRoute = 0x2000 // RTM_F_FIB_MATCH: the route itself, with all its paths, instead of the choice among them
const nextHopHeaderBytes = 8 // struct rtnexthop: length u16, flags u8, hops u8, ifindex i32

export interface Egress {
  /** the address that the kernel would use; the unspecified one (`0.0.0.0`, `::`) when it has none to use there */
  readonly source: string
  readonly device: string
  readonly ifindex: number
  /** gateway, or the address itself; a gateway may be of the other family */
  readonly nextHop: string
}

/** A neighbour that packets to an address may be handed to. */
export interface Path {
  readonly ifindex: number
  readonly nextHop: string
}

/** Null for an address that the kernel has no route to, or refuses to send to. */
export async function readEgress(
  socket: NetlinkSocket,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, Egress | null>> {
  const answers = await socket.requestAll(addresses.map((address) => routeRequest(address, 0)))
  const names = new Map<number, string>()
  const nameOf = (ifindex: number): string => {
    const name = names.get(ifindex) ?? native.interfaceName(ifindex)
    names.set(ifindex, name)
    return name
  }
  return new Map(
    addresses.map((address, index) => {
      const answer = answers[index]
      const payload = answer?.kind === 'done' ? answer.messages[0]?.payload : undefined
      return [address, payload === undefined ? null : parseEgress(payload, address, nameOf)]
    }),
  )
}

/** All paths of the routes to the addresses, each once. Addresses of our own have none. */
export async function readPaths(socket: NetlinkSocket, addresses: readonly string[]): Promise<readonly Path[]> {
  const answers = await socket.requestAll(addresses.map((address) => routeRequest(address, wholeRoute)))
  const paths = new Map<string, Path>()
  addresses.forEach((address, index) => {
    const answer = answers[index]
    const payload = answer?.kind === 'done' ? answer.messages[0]?.payload : undefined
    if (payload === undefined) return
    for (const path of parsePaths(payload, address)) paths.set(`${path.ifindex} ${path.nextHop}`, path)
  })
  return [...paths.values()]
}

export function routeRequest(address: string, flags: number): Request {
  const family = familyOf(address)
  const value = addressValue(address)
  const header = new Uint8Array(headerBytes)
  header[0] = family
  header[1] = value.length * 8
  view(header).setUint32(8, flags, true)
  return {
    type: RTM_GETROUTE,
    flags: 0,
    payload: encodePayload(header, [{ type: attributeTypes.destination, value }]),
    what: `the route to ${address}`,
  }
}

export function parseEgress(payload: Uint8Array, address: string, nameOf: (ifindex: number) => string): Egress | null {
  const { family, type, attributes } = parseRoute(payload)
  const device = attributes.get(attributeTypes.device)
  if ((type !== routeTypes.unicast && type !== routeTypes.local) || device === undefined) return null
  const ifindex = numberOf(device)
  const source = attributes.get(attributeTypes.source)
  return {
    source: source === undefined ? unspecified(family) : addressText(source),
    device: nameOf(ifindex),
    ifindex,
    nextHop: gatewayOf(attributes) ?? address,
  }
}

export function parsePaths(payload: Uint8Array, address: string): readonly Path[] {
  const { type, attributes } = parseRoute(payload)
  if (type !== routeTypes.unicast) return []
  const paths: Path[] = []
  const device = attributes.get(attributeTypes.device)
  if (device !== undefined) paths.push({ ifindex: numberOf(device), nextHop: gatewayOf(attributes) ?? address })
  const several = attributes.get(attributeTypes.multipath)
  return several === undefined ? paths : [...paths, ...parseNextHops(several, address)]
}

/** The value of RTA_MULTIPATH: next hops, each with a header of its own and attributes. */
function parseNextHops(bytes: Uint8Array, address: string): readonly Path[] {
  const paths: Path[] = []
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at
    const length = left < nextHopHeaderBytes ? 0 : view(bytes).getUint16(at, true)
    if (length < nextHopHeaderBytes || length > left) throw new MalformedMessage(`a next hop of ${length} bytes`)
    const attributes = parseAttributes(bytes.subarray(at, at + length), nextHopHeaderBytes)
    paths.push({ ifindex: view(bytes).getInt32(at + 4, true), nextHop: gatewayOf(attributes) ?? address })
    at += (length + 3) & ~3
  }
  return paths
}

interface Route {
  readonly family: Family
  readonly type: number
  readonly attributes: ReadonlyMap<number, Uint8Array>
}

function parseRoute(payload: Uint8Array): Route {
  const attributes = parseAttributes(payload, headerBytes)
  return { family: payload[0] === AF_INET6 ? AF_INET6 : AF_INET, type: payload[7] ?? 0, attributes }
}

function gatewayOf(attributes: ReadonlyMap<number, Uint8Array>): string | undefined {
  const gateway = attributes.get(attributeTypes.gateway)
  if (gateway !== undefined) return addressText(gateway)
  // A gateway of the other family stands behind its family, u16.
  const via = attributes.get(attributeTypes.via)
  return via === undefined ? undefined : addressText(via.subarray(2))
}

const unspecified = (family: Family): string => (family === AF_INET6 ? '::' : '0.0.0.0')
