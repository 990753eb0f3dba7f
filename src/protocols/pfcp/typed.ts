// Values of PFCP as data, read and written: for those who answer and build messages. Byte strings that are read are
// views; what a later release has put behind a value is not read.

import { join, read32 } from '../../wire/fields.ts'
import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import { nameBytes, nameText } from '../element-values.ts'
import { fSeid, fTeid, nodeId, nodeIdTypes, ueIpAddress } from './values.ts'
import type { Places } from '../session-keys.ts'

/** Addresses have 4 and 16 bytes; null: it has none of the family. */
export interface Addresses {
  readonly ipv4: Uint8Array | null
  readonly ipv6: Uint8Array | null
}

export type FTeid =
  | ({ readonly kind: 'given'; readonly teid: number } & Addresses)
  /** The user plane is to choose it; the same one for equal identifiers. */
  | { readonly kind: 'choose'; readonly ipv4: boolean; readonly ipv6: boolean; readonly chooseId: number | null }

export interface FSeid extends Addresses {
  readonly seid: bigint
}

export type NodeId =
  { readonly kind: 'address'; readonly address: Uint8Array } | { readonly kind: 'name'; readonly name: string }

export interface UeIpAddress extends Addresses {
  readonly isDestination: boolean
}

/** How the value of one element is read, which throws DecodeError, and written, which throws RangeError. */
export interface TypedValue<T> {
  read(value: Uint8Array): T
  write(value: T): Uint8Array
}

const none = new Uint8Array()

const addressesAt = (value: Uint8Array, { ipv4, ipv6 }: Places): Addresses => ({
  ipv4: ipv4 < 0 ? null : value.subarray(ipv4, ipv4 + 4),
  ipv6: ipv6 < 0 ? null : value.subarray(ipv6, ipv6 + 16),
})

function checked(address: Uint8Array | null, length: 4 | 16): Uint8Array {
  if (address === null || address.length === length) return address ?? none
  throw new RangeError(`an address of ${address.length} bytes in the place of ${length}`)
}

const addressBytesOf = ({ ipv4, ipv6 }: Addresses): Uint8Array => join(checked(ipv4, 4), checked(ipv6, 16))

export const typedFTeid: TypedValue<FTeid> = {
  read(value) {
    const places = fTeid.places(value, 0, value.length)
    const flags = value[0]!
    if (places.identifier >= 0)
      return { kind: 'given', teid: read32(value, places.identifier), ...addressesAt(value, places) }
    return {
      kind: 'choose',
      ipv4: (flags & 1) !== 0,
      ipv6: (flags & 2) !== 0,
      chooseId: (flags & 8) === 0 ? null : value[1]!,
    }
  },
  write(value) {
    if (value.kind === 'choose') {
      const flags = 4 | (value.ipv4 ? 1 : 0) | (value.ipv6 ? 2 : 0)
      return value.chooseId === null
        ? Uint8Array.of(flags)
        : new Writer()
            .u8(flags | 8)
            .u8(value.chooseId)
            .done()
    }
    const flags = (value.ipv4 === null ? 0 : 1) | (value.ipv6 === null ? 0 : 2)
    return new Writer().u8(flags).u32(value.teid).put(addressBytesOf(value)).done()
  },
}

export const typedFSeid: TypedValue<FSeid> = {
  read(value) {
    const places = fSeid.places(value, 0, value.length)
    return { seid: new Reader(value, places.identifier).u64(), ...addressesAt(value, places) }
  },
  write(value) {
    const flags = (value.ipv6 === null ? 0 : 1) | (value.ipv4 === null ? 0 : 2)
    return new Writer().u8(flags).u64(value.seid).put(addressBytesOf(value)).done()
  },
}

export const typedNodeId: TypedValue<NodeId> = {
  read(value) {
    const { ipv4, ipv6 } = addressesAt(value, nodeId.places(value, 0, value.length))
    const address = ipv4 ?? ipv6
    if (address !== null) return { kind: 'address', address }
    return { kind: 'name', name: nameText(value, 1, value.length) }
  },
  write(value) {
    if (value.kind === 'address') {
      const { length } = value.address
      if (length !== 4 && length !== 16) throw new RangeError(`an address of ${length} bytes`)
      return join(Uint8Array.of(length === 4 ? nodeIdTypes.ipv4 : nodeIdTypes.ipv6), value.address)
    }
    const name = nameBytes(value.name)
    if (name === null) throw new RangeError(`no name of a node: ${value.name}`)
    return join(Uint8Array.of(nodeIdTypes.name), name)
  },
}

export const typedUeIpAddress: TypedValue<UeIpAddress> = {
  read(value) {
    const places = ueIpAddress.places(value, 0, value.length)
    return { isDestination: (value[0]! & 4) !== 0, ...addressesAt(value, places) }
  },
  write(value) {
    const flags = (value.ipv6 === null ? 0 : 1) | (value.ipv4 === null ? 0 : 2) | (value.isDestination ? 4 : 0)
    return join(Uint8Array.of(flags), addressBytesOf(value))
  },
}

/** Of one, two or four bytes: causes, rule identifiers, time stamps in seconds of NTP. */
export const typedNumber = (count: 1 | 2 | 4): TypedValue<number> => ({
  read: (value) => new Reader(value).uint(count),
  write: (value) => new Writer().uint(count, value).done(),
})
