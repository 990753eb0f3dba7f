// What a rule is about things that cannot stand together in a service, and what rules ask of a service.

import { familyOf } from '../../../lb/model.ts'
import { addressBytes, classify } from '../../../wire/ip.ts'
import { portsOf } from '../service-ports.ts'
import type { Family } from '../../../lb/model.ts'
import type { Path } from '../../errors.ts'
import type { LooseService } from '../service-schema.ts'

export interface Refusal {
  readonly path: Path
  /** what is wrong, before the reason */
  readonly wrong: string
  /** what to do, after the reason */
  readonly remedy: string
}

export interface Rule {
  /** stands behind the message, so that it can be looked up */
  readonly name: string
  readonly reason: string
  /** Addresses of the service are canonical; what failed its schema is undefined. */
  readonly find: (service: LooseService) => readonly Refusal[]
}

/** A rule that looks at one field. */
export const refuseIf = (condition: boolean, path: Path, wrong: string, remedy: string): readonly Refusal[] =>
  condition ? [{ path, wrong, remedy }] : []

export const removeLine = 'remove this line'

export const isUnspecified = (address: string): boolean => classify(addressBytes(address)) === 'unspecified'

export const vipsOf = ({
  vip,
  vips = [],
}: LooseService): readonly { readonly path: Path; readonly address: string }[] =>
  [{ path: ['vip'], address: vip }, ...vips.map((address, index) => ({ path: ['vips', index], address }))].flatMap(
    ({ path, address }) => (address === undefined ? [] : [{ path, address }]),
  )

export const endpointsOf = ({ endpoints = [] }: LooseService) => endpoints.map((endpoint) => endpoint ?? {})

/** Endpoints of another family than one of the VIPs. */
export const foreignEndpoints = (service: LooseService) => {
  const families = new Set(vipsOf(service).map(({ address }) => familyOf(address)))
  return endpointsOf(service).flatMap(({ address }, index) => {
    if (address === undefined) return []
    const other: Family = familyOf(address) === 4 ? 6 : 4
    return families.has(other) ? [{ address, index, other }] : []
  })
}

/** Whether packets reach every endpoint with the address and port of their client. */
export const keepsSource = (service: LooseService): boolean =>
  service.mode === 'dsr' || (service.mode === 'dnat' && foreignEndpoints(service).length === 0)

/** Ports at which packets carry session keys that the fast path reads: GTP-U, PFCP. */
const sessionPorts: ReadonlySet<unknown> = new Set([2152, 8805])

/** A service whose packets are told apart by session key, without flows. */
export const isSession = (service: LooseService): boolean => {
  const { select, protocol } = service
  if (protocol !== 'udp') return false
  return select === 'n3' || (select === 'hint' && sessionPorts.has(portsOf(service)?.port))
}
