// What both sides are told of the proxy: its Node ID, its addresses, its time stamp, as elements that are made once.

import { nameBytes } from '../../protocols/element-values.ts'
import { typedNodeId } from '../../protocols/pfcp/index.ts'
import { join } from '../../wire/fields.ts'
import { canonicalAddress } from '../../wire/ip.ts'
import { element } from './elements.ts'
import { elementBytes, number32 } from './messages.ts'
import { wireBytes } from './values.ts'
import type { N4Options, VirtualAddresses } from './model.ts'

export interface Identity {
  /** value of Node ID */
  readonly nodeId: Uint8Array
  readonly nodeIdElement: Uint8Array
  readonly recoveryElement: Uint8Array
  readonly address: VirtualAddresses
  readonly n3: VirtualAddresses
  /** value of an F-SEID with a SEID of ours */
  fSeid(seid: Uint8Array): Uint8Array
  /** An address of a service of ours: of N4, or of N3. */
  isOurs(address: string | null): boolean
}

/** Throws RangeError for a Node ID that is neither an address nor a name. */
export function makeIdentity({ address, n3, nodeId, recoveryTimeStamp }: N4Options): Identity {
  const nodeIdValue = nodeIdBytes(nodeId)
  const ipv4 = address.ipv4 === null ? new Uint8Array() : wireBytes(address.ipv4)
  const ipv6 = address.ipv6 === null ? new Uint8Array() : wireBytes(address.ipv6)
  const flags = (ipv6.length > 0 ? 1 : 0) | (ipv4.length > 0 ? 2 : 0)
  const template = join(Uint8Array.of(flags), new Uint8Array(8), ipv4, ipv6)
  const ours = new Set([address.ipv4, address.ipv6, n3.ipv4, n3.ipv6].filter((text) => text !== null))
  return {
    nodeId: nodeIdValue,
    nodeIdElement: elementBytes(element.nodeId, nodeIdValue),
    recoveryElement: elementBytes(element.recoveryTimeStamp, number32(recoveryTimeStamp)),
    address,
    n3,
    fSeid(seid) {
      const value = template.slice()
      value.set(seid, 1)
      return value
    },
    isOurs: (text) => text !== null && ours.has(text),
  }
}

function nodeIdBytes(nodeId: string): Uint8Array {
  if (canonicalAddress(nodeId) !== undefined) return typedNodeId.write({ kind: 'address', address: wireBytes(nodeId) })
  if (nameBytes(nodeId) === null) throw new RangeError(`no Node ID: ${nodeId}`)
  return typedNodeId.write({ kind: 'name', name: nodeId })
}
