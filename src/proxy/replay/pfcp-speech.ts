// PFCP (TS 29.244) as recorded peers speak it.

import { messageTypes, pfcp, splitPfcp, typedFSeid } from '../../protocols/pfcp/index.ts'
import { copyOf, join } from '../../wire/fields.ts'
import { canonicalAddress } from '../../wire/ip.ts'
import { cause, element, isAccepted } from '../n4/elements.ts'
import { elementBytes, elementOf } from '../n4/messages.ts'
import { valueOf, valuesOf } from '../n4/spans.ts'
import { wireBytes } from '../n4/values.ts'
import { pfcpPort } from '../n4/peers.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import { statedCause } from './speech.ts'
import type { Message, PeerFacts, Speech, StandIn } from './speech.ts'

const responses = new Set<number>(
  Object.entries(messageTypes).flatMap(([name, type]) => (name.endsWith('Response') ? [type] : [])),
)
const firstSessionType = messageTypes.sessionEstablishmentRequest
/** Sequence numbers of peers of a capture begin anywhere; the last one is hardly one of them. */
const lastSequence = 0xff_ffff

const known = new Set<number>(Object.values(messageTypes))

const rawOf = ({ raw }: Message): PfcpMessage => raw as PfcpMessage
const bodyOf = (message: Message): Uint8Array => rawOf(message).body

function roleOf(type: number): Message['role'] {
  if (type === messageTypes.versionNotSupportedResponse || !known.has(type)) return 'other'
  return responses.has(type) ? 'response' : 'request'
}

const associations = new Set<number>([messageTypes.associationSetupRequest, messageTypes.associationSetupResponse])
/** What a UPF says of itself, beside its name and its time stamp. */
const descriptive = [element.upFunctionFeatures, element.userPlaneIpResource, element.poolInformation]

/** The time stamp of a Heartbeat Request is not believed here either: some SMFs put the time of day there. */
function factsOf(message: Message): PeerFacts | null {
  if (message.type === messageTypes.heartbeatRequest) return null
  const body = bodyOf(message)
  const recovery = valueOf(body, element.recoveryTimeStamp)
  if (recovery === null || recovery.length < 4) return null
  const description = associations.has(message.type)
    ? join(...descriptive.flatMap((type) => valuesOf(body, type).map((value) => elementBytes(type, value))))
    : null
  return { recovery: copyOf(recovery), description }
}

const recoveryOf = ({ recovery }: PeerFacts): Uint8Array =>
  elementBytes(element.recoveryTimeStamp, recovery ?? Uint8Array.of(0, 0, 0, 1))

function nodeIdOf(address: string): Uint8Array {
  const bytes = wireBytes(address)
  return elementBytes(element.nodeId, join(Uint8Array.of(bytes.length === 4 ? 0 : 1), bytes))
}

const written = (type: number, seid: bigint | null, sequence: number, body: Uint8Array): Uint8Array =>
  pfcp.encode({ type, seid, sequence, priority: null, followOn: false, spare: 0, body })

function standIn({ sequence, type }: Message, { address, facts, session }: StandIn): Uint8Array | null {
  const accepted = elementOf(element.cause, cause.accepted)
  const answer = (seid: bigint | null, ...elements: readonly Uint8Array[]): Uint8Array =>
    written(type + 1, seid, sequence, join(...elements))
  switch (type) {
    case messageTypes.heartbeatRequest:
      return answer(null, recoveryOf(facts))
    case messageTypes.associationSetupRequest:
      return answer(null, nodeIdOf(address), accepted, recoveryOf(facts), facts.description ?? new Uint8Array())
    case messageTypes.pfdManagementRequest:
      return answer(null, accepted)
    case messageTypes.associationUpdateRequest:
    case messageTypes.associationReleaseRequest:
    case messageTypes.nodeReportRequest:
    case messageTypes.sessionSetDeletionRequest:
    case messageTypes.sessionSetModificationRequest:
      return answer(null, nodeIdOf(address), accepted)
    case messageTypes.sessionDeletionRequest:
    case messageTypes.sessionReportRequest:
      return answer(session, accepted)
    default:
      return null
  }
}

export const pfcpSpeech: Speech = {
  port: pfcpPort,
  split: splitPfcp,
  read(bytes) {
    const raw = pfcp.decode(bytes)
    const { seid, sequence, type } = raw
    return { type, name: pfcp.nameOf!(raw), role: roleOf(type), sequence, session: seid, raw }
  },
  adapted(message, { names, sequence, session }) {
    const raw = pfcp.translate!(rawOf(message), names)
    // Bundled messages are given one by one.
    return pfcp.encode({ ...raw, seid: session, sequence, followOn: false })
  },
  ownIdentifier(message) {
    const value = valueOf(bodyOf(message), element.fSeid)
    return value === null ? null : typedFSeid.read(value).seid
  },
  cause(message) {
    const value = valueOf(bodyOf(message), element.cause)?.[0]
    if (value === undefined) return null
    return { text: statedCause(pfcp.describe(rawOf(message)).fields, value), isAccepted: isAccepted(value) }
  },
  makesSession: (type) => type === messageTypes.sessionEstablishmentRequest,
  isPathCheck: (type) => type === messageTypes.heartbeatRequest,
  standIn,
  introduction(message, from, facts) {
    if (message.role !== 'request' || message.type < firstSessionType) return null
    const value = valueOf(bodyOf(message), element.nodeId)
    const nodeId = value === null ? nodeIdOf(canonicalAddress(from) ?? from) : elementBytes(element.nodeId, value)
    return written(messageTypes.associationSetupRequest, null, lastSequence, join(nodeId, recoveryOf(facts)))
  },
  isIntroduction: ({ type }) => type === messageTypes.associationSetupRequest,
  facts: factsOf,
}
