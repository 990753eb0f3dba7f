// PFCP as simulated peers write and read it: elements by name, and messages made of them (TS 29.244).

import { pfcp, readElements, typedFSeid, typedNodeId, typedNumber, writeElements } from '../protocols/pfcp/index.ts'
import { nameBytes } from '../protocols/element-values.ts'
import { join } from '../wire/fields.ts'
import { families } from './addresses.ts'
import type { PfcpElement, PfcpMessage } from '../protocols/pfcp/index.ts'

export const pfcpPort = 8805
/** Of a PFCP message in a datagram of its own; longer ones are counted and not read. */
export const longestPfcp = 16_384

export const message = {
  heartbeatRequest: 1,
  heartbeatResponse: 2,
  pfdManagementRequest: 3,
  associationSetupRequest: 5,
  associationSetupResponse: 6,
  associationUpdateRequest: 7,
  associationReleaseRequest: 9,
  versionNotSupported: 11,
  nodeReportRequest: 12,
  sessionSetDeletionRequest: 14,
  sessionSetModificationRequest: 16,
  sessionEstablishmentRequest: 50,
  sessionModificationRequest: 52,
  sessionDeletionRequest: 54,
  sessionReportRequest: 56,
} as const

export const element = {
  createPdr: 1,
  pdi: 2,
  createFar: 3,
  forwardingParameters: 4,
  createdPdr: 8,
  updateFar: 10,
  updateForwardingParameters: 11,
  removePdr: 15,
  removeFar: 16,
  cause: 19,
  sourceInterface: 20,
  fTeid: 21,
  networkInstance: 22,
  sdfFilter: 23,
  precedence: 29,
  reportType: 39,
  offendingIe: 40,
  destinationInterface: 42,
  upFunctionFeatures: 43,
  applyAction: 44,
  smReqFlags: 49,
  loadControl: 51,
  sequenceNumber: 52,
  metric: 53,
  pdrId: 56,
  fSeid: 57,
  nodeId: 60,
  usageReportTrigger: 63,
  usageReport: 80,
  urrId: 81,
  downlinkDataReport: 83,
  outerHeaderCreation: 84,
  cpFunctionFeatures: 89,
  ueIpAddress: 93,
  outerHeaderRemoval: 95,
  recoveryTimeStamp: 96,
  errorIndicationReport: 99,
  urSeqn: 104,
  farId: 108,
  associationReleaseRequest: 111,
  gracefulReleasePeriod: 112,
  pdnType: 113,
  userPlaneIpResource: 116,
  qfi: 124,
  createTrafficEndpoint: 127,
  createdTrafficEndpoint: 128,
  trafficEndpointId: 131,
  userId: 141,
  apnDnn: 159,
  srReqFlags: 161,
  sNssai: 257,
} as const

export const cause = {
  accepted: 1,
  rejected: 64,
  sessionContextNotFound: 65,
  mandatoryMissing: 66,
  noAssociation: 72,
  ruleFailure: 73,
  noResources: 75,
  notSupported: 76,
  addressesOccupied: 79,
} as const

const numbers = { 1: typedNumber(1), 2: typedNumber(2), 4: typedNumber(4) } as const

/** An element of bytes; of elements that have been written already, a group too. */
export const bytes = (type: number, value: Uint8Array): PfcpElement => ({ type, value })
export const number8 = (type: number, value: number): PfcpElement => bytes(type, Uint8Array.of(value))
export const number16 = (type: number, value: number): PfcpElement => bytes(type, Uint8Array.of(value >> 8, value))
export const number32 = (type: number, value: number): PfcpElement =>
  bytes(type, Uint8Array.of(value >>> 24, value >> 16, value >> 8, value))
export const group = (type: number, ...value: readonly PfcpElement[]): PfcpElement => ({ type, value })

export interface Answer {
  readonly type: number
  /** null: the message is about nodes */
  readonly seid: bigint | null
  readonly elements: readonly PfcpElement[]
}

export const encodeMessage = ({ elements, seid, type }: Answer, sequence: number): Uint8Array =>
  pfcp.encode({ type, seid, sequence, priority: null, followOn: false, spare: 0, body: writeElements(elements) })

