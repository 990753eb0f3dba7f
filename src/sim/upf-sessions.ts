// The sessions of a simulated UPF: rules as far as tunnels and addresses go (TS 29.244, 7.5.2 to 7.5.7). What rules
// say besides, of filters, rates and usage, is accepted and not obeyed.

import { typedFSeid, typedFTeid, typedUeIpAddress } from '../protocols/pfcp/index.ts'
import { copyOf } from '../wire/fields.ts'
import { families, textOf } from './addresses.ts'
import {
  bytes,
  cause,
  element,
  familyToChoose,
  group,
  groupsOf,
  number16,
  number8,
  numberOf,
  pfcpPort,
  readTunnelHeader,
  valueOf,
} from './pfcp.ts'
import type { PfcpElement } from '../protocols/pfcp/index.ts'
import type { Place } from '../sockets/surroundings.ts'
import type { Teids, UeAddresses } from './upf-pools.ts'

/** Where a session's downlink goes. */
export interface Downlink {
  readonly to: Place
  readonly teid: number
}

export interface Tunnel {
  readonly teid: number
  readonly session: UpfSession
  packets: number
}

export interface UpfSession {
  readonly upSeid: bigint
  /** of whom it is: the text of the control plane's Node ID */
  readonly node: string
  cpSeid: bigint
  /** where reports about it go */
  cp: Place
  /** uplink TEIDs by PDR, and by Traffic Endpoint */
  readonly pdrs: Map<number, number | null>
  readonly endpoints: Map<number, number | null>
  readonly fars: Map<number, Downlink | null>
  /** TEIDs by CHOOSE ID */
  readonly chosen: Map<number, number>
  /** of the UE; null: no rule names it */
  ue: Uint8Array | null
  /** Its place in the pool; null: the control plane has given it. */
  ueIndex: number | null
  downlink: Downlink | null
}

/** Why a request is refused: a cause, and the element that is missing. */
export class Refusal extends Error {
  readonly causeCode: number
  readonly offendingElement: number | null

  constructor(causeCode: number, offendingElement: number | null = null) {
    super(`refused with cause ${causeCode}`)
    this.name = 'Refusal'
    this.causeCode = causeCode
    this.offendingElement = offendingElement
  }
}

export interface UpfSessionsOptions {
  /** of tunnels: the UPF's own, text and bytes */
  readonly n3: Uint8Array
  readonly teids: Teids<Tunnel>
  readonly ues: UeAddresses | null
  readonly firstSeid: bigint
  readonly gtpuPort: number
  /** The tunnel has been left for another one, and the control plane wants its end marked. */
  readonly left: (downlink: Downlink) => void
}

const sendEndMarkers = 2
const mostSessions = 2 ** 22
/** Beyond it they are forgotten, and made again. */
const mostPlaces = 65_536

/** Where a list of rules stands, and how what is made of it is answered. */
interface RuleKind {
  readonly create: number
  readonly created: number
  readonly id: number
  readonly idBytes: 1 | 2
}
const pdrRule: RuleKind = { create: element.createPdr, created: element.createdPdr, id: element.pdrId, idBytes: 2 }
const endpointRule: RuleKind = {
  create: element.createTrafficEndpoint,
  created: element.createdTrafficEndpoint,
  id: element.trafficEndpointId,
  idBytes: 1,
}

export class UpfSessions {
  readonly #options: UpfSessionsOptions
  readonly #sessions = new Map<bigint, UpfSession>()
  /** Places are the same object for the same text, so that sockets know them again. */
  readonly #places = new Map<string, Place>()
  #nextSeid: bigint

  constructor(options: UpfSessionsOptions) {
    this.#options = options
    this.#nextSeid = options.firstSeid
  }

  get count(): number {
    return this.#sessions.size
  }

  find(upSeid: bigint): UpfSession | undefined {
    return this.#sessions.get(upSeid)
  }

  all(): IterableIterator<UpfSession> {
    return this.#sessions.values()
  }

