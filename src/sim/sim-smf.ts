// A simulated SMF with its gNBs: opens an association to a user plane, makes sessions at a rate, holds, changes and
// ends them, sends their packets, and says what is wrong with the answers.

import { shortAddressBytes } from '../wire/ip.ts'
import { textOf, UePrefix } from './addresses.ts'
import { Gnbs } from './gnb.ts'
import { Jobs } from './jobs.ts'
import { Pace } from './pace.ts'
import {
  cause,
  element,
  elementsOf,
  message,
  nodeIdElement,
  ntpSeconds,
  number32,
  number8,
  numberOf,
  pfcpPort,
} from './pfcp.ts'
import { PfcpNode } from './pfcp-node.ts'
import { Problems } from './problems.ts'
import { SmfAnswers } from './smf-answers.ts'
import { checkCause, nodeOf } from './smf-checks.ts'
import { SessionRules } from './smf-rules.ts'
import type { LocalNetwork } from './smf-rules.ts'
import { SmfSessions } from './smf-sessions.ts'
import { leastPacketBytes } from './user-packet.ts'
import type { PfcpMessage } from '../protocols/pfcp/index.ts'
import type { TrafficReport } from './gnb.ts'
import type { JobOptions } from './jobs.ts'
import type { PfcpCounts } from './pfcp-node.ts'
import type { Problem } from './problems.ts'
import type { RequestTimes } from './requests.ts'
import type { ReportCounts } from './smf-answers.ts'
import type { TunnelChoice } from './choices.ts'
import type { Durations, SessionCounts } from './smf-sessions.ts'
import type { Place, Surroundings } from '../sockets/surroundings.ts'

export interface SmfOptions extends RequestTimes {
  /** its own address for PFCP */
  readonly address: string
  /** the user plane, or the balancer before many */
  readonly peer: string
  /** of gNBs: at least one, of one family */
  readonly gnbs: readonly string[]
  readonly tunnel: TunnelChoice
  /** what F-TEIDs are to have; null: any address. Needed where the SMF chooses them. */
  readonly n3: string | null
  /** UE addresses are of this prefix; `null` where the user plane chooses them. */
  readonly uePrefix: string | null
  /** the family of UE addresses that the user plane chooses */
  readonly ueFamily: 4 | 6
  readonly dnn: string
  readonly slice: string | null
  readonly qfi: number
  /** what its rules send to a local network (uplink classifier); null: nothing. Not with tunnels of kind `choose` */
  readonly local: LocalNetwork | null
  /** of the IP packets that UEs send */
  readonly packetBytes: number
  readonly heartbeatMs: number
}

export interface SmfReport {
  readonly role: 'smf'
  /** null: there is no association */
  readonly peerNode: string | null
  /** how often the peer's recovery time stamp has changed */
  readonly peerRestarts: number
  readonly sessions: SessionCounts
  /** requests without an answer yet */
  readonly outstanding: number
  readonly took: Durations
  /** session reports of the user plane */
  readonly reports: ReportCounts
  /** sessions that are up by the address of their tunnel */
  readonly tunnelsAt: Readonly<Record<string, number>>
  readonly traffic: TrafficReport
  readonly pfcp: PfcpCounts
  readonly problems: readonly Problem[]
}

/** Where UEs send their packets: an address for documentation of each family. */
const servers = { 4: '192.0.2.1', 6: '2001:db8:ffff::1' } as const
const tickMs = 2
const seidBits = 32n

export class SimSmf {
  readonly #surroundings: Surroundings
  readonly #peer: Place
  readonly #problems = new Problems()
  readonly #jobs: Jobs
  readonly #node: PfcpNode
  readonly #gnbs: Gnbs
  readonly #sessions: SmfSessions
  readonly #answers: SmfAnswers
  readonly #ownNode: Uint8Array
  readonly #timers: (() => void)[] = []
  #peerNode: string | null = null
  #peerRecovery: number | null = null
  #peerRestarts = 0
  #traffic: Pace | null = null

