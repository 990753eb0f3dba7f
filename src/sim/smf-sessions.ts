// The sessions of a simulated SMF: each procedure from its request to what is wrong with its answer.

import { DecodeError } from '../wire/decode-error.ts'
import { gtpuPort } from './gtpu.ts'
import { Latencies } from './latencies.ts'
import { elementsOf, message } from './pfcp.ts'
import { checkCause, checkEstablished } from './smf-checks.ts'
import type { PfcpElement, PfcpMessage } from '../protocols/pfcp/index.ts'
import type { UePrefix } from './addresses.ts'
import type { Bearer, Gnbs } from './gnb.ts'
import type { JobOptions, Jobs } from './jobs.ts'
import type { LatencySummary } from './latencies.ts'
import type { PfcpNode } from './pfcp-node.ts'
import type { Problems } from './problems.ts'
import type { Complain, Established } from './smf-checks.ts'
import type { SessionRules } from './smf-rules.ts'
import type { Place } from '../sockets/surroundings.ts'

export interface SessionCounts {
  readonly up: number
  readonly established: number
  readonly modified: number
  readonly deleted: number
  /** that the user plane has deleted, and said so */
  readonly deletedByPeer: number
  /** that could not be established, modified or deleted */
  readonly failed: number
}

export interface Durations {
  readonly establishment: LatencySummary
  readonly modification: LatencySummary
  readonly deletion: LatencySummary
}

interface Session {
  readonly number: number
  readonly cpSeid: bigint
  readonly upSeid: bigint
  readonly bearer: Bearer
}

export interface SmfSessionsOptions {
  readonly node: PfcpNode
  readonly peer: Place
  /** the Node ID of the peer, once it has told it */
  readonly peerNode: () => string | null
  readonly rules: SessionRules
  readonly gnbs: Gnbs
  readonly jobs: Jobs
  readonly problems: Problems
  /** null: the user plane gives UEs their addresses */
  readonly ues: UePrefix | null
  /** what F-TEIDs are to have; null: any address */
  readonly tunnelAddress: string | null
  /** SEIDs are this one and what follows it */
  readonly firstSeid: bigint
}

export class SmfSessions {
  readonly #options: SmfSessionsOptions
  readonly #sessions = new Map<bigint, Session>()
  readonly #upSeids = new Set<bigint>()
  readonly #tunnels = new Map<string, { readonly place: Place; readonly teids: Set<number> }>()
  readonly #took = { establishment: new Latencies(), modification: new Latencies(), deletion: new Latencies() }
  readonly #counts = { established: 0, modified: 0, deleted: 0, deletedByPeer: 0, failed: 0 }
  #lastNumber = 0

  constructor(options: SmfSessionsOptions) {
    this.#options = options
  }

