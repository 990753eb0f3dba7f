// Elements whose types are known (TS 36.413, 9.3.3 and 9.3.4), by their ids. All others are kept as they are.

import { definitionsOf, integer, nodeName, octetNumber, octetString } from '../aper/index.ts'
import type { Definition, Definitions, Type, UeIdForm } from '../aper/index.ts'
import { bearerElements } from './bearer-types.ts'
import { cause } from './causes.ts'
import { elementNames } from './element-names.ts'
import * as types from './types.ts'

const define = <T>(id: number, type: Type<T>): Definition<T> => ({ id, name: elementNames.get(id) ?? `${id}`, type })

/** Elements that the balancing of S1 reads and writes, for `find` and `replace`. */
export const elements = {
  mmeUeS1apId: define(0, types.mmeUeS1apId),
  cause: define(2, cause),
  enbUeS1apId: define(8, types.enbUeS1apId),
  nasPdu: define(26, octetString),
  uePagingId: define(43, types.uePagingId),
  globalEnbId: define(59, types.globalEnbId),
  enbName: define(60, nodeName),
  mmeName: define(61, nodeName),
  supportedTrackingAreas: define(64, types.supportedTrackingAreas),
  timeToWait: define(65, types.timeToWait),
  gummei: define(75, types.gummei),
  relativeCapacity: define(87, integer(0, 255)),
  sourceMmeUeS1apId: define(88, types.mmeUeS1apId),
  resetType: define(92, types.resetType),
  connections: define(93, types.connections),
  sTmsi: define(96, types.sTmsi),
  ueS1apIds: define(99, types.ueS1apIds),
  servedGummeis: define(105, types.servedGummeis),
  gummeis: define(154, types.gummeis),
  sourceMmeGummei: define(157, types.gummei),
  secondMmeUeS1apId: define(158, types.mmeUeS1apId),
} as const

const others = definitionsOf(elementNames, [
  [67, types.tai],
  [100, types.cell],
  [134, types.rrcEstablishmentCause],
  [137, types.pagingDrx],
  [168, cause],
  [223, octetNumber(2)],
  [225, octetString],
])

/** Elements that are the number of a UE and nothing else. */
export const ueIds: ReadonlyMap<number, UeIdForm> = new Map([
  [elements.mmeUeS1apId.id, { side: 'core', mostBytes: 4 }],
  [elements.sourceMmeUeS1apId.id, { side: 'core', mostBytes: 4 }],
  [elements.secondMmeUeS1apId.id, { side: 'core', mostBytes: 4, isOther: true }],
  [elements.enbUeS1apId.id, { side: 'ran', mostBytes: 3 }],
])

const byId = (list: readonly Definition<unknown>[]): Definitions =>
  new Map(list.map((definition) => [definition.id, definition]))

/** Other elements with identities. */
export const identities = byId([
  elements.uePagingId,
  elements.gummei,
  elements.resetType,
  elements.connections,
  elements.sTmsi,
  elements.ueS1apIds,
  elements.servedGummeis,
  elements.gummeis,
  elements.sourceMmeGummei,
])

/** Other elements in which a number may stand that the MME has given a UE. */
export const coreElements = byId([elements.resetType, elements.connections, elements.ueS1apIds])

export const definitions: Definitions = new Map([...byId(Object.values(elements)), ...bearerElements, ...others])
