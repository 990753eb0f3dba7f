// The nodes in a snapshot: SMFs and UPFs with their associations, and what SMFs have been told of the pool. Few and
// short, so that they are written whole whenever one of them has changed.

import { pfcpPort } from './peers.ts'
import {
  putBytes,
  putFlag,
  putList,
  putOptional,
  putText,
  readBytes,
  readFlag,
  readList,
  readOneOf,
  readOptional,
  readText,
} from './snapshot-bytes.ts'
import { makeSmf, makeUpf } from './peers.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'
import type { Upf } from './model.ts'
import type { LoadReports, Smf, UpfPeer } from './peers.ts'
import type { N4State } from './state.ts'

const smfStates = ['up', 'lost'] as const
/** One that is being associated is down for whoever starts again. */
const upfStates = ['down', 'up', 'refused'] as const

/** Of a time that never comes. */
const latest = 2 ** 48 - 1

/** Milliseconds since 1970, as 6 bytes; the engine's clock begins anew with each process. */
export const putTime = (to: Writer, { epochMs }: N4State, ms: number): void =>
  void to.uint(6, Math.min(Math.max(0, Math.round(epochMs + ms)), latest))

export const readTime = (from: Reader, { epochMs }: N4State): number => from.uint(6) - epochMs

export function putNodes(to: Writer, state: N4State): void {
  putOptional(to, state.promised, putBytes)
  putList(to, [...state.smfs.values()], (_, smf) => putSmf(to, state, smf))
  putList(to, [...state.upfs.values()], (_, upf) => putUpf(to, state, upf))
}

export function readNodes(from: Reader, state: N4State): void {
  state.promised = readOptional(from, readBytes)
  for (const smf of readList(from, () => readSmf(from, state))) {
    state.smfs.set(smf.nodeId, smf)
    for (const address of smf.addresses) state.smfAt.set(address, smf)
  }
  for (const upf of readList(from, () => readUpf(from, state))) state.upfs.set(upf.config.address, upf)
}

function putSmf(to: Writer, state: N4State, smf: Smf): void {
  putText(to, smf.nodeId)
  putText(to, smf.place.address)
  putList(to, [...smf.addresses], putText)
  putList(to, smf.alternatives, putText)
  putOptional(to, smf.setId, putText)
  to.u32(smf.recovery).u8(smf.features).u8(smfStates.indexOf(smf.state))
  putTime(to, state, smf.lostAtMs)
}

/** Its next heartbeat is due at once, which finds out whether it is the one that it was. */
function readSmf(from: Reader, state: N4State): Smf {
  const nodeId = readText(from)
  const smf = makeSmf(nodeId, { address: readText(from), port: pfcpPort }, 0, 0)
  for (const address of readList(from, readText)) smf.addresses.add(address)
  smf.alternatives = readList(from, readText)
  smf.setId = readOptional(from, readText)
  smf.recovery = from.u32()
  smf.features = from.u8()
  smf.state = readOneOf(from, smfStates)
  smf.lostAtMs = readTime(from, state)
  return smf
}

function putUpf(to: Writer, state: N4State, upf: UpfPeer): void {
  to.u16(upf.index)
  putConfig(to, upf.config)
  to.u8(upf.state === 'associating' ? 0 : upfStates.indexOf(upf.state))
  putOptional(to, upf.recovery, (_, recovery) => to.u32(recovery))
  putBytes(to, upf.features)
  putList(to, upf.resources, putBytes)
  putList(to, upf.pools, putBytes)
  putOptional(to, upf.drainUntilMs, (_, ms) => putTime(to, state, ms))
  putFlag(to, upf.removed)
  putReports(to, state, upf.reports)
}

function readUpf(from: Reader, state: N4State): UpfPeer {
  const index = from.u16()
  const upf = makeUpf(index, readConfig(from))
  upf.state = readOneOf(from, upfStates)
  upf.recovery = readOptional(from, () => from.u32())
  upf.features = readBytes(from)
  upf.resources = readList(from, readBytes)
  upf.pools = readList(from, readBytes)
  upf.drainUntilMs = readOptional(from, () => readTime(from, state))
  upf.removed = readFlag(from)
  readReports(from, state, upf.reports)
  return upf
}

/** As it was, for one that has left the configuration meanwhile. */
function putConfig(to: Writer, config: Upf): void {
  putText(to, config.name)
  putText(to, config.address)
  to.u32(config.weight)
  putFlag(to, config.drained)
  for (const list of listsOf(config)) putList(to, list, putText)
}

const listsOf = ({
  dataNetwork,
  dnns,
  networkInstances,
  slices,
  uePools,
  userPlane,
}: Upf): readonly (readonly string[])[] => [userPlane, dataNetwork, dnns, networkInstances, slices, uePools]

const readConfig = (from: Reader): Upf => ({
  name: readText(from),
  address: readText(from),
  weight: from.u32(),
  drained: readFlag(from),
  userPlane: readList(from, readText),
  dataNetwork: readList(from, readText),
  dnns: readList(from, readText),
  networkInstances: readList(from, readText),
  slices: readList(from, readText),
  uePools: readList(from, readText),
})

/** Sequence numbers begin at -1. */
function putReports(to: Writer, state: N4State, reports: LoadReports): void {
  const { load, loadSequence, overloadSequence, reduction, reductionUntilMs } = reports
  to.uint(5, loadSequence + 1).uint(5, overloadSequence + 1)
  putOptional(to, load, (_, percent) => to.u8(percent))
  to.u8(reduction)
  putTime(to, state, reductionUntilMs)
}

function readReports(from: Reader, state: N4State, reports: LoadReports): void {
  reports.loadSequence = from.uint(5) - 1
  reports.overloadSequence = from.uint(5) - 1
  reports.load = readOptional(from, () => from.u8())
  reports.reduction = from.u8()
  reports.reductionUntilMs = readTime(from, state)
}
