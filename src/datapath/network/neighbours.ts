// Neighbours (rtnetlink, RTM_*NEIGH): reads them, and has the kernel keep those that packets are handed to.
//
// Frames sent by XDP do not count as use of a neighbour, so the kernel lets it go stale, and a new MAC address behind
// the old IP address goes unnoticed: everything is lost. An entry with the flag `managed` is probed by the kernel for
// as long as it exists. The flag is set by a message without a state, which leaves the state and the MAC address of an
// existing entry as they are.

import type { Log } from '../../lb/log.ts'
import { addressText, addressValue, AF_INET, AF_INET6, familyOf } from './family.ts'
import {
  encodePayload,
  MalformedMessage,
  messageFlags,
  numberOf,
  parseAttributes,
  u32,
  u8,
  view,
  type KernelError,
} from './netlink.ts'
import type { NetlinkSocket, Request } from './netlink-socket.ts'
import { ourProtocol } from './owner.ts'
import type { Path } from './routes.ts'

export const RTM_NEWNEIGH = 28
export const RTM_DELNEIGH = 29
const RTM_GETNEIGH = 30
const headerBytes = 12 // struct ndmsg: family u8, padding, ifindex i32 at 4, state u16, flags u8, type u8
const attributeTypes = { address: 1, mac: 2, protocol: 12, extendedFlags: 15 } as const
const neighbourFlags = { use: 0x1, proxy: 0x8, externallyLearned: 0x10 } as const
const extendedFlags = { managed: 0x1 } as const
const states = { reachable: 0x2, stale: 0x4, delay: 0x8, probe: 0x10, noArp: 0x40, permanent: 0x80 } as const
/** The kernel's NUD_VALID: the MAC address may be used. */
const valid = states.reachable | states.stale | states.delay | states.probe | states.noArp | states.permanent

export interface Neighbour {
  readonly ifindex: number
  readonly address: string
  /** hexadecimal; null when the kernel has none that may be used */
  readonly mac: string | null
  /** entries that never change and are not probed: set by an operator, or on a device without resolution */
  readonly fixed: boolean
  readonly managed: boolean
  /** learned by somebody else's control plane; the kernel takes the flag away from a message that does not repeat it */
  readonly externallyLearned: boolean
  /** who set it, as a routing protocol number; 0 for the kernel */
  readonly protocol: number
}

/** Null for what is no neighbour of an IP address: forwarding entries of a bridge, and proxied addresses. */
export function parseNeighbour(payload: Uint8Array): Neighbour | null {
  const attributes = parseAttributes(payload, headerBytes)
  const data = view(payload)
  const family = data.getUint8(0)
  const flags = data.getUint8(10)
  if ((family !== AF_INET && family !== AF_INET6) || (flags & neighbourFlags.proxy) !== 0) return null
  const address = attributes.get(attributeTypes.address)
  if (address === undefined) throw new MalformedMessage('a neighbour without an address')
  const state = data.getUint16(8, true)
  const mac = attributes.get(attributeTypes.mac)
  const extended = attributes.get(attributeTypes.extendedFlags)
  const protocol = attributes.get(attributeTypes.protocol)
  return {
    ifindex: data.getInt32(4, true),
    address: addressText(address),
    mac: mac === undefined || (state & valid) === 0 ? null : Buffer.from(mac).toString('hex'),
    fixed: (state & (states.permanent | states.noArp)) !== 0,
    managed: extended !== undefined && (numberOf(extended) & extendedFlags.managed) !== 0,
    externallyLearned: (flags & neighbourFlags.externallyLearned) !== 0,
    protocol: protocol === undefined ? 0 : numberOf(protocol),
  }
}

export async function readNeighbours(socket: NetlinkSocket): Promise<readonly Neighbour[]> {
  const messages = await socket.dump({
    type: RTM_GETNEIGH,
    flags: 0,
    payload: encodePayload(new Uint8Array(headerBytes), []),
    what: 'the list of neighbours',
  })
  return messages.map(({ payload }) => parseNeighbour(payload)).filter((neighbour) => neighbour !== null)
}

