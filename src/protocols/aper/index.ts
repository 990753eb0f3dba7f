// Aligned PER (X.691) as far as NGAP and S1AP use it: types of a grammar, and the messages that both are made of.

export { applicationProtocol, mapCoreIds, sessionsOf } from './application.ts'
export type { Application, Session } from './application.ts'
export { definitionsOf, find, replace } from './definitions.ts'
export type { Definition, Definitions } from './definitions.ts'
export { identity, nodeName, plmnIdentity, transportLayerAddress, ueId } from './network.ts'
export type { ProcedureMessage } from './procedures.ts'
export {
  bits,
  bitString,
  boundedOctets,
  enumerated,
  integer,
  octetNumber,
  octets,
  octetString,
  text,
} from './scalars.ts'
export {
  choice,
  containing,
  elementSequence,
  extension,
  list,
  optional,
  sequence,
  singleElement,
  visited,
} from './structures.ts'
export type { Tunnel, TunnelRole, Type, ValueOf } from './type.ts'
export { readUeKeys } from './ue-ids.ts'
export type { UeIdForm, UeKeys } from './ue-ids.ts'
