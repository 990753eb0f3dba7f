// Session messages as the other side is to see them: with our Node ID, our F-SEID, and tunnels at the VIP instead of at
// a UPF. Neither side learns of the other's addresses, or it would go past the proxy from then on.

import { element } from './elements.ts'
import { userPlaneOf } from './peers.ts'
import { rewrite, seeElements } from './spans.ts'
import { fTeidValue, readFTeid, ueRanges, withAddresses } from './values.ts'
import type { Identity } from './identity.ts'
import type { VirtualAddresses } from './model.ts'
import type { UpfPeer } from './peers.ts'
import type { Tunnel } from './steering.ts'
import type { Located, UeRange } from './values.ts'
import { read16 } from '../../wire/fields.ts'
import { trafficEndpointRule } from './sessions.ts'

export interface TowardsUpf {
  readonly identity: Identity
  readonly upf: UpfPeer
  /** of ours; null: the message changes that of the SMF, which the UPF does not know */
  readonly seid: Uint8Array | null
  /** addresses that a rule had the user plane choose before, for a session that is established again */
  readonly chosen: ((rule: number) => readonly UeRange[]) | null
}

/** The elements of a request for the UPF; null: they would be too long. */
export function towardsUpf(body: Uint8Array, { chosen, identity, seid, upf }: TowardsUpf): Uint8Array | null {
  let rule = -1
  return rewrite(body, (type, bytes, start, end, depth) => {
    if (depth === 0) {
      rule = -1
      switch (type) {
        case element.nodeId:
          return seid === null ? 'drop' : identity.nodeId
        case element.fSeid:
          return seid === null ? 'drop' : identity.fSeid(seid)
        case element.alternativeSmfAddress:
        case element.cpEntityAddress:
        case element.cpAddress:
        case element.smfSetId:
          return 'drop'
        case element.createPdr:
        case element.updatePdr:
        case element.createTrafficEndpoint:
        case element.updateTrafficEndpoint:
          return 'open'
        default:
          return 'keep'
      }
    }
    if (depth === 1) rule = ruleOf(type, bytes, start, end) ?? rule
    if (type === element.pdi) return 'open'
    if (type === element.fTeid && (bytes[start]! & 4) === 0) {
      const tunnel = readFTeid(bytes, start)
      if (!identity.isOurs(tunnel.ipv4) && !identity.isOurs(tunnel.ipv6)) return 'keep'
      return fTeidValue(tunnel.identifier, atUpf(tunnel, upf))
    }
    if (type === element.ueIpAddress && chosen !== null && (bytes[start]! & 0x30) !== 0) {
      const ranges = chosen(rule)
      if (ranges.length > 0) return withAddresses(bytes.subarray(start, end), ranges)
    }
    return 'keep'
  })
}

function ruleOf(type: number, bytes: Uint8Array, start: number, end: number): number | null {
  if (type === element.pdrId && end - start >= 2) return read16(bytes, start)
  if (type === element.trafficEndpointId && end > start) return trafficEndpointRule(bytes[start]!)
  return null
}

/** -1: the group has no number. */
export function ruleIn(bytes: Uint8Array, start: number, end: number): number {
  let rule = -1
  const see = (type: number, all: Uint8Array, from: number, to: number): boolean => {
    rule = ruleOf(type, all, from, to) ?? rule
    return false
  }
  seeElements(bytes, see, start, end)
  return rule
}

/** The UPF's own addresses in the place of the VIP; where it has none of the family, of the other one. */
function atUpf({ ipv4, ipv6 }: VirtualAddresses, upf: UpfPeer): VirtualAddresses {
  const four = userPlaneOf(upf, false)
  const six = userPlaneOf(upf, true)
  const wanted = { ipv4: ipv4 === null ? null : four, ipv6: ipv6 === null ? null : six }
  return wanted.ipv4 === null && wanted.ipv6 === null ? { ipv4: four, ipv6: six } : wanted
}

export interface TowardsSmf {
  readonly identity: Identity
  /** of ours */
  readonly seid: Uint8Array
  /** A tunnel that the UPF has chosen for a rule; null: it is not behind the VIP. */
  readonly tunnel: (rule: number, located: Located) => Tunnel | null
  /** An address of a UE that the UPF has chosen for a rule. */
  readonly address: (rule: number, range: UeRange) => void
  /** What it says of its load. */
  readonly load: (type: number, value: Uint8Array) => void
  /** its FQ-CSID as the SMF is to know it */
  readonly set: (value: Uint8Array) => Uint8Array
}

/** The elements of a session message of the UPF for the SMF, with `more` behind them; null: they would be too long. */
export function towardsSmf(body: Uint8Array, towards: TowardsSmf, more: Uint8Array | null): Uint8Array | null {
  const { address, identity, load, seid, set, tunnel } = towards
  let rule = -1
  return rewrite(
    body,
    (type, bytes, start, end, depth) => {
      if (depth === 0) {
        rule = -1
        switch (type) {
          case element.nodeId:
            return identity.nodeId
          case element.fSeid:
            return identity.fSeid(seid)
          case element.fqCsid:
            return set(bytes.subarray(start, end))
          case element.loadControl:
          case element.overloadControl:
            load(type, bytes.subarray(start, end))
            return 'drop'
          case element.createdPdr:
          case element.updatedPdr:
          case element.createdTrafficEndpoint:
            // Its number may stand behind what it says.
            rule = ruleIn(bytes, start, end)
            return 'open'
          default:
            return 'keep'
        }
      }
      if (type === element.ueIpAddress) for (const range of ueRanges(bytes, start)) address(rule, range)
      if (type !== element.fTeid || (bytes[start]! & 4) !== 0) return 'keep'
      const located = readFTeid(bytes, start)
      const known = tunnel(rule, located)
      return known === null ? 'keep' : fTeidValue(known.teid, atVip(located, identity.n3))
    },
    more,
  )
}

/** The VIP's addresses of the families that the UPF has given; where it has none of these, all. */
function atVip({ ipv4, ipv6 }: VirtualAddresses, n3: VirtualAddresses): VirtualAddresses {
  const wanted = { ipv4: ipv4 === null ? null : n3.ipv4, ipv6: ipv6 === null ? null : n3.ipv6 }
  return wanted.ipv4 === null && wanted.ipv6 === null ? n3 : wanted
}

/** What an SMF answers about a session, for the UPF: without what says where the SMF is. */
export const answerTowardsUpf = (body: Uint8Array): Uint8Array | null =>
  rewrite(body, (type, _bytes, _start, _end, depth) => {
    if (depth > 0) return 'keep'
    switch (type) {
      case element.nodeId:
      case element.fSeid:
      case element.alternativeSmfAddress:
        return 'drop'
      default:
        return 'keep'
    }
  })