  counts(): SessionCounts {
    return { up: this.#sessions.size, ...this.#counts }
  }

  durations(): Durations {
    const { deletion, establishment, modification } = this.#took
    return {
      establishment: establishment.summary(),
      modification: modification.summary(),
      deletion: deletion.summary(),
    }
  }

  /** Sessions that are up by the address of their tunnel. */
  tunnelsAt(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#tunnels].map(([address, { teids }]) => [address, teids.size]))
  }

  /** Null: there is no such session. */
  upSeidOf(cpSeid: bigint): bigint | null {
    return this.#sessions.get(cpSeid)?.upSeid ?? null
  }

  establish(count: number, options: JobOptions): Promise<number> {
    return this.#options.jobs.run(count, options, (ended) => this.#establish(ended))
  }

  modify(options: JobOptions): Promise<number> {
    return this.#each([...this.#sessions.values()], options, (session, ended) => this.#modify(session, ended))
  }

  /** The oldest ones. */
  remove(options: JobOptions, count: number): Promise<number> {
    const sessions = [...this.#sessions.values()].slice(0, count)
    return this.#each(sessions, options, (session, ended) => this.#delete(session, ended))
  }

  /** The user plane has deleted it. */
  forgetDeleted(cpSeid: bigint): void {
    const session = this.#sessions.get(cpSeid)
    if (session === undefined) return
    this.#counts.deletedByPeer++
    this.#forget(session)
  }

  #each(
    sessions: readonly Session[],
    options: JobOptions,
    begin: (session: Session, ended: () => void) => void,
  ): Promise<number> {
    let at = 0
    return this.#options.jobs.run(sessions.length, options, (ended) => begin(sessions[at++]!, ended))
  }

  #establish(ended: () => void): void {
    const number = ++this.#lastNumber
    const cpSeid = this.#options.firstSeid + BigInt(number)
    const gnb = number % this.#options.gnbs.addresses.length
    const gnbTeid = this.#options.gnbs.newTeid()
    const ue = this.#options.ues === null ? null : this.#options.ues.at((number - 1) % this.#options.ues.size)
    const parts = { number, cpSeid, ue, gnb: this.#options.gnbs.addresses[gnb]!, gnbTeid }
    const elements = this.#options.rules.establishment(parts)
    this.#options.node.ask(
      this.#options.peer,
      { type: message.sessionEstablishmentRequest, seid: 0n, elements },
      (answer, tookMs) => {
        const complain = this.#complainer('Session Establishment', number)
        const established = this.#read(answer, cpSeid, complain, (found) =>
          checkEstablished(
            found,
            {
              plan: this.#options.rules.plan,
              node: this.#options.peerNode() ?? '',
              sessionAddress: this.#options.peer.address,
              tunnelAddress: this.#options.tunnelAddress,
              ownTeid: number,
              wantsUeAddress: ue === null,
            },
            complain,
          ),
        )
        if (established === null) this.#counts.failed++
        else this.#begin(number, cpSeid, established, ue ?? established.ue, { gnb, gnbTeid }, complain)
        this.#took.establishment.add(tookMs)
        ended()
      },
    )
  }

  #begin(
    number: number,
    cpSeid: bigint,
    { tunnel, upSeid }: Established,
    ue: Uint8Array | null,
    downlink: Pick<Bearer, 'gnb' | 'gnbTeid'>,
    complain: Complain,
  ): void {
    if (this.#upSeids.has(upSeid)) complain('an F-SEID that another session has', `${upSeid}`)
    this.#upSeids.add(upSeid)
    const { place, teids } = this.#tunnelsAt(tunnel.address)
    if (teids.has(tunnel.teid)) complain('an F-TEID that another session has', `${tunnel.address} ${tunnel.teid}`)
    teids.add(tunnel.teid)
    this.#counts.established++
    const bearer: Bearer = {
      session: number,
      ue: ue ?? (this.#options.rules.plan.isIpv6 ? new Uint8Array(16) : new Uint8Array(4)),
      core: place,
      coreTeid: tunnel.teid,
      ...downlink,
      oldTeid: null,
      sent: 0,
      answered: 0,
      upf: 0,
      answeredMs: 0,
      index: 0,
      pdu: null,
      mark: 0,
    }
    this.#options.gnbs.attach(bearer)
    this.#sessions.set(cpSeid, { number, cpSeid, upSeid, bearer })
  }

  #tunnelsAt(address: string): { readonly place: Place; readonly teids: Set<number> } {
    let found = this.#tunnels.get(address)
    if (found === undefined) {
      found = { place: { address, port: gtpuPort }, teids: new Set() }
      this.#tunnels.set(address, found)
    }
    return found
  }

  #modify(session: Session, ended: () => void): void {
    const { bearer, cpSeid, number, upSeid } = session
    const gnb = (bearer.gnb + 1) % this.#options.gnbs.addresses.length
    const gnbTeid = this.#options.gnbs.newTeid()
    const gnbAddress = this.#options.gnbs.addresses[gnb]!
    const elements = this.#options.rules.handOver(gnbAddress, gnbTeid)
    // Packets may come there before the answer does.
    this.#options.gnbs.handOver(bearer, gnb, gnbTeid)
    const type = message.sessionModificationRequest
    this.#options.node.ask(this.#options.peer, { type, seid: upSeid, elements }, (answer, tookMs) => {
      const complain = this.#complainer('Session Modification', number)
      const accepted = this.#read(answer, cpSeid, complain, () => true)
      if (accepted === null) this.#counts.failed++
      else this.#counts.modified++
      this.#took.modification.add(tookMs)
      ended()
    })
  }

  #delete(session: Session, ended: () => void): void {
    const { cpSeid, number, upSeid } = session
    const type = message.sessionDeletionRequest
    this.#options.node.ask(this.#options.peer, { type, seid: upSeid, elements: [] }, (answer, tookMs) => {
      const complain = this.#complainer('Session Deletion', number)
      const accepted = this.#read(answer, cpSeid, complain, () => true)
      if (accepted === null) this.#counts.failed++
      else this.#counts.deleted++
      this.#forget(session)
      this.#took.deletion.add(tookMs)
      ended()
    })
  }

  /** What is read of an answer that is about this session and accepts; else null, and a complaint. */
  #read<T>(
    answer: PfcpMessage | null,
    cpSeid: bigint,
    complain: Complain,
    read: (elements: readonly PfcpElement[]) => T | null,
  ): T | null {
    if (answer === null) {
      complain('no answer', '')
      return null
    }
    try {
      const elements = elementsOf(answer)
      if (answer.seid !== cpSeid) complain('wrong SEID', `${answer.seid} in the place of ${cpSeid}`)
      return checkCause(elements, complain) ? read(elements) : null
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      complain('cannot be read', error.message)
      return null
    }
  }

  #complainer(request: string, session: number): Complain {
    return (what, detail) =>
      this.#options.problems.add(`${request}: ${what}`, `session ${session}${detail && `: ${detail}`}`)
  }

  #forget(session: Session): void {
    if (!this.#sessions.delete(session.cpSeid)) return
    this.#upSeids.delete(session.upSeid)
    this.#options.gnbs.detach(session.bearer)
    const { core, coreTeid } = session.bearer
    this.#tunnels.get(core.address)?.teids.delete(coreTeid)
  }
}
