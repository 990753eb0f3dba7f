// Associations with SMFs (TS 29.244, 6.2.6 to 6.2.8): each of them sees one UPF, which is the pool.

import { messageTypes } from '../../protocols/pfcp/index.ts'
import { read32 } from '../../wire/fields.ts'
import { addressesOf } from './claims.ts'
import { cause, element, sessionsRetained } from './elements.ts'
import { dropSessions } from './failure.ts'
import { commonFeatures, poolElements, shownFeatures } from './features.ts'
import { body as join, elementBytes, elementOf } from './messages.ts'
import { makeSmf, pfcpPort } from './peers.ts'
import { onUpfRelease, onUpfSetup, onUpfUpdate } from './pool.ts'
import { valueOf, valuesOf } from './spans.ts'
import { nothing } from './state.ts'
import { nodeIdText, readAddresses } from './values.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { Smf, UpfPeer } from './peers.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'
import type { Exchange } from './transactions.ts'

export function onAssociation(state: N4State, exchange: Exchange, message: PfcpMessage): void {
  const upf = state.upfs.get(exchange.from.address)
  switch (exchange.type) {
    case messageTypes.associationSetupRequest:
      return upf === undefined ? onSetup(state, exchange, message) : onUpfSetup(state, exchange, upf, message)
    case messageTypes.associationUpdateRequest:
      return upf === undefined ? onUpdate(state, exchange, message) : onUpfUpdate(state, exchange, upf, message)
    default:
      return upf === undefined ? onRelease(state, exchange, message) : onUpfRelease(state, exchange, upf)
  }
}

/** The Node ID of a request; null: it has been refused for it. */
function nodeIdOf(state: N4State, exchange: Exchange, body: Uint8Array): string | null {
  const value = valueOf(body, element.nodeId)
  const nodeId = value === null ? null : nodeIdText(value)
  if (nodeId !== null) return nodeId
  const why = value === null ? cause.mandatoryMissing : cause.mandatoryIncorrect
  state.respondCause(exchange, null, why, element.nodeId)
  return null
}

function onSetup(state: N4State, exchange: Exchange, { body }: PfcpMessage): void {
  const nodeId = nodeIdOf(state, exchange, body)
  if (nodeId === null) return
  const recovery = valueOf(body, element.recoveryTimeStamp)
  if (recovery === null) return state.respondCause(exchange, null, cause.mandatoryMissing, element.recoveryTimeStamp)
  if (recovery.length < 4) return state.respondCause(exchange, null, cause.invalidLength, element.recoveryTimeStamp)
  if (valueOf(body, element.upFunctionFeatures) !== null) {
    state.counters.add('upf-of-no-pool')
    return state.respondCause(exchange, null, cause.rejected)
  }
  if (!state.smfs.has(nodeId) && state.smfs.size >= state.limits.smfs)
    return state.respondCause(exchange, null, cause.noResources)
  if (upfsThatAreUp(state).length === 0) return state.respondCause(exchange, null, cause.noResources)
  const description = { recovery: read32(recovery, 0), retains: readRetention(body), ...describe(body) }
  const holder = otherAt(state, exchange, nodeId)
  if (holder !== null) return askFor(state, exchange, holder, () => setUp(state, exchange, nodeId, description))
  setUp(state, exchange, nodeId, description)
}

/** The SMF of another Node ID that has the address which a request is from; null: there is none. */
function otherAt({ smfAt }: N4State, { from }: Exchange, nodeId: string): Smf | null {
  const there = smfAt.get(from.address)
  return there === undefined || there.nodeId === nodeId ? null : there
}

/**
 * Another Node ID at the address of an SMF: this one under a new name, whose sessions are lost, or two that would take
 * the address from each other. The answer to a heartbeat has the time stamp of the one that we know, or it has gone;
 * without an answer it may be there. The sessions of one that lives count for more than the one that wants to come.
 */