  /** The session, and what the answer says of its rules. Throws Refusal, and then nothing has changed. */
  establish(node: string, elements: readonly PfcpElement[]): readonly [UpfSession, readonly PfcpElement[]] {
    const cpFSeid = valueOf(elements, element.fSeid)
    if (cpFSeid === null) throw new Refusal(cause.mandatoryMissing, element.fSeid)
    for (const needed of [element.createPdr, element.createFar])
      if (groupsOf(elements, needed).length === 0) throw new Refusal(cause.mandatoryMissing, needed)
    if (this.#sessions.size === mostSessions) throw new Refusal(cause.noResources)
    const session: UpfSession = {
      upSeid: this.#newSeid(),
      node,
      ...this.#cpOf(cpFSeid),
      pdrs: new Map(),
      endpoints: new Map(),
      fars: new Map(),
      chosen: new Map(),
      ue: null,
      ueIndex: null,
      downlink: null,
    }
    try {
      const created = this.#create(session, elements)
      this.#sessions.set(session.upSeid, session)
      return [session, created]
    } catch (error) {
      this.#giveBack(session)
      throw error
    }
  }

  /** What the answer says of rules that are new. Throws Refusal; rules before the one that is refused have changed. */
  modify(session: UpfSession, elements: readonly PfcpElement[]): readonly PfcpElement[] {
    const cpFSeid = valueOf(elements, element.fSeid)
    if (cpFSeid !== null) Object.assign(session, this.#cpOf(cpFSeid))
    for (const removed of groupsOf(elements, element.removePdr)) {
      const id = needed(removed, element.pdrId, 2)
      if (!session.pdrs.has(id)) throw new Refusal(cause.ruleFailure)
      const teid = session.pdrs.get(id) ?? null
      session.pdrs.delete(id)
      if (teid !== null && ![...session.pdrs.values()].includes(teid)) this.#freeTeid(session, teid)
    }
    for (const removed of groupsOf(elements, element.removeFar))
      if (!session.fars.delete(needed(removed, element.farId, 4))) throw new Refusal(cause.ruleFailure)
    const created = this.#create(session, elements)
    for (const updated of groupsOf(elements, element.updateFar)) this.#updateFar(session, updated)
    return created
  }

  remove(session: UpfSession): void {
    if (this.#sessions.delete(session.upSeid)) this.#giveBack(session)
  }

  #newSeid(): bigint {
    while (this.#sessions.has(this.#nextSeid) || this.#nextSeid === 0n)
      this.#nextSeid = BigInt.asUintN(64, this.#nextSeid + 1n)
    const seid = this.#nextSeid
    this.#nextSeid = BigInt.asUintN(64, seid + 1n)
    return seid
  }

  #cpOf(fSeid: Uint8Array): Pick<UpfSession, 'cp' | 'cpSeid'> {
    const { ipv4, ipv6, seid } = typedFSeid.read(fSeid)
    const address = ipv4 ?? ipv6
    if (address === null) throw new Refusal(cause.mandatoryMissing, element.fSeid)
    return { cpSeid: seid, cp: this.#place(textOf(address), pfcpPort) }
  }

  #place(address: string, port: number): Place {
    const key = `${address} ${port}`
    const known = this.#places.get(key)
    if (known !== undefined) return known
    if (this.#places.size === mostPlaces) this.#places.clear()
    const place = { address, port }
    this.#places.set(key, place)
    return place
  }

  #create(session: UpfSession, elements: readonly PfcpElement[]): readonly PfcpElement[] {
    const created = [
      ...this.#createTunnels(session, elements, endpointRule),
      ...this.#createTunnels(session, elements, pdrRule),
    ]
    for (const far of groupsOf(elements, element.createFar)) {
      const id = needed(far, element.farId, 4)
      session.fars.set(id, this.#downlinkOf(groupsOf(far, element.forwardingParameters)[0] ?? []))
    }
    setDownlink(session)
    return created
  }

  #createTunnels(session: UpfSession, elements: readonly PfcpElement[], kind: RuleKind): readonly PfcpElement[] {
    return groupsOf(elements, kind.create).flatMap((rule) => {
      const id = needed(rule, kind.id, kind.idBytes)
      const parts = kind === pdrRule ? groupsOf(rule, element.pdi)[0] : rule
      if (parts === undefined) throw new Refusal(cause.mandatoryMissing, element.pdi)
      const teid = this.#tunnelFor(session, parts)
      const rules = kind === pdrRule ? session.pdrs : session.endpoints
      rules.set(id, teid?.teid ?? null)
      const ue = this.#ueFor(session, parts)
      const told = [...(teid?.isChosen === true ? [this.#fTeidOf(teid.teid)] : []), ...(ue === null ? [] : [ue])]
      const idElement = kind.idBytes === 1 ? number8(kind.id, id) : number16(kind.id, id)
      return told.length === 0 ? [] : [group(kind.created, idElement, ...told)]
    })
  }

  #fTeidOf(teid: number): PfcpElement {
    return bytes(element.fTeid, typedFTeid.write({ kind: 'given', teid, ...families(this.#options.n3) }))
  }

  #tunnelFor(
    session: UpfSession,
    parts: readonly PfcpElement[],
  ): { readonly teid: number; readonly isChosen: boolean } | null {
    const value = valueOf(parts, element.fTeid)
    if (value === null) return null
    const wanted = typedFTeid.read(value)
    const { teids } = this.#options
    if (wanted.kind === 'given') {
      const held = teids.holderOf(wanted.teid)?.session === session
      if (!held && !teids.take(wanted.teid, { teid: wanted.teid, session, packets: 0 }))
        throw new Refusal(cause.ruleFailure)
      return { teid: wanted.teid, isChosen: false }
    }
    const known = wanted.chooseId === null ? undefined : session.chosen.get(wanted.chooseId)
    if (known !== undefined) return { teid: known, isChosen: true }
    const teid = this.#newTeid(session)
    if (wanted.chooseId !== null) session.chosen.set(wanted.chooseId, teid)
    return { teid, isChosen: true }
  }

  #newTeid(session: UpfSession): number {
    const tunnel = { teid: 0, session, packets: 0 }
    const teid = this.#options.teids.give(tunnel)
    if (teid === null) throw new Refusal(cause.noResources)
    tunnel.teid = teid
    return teid
  }

  /** What is told of the UE's address, if the UPF is to choose it: the same one for all rules of a session. */
  #ueFor(session: UpfSession, parts: readonly PfcpElement[]): PfcpElement | null {
    const value = valueOf(parts, element.ueIpAddress)
    if (value === null) return null
    const family = familyToChoose(value)
    const { ipv4, ipv6, isDestination } = typedUeIpAddress.read(value)
    if (family === null) {
      const given = ipv4 ?? ipv6
      if (given !== null) session.ue = copyOf(given)
      return null
    }
    const { ues } = this.#options
    if (ues === null || ues.isIpv6 !== (family === 6)) throw new Refusal(cause.noResources)
    if (session.ueIndex === null) {
      const given = ues.give()
      if (given === null) throw new Refusal(cause.addressesOccupied)
      session.ueIndex = given.index
      session.ue = given.address
    }
    const address = session.ue!
    return bytes(element.ueIpAddress, typedUeIpAddress.write({ isDestination, ...families(address) }))
  }

  #downlinkOf(parameters: readonly PfcpElement[]): Downlink | null {
    const value = valueOf(parameters, element.outerHeaderCreation)
    const header = value === null ? null : readTunnelHeader(value)
    if (header === null) return null
    return { teid: header.teid, to: this.#place(textOf(header.address), this.#options.gtpuPort) }
  }

  #updateFar(session: UpfSession, updated: readonly PfcpElement[]): void {
    const id = needed(updated, element.farId, 4)
    const before = session.fars.get(id)
    if (before === undefined) throw new Refusal(cause.ruleFailure)
    const [parameters] = groupsOf(updated, element.updateForwardingParameters)
    const after = parameters === undefined ? null : this.#downlinkOf(parameters)
    if (parameters === undefined || after === null) return
    session.fars.set(id, after)
    setDownlink(session)
    const flags = numberOf(parameters, element.smReqFlags, 1) ?? 0
    if (before !== null && (flags & sendEndMarkers) !== 0) this.#options.left(before)
  }

  #freeTeid(session: UpfSession, teid: number): void {
    this.#options.teids.free(teid)
    for (const [id, chosen] of session.chosen) if (chosen === teid) session.chosen.delete(id)
  }

  #giveBack(session: UpfSession): void {
    for (const teid of [...session.pdrs.values(), ...session.endpoints.values(), ...session.chosen.values()])
      if (teid !== null && this.#options.teids.holderOf(teid)?.session === session) this.#options.teids.free(teid)
    if (session.ueIndex !== null) this.#options.ues?.free(session.ueIndex)
  }
}

function needed(elements: readonly PfcpElement[], type: number, count: 1 | 2 | 4): number {
  const found = numberOf(elements, type, count)
  if (found === null) throw new Refusal(cause.mandatoryMissing, type)
  return found
}

/** The last rule that makes an outer header: these sessions have one for the downlink. */
function setDownlink(session: UpfSession): void {
  session.downlink = null
  for (const downlink of session.fars.values()) if (downlink !== null) session.downlink = downlink
}
