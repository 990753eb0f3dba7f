// Lists of PDU sessions (TS 38.413, 9.4.5), each session with its transfer.

import { containing, integer, list, octetString, optional, sequence, visited } from '../aper/index.ts'
import type { Type } from '../aper/index.ts'
import { cause } from './causes.ts'
import * as transfers from './transfers.ts'
import { sNssai } from './types.ts'

const mostSessions = 256

const sessionId = visited(integer(0, 255), (id, visitor) => {
  visitor.session?.(id)
  return id
})
const sessions = <T>(transfer: Type<T>): Type<unknown> =>
  list(sequence({ id: sessionId, transfer: containing(transfer) }), 1, mostSessions)

const setupRequests = list(
  sequence({ id: sessionId, nas: optional(octetString), sNssai, transfer: containing(transfers.inTransfer) }),
  1,
  mostSessions,
)

/** Lists of PDU sessions: one type for all that have the same kind of transfer. */
export const sessionLists = {
  setupRequests,
  handoverRequests: list(
    sequence({ id: sessionId, sNssai, transfer: containing(transfers.inTransfer) }),
    1,
    mostSessions,
  ),
  setupResponses: sessions(transfers.setupResponse),
  setupFailures: sessions(transfers.failureWithDiagnostics),
  modifyRequests: list(
    sequence({ id: sessionId, nas: optional(octetString), transfer: containing(transfers.inTransfer) }),
    1,
    mostSessions,
  ),
  modifyResponses: sessions(transfers.modifyResponse),
  modifyIndications: sessions(transfers.modifyIndication),
  modifyConfirms: sessions(transfers.modifyConfirm),
  failures: sessions(transfers.failure),
  notifications: sessions(transfers.notify),
  handoverRequired: sessions(transfers.handoverRequired),
  handoverAcknowledges: sessions(transfers.handoverAcknowledge),
  handoverCommands: sessions(transfers.handoverCommand),
  pathSwitches: sessions(transfers.pathSwitch),
  pathSwitchAcknowledges: sessions(transfers.pathSwitchAcknowledge),
  releaseResponses: sessions(transfers.releaseResponse),
  suspendRequests: sessions(transfers.suspendRequest),
  resumes: sessions(transfers.resume),
  causes: list(sequence({ id: sessionId, cause }), 1, mostSessions),
  ids: list(sequence({ id: sessionId }), 1, mostSessions),
} as const
