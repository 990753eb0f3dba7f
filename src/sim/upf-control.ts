// What a simulated UPF answers to control planes (TS 29.244, 6.2 and 6.3): associations and sessions, accepted or
// refused with a cause.

import { typedFSeid } from '../protocols/pfcp/index.ts'
import { DecodeError } from '../wire/decode-error.ts'
import { join } from '../wire/fields.ts'
import { families } from './addresses.ts'
import {
  bytes,
  cause,
  element,
  fSeidElement,
  message,
  nodeIdElement,
  number16,
  number32,
  number8,
  numberOf,
  pfcpPort,
  valueOf,
} from './pfcp.ts'
import { nodeOf } from './smf-checks.ts'
import { loadOf } from './upf-reports.ts'
import { Refusal } from './upf-sessions.ts'
import type { PfcpElement, PfcpMessage } from '../protocols/pfcp/index.ts'
import type { Answer } from './pfcp.ts'
import type { Place } from '../sockets/surroundings.ts'
import type { TeidRange } from './upf-pools.ts'
import type { UpfSession, UpfSessions } from './upf-sessions.ts'

interface Association {
  readonly node: string
  readonly place: Place
  recovery: number | null
}

export interface ControlCounts {
  /** requests that were accepted */
  readonly established: number
  readonly modified: number
  readonly deleted: number
  /** requests that were refused, by cause */
  readonly refused: Readonly<Record<string, number>>
  /** sessions that went because their control plane has started again or left */
  readonly dropped: number
}

export interface UpfControlOptions {
  readonly address: Uint8Array
  readonly n3: Uint8Array
  readonly teidRange: TeidRange | null
  readonly features: Uint8Array
  readonly recoveryTimeStamp: () => number
  readonly sessions: UpfSessions
  /** a cause that session establishments are refused with; null: they are accepted */
  readonly refuse: number | null
  /** 0 to 100; null: none is told */
  readonly load: number | null
}

const mostAssociations = 1024

export class UpfControl {
  readonly #options: UpfControlOptions
  readonly #address: Uint8Array
  readonly #sessions: UpfSessions
  readonly #associations = new Map<string, Association>()
  readonly #refused = new Map<string, number>()
  readonly #counts = { established: 0, modified: 0, deleted: 0, dropped: 0 }
  #load: number | null
  #loadSequence = 1

  constructor(options: UpfControlOptions) {
    this.#options = options
    this.#address = options.address
    this.#sessions = options.sessions
    this.#load = options.load
  }

  counts(): ControlCounts {
    return { ...this.#counts, refused: Object.fromEntries(this.#refused) }
  }

  /** By the Node ID of the control plane. */
  get associations(): ReadonlyMap<string, Association> {
    return this.#associations
  }

  addAssociation(association: Association): void {
    this.#associations.set(association.node, association)
  }

  /** In the answers to come; null: none is told. */
  setLoad(load: number | null): void {
    this.#load = load
    this.#loadSequence++
  }

  /** Nothing is left, and nobody is told. */
  forget(): void {
    for (const session of this.#sessions.all()) this.#sessions.remove(session)
    this.#associations.clear()
  }

  answer(request: PfcpMessage, elements: readonly PfcpElement[], from: Place): Answer | null {
    const seid = request.seid === null ? null : 0n
    const type = request.type + 1
    try {
      return this.#perform(request, elements, from)
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof DecodeError)) throw error
      const [causeCode, offending] =
        error instanceof Refusal ? [error.causeCode, error.offendingElement] : [cause.rejected, null]
      this.#refused.set(String(causeCode), (this.#refused.get(String(causeCode)) ?? 0) + 1)
      const cpSeid = this.#sessions.find(request.seid ?? 0n)?.cpSeid ?? cpSeidIn(elements)
      return {
        type,
        seid: seid === null ? null : cpSeid,
        elements: [nodeIdElement(this.#address), ...refusal(causeCode, offending)],
      }
    }
  }

  /** What an association is set up with, either way. */
  aboutUs(): readonly PfcpElement[] {
    const { features, n3, recoveryTimeStamp, teidRange } = this.#options
    const { ipv4, ipv6 } = families(n3)
    const range = teidRange === null ? [] : [teidRange.value]
    const flags = (ipv4 === null ? 0 : 1) | (ipv6 === null ? 0 : 2) | ((teidRange?.bits ?? 0) << 2)
    return [
      nodeIdElement(this.#address),
      number32(element.recoveryTimeStamp, recoveryTimeStamp()),
      bytes(element.upFunctionFeatures, features),
      bytes(element.userPlaneIpResource, join(Uint8Array.of(flags, ...range), n3)),
    ]
  }

  #perform(request: PfcpMessage, elements: readonly PfcpElement[], from: Place): Answer | null {
    switch (request.type) {
      case message.associationSetupRequest:
        return this.#setUp(elements, from)
      case message.associationReleaseRequest:
        return this.#release(elements)
      case message.associationUpdateRequest:
      case message.pfdManagementRequest:
        return this.#accept(request.type, null, [nodeIdElement(this.#address)])
      case message.sessionEstablishmentRequest:
        return this.#establish(elements)
      case message.sessionModificationRequest: {
        const session = this.#known(request.seid)
        const created = this.#sessions.modify(session, elements)
        this.#counts.modified++
        return this.#accept(request.type, session.cpSeid, [...created, ...this.#loadElements()])
      }
      case message.sessionDeletionRequest: {
        const session = this.#known(request.seid)
        this.#sessions.remove(session)
        this.#counts.deleted++
        return this.#accept(request.type, session.cpSeid, this.#loadElements())
      }
      default:
        throw new Refusal(cause.notSupported)
    }
  }

  #accept(request: number, seid: bigint | null, elements: readonly PfcpElement[]): Answer {
    return { type: request + 1, seid, elements: [number8(element.cause, cause.accepted), ...elements] }
  }

  #known(seid: bigint | null): UpfSession {
    const session = this.#sessions.find(seid ?? 0n)
    if (session === undefined) throw new Refusal(cause.sessionContextNotFound)
    return session
  }

