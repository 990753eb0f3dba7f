// S1AP: the MME and the radio network (TS 36.413, Release 17). A message is an elementary procedure and its elements,
// with their values as they came; what is known of them is read when it is asked for.

import { applicationProtocol, mapCoreIds, readUeKeys, sessionsOf } from '../aper/index.ts'
import type { Application, ProcedureMessage, Session, UeKeys } from '../aper/index.ts'
import type { Protocol } from '../protocol.ts'
import { bearerElements } from './bearer-types.ts'
import { elementNames } from './element-names.ts'
import { coreElements, definitions, elements as known, identities, ueIds } from './elements.ts'
import { codes, procedures } from './procedures.ts'

export { find, replace } from '../aper/index.ts'
export { elements } from './elements.ts'

export type S1apMessage = ProcedureMessage

const { connections, enbUeS1apId, mmeUeS1apId, resetType, secondMmeUeS1apId } = known

const application: Application = {
  procedures,
  privateMessage: codes.privateMessage,
  elementName: (id) => elementNames.get(id) ?? `element ${id}`,
  ueIds,
  identities,
  sessionLists: bearerElements,
  coreElements,
  definitions,
  ueKinds: { core: 'mme-ue', ran: 'enb-ue' },
  learning: {
    mistaken: codes.errorIndication,
    reset: codes.reset,
    release: codes.ueContextRelease,
    added: new Set([mmeUeS1apId.id, secondMmeUeS1apId.id, enbUeS1apId.id]),
    removed: new Set(),
    ended: new Set([mmeUeS1apId.id, enbUeS1apId.id, resetType.id, connections.id]),
  },
}

export const s1ap: Protocol<S1apMessage> = {
  ...applicationProtocol(application),
  name: 's1ap',
  title: 'S1AP (TS 36.413)',
  carriedBy: [{ over: 'sctp', ppid: 18 }],
}

/** The E-RABs of a message with their tunnels: `core` is where uplink goes, `ran` where downlink does. */
export const eRabs = (message: S1apMessage): readonly Session[] => sessionsOf(message, application)

/**
 * The message with other MME-UE-S1AP-IDs, wherever one stands: lengths are as they then must be, all other bytes are
 * the same. RangeError where a number has no room in 32 bits.
 */
export const mapMmeUeS1apIds = (message: S1apMessage, map: (id: number) => number): S1apMessage =>
  mapCoreIds(message, application, map)

/** What most messages are routed by, without decoding them: `core` is the MME's number. Null: decode it. */
export const s1apUeKeys = (bytes: Uint8Array): UeKeys | null => readUeKeys(bytes, ueIds, codes.privateMessage)