export const elementsOf = ({ body }: PfcpMessage): readonly PfcpElement[] => readElements(body)

/** The first of this type, which is no group; null: there is none. */
export function valueOf(elements: readonly PfcpElement[], type: number): Uint8Array | null {
  for (const found of elements) if (found.type === type && found.value instanceof Uint8Array) return found.value
  return null
}

/** What is in the groups of this type. */
export function groupsOf(elements: readonly PfcpElement[], type: number): readonly (readonly PfcpElement[])[] {
  const found: (readonly PfcpElement[])[] = []
  for (const { type: its, value } of elements) if (its === type && !(value instanceof Uint8Array)) found.push(value)
  return found
}

/** A number of so many bytes; null: it is not there, or too short. */
export function numberOf(elements: readonly PfcpElement[], type: number, count: 1 | 2 | 4): number | null {
  const value = valueOf(elements, type)
  if (value === null || value.length < count) return null
  return numbers[count].read(value)
}

export const nodeIdElement = (address: Uint8Array): PfcpElement =>
  bytes(element.nodeId, typedNodeId.write({ kind: 'address', address }))

export const fSeidElement = (seid: bigint, address: Uint8Array): PfcpElement =>
  bytes(element.fSeid, typedFSeid.write({ seid, ...families(address) }))

/** An Outer Header Creation for a tunnel (8.2.56). */
export function tunnelHeader(address: Uint8Array, teid: number): PfcpElement {
  const header = Uint8Array.of(address.length === 4 ? 1 : 2, 0, teid >>> 24, teid >> 16, teid >> 8, teid)
  return bytes(element.outerHeaderCreation, join(header, address))
}

/** The tunnel of an Outer Header Creation; null: it makes none. */
export function readTunnelHeader(value: Uint8Array): { readonly address: Uint8Array; readonly teid: number } | null {
  const flags = numbers[2].read(value)
  const [length, bit] = (flags & 0x0100) !== 0 ? [4, 0x0100] : [16, 0x0200]
  if ((flags & bit) === 0 || value.length < 6 + length) return null
  return { teid: numbers[4].read(value.subarray(2)), address: value.subarray(6, 6 + length) }
}

/** Throws RangeError for what is no name. */
export function nameElement(type: number, name: string): PfcpElement {
  const value = nameBytes(name)
  if (value === null) throw new RangeError(`no name: ${name}`)
  return bytes(type, value)
}

/** An S-NSSAI (8.2.178): `1-000001`. Throws RangeError for what is none. */
export function sliceElement(text: string): PfcpElement {
  const [, type, differentiator] = /^([0-9]{1,3})-([0-9a-f]{6})$/i.exec(text) ?? []
  if (differentiator === undefined || Number(type) > 255) throw new RangeError(`${text} is no S-NSSAI: use 1-000001`)
  return bytes(element.sNssai, Uint8Array.of(Number(type), ...Buffer.from(differentiator, 'hex')))
}

const addressFlags = { ipv6: 1, ipv4: 2, destination: 4, chooseIpv4: 0x10, chooseIpv6: 0x20 } as const

/** A UE IP Address that the user plane is to choose (8.2.62). */
export const chosenUeAddress = (isIpv6: boolean, isDestination: boolean): PfcpElement =>
  number8(
    element.ueIpAddress,
    (isIpv6 ? addressFlags.chooseIpv6 : addressFlags.chooseIpv4) | (isDestination ? addressFlags.destination : 0),
  )

/** Which family the user plane is to choose an address of; null: it has one, or wants none. */
export function familyToChoose(ueIpAddress: Uint8Array): 4 | 6 | null {
  const flags = ueIpAddress[0]!
  if ((flags & addressFlags.chooseIpv4) !== 0) return 4
  return (flags & addressFlags.chooseIpv6) !== 0 ? 6 : null
}

/** What stands in a Recovery Time Stamp: seconds since 1900. */
export const ntpSeconds = (wallSeconds: number): number => (wallSeconds + 2_208_988_800) % 2 ** 32
