// The rules of a session as far as they say where its packets go, read from the request that would establish it as it
// is now (TS 29.244, 7.5.2): PDRs, and the FARs and QERs that they name.

import { nameText } from '../../protocols/element-values.ts'
import { readElements } from '../../protocols/pfcp/index.ts'
import { read16, read32 } from '../../wire/fields.ts'
import { element } from './elements.ts'
import { readSdfFilter } from './flow-descriptions.ts'
import { trafficEndpointRule } from './sessions.ts'
import { framedRange, readOuterTunnel, ueRanges } from './values.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { SdfFilter } from './flow-descriptions.ts'
import type { OuterTunnel, UeRange } from './values.ts'

export interface PacketRule {
  readonly id: number
  /** the rule that its tunnel and addresses belong to: the PDR's own, or a Traffic Endpoint's */
  readonly place: number
  /** the lowest comes first */
  readonly precedence: number
  readonly fromAccess: boolean
  /** from a data network: Core, or the LAN behind it */
  readonly fromNetwork: boolean
  /** It is for what comes in a tunnel that ends at the UPF. */
  readonly inTunnel: boolean
  readonly networkInstance: string | null
  readonly filters: readonly SdfFilter[]
  /** It asks for what is no filter: an application, predefined rules, Ethernet, a time of day. */
  readonly asksMore: boolean
  /** QFIs that it is for, in order; none: all */
  readonly flows: readonly number[]
  readonly ranges: readonly UeRange[]
  /** prefixes behind the user, which are none of its addresses */
  readonly framed: ReadonlySet<string>
  readonly far: ForwardingRule | null
  readonly qers: readonly QosRule[]
}

export interface ForwardingRule {
  readonly forwards: boolean
  /** It does nothing else than to forward: no copies, no redirection, no policy. */
  readonly isPlain: boolean
  readonly toAccess: boolean
  readonly networkInstance: string | null
  /** What is put around packets; null: nothing, or no GTP-U. */
  readonly tunnel: OuterTunnel | null
  readonly hasOuterHeader: boolean
}

export interface QosRule {
  readonly qfi: number | null
  readonly isUplinkOpen: boolean
  readonly isDownlinkOpen: boolean
}

/** Interface values (8.2.2, 8.2.24). */
const sides = { access: 0, core: 1, lan: 2 }
const lastPrecedence = 0xffff_ffff
/** Apply Action (8.2.26) */
const action = { drop: 1, forward: 2, buffer: 4, duplicate: 16 }

type Group = readonly PfcpElement[]

const groupsOf = (elements: Group, type: number): readonly Group[] =>
  elements.flatMap(({ type: other, value }) => (other === type && !(value instanceof Uint8Array) ? [value] : []))
const valuesOf = (elements: Group, type: number): readonly Uint8Array[] =>
  elements.flatMap(({ type: other, value }) => (other === type && value instanceof Uint8Array ? [value] : []))
const number = (value: Uint8Array | undefined, bytes: number): number | null =>
  value === undefined || value.length < bytes
    ? null
    : bytes === 4
      ? read32(value, 0)
      : bytes === 2
        ? read16(value, 0)
        : value[0]!
const numberOf = (elements: Group, type: number, bytes: number): number | null =>
  number(valuesOf(elements, type)[0], bytes)
const nameOf = (elements: Group, type: number): string | null => {
  const [value] = valuesOf(elements, type)
  return value === undefined ? null : nameText(value, 0, value.length)
}
const has = (elements: Group, ...types: readonly number[]): boolean => elements.some(({ type }) => types.includes(type))