function askFor(state: N4State, exchange: Exchange, holder: Smf, gone: () => void): void {
  const { address } = exchange.from
  state.request(
    { address, port: pfcpPort },
    {
      type: messageTypes.heartbeatRequest,
      body: state.identity.recoveryElement,
      awaited: {
        answered({ body }) {
          const recovery = valueOf(body, element.recoveryTimeStamp)
          const isThere = recovery === null || recovery.length < 4 || read32(recovery, 0) === holder.recovery
          if (isThere) refuseAddress(state, exchange)
          else giveUpAddress(state, holder, address, gone)
        },
        failed: () => refuseAddress(state, exchange),
      },
    },
  )
}

function refuseAddress(state: N4State, exchange: Exchange): void {
  state.counters.add('address-of-another-smf')
  state.respondCause(exchange, null, cause.rejected)
}

/** With all of the SMF if its association is there; one that has only named the address stays. */
function giveUpAddress(state: N4State, smf: Smf, address: string, done: () => void): void {
  if (state.smfAt.get(address) !== smf) return done()
  if (smf.place.address === address) {
    state.event({ kind: 'smf-restarted', smf: smf.nodeId, sessions: smf.sessions.size })
    forgetSmf(state, smf)
    return dropSessions(state, [...smf.sessions], done)
  }
  state.smfAt.delete(address)
  smf.addresses.delete(address)
  done()
}

function setUp(state: N4State, exchange: Exchange, nodeId: string, description: SmfDescription): void {
  const before = state.smfs.get(nodeId)
  if (before === undefined) return accept(state, exchange, nodeId, description)
  // It has begun anew: nothing of sessions that it does not retain may be left when it hears the answer.
  const { retains } = description
  const going = [...before.sessions].filter((session) => retains === null || !retains(session))
  state.event({ kind: 'smf-restarted', smf: nodeId, sessions: going.length })
  if (retains === null) forgetSmf(state, before)
  dropSessions(state, going, () => accept(state, exchange, nodeId, description))
}

type Retains = (session: Session) => boolean

/**
 * Sessions that an SMF keeps over its restart (Session Retention Information, 7.4.4.1; TS 23.527, 4.3): all of them, or
 * those that it has at addresses it names. Null: none.
 */
function readRetention(body: Uint8Array): Retains | null {
  const groups = valuesOf(body, element.sessionRetention).map((group) => valuesOf(group, element.cpEntityAddress))
  if (groups.length === 0) return null
  if (groups.some((named) => named.length === 0)) return () => true
  const addresses = new Set(groups.flat().flatMap((value) => addressesOf(readAddresses(value, 1))))
  return ({ smfAddress }) => addresses.has(smfAddress)
}

interface SmfDescription {
  readonly recovery: number
  /** null: no session */
  readonly retains: Retains | null
  readonly setId: string | null
  readonly features: number
  readonly addresses: readonly string[]
  readonly alternatives: readonly string[]
}

/** Addresses that one SMF may name. */
const mostAddresses = 16

function describe(body: Uint8Array): Omit<SmfDescription, 'recovery' | 'retains'> {
  const setId = valueOf(body, element.smfSetId)
  const features = valueOf(body, element.cpFunctionFeatures)
  const at = (type: number): readonly string[] =>
    valuesOf(body, type)
      .slice(0, mostAddresses)
      .flatMap((value) => addressesOf(readAddresses(value, 1)))
  return {
    setId: setId === null ? null : Buffer.from(setId).toString('hex'),
    features: features?.[0] ?? 0,
    addresses: at(element.cpEntityAddress),
    alternatives: at(element.alternativeSmfAddress),
  }
}

const upfsThatAreUp = (state: N4State): readonly UpfPeer[] =>
  [...state.upfs.values()].filter((upf) => upf.state === 'up')

