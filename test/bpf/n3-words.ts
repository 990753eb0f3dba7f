// The words of cases about GTP-U: a base station, a service, two user planes, and what becomes of a tunnel's packet.

import { parseSocket } from '../../src/testing/packets.ts'
import { be32 } from '../../src/testing/packets/bytes.ts'
import { gtpu, gtpuPort, gtpuTypes } from '../../src/testing/packets/gtpu.ts'
import { socketOf, type Family, type Socket } from '../../src/testing/packets/socket.ts'
import { bytes, hosts, service, udp, type Becomes, type ServiceOptions } from './case.ts'
import type { HintOptions } from './bed.ts'
import type { Encapsulation, Mode, Service } from '../../src/lb/model.ts'

export const at = (address: string, port: number | string): Socket => socketOf(address, port)
export const [upf1, upf2] = [
  { 4: hosts[4].server, 6: hosts[6].server },
  { 4: '10.0.2.11', 6: 'fd00:0:0:2::11' },
]
export const gnb = { 4: at(hosts[4].client, 30_000), 6: at(hosts[6].client, 30_000) }
export const n3 = { 4: at(hosts[4].vip, gtpuPort), 6: at(hosts[6].vip, gtpuPort) }
export const teid = 0x89abcdef

export function n3Service(options: ServiceOptions = {}, near: Family = 4, far: Family = near): Service {
  return service({
    protocol: 'udp',
    port: gtpuPort,
    select: 'n3',
    vip: hosts[near].vip,
    endpoints: [at(upf1[far], gtpuPort), at(upf2[far], gtpuPort)],
    ...options,
  })
}

const nameOf = (family: Family): string => `${socketOf(hosts[family].vip, gtpuPort)}/udp`

export const hint = (endpoint: Socket | null, more: Partial<HintOptions> = {}, family: Family = 4): HintOptions => ({
  service: nameOf(family),
  kind: 'teid',
  key: be32(teid),
  endpoint,
  ...more,
})

export const gPdu = (id = teid, more: Partial<Parameters<typeof gtpu>[0]> = {}): Uint8Array =>
  gtpu({ type: gtpuTypes.gPdu, teid: id, payload: bytes(60), ...more })

/** Uplink data of a tunnel, from a base station. */
export const uplink = (payload: Uint8Array, family: Family = 4, from: Socket = gnb[family]): ReturnType<typeof udp> =>
  udp(from, n3[family], { payload })

export interface Way {
  readonly near: Family
  readonly far: Family
  readonly mode: Mode
  readonly encapsulation: Encapsulation | null
}

export const ways: readonly Way[] = (
  [
    [4, 4],
    [6, 6],
    [6, 4],
    [4, 6],
  ] as const
).flatMap(([near, far]) => [
  ...(['dnat', 'onearm', 'fullnat'] as const).map((mode): Way => ({ near, far, mode, encapsulation: null })),
  ...(['l2', 'ip', 'gue'] as const)
    .filter((kind) => kind !== 'l2' || near === far)
    .map((encapsulation): Way => ({ near, far, mode: 'dsr', encapsulation })),
])

/** What becomes of the tunnel's packet at an endpoint. */
export function arrival({ near, far, mode, encapsulation }: Way, upf: Readonly<Record<Family, string>>): Becomes {
  if (encapsulation !== null) return { kind: encapsulation, to: upf[far] }
  const keeps = mode === 'dnat' && near === far
  const own = mode === 'fullnat' ? hosts[far].vip : hosts[far].egress
  return { kind: 'nat', from: keeps ? gnb[near] : at(own, parseSocket(gnb[near]).port), to: at(upf[far], gtpuPort) }
}
