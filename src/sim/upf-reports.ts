// What a simulated UPF tells of its own accord: session reports (TS 29.244, 7.5.8) and how loaded it is (7.2.3.3).

import { shortAddressBytes } from '../wire/ip.ts'
import { typedFTeid } from '../protocols/pfcp/index.ts'
import { families } from './addresses.ts'
import { bytes, element, group, number16, number32, number8 } from './pfcp.ts'
import { rule } from './smf-rules.ts'
import type { PfcpElement } from '../protocols/pfcp/index.ts'
import type { ReportKind } from './choices.ts'
import type { UpfSession } from './upf-sessions.ts'

const types = { downlinkData: 1, usage: 2, errorIndication: 4, asked: 0x40 } as const
const deletedByUserPlane = 1
/** PERIO: a period has passed */
const periodic = Uint8Array.of(1, 0, 0)
const usageRule = 1

export function reportElements(kind: ReportKind, session: UpfSession, sequence: number): readonly PfcpElement[] {
  switch (kind) {
    case 'downlink-data':
      return [
        number8(element.reportType, types.downlinkData),
        group(element.downlinkDataReport, number16(element.pdrId, rule.downlink)),
      ]
    case 'usage':
      return [
        number8(element.reportType, types.usage),
        group(
          element.usageReport,
          number32(element.urrId, usageRule),
          number32(element.urSeqn, sequence),
          bytes(element.usageReportTrigger, periodic),
        ),
      ]
    case 'error-indication': {
      const { downlink } = session
      const remote = downlink === null ? [] : [lostTunnel(downlink.to.address, downlink.teid)]
      return [number8(element.reportType, types.errorIndication), group(element.errorIndicationReport, ...remote)]
    }
    case 'deleted':
      return [number8(element.reportType, types.asked), number8(element.srReqFlags, deletedByUserPlane)]
    default:
      return kind satisfies never
  }
}

const lostTunnel = (address: string, teid: number): PfcpElement =>
  bytes(element.fTeid, typedFTeid.write({ kind: 'given', teid, ...families(shortAddressBytes(address)) }))

export const loadOf = (metric: number, sequence: number): PfcpElement =>
  group(element.loadControl, number32(element.sequenceNumber, sequence), number8(element.metric, metric))
