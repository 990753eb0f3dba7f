// The services that random packets are for: every protocol, pair of families and way of translation.

import { familyOf, transports, type Mode, type Service } from '../../../src/lb/model.ts'
import { parseSocket, protocols } from '../../../src/testing/packets.ts'
import { socketOf, type Family } from '../../../src/testing/packets/socket.ts'
import type { FlowEntry } from '../bed.ts'
import { expect, service, type ServiceOptions } from '../case.ts'
import { deviceAddress, pathTo } from '../network.ts'

/** Clients on the link, and behind a gateway. */
export const clients: Readonly<Record<Family, readonly string[]>> = {
  4: ['10.0.1.2', '10.0.1.3', '198.51.100.7', '198.51.100.200'],
  6: ['fd00:0:0:1::2', 'fd00:0:0:1::3', '2001:db8:c::7', '2001:db8:c::c8'],
}

/** The last one stands on the clients' link; of the second the way is narrow. */
const servers: Readonly<Record<Family, readonly string[]>> = {
  4: ['10.0.2.10', '10.0.4.11', '10.0.1.20'],
  6: ['fd00:0:0:2::10', 'fd00:0:0:4::11', 'fd00:0:0:1::20'],
}

/** Whether it is one of these; damaged packets come from, and make flows with, others. */
export function hasNeighbour(address: string): boolean {
  const family = familyOf(address)
  return clients[family].includes(address) || servers[family].includes(address)
}

const families: readonly Family[] = [4, 6]
const translating: readonly Mode[] = ['dnat', 'onearm', 'fullnat']

const wanted: readonly (ServiceOptions & { readonly family: Family; readonly behind: Family })[] = [
  ...families.flatMap((family) =>
    translating.flatMap((mode) => transports.map((protocol) => ({ family, behind: family, mode, protocol }))),
  ),
  ...families.flatMap((family) =>
    transports.map((protocol) => ({ family, behind: other(family), mode: 'fullnat' as const, protocol })),
  ),
  ...families.flatMap((family) =>
    (['l2', 'ip', 'gue'] as const).flatMap((encapsulation) =>
      (['tcp', 'udp'] as const).map((protocol) => ({
        family,
        behind: encapsulation === 'gue' ? other(family) : family,
        mode: 'dsr' as const,
        encapsulation,
        protocol,
      })),
    ),
  ),
]

export const services: readonly Service[] = wanted.map(({ family, behind, ...options }, i) => {
  const port = options.protocol === 'icmp' ? 0 : 80
  return service({
    ...options,
    vip: family === 4 ? `192.0.2.${i + 1}` : `2001:db8::${i + 1}`,
    select: i % 2 === 0 ? 'hash' : 'rr',
    endpoints: servers[behind].map((address, weight) => ({
      address,
      port: options.mode === 'dsr' || port === 0 ? port : 8080,
      weight: weight + 1,
    })),
  })
})

function other(family: Family): Family {
  return family === 4 ? 6 : 4
}

const bySocket = new Map(
  services.map((one): [string, Service] => {
    if (one.protocol === 'any') throw new Error('random services have a protocol')
    return [`${protocols[one.protocol]} ${socketOf(one.address, one.port)}`, one]
  }),
)

/** The service of a flow, or of its answers. */
export function serviceOf({ protocol, reverse, to, newFrom }: FlowEntry): Service {
  const vip = reverse ? newFrom : to
  const found = bySocket.get(`${protocol} ${vip}`)
  if (found === undefined) throw new Error(`no service for ${vip}`)
  return found
}

/** What a client's flow may look like: an endpoint of its service, and the source that the mode says. */
export function checkFlow(flow: FlowEntry): void {
  const target = serviceOf(flow)
  const [from, newFrom, newTo] = [flow.from, flow.newFrom, flow.newTo].map(parseSocket)
  if (from === undefined || newFrom === undefined || newTo === undefined) throw new Error('a flow has four sockets')
  const endpoint = target.endpoints.find(
    ({ address, port }) => address === newTo.address && (target.mode === 'dsr' || port === newTo.port),
  )
  if (endpoint === undefined) throw new Error(`${flow.newTo} is no endpoint of ${target.name}`)
  const family = familyOf(endpoint.address)
  const keeps = target.mode === 'dsr' || target.mode === 'dnat'
  const isVip = target.mode === 'fullnat' && family === familyOf(target.address)
  const egress = deviceAddress(pathTo(endpoint.address).device, family)
  expect(newFrom.address, keeps ? from.address : isVip ? target.address : egress, `new source of ${flow.from}`)
  const kept = newFrom.port === from.port && (keeps || target.protocol === 'sctp')
  if (!kept && (keeps || newFrom.port < 32_768 || newFrom.port > 61_000))
    throw new Error(`port ${newFrom.port} of ${flow.from} is out of the range`)
}
