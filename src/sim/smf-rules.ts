// What a simulated SMF asks of a user plane (TS 29.244, 7.5.2 and 7.5.4): a session with one PDR for each direction,
// and its hand-over to another gNB.

import { typedFTeid, typedUeIpAddress, writeElements } from '../protocols/pfcp/index.ts'
import { join } from '../wire/fields.ts'
import { families } from './addresses.ts'
import {
  bytes,
  chosenUeAddress,
  element,
  fSeidElement,
  group,
  nameElement,
  nodeIdElement,
  number16,
  number32,
  number8,
  sliceElement,
  tunnelHeader,
} from './pfcp.ts'
import type { PfcpElement } from '../protocols/pfcp/index.ts'
import type { TunnelChoice } from './choices.ts'

/** What all sessions of an SMF have in common. */
export interface SessionPlan {
  readonly node: Uint8Array
  readonly tunnel: TunnelChoice
  /** the address of tunnels that the SMF chooses, and the family of those that the user plane chooses */
  readonly n3: Uint8Array
  /** of IPv6 are UEs, else of IPv4 */
  readonly isIpv6: boolean
  readonly dnn: string
  /** `1-000001`; null: none is said */
  readonly slice: string | null
  readonly qfi: number
  /** null: all goes to the core */
  readonly local: LocalNetwork | null
}

/** Where rules send what is for some places. */
export interface LocalNetwork {
  readonly networkInstance: string
  readonly prefix: string
}

export interface SessionParts {
  readonly number: number
  readonly cpSeid: bigint
  /** null: the user plane is to choose it */
  readonly ue: Uint8Array | null
  readonly gnb: Uint8Array
  readonly gnbTeid: number
}

export const rule = { uplink: 1, downlink: 2, uplinkToo: 3, local: 4 } as const
const side = { access: 0, core: 1 } as const
const forward = Uint8Array.of(2, 0)
const gtpuAnyFamily = 6
const chooseId = 5
const endpointId = 1
const pdnTypes = { ipv4: 1, ipv6: 2 } as const
const sendEndMarkers = 2
/** Of an SDF Filter: it has a flow description (8.2.5). */
const flowDescription = 1
const localPrecedence = 100

/** The PDRs whose F-TEID the answer must tell. */
export const pdrsToTell = (tunnel: TunnelChoice): readonly number[] => {
  if (tunnel === 'choose') return [rule.uplink]
  return tunnel === 'choose-id' ? [rule.uplink, rule.uplinkToo] : []
}

/** The requests of sessions of one plan: what all of them have in common is written once. */
export class SessionRules {
  readonly plan: SessionPlan
  readonly #node: PfcpElement
  readonly #access = number8(element.sourceInterface, side.access)
  readonly #core = number8(element.sourceInterface, side.core)
  readonly #towardsAccess = number8(element.destinationInterface, side.access)
  readonly #forward = bytes(element.applyAction, forward)
  readonly #instance: PfcpElement
  readonly #beforePdi: Readonly<Record<number, readonly PfcpElement[]>>
  readonly #behindUplinkPdi: readonly PfcpElement[]
  readonly #uplinkFar: PfcpElement
  readonly #qfi: PfcpElement
  readonly #endpoint = number8(element.trafficEndpointId, endpointId)
  readonly #chosenTunnel: PfcpElement
  readonly #rest: readonly PfcpElement[]

