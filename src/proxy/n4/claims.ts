// What a session request says of the session: who asks, for which network, and which tunnels and addresses its rules
// have. Refused is what lacks an element that it must have (TS 29.244, 7.5).

import { hexText, nameText } from '../../protocols/element-values.ts'
import { read16 } from '../../wire/fields.ts'
import { cause, element } from './elements.ts'
import { treatmentChange } from './rule-kinds.ts'
import { seeElements } from './spans.ts'
import { trafficEndpointRule } from './sessions.ts'
import { framedRange, nodeIdText, readAddresses, readFTeid, ueRanges } from './values.ts'
import type { N4Limits, VirtualAddresses } from './model.ts'
import type { Session } from './sessions.ts'
import type { Located, UeRange } from './values.ts'

/** Why a request is refused, with the element that is wrong. */
export interface Refusal {
  readonly cause: number
  readonly offending: number | null
}

/** A PDR or Traffic Endpoint that is created or updated. */
export interface Claim {
  /** `trafficEndpointRule` of it, or the id of a PDR; -1 until it is read */
  rule: number
  /** What it detects packets by is said anew. */
  detects: boolean
  /** the F-TEID that the control plane has named */
  given: Located | null
  /** The user plane is to choose one. */
  chooses: boolean
  /** the same F-TEID for equal numbers */
  chooseId: number | null
  /** the Traffic Endpoint that it refers to, as a rule; null: none */
  endpoint: number | null
  /** Its packets come from the side of the data network (8.2.2); null: that is not said. */
  fromCore: boolean | null
  readonly ranges: UeRange[]
}

export interface SessionRequest {
  nodeId: string | null
  /** 8 bytes, a view */
  smfSeid: Uint8Array | null
  smfAddresses: VirtualAddresses | null
  dnn: string
  readonly networkInstances: string[]
  readonly slices: string[]
  readonly pools: string[]
  userId: string | null
  readonly sets: string[]
  alternatives: readonly string[]
  readonly claims: Claim[]
  /** rules that go away */
  readonly removed: number[]
  /** FARs, QERs, URRs and the like: so many come, are changed, and go */
  readonly treatments: { create: number; update: number; remove: number }
  hasFar: boolean
  refusal: Refusal | null
}

const refusal = (value: number, offending: number | null): Refusal => ({ cause: value, offending })

export type RuleLimits = Pick<N4Limits, 'rules' | 'treatments'>

export function readSessionRequest(body: Uint8Array, limits: RuleLimits): SessionRequest {
  const request: SessionRequest = {
    nodeId: null,
    smfSeid: null,
    smfAddresses: null,
    dnn: '',
    networkInstances: [],
    slices: [],
    pools: [],
    userId: null,
    sets: [],
    alternatives: [],
    claims: [],
    removed: [],
    treatments: { create: 0, update: 0, remove: 0 },
    hasFar: false,
    refusal: null,
  }
  let claim: Claim | null = null
  /** A group that is left out at the top ends the claim before it. */
  seeElements(body, (type, bytes, start, end, depth) => {
    if (depth === 0) {
      claim = null
      switch (type) {
        case element.createPdr:
        case element.updatePdr:
        case element.createTrafficEndpoint:
        case element.updateTrafficEndpoint:
          if (request.claims.length === limits.rules) {
            request.refusal ??= refusal(cause.noResources, null)
            return false
          }
          claim = { ...noClaim, detects: isEndpoint(type), ranges: [] }
          request.claims.push(claim)
          return true
        case element.removePdr:
        case element.removeTrafficEndpoint:
          return true
        default:
          readTop(request, type, bytes, start, end)
          countTreatment(request, type, limits.treatments)
          return false
      }
    }
    if (claim === null) {
      const id = idOf(type, bytes, start, end)
      if (id === null || depth !== 1) return false
      if (request.removed.length === mostRulesOf(limits)) request.refusal ??= refusal(cause.noResources, null)
      else request.removed.push(id)
      return false
    }
    return readInRule(request, claim, type, bytes, start, end, depth)
  })
  return request
}

/** A request may have as many rules as a session begins with; modifications add as many again. */
const mostRulesOf = ({ rules }: RuleLimits): number => rules * 2

function countTreatment(request: SessionRequest, type: number, most: number): void {
  const change = treatmentChange.get(type)
  if (change === undefined) return
  if (++request.treatments[change] > most) request.refusal ??= refusal(cause.noResources, null)
}

/** A session with this change would have more rules than it may. */
export const isBeyond = (session: Session, { claims, treatments }: SessionRequest, limits: RuleLimits): boolean =>
  session.rules.size + session.rulesToCome + claims.length > mostRulesOf(limits) ||
  session.treatments + treatments.create - treatments.remove > limits.treatments

const noClaim = { rule: -1, given: null, chooses: false, chooseId: null, endpoint: null, fromCore: null }

const isEndpoint = (type: number): boolean =>
  type === element.createTrafficEndpoint || type === element.updateTrafficEndpoint

function idOf(type: number, bytes: Uint8Array, start: number, end: number): number | null {
  if (type === element.pdrId && end - start >= 2) return read16(bytes, start)
  if (type === element.trafficEndpointId && end > start) return trafficEndpointRule(bytes[start]!)
  return null
}

