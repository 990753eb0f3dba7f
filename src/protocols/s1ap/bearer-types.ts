// Types of E-RABs (TS 36.413, 9.1.3 and 9.3.3): lists in which every item is an element of its own. Items hold the ends
// of the GTP tunnels.

import { definitionsOf, enumerated, integer, list, octetNumber, octetString } from '../aper/index.ts'
import { optional, sequence, singleElement, transportLayerAddress, visited } from '../aper/index.ts'
import type { Definitions, Tunnel, TunnelRole, Type } from '../aper/index.ts'
import { cause } from './causes.ts'
import { elementNames } from './element-names.ts'

const mostBearers = 256

const id = visited(integer(0, 15, { extensible: true }), (bearer, visitor) => {
  visitor.session?.(bearer)
  return bearer
})
const address = transportLayerAddress
const teid = octetNumber(4)
const bitRate = integer(0, 10_000_000_000)

const qos = sequence({
  qci: integer(0, 255),
  retention: sequence({
    priorityLevel: integer(0, 15),
    capability: enumerated(['shall-not-trigger-pre-emption', 'may-trigger-pre-emption']),
    vulnerability: enumerated(['not-pre-emptable', 'pre-emptable']),
  }),
  guaranteed: optional(
    sequence({
      maximumDownlink: bitRate,
      maximumUplink: bitRate,
      guaranteedDownlink: bitRate,
      guaranteedUplink: bitRate,
    }),
  ),
})

type Fields = Readonly<Record<string, unknown>>

/** Shows the visitor a tunnel whose address and identifier are two fields, after the fields themselves. */
const withTunnel = <T>(type: Type<T>, role: TunnelRole, addressField = 'address', teidField = 'teid'): Type<T> => ({
  ...type,
  visit(before, visitor) {
    const value = type.visit(before, visitor)
    const fields = value as Fields
    const tunnel = { address: fields[addressField], teid: fields[teidField] } as Partial<Tunnel>
    if (tunnel.address === undefined || tunnel.teid === undefined || visitor.tunnel === undefined) return value
    const other = visitor.tunnel(tunnel as Tunnel, role)
    if (other.address === tunnel.address && other.teid === tunnel.teid) return value
    return { ...value, [addressField]: other.address, [teidField]: other.teid }
  },
})

const itemsOf = (item: number, type: Type<unknown>): Type<unknown> =>
  list(singleElement(definitionsOf(elementNames, [[item, type]])), 1, mostBearers)

const tunnelItem = (role: TunnelRole): Type<unknown> => withTunnel(sequence({ id, address, teid }), role)
const failed = sequence({ id, cause })
const alone = sequence({ id })

const forwarded = sequence({
  id,
  downlinkAddress: optional(address),
  downlinkTeid: optional(teid),
  uplinkAddress: optional(address),
  uplinkTeid: optional(teid),
})
const admitted = sequence({
  id,
  address,
  teid,
  downlinkAddress: optional(address),
  downlinkTeid: optional(teid),
  uplinkAddress: optional(address),
  uplinkTeid: optional(teid),
})
const withForwarding = <T>(type: Type<T>): Type<T> =>
  withTunnel(
    withTunnel(type, 'forwarding', 'downlinkAddress', 'downlinkTeid'),
    'forwarding',
    'uplinkAddress',
    'uplinkTeid',
  )

/** Of a bearer whose uplink moves. */
const transportInformation = definitionsOf(elementNames, [[185, withTunnel(sequence({ address, teid }), 'core')]])

/** Lists of E-RABs. */
export const bearerElements: Definitions = definitionsOf(elementNames, [
  [12, itemsOf(14, withForwarding(forwarded))],
  [13, itemsOf(35, failed)],
  [16, itemsOf(17, withTunnel(sequence({ id, qos, address, teid, nas: octetString }), 'core'))],
  [18, itemsOf(20, withForwarding(withTunnel(admitted, 'ran')))],
  [19, itemsOf(21, failed)],
  [22, itemsOf(23, tunnelItem('ran'))],
  [24, itemsOf(52, withTunnel(sequence({ id, qos, address, teid, nas: optional(octetString) }), 'core'))],
  [28, itemsOf(39, tunnelItem('ran'))],
  [29, itemsOf(35, failed)],
  [30, itemsOf(36, sequence({ id, qos, nas: octetString }, transportInformation))],
  [31, itemsOf(37, alone)],
  [32, itemsOf(35, failed)],
  [33, itemsOf(35, failed)],
  [34, itemsOf(35, failed)],
  [48, itemsOf(35, failed)],
  [51, itemsOf(50, tunnelItem('ran'))],
  [53, itemsOf(27, withTunnel(sequence({ id, address, teid, qos }), 'core'))],
  [69, itemsOf(15, alone)],
  [95, itemsOf(94, tunnelItem('core'))],
  [110, itemsOf(35, failed)],
  [199, itemsOf(200, tunnelItem('ran'))],
  [201, itemsOf(202, tunnelItem('ran'))],
  [203, itemsOf(204, alone)],
  [205, itemsOf(35, failed)],
  [210, itemsOf(35, failed)],
])
