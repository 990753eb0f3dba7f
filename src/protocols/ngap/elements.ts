// Elements whose types are known (TS 38.413, 9.4.4 and 9.4.5), by their ids. All others are kept as they are.

import { definitionsOf, nodeName, octetString, plmnIdentity } from '../aper/index.ts'
import type { Definition, Definitions, Type, UeIdForm } from '../aper/index.ts'
import { cause } from './causes.ts'
import { elementNames } from './element-names.ts'
import { sessionLists } from './session-types.ts'
import * as types from './types.ts'

const define = <T>(id: number, type: Type<T>): Definition<T> => ({ id, name: elementNames.get(id) ?? `${id}`, type })

/** Elements that the balancing of N2 reads and writes, for `find` and `replace`. */
export const elements = {
  amfName: define(1, nodeName),
  amfSetId: define(3, types.amfSetId),
  associationsFailed: define(4, types.associationsFailed),
  associationsSetUp: define(5, types.associationsSetUp),
  associationsToAdd: define(6, types.associationsToAdd),
  associationsToRemove: define(7, types.associationsToRemove),
  associationsToUpdate: define(8, types.associationsToUpdate),
  loadReduction: define(9, types.loadReduction),
  amfUeNgapId: define(10, types.amfUeNgapId),
  cause: define(15, cause),
  fiveGSTmsi: define(26, types.fiveGSTmsi),
  globalRanNodeId: define(27, types.globalRanNodeId),
  guami: define(28, types.guami),
  nasPdu: define(38, octetString),
  newAmfUeNgapId: define(40, types.amfUeNgapId),
  ngapMessage: define(42, octetString),
  overloadResponse: define(2, types.overloadResponse),
  overloadedSlices: define(49, types.overloadedSlices),
  plmnSupport: define(80, types.plmnSupport),
  ranNodeName: define(82, nodeName),
  ranUeNgapId: define(85, types.ranUeNgapId),
  relativeCapacity: define(86, types.relativeCapacity),
  resetType: define(88, types.resetType),
  routingId: define(89, octetString),
  servedGuamis: define(96, types.servedGuamis),
  sourceAmfUeNgapId: define(100, types.amfUeNgapId),
  supportedTrackingAreas: define(102, types.supportedTrackingAreas),
  timeToWait: define(107, types.timeToWait),
  connections: define(111, types.connections),
  ueNgapIds: define(114, types.ueNgapIds),
  uePagingIdentity: define(115, types.uePagingIdentity),
  unavailableGuamis: define(120, types.unavailableGuamis),
  ueRetention: define(147, types.uesRetained),
  newGuami: define(162, types.guami),
} as const

/** Lists of PDU sessions. */
export const sessionElements = definitionsOf(elementNames, [
  [53, sessionLists.handoverAcknowledges],
  [54, sessionLists.setupFailures],
  [55, sessionLists.setupFailures],
  [56, sessionLists.setupFailures],
  [57, sessionLists.failures],
  [58, sessionLists.setupFailures],
  [59, sessionLists.handoverCommands],
  [60, sessionLists.ids],
  [61, sessionLists.handoverRequired],
  [62, sessionLists.modifyConfirms],
  [63, sessionLists.modifyIndications],
  [64, sessionLists.modifyRequests],
  [65, sessionLists.modifyResponses],
  [66, sessionLists.notifications],
  [67, sessionLists.failures],
  [68, sessionLists.failures],
  [69, sessionLists.failures],
  [70, sessionLists.releaseResponses],
  [71, sessionLists.setupRequests],
  [72, sessionLists.setupResponses],
  [73, sessionLists.handoverRequests],
  [74, sessionLists.setupRequests],
  [75, sessionLists.setupResponses],
  [76, sessionLists.pathSwitches],
  [77, sessionLists.pathSwitchAcknowledges],
  [78, sessionLists.failures],
  [79, sessionLists.failures],
  [131, sessionLists.failures],
  [132, sessionLists.setupFailures],
  [133, sessionLists.ids],
  [229, sessionLists.causes],
  [230, sessionLists.causes],
  [231, sessionLists.suspendRequests],
  [232, sessionLists.resumes],
  [233, sessionLists.resumes],
])

const others = definitionsOf(elementNames, [
  [0, types.allowedNssai],
  [19, types.criticalityDiagnostics],
  [21, types.pagingDrx],
  [48, nodeName],
  [90, types.rrcEstablishmentCause],
  [103, types.taisForPaging],
  [112, types.requested],
  [121, types.userLocation],
  [148, types.sNssai],
  [167, types.ranAssociationsToRemove],
  [171, types.reroutedInformation],
  [174, plmnIdentity],
  [213, types.tai],
  [273, types.extendedName],
  [274, types.extendedName],
])

/** Elements that are the number of a UE and nothing else. */
export const ueIds: ReadonlyMap<number, UeIdForm> = new Map([
  [elements.amfUeNgapId.id, { side: 'core', mostBytes: 5 }],
  [elements.sourceAmfUeNgapId.id, { side: 'core', mostBytes: 5 }],
  [elements.newAmfUeNgapId.id, { side: 'core', mostBytes: 5, isOther: true }],
  [elements.ranUeNgapId.id, { side: 'ran', mostBytes: 4 }],
])

const byId = (list: readonly Definition<unknown>[]): Definitions =>
  new Map(list.map((definition) => [definition.id, definition]))

/** Other elements with identities. */
export const identities = byId([
  elements.fiveGSTmsi,
  elements.guami,
  elements.newGuami,
  elements.resetType,
  elements.connections,
  elements.servedGuamis,
  elements.unavailableGuamis,
  elements.ueNgapIds,
  elements.uePagingIdentity,
])

/** Other elements in which a number may stand that the AMF has given a UE. */
export const coreElements = byId([elements.resetType, elements.connections, elements.ueNgapIds])

export const definitions: Definitions = new Map([...byId(Object.values(elements)), ...sessionElements, ...others])