  constructor(plan: SessionPlan) {
    const { dnn, isIpv6, n3, node, qfi, slice, tunnel } = plan
    this.plan = plan
    this.#node = nodeIdElement(node)
    this.#instance = nameElement(element.networkInstance, dnn)
    this.#qfi = number8(element.qfi, qfi)
    this.#beforePdi = Object.fromEntries(
      Object.values(rule).map((id) => [id, [number16(element.pdrId, id), number32(element.precedence, 255)]]),
    )
    this.#behindUplinkPdi = [number8(element.outerHeaderRemoval, gtpuAnyFamily), number32(element.farId, rule.uplink)]
    const towardsCore = group(element.forwardingParameters, number8(element.destinationInterface, side.core))
    this.#uplinkFar = bytes(
      element.createFar,
      writeElements([number32(element.farId, rule.uplink), this.#forward, towardsCore]),
    )
    const isIpv4 = n3.length === 4
    const id = tunnel === 'choose-id' ? chooseId : null
    this.#chosenTunnel = bytes(
      element.fTeid,
      typedFTeid.write({ kind: 'choose', ipv4: isIpv4, ipv6: !isIpv4, chooseId: id }),
    )
    this.#rest = [
      number8(element.pdnType, isIpv6 ? pdnTypes.ipv6 : pdnTypes.ipv4),
      nameElement(element.apnDnn, dnn),
      ...(slice === null ? [] : [sliceElement(slice)]),
    ]
  }

  establishment(session: SessionParts): readonly PfcpElement[] {
    const { node, tunnel } = this.plan
    const hasEndpoint = tunnel === 'traffic-endpoint'
    const local = [this.#tunnelOf(session), this.#instance, this.#ueAddressOf(session, false)]
    const towardsUplink = hasEndpoint ? [this.#endpoint] : local
    const uplink = (id: number): PfcpElement =>
      group(
        element.createPdr,
        ...this.#beforePdi[id]!,
        group(element.pdi, this.#access, ...towardsUplink, this.#qfi),
        ...this.#behindUplinkPdi,
      )
    return [
      this.#node,
      fSeidElement(session.cpSeid, node),
      ...(hasEndpoint ? [group(element.createTrafficEndpoint, this.#endpoint, ...local)] : []),
      uplink(rule.uplink),
      ...(tunnel === 'choose-id' ? [uplink(rule.uplinkToo)] : []),
      group(
        element.createPdr,
        ...this.#beforePdi[rule.downlink]!,
        group(element.pdi, this.#core, this.#instance, this.#ueAddressOf(session, true)),
        number32(element.farId, rule.downlink),
      ),
      this.#uplinkFar,
      ...this.#localRules(towardsUplink),
      group(
        element.createFar,
        number32(element.farId, rule.downlink),
        this.#forward,
        group(element.forwardingParameters, this.#towardsAccess, tunnelHeader(session.gnb, session.gnbTeid)),
      ),
      bytes(element.userId, userId(session.number)),
      ...this.#rest,
    ]
  }

  /** What is for a local network comes first, and goes there (uplink classifier). */
  #localRules(detects: readonly PfcpElement[]): readonly PfcpElement[] {
    const { local } = this.plan
    if (local === null) return []
    const description = Buffer.from(`permit out ip from ${local.prefix} to assigned`)
    const filter = Uint8Array.of(flowDescription, 0, 0, description.length, ...description)
    const farId = number32(element.farId, rule.local)
    return [
      group(
        element.createPdr,
        number16(element.pdrId, rule.local),
        number32(element.precedence, localPrecedence),
        group(element.pdi, this.#access, ...detects, this.#qfi, bytes(element.sdfFilter, filter)),
        this.#behindUplinkPdi[0]!,
        farId,
      ),
      group(
        element.createFar,
        farId,
        this.#forward,
        group(
          element.forwardingParameters,
          number8(element.destinationInterface, side.core),
          nameElement(element.networkInstance, local.networkInstance),
        ),
      ),
    ]
  }

  /** The tunnel of the downlink leads elsewhere, and the old one ends with an end marker. */
  handOver(gnb: Uint8Array, gnbTeid: number): readonly PfcpElement[] {
    return [
      group(
        element.updateFar,
        number32(element.farId, rule.downlink),
        this.#forward,
        group(
          element.updateForwardingParameters,
          this.#towardsAccess,
          tunnelHeader(gnb, gnbTeid),
          number8(element.smReqFlags, sendEndMarkers),
        ),
      ),
    ]
  }

  #tunnelOf({ number }: SessionParts): PfcpElement {
    const { n3, tunnel } = this.plan
    if (tunnel !== 'smf') return this.#chosenTunnel
    return bytes(element.fTeid, typedFTeid.write({ kind: 'given', teid: number, ...families(n3) }))
  }

  #ueAddressOf({ ue }: SessionParts, isDestination: boolean): PfcpElement {
    if (ue === null) return chosenUeAddress(this.plan.isIpv6, isDestination)
    return bytes(element.ueIpAddress, typedUeIpAddress.write({ isDestination, ...families(ue) }))
  }
}

/** An IMSI of the test network 001-01 (8.2.101), digits two a byte. */
function userId(number: number): Uint8Array {
  const digits = `00101${String(number).padStart(10, '0')}f`
  const packed = Uint8Array.from({ length: 8 }, (_, i) => Number.parseInt(digits[i * 2 + 1]! + digits[i * 2]!, 16))
  return join(Uint8Array.of(1, packed.length), packed)
}