  /** A control plane that sets up an association has none any more (TS 29.244, 6.2.6.2.2). */
  #setUp(elements: readonly PfcpElement[], place: Place): Answer {
    const node = nodeOf(elements)
    if (node === null) throw new Refusal(cause.mandatoryMissing, element.nodeId)
    const recovery = numberOf(elements, element.recoveryTimeStamp, 4)
    if (recovery === null) throw new Refusal(cause.mandatoryMissing, element.recoveryTimeStamp)
    this.#drop(node)
    if (this.#associations.size === mostAssociations) throw new Refusal(cause.noResources)
    this.#associations.set(node, { node, place: { address: place.address, port: pfcpPort }, recovery })
    return this.#accept(message.associationSetupRequest, null, this.aboutUs())
  }

  #release(elements: readonly PfcpElement[]): Answer {
    const node = nodeOf(elements)
    if (node === null || !this.#associations.has(node)) throw new Refusal(cause.noAssociation)
    this.#drop(node)
    return this.#accept(message.associationReleaseRequest, null, [nodeIdElement(this.#address)])
  }

  #drop(node: string): void {
    if (!this.#associations.delete(node)) return
    for (const session of this.#sessions.all()) {
      if (session.node !== node) continue
      this.#sessions.remove(session)
      this.#counts.dropped++
    }
  }

  #establish(elements: readonly PfcpElement[]): Answer {
    const node = nodeOf(elements)
    if (node === null) throw new Refusal(cause.mandatoryMissing, element.nodeId)
    if (!this.#associations.has(node)) throw new Refusal(cause.noAssociation)
    if (this.#options.refuse !== null) throw new Refusal(this.#options.refuse)
    const [session, created] = this.#sessions.establish(node, elements)
    this.#counts.established++
    return this.#accept(message.sessionEstablishmentRequest, session.cpSeid, [
      nodeIdElement(this.#address),
      fSeidElement(session.upSeid, this.#address),
      ...created,
      ...this.#loadElements(),
    ])
  }

  #loadElements(): readonly PfcpElement[] {
    return this.#load === null ? [] : [loadOf(this.#load, this.#loadSequence)]
  }
}

const refusal = (causeCode: number, offendingElement: number | null): readonly PfcpElement[] => [
  number8(element.cause, causeCode),
  ...(offendingElement === null ? [] : [number16(element.offendingIe, offendingElement)]),
]

/** Of a request that makes a session; 0: it is none, or does not say. */
function cpSeidIn(elements: readonly PfcpElement[]): bigint {
  const value = valueOf(elements, element.fSeid)
  return value === null ? 0n : typedFSeid.read(value).seid
}