function accept(state: N4State, exchange: Exchange, nodeId: string, description: SmfDescription): void {
  // Somebody else may have been quicker.
  if (otherAt(state, exchange, nodeId) !== null) return refuseAddress(state, exchange)
  const upfs = upfsThatAreUp(state)
  const { retains } = description
  // So may another request of the same node.
  const other = state.smfs.get(nodeId)
  if (other !== undefined && retains === null) {
    dropSessions(state, [...other.sessions], nothing)
    forgetSmf(state, other)
  }
  const promised = state.promised ?? commonFeatures(upfs.map(({ features }) => features))
  const retained = state.smfs.get(nodeId)
  if (promised === null || (retained === undefined && state.smfs.size >= state.limits.smfs))
    return state.respondCause(exchange, null, cause.noResources)
  state.promised = promised
  // Its sessions may be at any address that it had, unless there have been too many.
  if (retained !== undefined && retained.addresses.size > mostAddresses * 2) forgetAddresses(state, retained)
  const smf = retained ?? makeSmf(nodeId, exchange.from, state.nowMs, state.timers.heartbeatMs)
  smf.place = { address: exchange.from.address, port: pfcpPort }
  smf.state = 'up'
  smf.recovery = description.recovery
  smf.setId = description.setId
  smf.features = description.features
  state.smfs.set(nodeId, smf)
  name(state, smf, [exchange.from.address, nodeId, ...description.addresses])
  smf.alternatives = description.alternatives
  state.event({ kind: 'smf-up', smf: nodeId })
  if (retained !== undefined) state.counters.add('sessions-retained', retained.sessions.size)
  const { identity } = state
  state.respond(
    exchange,
    null,
    join(
      state.causeBody(exchange.type, cause.accepted, null),
      identity.recoveryElement,
      poolElements(promised, upfs, identity.n3),
      retained === undefined ? null : elementOf(element.associationResponseFlags, sessionsRetained),
    ),
  )
}

/** Addresses that requests of this SMF may come from; another node keeps those that it has. */
function name(state: N4State, smf: Smf, addresses: readonly string[]): void {
  for (const address of addresses) {
    if (state.upfs.has(address) || state.smfAt.has(address)) continue
    state.smfAt.set(address, smf)
    smf.addresses.add(address)
  }
}

/** The SMF that a request is of: associated, and named as itself; null: it has been refused. */
export function senderOf(state: N4State, exchange: Exchange, body: Uint8Array): Smf | null {
  const nodeId = nodeIdOf(state, exchange, body)
  if (nodeId === null) return null
  const smf = state.smfs.get(nodeId)
  if (smf !== undefined && state.smfAt.get(exchange.from.address) === smf) return smf
  state.respondCause(exchange, null, cause.noAssociation)
  return null
}

function onUpdate(state: N4State, exchange: Exchange, { body }: PfcpMessage): void {
  const smf = senderOf(state, exchange, body)
  if (smf === null) return
  const { addresses, alternatives, features, setId } = describe(body)
  if (valueOf(body, element.cpFunctionFeatures) !== null) smf.features = features
  if (setId !== null) smf.setId = setId
  if (alternatives.length > 0) smf.alternatives = alternatives
  if (smf.addresses.size + addresses.length <= mostAddresses * 2) name(state, smf, addresses)
  state.respond(
    exchange,
    null,
    join(
      state.causeBody(exchange.type, cause.accepted, null),
      elementBytes(element.upFunctionFeatures, shownFeatures(state.promised ?? new Uint8Array())),
    ),
  )
}

/** Its sessions go first, then the association. */
function onRelease(state: N4State, exchange: Exchange, { body }: PfcpMessage): void {
  const smf = senderOf(state, exchange, body)
  if (smf === null) return
  state.event({ kind: 'smf-released', smf: smf.nodeId, sessions: smf.sessions.size })
  dropSessions(state, [...smf.sessions], () => state.respondCause(exchange, null, cause.accepted))
  forgetSmf(state, smf)
}

export function forgetSmf(state: N4State, smf: Smf): void {
  if (state.smfs.get(smf.nodeId) === smf) state.smfs.delete(smf.nodeId)
  forgetAddresses(state, smf)
  if (state.smfs.size === 0) state.promised = null
}

function forgetAddresses(state: N4State, smf: Smf): void {
  for (const address of smf.addresses) if (state.smfAt.get(address) === smf) state.smfAt.delete(address)
  smf.addresses.clear()
}
