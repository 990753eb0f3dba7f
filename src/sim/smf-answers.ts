// What a simulated SMF answers to the requests of a user plane: reports of sessions, and what is about the association.

import { cause, element, message, nodeIdElement, number32, number8, numberOf } from './pfcp.ts'
import type { PfcpElement, PfcpMessage } from '../protocols/pfcp/index.ts'
import type { Answer } from './pfcp.ts'

export interface ReportCounts {
  /** usage reports */
  readonly usage: number
  /** of packets that wait for a UE */
  readonly downlinkData: number
  readonly errorIndication: number
  /** sessions that the user plane has deleted */
  readonly deleted: number
  readonly others: number
  /** of sessions that the SMF does not know */
  readonly unknownSession: number
  /** the user plane asks to be left (Association Update with a Release Request) */
  readonly releaseRequests: number
  readonly nodeReports: number
}

export interface SmfAnswersOptions {
  readonly node: Uint8Array
  readonly recoveryTimeStamp: number
  /** null: there is no such session */
  readonly upSeidOf: (cpSeid: bigint) => bigint | null
  /** The user plane has deleted it. */
  readonly deleted: (cpSeid: bigint) => void
  readonly peerRestarted: (recoveryTimeStamp: number) => void
}

const reportTypes = { downlinkData: 1, usage: 2, errorIndication: 4 } as const
const deletedByUserPlane = 1

export class SmfAnswers {
  readonly #options: SmfAnswersOptions
  readonly #counts = {
    usage: 0,
    downlinkData: 0,
    errorIndication: 0,
    deleted: 0,
    others: 0,
    unknownSession: 0,
    releaseRequests: 0,
    nodeReports: 0,
  }

  constructor(options: SmfAnswersOptions) {
    this.#options = options
  }

  counts(): ReportCounts {
    return { ...this.#counts }
  }

  to(request: PfcpMessage, elements: readonly PfcpElement[]): Answer | null {
    switch (request.type) {
      case message.sessionReportRequest:
        return this.#toReport(request.seid ?? 0n, elements)
      case message.associationUpdateRequest:
        if (numberOf(elements, element.associationReleaseRequest, 1) !== null) this.#counts.releaseRequests++
        return this.#toNode(request.type, cause.accepted)
      case message.nodeReportRequest:
        this.#counts.nodeReports++
        return this.#toNode(request.type, cause.accepted)
      case message.associationSetupRequest: {
        const recovery = numberOf(elements, element.recoveryTimeStamp, 4)
        if (recovery !== null) this.#options.peerRestarted(recovery)
        const accepted = this.#toNode(request.type, cause.accepted)
        const own = number32(element.recoveryTimeStamp, this.#options.recoveryTimeStamp)
        return { ...accepted, elements: [...accepted.elements, own] }
      }
      case message.associationReleaseRequest:
        return this.#toNode(request.type, cause.accepted)
      default:
        return request.seid === null ? this.#toNode(request.type, cause.notSupported) : null
    }
  }

  #toNode(request: number, causeCode: number): Answer {
    const elements = [nodeIdElement(this.#options.node), number8(element.cause, causeCode)]
    return { type: request + 1, seid: null, elements }
  }

  #toReport(cpSeid: bigint, elements: readonly PfcpElement[]): Answer {
    const upSeid = this.#options.upSeidOf(cpSeid)
    const isKnown = upSeid !== null
    if (isKnown) this.#count(cpSeid, elements)
    else this.#counts.unknownSession++
    return {
      type: message.sessionReportRequest + 1,
      seid: upSeid ?? 0n,
      elements: [number8(element.cause, isKnown ? cause.accepted : cause.sessionContextNotFound)],
    }
  }

  #count(cpSeid: bigint, elements: readonly PfcpElement[]): void {
    const type = numberOf(elements, element.reportType, 1) ?? 0
    const flags = numberOf(elements, element.srReqFlags, 1) ?? 0
    if ((type & reportTypes.usage) !== 0) this.#counts.usage++
    if ((type & reportTypes.downlinkData) !== 0) this.#counts.downlinkData++
    if ((type & reportTypes.errorIndication) !== 0) this.#counts.errorIndication++
    if ((flags & deletedByUserPlane) !== 0) {
      this.#counts.deleted++
      this.#options.deleted(cpSeid)
    } else if ((type & 7) === 0) {
      this.#counts.others++
    }
  }
}