/**
 * Changes that make exactly the neighbours on `paths` managed by us. Those of an operator are not touched. `kept` are
 * those that we asked for before; null after a start, when what an earlier daemon left is ours to take back too.
 */
export function planNeighbours(
  paths: readonly Path[],
  existing: readonly Neighbour[],
  kept: ReadonlySet<string> | null,
): readonly Request[] {
  const wanted = new Map(paths.map((path) => [keyOf(path.ifindex, path.nextHop), path]))
  const requests: Request[] = []
  for (const neighbour of existing) {
    const key = keyOf(neighbour.ifindex, neighbour.address)
    const isWanted = wanted.delete(key)
    if (neighbour.fixed) continue
    if (isWanted && !neighbour.managed) requests.push(manage(neighbour))
    const isOurs = neighbour.managed && neighbour.protocol === ourProtocol && (kept?.has(key) ?? true)
    if (!isWanted && isOurs) requests.push(release(neighbour))
  }
  for (const { ifindex, nextHop } of wanted.values())
    requests.push(manage({ ifindex, address: nextHop, externallyLearned: false }))
  return requests
}

type Named = Pick<Neighbour, 'ifindex' | 'address' | 'externallyLearned'>

const manage = (neighbour: Named): Request => ({
  type: RTM_NEWNEIGH,
  flags: messageFlags.create | messageFlags.replace,
  payload: encodePayload(header(neighbour, 0), [
    { type: attributeTypes.address, value: addressValue(neighbour.address) },
    u8(attributeTypes.protocol, ourProtocol),
    u32(attributeTypes.extendedFlags, extendedFlags.managed),
  ]),
  what: `to keep the neighbour ${neighbour.address} of device ${neighbour.ifindex} resolved`,
})

/** `use` is the one other message that leaves state and MAC address as they are. It does not create an entry. */
const release = (neighbour: Named): Request => ({
  type: RTM_NEWNEIGH,
  flags: messageFlags.replace,
  payload: encodePayload(header(neighbour, neighbourFlags.use), [
    { type: attributeTypes.address, value: addressValue(neighbour.address) },
  ]),
  what: `to release the neighbour ${neighbour.address} of device ${neighbour.ifindex}`,
})

function header({ ifindex, address, externallyLearned }: Named, flags: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes)
  const data = view(bytes)
  data.setUint8(0, familyOf(address))
  data.setInt32(4, ifindex, true)
  data.setUint8(10, flags | (externallyLearned ? neighbourFlags.externallyLearned : 0))
  return bytes
}

export const keyOf = (ifindex: number, address: string): string => `${ifindex} ${address}`

/** Has the kernel keep neighbours, and says each kind of refusal once: it is asked again with every change. */
export class NeighbourKeeper {
  readonly #socket: NetlinkSocket
  readonly #log: Log
  readonly #said = new Set<string>()
  #kept: ReadonlySet<string> | null = null

  constructor(socket: NetlinkSocket, log: Log) {
    this.#socket = socket
    this.#log = log
  }

  async keep(paths: readonly Path[]): Promise<void> {
    const requests = planNeighbours(paths, await readNeighbours(this.#socket), this.#kept)
    const answers = await this.#socket.requestAll(requests)
    this.#kept = new Set(paths.map(({ ifindex, nextHop }) => keyOf(ifindex, nextHop)))
    for (const answer of answers) if (answer.kind === 'refused') this.#refused(answer.error)
  }

  #refused(error: KernelError): void {
    // Gone between two messages, together with its device: the next change of the network looks again.
    if (error.code === 'ENOENT' || error.code === 'ENODEV' || error.code === 'ENETDOWN') return
    if (this.#said.has(error.code)) return
    this.#said.add(error.code)
    this.#log.warn(
      { code: error.code },
      `${error.message}: traffic by XDP may go to a stale MAC address when a neighbour changes it`,
    )
  }
}