/** PDRs without an id or a PDI are none. */
export function readPacketRules(body: Uint8Array): readonly PacketRule[] {
  const elements = readElements(body)
  const fars = byId(groupsOf(elements, element.createFar), element.farId, 4, readFar)
  const qers = byId(groupsOf(elements, element.createQer), element.qerId, 4, readQer)
  const endpoints = byId(
    groupsOf(elements, element.createTrafficEndpoint),
    element.trafficEndpointId,
    1,
    (group) => group,
  )
  return groupsOf(elements, element.createPdr).flatMap((pdr) => {
    const id = numberOf(pdr, element.pdrId, 2)
    const [pdi] = groupsOf(pdr, element.pdi)
    if (id === null || pdi === undefined) return []
    const endpoint = numberOf(pdi, element.trafficEndpointId, 1)
    const side = (numberOf(pdi, element.sourceInterface, 1) ?? sides.access) & 15
    const detects = [...pdi, ...(endpoint === null ? [] : (endpoints.get(endpoint) ?? []))]
    return [
      {
        id,
        place: endpoint === null ? id : trafficEndpointRule(endpoint),
        precedence: numberOf(pdr, element.precedence, 4) ?? lastPrecedence,
        fromAccess: side === sides.access,
        fromNetwork: side === sides.core || side === sides.lan,
        inTunnel: has(detects, element.fTeid),
        networkInstance: nameOf(detects, element.networkInstance),
        filters: valuesOf(pdi, element.sdfFilter).map(readSdfFilter),
        asksMore:
          has(pdi, element.applicationId, element.ethernetPacketFilter) ||
          has(pdr, element.activatePredefinedRules, element.activationTime, element.deactivationTime),
        flows: valuesOf(pdi, element.qfi)
          .map((value) => (value[0] ?? 0) & qfiBits)
          .toSorted((a, b) => a - b),
        ranges: valuesOf(detects, element.ueIpAddress).flatMap((value) => ueRanges(value, 0)),
        framed: framedOf(detects),
        far: fars.get(numberOf(pdr, element.farId, 4) ?? -1) ?? null,
        qers: valuesOf(pdr, element.qerId).flatMap((value) => qers.get(number(value, 4) ?? -1) ?? []),
      },
    ]
  })
}

function byId<T>(groups: readonly Group[], type: number, bytes: number, read: (group: Group) => T): Map<number, T> {
  return new Map(
    groups.flatMap((group) => {
      const id = numberOf(group, type, bytes)
      return id === null ? [] : [[id, read(group)] as const]
    }),
  )
}

const framedOf = (detects: Group): ReadonlySet<string> =>
  new Set(
    [...valuesOf(detects, element.framedRoute), ...valuesOf(detects, element.framedIpv6Route)].flatMap(
      (value) => framedRange(value, 0, value.length)?.text ?? [],
    ),
  )

function readFar(far: Group): ForwardingRule {
  const does = numberOf(far, element.applyAction, 1) ?? 0
  const parameters = groupsOf(far, element.forwardingParameters)[0] ?? []
  const outer = valuesOf(parameters, element.outerHeaderCreation)[0] ?? null
  return {
    forwards: (does & action.forward) !== 0 && (does & (action.drop | action.buffer)) === 0,
    isPlain:
      (does & action.duplicate) === 0 &&
      !has(parameters, element.redirectInformation, element.forwardingPolicy, element.headerEnrichment),
    toAccess: ((numberOf(parameters, element.destinationInterface, 1) ?? sides.access) & 15) === sides.access,
    networkInstance: nameOf(parameters, element.networkInstance),
    tunnel: outer === null ? null : readOuterTunnel(outer),
    hasOuterHeader: outer !== null,
  }
}

const qfiBits = 0x3f
/** Gate Status (8.2.7): two bits for each direction, 0: open. */
const downlinkGate = 3
const uplinkGate = 12

function readQer(qer: Group): QosRule {
  const gates = numberOf(qer, element.gateStatus, 1) ?? 0
  const qfi = numberOf(qer, element.qfi, 1)
  return {
    qfi: qfi === null ? null : qfi & qfiBits,
    isUplinkOpen: (gates & uplinkGate) === 0,
    isDownlinkOpen: (gates & downlinkGate) === 0,
  }
}
