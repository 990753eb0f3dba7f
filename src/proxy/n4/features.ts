// What SMFs are told of the pool as if it were one UPF (TS 29.244, 7.4.4.2): functions that all UPFs have, the address
// of the N3 service as user-plane resource, and the pools of UE addresses of all.

import { element } from './elements.ts'
import { body, elementBytes } from './messages.ts'
import { wireBytes } from './values.ts'
import { join } from '../../wire/fields.ts'
import type { VirtualAddresses } from './model.ts'
import type { UpfPeer } from './peers.ts'

/** UP Function Features that are the proxy's own doing (8.2.25): SSET and BUNDL in octet 3, MPAS in octet 4. */
const ownFeatures: readonly number[] = [0, 0, 0x48, 0x01]

/** Of at most this many octets is the intersection told; TS 29.244 release 17 has 7. */
const mostOctets = 16

/** Functions that all of them have; null: there is nobody. */
export function commonFeatures(all: readonly Uint8Array[]): Uint8Array | null {
  if (all.length === 0) return null
  const length = Math.min(mostOctets, Math.max(2, ...all.map((features) => features.length)))
  return Uint8Array.from({ length }, (_, i) => all.reduce((common, features) => common & (features[i] ?? 0), 0xff))
}

/** Whether everything that has been promised is there. */
export const hasFeatures = (features: Uint8Array, promised: Uint8Array): boolean =>
  promised.every((octet, i) => ((features[i] ?? 0) & octet) === octet)

/** The value of UP Function Features for SMFs. */
export function shownFeatures(common: Uint8Array): Uint8Array {
  const length = Math.max(common.length, ownFeatures.length)
  return Uint8Array.from({ length }, (_, i) => (common[i] ?? 0) | (ownFeatures[i] ?? 0))
}

const mostResources = 64

/** Elements of an Association Setup Response beside its common ones. */
export function poolElements(common: Uint8Array, upfs: readonly UpfPeer[], n3: VirtualAddresses): Uint8Array {
  return body(
    elementBytes(element.upFunctionFeatures, shownFeatures(common)),
    ...distinct(upfs.flatMap(({ resources }) => resources).map((value) => resourceAtVip(value, n3)))
      .slice(0, mostResources)
      .map((value) => elementBytes(element.userPlaneIpResource, value)),
    ...distinct(upfs.flatMap(({ pools }) => pools))
      .slice(0, mostResources)
      .map((value) => elementBytes(element.poolInformation, value)),
  )
}

function distinct(values: readonly Uint8Array[]): readonly Uint8Array[] {
  const seen = new Map(values.map((value) => [Buffer.from(value).toString('latin1'), value]))
  return [...seen.values()]
}

/**
 * A User Plane IP Resource Information (8.2.82) with the address of the N3 service. The range of TEIDs goes: whoever
 * chooses a TEID does not know yet on which UPF the session will be.
 */
function resourceAtVip(value: Uint8Array, { ipv4, ipv6 }: VirtualAddresses): Uint8Array {
  const flags = value[0]!
  const rangeBytes = (flags & 0x1c) === 0 ? 0 : 1
  const after = 1 + rangeBytes + ((flags & 1) === 0 ? 0 : 4) + ((flags & 2) === 0 ? 0 : 16)
  const kept = (flags & 0x60) | (ipv4 === null ? 0 : 1) | (ipv6 === null ? 0 : 2)
  return join(
    Uint8Array.of(kept),
    ipv4 === null ? new Uint8Array() : wireBytes(ipv4),
    ipv6 === null ? new Uint8Array() : wireBytes(ipv6),
    value.subarray(after),
  )
}
