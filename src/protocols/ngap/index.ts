// NGAP: the AMF and the radio network (TS 38.413, Release 18). A message is an elementary procedure and its elements,
// with their values as they came; what is known of them is read when it is asked for.

import { applicationProtocol, mapCoreIds, readUeKeys, sessionsOf } from '../aper/index.ts'
import type { Application, ProcedureMessage, Session, UeKeys } from '../aper/index.ts'
import type { Protocol } from '../protocol.ts'
import { elementNames } from './element-names.ts'
import { coreElements, definitions, elements as known, identities, sessionElements, ueIds } from './elements.ts'
import { codes, procedures } from './procedures.ts'

export { find, replace } from '../aper/index.ts'
export { elements } from './elements.ts'

export type NgapMessage = ProcedureMessage

const { amfUeNgapId, connections, newAmfUeNgapId, ranUeNgapId, resetType, servedGuamis, unavailableGuamis } = known

const application: Application = {
  procedures,
  privateMessage: codes.privateMessage,
  elementName: (id) => elementNames.get(id) ?? `element ${id}`,
  ueIds,
  identities,
  sessionLists: sessionElements,
  coreElements,
  definitions,
  ueKinds: { core: 'amf-ue', ran: 'ran-ue' },
  learning: {
    mistaken: codes.errorIndication,
    reset: codes.ngReset,
    release: codes.ueContextRelease,
    added: new Set([amfUeNgapId.id, newAmfUeNgapId.id, ranUeNgapId.id, servedGuamis.id]),
    removed: new Set([unavailableGuamis.id]),
    ended: new Set([amfUeNgapId.id, ranUeNgapId.id, resetType.id, connections.id]),
  },
}

export const ngap: Protocol<NgapMessage> = {
  ...applicationProtocol(application),
  name: 'ngap',
  title: 'NGAP (TS 38.413)',
  carriedBy: [{ over: 'sctp', ppid: 60 }],
}

/** The PDU sessions of a message with their tunnels and QoS flows: uplink goes to `core`, downlink to `ran`. */
export const pduSessions = (message: NgapMessage): readonly Session[] => sessionsOf(message, application)

/**
 * The message with other AMF-UE-NGAP-IDs, wherever one stands: lengths are as they then must be, all other bytes are
 * the same. RangeError where a number has no room in 40 bits.
 */
export const mapAmfUeNgapIds = (message: NgapMessage, map: (id: number) => number): NgapMessage =>
  mapCoreIds(message, application, map)

/** What most messages are routed by, without decoding them: `core` is the AMF's number. Null: decode it. */
export const ngapUeKeys = (bytes: Uint8Array): UeKeys | null => readUeKeys(bytes, ueIds, codes.privateMessage)