function readTop(request: SessionRequest, type: number, bytes: Uint8Array, start: number, end: number): void {
  switch (type) {
    case element.nodeId:
      if (request.nodeId !== null) return
      request.nodeId = nodeIdText(bytes.subarray(start, end))
      if (request.nodeId === null) request.refusal ??= refusal(cause.mandatoryIncorrect, type)
      return
    case element.fSeid:
      if (request.smfSeid !== null) return
      request.smfSeid = bytes.subarray(start + 1, start + 9)
      request.smfAddresses = readAddresses(bytes.subarray(start, end), 9)
      if (request.smfAddresses.ipv4 === null && request.smfAddresses.ipv6 === null)
        request.refusal ??= refusal(cause.mandatoryIncorrect, type)
      return
    case element.createFar:
      request.hasFar = true
      return
    case element.dnn:
      request.dnn = nameText(bytes, start, end)
      return
    case element.sNssai:
      if (end - start >= 4) request.slices.push(sliceText(bytes, start))
      return
    case element.userId:
      request.userId = hexText(bytes, start, end)
      return
    case element.fqCsid:
    case element.groupId:
      if (request.sets.length < mostSets) request.sets.push(...setTexts(type, bytes, start, end))
      return
    case element.alternativeSmfAddress:
      request.alternatives = addressesOf(readAddresses(bytes.subarray(start, end), 1))
      return
    default:
  }
}

/** Sets that one session is in; what is beyond is not found by its set. */
const mostSets = 16

export const addressesOf = ({ ipv4, ipv6 }: VirtualAddresses): readonly string[] =>
  [ipv4, ipv6].filter((address) => address !== null)

const sliceText = (bytes: Uint8Array, start: number): string =>
  `${bytes[start]!}-${hexText(bytes, start + 1, start + 4)}`

/** An FQ-CSID for each of its CSIDs: the node's bytes and the CSID. A group by its name. */
export function setTexts(type: number, bytes: Uint8Array, start: number, end: number): readonly string[] {
  if (type === element.groupId) return [`group ${hexText(bytes, start, end)}`]
  const count = bytes[start]! & 15
  const kind = bytes[start]! >> 4
  const nodeEnd = start + 1 + (kind === 1 ? 16 : 4)
  const node = `${kind}:${hexText(bytes, start + 1, Math.min(nodeEnd, end))}`
  const texts: string[] = []
  for (let i = 0, at = nodeEnd; i < count && at + 2 <= end; i++, at += 2)
    texts.push(`csid ${node}/${read16(bytes, at)}`)
  return texts
}

/** Interface value (8.2.2) */
const accessInterface = 0

/** True: look into it. */
function readInRule(
  request: SessionRequest,
  claim: Claim,
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
): boolean {
  // Only the first level names the rule: a PDI may refer to a Traffic Endpoint.
  if (depth === 1 && claim.rule < 0) claim.rule = idOf(type, bytes, start, end) ?? -1
  switch (type) {
    case element.pdi:
      claim.detects = true
      return depth === 1
    case element.fTeid:
      readTunnel(claim, bytes, start)
      return false
    case element.sourceInterface:
      if (end > start) claim.fromCore = (bytes[start]! & 15) !== accessInterface
      return false
    case element.trafficEndpointId:
      if (depth === 2) claim.endpoint = idOf(type, bytes, start, end)
      return false
    case element.ueIpAddress:
      claim.ranges.push(...ueRanges(bytes, start))
      return false
    case element.framedRoute:
    case element.framedIpv6Route: {
      const framed = framedRange(bytes, start, end)
      if (framed !== null) claim.ranges.push(framed)
      return false
    }
    case element.networkInstance:
      if (request.networkInstances.length < mostSets) request.networkInstances.push(nameText(bytes, start, end))
      return false
    case element.poolIdentity:
      if (request.pools.length < mostSets && end - start > 2)
        request.pools.push(Buffer.from(bytes.subarray(start + 2, end)).toString('utf8'))
      return false
    default:
      return false
  }
}

function readTunnel(claim: Claim, bytes: Uint8Array, start: number): void {
  const flags = bytes[start]!
  if ((flags & 4) === 0) {
    claim.given = readFTeid(bytes, start)
    return
  }
  claim.chooses = true
  if ((flags & 8) !== 0) claim.chooseId = bytes[start + 1]!
}

/** What must be in a Session Establishment Request (7.5.2.1); null: all is there. */
export function establishmentRefusal(request: SessionRequest): Refusal | null {
  if (request.refusal !== null) return request.refusal
  if (request.nodeId === null) return refusal(cause.mandatoryMissing, element.nodeId)
  if (request.smfSeid === null) return refusal(cause.mandatoryMissing, element.fSeid)
  const pdrs = request.claims.filter(({ rule }) => rule < trafficEndpointRule(0))
  if (pdrs.length === 0) return refusal(cause.mandatoryMissing, element.createPdr)
  if (!request.hasFar) return refusal(cause.mandatoryMissing, element.createFar)
  for (const { detects, rule } of pdrs) {
    if (rule >= 0 && !detects) return refusal(cause.mandatoryMissing, element.pdi)
  }
  return modificationRefusal(request)
}

/** Rules that are named by nothing. */
export function modificationRefusal({ claims, refusal: other }: SessionRequest): Refusal | null {
  if (other !== null) return other
  return claims.some(({ rule }) => rule < 0) ? refusal(cause.mandatoryMissing, element.pdrId) : null
}