  /** Opens its sockets. Throws RangeError for options that cannot stand together, and what the kernel throws. */
  constructor(options: SmfOptions, surroundings: Surroundings) {
    const { address, gnbs, n3, uePrefix } = options
    const [gnb] = gnbs
    if (gnb === undefined) throw new RangeError('there is no gNB')
    if (options.tunnel === 'smf' && n3 === null) throw new RangeError('where the SMF chooses tunnels, it must know n3')
    if (options.packetBytes < leastPacketBytes)
      throw new RangeError(`packets of UEs have at least ${leastPacketBytes} bytes`)
    sameFamily([address, options.peer])
    sameFamily(n3 === null ? gnbs : [n3, ...gnbs])
    this.#surroundings = surroundings
    this.#peer = { address: textOf(shortAddressBytes(options.peer)), port: pfcpPort }
    const ues = uePrefix === null ? null : new UePrefix(uePrefix)
    const isIpv6 = ues?.isIpv6 ?? options.ueFamily === 6
    const node = shortAddressBytes(address)
    this.#ownNode = node
    const rules = new SessionRules({ ...options, node, n3: shortAddressBytes(n3 ?? gnb), isIpv6 })
    this.#jobs = new Jobs(() => surroundings.nowMs())
    const recoveryTimeStamp = ntpSeconds(surroundings.wallSeconds())
    this.#answers = new SmfAnswers({
      node,
      recoveryTimeStamp,
      upSeidOf: (cpSeid) => this.#sessions.upSeidOf(cpSeid),
      deleted: (cpSeid) => this.#sessions.forgetDeleted(cpSeid),
      peerRestarted: (recovery) => this.#noteRecovery(recovery),
    })
    const server = shortAddressBytes(servers[isIpv6 ? 6 : 4])
    this.#gnbs = new Gnbs({ ...options, surroundings, addresses: gnbs, server })
    try {
      this.#node = new PfcpNode({
        address,
        surroundings,
        recoveryTimeStamp,
        times: options,
        answer: (request, elements) => this.#answers.to(request, elements),
      })
    } catch (error) {
      this.#gnbs.close()
      throw error
    }
    this.#sessions = new SmfSessions({
      node: this.#node,
      peer: this.#peer,
      peerNode: () => this.#peerNode,
      rules,
      gnbs: this.#gnbs,
      jobs: this.#jobs,
      problems: this.#problems,
      ues,
      tunnelAddress: n3 === null ? null : textOf(shortAddressBytes(n3)),
      firstSeid: (BigInt(recoveryTimeStamp) << seidBits) + 1n,
    })
    this.#timers.push(
      surroundings.every(tickMs, () => this.#tick()),
      surroundings.every(options.heartbeatMs, () => this.#beat()),
    )
  }

  /** Sets up the association. Rejects when there is no answer, or it is a refusal. */
  associate(): Promise<void> {
    const elements = [
      nodeIdElement(this.#ownNode),
      number32(element.recoveryTimeStamp, this.#node.recoveryTimeStamp),
      number8(element.cpFunctionFeatures, 0),
    ]
    const type = message.associationSetupRequest
    return new Promise((resolve, reject) => {
      this.#node.ask(this.#peer, { type, seid: null, elements }, (answer) => {
        const refusal = this.#takeAssociation(answer)
        if (refusal === null) resolve()
        else reject(new Error(`no association with ${this.#peer.address}: ${refusal}`))
      })
    })
  }

  /** Establishes so many sessions; resolves with how many requests have ended, well or not. */
  establish(count: number, options: JobOptions): Promise<number> {
    return this.#sessions.establish(count, options)
  }

  /** Each session's downlink goes to the next gNB, or to another tunnel of the only one. */
  modify(options: JobOptions): Promise<number> {
    return this.#sessions.modify(options)
  }

  /** Deletes the oldest sessions: all of them, if no number is said. */
  remove(options: JobOptions, count = Infinity): Promise<number> {
    return this.#sessions.remove(options, count)
  }

  /** Packets a second, of all sessions in turn; 0: none. */
  send(perSecond: number): void {
    this.#traffic = perSecond === 0 ? null : new Pace(perSecond, this.#surroundings.nowMs())
  }

  /** Begins nothing more: what is under way comes to its end. */
  cancel(): void {
    this.#jobs.cancel()
  }

  /** Releases the association; resolves when that was answered, or given up. */
  release(): Promise<void> {
    const elements = [nodeIdElement(this.#ownNode)]
    const type = message.associationReleaseRequest
    return new Promise((resolve) => {
      this.#node.ask(this.#peer, { type, seid: null, elements }, (answer) => {
        if (answer === null) this.#problems.add('no answer to Association Release Request', '')
        else
          checkCause(elementsOf(answer), (what, detail) => this.#problems.add(`Association Release: ${what}`, detail))
        this.#peerNode = null
        resolve()
      })
    })
  }

  report(): SmfReport {
    return {
      role: 'smf',
      peerNode: this.#peerNode,
      peerRestarts: this.#peerRestarts,
      sessions: this.#sessions.counts(),
      outstanding: this.#node.outstanding,
      took: this.#sessions.durations(),
      reports: this.#answers.counts(),
      tunnelsAt: this.#sessions.tunnelsAt(),
      traffic: this.#gnbs.report(),
      pfcp: this.#node.counts(),
      problems: this.#problems.list(),
    }
  }

  /** Closes the sockets, without a word to the peer. */
  stop(): void {
    for (const stop of this.#timers.splice(0)) stop()
    this.#jobs.cancel()
    this.#node.close()
    this.#gnbs.close()
  }

  #tick(): void {
    this.#node.tick()
    this.#jobs.tick()
    if (this.#traffic === null) return
    const due = this.#traffic.due(this.#surroundings.nowMs())
    if (due > 0) this.#traffic.take(this.#gnbs.sendNext(due))
  }

  #beat(): void {
    if (this.#peerNode === null) return
    this.#node.heartbeat(this.#peer, (recovery) => {
      if (recovery === null) this.#problems.add('no answer to Heartbeat Request', this.#peer.address)
      else this.#noteRecovery(recovery)
    })
  }

  #noteRecovery(recovery: number): void {
    if (this.#peerRecovery !== null && this.#peerRecovery !== recovery) this.#peerRestarts++
    this.#peerRecovery = recovery
  }

  /** Null: there is one now. */
  #takeAssociation(answer: PfcpMessage | null): string | null {
    if (answer === null) return 'no answer'
    const elements = elementsOf(answer)
    const found = numberOf(elements, element.cause, 1)
    if (found !== cause.accepted) return found === null ? 'an answer without a Cause' : `refused with cause ${found}`
    const recovery = numberOf(elements, element.recoveryTimeStamp, 4)
    const node = nodeOf(elements)
    if (node === null) return 'an answer without a Node ID'
    if (recovery === null) this.#problems.add('Association Setup: no Recovery Time Stamp', '')
    else this.#noteRecovery(recovery)
    this.#peerNode = node
    return null
  }
}

/** Throws RangeError unless they are. */
function sameFamily(addresses: readonly string[]): void {
  const [first = '', ...others] = addresses
  const other = others.find((address) => address.includes(':') !== first.includes(':'))
  if (other !== undefined) throw new RangeError(`${first} and ${other} are not of one family`)
}
