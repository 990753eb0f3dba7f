// What a simulated SMF expects of the answers it gets: who speaks, about which session, and where it lives now.

import { typedFSeid, typedFTeid, typedNodeId, typedUeIpAddress } from '../protocols/pfcp/index.ts'
import { textOf } from './addresses.ts'
import { cause, element, groupsOf, numberOf, valueOf } from './pfcp.ts'
import { pdrsToTell } from './smf-rules.ts'
import type { PfcpElement } from '../protocols/pfcp/index.ts'
import type { SessionPlan } from './smf-rules.ts'

export interface Expected {
  readonly plan: SessionPlan
  /** of the peer, as its association says it */
  readonly node: string
  /** of F-SEIDs: the address that the peer is spoken to at */
  readonly sessionAddress: string
  /** of F-TEIDs; null: any */
  readonly tunnelAddress: string | null
  /** of the session, where the SMF chooses it */
  readonly ownTeid: number
  /** The user plane is to give the UE an address. */
  readonly wantsUeAddress: boolean
}

export interface Established {
  readonly upSeid: bigint
  readonly tunnel: { readonly address: string; readonly teid: number }
  /** null: the SMF has given it */
  readonly ue: Uint8Array | null
}

/** Gets each thing that is wrong: our own words, and what it was this time. */
export type Complain = (what: string, detail: string) => void

/** Of a Node ID; null: there is none. */
export function nodeOf(elements: readonly PfcpElement[]): string | null {
  const value = valueOf(elements, element.nodeId)
  if (value === null) return null
  const node = typedNodeId.read(value)
  return node.kind === 'name' ? node.name : textOf(node.address)
}

/** Whether the request was accepted; a refusal is a complaint. */
export function checkCause(elements: readonly PfcpElement[], complain: Complain): boolean {
  const found = numberOf(elements, element.cause, 1)
  if (found === cause.accepted) return true
  complain(found === null ? 'no Cause' : `refused with cause ${found}`, `${found}`)
  return false
}

function checkNode(elements: readonly PfcpElement[], node: string, complain: Complain): void {
  const found = nodeOf(elements)
  if (found !== node) complain('wrong Node ID', `${found} in the place of ${node}`)
}

/** Null, where the session cannot be used. */
export function checkEstablished(
  elements: readonly PfcpElement[],
  expected: Expected,
  complain: Complain,
): Established | null {
  checkNode(elements, expected.node, complain)
  const fSeid = valueOf(elements, element.fSeid)
  if (fSeid === null) {
    complain('no F-SEID', '')
    return null
  }
  const { ipv4, ipv6, seid } = typedFSeid.read(fSeid)
  const addresses = [ipv4, ipv6].flatMap((address) => (address === null ? [] : [textOf(address)]))
  if (!addresses.includes(expected.sessionAddress))
    complain('wrong address of the F-SEID', `${addresses.join(' ')} in the place of ${expected.sessionAddress}`)
  const tunnel = tunnelIn(elements, expected, complain)
  if (tunnel === null) return null
  const ue = expected.wantsUeAddress ? ueAddressIn(elements) : null
  if (expected.wantsUeAddress && ue === null) complain('no UE IP Address', '')
  return { upSeid: seid, tunnel, ue }
}

function tunnelIn(
  elements: readonly PfcpElement[],
  { ownTeid, plan, tunnelAddress }: Expected,
  complain: Complain,
): Established['tunnel'] | null {
  if (plan.tunnel === 'smf') return { address: textOf(plan.n3), teid: ownTeid }
  const told = toldTunnels(elements, plan, complain)
  const [first] = told
  if (first === undefined) return null
  if (told.some(({ address, teid }) => address !== first.address || teid !== first.teid))
    complain('different F-TEIDs for one CHOOSE ID', told.map(({ teid }) => teid).join(' '))
  if (first.teid === 0) complain('an F-TEID of 0', '')
  if (tunnelAddress !== null && first.address !== tunnelAddress)
    complain('wrong address of the F-TEID', `${first.address} in the place of ${tunnelAddress}`)
  return first
}

function toldTunnels(
  elements: readonly PfcpElement[],
  plan: SessionPlan,
  complain: Complain,
): readonly Established['tunnel'][] {
  if (plan.tunnel === 'traffic-endpoint') {
    const created = groupsOf(elements, element.createdTrafficEndpoint)[0]
    const tunnel = created === undefined ? null : tunnelOf(created, plan)
    if (tunnel === null) complain('no F-TEID of the Traffic Endpoint', '')
    return tunnel === null ? [] : [tunnel]
  }
  const created = groupsOf(elements, element.createdPdr)
  return pdrsToTell(plan.tunnel).flatMap((id) => {
    const pdr = created.find((pdr) => numberOf(pdr, element.pdrId, 2) === id)
    const tunnel = pdr === undefined ? null : tunnelOf(pdr, plan)
    if (tunnel === null) complain('no F-TEID of a PDR', `PDR ${id}`)
    return tunnel === null ? [] : [tunnel]
  })
}

/** Of the family that was asked for. */
function tunnelOf(elements: readonly PfcpElement[], { n3 }: SessionPlan): Established['tunnel'] | null {
  const value = valueOf(elements, element.fTeid)
  const fTeid = value === null ? null : typedFTeid.read(value)
  if (fTeid === null || fTeid.kind === 'choose') return null
  const address = n3.length === 4 ? fTeid.ipv4 : fTeid.ipv6
  return address === null ? null : { address: textOf(address), teid: fTeid.teid }
}

function ueAddressIn(elements: readonly PfcpElement[]): Uint8Array | null {
  const groups = [...groupsOf(elements, element.createdPdr), ...groupsOf(elements, element.createdTrafficEndpoint)]
  for (const created of groups) {
    const value = valueOf(created, element.ueIpAddress)
    const address = value === null ? null : typedUeIpAddress.read(value)
    const bytes = address?.ipv4 ?? address?.ipv6
    if (bytes !== undefined && bytes !== null) return bytes.slice()
  }
  return null
}
